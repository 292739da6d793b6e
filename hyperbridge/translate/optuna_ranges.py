"""The search space of a study that other code has made, from the distributions of its trials.

hyperopt's space has the same ranges. When a parameter is reached is not known from a study, so
each is a parameter of its own in a flat dict. Source: Optuna's reference of
``optuna.distributions``; nothing here imports Optuna.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

from hyperopt import hp
from hyperopt.pyll.base import scope

from hyperbridge.space import Space
from hyperbridge.translate.counterparts import multiples
from hyperbridge.translate.from_hyperopt import read_space


def space_of_distributions(
    found: Mapping[str, Iterable[Any]],
) -> tuple[Space | None, list[str]]:
    """Return a flat space with the parameters of a study, and a line for each thing assumed.

    Args:
        found: By label the distributions that its trials have, which may differ in their ends.

    Returns:
        The space; None without any label.
    """
    remarks: list[str] = []
    parts = {label: _expression(label, list(each), remarks) for label, each in found.items()}
    return (read_space(parts) if parts else None), remarks


def _expression(label: str, found: list[Any], remarks: list[str]) -> Any:
    first = found[0]
    if type(first).__name__ == "CategoricalDistribution":
        return hp.choice(label, list(first.choices))
    low, high = min(each.low for each in found), max(each.high for each in found)
    if len({(each.low, each.high) for each in found}) > 1:
        remarks.append(
            f"label {label!r} has different ranges in the trials; {low:g} to {high:g} is taken"
        )
    steps = {each.step for each in found}
    step = steps.pop() if len(steps) == 1 else None
    is_int = type(first).__name__ == "IntDistribution"
    if low == high:  # as hyperopt itself writes what has one value
        fixed = scope.hyperopt_param(label, int(low) if is_int else float(low))
        return scope.int(fixed) if is_int else scope.float(fixed)
    if first.log:
        ends = math.log(low), math.log(high)
        return scope.int(hp.qloguniform(label, *ends, 1)) if is_int else hp.loguniform(label, *ends)
    if is_int:
        step = step or 1
    if step is not None and not _is_grid(low, high, step):
        remarks.append(
            f"label {label!r}: hyperopt has no steps of {step:g} that begin at {low:g}; "
            f"{'steps of 1 are' if is_int else 'a range without steps is'} taken"
        )
        step = 1 if is_int else None
    if is_int:
        return scope.int(hp.quniform(label, low, high, step))
    return hp.uniform(label, low, high) if step is None else hp.quniform(label, low, high, step)


def _is_grid(low: float, high: float, step: float) -> bool:
    """Tell whether the multiples of a step within two ends begin and end at them."""
    first, last = multiples(low, high, step)
    return math.isclose(first * step, low) and math.isclose(last * step, high)
