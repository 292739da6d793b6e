"""A space read from source and the same space read live are the same nodes, and draw the same."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from golden_cases import CASES, before
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hyperbridge.migrate.module import Module
from hyperbridge.migrate.search import find_searches
from hyperbridge.migrate.sources import source_of
from hyperbridge.migrate.space_source import read_space_source
from hyperbridge.space import Space
from hyperbridge.space.nodes import (
    Call,
    Choice,
    ComputedDistribution,
    Constant,
    DictNode,
    Node,
    Parameter,
    SequenceNode,
    iterate,
)
from hyperbridge.translate.source_text import SourceExpression
from hyperbridge.translate.to_source import optuna_code

pytest.importorskip("hyperopt")

HEAD = """\
import math
import numpy as np
from hyperopt import hp
from hyperopt.pyll import scope
LOW, N = -1.5, 4
KINDS = ["a", "b", None]
shared = hp.uniform("shared", LOW0, 1)
""".replace("LOW, N = -1.5, 4", "LOW0 = -1.5\nN = 4")


def from_source(text: str) -> Any:
    module = Module(source_of(Path("space.py"), text.encode()))
    return read_space_source(module, module.tree.body[-1].value)  # type: ignore[attr-defined]


def from_live(text: str) -> Space:
    from hyperbridge.translate.from_hyperopt import read_space

    namespace: dict[str, Any] = {}
    exec(text, namespace)
    return read_space(namespace["space"])


def same(left: Node, right: Node) -> bool:
    """Tell whether two trees are equal, in their values' types too."""
    if type(left) is not type(right):
        return False
    if isinstance(left, Constant):
        return type(left.value) is type(right.value) and repr(left.value) == repr(right.value)
    if isinstance(left, Parameter):
        if left.label != right.label or type(left.distribution) is not type(right.distribution):
            return False
        if isinstance(left.distribution, ComputedDistribution):
            pairs = zip(left.distribution.arguments, right.distribution.arguments, strict=True)
            return left.distribution.kind == right.distribution.kind and all(
                one[0] == two[0] and same(one[1], two[1]) for one, two in pairs
            )
        return left.distribution == right.distribution
    if isinstance(left, DictNode) and left.keys != right.keys:
        return False
    if isinstance(left, SequenceNode) and left.written_as != right.written_as:
        return False
    if isinstance(left, Call) and (left.name, left.is_standard) != (right.name, right.is_standard):
        return False
    ours, theirs = left.children(), right.children()
    return len(ours) == len(theirs) and all(map(same, ours, theirs))


@st.composite
def space_texts(draw: Any) -> str:
    count = 0

    def label() -> str:
        nonlocal count
        count += 1
        return f'"p{count}"'

    def number(low: float, high: float) -> str:
        value = draw(st.floats(low, high).map(lambda x: round(x, 2)))
        return draw(st.sampled_from([repr(value), f"{value} + 0", f"float({value})"]))

    def parameter() -> str:
        kinds = ["uniform", "loguniform", "quniform", "qloguniform", "normal", "lognormal"]
        kind = draw(
            st.sampled_from([*kinds, "qnormal", "qlognormal", "randint", "randint2", "int"])
        )
        if kind == "randint":
            return f"hp.randint({label()}, {draw(st.sampled_from(['5', 'N', 'N + 2']))})"
        if kind == "randint2":
            return f"hp.randint({label()}, 2, high=N + 3)"
        if kind == "int":
            return f"hp.uniformint({label()}, 1, 6)"
        step = ", 0.5" if kind.startswith("q") else ""
        if kind.endswith("normal"):
            return f"hp.{kind}({label()}, {number(-2, 2)}, {number(0.1, 2)}{step})"
        if kind == "loguniform" and draw(st.booleans()):
            return f"hp.loguniform({label()}, np.log(1e-4), math.log(0.5))"
        step = step and f", q={draw(st.sampled_from(['1', '0.25', '2']))}"
        return f"hp.{kind}({label()}, LOW0, {number(0, 3)}{step})"

    def constant() -> str:
        return draw(
            st.sampled_from(
                [
                    "1",
                    "None",
                    "-2.5",
                    '"text"',
                    "KINDS",
                    "[1, (2, 3)]",
                    "{}",
                    "N * 2",
                    "range(3)",
                    "np.arange(3)[1]",
                    "{'z': 1, 'a': [N]}",
                    "True",
                    "tuple(KINDS)",
                ]
            )
        )

    def part(depth: int) -> str:
        kinds = ["constant", "parameter", "parameter", "arithmetic", "shared"]
        kinds += ["dict", "list", "tuple", "choice", "pchoice", "named"] if depth else []
        kind = draw(st.sampled_from(kinds))
        if kind == "constant":
            return constant()
        if kind == "parameter":
            return parameter()
        if kind == "shared":
            return "shared"
        if kind == "arithmetic":
            shape = draw(
                st.sampled_from(
                    [
                        "scope.int({})",
                        "2 * {} + 1",
                        "-{}",
                        "scope.exp({})",
                        "{} ** 2",
                        "scope.minimum({}, 0.5)",
                        "1 / (3 + {})",
                    ]
                )
            )
            return shape.format(parameter())
        if kind == "named":
            options = ["KINDS", "range(2, 9)", "np.arange(1, 4)", "list(range(3))"]
            return f"hp.choice({label()}, {draw(st.sampled_from(options))})"
        parts = [part(depth - 1) for _ in range(draw(st.integers(1, 3)))]
        if kind == "dict":
            names = draw(st.permutations(["C", "b", "a_1"]))
            return "{" + ", ".join(f'"{n}": {p}' for n, p in zip(names, parts)) + "}"
        if kind == "list":
            return f"[{', '.join(parts)}]"
        if kind == "tuple":
            return f"({', '.join(parts)},)"
        if kind == "choice":
            return f"hp.choice({label()}, [{', '.join(parts)}])"
        weights = [f"{1 / len(parts)!r}"] * len(parts)
        pairs = ", ".join(f"({w}, {p})" for w, p in zip(weights, parts))
        return f"hp.pchoice({label()}, [{pairs}])"

    body = part(3)
    return f'{HEAD}space = {{"root": {body}, "always": {parameter()}}}\n'


