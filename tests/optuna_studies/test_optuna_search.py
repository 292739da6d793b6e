"""Samplers that stand in for hyperopt's algorithms, and what the study holds in the end."""

from __future__ import annotations

import functools
import inspect
import logging
import math

import hyperopt
import numpy as np
import optuna
import pytest
from hyperopt import anneal, hp, mix, rand, tpe
from hyperopt.base import JOB_STATE_DONE, STATUS_FAIL

import hyperbridge
from hyperbridge.errors import (
    HyperbridgeWarning,
    InvalidArgumentError,
    UnsupportedArgumentError,
)

SPACE = {
    "x": hp.uniform("x", -5, 5),
    "k": hp.choice("k", [{"name": "a"}, {"name": "b", "n": hp.normal("n", 2, 1)}]),
}
FLOATS = {"a": hp.uniform("a", -5, 5), "b": hp.loguniform("b", -3, 2)}


def loss(point):
    return point["x"] ** 2 + point["k"].get("n", 0.5)


def minimise(fn=loss, space=SPACE, **kwargs):
    trials = kwargs.pop("trials", hyperbridge.Trials())
    defaults = {
        "algo": tpe.suggest,
        "max_evals": 20,
        "backend": "optuna",
        "rstate": np.random.default_rng(0),
        "show_progressbar": False,
    }
    hyperbridge.fmin(fn, space, trials=trials, **{**defaults, **kwargs})
    return trials


def test_the_study_has_the_trials_of_the_documents():
    trials = minimise()
    study = trials.study
    assert isinstance(study, optuna.Study)
    assert [t.value for t in study.trials] == trials.losses()
    for frozen, document in zip(study.trials, trials.trials, strict=True):
        values = {k: v[0] for k, v in document["misc"]["vals"].items() if v}
        assert set(frozen.params) == set(values)
        assert frozen.params["x"] == values["x"]
        assert frozen.params["k"] == values["k"]
        assert frozen.user_attrs == ({"n": values["n"]} if "n" in values else {})
    assert study.best_value == min(trials.losses())
    assert trials.argmin["x"] == study.best_params["x"]


@pytest.mark.slow  # imports the plots of scikit-learn and plotly
@pytest.mark.filterwarnings("ignore::optuna.exceptions.ExperimentalWarning")
def test_visualisation_and_importances_work_on_the_study():
    pytest.importorskip("sklearn")
    matplotlib = pytest.importorskip("matplotlib")
    matplotlib.use("Agg")
    trials = minimise(max_evals=25)
    for study in (trials.study, hyperbridge.to_study(trials, SPACE)):
        importances = optuna.importance.get_param_importances(study)
        assert set(importances) == {"x", "k", "n"}
        assert importances["x"] > importances["k"]
        for kind in ("optimization_history", "slice", "parallel_coordinate", "contour", "edf"):
            axes = getattr(optuna.visualization.matplotlib, f"plot_{kind}")(study)
            assert any(ax.has_data() for ax in np.ravel(axes)), kind
        matplotlib.pyplot.close("all")


@pytest.mark.parametrize("algo", [tpe.suggest, rand.suggest])
@pytest.mark.parametrize("space", [SPACE, FLOATS], ids=["mixed", "floats"])
def test_a_seed_gives_the_same_trials_again_and_another_seed_others(algo, space):
    def fn(point):
        return sum(v for v in point.values() if isinstance(v, float))

    runs = [
        minimise(fn, space, algo=algo, max_evals=15, rstate=np.random.default_rng(s)).losses()
        for s in (4, 4, 5)
    ]
    assert runs[0] == runs[1]
    assert runs[0] != runs[2]


def test_a_second_search_with_the_same_generator_goes_elsewhere():
    generator = np.random.default_rng(4)
    first = minimise(rstate=generator, max_evals=5).losses()
    assert minimise(rstate=generator, max_evals=5).losses() != first


def test_an_old_random_state_is_a_seed_too():
    runs = [minimise(rstate=np.random.RandomState(3), max_evals=5).losses() for _ in range(2)]
    assert runs[0] == runs[1]


def test_a_seed_gives_the_trials_of_native_code_with_that_seed():
    trials = minimise(
        lambda p: p["a"] ** 2 + p["b"], FLOATS, max_evals=30, rstate=np.random.default_rng(7)
    )
    study = optuna.create_study(sampler=optuna.samplers.TPESampler(seed=7, multivariate=True))
    study.optimize(
        lambda t: (
            t.suggest_float("a", -5, 5) ** 2
            + t.suggest_float("b", math.exp(-3), math.exp(2), log=True)
        ),
        n_trials=30,
    )
    assert trials.losses() == [t.value for t in study.trials]


def test_the_samplers_are_optunas():
    assert type(minimise(space=FLOATS, fn=lambda p: 0.0, max_evals=1).study.sampler) is (
        optuna.samplers.TPESampler
    )
    assert isinstance(minimise(max_evals=1).study.sampler, optuna.samplers.TPESampler)
    random = minimise(max_evals=1, algo=rand.suggest).study.sampler
    assert type(random) is optuna.samplers.RandomSampler


