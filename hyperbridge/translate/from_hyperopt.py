"""Read hyperopt's search spaces into the neutral model.

A hyperopt space is a pyll graph, or anything that ``hyperopt.pyll.as_apply`` turns into one.
It is read by shape alone: ``name``, ``pos_args``, ``named_args``.
Source: ``hyperopt.pyll.base`` and ``hyperopt.pyll_utils``.
"""

from __future__ import annotations

import math
import numbers
from collections.abc import Callable
from typing import Any

from hyperopt import exceptions
from hyperopt.pyll.base import as_apply, scope

import hyperbridge.translate.approximations  # noqa: F401 - what Space.approximations needs
from hyperbridge.errors import InvalidSpaceError
from hyperbridge.space.distributions import (
    ARGUMENT_NAMES,
    Distribution,
    RandInt,
    Uniform,
    make_distribution,
)
from hyperbridge.space.functions import IMPURE_FUNCTIONS, STANDARD_FUNCTIONS
from hyperbridge.space.model import Space, point_of
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


class DuplicateLabel(InvalidSpaceError, exceptions.DuplicateLabel):  # type: ignore[misc]  # noqa: N818 - hyperopt's name
    """Two different parameters of a space have the same label."""


def read_space(space: Any) -> Space:
    """Read a search space.

    Args:
        space: What ``hyperopt.fmin`` takes as ``space``: a dict, list or tuple with ``hp``
            expressions at any depth, a bare ``hp`` expression, a constant. A `Space` is
            returned as it is.

    Raises:
        DuplicateLabel: Two parameters share a label without being the same object.
        InvalidSpaceError: A distribution cannot work (the message has the label), or the space
            has something that hyperopt's fmin could not run either.

    Examples:
        >>> from hyperopt import hp
        >>> read_space([hp.uniform("x", 0, 1), hp.randint("n", 5)])
        Space([uniform('x', low=0.0, high=1.0), int(randint('n', low=0, high=5))])
    """
    if isinstance(space, Space):
        return space
    return Space(_Reader().read(as_apply(space)))


class _Reader:
    """Reads one graph; a shared expression becomes one shared node."""

    def __init__(self) -> None:
        self._nodes: dict[int, Node] = {}
        self._labels: set[str] = set()

    def read(self, expression: Any) -> Node:
        """Read an expression, its inputs first; a loop, so that long sums do not recurse."""
        pending = [expression]
        while pending:
            current = pending[-1]
            missing = [part for part in _inputs_of(current) if id(part) not in self._nodes]
            if missing:
                pending.extend(missing)
                continue
            pending.pop()
            if id(current) not in self._nodes:
                self._nodes[id(current)] = self._read_one(current)
        return self._nodes[id(expression)]

    def _node(self, expression: Any) -> Node:
        return self._nodes[id(expression)]

    def _read_one(self, expression: Any) -> Node:
        name: str = expression.name
        if name == "literal":
            return Constant(expression.obj)
        if name == "hyperopt_param":
            return self._read_parameter(expression)
        if name == "switch" and not expression.named_args:
            index, *options = (self._node(arg) for arg in expression.pos_args)
            return Choice(index, tuple(options))
        if name == "pos_args" and not expression.named_args:
            items = tuple(self._node(item) for item in expression.pos_args)
            return SequenceNode(items, "list" if expression.o_len is None else "tuple")
        if name == "dict" and (node := self._read_dict(expression)) is not None:
            return node
        return self._read_call(expression)

    def _read_parameter(self, expression: Any) -> Parameter:
        bound = _bind(expression, ("label", "obj"))
        label = bound["label"].obj
        if label in self._labels:
            raise DuplicateLabel(
                f"label {label!r} is used by two parameters. Give each its own label; to use one"
                " parameter in several places, build it once and put the same object there."
            )
        self._labels.add(label)
        drawn = bound["obj"]
        if drawn.name == "literal" and (fixed := _fixed(drawn.obj)) is not None:
            return Parameter(label, fixed)  # pyll.clone has put it in the place of a draw
        if drawn.name not in ARGUMENT_NAMES:
            raise InvalidSpaceError(
                f"label {label!r}: {drawn.name!r} is not a distribution that hyperbridge knows."
                f" It knows {', '.join(ARGUMENT_NAMES)}."
            )
        return Parameter(label, self._read_distribution(label, drawn))

    def _read_distribution(self, label: str, drawn: Any) -> Any:
        names = ARGUMENT_NAMES[drawn.name]
        try:
            bound = _bind(drawn, names, beside="rng")  # which hyperopt sets by name
        except TypeError as exc:
            raise InvalidSpaceError(f"label {label!r}: {exc}") from exc
        nodes = {name: self._node(bound[name]) for name in names if name in bound}
        if all(_is_constant(node) for node in nodes.values()):
            values = {name: point_of(node, {}) for name, node in nodes.items()}
            try:
                return make_distribution(drawn.name, values)
            except (ValueError, TypeError) as exc:
                raise InvalidSpaceError(f"label {label!r}: {exc}") from exc
        return ComputedDistribution(drawn.name, tuple(nodes.items()))

    def _read_dict(self, expression: Any) -> DictNode | None:
        """Read a dict with constant keys; None for any other call of ``dict``."""
        if not expression.pos_args:
            pairs = expression.named_args
            return DictNode(
                tuple(key for key, _ in pairs), tuple(self._node(value) for _, value in pairs)
            )
        # keys that are not all strings come as one sequence of pairs
        (entries, *others) = (self._node(arg) for arg in expression.pos_args)
        if others or expression.named_args or not isinstance(entries, SequenceNode):
            return None
        keys: list[Any] = []
        values: list[Node] = []
        for entry in entries.items:
            if not isinstance(entry, SequenceNode) or len(entry.items) != 2:
                return None
            key, value = entry.items
            if not _is_constant(key):
                return None
            keys.append(point_of(key, {}))
            values.append(value)
        return DictNode(tuple(keys), tuple(values))

    def _read_call(self, expression: Any) -> Call:
        name: str = expression.name
        function = _function_of(name)
        is_standard = function is STANDARD_FUNCTIONS.get(name)
        if name in ARGUMENT_NAMES and "rng" not in dict(expression.named_args):
            raise InvalidSpaceError(
                f"{name}(...) is drawn without a label. Use hp.{name}(label, ...) instead."
            )
        args = tuple(self._node(arg) for arg in expression.pos_args)
        kwargs = tuple((key, self._node(value)) for key, value in expression.named_args)
        if name == "partial" and is_standard and args and isinstance(args[0], Constant):
            # hyperopt names the function; it is looked up here, where hyperopt is
            target = getattr(args[0].value, "apply_name", args[0].value)
            args = (Constant(_function_of(target)), *args[1:])
        return Call(name, function, args, kwargs, is_standard=is_standard)


