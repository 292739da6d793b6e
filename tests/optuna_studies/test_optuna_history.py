"""Studies that are kept, and continuing them."""

from __future__ import annotations

import math
import signal

import numpy as np
import optuna
import pytest
from hyperopt import hp, rand, tpe
from hyperopt.base import JOB_STATE_ERROR, STATUS_FAIL
from hyperopt.fmin import generate_trials_to_calculate
from studies import PROGRAMS, SPACE, contents, minimise, run_script

import hyperbridge
from hyperbridge.errors import InvalidArgumentError


@pytest.fixture(params=["sqlite url", "sqlite file", "journal file", "object"])
def storage(request, tmp_path):
    return {
        "sqlite url": f"sqlite:///{tmp_path / 'study.sqlite'}",
        "sqlite file": tmp_path / "study.db",
        "journal file": str(tmp_path / "journal.log"),
        "object": optuna.storages.InMemoryStorage(),
    }[request.param]


def test_the_same_call_goes_on_with_a_stored_study(storage):
    _, first = minimise(storage, max_evals=4)
    best, second = minimise(storage, max_evals=7, rstate=np.random.default_rng(1))
    assert len(first) == 4
    assert len(second) == 7
    assert contents(second)[:4] == contents(first)
    assert second.tids == list(range(7))
    assert len(second.study.trials) == 7
    assert best == second.argmin
    again, third = minimise(storage, max_evals=7)
    assert len(third.study.trials) == 7
    assert again == best


def test_a_stored_study_gives_back_failures_and_other_keys(tmp_path):
    def fn(point):
        if point["x"] < -2:
            raise ValueError("too low")
        if point["x"] < 0:
            return {"status": STATUS_FAIL, "note": "below zero"}
        return {"loss": math.nan if point["x"] > 4 else point["x"], "status": "ok", "extra": [1]}

    storage = str(tmp_path / "journal.log")
    kwargs = {"fn": fn, "catch_eval_exceptions": True, "study_name": "s"}
    _, first = minimise(storage, max_evals=25, **kwargs)
    n = len(first._dynamic_trials)
    _, second = minimise(storage, max_evals=len(first) + 1, **kwargs)
    for before, after in zip(first._dynamic_trials, second._dynamic_trials[:n], strict=True):
        assert before["state"] == after["state"]
        assert before["misc"]["vals"] == after["misc"]["vals"]
        assert before["misc"].get("error") == after["misc"].get("error")
        if before["state"] != JOB_STATE_ERROR:
            assert repr(dict(sorted(before["result"].items()))) == repr(
                dict(sorted(after["result"].items()))
            )


class Unprintable:
    def __repr__(self):
        raise ValueError("no repr")


def test_results_that_a_study_cannot_hold_are_kept_in_the_trials_alone(storage):
    endless = []
    endless.append(endless)

    def fn(point):
        return {
            "loss": np.float32(point["x"]), "status": "ok", "object": Unprintable(), 5: "five",
            "endless": endless, "large": 10**5000, "array": np.ones(2), "kept": [1],
        }  # fmt: skip

    _, trials = minimise(storage, fn=fn, max_evals=2, study_name="s")
    assert trials.results[0]["endless"] is endless
    assert [t.state.name for t in trials.study.trials] == ["COMPLETE", "COMPLETE"]
    _, again = minimise(storage, fn=fn, max_evals=3, study_name="s")
    assert again.results[0].keys() == {"loss", "status", "kept"}


@pytest.mark.parametrize(
    "algo",
    [tpe.suggest, rand.suggest, lambda: optuna.samplers.TPESampler(), optuna.create_study],
    ids=["tpe", "rand", "sampler", "study"],
)
def test_a_space_of_constants_is_searched_and_continued(tmp_path, algo):
    space = {"model": "svm", "C": 1.0}
    made = algo if algo in (tpe.suggest, rand.suggest) else algo()
    path = None if algo is optuna.create_study else tmp_path / "study.db"
    for max_evals in (2, 4):
        best, trials = minimise(
            path, fn=lambda p: p["C"], space=space, algo=made, max_evals=max_evals
        )
        assert best == {}
        assert trials.losses() == [1.0] * max_evals
        assert [t.params for t in trials.study.trials] == [{}] * max_evals


def test_the_environment_names_the_storage(tmp_path, monkeypatch):
    path = tmp_path / "from_environment.db"
    monkeypatch.setenv("HYPERBRIDGE_STORAGE", f"sqlite:///{path}")
    minimise(max_evals=2, study_name="named")
    study = optuna.load_study(study_name="named", storage=f"sqlite:///{path}")
    assert len(study.trials) == 2