many = settings(
    max_examples=120, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck)
)


@many
@given(text=space_texts())
def test_source_and_live_space_give_the_same_nodes(text: str) -> None:
    assert same(from_source(text).root, from_live(text).root), text


def test_different_spaces_give_different_nodes() -> None:
    one = from_source(HEAD + 'space = {"a": hp.uniform("x", 0, 1)}')
    two = from_source(HEAD + 'space = {"a": hp.uniform("x", 0, 2)}')
    assert not same(one.root, two.root)


def leaves(value: Any, path: str = "") -> dict[str, Any]:
    """Flatten a point into its plain values by their place."""
    if isinstance(value, dict):
        pairs = [(f"{path}.{key}", part) for key, part in value.items()]
    elif isinstance(value, tuple | list):
        pairs = [(f"{path}.{len(value)}.{i}", part) for i, part in enumerate(value)]
    else:
        return {path: value}
    found: dict[str, Any] = {}
    for name, part in pairs:
        found.update(leaves(part, name))
    return found


def support(points: list[Any]) -> dict[str, list[Any]]:
    found: dict[str, list[Any]] = {}
    for point in points:
        for name, value in leaves(point).items():
            found.setdefault(name, []).append(value)
    return found


def assert_same_support(root: Node, texts: Any, namespace: dict[str, Any], n: int = 400) -> None:
    optuna = pytest.importorskip("optuna")
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    exec(optuna_code(root, texts=texts).program("suggest"), namespace)
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
    ours = support([namespace["suggest"](study.ask()) for _ in range(n)])
    rng = np.random.default_rng(0)
    space = Space(root)
    theirs = support([space.draw(rng)[0] for _ in range(n)])

    assert set(ours) == set(theirs)
    unbounded = any("ormal" in type(p.distribution).__name__ for p in space.parameters.values())
    for name, values in theirs.items():
        kinds = {type(value) for value in values} | {type(value) for value in ours[name]}
        is_number = {int, np.int64, float, np.float64}
        texts_of = [
            {repr(v) for v in side if type(v) not in is_number} for side in (ours[name], values)
        ]
        assert texts_of[0] == texts_of[1], name
        assert len(kinds & {int, np.int64}) == 0 or len(kinds & {float, np.float64}) == 0, name
        values = [v for v in values if type(v) in is_number]
        drawn = [v for v in ours[name] if type(v) in is_number]
        if not values:
            continue
        assert all(math.isfinite(value) for value in drawn)
        if unbounded:
            continue
        low, high = min(values), max(values)
        slack = 0.1 * (high - low) + 1e-9
        assert low - slack <= min(drawn), name
        assert max(drawn) <= high + slack, name
        if len(set(values)) < 30 and len(values) > 100:
            assert {round(v, 9) for v in drawn} == {round(v, 9) for v in values}, name


@pytest.mark.parametrize("case", CASES)
def test_the_written_function_draws_from_the_same_support(case: str) -> None:
    module = Module(source_of(Path("before.py"), before(case).encode()))
    search = find_searches(module)[0]
    space = read_space_source(module, search.arguments["space"])
    if any(
        isinstance(p, Parameter) and isinstance(p.distribution, ComputedDistribution)
        for p in iterate(space.root)
    ):
        pytest.skip("its ends are known only when the program runs")
    classes = [
        n
        for n in iterate(space.root)
        if isinstance(n, Constant) and isinstance(n.value, SourceExpression)
    ]
    if classes:
        pytest.skip("its options are objects of the program")
    namespace: dict[str, Any] = {
        "np": np,
        "KERNELS": ["rbf", "linear"],
        "LAYERS": ["small", "large"],
        "OPTIMIZERS": ["sgd", "adam"],
    }
    assert_same_support(space.root, space.texts, namespace)


def test_rounding_never_leaves_what_hyperopt_draws() -> None:
    for arguments in ("1, 10, 4", "1, 10, 2", "-3, 3, 2", "0.1, 0.9, 0.2", "2, 7.5, 3"):
        space = from_source(HEAD + f'space = [hp.quniform("q", {arguments})]')
        assert_same_support(space.root, space.texts, {"np": np}, n=600)


def test_choices_are_still_choices() -> None:
    space = from_source(HEAD + 'space = hp.choice("k", [True, 1, "x"])')
    assert isinstance(space.root, Choice)
    code = optuna_code(space.root, texts=space.texts)
    assert "[True, 1" not in "\n".join(code.body)  # Optuna takes True and 1 for one category
