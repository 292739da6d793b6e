"""A SQLite file that another process locks in the middle of a search: waited for, then named."""

from __future__ import annotations

import logging
import shutil
import subprocess
import sys
from contextlib import closing

import numpy as np
import optuna
import pytest
from hyperopt import hp, rand, tpe
from hyperopt.base import JOB_STATE_CANCEL, JOB_STATE_DONE
from optuna.trial import TrialState
from studies import PROGRAMS

import hyperbridge
from hyperbridge.errors import BackendUnavailableError
from hyperbridge.search.optuna import locks

SPACE = {"x": hp.uniform("x", -5, 5), "k": hp.choice("k", ["a", "b"])}

WRITE, READ = "BEGIN EXCLUSIVE", "BEGIN; SELECT * FROM trials LIMIT 1"

LOCK = PROGRAMS / "lock_database.py"


class Locker:
    """An objective in whose n-th call another process locks the database for some seconds."""

    def __init__(self, path, n, *, seconds, by=WRITE):
        self.path, self.n, self.seconds, self.by = path, n, seconds, by
        self.n_calls = 0
        self.process = None

    def __call__(self, point):
        self.n_calls += 1
        if self.n_calls == self.n:
            self.process = subprocess.Popen(
                [sys.executable, LOCK, str(self.path), str(self.seconds), self.by],
                stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            )  # fmt: skip
            assert self.process.stdout.readline().strip() == b"locked"
        return point["x"] ** 2

    def close(self):
        if self.process is not None:
            self.process.communicate(timeout=30)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "study.db"


def minimise(fn, path, **kwargs):
    trials = kwargs.pop("trials", hyperbridge.Trials())
    storage = f"sqlite:///{path}?timeout=0.2"  # how long SQLite itself waits
    defaults = {
        "algo": tpe.suggest,
        "max_evals": 6,
        "backend": hyperbridge.Optuna(storage=storage, study_name="s"),
        "rstate": np.random.default_rng(0),
        "show_progressbar": False,
    }
    hyperbridge.fmin(fn, SPACE, trials=trials, **{**defaults, **kwargs})
    return trials


def states(path):
    """The states of the study's trials, as somebody else reads them."""
    study = optuna.load_study(study_name="s", storage=f"sqlite:///{path}")
    return [trial.state for trial in study.trials]


@pytest.mark.parametrize("by", [WRITE, READ], ids=["a writer", "a reader"])
@pytest.mark.parametrize("parallelism", [1, 2])
def test_a_lock_that_goes_away_is_waited_for(path, caplog, parallelism, by):
    with closing(Locker(path, 3, seconds=1.5, by=by)) as fn:
        trials = minimise(fn, path, parallelism=parallelism)
    assert len(trials.losses()) == fn.n_calls == 6
    assert states(path) == [TrialState.COMPLETE] * 6
    waits = [record for record in caplog.records if "waiting for it" in record.message]
    assert len(waits) == 1
    assert "study.db" in waits[0].message
    assert waits[0].levelno == logging.WARNING


@pytest.mark.parametrize("parallelism", [1, 2])
@pytest.mark.parametrize("algo", [tpe.suggest, "study"], ids=["storage", "study"])
def test_a_lock_that_stays_ends_the_search_and_what_ended_is_kept(
    path, monkeypatch, parallelism, algo
):
    monkeypatch.setattr(locks, "PATIENCE_S", 0.5)
    kwargs = {}
    if algo == "study":
        storage = f"sqlite:///{path}?timeout=0.2"
        sampler = optuna.samplers.RandomSampler(seed=0)
        kwargs["algo"] = optuna.create_study(study_name="s", storage=storage, sampler=sampler)
        kwargs["backend"] = "optuna"
    trials = hyperbridge.Trials()
    with closing(Locker(path, 3, seconds=60)) as fn:
        with pytest.raises(BackendUnavailableError, match=r"study\.db.*locked.*Trials object"):
            minimise(fn, path, trials=trials, parallelism=parallelism, **kwargs)
        ended = [d for d in trials._dynamic_trials if d["state"] == JOB_STATE_DONE]
        assert len(ended) == fn.n_calls >= 3
        others = {d["state"] for d in trials._dynamic_trials if d["state"] != JOB_STATE_DONE}
        assert others <= {JOB_STATE_CANCEL}
    minimise(fn, path, trials=trials, **kwargs)
    assert fn.n_calls == 6
    assert len(trials.losses()) == 6
    assert TrialState.RUNNING not in states(path)
    assert states(path).count(TrialState.COMPLETE) == 6
    if parallelism == 1:  # else a trial was cancelled
        assert len(states(path)) == 6, "what the storage never took is told, not failed and added"


