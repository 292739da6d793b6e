"""Small faults in our algorithm do show in the comparison with hyperopt."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest
from hyperopt import Domain, rand, tpe
from tpe_replay import gathered_trials, replay
from tpe_spaces import SPACES

from hyperbridge.search.fast import accelerate
from hyperbridge.search.tpe import columns, parzen, posterior
from hyperbridge.search.tpe.long_history import sums_of_worse


def reverse_the_draws(fast: Any) -> None:
    fast._plan = dataclasses.replace(fast._plan, order=fast._plan.order[::-1])


def test_another_order_of_draws_shows_in_tpe_and_in_rand() -> None:
    for algo in (tpe.suggest, rand.suggest):
        report = replay(SPACES["two_floats"](), algo, 25, alter=reverse_the_draws)
        assert len(report.different) > 4


def test_forgetting_one_trial_too_early_shows(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (parzen, columns, posterior):
        monkeypatch.setattr(module, "FORGET_AFTER", 24)
    assert replay(SPACES["ten_parameters"](), tpe.suggest, 60).different != []


def test_a_slightly_other_gamma_shows() -> None:
    def alter(fast: Any) -> None:
        fast._options = dataclasses.replace(fast._options, gamma=0.26)

    assert replay(SPACES["two_floats"](), tpe.suggest, 70, alter=alter).different != []


def test_a_loss_that_is_not_heard_of_shows() -> None:
    def alter(fast: Any) -> None:
        fast._ledger._suspects = lambda: ()

    report = replay(SPACES["two_floats"](), tpe.suggest, 60, max_queue_len=4, alter=alter)
    assert report.different != []


def test_scoring_by_the_better_part_alone_shows(monkeypatch: pytest.MonkeyPatch) -> None:
    def by_the_better(values: Any, inner: Any, better: Any, worse: Any) -> list[int]:
        return [0] * len(values)

    monkeypatch.setattr(posterior, "best_continuous", by_the_better)
    assert replay(SPACES["two_floats"](), tpe.suggest, 30).different != []


@pytest.mark.slow
def test_sums_that_are_less_exact_than_they_say_show(monkeypatch: pytest.MonkeyPatch) -> None:
    trials = gathered_trials(1200)
    domain = Domain(lambda _: 0.0, SPACES["ten_parameters"]())
    fast = accelerate(tpe.suggest, domain, trials)
    assert fast is not None
    rng = np.random.default_rng(0)

    def inexact(*args: Any) -> Any:
        sums, slack = sums_of_worse(*args)
        return sums * rng.uniform(0.99, 1.01, sums.shape), slack

    monkeypatch.setattr(posterior, "sums_of_worse", inexact)
    same = [
        repr(fast([1200], domain, trials, seed)) == repr(tpe.suggest([1200], domain, trials, seed))
        for seed in range(10)
    ]
    assert not all(same)