def _fixed(value: Any) -> Distribution | None:
    """Return the distribution that has one value, a number; None for anything else."""
    if isinstance(value, bool) or not isinstance(value, numbers.Real):
        return None
    if isinstance(value, numbers.Integral):
        return RandInt(int(value), int(value) + 1, offset_form=True)
    return Uniform(float(value), float(value)) if math.isfinite(value) else None


def _function_of(name: str) -> Callable[..., Any]:
    """Return what evaluates a scope function: ours for predefined names, else the user's own."""
    try:
        function: Callable[..., Any] = scope._impls[name]
    except KeyError:
        raise InvalidSpaceError(
            f"the space calls {name!r}, which hyperopt's scope does not have. Define it with"
            " @scope.define before it is used."
        ) from None
    module = getattr(function, "__module__", None) or ""
    is_predefined = module in ("builtins", "_operator") or module.startswith("hyperopt.")
    return STANDARD_FUNCTIONS.get(name, function) if is_predefined else function


def _inputs_of(expression: Any) -> list[Any]:
    """Return the expressions that are read before this one."""
    if expression.name != "hyperopt_param":
        return list(expression.inputs())
    drawn = _bind(expression, ("label", "obj"))["obj"]
    return list(drawn.inputs()) if drawn.name in ARGUMENT_NAMES else []


def _bind(expression: Any, names: tuple[str, ...], beside: str | None = None) -> dict[str, Any]:
    """Return the argument expressions of a call by name; ``beside`` may be given by name alone."""
    n_given = len(expression.pos_args)
    if n_given > len(names):
        takes = "1 argument" if len(names) == 1 else f"{len(names)} arguments"
        raise TypeError(f"{expression.name} takes {takes} ({', '.join(names)}), got {n_given}")
    bound = dict(zip(names, expression.pos_args, strict=False))
    for name, value in expression.named_args:
        if name not in names and name != beside:
            raise TypeError(f"{expression.name} has no argument {name!r}")
        if name in bound:
            raise TypeError(f"{expression.name} got argument {name!r} twice")
        bound[name] = value
    return bound


def _is_constant(node: Node) -> bool:
    """Tell whether a node's value is known and the same in every trial."""
    return all(
        isinstance(part, Constant | SequenceNode)
        or (isinstance(part, Call) and part.is_standard and part.name not in IMPURE_FUNCTIONS)
        for part in iterate(node)
    )
