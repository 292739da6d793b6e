"""The nodes of the neutral space model.

A node is frozen and has identity: two branches that share a hyperopt expression share one
node, which a walk evaluates once. The module imports only the standard library and its
sibling, because it is shipped by value to workers that may not have hyperbridge.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Any, Literal, TypeAlias

from hyperbridge.space.distributions import Categorical, Distribution, make_distribution


class Node:
    """Base of all nodes."""

    __slots__ = ()

    def children(self) -> tuple[Node, ...]:
        """Return the nodes directly below, in the order in which a walk evaluates them."""
        return ()

    def __repr__(self) -> str:
        return text_of(self, width=88)


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Constant(Node):
    """A value that is handed to the objective as it is.

    Attributes:
        value: Any object; the same one in every trial of a process, as in hyperopt.
    """

    value: Any


@dataclass(frozen=True, slots=True, eq=False)
class ComputedDistribution:
    """A distribution with arguments that are themselves expressions of the space.

    hyperopt's random search accepts ``hp.uniform("x", 0, hp.uniform("y", 1, 2))``; its TPE
    does not.

    Attributes:
        kind: hyperopt's name of the distribution, for example ``uniform``.
        arguments: Pairs of argument name and node.
    """

    kind: str
    arguments: tuple[tuple[str, Node], ...]

    def resolve(self, values: dict[str, Any]) -> Distribution:
        """Return the distribution for given argument values.

        Raises:
            ValueError: The values cannot work, for example low > high.
        """
        return make_distribution(self.kind, values)


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Parameter(Node):
    """A value that the search algorithm chooses.

    Its value is the raw one, as in hyperopt's documents; ``hp.uniform`` and most others wrap
    it into a `Call` of ``float`` or ``int``.

    Attributes:
        label: The label, unique in the space.
        distribution: Where the value comes from. A walk never passes a `ComputedDistribution`
            to its ``suggest``: it passes a parameter with the concrete one.
    """

    label: str
    distribution: Distribution | ComputedDistribution

    def children(self) -> tuple[Node, ...]:  # noqa: D102
        if isinstance(self.distribution, ComputedDistribution):
            return tuple(node for _, node in self.distribution.arguments)
        return ()


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Choice(Node):
    """One of several sub-spaces; the others are not evaluated.

    Attributes:
        index: The node whose value is the position of the chosen option: the parameter itself
            for ``hp.choice`` and ``hp.pchoice``, any expression for a hand-written switch.
        options: The sub-spaces.
    """

    index: Node
    options: tuple[Node, ...]

    @property
    def parameter(self) -> Parameter | None:
        """The parameter that holds the index; None when the index is computed otherwise."""
        return without_casts(self.index)

    def children(self) -> tuple[Node, ...]:  # noqa: D102
        return (self.index, *self.options)


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class DictNode(Node):
    """A dict, new in every trial.

    Attributes:
        keys: The keys, in hyperopt's order (sorted).
        values: One node for each key.
    """

    keys: tuple[Any, ...]
    values: tuple[Node, ...]

    def children(self) -> tuple[Node, ...]:  # noqa: D102
        return self.values


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class SequenceNode(Node):
    """A list or tuple of the space; **both reach the objective as a tuple**, as in hyperopt.

    Attributes:
        items: The nodes.
        written_as: Which of both it is in the user's source.
    """

    items: tuple[Node, ...]
    written_as: Literal["list", "tuple"]

    def children(self) -> tuple[Node, ...]:  # noqa: D102
        return self.items


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Call(Node):
    """A function of other nodes: a cast, arithmetic, a function defined in the ``scope``.

    Attributes:
        name: Its name in hyperopt's ``scope``, for example ``int``.
        function: What is called. For predefined names one that needs no hyperopt.
        args: Positional arguments.
        kwargs: Pairs of argument name and node.
        is_standard: True for predefined names, False for a function of the user's own.
    """

    name: str
    function: Callable[..., Any]
    args: tuple[Node, ...]
    kwargs: tuple[tuple[str, Node], ...] = ()
    is_standard: bool = True

    def children(self) -> tuple[Node, ...]:  # noqa: D102
        return (*self.args, *(node for _, node in self.kwargs))


def cast_of(node: Node) -> tuple[Literal["int", "float"], Node] | None:
    """Return the type name and the argument of a call of ``int`` or ``float``, else None."""
    if isinstance(node, Call) and node.is_standard and len(node.args) == 1:
        if node.name == "int":
            return "int", node.args[0]
        if node.name == "float":
            return "float", node.args[0]
    return None


def without_casts(node: Node) -> Parameter | None:
    """Return the parameter under any number of ``int`` and ``float`` casts, else None."""
    while (cast := cast_of(node)) is not None:
        node = cast[1]
    return node if isinstance(node, Parameter) else None


def iterate(root: Node) -> list[Node]:
    """Return every node once, each after its children, in the order of a walk of all branches."""
    order: list[Node] = []
    done: set[int] = set()
    stack = [root]
    while stack:
        node = stack[-1]
        missing = [child for child in node.children() if id(child) not in done]
        if missing:
            stack.extend(reversed(missing))
            continue
        stack.pop()
        if id(node) not in done:
            done.add(id(node))
            order.append(node)
    return order


def text_of(node: Node, *, width: int | None = None, indent: int = 0, depth: int = 0) -> str:
    """Return a text of a node for people to read, in the manner of ``hp`` expressions.

    Long constants, long lists of constant options and what is nested deeply are cut, with dots
    in their place.

    Args:
        node: The node.
        width: Longest line; longer ones are broken. None for a single line.
        indent: By how many columns lines after the first are indented.
        depth: How deep the node is in what is shown.
    """
    if depth > _DEEPEST_TEXT:
        return "..."
    opening, parts, closing = _parts_of(node)
    texts = [prefix + text_of(part, depth=depth + 1) for prefix, part in parts]
    line = opening + ", ".join(texts) + closing
    if width is None or not parts or indent + len(line) <= width:
        return line
    inner = indent + 2
    broken = [
        f"{' ' * inner}{prefix}{text_of(part, width=width, indent=inner, depth=depth + 1)},\n"
        for prefix, part in parts
    ]
    return f"{opening}\n{''.join(broken)}{' ' * indent}{closing}"


_DEEPEST_TEXT = 12

_Parts: TypeAlias = tuple[str, list[tuple[str, "Node"]], str]
"""What opens a node's text, its parts with their prefixes, and what closes it."""