def test_a_storage_that_no_study_uses_is_said(tmp_path, monkeypatch, caplog):
    monkeypatch.setenv("HYPERBRIDGE_STORAGE", str(tmp_path / "unused.db"))
    minimise(max_evals=1, backend="local")
    assert "HYPERBRIDGE_STORAGE" in caplog.text
    assert "'local'" in caplog.text
    caplog.clear()
    minimise(max_evals=1, backend="local", algo=optuna.samplers.RandomSampler(seed=0))
    assert "is not used" not in caplog.text
    assert (tmp_path / "unused.db").exists()


def test_two_spaces_in_one_storage_are_two_studies_unless_named(tmp_path):
    storage = f"sqlite:///{tmp_path / 'study.db'}"
    minimise(storage, max_evals=2)
    _, other = minimise(storage, space={**SPACE, "z": hp.uniform("z", 0, 1)}, max_evals=3)
    assert len(other) == 3
    assert len(optuna.get_all_study_names(storage)) == 2


def test_going_on_with_a_study_that_nobody_named_is_said(tmp_path, caplog):
    storage = f"sqlite:///{tmp_path / 'study.db'}"
    for _ in range(2):
        minimise(storage, max_evals=2, study_name="named")
        minimise(storage, max_evals=2)
    notes = [r.getMessage() for r in caplog.records if "continuing study" in r.getMessage()]
    assert len(notes) == 1
    assert "loss-" in notes[0]


@pytest.mark.parametrize("algo", [rand.suggest, tpe.suggest], ids=["rand", "tpe"])
@pytest.mark.parametrize("space", [SPACE, {"x": SPACE["x"], "q": SPACE["q"]}], ids=["k", "floats"])
def test_going_on_with_the_same_seed_draws_other_points(tmp_path, algo, space):
    def run(storage, n):
        return minimise(
            storage, fn=lambda p: p["x"] ** 2, space=space, algo=algo, max_evals=n, study_name="s"
        )[1]

    for name in ("a.log", "b.log"):
        run(tmp_path / name, 6)
    again, other = run(tmp_path / "a.log", 12), run(tmp_path / "b.log", 12)
    assert len(set(again.losses())) == 12
    assert again.losses() == other.losses()


def test_points_of_pre_filled_trials_are_evaluated_once_and_always_come_on_top(tmp_path):
    calls = []

    def fn(point):
        calls.append(point["x"])
        return point["x"]

    space = {"x": hp.uniform("x", -5, 5)}
    for max_evals, total in ((3, 5), (3, 5), (6, 8)):
        given = generate_trials_to_calculate([{"x": 1.0}, {"x": 2}])
        _, trials = minimise(
            tmp_path / "study.log", fn=fn, space=space, trials=given, max_evals=max_evals
        )
        assert (len(trials.trials), len(trials.study.trials), len(calls)) == (total,) * 3
        assert trials.losses()[:2] == [1.0, 2.0]
        assert len(trials._dynamic_trials) == total
    assert len(set(calls)) == 8


def test_a_user_may_pass_trials_and_storage_again_without_doubling_them(tmp_path):
    storage = f"sqlite:///{tmp_path / 'study.db'}"
    _, trials = minimise(storage, max_evals=3)
    minimise(storage, max_evals=5, trials=trials, rstate=np.random.default_rng(1))
    assert len(trials) == 5
    assert len(trials.study.trials) == 5


@pytest.mark.parametrize("workers", ["threads", "processes"])
def test_names_of_workers_are_checked(workers):
    assert hyperbridge.Optuna(workers=workers).workers == workers
    with pytest.raises(InvalidArgumentError, match="fibres"):
        hyperbridge.Optuna(workers="fibres")


@pytest.mark.slow
def test_a_killed_driver_loses_the_running_trial_alone_and_leaves_no_running_one(tmp_path):
    done = run_script(PROGRAMS / "killed_in_its_third_trial.py", tmp_path)
    assert done.returncode == -signal.SIGKILL
    storage = f"sqlite:///{tmp_path / 'study.db'}"
    study = optuna.load_study(study_name="s", storage=storage)
    assert [t.state.name for t in study.trials] == ["COMPLETE", "COMPLETE", "RUNNING"]
    _, trials = minimise(
        storage, fn=lambda x: x, space=hp.uniform("x", 0, 1), max_evals=4, study_name="s"
    )
    assert len(trials) == 4
    states = [t.state.name for t in trials.study.trials]
    assert states == ["COMPLETE", "COMPLETE", "FAIL", "COMPLETE", "COMPLETE"]


def test_a_trial_that_another_process_runs_is_left_alone(tmp_path):
    storage = f"sqlite:///{tmp_path / 'study.db'}"
    study = optuna.create_study(study_name="s", storage=storage)
    theirs = study.ask()
    theirs.suggest_float("x", 0, 1)
    minimise(storage, fn=lambda x: x, space=hp.uniform("x", 0, 1), max_evals=2, study_name="s")
    assert [t.state.name for t in study.trials] == ["RUNNING", "COMPLETE", "COMPLETE"]
    study.tell(theirs, 0.5)
