"""A search space inferred from the values of trials, for targets that need one.

It has the labels, kinds and ranges that the trials show, and says what it took each label for. It
cannot know the options of a choice, the ends of a range that no trial came to, or a prior.
"""

from __future__ import annotations

import math
import numbers
from collections.abc import Iterable, Sequence
from typing import Any, Final

from hyperbridge.documents import Document
from hyperbridge.errors import InvalidArgumentError
from hyperbridge.history.history import History
from hyperbridge.space import Space
from hyperbridge.space.distributions import (
    Distribution,
    LogUniform,
    QUniform,
    RandInt,
    Uniform,
)
from hyperbridge.space.functions import STANDARD_FUNCTIONS
from hyperbridge.space.nodes import Call, Choice, Constant, DictNode, Node, Parameter

_DECADES: Final = 2.0
"""A positive label whose values span more powers of ten than this is taken for logarithmic."""

_MOST_OPTIONS: Final = 50
"""An integer with more values than this does not decide which other labels there are."""


def space_of(history: History) -> Space:
    """Return the space of a history: the known one, else the one that its values show.

    What it had to assume is in the remarks of the history, a line for each label.

    Args:
        history: It knows the space from then on.

    Raises:
        InvalidArgumentError: A label has a value that is no number.

    Examples:
        >>> from hyperbridge.documents import misc_of, new_document
        >>> found = [new_document(i, misc_of(i, {"n": i}, ["n"]), None) for i in range(3)]
        >>> history = History(found, {}, "here")
        >>> space_of(history)
        Space({'n': int(randint('n', low=0, high=3))})
        >>> history.remarks
        ["no space is known: 'n' is taken for hp.randint('n', 0, 3), from 3 values; it may as well \
be a choice"]
    """
    if history.space is None:
        history.space = _infer(history)
    return history.space


def _infer(history: History) -> Space:
    columns = _columns(history.documents)
    conditions = _conditions(columns)
    texts: dict[str, str] = {}
    nodes: dict[str, Node] = {
        label: _node(label, list(values.values()), texts)
        for label, values in columns.items()
        if label not in {parent for parent, _ in conditions.values()}
    }
    for label in history.options.keys() & nodes.keys():
        known = history.options[label]
        nodes[label] = _choice(label, [Constant(option) for option in known])
        texts[label] = f"a choice of {len(known)} options that the source has"
    for parent in dict.fromkeys(_deepest_first(conditions)):
        children = {c: wanted for c, (of, wanted) in conditions.items() if of == parent}
        highest = max(map(int, columns[parent].values()))
        known = history.options.get(parent) or list(range(1 + highest))
        options: list[Node] = []
        for index, option in enumerate(known):
            inside = {c: nodes[c] for c, wanted in children.items() if index in wanted}
            options.append(_dict_of(inside) if inside else Constant(option))
        nodes[parent] = _choice(parent, options)
        texts[parent] = (
            f"a choice of {len(options)} options, which decides whether there is "
            f"{', '.join(map(repr, children))}"
        )
    for label, values in columns.items():
        doubt = ""
        if label not in history.options:
            doubt = _doubt(label, values, columns, conditions, len(history.documents))
        history.remark(
            f"no space is known: {label!r} is taken for {texts[label]}, from {len(values)} values"
            f"{doubt}"
        )
    top = {label: nodes[label] for label in columns if label not in conditions}
    return Space(_dict_of(top))


def _choice(label: str, options: Sequence[Node]) -> Choice:
    return Choice(Parameter(label, RandInt(0, len(options))), tuple(options))


def _dict_of(nodes: dict[str, Node]) -> DictNode:
    keys = tuple(sorted(nodes))
    return DictNode(keys, tuple(nodes[key] for key in keys))


def _columns(documents: Iterable[Document]) -> dict[str, dict[int, Any]]:
    """Return the values of each label, by the position of the document.

    Raises:
        InvalidArgumentError: One is no number.
    """
    columns: dict[str, dict[int, Any]] = {}
    for position, document in enumerate(documents):
        for label, values in document["misc"]["vals"].items():
            column = columns.setdefault(label, {})
            for value in values:
                if isinstance(value, bool) or not _is_number(value):
                    raise InvalidArgumentError(
                        f"label {label!r}: {value!r} is no number, so its options must be known. "
                        "Give the search space"
                    )
                column[position] = value
    return {label: column for label, column in columns.items() if column}


