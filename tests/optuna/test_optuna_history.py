"""Studies that are kept: continuing them, and carrying histories over."""

from __future__ import annotations

import functools
import math
import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import numpy as np
import optuna
import pytest
from hyperopt import hp, rand, tpe
from hyperopt.base import JOB_STATE_ERROR, STATUS_FAIL, Trials
from hyperopt.fmin import generate_trials_to_calculate

import hyperbridge
from hyperbridge.errors import InvalidArgumentError

ROOT = Path(__file__).resolve().parents[2]

SPACE = {
    "x": hp.uniform("x", -5, 5),
    "k": hp.choice("k", ["a", "b"]),
    "n": hp.normal("n", 0, 1),
    "q": hp.quniform("q", 0, 1, 0.1),
}


def loss(point):
    return {"loss": point["x"] ** 2 + point["q"], "status": "ok", "kind": point["k"]}


def minimise(storage=None, *, fn=loss, space=SPACE, study_name=None, **kwargs):
    trials = kwargs.pop("trials", hyperbridge.Trials())
    backend = hyperbridge.Optuna(storage=storage, study_name=study_name)
    defaults = {
        "algo": rand.suggest,
        "max_evals": 5,
        "backend": backend,
        "rstate": np.random.default_rng(0),
        "show_progressbar": False,
    }
    best = hyperbridge.fmin(fn, space, trials=trials, **{**defaults, **kwargs})
    return best, trials


def contents(trials):
    return [(d["state"], d["result"], d["misc"]["vals"]) for d in trials._dynamic_trials]


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
    notes = [r.getMessage() for r in caplog.records if "going on with" in r.getMessage()]
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


def test_two_objectives_of_one_name_do_not_share_a_study(tmp_path, caplog):
    storage = f"sqlite:///{tmp_path / 'study.db'}"
    space = {"x": hp.uniform("x", -5, 5)}
    minimise(storage, fn=lambda p: p["x"] ** 2, space=space, max_evals=20)
    assert "begins" not in caplog.text
    _, trials = minimise(storage, fn=lambda p: (p["x"] - 4) ** 2, space=space, max_evals=20)
    assert trials.losses() == [(values - 4) ** 2 for values in trials.vals["x"]]
    first, second = optuna.get_all_study_names(storage)
    (note,) = [r.getMessage() for r in caplog.records if "begins" in r.getMessage()]
    assert repr(first) in note
    assert repr(second) in note


def test_the_same_objective_made_again_finds_its_study(tmp_path):
    storage = f"sqlite:///{tmp_path / 'study.db'}"

    def make(offset):
        return lambda p: (p["x"] - offset) ** 2

    for _ in range(2):
        minimise(storage, fn=make(1), max_evals=3)
        minimise(storage, fn=make(2), max_evals=3)
    studies = [optuna.load_study(study_name=n, storage=storage)
               for n in optuna.get_all_study_names(storage)]  # fmt: skip
    assert [len(study.trials) for study in studies] == [3, 3]


class Counting:
    """Keeps what it saw in all the ways of an object."""

    def __init__(self, offset):
        self.offset = offset
        self.n_calls = 0
        self.seen = []

    @functools.cached_property
    def scale(self):
        return 2.0

    @property
    def weight(self):
        self.n_weighed = self.n_calls
        return 1.0

    def count(self):
        self.n_calls += 1

    def __call__(self, point):
        self.count()
        self.seen.append(point["x"])
        return self.weight * self.scale * (point["x"] - self.offset) ** 2


def filling(offset):
    seen, known, by_value, pair = [], set(), {}, (1, [])

    def fn(point, cache=[]):
        for fill in (seen.append, known.add, pair[1].append, cache.append):
            fill(point["x"])
        by_value[point["x"]] = True
        return (point["x"] - offset) ** 2

    return fn


def rebinding(offset):
    n_calls = n_inner = n_counted = n_read = 0

    def count():
        nonlocal n_counted
        n_counted += 1

    def read():
        return n_read

    def fn(point):
        nonlocal n_calls, n_read
        n_calls += 1
        n_read += 1

        def inner():
            nonlocal n_inner
            n_inner += 1

        inner()
        count()
        return (point["x"] - offset) ** 2 + 0 * (n_counted + read())

    return fn


class Inheriting(Counting):
    pass


def method(offset):
    return Counting(offset).__call__


@pytest.mark.parametrize("make", [Counting, Inheriting, method, filling, rebinding])
def test_an_objective_that_changes_what_it_holds_goes_on_with_its_study(make):
    storage = optuna.storages.InMemoryStorage()
    fn = make(1)
    for objective, max_evals in ((fn, 3), (fn, 5), (make(1), 6), (make(2), 2)):
        minimise(storage, fn=objective, space={"x": hp.uniform("x", -5, 5)}, max_evals=max_evals)
    assert [len(storage.get_all_trials(each._study_id)) for each in storage.get_all_studies()] == [
        6,
        2,
    ]


