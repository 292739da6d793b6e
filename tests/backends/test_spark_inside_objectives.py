"""An objective that uses Spark where it cannot is told where it can."""

from __future__ import annotations

from typing import Any

import pytest
from hyperopt.exceptions import AllTrialsFailed

from hyperbridge.errors import ObjectiveNotPicklableError
from hyperbridge.surface.spark_trials import SparkTrials
from hyperbridge.surface.trials import Trials


@pytest.mark.parametrize("thing", ["session", "context", "frame"])
def test_an_objective_that_holds_a_spark_object_is_told_to_use_plain_trials(
    search: Any, spark: Any, thing: str
) -> None:
    things = {"session": spark, "context": spark.sparkContext, "frame": spark.range(3)}
    handle = things[thing]
    with pytest.raises(ObjectiveNotPicklableError, match=r"'handle(\.conf)?'") as caught:
        search(lambda p: float(handle is None), trials=SparkTrials())
    assert "plain Trials()" in str(caught.value)
    # and nothing is left behind that would spoil the next call
    search(lambda p: 0.0, max_evals=1)


def test_an_objective_that_opens_a_session_in_its_task_is_told_to_use_plain_trials(
    search: Any,
) -> None:
    def fn(p: Any) -> float:
        from pyspark.sql import SparkSession

        return float(SparkSession.builder.getOrCreate().range(3).count())

    with pytest.raises(AllTrialsFailed, match=r"plain Trials\(\)"):
        search(fn, trials=SparkTrials(), max_evals=1)
    with pytest.raises(Exception, match=".") as caught:
        search(fn, trials=Trials(), max_evals=1)
    assert "plain Trials()" in str(caught.value) + str(caught.value.__cause__)


def fit_with_mllib(p: Any) -> float:
    from pyspark.ml.regression import LinearRegression

    return float(LinearRegression(maxIter=2).getMaxIter())


def load_with_mllib(p: Any) -> float:
    from pyspark.ml.regression import LinearRegressionModel

    return float(LinearRegressionModel.load("model").numFeatures)


def name_a_column(p: Any) -> float:
    from pyspark.sql.functions import col

    return float(col("x") is None)


def ask_for_the_active_session(p: Any) -> float:
    from pyspark.sql import SparkSession

    return float(SparkSession.getActiveSession().range(3).count())


def ask_for_the_active_context(p: Any) -> float:
    from pyspark import SparkContext

    return float(SparkContext._active_spark_context.defaultParallelism)


@pytest.mark.parametrize(
    "fn",
    [
        fit_with_mllib, load_with_mllib, name_a_column, ask_for_the_active_session,
        ask_for_the_active_context,
    ],
)  # fmt: skip
def test_an_objective_that_uses_mllib_or_sql_in_its_task_is_told_to_use_plain_trials(
    search: Any, fn: Any
) -> None:
    with pytest.raises(AllTrialsFailed, match=r"plain Trials\(\)"):
        search(fn, trials=SparkTrials(), max_evals=1)


def test_an_error_that_is_not_about_spark_gets_no_such_advice(search: Any) -> None:
    def fn(p: Any) -> float:
        import pyspark.ml  # noqa: F401

        assert p["x"] is None
        return 0.0

    with pytest.raises(AllTrialsFailed, match="AssertionError") as caught:
        search(fn, trials=SparkTrials(), max_evals=1)
    assert "plain Trials()" not in str(caught.value)
