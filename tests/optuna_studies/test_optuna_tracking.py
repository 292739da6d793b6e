"""MLflow runs of the Optuna backend, with trials in threads and in processes."""

from __future__ import annotations

import numpy as np
import pytest
from hyperopt import hp, tpe

import hyperbridge

mlflow = pytest.importorskip("mlflow")


@pytest.fixture
def client(tmp_path, monkeypatch, mlflow_left_as_found):
    monkeypatch.delenv("HYPERBRIDGE_TRACKING")
    monkeypatch.chdir(tmp_path)
    uri = f"sqlite:///{tmp_path / 'mlflow.db'}"
    mlflow.set_tracking_uri(uri)
    mlflow.set_experiment("optuna")
    return mlflow.MlflowClient(uri)


def objective(point):
    import time

    import mlflow

    mlflow.log_metric("own", point["x"])
    time.sleep(0.05)
    mlflow.log_metric("again", point["x"])
    with mlflow.start_run(nested=True):
        mlflow.set_tag("seen", point["kind"])
    return point["x"] ** 2


@pytest.mark.slow
@pytest.mark.parametrize("workers", ["threads", "processes"])
@pytest.mark.parametrize("parallelism", [1, 3])
def test_what_an_objective_logs_is_in_the_run_of_its_trial(client, workers, parallelism):
    space = {"x": hp.uniform("x", -1, 1), "kind": hp.choice("kind", ["a", "b"])}
    trials = hyperbridge.Trials()
    hyperbridge.fmin(
        objective, space, algo=tpe.suggest, max_evals=6, trials=trials, parallelism=parallelism,
        backend=hyperbridge.Optuna(workers=workers), rstate=np.random.default_rng(0),
        show_progressbar=False,
    )  # fmt: skip
    experiment = client.get_experiment_by_name("optuna").experiment_id
    runs = client.search_runs([experiment])
    parents = [run for run in runs if "mlflow.parentRunId" not in run.data.tags]
    assert len(parents) == 1
    assert parents[0].data.params["algo"] == "hyperopt.tpe"
    assert parents[0].data.tags["hyperbridge.backend"] == "optuna"
    assert len(runs) == 7
    assert {run.info.status for run in runs} == {"FINISHED"}
    by_tid = {int(run.data.tags["hyperbridge.tid"]): run for run in runs if run is not parents[0]}
    for document in trials.trials:
        run = by_tid[document["tid"]]
        (x,), (index,) = document["misc"]["vals"]["x"], document["misc"]["vals"]["kind"]
        assert run.data.metrics["own"] == run.data.metrics["again"] == x
        assert run.data.metrics["loss"] == document["result"]["loss"]
        assert run.data.tags["seen"] == run.data.tags["hyperbridge.value.kind"] == "ab"[index]
        assert run.data.params["kind"] == str(index)


def test_an_optuna_sampler_is_named_as_the_algorithm(client):
    import optuna

    hyperbridge.fmin(
        lambda x: x, hp.uniform("x", 0, 1), algo=optuna.samplers.RandomSampler(seed=0),
        max_evals=1, backend="optuna", show_progressbar=False,
    )  # fmt: skip
    experiment = client.get_experiment_by_name("optuna").experiment_id
    runs = client.search_runs([experiment], "params.algo = 'optuna.samplers.RandomSampler'")
    assert len(runs) == 1
