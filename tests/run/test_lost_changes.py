"""What an objective changes outside of itself is named."""

from __future__ import annotations

import functools
import logging
import os
from collections.abc import Callable
from typing import Any

import cloudpickle
import numpy as np
import pytest
from hyperopt import hp

from hyperbridge.run.lost_changes import find_lost_changes
from hyperbridge.run.objective import Objective
from hyperbridge.run.shipping import pack_objective

LOSSES: list[float] = []
BEST = {"loss": 1.0}
COUNT = 0


class Tuner:
    def __init__(self) -> None:
        self.model: Any = None
        self.seen: list[Any] = []
        self.best = {"loss": 1.0}

    def fit(self, p: Any) -> Any:
        self.model = p
        self.best["loss"] = 0.0
        return p

    def loss(self, p: Any) -> float:
        self.seen.append(p)
        return float(self.fit(p))

    def __call__(self, p: Any) -> float:
        return self.loss(p)

    def quiet(self, p: Any) -> float:
        losses, count = [p], 0
        losses.append(p)
        count += len([LOSSES + 1 for LOSSES in losses])
        p["y"] = self.best["loss"] + len(LOSSES)
        return float(count)


def counting(p: Any) -> float:
    global COUNT
    COUNT += 1
    LOSSES.append(p)
    BEST["loss"] = min(BEST["loss"], p)
    return float(p)


def local_of_the_same_name(p: Any) -> float:
    LOSSES = [p]
    LOSSES.append(p)

    def inner() -> None:
        nonlocal p
        p = 2.0

    inner()
    os.environ["OMP_NUM_THREADS"] = "1"
    np.random.seed(1)
    return float(sum(LOSSES))


def through_another(p: Any, scale: float = 1.0) -> float:
    return counting(p) * scale


def with_a_counter() -> Callable[[Any], float]:
    calls = 0

    def fn(p: Any) -> float:
        nonlocal calls
        calls += 1
        return float(p)

    return fn


@pytest.mark.parametrize(
    ("fn", "names"),
    [
        (counting, ["COUNT", "BEST", "LOSSES"]),
        (functools.partial(through_another, scale=2.0), ["COUNT", "BEST", "LOSSES"]),
        (with_a_counter(), ["calls"]),
        (Tuner().loss, ["self.seen", "self.model", "self.best"]),
        (Tuner(), ["self.seen", "self.model", "self.best"]),
        (Tuner().quiet, []),
        (local_of_the_same_name, []),
        (eval("lambda p: p"), []),
        (max, []),
        (np.mean, []),
    ],
)
def test_changes_are_named_as_the_source_says_them(fn: Any, names: list[str]) -> None:
    assert sorted(find_lost_changes(fn)) == sorted(names)


@pytest.mark.parametrize(("fn", "told"), [(with_a_counter(), True), (Tuner().quiet, False)])
def test_they_are_told_before_the_first_trial_leaves(
    fn: Any, told: bool, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING, "hyperbridge"):
        pack_objective(Objective(fn, hp.uniform("x", 0, 1), None), cloudpickle, where="Spark")
    assert ["'calls'" in record.getMessage() for record in caplog.records] == [True] * told
