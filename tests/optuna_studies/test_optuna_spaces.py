"""The search space as Optuna sees it: points, values, support and prior, against hyperopt."""

from __future__ import annotations

import math
import warnings

import numpy as np
import optuna
import pytest
from generated_spaces import same, spaces, suggest_at_random
from hyperopt import hp, rand, space_eval
from hyperopt.exceptions import DuplicateLabel
from hyperopt.pyll import scope
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution
from scipy import stats

import hyperbridge
from hyperbridge.space.distributions import LogUniform, QLogUniform, QUniform, Uniform
from hyperbridge.translate.optuna_parameters import FloatRange, IntRange, counterpart_of
from hyperbridge.translate.to_optuna import OptunaSpace


def assignment_of(document):
    return {k: v[0] for k, v in document["misc"]["vals"].items() if v}


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(space=spaces(), seed=st.integers(0, 10_000))
def test_the_point_of_a_trial_is_that_of_space_eval_in_value_and_type(space, seed):
    try:
        point_of = hyperbridge.to_optuna(space)
    except DuplicateLabel:
        assume(False)
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=seed))
    trial = study.ask()
    try:
        point = point_of(trial)
    except (ValueError, TypeError, ArithmeticError):
        assume(False)  # an expression that cannot be computed, for hyperopt as for us
    study.tell(trial, 0.0)
    trials = hyperbridge.from_study(study, space)
    assignment = assignment_of(trials.trials[0])
    assert same(space_eval(space, assignment), point)
    assert point_of.space.reached(assignment) == assignment


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(space=spaces(), seed=st.integers(0, 10_000))
def test_what_hyperopt_draws_survives_the_way_through_a_study(space, seed):
    try:
        own = OptunaSpace(hyperbridge.read_space(space))
        drawn = suggest_at_random(space, seed, 1)[0]
        params, distributions, attributes = own.params_of(drawn)
    except (DuplicateLabel, ValueError, TypeError, ArithmeticError):
        assume(False)
    study = optuna.create_study()
    study.add_trial(
        optuna.trial.create_trial(
            value=1.0, params=params, distributions=distributions, user_attrs=attributes
        )
    )
    back = assignment_of(hyperbridge.from_study(study, space).trials[0])
    reached = own.space.reached(drawn)
    assert set(back) == set(reached)
    assert all(back[label] == pytest.approx(reached[label], nan_ok=True) for label in back)


DISTRIBUTIONS = {
    "uniform": hp.uniform("v", -2, 3),
    "loguniform": hp.loguniform("v", -3, 2),
    "quniform": hp.quniform("v", 1, 10, 4),
    "quniform of tenths": hp.quniform("v", 0, 1, 0.1),
    "quniform of thirds": hp.quniform("v", 0, 3, 1 / 3),
    "uniformint": hp.uniformint("v", 1, 6),
    "qloguniform": hp.qloguniform("v", 0, 3, 2),
    "normal": hp.normal("v", 1, 2),
    "qnormal": hp.qnormal("v", 0, 4, 2),
    "lognormal": hp.lognormal("v", 0, 1),
    "qlognormal": hp.qlognormal("v", 1, 0.5, 1),
    "qloguniform as int": scope.int(hp.qloguniform("v", 0, 3, 1)),
    "randint": hp.randint("v", 5),
    "randint from": hp.randint("v", 3, 7),
    "choice": hp.choice("v", ["a", "b", "c"]),
    "pchoice": hp.pchoice("v", [(0.1, "a"), (0.0, "b"), (0.9, "c")]),
}


def raw_values(trials):
    return np.array([float(d["misc"]["vals"]["v"][0]) for d in trials.trials])


@pytest.mark.parametrize("name", DISTRIBUTIONS)
def test_random_search_draws_from_the_prior_that_hyperopt_draws_from(name):
    n = 400
    drawn = []
    for backend in ("local", "optuna"):
        trials = hyperbridge.Trials()
        hyperbridge.fmin(
            lambda v: 0.0, {"v": DISTRIBUTIONS[name]}, algo=rand.suggest, max_evals=n,
            trials=trials, backend=backend, rstate=np.random.default_rng(5),
            show_progressbar=False,
        )  # fmt: skip
        drawn.append(raw_values(trials))
    theirs, ours = drawn
    if len(set(theirs)) <= 20:
        values = sorted({*theirs, *ours})
        table = [[int((each == value).sum()) for value in values] for each in drawn]
        assert stats.chi2_contingency(table).pvalue > 1e-3
    else:
        assert stats.ks_2samp(theirs, ours).pvalue > 1e-3


