"""The Trials object that fmin begins with: what does not fit is said before the first trial."""

from __future__ import annotations

import functools
import logging
import math
import pickle
import time
from pathlib import Path
from typing import Any

import hyperopt
import numpy as np
import pytest
from hyperopt import anneal, hp, rand, tpe
from hyperopt.early_stop import no_progress_loss
from hyperopt.fmin import generate_trials_to_calculate

from hyperbridge.errors import InvalidArgumentError, InvalidSpaceError
from hyperbridge.surface import originals
from hyperbridge.surface.fmin import fmin
from hyperbridge.surface.spark_trials import SparkTrials
from hyperbridge.surface.trials import Trials

CONDITIONAL = hp.choice(
    "kind", [{"name": "a", "x": hp.uniform("x", 0, 1)}, {"name": "b", "n": hp.randint("n", 5)}]
)


def search(space: Any, fn: Any = lambda p: 0.5, **kwargs: Any) -> Any:
    arguments = {
        "algo": rand.suggest, "max_evals": 3, "show_progressbar": False,
        "rstate": np.random.default_rng(0),
    }  # fmt: skip
    return fmin(fn, space, **{**arguments, **kwargs})


@pytest.mark.parametrize("given", [Trials, hyperopt.Trials, SparkTrials, [], {}, "trials", 3])
def test_what_is_no_trials_object_is_refused_by_name(given: Any) -> None:
    with pytest.raises(InvalidArgumentError, match="trials"):
        search(hp.uniform("x", 0, 1), trials=given)


