"""Print names of studies that are made from sets, whose order is another in each process."""

import dataclasses
import functools

from hyperbridge import hp, read_space
from hyperbridge.search.optuna.naming import code_of, default_name


@dataclasses.dataclass
class Options:
    names: set[str]


def fn(point, *args):
    return 0.0


letters = {"a", "b", "zebra", "q"}
options = [letters, frozenset(letters), Options(letters), {frozenset(letters): 1}, object(), fn]
space = read_space({"o": hp.choice("o", options), "x": hp.uniform("x", 0, 1)})
print(default_name(fn, space), default_name(functools.partial(fn, *options), space))
print(code_of(lambda x: x in {"a", "b", "zebra", "q"}))
