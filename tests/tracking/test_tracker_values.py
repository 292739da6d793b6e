"""Names and values that are trouble for MLflow, and those that the objective logs itself."""

from __future__ import annotations

import json
import math
import sys
from dataclasses import replace

import mlflow
import pytest
from tracking_harness import INFO, FakeRun, children, in_experiment, metric_history, only_parent

from hyperbridge.errors import TrackingWarning


def test_labels_that_mlflow_refuses_stay_distinguishable(any_store, request):
    labels = ["x[0]", "x(0)", "../up", "a//b", "", ".", "k" * 300, "k" * 301, "größe/µ", "tab\t"]
    with pytest.warns(TrackingWarning, match=r"Trial 0: MLflow refuses the name 'x\[0\]'"):
        FakeRun()(lambda _: 0.5, [{label: float(n) for n, label in enumerate(labels)}])
    name = "search" if "sqlite" in any_store else request.node.name
    (child,) = [run for run in in_experiment(name) if "mlflow.parentRunId" in run.data.tags]
    assert sorted(child.data.params.values()) == sorted(str(float(n)) for n in range(len(labels)))
    assert child.data.params["größe/µ"] == "8.0"
    assert all(len(key) <= 250 for key in child.data.params)


def test_long_values_are_cut_with_a_warning(any_store, request):
    info = replace(INFO, space_text=lambda: "s" * 20_000)
    with pytest.warns(TrackingWarning, match="Trial 0: the value of 'C' has 9000 characters"):
        FakeRun(info=info)(lambda _: 0.5, [{"C": "v" * 9000}])
    name = "search" if "sqlite" in any_store else request.node.name
    runs = in_experiment(name)
    (child,) = [run for run in runs if "mlflow.parentRunId" in run.data.tags]
    (parent,) = [run for run in runs if "mlflow.parentRunId" not in run.data.tags]
    assert len(child.data.params["C"]) == 6000
    assert child.data.params["C"].endswith("v ...")
    assert len(parent.data.tags["space"]) == 8000
    assert parent.data.tags["space"].endswith("s ...")


def test_metrics_that_are_not_finite_are_logged_with_a_warning(any_store, request):
    with pytest.warns(TrackingWarning, match="Trial 0: gap is inf"):
        FakeRun()(lambda _: {"loss": math.nan, "status": "ok", "gap": math.inf, "n": 10**400})
    name = "search" if "sqlite" in any_store else request.node.name
    (child,) = [run for run in in_experiment(name) if "mlflow.parentRunId" in run.data.tags]
    assert math.isnan(child.data.metrics["loss"])
    assert child.data.metrics["gap"] == sys.float_info.max
    assert child.data.metrics["n"] == sys.float_info.max


def test_a_hundred_choices_and_params_fit(any_store, request):
    assignment = {f"c{n}": n for n in range(150)}
    info = replace(INFO, decode=lambda a: {label: f"v{n}" for label, n in a.items()})
    FakeRun(info=info)(lambda _: 0.5, [assignment])
    name = "search" if "sqlite" in any_store else request.node.name
    (child,) = [run for run in in_experiment(name) if "mlflow.parentRunId" in run.data.tags]
    assert len(child.data.params) == 150
    assert sum(key.startswith("hyperbridge.value.") for key in child.data.tags) == 150


def test_each_kind_of_trouble_is_reported_once(sqlite_store):
    with pytest.warns(TrackingWarning) as caught:
        FakeRun()(lambda _: math.inf, [{"x[0]": 1.0, "y[0]": 2.0}] * 3)
    assert len(caught) == 2


def test_what_the_objective_logged_under_the_same_name_stands(sqlite_store):
    def objective(assignment):
        mlflow.log_params({"kernel": "rbf", "C": assignment["C"]})
        mlflow.log_metric("accuracy", 0.9, step=3)
        return {"loss": 0.1, "status": "ok", "accuracy": 0.5, "f1": 0.4}

    FakeRun()(objective, [{"kernel": 1, "C": 0.25}])
    child = children(only_parent())[0]
    assert child.data.params == {"kernel": "rbf", "C": "0.25"}
    assert json.loads(child.data.tags["hyperbridge.params"]) == {"kernel": 1, "C": 0.25}
    assert child.data.metrics == {"accuracy": 0.9, "f1": 0.4, "loss": 0.1}
    assert len(metric_history(child, "accuracy")) == 1


def test_a_clash_of_params_loses_nothing_else(sqlite_store):
    def objective(_):
        mlflow.log_param("C", "mine")
        return 0.5

    FakeRun()(objective)
    child = children(only_parent())[0]
    assert child.data.params == {"C": "mine"}
    assert json.loads(child.data.tags["hyperbridge.params"]) == {"C": 0.5}
    assert child.data.metrics == {"loss": 0.5}
    assert child.info.status == "FINISHED"


def test_what_trials_in_threads_log_asynchronously_is_there_when_fmin_returns(sqlite_store):
    def objective(_):
        for step in range(10):
            mlflow.log_metric("score", float(step), step=step, synchronous=False)
        return 0.5

    FakeRun(parallelism=4)(objective, [{"C": 0.5}] * 8)
    found = children(only_parent())
    assert [len(metric_history(child, "score")) for child in found.values()] == [10] * 8