@pytest.mark.parametrize("name", DISTRIBUTIONS)
def test_the_tpe_sampler_stays_in_the_support_of_hyperopt(name):
    drawn = set(np.round(raw_values_of_hyperopt(DISTRIBUTIONS[name]), 9))
    trials = hyperbridge.Trials()
    hyperbridge.fmin(
        lambda v: hash(str(v)) % 7, DISTRIBUTIONS[name], max_evals=40, trials=trials,
        algo=hyperbridge.tpe.suggest, backend="optuna", rstate=np.random.default_rng(5),
        show_progressbar=False,
    )  # fmt: skip
    ours = np.round(raw_values(trials), 9)
    if len(drawn) < 40:
        steps = np.diff(sorted(drawn))
        is_bounded = "normal" not in name
        assert not is_bounded or set(ours) <= drawn
        multiples = (ours - min(drawn)) / steps.min()
        assert np.allclose(multiples, np.round(multiples))
    elif "normal" not in name:
        assert min(ours) >= min(drawn) - 0.1
        assert max(ours) <= max(drawn) + 0.1
    else:
        assert name == "normal" or min(ours) >= 0
    assert all(math.isfinite(value) for value in ours)


def raw_values_of_hyperopt(space):
    return [draw["v"] for draw in suggest_at_random(space, 3, 2000)]


def suggested(space, params):
    study = optuna.create_study()
    study.enqueue_trial(params)
    trial = study.ask()
    point = hyperbridge.to_optuna(space)(trial)
    return point, study.trials[0]


def test_a_choice_is_a_categorical_over_indices():
    point, frozen = suggested(hp.choice("c", ["svm", {"deep": hp.uniform("u", 0, 1)}]), {"c": 0})
    assert point == "svm"
    assert frozen.distributions == {"c": CategoricalDistribution((0, 1))}


def test_an_option_of_probability_zero_is_never_suggested():
    space = hp.pchoice("c", [(0.5, "a"), (0.0, "b"), (0.5, "c")])
    _, frozen = suggested(space, {"c": 2})
    assert frozen.distributions == {"c": CategoricalDistribution((0, 2))}


def test_integers_and_steps_are_suggested_as_such():
    space = {
        "uniformint": hp.uniformint("uniformint", 1, 9),
        "cast": scope.int(hp.quniform("cast", 10, 30, 5)),
        "randint": hp.randint("randint", 2, 8),
        "quniform": hp.quniform("quniform", 0, 1, 0.25),
    }
    point, frozen = suggested(space, {"uniformint": 3, "cast": 15, "randint": 7, "quniform": 0.75})
    assert same(point, {"cast": 15, "quniform": 0.75, "randint": 7, "uniformint": 3})
    assert frozen.distributions == {
        "uniformint": IntDistribution(1, 9),
        "cast": IntDistribution(10, 30, step=5),
        "randint": IntDistribution(2, 7),
        "quniform": FloatDistribution(0.0, 1.0, step=0.25),
    }


def test_a_hidden_value_is_a_user_attribute_under_the_label():
    point, frozen = suggested({"n": hp.normal("n", 3, 1), "q": hp.qloguniform("q", 0, 3, 2)}, {})
    assert frozen.user_attrs == point
    assert 0 < frozen.params["n"] < 1


@pytest.mark.parametrize(
    "made", [Uniform(0, 0), LogUniform(0, 0), QUniform(4, 4, 2), QLogUniform(0, 0, 1)], ids=repr
)
@pytest.mark.parametrize("is_int", [False, True])
def test_a_range_with_one_value_is_that_value_and_loses_nothing(made, is_int):
    counterpart = counterpart_of(made, is_int=is_int)
    trial = optuna.create_study().ask()
    suggestion = counterpart.suggestion
    assert suggestion.low == suggestion.high
    call = trial.suggest_int if isinstance(suggestion, IntRange) else trial.suggest_float
    value = call("x", suggestion.low, suggestion.high, step=suggestion.step, log=suggestion.log)
    assert counterpart.to_raw(value) == made.bounds()[0]
    assert "rarer" not in counterpart.why
    assert "too small or too large" not in counterpart.why


@pytest.mark.parametrize("q", [0.1, 0.3, 0.7, 1e-5, 1 / 3, 2.5, 1e6])
def test_steps_keep_the_values_of_hyperopt_without_a_warning_of_optuna(q):
    counterpart = counterpart_of(QUniform(-3 * q, 7.2 * q, q))
    steps = counterpart.suggestion
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        from hyperbridge.translate.to_optuna import distribution_of

        distribution = distribution_of(steps)
    assert (distribution.low, distribution.high) == (steps.low, steps.high)
    for k in range(-3, 8):
        raw = round(k * q / q) * q
        assert counterpart.to_raw(counterpart.from_raw(raw)) == raw
        assert isinstance(steps, IntRange if q == 1 / 3 else FloatRange)


