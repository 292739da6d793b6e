"""Trials become a study, and a study becomes Trials."""

from __future__ import annotations

import math

import numpy as np
import optuna
import pytest
from hyperopt import hp, rand, tpe
from hyperopt.base import STATUS_FAIL, Trials
from studies import SPACE, loss

import hyperbridge
from hyperbridge.errors import InvalidArgumentError


def test_trials_become_a_study_that_goes_on_with_tpe():
    trials = hyperbridge.Trials()
    hyperbridge.fmin(
        loss, SPACE, algo=tpe.suggest, max_evals=30, trials=trials, show_progressbar=False,
        rstate=np.random.default_rng(0),
    )  # fmt: skip
    study = hyperbridge.to_study(trials, SPACE)
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
