"""The check after each test that calls fmin finds what it is there for."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import left_behind
import pytest
from hyperopt import Trials, hp, rand
from hyperopt.base import JOB_STATE_RUNNING
from left_behind import Watch

from hyperbridge import fmin


@pytest.fixture
def watch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Watch:
    monkeypatch.setattr(left_behind, "PATIENCE_S", 0.05)
    return Watch(tmp_path)


def search(fn: Any = abs, **kwargs: Any) -> Trials:
    trials = Trials()
    space = hp.uniform("x", 0, 1)
    fmin(fn, space, rand.suggest, 3, trials=trials, show_progressbar=False, **kwargs)
    return trials


def complaints_after(watch: Watch, fn: Any = abs, **kwargs: Any) -> tuple[Trials, list[str]]:
    with watch.watching():
        trials = search(fn, **kwargs)
    return trials, watch.complaints()


def test_a_clean_search_earns_no_complaint(watch: Watch) -> None:
    assert complaints_after(watch)[1] == []


def test_documents_that_run_and_ids_given_twice_are_found(watch: Watch) -> None:
    trials, _ = complaints_after(watch)
    trials._dynamic_trials[0]["state"] = JOB_STATE_RUNNING
    trials._dynamic_trials[2]["tid"] = 1
    assert watch.complaints() == ["document 0 is RUNNING", "id 1 was given 2 times"]
    trials._dynamic_trials[0]["state"] = 2  # the check on this very test sees them too
    trials._dynamic_trials[2]["tid"] = 2


@pytest.fixture
def released() -> Iterator[threading.Event]:
    event = threading.Event()
    yield event
    event.set()


def test_a_thread_and_a_file_left_are_found(
    watch: Watch, released: threading.Event, tmp_path: Path
) -> None:
    def objective(x: float) -> float:
        if not any(t.name == "left" for t in threading.enumerate()):
            threading.Thread(target=released.wait, name="left", daemon=True).start()
        (tmp_path / ".trials.pkl.0123abcd.99@here").touch()
        return x

    found = complaints_after(watch, objective)[1]
    assert found == ["thread 'left' is left", "file .trials.pkl.0123abcd.99@here is left"]
    released.set()
    (tmp_path / ".trials.pkl.0123abcd.99@here").unlink()


def test_a_child_process_left_is_found(watch: Watch) -> None:
    sleepers = []

    def objective(x: float) -> float:
        command = [sys.executable, "-c", "import time; time.sleep(60)"]
        sleepers.append(subprocess.Popen(command))
        return x

    try:
        found = complaints_after(watch, objective)[1]
        assert [line.partition(":")[0] for line in found] == [
            f"child process {sleeper.pid} is left" for sleeper in sleepers
        ]
    finally:
        for sleeper in sleepers:
            sleeper.kill()
            sleeper.wait()


def test_mlflow_runs_that_run_on_or_lost_their_parent_are_found(
    watch: Watch, tmp_path: Path, mlflow_left_as_found: None
) -> None:
    mlflow = pytest.importorskip("mlflow")
    mlflow.set_tracking_uri(f"sqlite:///{tmp_path / 'mlflow.db'}")
    assert complaints_after(watch, tracking=True)[1] == []
    client = mlflow.MlflowClient()
    runs = client.search_runs(["0"], "attributes.run_name LIKE 'trial-%'")
    first, second, *_ = sorted(runs, key=lambda run: run.info.run_name)
    client.update_run(first.info.run_id, status="RUNNING")
    client.delete_tag(second.info.run_id, "mlflow.parentRunId")
    assert sorted(watch.complaints()) == [
        "MLflow run trial-0 is RUNNING",
        "MLflow run trial-1 has no parent",
    ]
    client.set_terminated(first.info.run_id)
    client.set_tag(second.info.run_id, "mlflow.parentRunId", "gone")
    assert watch.complaints() == ["the parent of MLflow run trial-1 is not there"]
    client.delete_run(second.info.run_id)
