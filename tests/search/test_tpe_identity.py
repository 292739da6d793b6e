"""Our suggestions are hyperopt's, in every bit, along runs of hyperopt's own fmin."""

from __future__ import annotations

import functools
import pickle
from typing import Any

import numpy as np
import pytest
from hyperopt import Domain, Trials, rand, tpe
from hyperopt.base import JOB_STATE_DONE
from tpe_replay import gathered_trials, past_documents, replay, trials_of
from tpe_spaces import SPACES, conditional, every_distribution, many_parameters, nested

from hyperbridge.search.fast import accelerate
from hyperbridge.search.tpe import posterior
from hyperbridge.search.tpe.certified import contenders

MIXED = ("every_distribution", "nested", "shared_labels")


@pytest.mark.parametrize("name", SPACES)
def test_tpe_and_its_exact_engine_are_identical_on_every_space(name: str) -> None:
    report = replay(SPACES[name](), tpe.suggest, 60, seed=1, exact_too=True)
    assert report.compared == 60
    assert report.different == []


@pytest.mark.parametrize("name", SPACES)
def test_rand_is_identical_on_every_space(name: str) -> None:
    assert replay(SPACES[name](), rand.suggest, 40, seed=2).different == []


def test_rand_is_identical_for_several_new_trials_at_once() -> None:
    report = replay(nested(), rand.suggest, 40, max_queue_len=7)
    assert report.compared < 40
    assert report.different == []


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize(
    "seed", [10, *(pytest.param(seed, marks=pytest.mark.long) for seed in (11, 12, 13, 14))]
)
@pytest.mark.parametrize("name", SPACES)
def test_tpe_is_identical_for_200_trials(name: str, seed: int) -> None:
    assert replay(SPACES[name](), tpe.suggest, 200, seed=seed).different == []


@pytest.mark.parametrize("name", MIXED)
def test_pending_trials_of_a_longer_queue_count_as_hyperopt_counts_them(name: str) -> None:
    assert replay(SPACES[name](), tpe.suggest, 80, seed=3, max_queue_len=8).different == []


def failing(loss: float, tid: int) -> Any:
    if tid % 3 == 1:
        return {"status": "fail"}
    if tid % 11 == 5:
        return {"status": "fail", "loss": -5.0}
    return loss


def sometimes_nan(loss: float, tid: int) -> float:
    return float("nan") if tid % 4 == 2 else loss


def tied(loss: float, tid: int) -> float:
    return round(loss, 1)


def constant(loss: float, tid: int) -> float:
    return 1.0


def half_infinite(loss: float, tid: int) -> float:
    return float("inf") if tid % 2 else loss


@pytest.mark.parametrize("outcome", [failing, sometimes_nan, tied, constant, half_infinite])
@pytest.mark.parametrize("name", MIXED)
def test_odd_losses_are_treated_as_hyperopt_treats_them(name: str, outcome: Any) -> None:
    report = replay(SPACES[name](), tpe.suggest, 70, seed=4, outcome=outcome, max_queue_len=2)
    assert report.different == []


@pytest.mark.parametrize(
    "options",
    [
        {"prior_weight": 0.3, "n_EI_candidates": 50, "gamma": 0.7, "n_startup_jobs": 5},
        {"n_EI_candidates": 1, "gamma": 3.0, "verbose": False},
        {"prior_weight": 7, "gamma": 0, "n_startup_jobs": 0},
    ],
    ids=str,
)
@pytest.mark.parametrize("name", MIXED)
def test_options_are_honoured(name: str, options: dict[str, Any]) -> None:
    algo = functools.partial(tpe.suggest, **options)
    assert replay(SPACES[name](), algo, 50, seed=5).different == []


def test_points_to_evaluate_are_seen_with_the_types_that_the_user_gave() -> None:
    space = SPACES["by_keyword"]()
    points = [
        {"u": 0, "q": 1, "n": 0.5, "l": 1, "r": 2},
        {"u": 0, "q": 1, "n": 0.5, "l": 1, "r": 2},
        {"u": 0.25, "q": 8.0, "n": -3, "l": 0.1, "r": np.int64(0)},
    ]
    assert replay(space, tpe.suggest, 60, points=points, max_queue_len=3).different == []


