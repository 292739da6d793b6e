"""Check what a user of Ray Tune set, and merge it with what fmin decides.

Source: the reference of ``ray.tune.RunConfig``, ``TuneConfig`` and ``tune.run``.
"""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ray import tune

from hyperbridge.backends.ray.fields import refuse_unknown, retyped
from hyperbridge.errors import InvalidArgumentError, UnsupportedArgumentError

METRIC = "loss"

_TUNE_FIELDS = frozenset(
    {
        "max_concurrent_trials",
        "metric",
        "mode",
        "num_samples",
        "reuse_actors",
        "scheduler",
        "search_alg",
        "time_budget_s",
        "trial_dirname_creator",
        "trial_name_creator",
    }
)
_RUN_FIELDS = frozenset(
    {
        "callbacks",
        "checkpoint_config",
        "failure_config",
        "log_to_file",
        "name",
        "progress_reporter",
        "stop",
        "storage_filesystem",
        "storage_path",
        "sync_config",
        "verbose",
    }
)
_FAILURE_FIELDS = frozenset({"fail_fast", "max_failures"})
"""The fields of TuneConfig, RunConfig and FailureConfig that the functions below deal with."""


@dataclass(frozen=True)
class Hooks:
    """What reaches the Run from inside Tune.

    Attributes:
        search_alg: Proposes the trials.
        callbacks: Hear of their progress.
        stopper: Ends the experiment; takes the user's rules.
        scheduler: For an experiment whose user has set none.
    """

    search_alg: Any
    callbacks: list[Any]
    stopper: Any
    scheduler: Any


def check_tune_config(given: Any) -> Any:
    """Return the user's TuneConfig, or a new one.

    Raises:
        InvalidArgumentError: It is of another type, or maximises.
        UnsupportedArgumentError: It sets what is an argument of fmin, or what `run_arguments`
            does not know.
    """
    if given is None:
        return tune.TuneConfig()
    if not isinstance(given, tune.TuneConfig):
        raise InvalidArgumentError(f"tune_config must be a ray.tune.TuneConfig, got {given!r}")
    refuse_unknown(given, _TUNE_FIELDS)
    instead = {
        "search_alg": "pass the searcher as fmin's algo",
        "time_budget_s": "use fmin's timeout",
    }
    for name, advice in instead.items():
        if getattr(given, name) is not None:
            raise UnsupportedArgumentError(
                f"TuneConfig({name}=...) does not go with fmin: {advice}"
            )
    if given.num_samples != 1:
        raise UnsupportedArgumentError(
            "TuneConfig(num_samples=...) does not go with fmin: use fmin's max_evals"
        )
    scheduler = given.scheduler
    _check_goal(given, scheduler)
    if isinstance(scheduler, str):
        raise InvalidArgumentError(
            f"TuneConfig(scheduler={scheduler!r}): pass a scheduler object, such as "
            "ray.tune.schedulers.ASHAScheduler()"
        )
    if scheduler is not None and "PopulationBased" in "".join(_class_names(scheduler)):
        raise UnsupportedArgumentError(
            f"{type(scheduler).__name__} changes the parameters of a trial while it runs, which "
            "hyperopt's Trials cannot hold. Use another scheduler, such as ASHAScheduler."
        )
    return given


def _check_goal(config: Any, scheduler: Any) -> None:
    """Make sure that what Tune compares trials by has one metric and one direction.

    Raises:
        InvalidArgumentError: The loss would be maximised, another metric has no mode, or the
            scheduler has one of the two as well.
    """
    kind = type(scheduler).__name__
    its_metric, its_mode = _goal_of(scheduler)
    for name, own in (("metric", its_metric), ("mode", its_mode)):
        if own is not None and getattr(config, name) is not None:
            raise InvalidArgumentError(
                f"TuneConfig({name}={getattr(config, name)!r}) and {kind}({name}={own!r}): "
                "set only one of them"
            )
    where = "TuneConfig" if its_mode is None and its_metric is None else kind
    metric, mode = config.metric or its_metric, config.mode or its_mode
    if metric in (None, METRIC) and mode not in (None, "min"):
        raise InvalidArgumentError(f"{where}(mode={mode!r}): fmin minimises the loss, use 'min'")
    if metric not in (None, METRIC) and mode is None:
        raise InvalidArgumentError(
            f"{where}(metric={metric!r}) needs a mode: is {metric!r} better when it is lower "
            "(mode='min') or higher (mode='max')?"
        )


def _goal_of(scheduler: Any) -> tuple[str | None, str | None]:
    """Return the metric and the mode that a scheduler, or one inside it, was made with."""
    metric = getattr(scheduler, "_metric", None) or getattr(scheduler, "metric", None)
    mode = getattr(scheduler, "_mode", None)
    inner = getattr(scheduler, "_base_scheduler", None)
    if inner is None:
        return metric, mode
    its_metric, its_mode = _goal_of(inner)
    return metric or its_metric, mode or its_mode


def _unused(scheduler: Any) -> Any:
    """Return a copy of the user's scheduler, in which Tune would note this experiment's goal."""
    try:
        return copy.deepcopy(scheduler)
    except Exception:  # noqa: BLE001 - one of the user's own may hold anything
        return scheduler


def _class_names(obj: Any) -> list[str]:
    return [cls.__name__ for cls in type(obj).__mro__]


