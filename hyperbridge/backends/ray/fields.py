"""Carry each field of the user's config objects over to Tune, or refuse it by its name.

Ray Tune, Ray Train and Ray AIR have classes of the same names with fields of their own, and a
later Ray may add some. Source: their references; fields are read from the installed classes.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Collection
from typing import Any

from hyperbridge.errors import UnsupportedArgumentError

_ADVICE = {
    "chdir_to_trial_dir": "set the environment variable RAY_CHDIR_TO_TRIAL_DIR for Ray's workers",
    "logging_config": "set up logging inside the objective",
    "worker_runtime_env": "give it to all workers: ray.init(runtime_env=...) before fmin",
}
_NO_ADVICE = "leave it out"


def refuse_unknown(config: Any, known: Collection[str]) -> None:
    """Make sure that a config sets no other fields than those that are passed on.

    Args:
        config: A dataclass of Ray's; what its constructor sets by itself counts as not set.
        known: The names of the fields that are passed on, or have been checked.

    Raises:
        UnsupportedArgumentError: It does; the message has the field.
    """
    untouched = type(config)()
    for field in dataclasses.fields(config):
        value = getattr(config, field.name)
        if field.name not in known and value != getattr(untouched, field.name):
            kind = type(config)
            raise UnsupportedArgumentError(
                f"Backend 'ray' cannot pass {kind.__module__}.{kind.__name__}({field.name}="
                f"{value!r}) on to Ray Tune: {_ADVICE.get(field.name, _NO_ADVICE)}"
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
    refuse_unknown(config, names)
    shared = {
        field.name: getattr(config, field.name)
        for field in dataclasses.fields(config)
        if field.name in names and not _is_unset(field, getattr(config, field.name))
    }
    return kind(**{**shared, **replaced})


def _is_unset(field: dataclasses.Field[Any], value: Any) -> bool:
    return isinstance(value, str) and value == field.default == "DEPRECATED"