def _is_number(value: Any) -> bool:
    return isinstance(value, numbers.Real) and math.isfinite(value)


def _is_whole(values: Iterable[Any]) -> bool:
    return all(isinstance(value, numbers.Integral) for value in values)


def _node(label: str, values: Sequence[Any], texts: dict[str, str]) -> Node:
    """Return the parameter for values, and note how hyperopt writes it."""
    distribution, texts[label] = _distribution(label, values)
    cast = "int" if isinstance(distribution, RandInt) else "float"
    return Call(cast, STANDARD_FUNCTIONS[cast], (Parameter(label, distribution),))


def _distribution(label: str, values: Sequence[Any]) -> tuple[Distribution, str]:
    if _is_whole(values):
        first, last = int(min(values)), int(max(values))
        text = f"hp.randint({label!r}, {first}, {last + 1})"
        return RandInt(first, last + 1, offset_form=True), text
    low, high = float(min(values)), float(max(values))
    if low == high:
        return Uniform(low, high), f"the constant {low:g}"
    if all(float(value).is_integer() for value in values):
        return QUniform(low, high, 1), f"hp.quniform({label!r}, {low:g}, {high:g}, 1)"
    if low > 0 and math.log10(high / low) > _DECADES:
        text = f"hp.loguniform({label!r}, log({low:g}), log({high:g}))"
        return LogUniform(math.log(low), math.log(high)), text
    return Uniform(low, high), f"hp.uniform({label!r}, {low:g}, {high:g})"


def _conditions(columns: dict[str, dict[int, Any]]) -> dict[str, tuple[str, frozenset[int]]]:
    """Return, for labels that some trials lack, the label and its values that explain it.

    Of several labels the one that fewest trials have is taken, the nearest, and of those the one
    with fewest values.
    """
    deciders = {
        label: {position: int(value) for position, value in column.items()}
        for label, column in columns.items()
        if _is_whole(column.values())
        and min(column.values()) >= 0
        and max(column.values()) < _MOST_OPTIONS
    }
    n_all = len({position for column in columns.values() for position in column})
    found: dict[str, tuple[str, frozenset[int]]] = {}
    for label, column in columns.items():
        if len(column) == n_all:
            continue
        ways = []
        for parent, values in deciders.items():
            if parent == label or len(values) <= len(column) or not column.keys() <= values.keys():
                continue
            wanted = frozenset(values[position] for position in column)
            others = {value for position, value in values.items() if position not in column}
            if not wanted & others:
                rank = len(values), len(wanted | others), max(values.values())
                ways.append((rank, parent, wanted))
        if ways:
            _, parent, wanted = min(ways, key=lambda way: way[0])
            found[label] = parent, wanted
    return found


def _deepest_first(conditions: dict[str, tuple[str, frozenset[int]]]) -> list[str]:
    """Return the labels that decide about others, each after those that it decides about."""

    def depth(label: str) -> int:
        return 1 + depth(conditions[label][0]) if label in conditions else 0

    return sorted({parent for parent, _ in conditions.values()}, key=depth, reverse=True)


def _doubt(
    label: str,
    values: dict[int, Any],
    columns: dict[str, dict[int, Any]],
    conditions: dict[str, tuple[str, frozenset[int]]],
    n_documents: int,
) -> str:
    """Return what may be otherwise than assumed, or nothing."""
    if any(parent == label for parent, _ in conditions.values()):
        return ""
    doubt = ""
    if _is_whole(values.values()) and 0 <= min(values.values()) < 2:
        doubt = "; it may as well be a choice"
    n_missing = n_documents - len(values)
    if label not in conditions and n_missing and len(columns) > 0:
        doubt += f"; {n_missing} trials lack it, for no reason that the other labels show"
    return doubt