def test_options_that_a_partial_binds_in_a_dict_make_a_study_of_their_own(tmp_path):
    def fn(options, point):
        return (point["x"] - options["offset"]) ** 2

    space = {"x": hp.uniform("x", -5, 5)}
    for offset in (1, 2, 1):
        _, trials = minimise(
            tmp_path / "study.log", fn=functools.partial(fn, {"offset": offset}), space=space
        )
        assert trials.losses() == [(x - offset) ** 2 for x in trials.vals["x"]]


def test_no_study_is_said_to_begin_when_the_trials_hold_what_it_has(tmp_path, caplog):
    storage = tmp_path / "study.log"
    space = {"x": hp.uniform("x", -5, 5)}
    minimise(storage, fn=lambda p: p["x"] + 1, space=space, max_evals=1)
    trials = hyperbridge.Trials()
    said = []
    for max_evals in (2, 4):
        caplog.clear()
        minimise(storage, fn=lambda p: p["x"] ** 2, space=space, trials=trials, max_evals=max_evals)
        said.append("begins" in caplog.text)
    assert said == [True, False]
    assert len(trials.study.trials) == 4


NAMED = """
    import functools
    from hyperbridge import hp, read_space
    from hyperbridge.search.optuna.naming import default_name

    class Model:
        def __init__(self, depth):
            self.depth = depth
        def __call__(self, p):
            return p in {"a", "b", "c"} or self.depth

    def train(p, data, *, mode="fast"):
        return max(x in ("q", "r") for x in p)  # a comment

    space = read_space({"x": hp.uniform("x", 0, 1), "o": hp.choice("o", [object(), "b"])})
    print([default_name(fn, space) for fn in (
        train, lambda p: {"s", "t"}, Model(1), Model(2), functools.partial(train, data=object()),
        functools.partial(train, mode="slow"), Model(3).__call__,
    )])
"""


@pytest.mark.slow
def test_the_name_of_a_study_is_the_same_in_every_process(tmp_path):
    first = run_script(NAMED, tmp_path)
    second = run_script(NAMED.replace("# a comment", ""), tmp_path)
    assert first.returncode == 0, first.stderr
    assert first.stdout == second.stdout
    assert len(set(first.stdout.split())) == 7


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


KILLED = """
    import os, signal
    import numpy as np
    import hyperbridge
    from hyperbridge import hp, rand

    calls = []

    def objective(x):
        calls.append(x)
        if len(calls) == 3:
            os.kill(os.getpid(), signal.SIGKILL)
        return x

    hyperbridge.fmin(
        objective, hp.uniform("x", 0, 1), algo=rand.suggest, max_evals=9, tracking=False,
        rstate=np.random.default_rng(0), show_progressbar=False,
        backend=hyperbridge.Optuna(storage="study.db", study_name="s"),
    )
"""


def run_script(text, folder):
    (folder / "script.py").write_text(textwrap.dedent(text))
    return subprocess.run(
        [sys.executable, "script.py"], cwd=folder, capture_output=True, text=True, timeout=120,
        env={**os.environ, "PYTHONPATH": str(ROOT)}, check=False,
    )  # fmt: skip


@pytest.mark.slow
def test_a_killed_driver_loses_the_running_trial_alone_and_leaves_no_running_one(tmp_path):
    assert run_script(KILLED, tmp_path).returncode == -signal.SIGKILL
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


def test_trials_become_a_study_that_goes_on_with_tpe():
    trials = hyperbridge.Trials()
    hyperbridge.fmin(
        loss, SPACE, algo=tpe.suggest, max_evals=30, trials=trials, show_progressbar=False,
        rstate=np.random.default_rng(0),
    )  # fmt: skip
    start = time.perf_counter()
    study = hyperbridge.to_study(trials, SPACE)
    assert time.perf_counter() - start < 2
    assert [t.value for t in study.trials] == trials.losses()
    study.optimize(hyperbridge.optuna_objective(loss, SPACE), n_trials=3)
    assert len(study.trials) == 33
    back = hyperbridge.from_study(study, SPACE)
    for ours, theirs in zip(back.trials, trials.trials, strict=False):
        for label, values in theirs["misc"]["vals"].items():
            assert ours["misc"]["vals"][label] == pytest.approx(values)
        assert ours["result"] == theirs["result"]
    assert back.best_values()["k"] in ("a", "b")


CONDITIONAL = {
    "m": hp.choice("m", [
        {"C": hp.lognormal("C", 0, 1)},
        {"d": hp.randint("d", 1, 9), "in": hp.choice("in", [None, hp.qnormal("z", 0, 4, 0.5)])},
    ]),
    "t": (hp.qloguniform("ql", 0, 4, 3), hp.pchoice("pc", [(0.1, 1), (0.9, 2)])),
    "u": hp.uniform("u", 0, 1),
}  # fmt: skip


