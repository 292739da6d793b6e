"""How the options of a choice are called in a study: by their value, a name, or a number.

Optuna stores a category as None, a bool, an int, a float or a string. Options that are of
these kinds stand for themselves; others get a name that a reader of the study recognises.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from hyperbridge.space.distributions import Categorical
from hyperbridge.space.nodes import (
    Choice,
    Constant,
    DictNode,
    Node,
    Parameter,
    iterate,
    without_casts,
)
from hyperbridge.translate.source_text import flat
from hyperbridge.translate.source_values import (
    UnwritableError,
    constant,
    literal,
    plain,
    quoted,
)

_LONGEST_NAME = 24


@dataclass(frozen=True, slots=True)
class Categories:
    """The categories of one choice.

    Attributes:
        texts: The source of each option's category, in the order of the options.
        allowed: Those of them that hyperopt would ever draw.
        are_values: Whether the categories are the options themselves.
        integers: Lowest value, highest value and step, when NumPy made a range of integers.
        remark: What is lost.
    """

    texts: tuple[str, ...]
    allowed: tuple[str, ...]
    are_values: bool
    integers: tuple[int, int, int] | None = None
    remark: str | None = None


def categories_of(node: Choice, imports: set[str]) -> Categories:
    """Return the categories of a choice.

    Args:
        node: The choice.
        imports: Import statements that values need are added here.
    """
    parameter = node.parameter
    weights = None
    remark = None
    if parameter is not None and isinstance(parameter.distribution, Categorical):
        weights = parameter.distribution.probabilities
        shown = ", ".join(f"{weight:g}" for weight in weights)
        remark = f"the probabilities {shown} are dropped: Optuna's categories begin as equals"
    values = [plain(o.value) for o in node.options if isinstance(o, Constant)]
    if len(values) == len(node.options) and _are_distinct_scalars(values):
        written = tuple(literal(value, imports) for value in values)
        kinds = {type(o.value).__module__ for o in node.options if isinstance(o, Constant)}
        integers = _progression(values) if "numpy" in kinds else None
        drawn = _drawn(written, weights)
        return Categories(written, drawn, are_values=True, integers=integers, remark=remark)
    names = tuple(quoted(name) for name in _names(node))
    if len(set(names)) < len(names):
        names = tuple(str(position) for position in range(len(node.options)))
    return Categories(names, _drawn(names, weights), are_values=False, remark=remark)


def _drawn(texts: tuple[str, ...], weights: Any) -> tuple[str, ...]:
    if weights is None:
        return texts
    return tuple(text for text, weight in zip(texts, weights, strict=True) if weight > 0)


def _are_distinct_scalars(values: list[Any]) -> bool:
    for value in values:
        if not (value is None or isinstance(value, bool | int | float | str)) or value != value:
            return False
    return all(a != b for i, a in enumerate(values) for b in values[:i])


def _progression(values: list[Any]) -> tuple[int, int, int] | None:
    """Return the first, the last and the step of rising integers with equal distances."""
    if len(values) < 2 or any(type(value) is not int for value in values):
        return None
    step = values[1] - values[0]
    if step <= 0 or values != list(range(values[0], values[-1] + 1, step)):
        return None
    return values[0], values[-1], step


def _names(node: Choice) -> list[str]:
    tags = _tags(node)
    if tags is not None:
        return tags
    return [_name(option, position) for position, option in enumerate(node.options)]


def _tags(node: Choice) -> list[str] | None:
    """Return the strings under a key that tells the options apart, such as ``type``."""
    if not all(isinstance(option, DictNode) for option in node.options):
        return None
    entries = [
        dict(zip(option.keys, option.values, strict=True))
        for option in node.options
        if isinstance(option, DictNode)
    ]
    for key in entries[0]:
        tags = [_tag(entry.get(key)) for entry in entries]
        found = [tag for tag in tags if tag is not None]
        if len(set(found)) == len(entries):
            return found
    return None


def _tag(node: Node | None) -> str | None:
    if not isinstance(node, Constant):
        return None
    if isinstance(node.value, str):
        return node.value
    return getattr(node.value, "__name__", None)


def _name(option: Node, position: int) -> str:
    fallback = f"option_{position}"
    tag = _tag(option)
    if tag is not None:
        return tag
    parameter = option.parameter if isinstance(option, Choice) else without_casts(option)
    if isinstance(parameter, Parameter):
        return parameter.label
    if isinstance(option, DictNode) and len(option.keys) == 1 and isinstance(option.keys[0], str):
        return option.keys[0]
    if any(isinstance(part, Parameter) for part in iterate(option)):
        return fallback
    try:
        shown = flat(constant(option, set())).strip("()")
    except UnwritableError:
        return fallback
    shown = shown.replace('"', "").lower() if shown == "None" else shown.replace('"', "")
    return shown.rstrip(",") if len(shown) <= _LONGEST_NAME else fallback
