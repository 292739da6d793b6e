"""Sources of spaces, as people write them and as nobody would, and a trial with fixed answers."""

from __future__ import annotations

import math
import random
from typing import Any

from hypothesis import strategies as st

ODD = [
    "it's",
    '"x"',
    "{curly}",
    "two\nlines",
    "größe.m²",
    "a b",
    "%s",
    "\\n",
    "#",
    "lr",
    "'''",
    "x",
]
CONSTANTS = [None, True, False, 0, 3, -1.5, "relu", "it's", 'say "{}"', "two\nlines", "日本"]

LABEL = "<label>"
"""Stands for a label, which is given when the whole source is known: each of them once."""


def number(low: int, high: int) -> st.SearchStrategy[Any]:
    tenths = st.integers(low * 10, high * 10).map(lambda n: n / 10)
    return st.one_of(st.integers(low, high), tenths)


@st.composite
def continuous(draw: st.DrawFn) -> str:
    kind = draw(st.sampled_from(["uniform", "loguniform", "normal", "lognormal"]))
    if kind in ("normal", "lognormal"):
        sigma = draw(st.sampled_from([0.25, 0.5, 1]))
        return f"hp.{kind}({LABEL}, {draw(number(-2, 2))!r}, {sigma!r})"
    low = draw(number(-5, 3))
    return f"hp.{kind}({LABEL}, {low!r}, {low + draw(st.sampled_from([0.5, 1, 2, 4]))!r})"


@st.composite
def stepped(draw: st.DrawFn) -> str:
    kind = draw(st.sampled_from(["quniform", "qloguniform", "qnormal", "qlognormal"]))
    q = draw(st.sampled_from([0.25, 0.5, 1, 2, 3]))
    if kind in ("qnormal", "qlognormal"):
        return f"hp.{kind}({LABEL}, {draw(number(-2, 2))!r}, 1, {q!r})"
    low = draw(number(-5, 3) if kind == "quniform" else number(0, 2))
    high = low + draw(st.sampled_from([1, 2, 4, 7.5] if kind == "quniform" else [1, 2]))
    return f"hp.{kind}({LABEL}, {low!r}, {high!r}, {q!r})"


@st.composite
def whole(draw: st.DrawFn) -> str:
    kind = draw(st.sampled_from(["randint", "range", "uniformint", "int"]))
    low, size = draw(st.integers(-5, 5)), draw(st.integers(1, 9))
    if kind == "randint":
        return f"hp.randint({LABEL}, {size})"
    if kind == "range":
        return f"hp.randint({LABEL}, {low}, {low + size})"
    if kind == "uniformint":
        return f"hp.uniformint({LABEL}, {low}, {low + size})"
    return f"scope.int(hp.quniform({LABEL}, {low}, {low + size}, 1))"


numbers = st.one_of(continuous(), stepped(), whole())


@st.composite
def computed(draw: st.DrawFn) -> str:
    one, other = draw(numbers), draw(st.one_of(numbers, st.sampled_from(["2", "0.5", "10"])))
    forms = [
        "{0} + {1}", "{0} * {1}", "({0}) - ({1})", "-{0}", "({0}) / 4",
        "2 ** {0}", "scope.int({0})", "scope.max({0}, {1})",
        "scope.minimum({0} * 1.0, {1} * 1.0)",
        "[{0}, 2][0]",
    ]  # fmt: skip
    return draw(st.sampled_from(forms)).format(f"({one})", f"({other})")


constants = st.sampled_from(CONSTANTS).map(repr)


@st.composite
def plain_choice(draw: st.DrawFn) -> str:
    kind = draw(st.sampled_from(["list", "tuple", "range", "lists", "odds"]))
    if kind == "range":
        return f"hp.choice({LABEL}, range({draw(st.integers(1, 5))}, 9, 2))"
    if kind == "lists":
        size = draw(st.integers(1, 3))
        return f"hp.choice({LABEL}, {[[i, str(i)] for i in range(size)]!r})"
    options = draw(st.lists(constants, min_size=1, max_size=4))
    if kind == "odds":
        pairs = ", ".join(f"({1 / len(options)!r}, {o})" for o in options)
        return f"hp.pchoice({LABEL}, [{pairs}])"
    text = ", ".join(options)
    return f"hp.choice({LABEL}, [{text}])" if kind == "list" else f"hp.choice({LABEL}, ({text},))"