def four_ways(point):
    if point["u"] > 0.9:
        raise ValueError("too high")
    if point["u"] > 0.8:
        return {"status": STATUS_FAIL}
    if point["u"] > 0.7:
        return {"status": "ok", "loss": math.nan}
    return {"loss": point["u"], "status": "ok", "kept": {"a": [1, 2]}}


@pytest.mark.parametrize("file", [None, "study.db", "study.log"])
def test_a_history_survives_the_way_to_a_study_and_back(tmp_path, file):
    trials = hyperbridge.Trials()
    hyperbridge.fmin(
        four_ways, CONDITIONAL, algo=tpe.suggest, max_evals=60, trials=trials,
        catch_eval_exceptions=True, rstate=np.random.default_rng(0), show_progressbar=False,
    )  # fmt: skip
    place = {} if file is None else {"storage": tmp_path / file, "study_name": "s"}
    study = hyperbridge.to_study(trials, CONDITIONAL, **place)
    if place:
        study = hyperbridge.to_study(hyperbridge.Trials(), CONDITIONAL, **place)
        assert len(hyperbridge.to_study(trials, CONDITIONAL, **place).trials) == 60
    back = hyperbridge.from_study(study, CONDITIONAL)

    assert {document["state"] for document in trials._dynamic_trials} == {2, 3}
    assert len(back._dynamic_trials) == 60
    for theirs, ours in zip(trials._dynamic_trials, back._dynamic_trials, strict=True):
        for name in ("vals", "idxs", "tid"):
            assert ours["misc"][name] == theirs["misc"][name]
        assert ours["misc"].get("error") == theirs["misc"].get("error")
        assert ours["state"] == theirs["state"]
        assert ours["book_time"] == theirs["book_time"]
        if ours["state"] == 2:
            assert repr(sorted(ours["result"].items())) == repr(sorted(theirs["result"].items()))
    assert back.argmin == trials.argmin
    assert back.best_values() == trials.best_values()


def test_a_trial_outside_of_the_space_is_named_when_it_becomes_a_study():
    trials = Trials()
    hyperbridge.fmin(
        lambda x: x, hp.uniform("x", 5, 6), algo=rand.suggest, max_evals=1, trials=trials,
        show_progressbar=False,
    )  # fmt: skip
    with pytest.raises(InvalidArgumentError, match="'x'"):
        hyperbridge.to_study(trials, hp.uniform("x", 0, 1))
    with pytest.raises(InvalidArgumentError, match="'x'"):
        hyperbridge.to_study(trials, hp.uniform("y", 0, 9))
    with pytest.raises(InvalidArgumentError, match="'y'"):
        hyperbridge.to_study(trials, {"x": hp.uniform("x", 0, 9), "y": hp.uniform("y", 0, 9)})


def test_a_study_written_by_hand_becomes_trials():
    def objective(trial):
        kind = trial.suggest_categorical("k", ["a", "b"])
        return (
            trial.suggest_float("x", -5, 5)
            + trial.suggest_float("n", -3, 3)
            + trial.suggest_float("q", 0, 1, step=0.1)
            + (kind == "b")
        )

    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
    study.optimize(objective, n_trials=6)
    trials = hyperbridge.from_study(study, SPACE)
    assert trials.losses() == [t.value for t in study.trials]
    for document, frozen in zip(trials.trials, study.trials, strict=True):
        vals = document["misc"]["vals"]
        assert ["a", "b"][vals["k"][0]] == frozen.params["k"]
        assert vals["n"] == [frozen.params["n"]]


def test_a_study_with_unknown_options_or_labels_is_refused():
    study = optuna.create_study()
    study.enqueue_trial({"k": "zebra"})
    study.optimize(lambda t: len(t.suggest_categorical("k", ["a", "zebra"])), n_trials=2)
    with pytest.raises(InvalidArgumentError, match="'k'"):
        hyperbridge.from_study(study, {"k": hp.choice("k", ["a", "b"]), "x": 1})
    with pytest.raises(InvalidArgumentError, match="'k'"):
        hyperbridge.from_study(study, {"x": hp.uniform("x", 0, 1)})


def test_an_objective_for_optimize_reports_what_fmin_would():
    def fn(point):
        if point["x"] < 0:
            return {"status": STATUS_FAIL}
        return {"loss": point["x"], "status": "ok", "seen": point["k"]}

    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
    study.optimize(hyperbridge.optuna_objective(fn, SPACE), n_trials=8)
    for trial in study.trials:
        if trial.params["x"] < 0:
            assert trial.state.name == "FAIL"
        else:
            assert trial.value == trial.params["x"]
            assert trial.user_attrs["hyperbridge.result"] == {"seen": "ab"[trial.params["k"]]}
