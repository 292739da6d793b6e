"""Trials whose process was killed are failed as soon as it is known that nobody runs them."""

from __future__ import annotations

import contextlib
import os
import signal
import threading

import clean_child
import optuna
import pytest
from hyperopt import hp
from studies import PROGRAMS, minimise

from hyperbridge.search.optuna import sessions
from hyperbridge.search.optuna.sessions import PREFIX, study_session
from hyperbridge.search.optuna.studies import tell

SPACE = {"x": hp.uniform("x", 0, 1)}


@pytest.fixture(params=["study.db", "study.log"])
def storage(request, tmp_path):
    return str(tmp_path / request.param)


@contextlib.contextmanager
def search(storage, max_evals):
    """A search in a process of its own that waits for a line in each trial."""
    pipe = clean_child.PIPE
    command = [PROGRAMS / "waits_in_each_trial.py", storage, str(max_evals)]
    process = clean_child.start(command, stdin=pipe, stdout=pipe, stderr=pipe)
    try:
        assert process.stdout.readline() == "running\n"
        yield process
    finally:
        process.kill()
        process.communicate()


def states(storage):
    study = minimise(storage, fn=lambda p: 0.0, space=SPACE, max_evals=0, study_name="s",
                     return_argmin=False)[1].study  # fmt: skip
    return [trial.state.name for trial in study.get_trials()]


@pytest.mark.slow
def test_the_trial_of_a_killed_process_is_failed_once_no_older_process_is_left(storage):
    with search(storage, 1) as first:
        with search(storage, 1) as killed:
            killed.send_signal(signal.SIGKILL)
            killed.wait()
        minimise(storage, fn=lambda p: p["x"], space=SPACE, max_evals=1, study_name="s")
        study = optuna.load_study(study_name="s", storage=sessions_storage(storage))
        assert sorted(t.state.name for t in study.trials) == ["COMPLETE", "RUNNING", "RUNNING"]
        _, complaints = first.communicate("\n")
        assert first.returncode == 0, complaints
    study = optuna.load_study(study_name="s", storage=sessions_storage(storage))
    assert sorted(t.state.name for t in study.trials) == ["COMPLETE", "COMPLETE", "FAIL"]
    assert set(open_sessions(study)) == set()


@pytest.mark.slow
def test_the_trial_of_a_killed_process_is_failed_while_a_younger_one_works(storage):
    with search(storage, 1) as killed:
        killed.send_signal(signal.SIGKILL)
        killed.wait()
    with search(storage, 2):
        study = optuna.load_study(study_name="s", storage=sessions_storage(storage))
        assert [t.state.name for t in study.trials] == ["FAIL", "RUNNING"]


def sessions_storage(storage):
    from hyperbridge.search.optuna.storages import storage_object

    return storage_object(storage)


def open_sessions(study):
    found = study._storage.get_study_system_attrs(study._study_id)
    return {k: v for k, v in found.items() if k.startswith(PREFIX) and v is not None}


@pytest.fixture
def study(storage):
    return optuna.create_study(study_name="s", storage=sessions_storage(storage))


def test_sessions_of_one_study_do_not_overwrite_one_another(study):
    barrier = threading.Barrier(6)
    seen = []

    def work():
        barrier.wait()
        with study_session(study):
            barrier.wait()
            seen.append(len(open_sessions(study)))
            barrier.wait()

    threads = [threading.Thread(target=work) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert seen == [6] * 6
    assert open_sessions(study) == {}
    assert study.user_attrs == {}


@pytest.mark.parametrize(("age_s", "state"), [(0, "RUNNING"), (100_000, "FAIL")])
def test_a_process_of_another_machine_is_dead_once_its_entry_is_old(study, age_s, state):
    import time
    from datetime import datetime

    entry = {"since": datetime.now().isoformat(), "seen": time.time() - age_s}
    study._storage.set_study_system_attr(study._study_id, f"{PREFIX}elsewhere:1:1", entry)
    study.ask()
    with study_session(study):
        assert [t.state.name for t in study.trials] == [state]
    assert len(open_sessions(study)) == (state == "RUNNING")


def test_a_session_renews_its_entry(study, monkeypatch):
    monkeypatch.setattr(sessions, "BEAT_S", 0.01)
    written = threading.Event()
    write = sessions._write

    def watched(study, key, value):
        write(study, key, value)
        if threading.current_thread() is not threading.main_thread():
            written.set()

    monkeypatch.setattr(sessions, "_write", watched)
    with study_session(study):
        (first,) = open_sessions(study).values()
        assert written.wait(60)
        (later,) = open_sessions(study).values()
    assert later["since"] == first["since"]
    assert later["seen"] > first["seen"]


def test_an_entry_of_a_process_that_had_our_id_is_dead(study):
    import socket
    from datetime import datetime

    key = f"{PREFIX}{socket.gethostname()}:{os.getpid()}:1"
    entry = {"since": datetime.now().isoformat(), "seen": 0.0}
    study._storage.set_study_system_attr(study._study_id, key, entry)
    study.ask()
    with study_session(study):
        assert [t.state.name for t in study.trials] == ["FAIL"]
        assert len(open_sessions(study)) == 1


def test_a_trial_that_another_process_fails_at_the_same_moment_is_no_error(study, monkeypatch):
    """Two searches that end together find the same trial of a killed third one."""
    trial = study.ask()
    asked = type(study._storage).set_trial_state_values

    def both(storage, trial_id, *args, **kwargs):
        asked(storage, trial_id, *args, **kwargs)
        return asked(storage, trial_id, *args, **kwargs)  # as the slower one does

    monkeypatch.setattr(type(study._storage), "set_trial_state_values", both)
    tell(study, trial.number, None, optuna.trial.TrialState.FAIL)
    assert [t.state.name for t in study.trials] == ["FAIL"]
    with pytest.raises(ValueError, match="number 7"):
        tell(study, 7, None, optuna.trial.TrialState.FAIL)
