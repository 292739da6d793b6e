"""Check what a user of Ray Tune set, and merge it with what fmin decides.

Source: the reference of ``ray.tune.RunConfig``, ``TuneConfig`` and ``tune.run``.
"""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Callable
from typing import Any

from ray import tune

from hyperbridge.backends.ray.fields import refuse_fields, retyped
from hyperbridge.backends.ray.hooks import Hooks
from hyperbridge.backends.ray.internals import goal_of
from hyperbridge.errors import InvalidArgumentError, UnsupportedArgumentError

METRIC = "loss"

_DEPRECATED = {"chdir_to_trial_dir", "local_dir"}
_PASSED_ON = frozenset(inspect.signature(tune.run).parameters) - _DEPRECATED
"""The fields that reach Tune: ``tune.run`` has an argument of the same name for each."""


def check_tune_config(given: Any) -> Any:
    """Return the user's TuneConfig, or a new one.

    Raises:
        InvalidArgumentError: It is of another type, or maximises.
        UnsupportedArgumentError: It sets what fmin decides, or what cannot reach Tune.
    """
    if given is None:
        return tune.TuneConfig()
    if not isinstance(given, tune.TuneConfig):
        raise InvalidArgumentError(f"tune_config must be a ray.tune.TuneConfig, got {given!r}")
    refuse_fields(given, _PASSED_ON)
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
    its_metric, its_mode = goal_of(scheduler)
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


def _class_names(obj: Any) -> list[str]:
    return [cls.__name__ for cls in type(obj).__mro__]


def check_run_config(given: Any) -> Any:
    """Return the user's RunConfig, or a new one; it says how much Tune shall print.

    Raises:
        InvalidArgumentError: It is of another type, or has callbacks that are not Ray Tune's.
        UnsupportedArgumentError: It sets what fmin decides, or what cannot reach Tune.
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
    refuse_fields(given, _PASSED_ON | {"failure_config"})
    refuse_fields(given.failure_config, _PASSED_ON)
    refuse_fields(given.checkpoint_config, vars(given.checkpoint_config))
    for callback in given.callbacks or []:
        if not isinstance(callback, tune.Callback):
            raise InvalidArgumentError(
                f"RunConfig(callbacks=...) must have objects of ray.tune.Callback, got {callback!r}"
            )
    return dataclasses.replace(given, verbose=_verbosity(given))


def merge(
    tune_config: Any,
    run_config: Any,
    hooks: Hooks,
    *,
    reports: bool,
    reuse_actors: bool,
    retries: int,
) -> tuple[Any, Any]:
    """Return the TuneConfig and RunConfig of the experiment.

    Args:
        tune_config: The user's, checked.
        run_config: The user's, checked; its name is decided.
        hooks: Ours.
        reports: Whether the trainable reports intermediate results.
        reuse_actors: Whether an actor runs one trial after the other.
        retries: How often a lost trial is tried again, unless the user's FailureConfig says so.
    """
    scheduler_metric, scheduler_mode = goal_of(tune_config.scheduler)
    metric, mode = tune_config.metric, tune_config.mode
    if metric is None and scheduler_metric is None and (tune_config.scheduler or not reports):
        metric = METRIC
    if metric is not None and mode is None and scheduler_mode is None:
        mode = "min"
    failures = run_config.failure_config
    if failures.max_failures == 0:
        failures = dataclasses.replace(failures, max_failures=retries)
    checkpoints = dataclasses.replace(run_config.checkpoint_config, checkpoint_at_end=False)
    return (
        dataclasses.replace(
            tune_config,
            metric=metric,
            mode=mode,
            search_alg=hooks.search_alg,
            scheduler=hooks.scheduler(tune_config.scheduler),
            num_samples=-1,
            max_concurrent_trials=None,
            reuse_actors=reuse_actors,
        ),
        dataclasses.replace(
            run_config,
            callbacks=hooks.callbacks,
            stop=hooks.stopper,
            checkpoint_config=checkpoints,
            failure_config=failures,
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
    arguments = {
        field.name: getattr(config, field.name)
        for config in (tune_config, run_config, run_config.failure_config)
        for field in dataclasses.fields(config)
        if field.name in _PASSED_ON
    }
    return {**arguments, "callbacks": list(run_config.callbacks), "raise_on_failed_trial": False}