def test_approximations_name_what_was_asked_what_optuna_gets_and_why():
    space = hyperbridge.read_space({
        "u": hp.uniform("u", 0, 1),
        "n": hp.normal("n", 0, 1),
        "p": hp.pchoice("p", [(0.2, 1), (0.8, 2)]),
        "i": hp.uniformint("i", 1, 9),
    })  # fmt: skip
    found = {each.label: each for each in space.approximations("optuna")}
    assert set(found) == {"n", "p", "i"}
    assert found["n"].asked == "normal('n', mu=0.0, sigma=1.0)"
    assert "quantile" in found["n"].got
    assert "weights" in found["p"].why
    assert "end values" in found["i"].why


def test_an_unknown_target_of_approximations_is_named():
    with pytest.raises(ValueError, match=r"'vizier'.*'optuna', 'ray'"):
        hyperbridge.read_space(hp.uniform("u", 0, 1)).approximations("vizier")


DISTRIBUTIONS_LOST = {
    "optuna": {"quniform", "uniformint", "qloguniform", "normal", "qnormal", "lognormal",
               "qlognormal", "pchoice", "quniform of thirds", "quniform of tenths",
               "qloguniform as int"},
    "ray": {"quniform", "qloguniform", "qloguniform as int", "lognormal", "qlognormal", "pchoice"},
}  # fmt: skip


@pytest.mark.parametrize("target", DISTRIBUTIONS_LOST)
@pytest.mark.parametrize("name", DISTRIBUTIONS)
def test_every_target_tells_what_it_approximates_without_its_engine(target, name):
    found = hyperbridge.read_space({"v": DISTRIBUTIONS[name]}).approximations(target)
    assert [each.label for each in found] == ["v"] * (name in DISTRIBUTIONS_LOST[target])
    assert all(each.got and each.why and "v" in each.asked for each in found)


@pytest.mark.parametrize("target", ["optuna", "ray"])
def test_distributions_that_depend_on_others_are_approximated_aloud(target):
    space = hyperbridge.read_space({"b": hp.normal("b", 0, hp.uniform("a", 1, 2))})
    assert [each.label for each in space.approximations(target)] == ["b"]


def test_a_logarithmic_integer_is_one_for_optuna():
    space = {"n": scope.int(hp.qloguniform("n", 0, 3, 1))}
    point, frozen = suggested(space, {"n": 7})
    assert point == {"n": 7}
    assert frozen.distributions == {"n": IntDistribution(1, 20, log=True)}
    assert frozen.user_attrs == {}


def test_computed_arguments_and_shared_labels_work_in_a_search():
    shared = hp.uniform("shared", 0, 1)
    space = {
        "kind": hp.choice("kind", [{"a": shared}, {"b": shared, "c": hp.randint("c", 2)}]),
        "width": hp.uniform("outer", 0, hp.uniform("inner", 1, 2)),
        "sum": shared + 1,
    }
    trials = hyperbridge.Trials()
    hyperbridge.fmin(
        lambda p: p["sum"] + p["width"], space, max_evals=25, trials=trials, backend="optuna",
        algo=hyperbridge.tpe.suggest, rstate=np.random.default_rng(0), show_progressbar=False,
    )  # fmt: skip
    for document in trials.trials:
        values = assignment_of(document)
        assert 0 <= values["outer"] <= values["inner"]
        point = space_eval(space, values)
        assert document["result"]["loss"] == point["sum"] + point["width"]
        assert ("c" in values) == (values["kind"] == 1)


def test_an_expression_that_raises_fails_its_trial_and_not_the_search():
    space = {"x": 1 / hp.randint("n", 2), "y": hp.uniform("y", 0, 1)}
    trials = hyperbridge.Trials()
    hyperbridge.fmin(
        lambda p: p["y"], space, max_evals=12, trials=trials, backend="optuna",
        algo=rand.suggest, catch_eval_exceptions=True, rstate=np.random.default_rng(0),
        show_progressbar=False,
    )  # fmt: skip
    failed = [d for d in trials._dynamic_trials if "error" in d["misc"]]
    assert 0 < len(failed) < 12
    assert all("ZeroDivisionError" in d["misc"]["error"][0] for d in failed)
    states = [trial.state.name for trial in trials.study.trials]
    assert states.count("FAIL") == len(failed)
    assert states.count("COMPLETE") == 12 - len(failed)
