"""Random search spaces for property tests, and a comparison that is strict about types."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from hyperopt import hp, rand
from hyperopt.base import Domain, Trials
from hyperopt.pyll import as_apply, scope
from hypothesis import strategies as st


@scope.define
def hyperbridge_test_pair(first, second=0):
    return [first, {"second": second}]


@scope.define
def hyperbridge_test_expression(value):
    return as_apply({"doubled": value}) if isinstance(value, str) else as_apply(value) + value


def same(left: Any, right: Any) -> bool:
    """Tell whether two values are equal in value and type, at any depth."""
    if type(left) is not type(right):
        return False
    if isinstance(left, dict):
        return list(left) == list(right) and all(same(left[key], right[key]) for key in left)
    if isinstance(left, (list, tuple)):
        return len(left) == len(right) and all(map(same, left, right))
    if isinstance(left, np.ndarray):
        return left.dtype == right.dtype and np.array_equal(left, right)
    if isinstance(left, (float, np.floating)) and math.isnan(left):
        return math.isnan(right)
    return left is right or bool(left == right)


_numbers = st.floats(-5, 5).map(lambda x: round(x, 3))
_widths = st.floats(0.1, 5).map(lambda x: round(x, 3))
_steps = st.sampled_from([0.1, 0.25, 0.3, 1, 2, 3.0, np.float64(0.5)])
_as_given = st.sampled_from([float, np.float64, lambda x: x])

_constants = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-3, 3),
    st.sampled_from(["svm", "", b"raw", 1.0, float("nan"), math.inf, np.float32(2), np.int64(4)]),
    st.sampled_from([print, int, frozenset({1}), {1, 2}, np.arange(3), range(4), object()]),
    st.just([]).map(list),
    st.lists(st.integers(0, 9), max_size=3),
    st.tuples(st.integers(0, 9), st.sampled_from("ab")),
    st.dictionaries(st.sampled_from("pqr"), st.integers(0, 9), max_size=2),
    st.dictionaries(st.integers(0, 4), st.sampled_from("xyz"), max_size=2),
)


_TWO_ENDS = ("uniform", "loguniform")
_TWO_ENDS_AND_STEP = ("quniform", "qloguniform")
_GAUSSIAN = ("normal", "lognormal")
_GAUSSIAN_AND_STEP = ("qnormal", "qlognormal")


class _Labels:
    def __init__(self) -> None:
        self.count = 0

    def new(self) -> str:
        self.count += 1
        return f"{'zyxwvutsrqponmlkjihgfedcba'[self.count % 26]}{self.count}"


def _parameter(draw: Any, labels: _Labels) -> Any:
    """Return an hp expression of a random kind."""
    label = labels.new()
    cast = draw(_as_given)
    low = draw(_numbers)
    high = low + draw(_widths)
    q = draw(_steps)
    kind = draw(
        st.sampled_from(
            [*_TWO_ENDS, *_TWO_ENDS_AND_STEP, *_GAUSSIAN, *_GAUSSIAN_AND_STEP, "uniformint"]
            + ["randint", "randint_low", "raw_uniform", "raw_randint", "keywords"]
            + ["computed_uniform", "computed_normal"]
        )
    )
    if kind in _TWO_ENDS:
        return getattr(hp, kind)(label, cast(low), cast(high))
    if kind in _TWO_ENDS_AND_STEP:
        return getattr(hp, kind)(label, cast(low), cast(high), q)
    if kind in _GAUSSIAN:
        return getattr(hp, kind)(label, cast(low), cast(high - low))
    if kind in _GAUSSIAN_AND_STEP:
        return getattr(hp, kind)(label, cast(low), cast(high - low), q)
    if kind == "uniformint":
        return hp.uniformint(label, math.floor(low), math.ceil(high))
    if kind == "randint":
        return hp.randint(label, draw(st.integers(1, 6)))
    if kind == "randint_low":
        return hp.randint(label, math.floor(low), math.ceil(high) + 1)
    if kind == "raw_uniform":
        return scope.hyperopt_param(label, scope.uniform(low, high))
    if kind == "raw_randint":
        return scope.hyperopt_param(label, scope.randint(3))
    if kind == "keywords":
        return hp.quniform(label, high=high, low=low, q=q)
    inner = hp.uniform(labels.new(), 1, 2)
    if kind == "computed_uniform":
        return hp.uniform(label, 0, 3 * inner)
    return hp.normal(label, mu=inner, sigma=scope.exp(-1))


def _expression(draw: Any, labels: _Labels) -> Any:
    """Return a function of one or two parameters."""
    one = _parameter(draw, labels)
    two = _parameter(draw, labels)
    return draw(
        st.sampled_from(
            [
                lambda: scope.int(one),
                lambda: scope.float(scope.int(one)),
                lambda: one + 1,
                lambda: 2 * one - two,
                lambda: -one / 4,
                lambda: one // 2 + (one < two),
                lambda: scope.max(one, two),
                lambda: scope.minimum(one, 0.5),
                lambda: scope.exp(scope.minimum(one, 2)),
                lambda: scope.sqrt(one * one),
                lambda: scope.len([one, two]),
                lambda: scope.sum([one, 1]),
                lambda: as_apply([one, two, "end"])[1],
                lambda: as_apply({"k": one})["k"],
                lambda: scope.hyperbridge_test_pair(one, second=two),
                lambda: scope.hyperbridge_test_pair(first="a"),
                lambda: scope.hyperbridge_test_expression(one),
                lambda: scope.callpipe1([scope.partial("add", 3), scope.partial("sub", 1)], one),
                lambda: scope.call(round, (one, 1)),
                lambda: scope.call_method_pure("a-b", "split", "-"),
                lambda: scope.list((one, two)),
                lambda: scope.identity(one) >= two,
                lambda: scope.asarray([one, two]),
                lambda: as_apply(1) + 2,
            ]
        )
    )()


@st.composite
def spaces(draw: Any, depth: int = 3) -> Any:
    """Draw a hyperopt space nested at most ``depth`` deep, with shared expressions."""
    labels = _Labels()
    shared = [_parameter(draw, labels), _expression(draw, labels)]
    shared.append(hp.choice(labels.new(), [shared[0], "other", {"deep": shared[1]}]))
    shared.append(as_apply({"both": shared[0]}))

    def subspace(level: int) -> Any:
        leaves = ["constant", "parameter", "expression", "shared"]
        branches = ["choice", "pchoice", "dict", "list", "tuple", "int_dict", "switch"]
        kinds = [leaves, leaves + branches, branches, branches][min(level, 3)]
        kind = draw(st.sampled_from(kinds))
        if kind == "constant":
            return draw(_constants)
        if kind == "parameter":
            return _parameter(draw, labels)
        if kind == "expression":
            return _expression(draw, labels)
        if kind == "shared":
            return draw(st.sampled_from(shared))
        parts = [subspace(level - 1) for _ in range(draw(st.integers(1, 4)))]
        if kind == "choice":
            return hp.choice(labels.new(), parts)
        if kind == "pchoice":
            weights = draw(st.lists(st.integers(1, 5), min_size=len(parts), max_size=len(parts)))
            shares = [weight / sum(weights) for weight in weights]
            return hp.pchoice(labels.new(), list(zip(shares, parts, strict=True)))
        if kind == "dict":
            names = draw(st.permutations(["kernel", "C", "depth", "n"]))
            return dict(zip(names, parts, strict=False))
        if kind == "int_dict":
            return dict(zip([3, 1, 2, 4], parts, strict=False))
        if kind == "list":
            return parts
        if kind == "tuple":
            return tuple(parts)
        index = hp.randint(labels.new(), len(parts))
        if draw(st.booleans()):
            return scope.switch(index, *parts)
        return scope.switch((index + 1) - 1, *parts)

    root = subspace(depth)
    if draw(st.booleans()):
        return {"a": root, "b": shared[2]}
    return root


def suggest_at_random(space: Any, seed: int, n: int = 1) -> list[dict[str, Any]]:
    """Return what hyperopt's random search proposes: values by label, reached labels only."""
    domain = Domain(lambda point: 0.0, space)
    documents = rand.suggest(list(range(n)), domain, Trials(), seed)
    return [
        {label: vals[0] for label, vals in document["misc"]["vals"].items() if vals}
        for document in documents
    ]
