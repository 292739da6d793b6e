"""Which rule a call of fmin has: from a name, or from an Optuna pruner."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from hyperbridge.errors import ArgumentTypeError, InvalidArgumentError
from hyperbridge.pruning.rules import (
    HalvingRule,
    HyperbandRule,
    NoRule,
    PatientRule,
    PercentileRule,
    Rule,
)
from hyperbridge.space import Space

STUDY_NAME = "hyperbridge"
"""Stands for a study's name in what depends on one, so that all backends decide the same."""

_NAMED: dict[str, Callable[[str], Rule]] = {
    "median": lambda _: PercentileRule(50.0),
    "percentile": lambda _: PercentileRule(25.0),
    "asha": lambda _: HalvingRule(),
    "hyperband": lambda name: HyperbandRule(name),
    "patient": lambda _: PatientRule(PercentileRule(50.0), patience=3),
}
"""The rules by name, with the defaults of the Optuna pruners of the same kind."""


def check_pruner(pruner: Any) -> None:
    """Refuse what is no pruner.

    Raises:
        InvalidArgumentError: A name that no pruner has.
        ArgumentTypeError: Neither a name nor an Optuna pruner.
    """
    if isinstance(pruner, str):
        if pruner.strip().lower() not in _NAMED:
            raise InvalidArgumentError(
                f"pruner must be one of {', '.join(map(repr, _NAMED))} or an optuna.pruners "
                f"object, got {pruner!r}"
            )
    elif pruner is not None and not _is_optuna_pruner(pruner):
        what = f"the class {pruner.__name__}" if isinstance(pruner, type) else repr(pruner)
        advice = (
            f"; pass an object, such as {pruner.__name__}()" if isinstance(pruner, type) else ""
        )
        raise ArgumentTypeError(
            f"pruner must be a name ({', '.join(map(repr, _NAMED))}) or an optuna.pruners object, "
            f"got {what}{advice}"
        )


def _is_optuna_pruner(pruner: Any) -> bool:
    return any(
        base.__name__ == "BasePruner" and base.__module__.startswith("optuna.")
        for base in type(pruner).__mro__
    )


def make_rule(pruner: Any, space: Space, study_name: str | None = None) -> Rule:
    """Return the rule of a pruner that `check_pruner` has let through.

    Args:
        pruner: A name, an Optuna pruner, or None.
        space: The search space.
        study_name: Of the Optuna study that the search has, if the user has named it.

    Examples:
        >>> from hyperopt import hp
        >>> from hyperbridge import read_space
        >>> make_rule("median", read_space(hp.uniform("x", 0, 1))).kind
        'percentile'
    """
    if pruner is None:
        return NoRule()
    name = study_name or STUDY_NAME
    if isinstance(pruner, str):
        return _NAMED[pruner.strip().lower()](name)
    from hyperbridge.pruning.from_optuna import rule_of

    return rule_of(pruner, space, name)
