"""Histories in MLflow: the child runs of hyperbridge come back, those of Databricks are read."""

from __future__ import annotations

import copy
import math
import time

import mlflow
import numpy as np
import pytest
from hyperopt import STATUS_FAIL, STATUS_OK, hp, rand
from hyperopt.base import JOB_STATE_CANCEL, JOB_STATE_RUNNING

import hyperbridge
from hyperbridge.documents import pruned_result
from hyperbridge.errors import BackendUnavailableError, InvalidArgumentError
from hyperbridge.history import mlflow_runs
from hyperbridge.history.history import History
from hyperbridge.history.inference import space_of
from hyperbridge.history.kinds import Options, kind_of_target, read_history
from hyperbridge.tracking.store import Store, StoreAwayError
from hyperbridge.translate.from_hyperopt import read_space

SPACE = {
    "x": hp.uniform("x", 0, 1),
    "q": hp.quniform("q", 0, 10, 1),
    "k": hp.choice("k", ["a", {"z": hp.loguniform("z", -3, 0)}]),
    "r": hp.randint("r", 5),
    "weird[0]": hp.uniform("weird[0]", 0, 1),
}


@pytest.fixture
def store(store_in, tmp_path, mlflow_left_as_found):
    uri = store_in(tmp_path)
    mlflow.set_tracking_uri(uri)
    return uri


def objective(point):
    n = objective.n
    objective.n += 1
    if n == 1:
        raise ArithmeticError("one: too large\nreally")
    if n == 2:
        return {"status": STATUS_FAIL, "why": "two"}
    if n == 3:
        return math.inf
    for step in range(3):
        hyperbridge.report(n + step, step)
    mlflow.log_param("k", "the option")
    mlflow.log_param("model", "svm")
    mlflow.log_metric("auc", 0.5)
    return {"loss": -float(n), "status": STATUS_OK, "size": 3.0}


def search(**kwargs):
    objective.n = 0
    trials = hyperbridge.Trials()
    with pytest.warns(hyperbridge.errors.TrackingWarning):  # an infinity, a strange name
        hyperbridge.fmin(
            objective, SPACE, algo=rand.suggest, max_evals=8, trials=trials,
            show_progressbar=False, rstate=np.random.default_rng(0), tracking=True,
            catch_eval_exceptions=True, **kwargs,
        )  # fmt: skip
    return trials


def parent_of(uri):
    (run,) = (
        run
        for run in mlflow.MlflowClient(uri).search_runs(["0"])
        if "mlflow.parentRunId" not in run.data.tags
    )
    return run.info.run_id


def vals(documents):
    return [{k: v[0] for k, v in d["misc"]["vals"].items() if v} for d in documents]


def test_the_child_runs_of_a_search_come_back_as_its_trials(store, monkeypatch):
    from optuna.pruners import PercentilePruner

    trials = search(pruner=PercentilePruner(1.0, n_startup_trials=2, n_warmup_steps=1))
    documents = trials._dynamic_trials
    assert any(d["result"].get("pruned") for d in documents)
    monkeypatch.setattr(mlflow_runs, "_PAGE", 3)
    source = f"mlflow:{parent_of(store)}"
    for space in (read_space(SPACE), None):
        history = read_history(source, Options(space=space, tracking_uri=store))
        assert vals(history.documents) == vals(documents)
        for ours, theirs in zip(history.documents, documents, strict=True):
            assert ours["tid"] == theirs["tid"]
            assert ours["state"] == theirs["state"]
            assert ours["misc"].get("error") == theirs["misc"].get("error")
            assert ours["misc"].get("traceback") == theirs["misc"].get("traceback")
            assert ours["misc"].get("reports") == theirs["misc"].get("reports")
            assert ours["result"].get("loss") == theirs["result"].get("loss")
            assert ours["result"]["status"] == theirs["result"]["status"]
            assert ours["result"].get("pruned") == theirs["result"].get("pruned")
            for when in ("book_time", "refresh_time"):
                assert abs((ours[when] - theirs[when]).total_seconds()) < 30
    first = history.documents[0]["result"]
    assert (first["size"], first["auc"]) == (3.0, 0.5)
    assert first["model"] == "svm"  # a param of the objective's, no label
    assert "artifacts and further tags of the runs stay in MLflow" in history.remarks
    assert mlflow.get_tracking_uri() == store