def _parts_of(node: Node) -> _Parts:
    if isinstance(node, Constant):
        return shortened(" ".join(repr(node.value).split("\n")), 80), [], ""
    if isinstance(node, DictNode):
        pairs = zip(node.keys, node.values, strict=True)
        return "{", [(f"{key!r}: ", value) for key, value in pairs], "}"
    if isinstance(node, SequenceNode):
        opening, closing = "[]" if node.written_as == "list" else "()"
        closing = ",)" if closing == ")" and len(node.items) == 1 else closing
        return opening, [("", item) for item in node.items], closing
    if isinstance(node, Parameter):
        return _parts_of_parameter(node)
    if isinstance(node, Choice):
        return _parts_of_choice(node)
    if isinstance(node, Call):
        if node.name == "float" and (parameter := without_casts(node)) is not None:
            return _parts_of(parameter)  # hp.uniform and others carry this cast
        named = [(f"{name}=", value) for name, value in node.kwargs]
        return f"{node.name}(", [("", arg) for arg in node.args] + named, ")"
    raise TypeError(f"not a node of a search space: {type(node).__name__}")


def _parts_of_parameter(node: Parameter) -> _Parts:
    distribution = node.distribution
    if isinstance(distribution, ComputedDistribution):
        arguments = [(f"{name}=", value) for name, value in distribution.arguments]
        return f"{distribution.kind}({node.label!r}, ", arguments, ")"
    shown = {f.name: getattr(distribution, f.name) for f in fields(distribution)}
    shown.pop("offset_form", None)
    text = ", ".join(f"{name}={value!r}" for name, value in shown.items())
    return f"{type(distribution).__name__.lower()}({node.label!r}, {text})", [], ""


def _parts_of_choice(node: Choice) -> _Parts:
    prefixes = ["" for _ in node.options]
    opening = f"switch({text_of(node.index)}, ["
    if isinstance(node.index, Parameter):
        opening = f"choice({node.index.label!r}, ["
        if isinstance(node.index.distribution, Categorical):
            opening = "p" + opening
            prefixes = [f"{p:g}: " for p in node.index.distribution.probabilities]
    parts = list(zip(prefixes, node.options, strict=False))
    if len(parts) > 12 and all(isinstance(option, Constant) for option in node.options):
        first = ", ".join(prefix + text_of(option) for prefix, option in parts[:5])
        last = "".join([parts[-1][0], text_of(parts[-1][1])])
        return f"{opening}{first}, ..., {last}])", [], ""
    return opening, parts, "])"


def shortened(text: str, length: int) -> str:
    """Return a text cut to a length, with dots at the cut."""
    return text if len(text) <= length else text[: length - 3] + "..."