def check_run_config(given: Any) -> Any:
    """Return the user's RunConfig, or a new one; it says how much Tune shall print.

    Raises:
        InvalidArgumentError: It is of another type, or has callbacks that are not Ray Tune's.
        UnsupportedArgumentError: It sets what only trainables of other kinds have, what the
            kind of Trials decides, or what `run_arguments` does not know.
    """
    if given is None:
        given = tune.RunConfig()
    if "RunConfig" not in _class_names(given):
        raise InvalidArgumentError(f"run_config must be a ray.tune.RunConfig, got {given!r}")
    given = retyped(  # Ray Train has its own of all three, and Tune warns about them
        given,
        tune.RunConfig,
        failure_config=retyped(given.failure_config, tune.FailureConfig),
        checkpoint_config=retyped(given.checkpoint_config, tune.CheckpointConfig),
    )
    refuse_unknown(given, _RUN_FIELDS)
    refuse_unknown(given.failure_config, _FAILURE_FIELDS)
    for callback in given.callbacks or []:
        if not isinstance(callback, tune.Callback):
            raise InvalidArgumentError(
                f"RunConfig(callbacks=...) must have objects of ray.tune.Callback, got {callback!r}"
            )
    if given.failure_config.fail_fast:
        raise UnsupportedArgumentError(
            "FailureConfig(fail_fast=...) does not go with fmin: with plain Trials fmin raises the "
            "first failure, with SparkTrials or catch_eval_exceptions=True the search goes on"
        )
    for name in ("checkpoint_frequency", "checkpoint_at_end"):
        if getattr(given.checkpoint_config, name):
            raise UnsupportedArgumentError(
                f"CheckpointConfig({name}=...) does not go with fmin, whose objective is a "
                "function: report checkpoints in it, with ray.tune.report(..., checkpoint=...)"
            )
    return dataclasses.replace(given, verbose=_verbosity(given))


def merge(
    tune_config: Any, run_config: Any, hooks: Hooks, *, reports: bool, reuse_actors: bool
) -> tuple[Any, Any]:
    """Return the TuneConfig and RunConfig of the experiment.

    Args:
        tune_config: The user's, checked.
        run_config: The user's, checked; its name is decided.
        hooks: Ours.
        reports: Whether the trainable reports intermediate results.
        reuse_actors: Whether an actor runs one trial after the other.
    """
    scheduler_metric, scheduler_mode = _goal_of(tune_config.scheduler)
    hooks.stopper.rules = rules_of(run_config.stop)
    metric, mode = tune_config.metric, tune_config.mode
    if metric is None and scheduler_metric is None and (tune_config.scheduler or not reports):
        metric = METRIC
    if metric is not None and mode is None and scheduler_mode is None:
        mode = "min"
    checkpoints = dataclasses.replace(run_config.checkpoint_config, checkpoint_at_end=False)
    return (
        dataclasses.replace(
            tune_config,
            metric=metric,
            mode=mode,
            search_alg=hooks.search_alg,
            scheduler=_unused(tune_config.scheduler) or hooks.scheduler,
            num_samples=-1,
            max_concurrent_trials=None,
            reuse_actors=reuse_actors,
        ),
        dataclasses.replace(
            run_config,
            callbacks=[*hooks.callbacks, *(run_config.callbacks or [])],
            stop=hooks.stopper,
            checkpoint_config=checkpoints,
        ),
    )


def _verbosity(run_config: Any) -> Any:
    """Return how much Tune shall print: nothing, unless the user has asked for something."""
    if run_config.verbose is not tune.RunConfig().verbose:  # the default is a constant of Tune's
        return run_config.verbose
    return 0 if run_config.progress_reporter is None else 1


def rules_of(users: Any) -> Any:
    """Return one stopper for the user's stop rules, or None."""
    from ray.tune.stopper import CombinedStopper, FunctionStopper, Stopper

    if not users:
        return None
    if isinstance(users, dict):
        return FunctionStopper(_reaches(users))
    parts = users if isinstance(users, list) else [users]
    made = [part if isinstance(part, Stopper) else FunctionStopper(part) for part in parts]
    return CombinedStopper(*made)


def _reaches(limits: dict[str, Any]) -> Callable[[str, dict[str, Any]], bool]:
    """Return Tune's rule for a dict: stop a trial at the first value that reaches its limit."""

    def reached(trial_id: str, result: dict[str, Any]) -> bool:  # noqa: ARG001
        return any(result[name] >= limit for name, limit in limits.items() if name in result)

    return reached


def run_arguments(tune_config: Any, run_config: Any) -> dict[str, Any]:
    """Return the arguments of ``tune.run`` for what a Tuner takes as two objects."""
    failures = run_config.failure_config
    return {
        "name": run_config.name,
        "storage_path": run_config.storage_path,
        "storage_filesystem": run_config.storage_filesystem,
        "callbacks": list(run_config.callbacks),
        "stop": run_config.stop,
        "sync_config": run_config.sync_config,
        "checkpoint_config": run_config.checkpoint_config,
        "verbose": run_config.verbose,
        "progress_reporter": run_config.progress_reporter,
        "log_to_file": run_config.log_to_file,
        "max_failures": failures.max_failures,
        "fail_fast": failures.fail_fast,
        "metric": tune_config.metric,
        "mode": tune_config.mode,
        "search_alg": tune_config.search_alg,
        "scheduler": tune_config.scheduler,
        "num_samples": tune_config.num_samples,
        "reuse_actors": tune_config.reuse_actors,
        "trial_name_creator": tune_config.trial_name_creator,
        "trial_dirname_creator": tune_config.trial_dirname_creator,
        "raise_on_failed_trial": False,
    }