def _wider(parts: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    some = st.lists(parts, min_size=1, max_size=4)
    keys = st.lists(st.sampled_from(ODD), min_size=4, max_size=4, unique=True)
    dicts = st.tuples(keys, some).map(
        lambda t: "{" + ", ".join(f"{k!r}: {v}" for k, v in zip(*t, strict=False)) + "}"
    )
    longer = some.map(
        lambda t: "{\n" + "".join(f"    'key_{i}': {v},\n" for i, v in enumerate(t)) + "}"
    )
    lists = some.map(lambda t: f"[{', '.join(t)}]")
    tuples = some.map(lambda t: f"({', '.join(t)},)")
    choices = some.map(lambda t: f"hp.choice({LABEL}, [{', '.join(t)}])")
    odds = some.map(
        lambda t: f"hp.pchoice({LABEL}, [{', '.join(f'({1 / len(t)!r}, {v})' for v in t)}])"
    )
    return st.one_of(dicts, longer, lists, tuples, choices, odds)


leaves = st.one_of(numbers, computed(), plain_choice(), constants)


def _asks(text: str) -> bool:
    """Tell whether a source asks for something, and makes nothing that its own end throws away."""
    return LABEL in text and not text.endswith("][0]")


@st.composite
def space_source(draw: st.DrawFn) -> str:
    """Draw the source of a space that asks for something; its labels are all different."""
    text = draw(st.recursive(leaves, _wider, max_leaves=8).filter(_asks))
    odd = draw(st.lists(st.sampled_from(ODD), min_size=1, max_size=4))
    number = 0
    while LABEL in text:
        label = f"{odd[number % len(odd)]}{number}" if number % 2 else f"p{number}"
        text = text.replace(LABEL, repr(label), 1)
        number += 1
    return text


class FixedAnswers:
    """A trial that answers at random, often with an end of a range, and notes its answers."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.params: dict[str, Any] = {}
        self.assignment: dict[str, Any] = {}
        self.user_attrs: dict[str, Any] = {}

    def _known(self, name: str) -> bool:
        return name in self.params

    def suggest_float(
        self, name: str, low: float, high: float, *, step: float | None = None, log: bool = False
    ) -> float:
        if not self._known(name):
            assert low <= high
            assert not (log and step)
            if step is not None:
                last = math.floor((high - low) / step + 1e-9)
                assert math.isclose(low + last * step, high, rel_tol=1e-9, abs_tol=1e-9)
                value = low + self.random.choice([0, last, self.random.randint(0, last)]) * step
            else:
                value = self.random.choice([low, high, self.random.uniform(low, high)])
                if (low, high) == (1e-9, 1 - 1e-9):  # a quantile
                    value = self.random.uniform(0.01, 0.99)
            self.params[name] = self.assignment[name] = float(value)
        return self.params[name]

    def suggest_int(
        self, name: str, low: int, high: int, *, step: int = 1, log: bool = False
    ) -> int:
        if not self._known(name):
            assert low <= high
            assert (low, high) == (int(low), int(high))
            value = self.random.choice([low, high, self.random.randrange(low, high + 1, step)])
            self.params[name] = self.assignment[name] = value
        return self.params[name]

    def suggest_categorical(self, name: str, choices: Any) -> Any:
        choices = list(choices)
        if not self._known(name):
            self.assignment[name] = self.random.randrange(len(choices))
            self.params[name] = choices[self.assignment[name]]
        return self.params[name]

    def set_user_attr(self, name: str, value: Any) -> None:
        self.user_attrs[name] = value
        if name.endswith(":value"):
            self.assignment[name.removesuffix(":value")] = value


def difference(old: Any, new: Any, place: str = "point") -> str | None:
    """Return where two points differ in value or type; numpy's numbers count as Python's."""
    old, new = (v.item() if hasattr(v, "item") else v for v in (old, new))
    if isinstance(old, float) and isinstance(new, float):
        is_close = math.isclose(old, new, rel_tol=1e-9, abs_tol=1e-12)
        return None if is_close else f"{place}: {old!r} is {new!r}"
    if type(old) is not type(new):
        return f"{place}: {old!r} ({type(old).__name__}) is {new!r} ({type(new).__name__})"
    if isinstance(old, dict):
        if set(old) != set(new):  # hyperopt sorts them
            return f"{place}: keys {list(old)} are {list(new)}"
        found = (difference(old[k], new[k], f"{place}[{k!r}]") for k in old)
        return next((f for f in found if f), None)
    if isinstance(old, tuple | list):
        if len(old) != len(new):
            return f"{place}: {old!r} is {new!r}"
        found = (difference(a, b, f"{place}[{i}]") for i, (a, b) in enumerate(zip(old, new)))
        return next((f for f in found if f), None)
    return None if old == new else f"{place}: {old!r} is {new!r}"
