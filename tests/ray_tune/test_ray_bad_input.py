"""What cannot work on Ray is refused before the first trial, by its name."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import ray
from fsspec.implementations.local import LocalFileSystem
from hyperopt import hp
from pyarrow.fs import FSSpecHandler, PyFileSystem
from ray.tune import CheckpointConfig, FailureConfig, PlacementGroupFactory, RunConfig, TuneConfig
from ray.tune.schedulers import (
    ASHAScheduler,
    PopulationBasedTraining,
    ResourceChangingScheduler,
)

from hyperbridge import Ray, Trials, fmin
from hyperbridge.backends.ray.options import check_run_config
from hyperbridge.backends.ray.resources import (
    await_room,
    check_room,
    count_slots,
    decide_parallelism,
    may_grow,
    request_of,
)
from hyperbridge.errors import (
    BackendUnavailableError,
    InvalidArgumentError,
    UnsupportedArgumentError,
)

PBT = PopulationBasedTraining(hyperparam_mutations={"x": [1, 2]})
SPACE = {"x": hp.uniform("x", -5, 5), "kind": hp.choice("kind", ["a", "b"])}


@pytest.mark.parametrize(
    ("asked", "named"),
    [
        ({"cpu": 100}, "CPU: 100"),
        ({"gpu": 1}, "GPU: 1"),
        ({"cpu": 1, "banana": 2}, "banana: 2"),
        (PlacementGroupFactory([{"CPU": 1}, {"CPU": 50}]), "CPU: 50"),
    ],
    ids=lambda value: str(value).partition(" at 0x")[0],  # the same in each process
)
def test_resources_that_no_node_has_are_named_at_once(
    minimise: Any, asked: Any, named: str
) -> None:
    with pytest.raises(BackendUnavailableError, match=named):
        minimise(lambda p: 0.0, SPACE, max_evals=1, ray={"resources_per_trial": asked})


@pytest.mark.parametrize(
    ("asked", "text"),
    [
        ({"cpu": -1}, "'cpu'"),
        ({"cpu": "two"}, "'cpu'"),
        (2, "dict"),
        ({"cpu": 0}, "nothing"),
        ({}, "nothing"),
    ],
)
def test_resources_that_cannot_be_are_refused(minimise: Any, asked: Any, text: str) -> None:
    with pytest.raises(InvalidArgumentError, match=text):
        minimise(lambda p: 0.0, SPACE, max_evals=1, ray={"resources_per_trial": asked})


def test_a_number_of_numpy_is_an_amount() -> None:
    request = request_of({"cpu": np.int64(2), "gpu": np.float32(0.5)})
    assert request.bundles == [{"CPU": 2.0, "GPU": 0.5}]


def test_a_searcher_class_is_refused(minimise: Any) -> None:
    from ray.tune.search import Searcher

    with pytest.raises(InvalidArgumentError, match=r"algo=Searcher is a class.*Searcher\(\)"):
        minimise(lambda p: 0.0, SPACE, max_evals=1, algo=Searcher)


def test_a_storage_that_cannot_be_looked_at_is_named(minimise: Any) -> None:
    class Closed(LocalFileSystem):
        def find(self, *args: Any, **kwargs: Any) -> Any:
            raise PermissionError("not for you")

        info = ls = isdir = isfile = exists = find

    run = {"storage_path": "/experiments", "name": "n"}
    run["storage_filesystem"] = PyFileSystem(FSSpecHandler(Closed()))
    with pytest.raises(InvalidArgumentError, match=r"'/experiments/n', cannot be read: .*not for"):
        minimise(lambda p: 0.0, SPACE, max_evals=1, run=run)


def test_a_call_that_could_not_begin_leaves_its_name_free(minimise: Any) -> None:
    run = {"name": "n"}
    with pytest.raises(BackendUnavailableError):
        minimise(
            lambda p: 0.0, SPACE, max_evals=1, run=run, ray={"resources_per_trial": {"cpu": 99}}
        )
    trials = Trials()
    minimise(lambda x: x, hp.uniform("x", 0, 1), max_evals=1, run=run, trials=trials)
    assert len(trials) == 1


@pytest.mark.parametrize(
    ("bundles", "strategy", "slots"),
    [
        ([{"CPU": 1}], "PACK", 8),
        ([{"CPU": 3}], "PACK", 2),
        ([{"CPU": 1, "GPU": 0.5}], "PACK", 2),
        ([{"CPU": 1}, {"GPU": 1}], "PACK", 1),
        ([{"CPU": 4}, {"CPU": 4}], "SPREAD", 1),
        ([{"CPU": 3}, {"CPU": 1}], "STRICT_PACK", 2),
        ([{"CPU": 1}] * 2, "STRICT_SPREAD", 4),
        ([{"CPU": 0.01}], "PACK", 128),
    ],
)
def test_slots_are_counted_by_what_a_trial_asks_for(
    bundles: list[dict[str, float]], strategy: str, slots: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    resources = [{"CPU": 4.0, "GPU": 1.0}, {"CPU": 4.0}]
    nodes = [{"Resources": each, "Alive": True} for each in resources]
    monkeypatch.setattr(ray, "nodes", lambda: [*nodes, {"Resources": {"CPU": 9}, "Alive": False}])
    assert count_slots(PlacementGroupFactory(bundles, strategy=strategy)) == slots


@pytest.mark.parametrize(
    ("bundles", "strategy"),
    [
        ([{"CPU": 3}, {"CPU": 2}], "STRICT_PACK"),
        ([{"CPU": 1}] * 3, "STRICT_SPREAD"),
        ([{"CPU": 5}], "PACK"),
        ([{"CPU": 4}] * 3, "SPREAD"),
    ],
)
def test_a_trial_that_no_node_can_ever_take_is_refused(
    bundles: list[dict[str, float]], strategy: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    nodes = [{"Resources": {"CPU": 4.0}, "Alive": True}] * 2
    monkeypatch.setattr(ray, "nodes", lambda: nodes)
    request = PlacementGroupFactory(bundles, strategy=strategy)
    assert count_slots(request) == 0
    with pytest.raises(BackendUnavailableError, match="CPU"):
        check_room(request, 0, grows=False)


@pytest.mark.parametrize(
    ("requested", "grows", "follows", "decided", "said"),
    [
        (None, False, False, 4, ""),
        (None, True, False, 4, ""),
        (None, True, True, 128, "follows the Ray cluster: 4 trials at once now, at most 128"),
        (3, False, False, 3, ""),
        (9, False, False, 4, "Parallelism 9 is more than the 4 trials"),
        (9, True, True, 9, ""),
        (9, True, False, 9, ""),
        (500, True, True, 128, "Parallelism 500 is capped at 128"),
    ],
)
def test_what_is_asked_of_a_cluster_is_reduced_unless_nodes_may_come(
    requested: int | None, grows: bool, follows: bool, decided: int, said: str,
    caplog: pytest.LogCaptureFixture,
) -> None:  # fmt: skip
    assert decide_parallelism(requested, 4, grows=grows, follows=follows) == decided
    assert said in caplog.text
    assert bool(caplog.text) is bool(said)


def test_a_cluster_grows_when_something_says_so(
    ray_cluster: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("KUBERAY_GEN_RAY_START_CMD", raising=False)
    nodes = [{"CPU": 4.0}]
    assert not may_grow(nodes)
    assert may_grow([{"memory": 1.0}])  # a head that waits for its workers
    for command, grows in {
        "ray start --head --port=6379": False,
        "ray start --head --no-monitor": True,  # the autoscaler is a container beside it
        "ray start --address=raycluster:6379": True,
    }.items():
        monkeypatch.setenv("KUBERAY_GEN_RAY_START_CMD", command)
        assert may_grow(nodes) is grows
    monkeypatch.delenv("KUBERAY_GEN_RAY_START_CMD")
    for address, grows in [("127.0.0.1:9", False), (ray.get_runtime_context().gcs_address, True)]:
        words = [f"--gcs-address={address}", "--autoscaling-config=some.yaml"]
        code = "print(flush=True); input()"
        reader = [sys.executable, "-S", "-c", code, *words]  # a monitor's command line
        pipe, nothing = subprocess.PIPE, subprocess.DEVNULL
        with subprocess.Popen(reader, stdin=pipe, stdout=pipe, stderr=nothing) as child:
            assert child.stdout is not None
            child.stdout.readline()  # a process has its command line a moment after its start
            assert may_grow(nodes) is grows
    assert not may_grow(nodes)
    (tmp_path / "ray_bootstrap_config.yaml").touch()
    assert may_grow(nodes)


def test_a_trial_that_waits_in_rays_queue_is_told_about(
    ray_cluster: None, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    await_room(request_of({"cpu": 1}))
    assert caplog.text == ""
    monkeypatch.setattr("hyperbridge.backends.ray.resources._PATIENCE_S", 0.2)
    await_room(request_of({"cpu": 5}))
    assert "no trial can start yet. It asks for {CPU: 5}; the cluster has {CPU: " in caplog.text


def test_a_storage_path_that_cannot_be_written_is_named(minimise: Any, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    path = str(tmp_path / "file" / "below")
    with pytest.raises(InvalidArgumentError, match="file/below"):
        minimise(lambda p: 0.0, SPACE, max_evals=1, run={"storage_path": path})


@pytest.mark.parametrize(
    ("config", "text"),
    [
        ({"num_samples": 5}, "max_evals"),
        ({"time_budget_s": 5}, "timeout"),
        ({"mode": "max"}, "minimises"),
        ({"scheduler": PBT}, "PopulationBasedTraining"),
        ({"scheduler": ASHAScheduler(mode="max")}, "mode='max'"),
        ({"scheduler": ASHAScheduler(mode="min"), "mode": "min"}, "only one of them"),
        ({"scheduler": ASHAScheduler(metric="a", mode="min"), "metric": "b"}, "only one of them"),
        ({"scheduler": ASHAScheduler(metric="accuracy")}, r"metric=.accuracy.\) needs a mode"),
        ({"metric": "accuracy"}, r"TuneConfig\(metric='accuracy'\) needs a mode"),
        (
            {"scheduler": ResourceChangingScheduler(ASHAScheduler(metric="loss", mode="max"))},
            "fmin minimises",
        ),
    ],
    ids=lambda value: str(value).partition(" at 0x")[0],  # the same in each process
)
def test_what_fmin_decides_is_refused_in_a_tune_config(
    minimise: Any, config: Any, text: str
) -> None:
    with pytest.raises((UnsupportedArgumentError, InvalidArgumentError), match=text):
        minimise(lambda p: 0.0, SPACE, max_evals=1, ray={"tune_config": TuneConfig(**config)})


@pytest.mark.parametrize(
    ("config", "text"),
    [
        ({"failure_config": FailureConfig(fail_fast=True)}, "fail_fast"),
        ({"checkpoint_config": CheckpointConfig(checkpoint_frequency=1)}, "checkpoint_frequency"),
        ({"checkpoint_config": CheckpointConfig(checkpoint_at_end=True)}, "checkpoint_at_end"),
    ],
    ids=["fail fast", "frequency", "at end"],
)
def test_what_goes_with_no_function_is_refused_in_a_run_config(
    minimise: Any, config: Any, text: str
) -> None:
    with pytest.raises(UnsupportedArgumentError, match=text):
        minimise(lambda p: 0.0, SPACE, max_evals=1, run=config)


def test_two_different_parallelisms_are_refused(minimise: Any) -> None:
    config = TuneConfig(max_concurrent_trials=3)
    with pytest.raises(InvalidArgumentError, match="max_concurrent_trials=3"):
        minimise(lambda p: 0.0, SPACE, max_evals=1, ray={"tune_config": config}, parallelism=2)


def test_configs_of_another_type_are_refused(storage: str) -> None:
    for backend in (Ray(run_config="here"), Ray(tune_config={"metric": "loss"})):
        with pytest.raises(InvalidArgumentError, match="_config must be a ray.tune"):
            fmin(lambda p: 0.0, SPACE, max_evals=1, backend=backend)


def test_a_run_config_of_another_part_of_ray_is_taken_too(
    minimise: Any, storage: str, recwarn: pytest.WarningsRecorder
) -> None:
    from ray.air import RunConfig as AirRunConfig

    trials = Trials()
    backend = Ray(run_config=AirRunConfig(storage_path=storage, name="air"))
    minimise(lambda p: 0.0, SPACE, max_evals=1, trials=trials, backend=backend)
    assert trials.result_grid.experiment_path.endswith("air")
    assert RunConfig is not AirRunConfig
    assert not [w for w in recwarn if "Deprecat" in w.category.__name__]


def test_what_ray_train_marks_as_deprecated_is_not_what_the_user_set() -> None:
    train = pytest.importorskip("ray.train.v2.api.config")
    given = train.RunConfig(name="a", failure_config=train.FailureConfig(max_failures=2))
    checked = check_run_config(given)
    assert type(checked) is RunConfig
    assert (checked.name, checked.failure_config.max_failures, checked.stop) == ("a", 2, None)
    parts = RunConfig()
    parts.failure_config = train.FailureConfig(max_failures=3)
    parts.checkpoint_config = train.CheckpointConfig(num_to_keep=1)
    checked = check_run_config(parts)
    assert checked.failure_config == FailureConfig(max_failures=3)
    assert checked.checkpoint_config == CheckpointConfig(num_to_keep=1)
