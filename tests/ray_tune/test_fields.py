"""No field of a config object of Ray's is dropped: each reaches Tune, or is refused by its name."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pyarrow.fs
import pytest
from ray import air, train, tune
from ray.tune.schedulers import ASHAScheduler
from ray.tune.search import BasicVariantGenerator
from ray.tune.stopper import FunctionStopper, Stopper

from hyperbridge.backends.ray.hooks import Hooks, RunStopper
from hyperbridge.backends.ray.options import (
    check_run_config,
    check_tune_config,
    merge,
    rules_of,
    run_arguments,
)
from hyperbridge.errors import InvalidArgumentError, UnsupportedArgumentError

ELSEWHERE = {
    "max_concurrent_trials": "it is fmin's parallelism",
    "reuse_actors": "hyperbridge.Ray(reuse_actors=...) outranks it",
}
PARTS = {"failure_config": "FailureConfig", "checkpoint_config": "CheckpointConfig"}
SAMPLES: dict[str, Any] = {
    "callbacks": [tune.Callback()],
    "chdir_to_trial_dir": True,
    "checkpoint_at_end": True,
    "checkpoint_frequency": 7,
    "checkpoint_score_attribute": "zebra",
    "checkpoint_score_order": "min",
    "_checkpoint_keep_all_ranks": True,
    "_checkpoint_upload_from_workers": True,
    "controller_failure_limit": 7,
    "fail_fast": True,
    "local_dir": "/tmp/zebra",
    "log_to_file": ("zebra.out", "zebra.err"),
    "logging_config": None if not hasattr(train, "LoggingConfig") else train.LoggingConfig("DEBUG"),
    "max_failures": 7,
    "max_preemption_failures": 7,
    "metric": "zebra",
    "mode": "max",
    "name": "zebra",
    "num_samples": 7,
    "num_to_keep": 7,
    "preemption_grace_s": 7.0,
    "progress_reporter": tune.CLIReporter(),
    "relax_collectives_on_preemption": True,
    "scheduler": ASHAScheduler(),
    "search_alg": BasicVariantGenerator(),
    "stop": FunctionStopper(lambda trial_id, result: False),
    "storage_filesystem": pyarrow.fs.LocalFileSystem(),
    "storage_path": "/tmp/zebra",
    "sync_config": tune.SyncConfig(sync_period=77),
    "time_budget_s": 7,
    "trial_dirname_creator": lambda trial: "zebra",
    "trial_name_creator": lambda trial: "zebra",
    "verbose": 3,
    "worker_runtime_env": {"env_vars": {"A": "1"}},
}
"""A value that is not the default of each field that Ray's classes have. A field that is not here
is a new one of Ray's: pass it on, or let it be refused."""


def cases() -> Iterator[Any]:
    """Yield pairs of classes, outer and inner, with a field of the inner one."""
    pairs = [(tune.TuneConfig, tune.TuneConfig)]
    for module in (tune, air, train):
        pairs.append((module.RunConfig, module.RunConfig))
        pairs += [(module.RunConfig, getattr(module, part)) for part in PARTS.values()]
    for outer, inner in pairs:
        for field in dataclasses.fields(inner):
            if field.name not in PARTS and field.name not in ELSEWHERE:
                yield pytest.param(outer, inner, field.name, id=f"{inner.__module__}-{field.name}")


def passed_on(name: str, value: Any) -> Iterator[tuple[str, Any]]:
    """Yield all values within the arguments of ``tune.run``, with the names of their fields."""
    yield name, value
    if isinstance(value, dict):
        inner = list(value.items())
    elif dataclasses.is_dataclass(value):
        inner = [(field.name, getattr(value, field.name)) for field in dataclasses.fields(value)]
    elif isinstance(value, list):
        inner = [(name, each) for each in value]
    elif isinstance(value, Stopper):
        parts = [getattr(vars(value).get("_dispatcher"), "rules", None)]
        parts += vars(value).get("_stoppers", ())
        inner = [(name, each) for each in parts]
    else:
        return
    for each in inner:
        yield from passed_on(*each)


def make(outer: Any, inner: Any, **values: Any) -> Any:
    """Return a config; a part of a RunConfig comes within one."""
    made = inner(**values)
    if outer is inner:
        return made
    part = next(name for name, kind in PARTS.items() if kind == inner.__name__)
    return outer(**{part: made})


@pytest.mark.parametrize(("outer", "inner", "field"), list(cases()))
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_each_field_reaches_tune_or_is_refused_by_name(outer: Any, inner: Any, field: str) -> None:
    value = SAMPLES[field]
    try:
        config = make(outer, inner, **{field: value})
    except (DeprecationWarning, ValueError):
        return  # Ray itself refuses it
    given = {"tune": None, "run": None, "tune" if outer is tune.TuneConfig else "run": config}
    refusal = None
    try:
        tune_config = check_tune_config(given["tune"])
        run_config = check_run_config(given["run"])
    except (UnsupportedArgumentError, InvalidArgumentError) as exc:
        refusal = str(exc)
    if refusal is not None:
        assert field in refusal
        return
    dispatcher: Any = SimpleNamespace(rules=rules_of(run_config.stop))
    callbacks = list(run_config.callbacks or [])
    hooks = Hooks("searcher", callbacks, RunStopper(dispatcher), lambda users: users)
    merged = merge(tune_config, run_config, hooks, reports=True, reuse_actors=True, retries=1)
    arguments = run_arguments(*merged)
    found = [each for name, each in passed_on("", arguments) if name == field]
    wanted = value[0] if field == "callbacks" else value
    assert wanted in found


@pytest.mark.parametrize("module", [tune, air, train], ids=lambda module: str(module.__name__))
def test_configs_in_which_nothing_is_set_are_taken(module: Any) -> None:
    assert type(check_run_config(module.RunConfig())) is tune.RunConfig


def test_a_field_of_a_later_ray_is_refused_once_it_is_set() -> None:
    @dataclasses.dataclass
    class RunConfig(tune.RunConfig):  # type: ignore[misc]  # Ray has no types
        tomorrow: int = 0

    check_run_config(RunConfig())
    with pytest.raises(UnsupportedArgumentError, match="tomorrow=1"):
        check_run_config(RunConfig(tomorrow=1))


def test_callbacks_of_ray_train_are_refused() -> None:
    with pytest.raises(InvalidArgumentError, match=r"ray.tune.Callback.*object"):
        check_run_config(tune.RunConfig(callbacks=[object()]))