def test_options_of_a_partial_reach_the_sampler():
    algo = functools.partial(tpe.suggest, n_startup_jobs=3, n_EI_candidates=7, verbose=False)
    sampler = minimise(algo=algo, max_evals=1).study.sampler
    assert sampler._n_startup_trials == 3
    assert sampler._n_ei_candidates == 7


def test_gamma_splits_as_hyperopt_does():
    algo = functools.partial(tpe.suggest, gamma=0.5)
    sampler = minimise(algo=algo, max_evals=1).study.sampler
    assert [sampler._gamma(n) for n in (1, 16, 36, 100, 10_000)] == [1, 2, 3, 5, 25]


@pytest.mark.parametrize(
    "option",
    [
        {"n_startup_jobs": -1},
        {"n_startup_jobs": 2.5},
        {"n_startup_jobs": math.inf},
        {"n_startup_jobs": -math.inf},
        {"n_startup_jobs": True},
        {"n_EI_candidates": True},
        {"n_EI_candidates": np.int64(3)},
        {"gamma": 0},
        {"gamma": -1},
        {"gamma": 1e9},
        {"gamma": np.float32(0.3)},
        {"prior_weight": 1e-300},
        {"prior_weight": 1e300},
        {"verbose": None},
    ],
    ids=str,
)
@pytest.mark.parametrize("space", [SPACE, FLOATS], ids=["conditional", "floats"])
def test_an_odd_option_that_hyperopt_takes_is_taken(option, space):
    algo = functools.partial(tpe.suggest, **{"n_startup_jobs": 5, **option})
    theirs = hyperopt.Trials()

    def first(point):
        return next(iter(point.values())) if space is FLOATS else point["x"]

    hyperopt.fmin(
        first, space, algo, 12, trials=theirs, rstate=np.random.default_rng(0),
        show_progressbar=False,
    )  # fmt: skip
    trials = minimise(first, space, algo=algo, max_evals=12)
    assert len(trials) == len(theirs) == 12
    assert np.isfinite(trials.losses()).all()


@pytest.mark.parametrize(("weight", "least", "most"), [(1e6, 8, 32), (0, 38, 40)])
def test_the_weight_of_the_prior_holds_for_choices(weight, least, most):
    algo = functools.partial(tpe.suggest, prior_weight=weight, n_startup_jobs=20)
    trials = minimise(lambda k: k, hp.choice("k", [0, 1]), algo=algo, max_evals=60)
    assert least <= trials.vals["k"][20:].count(0) <= most


def test_an_unknown_option_is_named():
    with pytest.raises(UnsupportedArgumentError, match="n_startup"):
        minimise(algo=functools.partial(tpe.suggest, n_startup=3))


def test_the_options_that_a_message_names_are_those_of_hyperopt():
    with pytest.raises(UnsupportedArgumentError) as caught:
        minimise(algo=functools.partial(tpe.suggest, linear_forgetting=4))
    named = str(caught.value).partition("it has ")[2].split(", ")
    parameters = inspect.signature(tpe.suggest).parameters
    assert set(named) == set(parameters) - {"new_ids", "domain", "trials", "seed", "verbose"}


@pytest.mark.parametrize(
    ("algo", "name"),
    [
        (anneal.suggest, "hyperopt.anneal"),
        (functools.partial(mix.suggest, p_suggest=[(1.0, rand.suggest)]), "hyperopt.mix"),
    ],
)
def test_an_algorithm_without_counterpart_is_named_and_its_trials_are_recorded(algo, name):
    with pytest.warns(HyperbridgeWarning, match=name):
        trials = minimise(algo=algo, max_evals=8)
    theirs = hyperopt.Trials()
    hyperopt.fmin(
        loss, SPACE, algo=algo, max_evals=8, trials=theirs, rstate=np.random.default_rng(0),
        verbose=False,
    )  # fmt: skip
    assert trials.losses() == theirs.losses()
    assert [t.value for t in trials.study.trials] == trials.losses()


def test_a_users_own_algorithm_runs_and_is_named_in_the_log(caplog):
    def own(new_ids, domain, trials, seed):
        return rand.suggest(new_ids, domain, trials, seed)

    trials = minimise(algo=own, max_evals=4)
    assert "test_optuna_search" in caplog.text
    assert len(trials.study.trials) == 4


@pytest.mark.parametrize("backend", ["local", "optuna"])
def test_an_optuna_sampler_is_used_on_other_backends_too(backend):
    sampler = optuna.samplers.QMCSampler(seed=1)
    trials = minimise(algo=sampler, backend=backend, max_evals=6)
    assert trials.study.sampler is sampler
    assert len(trials.study.trials) == len(trials) == 6


