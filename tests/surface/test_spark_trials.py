"""SparkTrials as a drop-in; its engine is replaced by the local backend where none is needed."""

from __future__ import annotations

import logging
import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any

import hyperopt
import numpy as np
import pytest
from hyperopt import hp, rand
from hyperopt.base import JOB_STATE_CANCEL, JOB_STATE_DONE, JOB_STATE_ERROR

from hyperbridge.errors import InvalidArgumentError
from hyperbridge.surface.fmin import fmin
from hyperbridge.surface.spark_trials import SparkTrials

ROOT = Path(__file__).resolve().parents[2]
SPACE = hp.uniform("x", -1, 1)


@pytest.fixture(autouse=True)
def _no_tracking(tracking_off: None) -> None:
    """Tracking has tests of its own."""


def search(trials: Any, fn: Any = abs, **kwargs: Any) -> Any:
    defaults = {
        "algo": rand.suggest, "max_evals": 6, "show_progressbar": False, "backend": "local",
        "rstate": np.random.default_rng(0),
    }  # fmt: skip
    return fmin(fn, SPACE, trials=trials, **{**defaults, **kwargs})


def fragile(x: float) -> float:
    if x < 0:
        raise ArithmeticError("negative")
    return x


def test_constructing_one_starts_no_session_and_imports_no_engine() -> None:
    pytest.importorskip("pyspark")
    program = Path(__file__).parent / "programs" / "construct_spark_trials.py"
    subprocess.run([sys.executable, program], cwd=ROOT, check=True, timeout=120)


def test_it_is_an_instance_of_hyperopts_class_with_its_attributes() -> None:
    trials = SparkTrials(3, 60, 0.5)
    assert isinstance(trials, hyperopt.SparkTrials)
    assert trials.asynchronous is True
    assert trials.MAX_CONCURRENT_JOBS_ALLOWED == 128
    assert trials.user_specified_parallelism == 3
    assert (trials.timeout, trials.loss_threshold) == (60, 0.5)
    assert trials.fmin_cancelled_reason is None
    assert str(trials) == "SparkTrials(trials=[])"


def test_the_count_methods_and_the_line_of_totals_agree(
    caplog: pytest.LogCaptureFixture,
) -> None:
    trials = SparkTrials()
    with caplog.at_level(logging.INFO):
        search(trials, fragile)
    states = [d["state"] for d in trials._dynamic_trials]
    assert trials.count_successful_trials() == states.count(JOB_STATE_DONE) > 0
    assert trials.count_failed_trials() == states.count(JOB_STATE_ERROR) > 0
    assert trials.count_cancelled_trials() == states.count(JOB_STATE_CANCEL) == 0
    assert trials.count_total_trials() == 6
    n_failed = trials.count_failed_trials()
    assert (
        f"Total Trials: 6: {6 - n_failed} succeeded, {n_failed} failed, 0 cancelled."
        in caplog.messages
    )
    assert {r.name for r in caplog.records if "Total Trials" in r.message} == {"hyperopt-spark"}


def test_the_error_of_a_failed_trial_holds_the_traceback_as_hyperopt_writes_it() -> None:
    trials = SparkTrials()
    search(trials, fragile)
    failed = [d for d in trials._dynamic_trials if d["state"] == JOB_STATE_ERROR]
    kind, text = failed[0]["misc"]["error"]
    assert kind == "<class 'ArithmeticError'>"
    assert text.startswith("Traceback (most recent call last)")
    assert text.rstrip().endswith("ArithmeticError: negative")


@pytest.mark.parametrize(
    "arguments",
    [
        {"parallelism": "four"},
        {"parallelism": 2.5},
        {"timeout": -1},
        {"timeout": "soon"},
        {"loss_threshold": "low"},
    ],
    ids=str,
)
def test_a_value_that_cannot_work_is_refused_at_once(arguments: dict[str, Any]) -> None:
    with pytest.raises(InvalidArgumentError, match=next(iter(arguments))):
        SparkTrials(**arguments)


def test_its_timeout_outranks_fmins_and_fmins_is_kept_as_in_hyperopt(
    caplog: pytest.LogCaptureFixture,
) -> None:
    trials = SparkTrials(timeout=100)
    search(trials, timeout=0.001)
    assert trials.timeout == 100
    assert len(trials) == 6
    assert "ignoring fmin definition" in caplog.text
    other = SparkTrials()
    search(other, timeout=50)
    assert other.timeout == 50


def test_its_loss_threshold_is_used_and_fmins_replaces_it() -> None:
    trials = SparkTrials(loss_threshold=10.0)
    search(trials)
    assert len(trials) == 1
    trials = SparkTrials(loss_threshold=10.0)
    search(trials, loss_threshold=-1.0)
    assert trials.loss_threshold == -1.0
    assert len(trials) == 6


@pytest.mark.parametrize("parallelism", [None, -1, 0, 3])
def test_on_the_local_backend_its_parallelism_means_the_same(parallelism: int | None) -> None:
    trials = SparkTrials(parallelism=parallelism)
    search(trials)
    assert trials.parallelism == (3 if parallelism == 3 else 1)
    assert len(trials) == 6


def test_it_pickles_without_its_session_and_goes_on() -> None:
    trials = SparkTrials(parallelism=2, timeout=60)
    trials.spark_session = object()
    search(trials)
    revived = pickle.loads(pickle.dumps(trials))
    assert revived.spark_session is None
    assert revived.losses() == trials.losses()
    assert (revived.timeout, revived.user_specified_parallelism) == (60, 2)
    search(revived, max_evals=8)
    assert len(revived) == 8


def test_a_view_shares_documents_and_session() -> None:
    trials = SparkTrials()
    trials.spark_session = object()
    search(trials)
    view = trials.view()
    assert view.trials == trials.trials
    assert view.spark_session is trials.spark_session
    assert view._dynamic_trials is trials._dynamic_trials


def test_delete_all_starts_anew() -> None:
    trials = SparkTrials()
    search(trials, early_stop_fn=lambda t, *a: (True, a))
    assert trials.fmin_cancelled_reason == "early stopping condition"
    trials.delete_all()
    assert trials.fmin_cancelled_reason is None
    assert trials.count_total_trials() == 0
    search(trials, max_evals=2)
    assert len(trials) == 2
    assert trials.fmin_cancelled_reason is None


def test_its_fmin_method_takes_hyperopts_arguments() -> None:
    trials = SparkTrials()
    with_backend: dict[str, Any] = {"max_evals": 3, "rstate": np.random.default_rng(1)}
    from hyperbridge import config

    with config.settings(backend="local"):
        best = trials.fmin(abs, SPACE, rand.suggest, show_progressbar=False, **with_backend)
    assert best == trials.argmin
    assert len(trials) == 3


def test_hyperopts_own_object_runs_too(spark: Any) -> None:
    trials = hyperopt.SparkTrials(parallelism=2, spark_session=spark)
    fmin(
        lambda x: x, SPACE, algo=rand.suggest, max_evals=3, trials=trials,
        rstate=np.random.default_rng(0), show_progressbar=False,
    )  # fmt: skip
    assert trials.count_successful_trials() == 3


def test_spark_trials_choose_spark(spark: Any) -> None:
    def fn(x: float) -> Any:
        import os

        return {"loss": x, "status": "ok", "pid": os.getpid()}

    import os

    trials = SparkTrials(parallelism=2)
    search(trials, fn, backend=None, max_evals=2)
    assert os.getpid() not in {r["pid"] for r in trials.results}
    assert trials.spark_session is None or trials.spark_session is spark