def test_a_trial_that_was_failed_since_is_no_trial_of_its_own(path, monkeypatch):
    monkeypatch.setattr(locks, "PATIENCE_S", 0.5)
    trials = hyperbridge.Trials()
    with closing(Locker(path, 3, seconds=60)) as fn, pytest.raises(BackendUnavailableError):
        minimise(fn, path, trials=trials)
    minimise(fn, path, max_evals=3)  # somebody else clears up
    assert states(path).count(TrialState.FAIL) == 1
    minimise(fn, path, trials=trials, max_evals=5)
    assert len(trials.losses()) == len(trials._dynamic_trials) == 5


def test_what_the_study_missed_is_written_when_the_storage_is_back_at_the_end(path, monkeypatch):
    monkeypatch.setattr(locks, "PATIENCE_S", 0.5)
    shown = []
    with closing(Locker(path, 3, seconds=60)) as fn:

        class Unlock:
            """A progress bar whose end comes between the failure and the end of the search."""

            def __init__(self, **kwargs):
                pass

            def __enter__(self):
                return self

            def __exit__(self, *exc_info):
                fn.close()

            def update(self, n):
                shown.append(n)

        with pytest.raises(BackendUnavailableError, match="locked"):
            minimise(fn, path, show_progressbar=Unlock)
    assert states(path) == [TrialState.COMPLETE] * 3
    assert sum(shown) == 3, "the trial that could not be written is shown, too"


def test_a_locked_storage_when_the_search_is_made_is_named(path, monkeypatch):
    monkeypatch.setattr(locks, "PATIENCE_S", 0.2)
    study = optuna.create_study(study_name="s", storage=f"sqlite:///{path}?timeout=0.2")
    locker = Locker(path, 1, seconds=60)
    locker({"x": 0})
    with closing(locker), pytest.raises(BackendUnavailableError, match=r"study\.db.*locked"):
        minimise(locker, path, algo=study, backend="optuna")
    assert locker.n_calls == 1
    minimise(locker, path, algo=study, backend="optuna", max_evals=1)
    assert states(path) == [TrialState.COMPLETE]


def test_other_failures_of_a_database_are_no_reason_to_wait(path, caplog):
    def fn(point):
        path.unlink()
        path.write_bytes(b"")
        return 0.0

    with pytest.raises(BackendUnavailableError, match=r"study\.db.*failed"):
        minimise(fn, path, algo=rand.suggest)
    assert "waiting for it" not in caplog.text


def test_a_journal_that_cannot_be_written_is_named(tmp_path):
    folder = tmp_path / "gone"
    folder.mkdir()

    def fn(point):
        shutil.rmtree(folder)
        return point["x"]

    trials = hyperbridge.Trials()
    backend = hyperbridge.Optuna(storage=folder / "study.log", study_name="s")
    with pytest.raises(BackendUnavailableError, match=r"JournalStorage.*Trials object"):
        minimise(fn, None, algo=rand.suggest, trials=trials, backend=backend)
    assert len(trials.losses()) == 1


def test_the_engine_is_left_as_found(path):
    study = optuna.create_study(study_name="s", storage=f"sqlite:///{path}")
    engine = study._storage._backend.engine
    before = len(engine.dialect.dispatch.do_execute)
    minimise(lambda point: 0.0, path, algo=study, backend="optuna", max_evals=1)
    assert len(engine.dialect.dispatch.do_execute) == before
    assert "do_commit" not in vars(engine.dialect)
