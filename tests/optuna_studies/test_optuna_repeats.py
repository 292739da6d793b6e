"""A study holds no trial of a point that was drawn again, whatever its storage and sampler."""

from __future__ import annotations

import logging
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import optuna
import pytest
from hyperopt import hp, rand, tpe
from optuna.samplers import (
    BruteForceSampler,
    GridSampler,
    NSGAIISampler,
    QMCSampler,
    RandomSampler,
    TPESampler,
)
from optuna.storages import InMemoryStorage, JournalStorage, RDBStorage
from optuna.storages.journal import JournalFileBackend

import hyperbridge

SMALL = {
    "a": hp.randint("a", 3),
    "k": hp.choice("k", ["x", {"q": hp.quniform("q", 0, 2, 1)}]),
}
"""Twelve points."""


def loss(point: Any) -> float:
    return float(point["a"] + (point["k"]["q"] if isinstance(point["k"], dict) else 0.5))


def search(space: Any = SMALL, fn: Any = loss, **kwargs: Any) -> Any:
    trials = kwargs.pop("trials", hyperbridge.Trials())
    arguments = {
        "algo": tpe.suggest, "max_evals": 20, "backend": "optuna", "repeats": "skip",
        "rstate": np.random.default_rng(0), "show_progressbar": False, "tracking": False,
    }  # fmt: skip
    hyperbridge.fmin(fn, space, trials=trials, **{**arguments, **kwargs})
    return trials


def storage(kind: str, folder: Path) -> Any:
    if kind == "memory":
        return InMemoryStorage()
    if kind == "journal":
        return JournalStorage(JournalFileBackend(str(folder / "journal.log")))
    return RDBStorage(f"sqlite:///{folder / 'study.db'}")


def states(study: Any) -> Counter[str]:
    return Counter(trial.state.name for trial in study.trials)


@pytest.mark.parametrize("kind", ["memory", "journal", "sqlite"])
@pytest.mark.parametrize("parallelism", [1, 3])
def test_the_study_has_each_point_once(kind: str, parallelism: int, tmp_path: Path) -> None:
    backend = hyperbridge.Optuna(storage=storage(kind, tmp_path), study_name="s")
    trials = search(backend=backend, parallelism=parallelism)
    study = trials.study
    assert states(study) == {"COMPLETE": 12}
    assert len({tuple(sorted(t.params.items())) for t in study.trials}) == 12
    assert [t.number for t in study.trials] == list(range(12))
    by_value = sorted((t.value, sorted(t.params.items())) for t in study.trials)
    assert by_value == sorted(
        (d["result"]["loss"], sorted((k, v[0]) for k, v in d["misc"]["vals"].items() if v))
        for d in trials.trials
    )
    assert trials.stop_reason == "search_exhausted"
    again = search(backend=hyperbridge.Optuna(storage=study._storage, study_name="s"))
    assert (len(again), states(again.study)) == (12, {"COMPLETE": 12})


@pytest.mark.parametrize("make", [TPESampler, RandomSampler, NSGAIISampler, BruteForceSampler])
@pytest.mark.filterwarnings("ignore::optuna.exceptions.ExperimentalWarning")
def test_any_sampler_may_propose(make: Any) -> None:
    trials = search(algo=make(seed=1))
    assert states(trials.study) == {"COMPLETE": 12}
    assert len(trials) == 12


@pytest.mark.filterwarnings("ignore::optuna.exceptions.ExperimentalWarning")
@pytest.mark.parametrize("make", [TPESampler, RandomSampler, QMCSampler])
def test_a_search_without_repeats_is_the_same_search(make: Any) -> None:
    space = {"x": hp.uniform("x", 0, 1), "k": hp.choice("k", [hp.loguniform("y", 0, 1), 3])}
    found = [
        search(space, lambda p: p["x"] + p["k"], algo=make(seed=3), repeats=repeats)
        for repeats in ("run", "skip")
    ]
    one, other = (
        [(t.params, t.value, t.state, t.system_attrs) for t in trials.study.trials]
        for trials in found
    )
    assert one == other


@pytest.mark.parametrize("algo", [tpe.suggest, rand.suggest])
def test_points_drawn_from_the_prior_leave_nothing_in_the_queue(algo: Any) -> None:
    space = hp.pchoice("k", [(0.9, 0), (0.05, 1), (0.05, hp.qlognormal("n", 0, 0.1, 1))])
    trials = search(space, float, algo=algo, max_evals=4)
    assert set(states(trials.study)) == {"COMPLETE"}
    assert len(trials) >= 3


def test_a_grid_is_finished_and_nothing_beside_it_is_tried() -> None:
    space = {"a": hp.randint("a", 10), "b": hp.randint("b", 10)}
    sampler = GridSampler({"a": [0, 3, 6], "b": [1, 4]}, seed=0)
    points = [{"a": 3, "b": 4}, {"a": 6, "b": 1}]
    trials = search(
        space, lambda p: float(p["a"] + p["b"]), algo=sampler, points_to_evaluate=points
    )
    found = [tuple(v[0] for v in d["misc"]["vals"].values()) for d in trials.trials]
    assert sorted(found) == [(a, b) for a in (0, 3, 6) for b in (1, 4)]
    counted = states(trials.study)
    assert counted["COMPLETE"] == 6
    assert counted["FAIL"] <= 2  # the grid has to see that it has proposed the two points
    assert counted.total() == counted["COMPLETE"] + counted["FAIL"]


def test_what_a_study_has_in_its_queue_is_run_or_ended() -> None:
    study = optuna.create_study(sampler=TPESampler(seed=0))
    study.enqueue_trial({"a": 1, "k": 0})
    study.enqueue_trial({"a": 1, "k": 0})
    trials = search(algo=study, max_evals=5)
    assert len(trials) == 5
    assert trials.trials[0]["misc"]["vals"]["a"] == [1]
    assert states(study) == {"COMPLETE": 5, "FAIL": 1}
    failed = next(t for t in study.trials if t.state.name == "FAIL")
    assert failed.user_attrs["hyperbridge.failure"][0] == "cancelled"


def test_reused_results_are_told_to_the_study() -> None:
    calls: list[Any] = []

    def fn(point: Any) -> float:
        calls.append(point)
        return loss(point)

    trials = search(fn=fn, algo=RandomSampler(seed=0), max_evals=40, repeats="reuse")
    assert len(calls) <= 12
    assert states(trials.study) == {"COMPLETE": 40}
    assert [t.value for t in trials.study.trials] == trials.losses()


def test_a_trial_that_is_cut_off_leaves_no_draft_behind(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.ERROR)

    def fn(point: Any) -> float:
        raise ValueError("by design")

    trials = hyperbridge.Trials()
    with pytest.raises(ValueError, match="by design"):
        search(fn=fn, trials=trials, max_queue_len=4)
    counted = states(trials.study)
    assert set(counted) == {"FAIL"}
    assert counted["FAIL"] == 4  # as without skipping: one that failed, three never started
    assert trials.stop_reason == "error"
