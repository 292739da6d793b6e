"""Which objectives talk to Tune while they run; no cluster is needed to see it."""

from __future__ import annotations

import functools
import multiprocessing
import types
from typing import Any

import pytest

pytest.importorskip("ray")

import numpy as np
import ray
from ray import tune
from ray.tune import report as tell_tune

from hyperbridge.backends.ray.reports import uses_reports


def reports_itself(p: Any) -> float:
    tune.report({"loss": 1.0})
    return 0.0


def calls_one_that_does(p: Any) -> float:
    return reports_itself(p)


helpers = types.ModuleType("helpers")
helpers.train = calls_one_that_does  # type: ignore[attr-defined]


def calls_a_modules(p: Any) -> float:
    return helpers.train(p)  # type: ignore[no-any-return]


def reports_by_another_name(p: Any) -> float:
    tell_tune({"loss": 1.0})
    return 0.0


class Model:
    def __call__(self, p: Any) -> float:
        return reports_itself(p)

    def method(self, p: Any) -> float:
        return [tune.report({"loss": step}) for step in range(2)] and 0.0


class Trainer:
    def fit(self, p: Any) -> float:
        return reports_itself(p)


trainer = Trainer()


def makes_a_trainer(p: Any) -> float:
    return Trainer().fit(p)


def has_a_trainer(p: Any) -> float:
    return trainer.fit(p)


def imports_a_part_of_tune(p: Any) -> float:
    from ray.tune.integration.xgboost import TuneReportCallback

    return float(TuneReportCallback is None)


def hands_on_a_part_of_tune(p: Any) -> float:
    return float(callback_of_tune is None)


callback_of_tune = tune.Callback()


class Plain:
    def fit(self, p: Any) -> float:
        return float(np.sum(np.asarray(p)))


def makes_a_plain_one(p: Any) -> float:
    return Plain().fit(p)


def has_a_function_that_reports(p: Any) -> float:
    return max(map(lambda step: tune.report({"loss": step}) or 0.0, range(2)))  # noqa: C417


def starts_processes(p: Any) -> float:
    """Says ``get_context``, as scikit-learn's joblib does, and is not about Ray."""
    return float(multiprocessing.get_context("spawn") is None)


def calls_itself(p: Any) -> float:
    return calls_itself(p) if p else 0.0


def asks_ray(p: Any) -> float:
    return float(ray.get(p))


@pytest.mark.parametrize(
    "fn",
    [
        reports_itself, calls_one_that_does, calls_a_modules, reports_by_another_name,
        Model(), Model().method, functools.partial(reports_itself),
        lambda p: tune.get_context().get_trial_id(), Model,
        makes_a_trainer, has_a_trainer, Trainer().fit, imports_a_part_of_tune,
        hands_on_a_part_of_tune, has_a_function_that_reports, functools.partial(makes_a_trainer),
    ],
)  # fmt: skip
def test_an_objective_that_reports_is_seen(fn: Any) -> None:
    assert uses_reports(fn)


@pytest.mark.parametrize(
    "fn",
    [
        calls_itself,
        asks_ray,
        lambda p: 0.0,
        abs,
        Plain,
        makes_a_plain_one,
        starts_processes,
        np.mean,
    ],
    ids=lambda fn: getattr(fn, "__name__", None),
)
def test_an_objective_that_does_not_report_is_left_in_the_main_thread(fn: Any) -> None:
    assert not uses_reports(fn)
