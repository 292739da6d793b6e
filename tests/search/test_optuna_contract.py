"""Optuna's own tests of samplers, run on ours. Source: ``optuna.testing.pytest_samplers``."""

from __future__ import annotations

import copy
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import pytest

optuna = pytest.importorskip("optuna")
cases = pytest.importorskip("optuna.testing.pytest_samplers")  # Optuna 4 has them elsewhere

from hyperbridge import HyperoptSampler  # noqa: E402
from hyperbridge.search.optuna.mixed_tpe import MixedTPESampler  # noqa: E402

Make = Callable[[], Any]


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    level = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
    optuna.logging.set_verbosity(level)


class TestHyperoptSampler(cases.BasicSamplerTestCase, cases.SingleOnlySamplerTestCase):
    @pytest.fixture(params=[0, 20], ids=["fits at once", "starts at random"])
    def sampler(self, request: Any) -> Make:
        return lambda: HyperoptSampler(n_startup_trials=request.param)


class TestMixedTPESampler(cases.BasicSamplerTestCase, cases.MultiObjectiveSamplerTestCase):
    @pytest.fixture(params=[0, 10], ids=["fits at once", "starts at random"])
    def sampler(self, request: Any) -> Make:
        return lambda: MixedTPESampler(
            option_weights={}, n_startup_trials=request.param, multivariate=True
        )


class TestMixedTPESamplerJointly(cases.RelativeSamplerTestCase):
    @pytest.fixture
    def sampler(self) -> Make:
        return lambda: MixedTPESampler(option_weights={}, n_startup_trials=0, multivariate=True)


def first_draws(sampler: Any) -> list[Any]:
    study = optuna.create_study(sampler=sampler)
    study.optimize(
        lambda t: t.suggest_float("x", 0, 1) + t.suggest_categorical("k", [*range(50)]), n_trials=4
    )
    return [trial.params for trial in study.trials]


@pytest.mark.parametrize(
    "make",
    [
        lambda: HyperoptSampler(seed=1, n_startup_trials=2),
        lambda: MixedTPESampler(option_weights={}, seed=1, n_startup_trials=2),
    ],
    ids=["HyperoptSampler", "MixedTPESampler"],
)
def test_a_copy_that_is_seeded_anew_draws_other_numbers(make: Make) -> None:
    sampler = make()
    copied, other = copy.deepcopy(sampler), copy.deepcopy(sampler)
    other.reseed_rng()
    drawn = first_draws(sampler)
    assert first_draws(copied) == drawn
    assert all(a != b for a, b in zip(first_draws(other), drawn, strict=True))


def test_categories_are_drawn_from_the_trials_that_are_best_in_the_studys_direction() -> None:
    for direction, best in (("minimize", 0), ("maximize", 3)):
        sampler = MixedTPESampler(option_weights={}, seed=1, gamma=lambda n: min(n, 12))
        study = optuna.create_study(sampler=sampler, direction=direction)
        study.optimize(lambda t: t.suggest_categorical("k", [0, 1, 2, 3]), n_trials=80)
        drawn = [trial.params["k"] for trial in study.trials[40:]]
        assert drawn.count(best) > 20
