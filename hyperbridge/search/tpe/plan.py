"""Compile a search space into a plan: which labels are drawn, in which order, and when.

The plan is read from the vectorised graph that hyperopt makes of a space (``Domain.s_idxs_vals``),
not from the neutral space model. The order of draws decides every random number, and it is a
property of that graph alone: where a shared node is reached twice, which visit comes first
depends on the unions that the vectoriser grew on the way, a history that a model of the space
has no reason to keep.

Source: ``hyperopt.vectorize`` for the shapes of the nodes, and ``rec_eval`` of
``hyperopt.pyll.base`` for the order of evaluation.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Hashable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from hyperopt.pyll import scope
from hyperopt.pyll.base import Apply

from hyperbridge.search.tpe.draws import drawer
from hyperbridge.search.tpe.priors import (
    CategoricalPrior,
    NotReproducibleError,
    Prior,
    read_prior,
)

Draws = dict[str, Any]
"""What was drawn so far in one suggestion, by label."""


@dataclass(frozen=True, slots=True)
class Parameter:
    """One label of the space.

    Attributes:
        label: The label.
        prior: Its prior.
        group: Number of its group: the labels that are active under the same condition.
        row: Its row among the numeric, or among the categorical, labels of the group.
        decided_at_once: True when a condition depends on it, so that its value must be known
            before the next label is drawn. Always true for categories, which are cheap, and for
            narrow priors, which need the exact formulas.
        shift: What hyperopt adds to the drawn category in a document (the lower end of
            ``randint(low, high)``), else None.
        draw: Draws a value from the prior, see `drawer`.
    """

    label: str
    prior: Prior
    group: int
    row: int
    decided_at_once: bool
    shift: int | None
    draw: Callable[[np.random.Generator], Any]


@dataclass(frozen=True, slots=True)
class Condition:
    """When a group of labels is active.

    Attributes:
        key: Equal for equal conditions.
        holds: Tells from the labels drawn so far whether the condition holds; None if it
            always does.
    """

    key: Hashable
    holds: Callable[[Draws], bool] | None


@dataclass(frozen=True, slots=True)
class Plan:
    """A compiled search space.

    Attributes:
        labels: All labels, in the order of hyperopt's documents.
        order: The parameters in the order of their draws.
        conditions: The condition of each group.
        shifted: The parameters with a shift.
        active: For each group True when it always is, None when its condition tells.
    """

    labels: tuple[str, ...]
    order: tuple[Parameter, ...]
    conditions: tuple[Condition, ...]
    shifted: tuple[Parameter, ...]
    active: tuple[bool | None, ...]


def compile_plan(domain: Any) -> Plan:
    """Compile the space of a hyperopt ``Domain``.

    Raises:
        NotReproducibleError: The space holds something that only hyperopt can evaluate.
    """
    idxs_by_label, vals_by_label = (_by_label(node) for node in domain.s_idxs_vals.pos_args)
    reader = _GraphReader(domain.s_new_ids, {node: label for label, node in vals_by_label.items()})
    conditions: dict[Hashable, int] = {}
    found: list[Condition] = []
    sizes: dict[tuple[int, bool], int] = {}
    drafts: dict[str, tuple[Prior, int, int, int | None]] = {}
    for label in idxs_by_label:
        stochastic = domain.params[label]
        prior = read_prior(stochastic)
        condition = reader.condition(idxs_by_label[label])
        if condition.key not in conditions:
            conditions[condition.key] = len(found)
            found.append(condition)
        group = conditions[condition.key]
        kind = group, isinstance(prior, CategoricalPrior)
        sizes[kind] = sizes.get(kind, 0) + 1
        has_shift = stochastic.name == "randint" and len(stochastic.pos_args) == 2
        shift = prior.offset if has_shift and isinstance(prior, CategoricalPrior) else None
        drafts[label] = prior, group, sizes[kind] - 1, shift
    order = []
    for node in _evaluation_order(domain.s_idxs_vals):
        drawn = reader.label_of.get(node)
        if drawn is not None:
            prior, group, row, shift = drafts[drawn]
            at_once = (
                drawn in reader.labels_in_conditions
                or isinstance(prior, CategoricalPrior)
                or prior.is_narrow
            )
            order.append(Parameter(drawn, prior, group, row, at_once, shift, drawer(prior)))
    shifted = tuple(parameter for parameter in order if parameter.shift is not None)
    active = tuple(True if condition.holds is None else None for condition in found)
    return Plan(tuple(idxs_by_label), tuple(order), tuple(found), shifted, active)


def _by_label(node: Apply) -> dict[str, Apply]:
    if node.name != "dict" or node.pos_args:
        raise NotReproducibleError("labels that are not all text")
    return dict(node.named_args)


def _evaluation_order(root: Apply) -> Iterator[Apply]:
    """Yield the nodes in the order in which hyperopt evaluates them: inputs last to first."""
    todo, done = [root], set()
    while todo:
        node = todo.pop()
        if node in done:
            continue
        waiting = [i for i in node.inputs() if i not in done]
        if waiting:
            todo.append(node)
            todo.extend(waiting)
        else:
            done.add(node)
            yield node


class _GraphReader:
    """Translates index and value nodes of the vectorised graph, for a batch of one trial."""

    def __init__(self, new_ids: Apply, label_of: dict[Apply, str]) -> None:
        self.label_of = label_of
        self.labels_in_conditions: set[str] = set()
        self._new_ids = new_ids
        self._conditions: dict[Apply, Condition] = {}

    def condition(self, node: Apply) -> Condition:
        """Return when the array of ids that a node computes is not empty."""
        if node not in self._conditions:
            self._conditions[node] = self._read_condition(node)
        return self._conditions[node]

    def _read_condition(self, node: Apply) -> Condition:
        if node is self._new_ids:
            return _ALWAYS
        if node.name == "array_union":
            return _any_of([self.condition(argument) for argument in node.pos_args])
        if node.name == "getitem" and node.pos_args[0].name == "vchoice_split":
            split, branch = node.pos_args[0], node.pos_args[1].obj
            within = self.condition(split.pos_args[0])
            key, index = self._value(split.pos_args[1])
            return _branch(within, key, index, branch)
        raise NotReproducibleError(f"a condition made by {node.name!r}")

    def _value(self, node: Apply) -> tuple[Hashable, Callable[[Draws], Any]]:
        """Return how to compute a value node, and a key that is equal for equal values."""
        if node in self.label_of:
            label = self.label_of[node]
            self.labels_in_conditions.add(label)
            return label, operator.itemgetter(label)
        if node.name == "literal":
            constant = node.obj
            return node, lambda _: constant
        if node.name == "asarray" and node.pos_args[0].name == "repeat":
            return self._value(node.pos_args[0].pos_args[1])
        if node.name == "idxs_take":
            key, inner = self._value(node.pos_args[1])
            if isinstance(key, str):  # a draw is a NumPy scalar already
                return key, inner
            return key, lambda draws: np.asarray([inner(draws)])[0]
        if node.name == "vchoice_merge":
            _, index = self._value(node.pos_args[1])
            options = [self._value(pair.pos_args[1])[1] for pair in node.pos_args[2:]]
            return node, lambda draws: options[operator.index(index(draws))](draws)
        if node.name == "idxs_map":
            return node, self._mapped(node)
        raise NotReproducibleError(f"a condition that depends on {node.name!r}")

    def _mapped(self, node: Apply) -> Callable[[Draws], Any]:
        function = scope._impls[node.pos_args[1].obj]
        positional = [self._value(pair.pos_args[1])[1] for pair in node.pos_args[2:]]
        named = {name: self._value(pair.pos_args[1])[1] for name, pair in node.named_args}
        return lambda draws: function(
            *(argument(draws) for argument in positional),
            **{name: argument(draws) for name, argument in named.items()},
        )


_ALWAYS = Condition("always", None)


def _any_of(conditions: list[Condition]) -> Condition:
    different = list({condition.key: condition for condition in conditions}.values())
    if any(condition.holds is None for condition in different):
        return _ALWAYS
    if len(different) == 1:
        return different[0]
    tests = [condition.holds for condition in different if condition.holds is not None]
    key = "any", frozenset(condition.key for condition in different)
    return Condition(key, lambda draws: any(test(draws) for test in tests))


def _branch(
    within: Condition, choice: Hashable, index: Callable[[Draws], Any], branch: int
) -> Condition:
    outer = within.holds

    def holds(draws: Draws) -> bool:
        return (outer is None or outer(draws)) and operator.index(index(draws)) == branch

    return Condition(("branch", within.key, choice, branch), holds)
