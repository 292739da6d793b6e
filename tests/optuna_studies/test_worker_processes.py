"""Trials in worker processes: lost ones, what they start, what they print, and Local's own."""

from __future__ import annotations

import os
import pickle
import shutil
import socket
import subprocess
import time
from pathlib import Path
from types import SimpleNamespace

import clean_child
import numpy as np
import pytest
from hyperopt import hp, rand
from hyperopt.base import JOB_STATE_CANCEL, JOB_STATE_DONE, JOB_STATE_ERROR

import hyperbridge
from hyperbridge.worker.pipes import write_frame

ROOT = Path(__file__).resolve().parents[2]
PROGRAMS = Path(__file__).parent / "programs"

BACKENDS = {
    "optuna": hyperbridge.Optuna(workers="processes"),
    "local": hyperbridge.Local(workers="processes"),
}


def minimise(fn, backend="optuna", **kwargs):
    trials = hyperbridge.Trials()
    defaults = {"max_evals": 4, "algo": rand.suggest, "rstate": np.random.default_rng(0)}
    hyperbridge.fmin(
        fn, hp.uniform("x", 0, 1), trials=trials, backend=BACKENDS[backend],
        show_progressbar=False, **{**defaults, **kwargs},
    )  # fmt: skip
    return trials


def is_alive(pid):
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except FileNotFoundError:
        return False
    return stat.rpartition(")")[2].split()[0] != "Z"


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_process_serves_many_trials_and_is_gone_afterwards(backend):
    def fn(x):
        import os

        return {"loss": x, "status": "ok", "pid": os.getpid()}

    trials = minimise(fn, backend, max_evals=6, parallelism=2)
    pids = {result["pid"] for result in trials.results}
    assert 1 <= len(pids) <= 2
    assert os.getpid() not in pids
    assert not any(is_alive(pid) for pid in pids)


def test_local_processes_give_the_trials_of_hyperopt():
    in_process = hyperbridge.Trials()
    hyperbridge.fmin(
        lambda x: x**2, hp.uniform("x", 0, 1), max_evals=25, algo=hyperbridge.tpe.suggest,
        trials=in_process, rstate=np.random.default_rng(0), show_progressbar=False,
    )  # fmt: skip
    trials = minimise(lambda x: x**2, "local", max_evals=25, algo=hyperbridge.tpe.suggest)
    assert trials.losses() == in_process.losses()


def test_a_process_that_dies_loses_its_own_trial_alone():
    def fn(x):
        import os

        if x > 0.6:
            os._exit(3)
        return x

    trials = minimise(fn, max_evals=8, parallelism=2, catch_eval_exceptions=True)
    lost = [d for d in trials._dynamic_trials if d["state"] == JOB_STATE_ERROR]
    done = [d for d in trials._dynamic_trials if d["state"] == JOB_STATE_DONE]
    assert lost
    assert done
    assert all(d["misc"]["vals"]["x"][0] > 0.6 for d in lost)
    assert all(d["misc"]["vals"]["x"][0] <= 0.6 for d in done)
    assert all("exit code 3" in d["misc"]["error"][1] for d in lost)


def test_a_timeout_ends_what_the_objective_started_too(tmp_path):
    note = str(tmp_path / "pid")

    def fn(x):

        child = subprocess.Popen(["sleep", "60"])
        with open(note, "w") as file:
            file.write(str(child.pid))
        child.wait()

    start = time.monotonic()
    trials = minimise(fn, timeout=3, return_argmin=False)
    assert time.monotonic() - start < 8
    assert [d["state"] for d in trials._dynamic_trials] == [JOB_STATE_CANCEL]
    assert [t.state.name for t in trials.study.trials] == ["FAIL"]
    assert not is_alive(int(Path(note).read_text()))


def start(sleep, folder):
    """Start a search in whose folder there is a module that it imports."""
    (folder / "helper.py").write_text("def double(x):\n    return 2 * x\n")
    shutil.copy(PROGRAMS / "without_a_main_guard.py", folder / "script.py")
    return clean_child.start(
        ["script.py", sleep], cwd=folder, stdout=clean_child.PIPE, stderr=clean_child.STDOUT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip


@pytest.mark.slow
def test_a_script_without_a_main_guard_that_imports_its_neighbour_works(tmp_path):
    process = start("0", tmp_path)
    output, _ = process.communicate(timeout=120)
    assert process.returncode == 0, output
    assert output.count("objective prints") == 2
    assert output.count("script ends") == 1


@pytest.mark.slow
def test_a_worker_ends_when_its_driver_is_killed(tmp_path):
    process = start("60", tmp_path)
    try:
        deadline = time.monotonic() + 60
        while not (tmp_path / "pid").exists() or not (tmp_path / "pid").read_text():
            assert time.monotonic() < deadline
            assert process.poll() is None
            time.sleep(0.05)
    finally:
        process.kill()
        process.wait()
    pid = int((tmp_path / "pid").read_text())
    deadline = time.monotonic() + 10
    while is_alive(pid) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not is_alive(pid)


def test_a_worker_ends_when_its_driver_was_killed_before_it_had_read_all():
    ours, theirs = socket.socketpair()
    code = "import sys; from hyperbridge.worker.pipes import serve; serve(int(sys.argv[1]))"
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with ours:
        with theirs:
            process = clean_child.start(
                ["-c", code, str(theirs.fileno())], env=environment, pass_fds=[theirs.fileno()]
            )
        for content in (SimpleNamespace(run=bytes), 3):  # a trial whose report has three bytes
            write_frame(ours, pickle.dumps(content))
        ours.settimeout(60)
        begun_and_ended = 8 + 8 + 3
        while len(ours.recv(100, socket.MSG_PEEK)) < begun_and_ended:
            time.sleep(0.01)
    try:
        assert process.wait(30) == 0
    finally:
        process.kill()
        process.wait()
