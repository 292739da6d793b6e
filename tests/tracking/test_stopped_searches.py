"""However a search is stopped, none of its MLflow runs is left RUNNING."""

from __future__ import annotations

import os
import pickle
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import clean_child
import mlflow
import pytest
from hyperopt.base import JOB_STATE_CANCEL, JOB_STATE_DONE
from mlflow_proxy import mlflow_proxy

from hyperbridge.journal.file import read_journal

PROGRAM = Path(__file__).parent / "programs" / "sleeping_search.py"
ROOT = Path(__file__).resolve().parents[2]

pytestmark = pytest.mark.slow


@contextmanager
def started(folder: Path, *arguments: str, run: bool = False) -> Iterator[Any]:
    """Start the program, by `hyperbridge run` or by Python, and end it with the block."""
    verb = ["-m", "hyperbridge", "run"] if run else []
    process = clean_child.start(
        [*verb, PROGRAM, *arguments],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait()
        assert process.stdout is not None
        process.stdout.close()


def wait_until_it_sleeps(folder: Path, process: Any) -> None:
    deadline = time.monotonic() + 120
    while not (folder / "sleeping").exists():
        assert process.poll() is None, process.communicate()[0]
        assert time.monotonic() < deadline
        time.sleep(0.05)


def statuses(uri: str) -> dict[str, list[str]]:
    """The statuses of the parent runs, of the children by trial id, and of runs below them."""
    client = mlflow.MlflowClient(uri)
    experiment = client.get_experiment_by_name("stopped")
    assert experiment is not None
    runs: list[Any] = list(client.search_runs([experiment.experiment_id]))
    runs.sort(key=lambda run: run.info.start_time)
    found: dict[str, list[str]] = {"parents": [], "children": [], "below": []}
    for run in runs:
        kind = "children" if "hyperbridge.tid" in run.data.tags else "below"
        if "mlflow.parentRunId" not in run.data.tags:
            kind = "parents"
        found[kind].append(run.info.status)
    return found


def states(file: Path) -> list[str]:
    """The states of the trials in a file of trials, or a journal."""
    names = {JOB_STATE_DONE: "DONE", JOB_STATE_CANCEL: "CANCEL"}
    if file.suffix == ".journal":
        documents = read_journal(file).documents
    else:
        documents = pickle.loads(file.read_bytes())._dynamic_trials
    return [names.get(d["state"], str(d["state"])) for d in documents]


def go_on(folder: Path, *arguments: str) -> None:
    """Run the search to its end."""
    (folder / "go_on").touch()
    with started(folder, *arguments) as process:
        output, _ = process.communicate(timeout=120)
    assert process.returncode == 0, output


AS_ONE = {"parents": ["FINISHED"], "children": ["FINISHED"] * 5, "below": []}

STOPPED = {
    "parents": ["KILLED"],
    "children": ["FINISHED", "FINISHED", "KILLED"],
    "below": ["FAILED"],
}


@pytest.mark.parametrize("kept_in", ["", "trials.pkl", "run.journal"])
def test_sigterm_ends_the_runs_of_a_search_as_ctrl_c_does(tmp_path, sqlite_store, kept_in):
    with started(tmp_path, sqlite_store, kept_in, run=True) as process:
        wait_until_it_sleeps(tmp_path, process)
        process.send_signal(signal.SIGTERM)
        output, _ = process.communicate(timeout=60)
    assert process.returncode == 143, output
    assert "stopped by SIGTERM" in output
    assert "Traceback" not in output
    assert statuses(sqlite_store) == STOPPED
    if kept_in:
        assert states(tmp_path / kept_in) == ["DONE", "DONE", "CANCEL"]
        go_on(tmp_path, sqlite_store, kept_in)
        assert states(tmp_path / kept_in) == ["DONE"] * 5
        assert statuses(sqlite_store) == AS_ONE


def test_a_second_ctrl_c_on_a_slow_store_leaves_no_run_open(tmp_path, own_server):
    own_server.start()
    held, release = threading.Event(), threading.Event()

    def judge(path: str) -> None:
        if (tmp_path / "sleeping").exists() and path.endswith("/log-batch"):
            held.set()
            release.wait(60)

    with (
        mlflow_proxy(own_server.uri, judge) as uri,
        started(tmp_path, uri) as process,
    ):
        wait_until_it_sleeps(tmp_path, process)
        process.send_signal(signal.SIGINT)
        assert held.wait(60)
        process.send_signal(signal.SIGINT)
        time.sleep(0.5)  # so that it arrives before the store answers
        release.set()
        output, _ = process.communicate(timeout=60)
    assert "KeyboardInterrupt" in output
    assert statuses(own_server.uri) == STOPPED


@pytest.mark.parametrize("kept_in", ["trials.pkl", "sqlite:///study.db,run.journal"])
def test_the_call_that_goes_on_logs_to_the_run_of_a_killed_process(tmp_path, sqlite_store, kept_in):
    with started(tmp_path, sqlite_store, kept_in) as process:
        wait_until_it_sleeps(tmp_path, process)
        process.kill()
        process.wait()
    before = statuses(sqlite_store)
    assert before["parents"] == ["RUNNING"]
    assert before["children"][2] == "RUNNING"
    go_on(tmp_path, sqlite_store, kept_in)
    assert statuses(sqlite_store) == AS_ONE


def test_the_call_that_goes_on_ends_what_a_killed_process_left(tmp_path, sqlite_store):
    kept_in = "sqlite:///study.db"
    with started(tmp_path, sqlite_store, kept_in) as process:
        wait_until_it_sleeps(tmp_path, process)
        process.kill()
        process.wait()
    before = statuses(sqlite_store)
    assert before["parents"] == ["RUNNING"]
    assert before["children"][2] == "RUNNING"
    go_on(tmp_path, sqlite_store, kept_in)
    after = statuses(sqlite_store)
    assert after["parents"] == ["KILLED", "FINISHED"]
    assert after["children"][2] == "KILLED"
    assert set(after["children"][:2]) <= {"FINISHED", "KILLED"}  # the kill may come before its end
    assert set(after["children"][3:]) == {"FINISHED"}
    assert after["below"] == ["KILLED"]


def test_a_search_that_another_living_process_keeps_there_is_left_alone(tmp_path, sqlite_store):
    with started(tmp_path, sqlite_store, "sqlite:///study.db") as process:
        wait_until_it_sleeps(tmp_path, process)
        (tmp_path / "go_on").touch()
        with started(tmp_path, sqlite_store, "sqlite:///study.db") as other:
            output, _ = other.communicate(timeout=120)
        assert other.returncode == 0, output
        assert statuses(sqlite_store)["parents"] == ["RUNNING", "FINISHED"]
        assert "RUNNING" in statuses(sqlite_store)["children"]
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=60)
    assert statuses(sqlite_store)["parents"] == ["KILLED", "FINISHED"]
    assert "RUNNING" not in statuses(sqlite_store)["children"]
