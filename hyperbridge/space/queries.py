"""What one can ask about a search space without walking it: labels, conditions, texts.

The module imports only the standard library and its siblings, because it is shipped by value
to workers that may not have hyperbridge.
"""

from __future__ import annotations

from typing import NamedTuple

from hyperbridge.space.nodes import (
    Choice,
    Constant,
    DictNode,
    Node,
    Parameter,
    SequenceNode,
    iterate,
    shortened,
    text_of,
)

LONGEST_TEXT = 250
"""Number of characters after which the text of a non-constant option is cut."""


class Condition(NamedTuple):
    """That a choice has taken one of its options.

    Attributes:
        label: The label of the choice; None for a switch on a computed index.
        option: The position of the option.
    """

    label: str | None
    option: int


def parameters_of(root: Node) -> dict[str, Parameter]:
    """Return every parameter by its label, in the order of a walk."""
    return {node.label: node for node in iterate(root) if isinstance(node, Parameter)}


def choices_of(root: Node) -> dict[str, Choice]:
    """Return every choice by the label of its index, in the order of a walk.

    A hand-written switch on a parameter counts; one on a computed index does not. Where several
    switches share a parameter, the first is returned.
    """
    found: dict[str, Choice] = {}
    for node in iterate(root):
        if isinstance(node, Choice) and node.parameter is not None:
            found.setdefault(node.parameter.label, node)
    return found


def conditions_of(root: Node) -> dict[str, frozenset[frozenset[Condition]]]:
    """Return, for each label, the conjunctions of choices under any of which it is reached.

    A label that is always reached has the empty conjunction alone.
    """
    always: frozenset[Condition] = frozenset()
    reached: dict[int, set[frozenset[Condition]]] = {id(root): {always}}
    found: dict[str, frozenset[frozenset[Condition]]] = {}
    for node in reversed(iterate(root)):
        ways = reached[id(node)]
        if always in ways:
            ways = {always}
        if isinstance(node, Parameter):
            found[node.label] = frozenset(ways)
        if isinstance(node, Choice):
            label = None if node.parameter is None else node.parameter.label
            reached.setdefault(id(node.index), set()).update(ways)
            for position, option in enumerate(node.options):
                condition = Condition(label, position)
                reached.setdefault(id(option), set()).update(way | {condition} for way in ways)
        else:
            for child in node.children():
                reached.setdefault(id(child), set()).update(ways)
    return dict(reversed(found.items()))  # back in the order of a walk


def text_of_option(node: Node) -> str:
    """Return a short text of an option, for people to read.

    ``str`` of a constant; the constant entries of a dict, with dots for the others; else the
    expression. At most `LONGEST_TEXT` characters unless it is a constant.

    Examples:
        >>> text_of_option(Constant("linear"))
        'linear'
    """
    if isinstance(node, Constant):
        return str(node.value)
    if isinstance(node, SequenceNode) and all(isinstance(item, Constant) for item in node.items):
        return str(tuple(item.value for item in node.items if isinstance(item, Constant)))
    text = text_of(node)
    if isinstance(node, DictNode):
        pairs = list(zip(node.keys, node.values, strict=True))
        known = [f"{k!r}: {text_of(v)}" for k, v in pairs if isinstance(v, Constant)]
        if 0 < len(known) < len(pairs):
            text = "{" + ", ".join([*known, "..."]) + "}"
    return shortened(text, LONGEST_TEXT)