def test_several_requests_at_a_time_read_the_same(store):
    search()
    client = mlflow.MlflowClient(store)
    runs = mlflow_runs.children_of(client, client.get_run(parent_of(store)))
    one, several = (
        mlflow_runs.history_of_runs(client, runs, "here", None, in_threads=in_threads)
        for in_threads in (False, True)
    )
    assert repr(one) == repr(several)
    assert any("reports" in d["misc"] for d in one.documents)


def databricks(uri, *, fmin_uuid="ab12cd", n=6):
    """Write the runs of a SparkTrials search as Databricks does; return the parent's id."""
    client = mlflow.MlflowClient(uri)
    tags = {"runSource": "hyperoptAutoTracking", "fmin_uuid": fmin_uuid}
    parent = client.create_run("0", tags=tags).info.run_id
    start = int(time.time() * 1000)
    for number in range(n):
        child = client.create_run(
            "0", start_time=start + n - number, tags={**tags, "mlflow.parentRunId": parent}
        ).info.run_id
        client.log_param(child, "x", str(number / 10))
        client.log_param(child, "q", f"{number}.0")
        client.log_param(child, "k", str(number % 2))
        if number % 2:
            client.log_param(child, "z", "0.1")
        client.log_param(child, "shuffle", str(number > 2))
        client.log_param(child, "model", "svm")
        if number == 0:
            client.set_tag(child, "trial_status", "failure")
            client.set_terminated(child, "FAILED", start + 100)
        elif number == 1:
            client.set_tag(child, "trial_status", "cancelled")
            client.set_terminated(child, "FAILED", start + 100)
        elif number != 2:  # which goes on
            client.log_metric(child, "loss", number / 2)
            client.set_tag(child, "trial_status", "success")
            client.set_terminated(child, "FINISHED", start + 100)
    return parent


def test_the_child_runs_of_databricks_have_numbers_for_their_texts(store):
    parent = databricks(store)
    history = read_history(f"mlflow:{parent}", Options(tracking_uri=store))
    assert vals(history.documents) == [
        {"x": 0.5, "q": 5.0, "k": 1, "z": 0.1, "shuffle": 1},  # in the order of their start
        {"x": 0.4, "q": 4.0, "k": 0, "shuffle": 1},
        {"x": 0.3, "q": 3.0, "k": 1, "z": 0.1, "shuffle": 1},
        {"x": 0.1, "q": 1.0, "k": 1, "z": 0.1, "shuffle": 0},
        {"x": 0.0, "q": 0.0, "k": 0, "shuffle": 0},
    ]
    assert [d["result"].get("loss") for d in history.documents] == [2.5, 2.0, 1.5, None, None]
    assert history.by_state() == {"complete": 3, "failed": 1, "cancelled": 1}
    assert history.documents[3]["state"] == JOB_STATE_CANCEL
    assert history.documents[4]["misc"]["error"] == ("", "the MLflow run failed")
    assert {type(found["k"]) for found in vals(history.documents)} == {int}
    remarks = "\n".join(history.remarks)
    for words in (
        "1 of 6 trials have not ended",
        "'model' is not always a number",
        "'shuffle' is taken for a choice of False, True",
        "1 failed trials have no traceback.txt",
        "each numeric param of a run is taken for a value of the search",
    ):
        assert words in remarks
    assert history.documents[0]["result"]["model"] == "svm"
    assert space_of(history).decode({"shuffle": 1}) == {"shuffle": "True"}

    space = {
        "x": hp.uniform("x", 0, 1), "n": hp.uniformint("q", 0, 10),
        "k": hp.choice("k", ["a", hp.uniform("z", 0, 1)]),
    }  # fmt: skip
    exact = read_history(f"mlflow:{parent}", Options(space=read_space(space), tracking_uri=store))
    assert vals(exact.documents)[0] == {"x": 0.5, "q": 5.0, "k": 1, "z": 0.1}
    assert exact.documents[0]["result"]["shuffle"] is True
    assert "the search space has no 'shuffle', 'model'; the results have it" in exact.remarks


