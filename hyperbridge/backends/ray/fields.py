"""Carry each field of the user's config objects over to Tune, or refuse it by its name.

Ray Tune, Ray Train and Ray AIR have classes of the same names with fields of their own, and a
later Ray may add some. Source: their references; fields are read from the installed classes.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Collection
from typing import Any

from hyperbridge.errors import UnsupportedArgumentError

_CHECKPOINTS = (
    "the objective is a function; report checkpoints in it, with ray.tune.report(..., checkpoint=)"
)
_DECIDED = {
    "checkpoint_at_end": _CHECKPOINTS,
    "checkpoint_frequency": _CHECKPOINTS,
    "fail_fast": "with plain Trials fmin raises the first failure, with SparkTrials or "
    "catch_eval_exceptions=True the search goes on",
    "num_samples": "use fmin's max_evals",
    "search_alg": "pass the searcher as fmin's algo",
    "time_budget_s": "use fmin's timeout",
}
_ELSEWHERE = {
    "chdir_to_trial_dir": "set the environment variable RAY_CHDIR_TO_TRIAL_DIR for Ray's workers",
    "logging_config": "set up logging inside the objective",
    "worker_runtime_env": "give it to all workers: ray.init(runtime_env=...) before fmin",
}


def refuse_fields(config: Any, passed_on: Collection[str]) -> None:
    """Make sure that a config sets no field that fmin decides, and none that cannot reach Tune.

    Args:
        config: A dataclass of Ray's; what its constructor sets by itself counts as not set.
        passed_on: The names of the fields that are passed on, or have been checked.

    Raises:
        UnsupportedArgumentError: It does; the message has the field.
    """
    kind, untouched = type(config), type(config)()
    for field in dataclasses.fields(config):
        name, value = field.name, getattr(config, field.name)
        if value is False or value == getattr(untouched, name):
            continue
        if name in _DECIDED:
            raise UnsupportedArgumentError(
                f"{kind.__name__}({name}=...) does not go with fmin: {_DECIDED[name]}"
            )
        if name not in passed_on:
            raise UnsupportedArgumentError(
                f"Backend 'ray' cannot pass {kind.__module__}.{kind.__name__}({name}={value!r}) "
                f"on to Ray Tune: {_ELSEWHERE.get(name, 'leave it out')}"
            )


def retyped(config: Any, kind: Any, **replaced: Any) -> Any:
    """Return a config as one of a kind, without what its own kind only marks as deprecated.

    Args:
        config: Of that kind, or of one of the same name in another part of Ray.
        kind: The dataclass to return.
        replaced: Fields that get another value.

    Raises:
        UnsupportedArgumentError: It sets a field that the kind does not have.
    """
    if isinstance(config, kind):
        return dataclasses.replace(config, **replaced)
    names = {field.name for field in dataclasses.fields(kind)}
    refuse_fields(config, names)
    shared = {
        field.name: getattr(config, field.name)
        for field in dataclasses.fields(config)
        if field.name in names and not _is_unset(field, getattr(config, field.name))
    }
    return kind(**{**shared, **replaced})


def _is_unset(field: dataclasses.Field[Any], value: Any) -> bool:
    return isinstance(value, str) and value == field.default == "DEPRECATED"
