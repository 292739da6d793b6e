"""The loop's own cost per trial does not grow with the number of trials."""

from __future__ import annotations

from typing import Any

import pytest
from hyperopt import hp
from hyperopt.early_stop import no_progress_loss

from hyperbridge.surface.fmin import fmin
from hyperbridge.surface.trials import Trials


class CountingList(list):  # type: ignore[type-arg]
    """Counts the scans over it."""

    scans = 0

    def __iter__(self) -> Any:
        type(self).scans += 1
        return super().__iter__()

    def __reversed__(self) -> Any:
        type(self).scans += 1
        return super().__reversed__()


class CountingTrials(Trials):
    """Trials whose every scan over documents is counted, those of refresh included."""

    def __init__(self) -> None:
        super().__init__()
        self._dynamic_trials = CountingList()

    @property
    def _trials(self) -> Any:
        return self._kept

    @_trials.setter
    def _trials(self, documents: Any) -> None:
        self._kept = CountingList(documents)


def next_number(new_ids: Any, domain: Any, trials: Any, seed: int) -> Any:
    """Propose without looking at the trials."""
    (tid,) = new_ids
    misc = {"tid": tid, "cmd": domain.cmd, "workdir": domain.workdir,
            "idxs": {"x": [tid]}, "vals": {"x": [tid / 1000]}}  # fmt: skip
    return trials.new_trial_docs([tid], [None], [domain.new_result()], [misc])


def scans(n: int, **kwargs: Any) -> int:
    CountingList.scans = 0
    fmin(
        lambda x: -x, hp.uniform("x", 0, 1), algo=next_number, max_evals=n,
        trials=CountingTrials(), show_progressbar=False, **kwargs,
    )  # fmt: skip
    return CountingList.scans


@pytest.mark.parametrize(
    "kwargs",
    [
        {},
        {"loss_threshold": -5.0},
        {"timeout": 100},
        {"early_stop_fn": no_progress_loss(1000)},
        {"parallelism": 3},
        {"parallelism": 3, "early_stop_fn": no_progress_loss(1000), "loss_threshold": -5.0},
    ],
    ids=lambda kwargs: "+".join(kwargs) or "plain",
)
def test_the_number_of_scans_over_the_documents_does_not_depend_on_the_number_of_trials(
    kwargs: dict[str, Any],
) -> None:
    few, many = scans(20, **kwargs), scans(120, **kwargs)
    assert few == many


def test_failed_trials_cost_no_scan_either() -> None:
    def fragile(x: float) -> float:
        if round(x * 1000) % 2:
            raise ArithmeticError("odd")
        return -x

    def count(n: int) -> int:
        CountingList.scans = 0
        fmin(
            fragile, hp.uniform("x", 0, 1), algo=next_number, max_evals=n,
            trials=CountingTrials(), show_progressbar=False, catch_eval_exceptions=True,
        )  # fmt: skip
        return CountingList.scans

    assert count(20) == count(120)
