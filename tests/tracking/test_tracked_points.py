"""Points that do not fit the space have runs like any other trial."""

from __future__ import annotations

import mlflow
from hyperopt import hp, rand
from hyperopt.base import JOB_STATE_DONE, JOB_STATE_ERROR
from hyperopt.fmin import generate_trials_to_calculate

from hyperbridge.surface.fmin import fmin


def test_points_given_as_trials_that_no_option_fits_fail_alone_also_when_tracked(
    sqlite_store: str,
) -> None:
    trials = generate_trials_to_calculate([{"a": 5}, {"a": 1}])
    fmin(
        lambda p: 0.5, hp.choice("a", [1, 2]), algo=rand.suggest, max_evals=1, trials=trials,
        tracking=True, catch_eval_exceptions=True, show_progressbar=False,
    )  # fmt: skip
    assert sorted(d["state"] for d in trials._dynamic_trials) == [
        JOB_STATE_DONE, JOB_STATE_DONE, JOB_STATE_ERROR,
    ]  # fmt: skip
    runs = mlflow.search_runs(output_format="list")
    assert sum("hyperbridge.tid" in run.data.tags for run in runs) == 3
