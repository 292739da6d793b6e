"""Optuna's pruners as rules of ours, which need no Optuna where a trial runs.

Source: the reference of ``optuna.pruners``. The settings of a pruner have no public names; they
were seen in Optuna 4.0 to 5.0. A pruner that lacks one, or is of another class, is asked itself.
"""

from __future__ import annotations

from typing import Any

from hyperbridge.documents import Assignment
from hyperbridge.pruning.rules import (
    BoundsRule,
    Ended,
    HalvingRule,
    HyperbandRule,
    NoRule,
    PatientRule,
    PercentileRule,
    Rule,
)
from hyperbridge.space import Space
from hyperbridge.translate.to_optuna import OptunaSpace


def rule_of(pruner: Any, space: Space, study_name: str) -> Rule:
    """Return the rule of a pruner.

    Args:
        pruner: An ``optuna.pruners.BasePruner``.
        space: The search space.
        study_name: For what depends on the name of the study.
    """
    try:
        rule = _counterpart(pruner, space, study_name)
    except AttributeError:
        rule = None
    return rule or StudyRule(pruner, space, study_name)


def _counterpart(pruner: Any, space: Space, study_name: str) -> Rule | None:
    from optuna import pruners

    kind = type(pruner)
    if kind is pruners.NopPruner:
        return NoRule()
    if kind in (pruners.MedianPruner, pruners.PercentilePruner):
        return PercentileRule(
            pruner._percentile,
            pruner._n_startup_trials,
            pruner._n_warmup_steps,
            pruner._interval_steps,
            pruner._n_min_trials,
        )
    if kind is pruners.SuccessiveHalvingPruner:
        return HalvingRule(
            pruner._min_resource,
            pruner._reduction_factor,
            pruner._min_early_stopping_rate,
            pruner._bootstrap_count,
        )
    if kind is pruners.HyperbandPruner:
        most = pruner._max_resource
        return HyperbandRule(
            study_name,
            pruner._min_resource,
            None if most == "auto" else most,
            pruner._reduction_factor,
            pruner._bootstrap_count,
        )
    if kind is pruners.ThresholdPruner:
        return BoundsRule(
            pruner._lower, pruner._upper, pruner._n_warmup_steps, pruner._interval_steps
        )
    if kind is pruners.PatientPruner:
        wrapped = pruner._wrapped_pruner
        inner = None if wrapped is None else rule_of(wrapped, space, study_name)
        return PatientRule(inner, pruner._patience, pruner._min_delta)
    return None


class StudyRule(Rule):
    """A pruner of another kind: it is asked itself, with all trials that have ended.

    Optuna must be installed where the trials run.

    Args:
        pruner: The pruner.
        space: The search space.
        study_name: The name that the study has there.
    """

    kind = "instudy"

    def __init__(self, pruner: Any, space: Space, study_name: str) -> None:
        self.settings = {"pruner": pruner}
        self._name = study_name
        self._space = OptunaSpace(space)
        self._trials: list[dict[str, Any]] = []
        self._told: dict[int, Any] = {}  # by trial, since one has ended

    def known(self, tid: int, assignment: Assignment) -> Any:
        """Return the trials that have ended, and the one that runs."""
        if tid not in self._told:
            running = self._facts("RUNNING", assignment, {}, None)
            self._told[tid] = self._name, list(self._trials), running
        return self._told[tid]

    def ended(self, trial: Ended) -> None:
        """Keep the trial."""
        self._told.clear()
        state = {"complete": "COMPLETE", "pruned": "PRUNED", "failed": "FAIL"}[trial.state]
        value = trial.loss if trial.state == "complete" else None
        self._trials.append(self._facts(state, trial.assignment, trial.losses, value))

    def _facts(
        self, state: str, assignment: Assignment, losses: dict[int, float], value: float | None
    ) -> dict[str, Any]:
        from optuna.distributions import distribution_to_json

        try:
            params, distributions, _ = self._space.params_of(assignment)
        except (LookupError, ValueError):  # a point of the user's, beyond the bounds
            params, distributions = {}, {}
        return {
            "state": state,
            "value": value,
            "params": params,
            "distributions": {
                name: distribution_to_json(each) for name, each in distributions.items()
            },
            "intermediate_values": dict(losses),
        }