def test_a_run_is_found_by_its_experiment_and_several_are_named(store):
    parent = databricks(store)
    options = Options(tracking_uri=store)
    assert len(read_history("mlflow:", options).documents) == 5
    assert (
        read_history("mlflow:", Options(experiment="0", tracking_uri=store)).source
        == f"MLflow run {parent}"
    )
    other = databricks(store, fmin_uuid="ffffff")
    with pytest.raises(InvalidArgumentError, match=f"has 2 runs with child.*mlflow:{other}"):
        read_history("mlflow:", options)
    with pytest.raises(InvalidArgumentError, match="no experiment 'none'"):
        read_history("mlflow:", Options(experiment="none", tracking_uri=store))


def test_calls_that_share_a_run_are_told_apart(store):
    client = mlflow.MlflowClient(store)
    parent, other = databricks(store), databricks(store, fmin_uuid="ffffff", n=4)
    for run in mlflow_runs.children_of(client, client.get_run(other)):
        client.set_tag(run.info.run_id, "mlflow.parentRunId", parent)
    both = read_history(f"mlflow:{parent}", Options(tracking_uri=store))
    assert len({d["tid"] for d in both.documents}) == len(both.documents) == 8
    assert any("the trials of 2 calls of fmin" in line for line in both.remarks)
    one = read_history(f"mlflow:{parent}/ffffff", Options(tracking_uri=store))
    assert len(one.documents) == 3
    with pytest.raises(InvalidArgumentError, match="no trials of the call 'nope'"):
        read_history(f"mlflow:{parent}/nope", Options(tracking_uri=store))


def test_a_repeated_attempt_counts_once(store):
    client = mlflow.MlflowClient(store)
    parent = client.create_run("0").info.run_id
    for attempt in (1, 2):
        tags = {
            "mlflow.parentRunId": parent, "hyperbridge.tid": "0",
            "hyperbridge.params": '{"x": 0.25, "k": "1"}',
            **({"hyperbridge.attempt": "2"} if attempt > 1 else {}),
        }  # fmt: skip
        child = client.create_run("0", tags=tags).info.run_id
        client.log_metric(child, "loss", attempt)
        client.set_terminated(child, "FINISHED" if attempt == 2 else "KILLED")
    history = read_history(f"mlflow:{parent}", Options(tracking_uri=store))
    assert [(d["result"]["loss"], vals([d])) for d in history.documents] == [
        (2.0, [{"x": 0.25, "k": 1}])
    ]
    assert any("attempts that a later one repeats" in line for line in history.remarks)


def test_what_cannot_be_read_is_said(store, tmp_path):
    with pytest.raises(InvalidArgumentError, match="there is no MLflow store"):
        read_history("mlflow:1", Options(tracking_uri=f"sqlite:///{tmp_path / 'none.db'}"))
    assert not (tmp_path / "none.db").exists()
    with pytest.raises(InvalidArgumentError, match="Run with id=nope"):
        read_history("mlflow:nope", Options(tracking_uri=store))
    lonely = mlflow.MlflowClient(store).create_run("0").info.run_id
    with pytest.raises(InvalidArgumentError, match="has no child runs"):
        read_history(f"mlflow:{lonely}", Options(tracking_uri=store))
    with pytest.raises(InvalidArgumentError, match="has 0 runs with child runs$"):
        read_history("mlflow:", Options(tracking_uri=store))