@pytest.mark.parametrize("better", [True, False])
def test_documents_that_an_objective_injects_are_seen_as_hyperopt_sees_them(better: bool) -> None:
    def objective(expr: Any, memo: Any, ctrl: Any) -> float:
        trial = ctrl.current_trial
        x = trial["misc"]["vals"]["x"][0]
        if trial["tid"] % 5 == 3:
            tid = ctrl.trials.new_trial_ids(1)[0]
            copy = {**trial, "tid": tid, "state": JOB_STATE_DONE}
            copy["result"] = {"status": "ok", "loss": abs(x - 3) - 1 if better else 99.0}
            source = {} if trial["tid"] % 2 else {"from_tid": trial["tid"]}
            copy["misc"] = {"tid": tid, "cmd": None, **source}
            copy["misc"].update(idxs={"x": [tid]}, vals={"x": [x / 2]})
            ctrl.trials.insert_trial_docs([copy])
        return abs(float(x) - 3)

    report = replay(SPACES["bare"](), tpe.suggest, 80, objective=objective, exact_too=True)
    assert any("from_tid" in document["misc"] for document in report.trials.trials)
    assert report.different == []


def test_a_search_goes_on_from_pickled_trials() -> None:
    first = replay(nested(), tpe.suggest, 40, seed=6)
    restored = pickle.loads(pickle.dumps(first.trials))
    second = replay(nested(), tpe.suggest, 60, seed=7, trials=restored)
    assert second.compared == 20
    assert second.different == []


@pytest.mark.parametrize("n", [1500, pytest.param(2600, marks=pytest.mark.slow)])
@pytest.mark.parametrize("space", [conditional, every_distribution, lambda: many_parameters(5)])
def test_long_histories_are_identical(space: Any, n: int) -> None:
    domain = Domain(lambda _: 0.0, space())
    trials = trials_of(past_documents(domain, n))
    fast = accelerate(tpe.suggest, domain, trials)
    assert fast is not None
    for seed in range(3):
        expected = tpe.suggest([n], domain, trials, seed)
        assert repr(fast([n], domain, trials, seed)) == repr(expected)


@pytest.mark.slow
@pytest.mark.parametrize("n", [1200, pytest.param(3000, marks=pytest.mark.long)])
def test_a_long_search_that_has_gathered_around_its_best_is_identical(
    n: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    trials = gathered_trials(n)
    alone: list[float] = []

    def count(*args: Any) -> Any:
        possible = contenders(*args)
        alone.append((possible.sum(axis=1) == 1).mean())
        return possible

    monkeypatch.setattr(posterior, "contenders", count)
    domain = Domain(lambda _: 0.0, SPACES["ten_parameters"]())
    fast = accelerate(tpe.suggest, domain, trials)
    assert fast is not None
    for seed in range(40):
        expected = tpe.suggest([n], domain, trials, seed)
        assert repr(fast([n], domain, trials, seed)) == repr(expected)
    assert len(alone) == 40
    assert np.mean(alone) > 0.9  # few labels are left to sums over all pairs


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_run_of_1500_trials_is_identical() -> None:
    assert replay(SPACES["two_floats"](), tpe.suggest, 1500, seed=8).different == []


@pytest.mark.slow
@pytest.mark.long  # hyperopt itself takes most of it
@pytest.mark.timeout(600)
def test_a_conditional_run_of_1500_trials_is_identical() -> None:
    assert replay(conditional(), tpe.suggest, 1500, seed=9, max_queue_len=4).different == []


def test_trials_with_another_experiment_key_are_left_out() -> None:
    domain = Domain(lambda _: 0.0, SPACES["bare"]())
    documents = past_documents(domain, 60)
    for document in documents:
        document["exp_key"] = "mine" if document["tid"] % 2 else "other"
    trials = Trials(exp_key="mine", refresh=False)
    trials._insert_trial_docs(documents)
    trials.refresh()
    fast = accelerate(tpe.suggest, domain, trials)
    assert fast is not None
    assert repr(fast([60], domain, trials, 1)) == repr(tpe.suggest([60], domain, trials, 1))
