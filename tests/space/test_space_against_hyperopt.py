"""The model agrees with hyperopt on random spaces: points, reached labels, supports, priors."""

from __future__ import annotations

import numpy as np
import pytest
from generated_spaces import same, spaces, suggest_at_random
from hyperopt import hp, space_eval
from hyperopt.pyll import scope
from hyperopt.pyll.stochastic import sample
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scipy import stats

from hyperbridge.space.distributions import make_distribution
from hyperbridge.translate.from_hyperopt import read_space

pytestmark = pytest.mark.filterwarnings("ignore::RuntimeWarning")

many = settings(
    max_examples=150,
    deadline=None,
    derandomize=True,
    suppress_health_check=list(HealthCheck),
)


@many
@given(space=spaces(), seed=st.integers(0, 2**31 - 2))
def test_points_and_reached_labels_equal_hyperopts(space, seed):
    model = read_space(space)
    for assignment in suggest_at_random(space, seed, n=3):
        expected = space_eval(space, assignment)

        assert same(model.point(assignment), expected)
        assert model.reached(assignment) == pytest.approx(assignment, nan_ok=True)


@many
@given(space=spaces(), seed=st.integers(0, 2**31 - 2))
def test_a_prior_draw_is_a_point_that_hyperopt_would_build(space, seed):
    model = read_space(space)
    asked = []

    def suggest(parameter):
        asked.append(parameter.label)
        value = parameter.distribution.draw(rng)
        assert parameter.distribution.contains(value)
        return value

    rng = np.random.default_rng(seed)
    point, assignment = model.walk(suggest)

    assert same(point, space_eval(space, assignment))
    assert same(point, model.point(assignment))
    assert asked == list(assignment)
    assert set(assignment) <= set(model.parameters)


@many
@given(space=spaces(), seed=st.integers(0, 2**31 - 2))
def test_a_label_is_reached_exactly_when_one_of_its_conditions_holds(space, seed):
    model = read_space(space)
    _, assignment = model.draw(np.random.default_rng(seed))

    for label, alternatives in model.conditions.items():
        named = [c for way in alternatives for c in way if c.label is None]
        if not named:
            holds = any(
                all(assignment.get(c.label) == c.option for c in way) for way in alternatives
            )
            assert holds == (label in assignment)


@many
@given(space=spaces())
def test_every_space_has_a_text_and_texts_for_its_options(space):
    model = read_space(space)
    _, assignment = model.draw(np.random.default_rng(0))

    assert repr(model).startswith("Space(")
    assert set(model.decode(assignment)) == set(model.choices) & set(assignment)


KINDS = {
    "uniform": (-1, 2.5),
    "loguniform": (-3, 2),
    "normal": (1, 2),
    "lognormal": (0.5, 0.7),
    "quniform": (1, 10, 4),
    "qloguniform": (-1, 2.5, 2),
    "qnormal": (0.3, 3, 1.5),
    "qlognormal": (0.5, 0.7, 1),
    "randint": (-2, 4),
    "categorical": ((0.2, 0.5, 0.3),),
}
NAMES = {
    "uniform": ("low", "high"),
    "quniform": ("low", "high", "q"),
    "normal": ("mu", "sigma"),
    "qnormal": ("mu", "sigma", "q"),
    "randint": ("low", "high"),
    "categorical": ("p",),
}


def _names(kind):
    return NAMES[kind.replace("log", "")]


@pytest.mark.parametrize("kind", KINDS)
def test_prior_draws_are_distributed_as_hyperopts(kind):
    arguments = dict(zip(_names(kind), KINDS[kind], strict=True))
    distribution = make_distribution(kind, arguments)
    n = 4000
    rng = np.random.default_rng(7)
    theirs = sample(getattr(scope, kind)(**arguments, size=n), np.random.default_rng(8))
    ours = np.array([distribution.draw(rng) for _ in range(n)])

    assert all(distribution.contains(value) for value in theirs)
    low, high = distribution.bounds()
    assert low <= theirs.min()
    assert theirs.max() <= high
    if kind in ("quniform", "randint", "categorical"):
        assert (low, high) == (theirs.min(), theirs.max())
    if "q" in arguments or kind in ("randint", "categorical"):
        values = np.unique(np.concatenate([ours, theirs]))
        table = np.array([[np.sum(side == v) for v in values] for side in (ours, theirs)])
        table = table[:, table.sum(axis=0) >= 10]
        assert stats.chi2_contingency(table).pvalue > 0.001
    else:
        assert stats.ks_2samp(ours, theirs).pvalue > 0.001


def test_branches_are_reached_as_often_as_in_hyperopt():
    space = hp.pchoice(
        "p", [(0.2, hp.uniform("a", 0, 1)), (0.8, hp.choice("c", [hp.normal("b", 0, 1), 1, 2]))]
    )
    n = 1500
    model = read_space(space)
    rng = np.random.default_rng(3)
    ours = [model.draw(rng)[1] for _ in range(n)]
    theirs = suggest_at_random(space, seed=4, n=n)

    for label in model.parameters:
        counts = [sum(label in a for a in side) for side in (ours, theirs)]
        if min(counts) < n:
            table = [[count, n - count] for count in counts]
            assert stats.chi2_contingency(table).pvalue > 0.001


def test_quniform_draws_round_out_of_their_range_as_hyperopts_do():
    distribution = make_distribution("quniform", {"low": 1, "high": 10, "q": 4})
    rng = np.random.default_rng(0)

    assert {distribution.draw(rng) for _ in range(300)} == {0.0, 4.0, 8.0}