@pytest.mark.parametrize("fast", ["1", "0"])
def test_points_of_conditional_labels_can_be_given_as_trials(
    fast: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HYPERBRIDGE_FAST_TPE", fast)
    trials = generate_trials_to_calculate([{"kind": 0, "x": 0.25}, {"kind": 1, "n": 3}])
    search(CONDITIONAL, trials=trials, algo=tpe.suggest, max_evals=25)
    assert len(trials.trials) == 27
    assert all(set(d["misc"]["vals"]) == {"kind", "x", "n"} for d in trials.trials)


def test_trials_of_another_space_are_refused_with_the_labels() -> None:
    trials = Trials()
    search({"a": hp.uniform("a", 0, 1)}, trials=trials)
    kept = [dict(d["misc"]["vals"]) for d in trials.trials]
    for space in ({"b": hp.uniform("b", 0, 1)}, {"constant": 1}):
        with pytest.raises(InvalidArgumentError, match="'a'"):
            search(space, trials=trials, max_evals=6)
    assert [d["misc"]["vals"] for d in trials.trials] == kept


@pytest.mark.parametrize("fast", ["1", "0"])
def test_trials_of_a_smaller_space_are_learnt_from_with_a_warning(
    fast: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("HYPERBRIDGE_FAST_TPE", fast)
    trials, small = Trials(), {"a": hp.uniform("a", 0, 1)}
    search(small, trials=trials)
    search({**small, "b": hp.uniform("b", 0, 1)}, trials=trials, algo=tpe.suggest, max_evals=25)
    assert len(trials.losses()) == 25
    assert "'b', which they do not have" in caplog.text


def test_trials_of_a_larger_space_are_learnt_from_with_a_warning(
    caplog: pytest.LogCaptureFixture,
) -> None:
    trials, small = Trials(), {"a": hp.uniform("a", 0, 1)}
    search({**small, "b": hp.uniform("b", 0, 1)}, trials=trials)
    search(small, trials=trials, algo=tpe.suggest, max_evals=25)
    assert len(trials.losses()) == 25
    assert "'b', which the space does not have" in caplog.text


def test_trials_of_the_same_space_are_no_reason_for_a_word(
    caplog: pytest.LogCaptureFixture,
) -> None:
    trials = Trials()
    for max_evals in (2, 4):
        search(CONDITIONAL, trials=trials, max_evals=max_evals)
    assert caplog.records == []


def test_nothing_left_to_be_run_is_said(caplog: pytest.LogCaptureFixture) -> None:
    trials, space = Trials(), hp.uniform("x", 0, 1)
    search(space, trials=trials)
    assert "nothing is left" not in caplog.text
    search(space, trials=trials)
    assert "max_evals=3, and the Trials object holds 3 trials already" in caplog.text
    assert len(trials.trials) == 3


def test_an_unknown_label_among_points_is_left_out_with_a_warning(
    caplog: pytest.LogCaptureFixture,
) -> None:
    trials = Trials()
    points = [{"x": 0.5, "old": 3}, {"x": 0.25}]
    for _ in range(2):
        search(hp.uniform("x", 0, 1), trials=trials, points_to_evaluate=points, max_evals=2)
    assert [d["misc"]["vals"] for d in trials.trials[:2]] == [{"x": [0.5]}, {"x": [0.25]}]
    assert len(trials.trials) == 4
    assert "label 'old'" in caplog.text


@pytest.mark.parametrize("parallelism", [1, 3])
def test_no_progress_loss_takes_trials_without_a_loss(parallelism: int) -> None:
    def fn(x: float) -> Any:
        if x < 0.3:
            raise ArithmeticError
        return {"status": "fail"} if x < 0.6 else x

    trials = Trials()
    search(
        hp.uniform("x", 0, 1), fn, trials=trials, max_evals=60, early_stop_fn=no_progress_loss(5),
        catch_eval_exceptions=True, parallelism=parallelism,
    )  # fmt: skip
    assert 5 < len(trials._dynamic_trials) < 60


def test_a_stop_rule_of_a_continued_search_sees_the_earlier_fail_trials() -> None:
    seen: list[int] = []

    def count(trials: Any, *args: Any) -> Any:
        seen.append(sum(d["result"]["status"] == "fail" for d in trials.trials))
        return False, args

    trials = Trials()
    with pytest.raises(hyperopt.exceptions.AllTrialsFailed):
        search(hp.uniform("x", 0, 1), lambda x: {"status": "fail"}, trials=trials)
    search(hp.uniform("x", 0, 1), trials=trials, max_evals=5, parallelism=2, early_stop_fn=count)
    assert seen == [3, 3]


@pytest.mark.parametrize("algo", [tpe.suggest, rand.suggest])
def test_a_distribution_that_depends_on_another_is_refused_by_tpe_before_the_first_trial(
    algo: Any,
) -> None:
    a = hp.uniform("a", 1, 2)
    space = {"a": a, "upper": hp.uniform("upper", 0, a)}
    trials = Trials()
    arguments = {"trials": trials, "algo": algo}
    if algo is tpe.suggest:
        with pytest.raises(InvalidArgumentError.__mro__[2], match="'upper'.*rand.suggest"):
            search(space, max_evals=25, **arguments)
        assert trials._dynamic_trials == []
        search(space, max_evals=20, **arguments)  # its random trials alone
        assert len(trials.losses()) == 20
    else:
        search(space, max_evals=25, **arguments)


@pytest.mark.parametrize("n_startup_jobs", [2, 3.5])
def test_a_range_with_one_value_is_refused_by_tpe_once_its_random_trials_are_not_enough(
    n_startup_jobs: Any, caplog: pytest.LogCaptureFixture
) -> None:
    space = {"a": hp.uniform("a", 0, 0), "b": hp.uniform("b", 0, 1)}
    algo = functools.partial(tpe.suggest, n_startup_jobs=n_startup_jobs)
    theirs = hyperopt.Trials()
    with pytest.raises(AssertionError):
        originals.fmin(
            lambda p: p["b"], space, algo=algo, max_evals=9, trials=theirs, verbose=False
        )
    assert len(theirs.trials) == math.ceil(n_startup_jobs)

    with pytest.raises(InvalidSpaceError, match="'a'.*low equals its high.*AssertionError"):
        search(space, max_evals=9, algo=algo)
    search(space, max_evals=2, algo=algo)  # random trials alone
    search(space, max_evals=9, algo=rand.suggest)
    search(space, max_evals=9, algo=algo, loss_threshold=1e9)
    assert "cannot search a distribution whose low equals its high" in caplog.text


def test_a_sigma_of_0_is_drawn_and_annealed_as_in_hyperopt_and_refused_to_tpe() -> None:
    space = {"a": hp.normal("a", 1.5, 0), "b": hp.lognormal("b", 0, 1)}
    for algo in (rand.suggest, anneal.suggest):
        theirs, ours = hyperopt.Trials(), Trials()
        for minimise, trials in ((originals.fmin, theirs), (fmin, ours)):
            minimise(
                lambda p: p["a"] + p["b"],
                space,
                algo=algo,
                max_evals=9,
                trials=trials,
                rstate=np.random.default_rng(0),
                show_progressbar=False,
            )
        assert ours.vals == theirs.vals
    search(space, algo=tpe.suggest, max_evals=20)  # random trials alone
    with pytest.raises(InvalidSpaceError, match="'a'.*sigma is 0.*AssertionError"):
        search(space, algo=tpe.suggest, max_evals=21)


def test_a_computed_step_is_searched_by_tpe_as_in_hyperopt() -> None:
    a = hp.uniform("a", 1, 2)
    space = {"a": a, "b": hp.quniform("b", 0, 10, a)}
    ours, theirs = Trials(), hyperopt.Trials()
    for run, trials in ((fmin, ours), (hyperopt.fmin, theirs)):
        run(
            lambda p: p["b"], space, algo=tpe.suggest, max_evals=25, trials=trials,
            show_progressbar=False, rstate=np.random.default_rng(0),
        )  # fmt: skip
    assert ours.vals == theirs.vals


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ({"timeout": -1},
         "The timeout argument should be None or a positive value. Given value: -1"),
        ({"loss_threshold": "a"},
         "The loss_threshold argument should be None or a numeric value. Given value: a"),
        ({"max_evals": 0}, "There are no evaluation tasks, cannot return argmin of task losses."),
        ({"max_queue_len": float("inf")}, "max_queue_len"),
        ({"max_evals": float("nan")}, "max_evals"),
        ({"trials_save_file": 3}, "trials_save_file"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_with_hyperopts_sentence_where_it_has_one(
    arguments: dict[str, Any], text: str
) -> None:
    with pytest.raises(InvalidArgumentError) as caught:
        search(hp.uniform("x", 0, 1), **arguments)
    assert text in str(caught.value)


@pytest.mark.parametrize("timeout", [10**400, float("inf")])
def test_a_timeout_beyond_all_clocks_is_none(timeout: Any) -> None:
    assert "x" in search(hp.uniform("x", 0, 1), timeout=timeout)


class CountedTrials(hyperopt.Trials):  # type: ignore[misc]  # hyperopt has no types
    """A subclass of somebody's, with a method of the name of one of our attributes."""

    def fmin_cancelled(self) -> int:
        return 3


@pytest.mark.parametrize(
    ("make", "name"),
    [
        (hyperopt.Trials, "hyperopt.fmin"),
        (CountedTrials, "hyperopt.fmin"),
        (Trials, "hyperopt.fmin"),
        (SparkTrials, "hyperopt-spark"),
    ],
)
@pytest.mark.parametrize(
    ("arguments", "words", "rule"),
    [
        ({"loss_threshold": 1.0}, "loss threshold reached", "loss_threshold"),
        ({"early_stop_fn": lambda trials: (True, [])}, "early stopping condition", "early_stop_fn"),
        ({"timeout": 1e-9}, "fmin run timeout", "timeout"),
        ({}, None, "max_evals"),
    ],
)
@pytest.mark.parametrize("parallelism", [1, 3])
def test_a_search_says_once_why_it_ended(
    arguments: dict[str, Any],
    words: str | None,
    rule: str,
    make: Any,
    name: str,
    parallelism: int,
    caplog: pytest.LogCaptureFixture,
) -> None:
    trials = make()
    search(
        hp.uniform("x", 0, 1), max_evals=5, parallelism=parallelism, return_argmin=False,
        trials=trials, backend="local", **arguments,
    )  # fmt: skip
    found = [(r.name, r.message) for r in caplog.records if r.levelno >= logging.WARNING]
    assert found == ([(name, f"fmin cancelled because of {words}")] if words else [])
    is_cancelled = rule in ("timeout", "early_stop_fn")
    for each in (trials, pickle.loads(pickle.dumps(trials))):
        assert each.stop_reason == rule
        assert each.fmin_cancelled_reason == (words if is_cancelled else None)
        if make is CountedTrials:
            assert each.fmin_cancelled() == 3
        else:
            assert each.fmin_cancelled is is_cancelled


def test_hyperopt_itself_goes_on_with_trials_of_a_search_that_was_cancelled() -> None:
    trials = hyperopt.Trials()
    search(hp.uniform("x", 0, 1), max_evals=5, trials=trials, timeout=1e-9, return_argmin=False)
    pickled = pickle.dumps(trials)
    assert trials.fmin_cancelled
    assert b"hyperbridge" not in pickled
    again = pickle.loads(pickled)
    originals.fmin(
        lambda x: x, hp.uniform("x", 0, 1), algo=hyperopt.rand.suggest, max_evals=3, trials=again,
        show_progressbar=False,
    )  # fmt: skip
    assert len(again) == 3


@pytest.mark.parametrize("how", ["timeout", "early_stop_fn", "max_evals"])
def test_a_save_file_says_why_the_search_ended(how: str, tmp_path: Path) -> None:
    file = tmp_path / "trials.pkl"
    arguments: dict[str, Any] = {
        "timeout": {"timeout": 1, "fn": lambda x: time.sleep(1.1) or x},
        "early_stop_fn": {"early_stop_fn": lambda trials: (True, [])},
        "max_evals": {},
    }[how]
    search(hp.uniform("x", 0, 1), trials_save_file=str(file), **{"max_evals": 3, **arguments})
    saved = pickle.loads(file.read_bytes())
    assert saved.stop_reason == how
    n = len(saved)
    search(hp.uniform("x", 0, 1), trials_save_file=str(file), max_evals=n + 1)
    assert pickle.loads(file.read_bytes()).stop_reason == "max_evals"


def test_when_all_trials_were_cancelled_the_error_says_so(
    caplog: pytest.LogCaptureFixture,
) -> None:
    trials = SparkTrials(timeout=1e-9)
    with pytest.raises(hyperopt.exceptions.AllTrialsFailed) as caught:
        search(hp.uniform("x", 0, 1), trials=trials, backend="local")
    text = str(caught.value)
    assert "There are no evaluation tasks, cannot return argmin of task losses." in text
    assert "All 1 trials were cancelled. The search was stopped: fmin run timeout." in text
    assert trials.count_cancelled_trials() == 1
    assert ("hyperopt-spark", logging.WARNING, "fmin cancelled because of fmin run timeout") in (
        caplog.record_tuples
    )
    assert trials._spark_supports_job_cancelling
    assert trials._spark_pinned_threads_enabled
