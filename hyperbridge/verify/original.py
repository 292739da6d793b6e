"""The original's space, against which points of the other program are held one by one."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from typing import Any

from hyperbridge.space.model import Space
from hyperbridge.space.nodes import (
    Call,
    Choice,
    Constant,
    DictNode,
    Node,
    Parameter,
    SequenceNode,
    without_casts,
)
from hyperbridge.verify.evidence import Draw
from hyperbridge.verify.values import difference, is_number, plain, same

_MOST_READINGS = 16


class _NotAskedError(Exception):
    """A label that the original reaches has no value."""


class Original:
    """Holds points against the space of a call of fmin.

    Args:
        space: The space.
    """

    def __init__(self, space: Space) -> None:
        self.space = space
        self.options = options_of(space)
        self.paths = paths_of(space.root)
        self._labels = {path: label for label, paths in self.paths.items() for path in paths}
        self._shapes = {_shape(each) for each in _roots(space.root)} - {None}

    def label_of(self, name: str) -> str:
        """Return the label that a name of the other program means; the name itself if none."""
        if name in self.space.parameters:
            return name
        return self._labels.get(name, name)

    def looks_like(self, value: Any) -> bool:
        """Tell whether a value has the shape of a point: the same keys, or as many items."""
        return type(value) in (dict, list, tuple) and _shape_of_value(value) in self._shapes

    def is_complete(self, values: Mapping[str, Any], listed: Mapping[str, Any]) -> bool:
        """Tell whether all labels that the original asks for have a value; see `judge`."""
        for reading in self._readings(values, listed):
            try:
                self.space.walk(_asking(reading))
            except Exception:  # noqa: BLE001 - a function of the user's may raise anything
                continue
            return True
        return False

    def judge(
        self, values: Mapping[str, Any], listed: Mapping[str, Any], points: list[Any]
    ) -> Draw:
        """Hold the values of a trial, and the point made of them, against the original.

        Args:
            values: What the trial asked for, by label.
            listed: The options that the engine was told of, by label.
            points: What may be the point; one that is right suffices. Empty when none was seen.
        """
        outside = self._outside(values)
        if outside is not None:
            return Draw(dict(values), outside, True)
        texts = []
        for reading in self._readings(values, listed):
            try:
                point, asked = self.space.walk(_asking(reading))
            except _NotAskedError as exc:
                texts.append(f"{exc} is not asked for")
                continue
            except Exception as exc:  # noqa: BLE001 - a function of the user's may raise anything
                texts.append(f"the original's space raises {type(exc).__name__}: {exc}")
                continue
            extra = sorted(set(values) - set(asked))
            if extra:
                texts.append(f"{', '.join(map(repr, extra))} is asked for, and was not")
                continue
            if not points:
                return Draw(dict(values))
            wanted = plain(point)
            found = [difference(wanted, plain(each)) for each in points]
            if None in found:
                return Draw(dict(values), None, True)
            texts.append(str(found[0]))
        return Draw(dict(values), texts[0] if texts else "no option has this value", True)

    def _outside(self, values: Mapping[str, Any]) -> str | None:
        """Say which value the original cannot give."""
        for label, value in values.items():
            parameter = self.space.parameters.get(label)
            distribution = None if parameter is None else parameter.distribution
            if distribution is None or label in self.options or not is_number(value):
                continue
            contains = getattr(distribution, "contains", None)
            if contains is not None and not contains(value) and not _at_an_end(distribution, value):
                return f"{label!r} is {value!r}, which the original never gives"
        return None

    def _readings(
        self, values: Mapping[str, Any], listed: Mapping[str, Any]
    ) -> Iterator[dict[str, Any]]:
        """Yield assignments that the values may stand for: a category by position or by value."""
        labels = [label for label in values if label in self.options]
        ways = [self._positions(label, values[label], listed.get(label, ())) for label in labels]
        for positions in itertools.islice(itertools.product(*ways), _MOST_READINGS):
            yield {**values, **dict(zip(labels, positions, strict=True))}

    def _positions(self, label: str, value: Any, listed: Any) -> list[int]:
        options = self.options[label]
        by_value = [i for i, option in enumerate(options) if same(option, value)]
        is_index = is_number(value) and value == int(value) and 0 <= value < len(options)
        by_index = [int(value)] if is_index else []
        if not by_value and not by_index and len(listed) == len(options):  # names of its own
            here = [i for i, option in enumerate(listed) if same(option, value)]
            by_index = [*here, *(i for i in range(len(options)) if i not in here)]
        return list(dict.fromkeys([*by_value, *by_index]))


def options_of(space: Space) -> dict[str, list[Any]]:
    """Return the options of each choice as plain data; an option that holds parameters as text."""
    return {
        label: [
            plain(option.value) if isinstance(option, Constant) else _text(option, position)
            for position, option in enumerate(choice.options)
        ]
        for label, choice in space.choices.items()
    }


def paths_of(root: Node) -> dict[str, list[str]]:
    """Return the places of each label's own value in the point, joined by ``/``."""
    found: dict[str, list[str]] = {}

    def visit(node: Node, place: str) -> None:
        parameter = without_casts(node)
        if parameter is not None:
            found.setdefault(parameter.label, []).append(place)
        elif isinstance(node, DictNode):
            for key, value in zip(node.keys, node.values, strict=True):
                visit(value, f"{place}/{key}".lstrip("/"))
        elif isinstance(node, SequenceNode):
            for position, item in enumerate(node.items):
                visit(item, f"{place}/{position}".lstrip("/"))
        elif isinstance(node, Choice):
            if isinstance(node.index, Parameter):
                found.setdefault(node.index.label, []).append(place)
            for option in node.options:
                visit(option, place)

    visit(root, "")
    return found


def _text(option: Node, position: int) -> Any:
    if not option.children():
        return [] if isinstance(option, SequenceNode) else {}
    if _is_constant(option):
        return plain(Space(option).walk(_never)[0])
    return f"<option {position}>"


def _is_constant(node: Node) -> bool:
    if isinstance(node, Parameter | Call | Choice):
        return False
    return all(_is_constant(child) for child in node.children())


def _never(parameter: Parameter) -> Any:
    raise AssertionError(parameter.label)


def _asking(values: Mapping[str, Any]) -> Any:
    def suggest(parameter: Parameter) -> Any:
        if parameter.label not in values:
            raise _NotAskedError(repr(parameter.label))
        return values[parameter.label]

    return suggest


def _at_an_end(distribution: Any, value: float) -> bool:
    """Tell whether a value is an end of the support up to rounding, as exp(log(x)) is."""
    low, high = distribution.bounds()
    return same(low, value) or same(high, value)


def _roots(root: Node) -> list[Node]:
    """Return what the point may be: the root, or the options of a choice at the root."""
    if isinstance(root, Choice):
        return [each for option in root.options for each in _roots(option)]
    return [root]


def _shape(node: Node) -> Any:
    if isinstance(node, DictNode):
        return frozenset(map(str, node.keys))
    if isinstance(node, SequenceNode) and len(node.items) > 1:
        return len(node.items)
    return None


def _shape_of_value(value: Any) -> Any:
    return frozenset(map(str, value)) if isinstance(value, dict) else len(value)