def test_trials_are_written_as_runs_and_come_back(store):
    trials = search()
    documents = copy.deepcopy(trials._dynamic_trials)
    documents[4]["state"] = JOB_STATE_CANCEL
    documents[4]["result"] = {"status": "new"}
    documents[5]["result"] = pruned_result({0: 5.0, 1: 6.0})
    documents[5]["misc"]["reports"] = [[0, 5.0], [1, 6.0]]
    documents[6].update(book_time=None, refresh_time=None)
    documents[6]["result"] = {"loss": 1.0, "status": "ok", "model": object()}
    documents[7]["state"] = JOB_STATE_RUNNING
    attachments = {"ATTACH::0::a": b"", "ATTACH::0::hyperbridge.log": "printed\n"}
    history = History(documents, attachments, "trials.pkl")
    options = Options(tracking_uri=store, experiment="converted", space=read_space(SPACE))
    kind_of_target("mlflow:").write(history, "mlflow:", options)
    remarks = "\n".join(history.remarks)
    for words in (
        "1 trials have not ended", "1 trials without a time", "result['model'] of 1 trials",
        "1 attachments are left out", "the trials are the child runs of run ",
    ):  # fmt: skip
        assert words in remarks
    back = read_history("mlflow:", Options(tracking_uri=store, experiment="converted"))
    assert vals(back.documents) == vals(documents[:7])
    for ours, theirs in zip(back.documents, documents, strict=False):
        for name in ("tid", "state"):
            assert ours[name] == theirs[name]
        assert ours["misc"].get("error") == theirs["misc"].get("error")
        assert ours["misc"].get("reports") == theirs["misc"].get("reports")
        for name in ("loss", "status", "pruned", "size"):
            assert ours["result"].get(name) == theirs["result"].get(name)
    client = mlflow.MlflowClient(store)
    parent = client.get_run(back.source.removeprefix("MLflow run "))
    assert parent.info.status == "FINISHED"
    assert parent.data.tags["hyperbridge.converted_from"] == "trials.pkl"
    children = client.search_runs(
        [parent.info.experiment_id], "tags.`hyperbridge.tid` = '0'", max_results=5
    )
    uri = f"{children[0].info.artifact_uri}/log.txt"
    assert mlflow.artifacts.load_text(uri) == "printed\n"
    counts = {k: v for k, v in parent.data.metrics.items() if k.endswith("_count")}
    assert counts == {
        "total_trials_count": 7, "successful_trials_count": 3, "failed_trials_count": 2,
        "cancelled_trials_count": 1, "pruned_trials_count": 1,
    }  # fmt: skip
    child = mlflow_runs.children_of(client, parent)[0]
    assert child.info.run_name == "trial-0"
    assert child.data.tags["hyperbridge.value.k"]
    with pytest.raises(InvalidArgumentError, match="go below a new run"):
        kind_of_target("mlflow:x").write(history, "mlflow:x", options)


def test_a_store_that_fails_in_the_middle_leaves_no_run_open(store, monkeypatch):
    trials = search()
    calls = []
    log = Store.log

    def failing(self, *args, **kwargs):
        calls.append(1)
        if len(calls) == 3:
            raise StoreAwayError("away")
        log(self, *args, **kwargs)

    monkeypatch.setattr(Store, "log", failing)
    history = History(trials._dynamic_trials, {}, "trials.pkl")
    with pytest.raises(BackendUnavailableError, match="cannot be written: away"):
        kind_of_target("mlflow:").write(
            history, "mlflow:", Options(tracking_uri=store, experiment="failing")
        )
    client = mlflow.MlflowClient(store)
    experiment = client.get_experiment_by_name("failing").experiment_id
    states = [run.info.status for run in client.search_runs([experiment])]
    assert sorted(states) == ["FAILED"] * 3 + ["FINISHED"]
