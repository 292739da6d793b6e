"""Print the names of the studies of objectives of many kinds."""

import functools

from hyperbridge import hp, read_space
from hyperbridge.search.optuna.naming import code_of, default_name


class Model:
    def __init__(self, depth):
        self.depth = depth

    def __call__(self, p):
        return p in {"a", "b", "c"} or self.depth


def train(p, data, *, mode="fast"):
    return max(x in ("q", "r") for x in p)  # a comment


space = read_space({"x": hp.uniform("x", 0, 1), "o": hp.choice("o", [object(), "b"])})
objectives = (
    train,
    lambda p: {"s", "t"},
    Model(1),
    Model(2),
    functools.partial(train, data=object()),
    functools.partial(train, mode="slow"),
    Model(3).__call__,
)
print([default_name(fn, space) + code_of(fn) for fn in objectives])
