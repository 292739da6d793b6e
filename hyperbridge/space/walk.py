"""The one walk over a search space.

A walk asks ``suggest`` for the parameters that are reached, a choice before the chosen branch
and no other branch, once per label, and builds the point for the objective. Drawing, an engine's
trial, checking and rebuilding a point are all this walk with another ``suggest``.

A tree is compiled into nested closures once, because a walk runs for every trial. The module
imports only the standard library and its siblings, because it is shipped by value to workers
that may not have hyperbridge.
"""

from __future__ import annotations

import operator
from collections import Counter
from collections.abc import Callable
from typing import Any, TypeAlias

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

Suggest: TypeAlias = Callable[[Parameter], Any]
"""Chooses the raw value of a parameter: an index for a choice, a float for a quniform."""


class Visit:
    """The state of one walk.

    Attributes:
        suggest: Asked for the value of each reached parameter that has none yet.
        assignment: Value by label; what is in it beforehand is not asked for.
        memo: Value of each node that has several parents.
    """

    __slots__ = ("assignment", "memo", "suggest")

    def __init__(self, suggest: Suggest, assignment: dict[str, Any]) -> None:
        self.suggest = suggest
        self.assignment = assignment
        self.memo: dict[int, Any] = {}


Step: TypeAlias = Callable[[Visit], Any]
"""Builds the value of one node during a walk."""


def compile_walk(root: Node) -> Step:
    """Turn a tree into nested closures; nodes with several parents are evaluated once a walk."""
    nodes = iterate(root)
    parents = Counter(id(child) for node in nodes for child in node.children())
    steps: dict[int, Step] = {}
    for node in nodes:
        step = _step(node, lambda child: steps[id(child)])
        if parents[id(node)] > 1 and not isinstance(node, Constant | Parameter):
            step = _once(id(node), step)
        steps[id(node)] = step
    return steps[id(root)]


def _once(key: int, step: Step) -> Step:
    def remembered(visit: Visit) -> Any:
        memo = visit.memo
        if key not in memo:
            memo[key] = step(visit)
        return memo[key]

    return remembered


def _step(node: Node, compiled: Callable[[Node], Step]) -> Step:
    if isinstance(node, Constant):
        value = node.value
        return lambda _visit: value
    if isinstance(node, Parameter):
        return _parameter_step(node, compiled)
    if isinstance(node, Choice):
        return _choice_step(node, compiled)
    if isinstance(node, DictNode):
        entries = [(k, compiled(v)) for k, v in zip(node.keys, node.values, strict=True)]
        return lambda visit: {key: step(visit) for key, step in entries}
    if isinstance(node, SequenceNode):
        items = [compiled(item) for item in node.items]
        return lambda visit: tuple([step(visit) for step in items])
    if isinstance(node, Call):
        return _call_step(node, compiled)
    raise TypeError(f"not a node of a search space: {type(node).__name__}")


def _parameter_step(node: Parameter, compiled: Callable[[Node], Step]) -> Step:
    label = node.label
    distribution = node.distribution
    if not isinstance(distribution, ComputedDistribution):

        def ask(visit: Visit) -> Any:
            assignment = visit.assignment
            if label not in assignment:
                assignment[label] = visit.suggest(node)
            return assignment[label]

        return ask

    arguments = [(name, compiled(value)) for name, value in distribution.arguments]

    def resolve_and_ask(visit: Visit) -> Any:
        assignment = visit.assignment
        if label not in assignment:
            values = {name: step(visit) for name, step in arguments}
            try:
                concrete = Parameter(label, distribution.resolve(values))
            except ValueError as exc:
                raise ValueError(f"label {label!r}: {exc}") from exc
            assignment[label] = visit.suggest(concrete)
        return assignment[label]

    return resolve_and_ask


def _choice_step(node: Choice, compiled: Callable[[Node], Step]) -> Step:
    index_step = compiled(node.index)
    options = [compiled(option) for option in node.options]
    parameter = node.parameter
    name = "a computed switch" if parameter is None else f"choice {parameter.label!r}"

    def choose(visit: Visit) -> Any:
        index = index_step(visit)
        if type(index) is not int:
            if getattr(index, "ndim", 0):  # hyperopt takes an array of one element too
                index = index.item()
            try:
                index = operator.index(index)
            except TypeError as exc:
                raise TypeError(f"{name} needs an integer index, got {index!r}") from exc
        if not 0 <= index < len(options):
            raise IndexError(f"{name} has {len(options)} options, got index {index}")
        return options[index](visit)

    return choose


def _call_step(node: Call, compiled: Callable[[Node], Step]) -> Step:
    function = node.function
    args = [compiled(arg) for arg in node.args]
    kwargs = [(name, compiled(value)) for name, value in node.kwargs]
    if node.is_standard and not kwargs:
        # without a comprehension: half the stack for long sums, and faster
        if len(args) == 1:
            (only,) = args
            return lambda visit: function(only(visit))
        if len(args) == 2:
            left, right = args
            return lambda visit: function(left(visit), right(visit))

    def call(visit: Visit) -> Any:
        return function(
            *[step(visit) for step in args], **{name: step(visit) for name, step in kwargs}
        )

    if node.is_standard:
        return call

    def call_and_evaluate(visit: Visit) -> Any:
        value = call(visit)
        if hasattr(value, "pos_args") and hasattr(value, "named_args"):
            return _evaluate_expression(value)
        return value

    return call_and_evaluate


def _evaluate_expression(expression: Any) -> Any:
    """Evaluate a hyperopt expression that a function returned; hyperopt does so too."""
    from hyperopt.pyll.base import rec_eval

    return rec_eval(expression)