def test_an_optuna_sampler_proposes_the_trials_of_spark(spark):
    space = {"x": hp.uniform("x", -1, 1)}
    with hyperbridge.settings(tracking=False):
        trials = minimise(
            lambda p: p["x"] ** 2, space, algo=optuna.samplers.TPESampler(seed=2),
            backend=hyperbridge.Spark(session=spark), parallelism=2, max_evals=14,
        )  # fmt: skip
    assert {t.state.name for t in trials.study.trials} == {"COMPLETE"}
    assert sorted(trials.losses()) == sorted(t.value for t in trials.study.trials)


def test_a_sampler_class_instead_of_an_object_is_refused():
    with pytest.raises(InvalidArgumentError, match=r"TPESampler\(\)"):
        minimise(algo=optuna.samplers.TPESampler)


def test_a_sampler_that_has_nothing_left_ends_the_search():
    space = {"k": hp.choice("k", ["a", "b"]), "n": hp.randint("n", 3)}
    trials = minimise(lambda p: p["n"], space, algo=optuna.samplers.BruteForceSampler())
    assert len({(t.params["k"], t.params["n"]) for t in trials.study.trials}) == 6
    assert len(trials) == 6


def test_a_grid_sampler_ends_the_search_at_the_end_of_its_grid():
    algo = optuna.samplers.GridSampler({"k": [0, 1], "n": [0, 2]})
    space = {"k": hp.choice("k", ["a", "b"]), "n": hp.randint("n", 3)}
    assert len(minimise(lambda p: p["n"], space, algo=algo)) == 4


def test_an_existing_study_is_continued_in_place():
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
    study.optimize(lambda t: t.suggest_float("x", -5, 5) ** 2, n_trials=3)
    trials = minimise(lambda p: p["x"] ** 2, {"x": hp.uniform("x", -5, 5)}, algo=study, max_evals=5)
    assert trials.study is study
    assert len(study.trials) == len(trials) == 5
    assert [t.value for t in study.trials] == trials.losses()


def test_trials_that_failed_are_fail_and_none_stays_running():
    def fn(point):
        if point["x"] < -2:
            raise ValueError("too low")
        if point["x"] < 0:
            return {"status": STATUS_FAIL, "note": "below zero"}
        return {"loss": math.nan if point["x"] < 2 else point["x"], "status": "ok"}

    trials = minimise(fn, algo=rand.suggest, max_evals=30, catch_eval_exceptions=True)
    states = {}
    for frozen in trials.study.trials:
        x = frozen.params["x"]
        kind = "error" if x < -2 else "fail" if x < 0 else "nan" if x < 2 else "ok"
        states.setdefault(kind, set()).add(frozen.state.name)
        if kind == "error":
            assert frozen.user_attrs["hyperbridge.failure"][2] == "too low"
        if kind == "fail":
            assert frozen.user_attrs["hyperbridge.result"]["note"] == "below zero"
    assert states == {"error": {"FAIL"}, "fail": {"FAIL"}, "nan": {"FAIL"}, "ok": {"COMPLETE"}}
    assert len(trials) == len([d for d in trials._dynamic_trials if d["state"] == JOB_STATE_DONE])


def test_nothing_stays_running_when_fmin_raises():
    def fn(point):
        raise LookupError("first trial")

    trials = hyperbridge.Trials()
    with pytest.raises(LookupError):
        minimise(fn, trials=trials, max_queue_len=4)
    assert {t.state.name for t in trials.study.trials} == {"FAIL"}


def test_points_to_evaluate_come_first_and_are_trials_of_the_study():
    point = {"x": 1.25, "k": 1, "n": 40.0}
    trials = minimise(max_evals=3, points_to_evaluate=[point])
    first = trials.study.trials[0]
    assert first.value == 1.25**2 + 40.0
    assert first.params["x"] == 1.25
    assert first.user_attrs["n"] == 40.0
    assert trials.trials[0]["misc"]["vals"]["n"] == [40.0]


def test_a_point_outside_of_the_support_is_named_before_the_first_trial():
    trials = hyperbridge.Trials()
    with pytest.raises(InvalidArgumentError, match="'x'"):
        minimise(trials=trials, points_to_evaluate=[{"x": 7.0, "k": 0}])
    assert len(trials._dynamic_trials) == 0


def test_earlier_trials_of_another_algorithm_teach_the_study():
    trials = minimise(backend="local", max_evals=12)
    minimise(trials=trials, max_evals=15)
    assert len(trials.study.trials) == 15
    minimise(trials=trials, max_evals=18)
    assert len(trials.study.trials) == len(trials) == 18


def test_what_optuna_cannot_express_is_said_once_per_run(caplog):
    with caplog.at_level(logging.WARNING, logger="hyperbridge"):
        minimise(max_evals=4)
    notes = [r.getMessage() for r in caplog.records if "another form" in r.getMessage()]
    assert len(notes) == 1
    assert "n: " in notes[0]


def test_nothing_is_said_when_nothing_is_lost(caplog):
    with caplog.at_level(logging.WARNING, logger="hyperbridge"):
        minimise(lambda p: p["a"], FLOATS, max_evals=2)
    assert "another form" not in caplog.text
