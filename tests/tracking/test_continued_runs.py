"""A call that goes on with an earlier search logs to its runs, and puts in order what was left."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field, replace
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import mlflow
import pytest
from hyperopt.base import JOB_STATE_CANCEL, JOB_STATE_DONE, JOB_STATE_ERROR, JOB_STATE_NEW
from mlflow_proxy import mlflow_proxy
from tracking_harness import (
    INFO,
    in_experiment,
    metric_history,
    only_parent,
    parents,
    runs_below,
    use_store,
)

from hyperbridge.documents import Failure, Place, Trial, TrialEnd, misc_of, new_document
from hyperbridge.errors import TrackingWarning
from hyperbridge.run.keeping import Earlier
from hyperbridge.run.observer import FminEnd
from hyperbridge.tracking.leftovers import note_closed
from hyperbridge.tracking.store import Store
from hyperbridge.tracking.tracker import MlflowTracker

Result = float | str | None
"""A loss; the name of the exception that was raised; None for a trial that is cancelled."""


def now() -> datetime:
    return datetime.now(timezone.utc).replace(tzinfo=None)


@dataclass
class Search:
    """A search as its calls find it on disk: documents, and what the tracker has noted."""

    documents: dict[int, dict[str, Any]] = field(default_factory=dict)
    facts: dict[str, str] = field(default_factory=dict)
    is_known: bool = False

    def call(self, results: dict[int, Result], *, is_killed: bool = False, **info: Any) -> None:
        """One call of fmin that runs trials, told to a tracker; a killed one ends nothing."""
        earlier = None
        if self.is_known:
            earlier = Earlier(
                list(self.documents.values()),
                attachments={"ATTACH::2::hyperbridge.log": "printed\n"},
                tracking=dict(self.facts),
            )
        tracker = self.tracker = MlflowTracker(patience_s=10.0)
        tracker.run_started(replace(INFO, earlier=earlier, note=self.facts.update, **info))
        self.is_known = True
        counts = dict.fromkeys(("success", "failure", "cancelled"), 0)
        for tid, result in results.items():
            trial = self.begin(tid)
            end = self._end(trial, result)
            counts[end.status] += 1
            tracker.trial_finished(end)
        if is_killed:
            tracker._logger.flush(30)
            tracker._logger.close()
            tracker._resources.close()
            note_closed(tracker._fmin_uuid)
            mlflow.tracking.fluent._active_run_stack.get().clear()
        else:
            tracker.run_finished(FminEnd(None, len(results), *counts.values()))

    def begin(self, tid: int) -> Trial:
        """Start a trial."""
        document = self.documents.setdefault(
            tid, new_document(tid, misc_of(tid, {"C": tid / 8}, ["C"]), None)
        )
        document["book_time"] = now()
        trial = Trial(tid, {"C": tid / 8}, document)
        self.tracker.trial_starting(trial)
        return trial

    def _end(self, trial: Trial, result: Result) -> TrialEnd:
        document = trial.document
        document["refresh_time"] = now()
        if isinstance(result, float):
            document["state"] = JOB_STATE_DONE
            document["result"] = {"status": "ok", "loss": result, "accuracy": 1 - result}
            return TrialEnd(trial, "success", loss=result, result=document["result"])
        failure = Failure(str(result), "no", f"Traceback: {result}")
        document["misc"]["error"] = (str(result), "no")
        if result is None:
            document["state"] = JOB_STATE_CANCEL
            return TrialEnd(trial, "cancelled", failure=failure)
        document["state"] = JOB_STATE_ERROR
        document["misc"]["traceback"] = failure.traceback
        return TrialEnd(trial, "failure", failure=failure)


def child_runs(parent: Any) -> dict[int, list[Any]]:
    """All child runs of a parent by trial id, deleted ones left out."""
    found: dict[int, list[Any]] = {}
    for run in runs_below(parent):
        found.setdefault(int(run.data.tags["hyperbridge.tid"]), []).append(run)
    return found


def leave_running(*runs: Any, without: str = "trial_status") -> None:
    """Bring runs into the state in which a killed process leaves them."""
    store = mlflow.tracking._get_store()  # type: ignore[attr-defined]
    for run in runs:
        store.update_run_info(run.info.run_id, mlflow.entities.RunStatus.RUNNING, None, None)
        if without in run.data.tags:
            mlflow.MlflowClient().delete_tag(run.info.run_id, without)


def test_a_call_that_goes_on_logs_to_the_same_run_as_if_it_were_one(sqlite_store):
    search = Search()
    search.call({0: 0.5, 1: 0.25})
    search.call({2: 0.375, 3: 0.125}, max_evals=12)
    search.call({4: 0.0625, 5: "ValueError"}, max_evals=20)
    search.call({}, max_evals=20)
    parent = only_parent()
    uuid = parent.data.tags["fmin_uuid"]
    assert parent.info.status == "FINISHED"
    evals = {k: v for k, v in parent.data.params.items() if k.startswith("max_evals")}
    assert evals == {"max_evals": "8", f"max_evals_{uuid}": "12", f"max_evals_{uuid}_2": "20"}
    assert not [name for name in parent.data.tags if name.endswith(uuid)]
    history = [(m.value, m.step) for m in metric_history(parent, "best_trial_loss")]
    assert history == [(0.5, 1), (0.25, 2), (0.125, 4), (0.0625, 5)]
    found = child_runs(parent)
    assert {tid: len(runs) for tid, runs in found.items()} == dict.fromkeys(range(6), 1)
    assert {runs[0].data.tags["fmin_uuid"] for runs in found.values()} == {uuid}
    assert parent.data.metrics["total_trials_count"] == 6
    assert parent.data.metrics["successful_trials_count"] == 5
    assert parent.data.metrics["failed_trials_count"] == 1
    assert mlflow.active_run() is None


def test_what_a_killed_process_had_not_logged_is_logged_from_the_documents(any_store, request):
    search = Search()
    results: dict[int, Result] = {0: 0.5, 1: 0.25, 2: "ValueError", 3: None, 4: 0.125, 5: 0.0625}
    search.call(results, is_killed=True)
    lost = search.begin(6)
    other = search.begin(7)
    name = "search" if "sqlite" in any_store else request.node.name
    (parent,) = [run for run in in_experiment(name) if "mlflow.parentRunId" not in run.data.tags]
    before = {tid: runs[0] for tid, runs in child_runs(parent).items()}
    assert parent.info.status == "RUNNING"
    client = mlflow.MlflowClient()
    leave_running(before[1], before[2])  # logged, and not ended
    leave_running(before[3], before[4], without="")  # all but the end was logged
    client.delete_run(before[5].info.run_id)  # the store was away
    below = client.create_run(
        parent.info.experiment_id,
        tags={"mlflow.parentRunId": before[6].info.run_id, "hyperbridge.fmin_uuid": "x"},
    )
    uuid = search.facts["fmin_uuid"]
    stray = client.create_run(
        parent.info.experiment_id,
        tags={"mlflow.parentRunId": before[7].info.run_id, "hyperbridge.fmin_uuid": uuid},
    )
    for document in (lost.document, other.document):
        document.update(state=JOB_STATE_NEW, book_time=None, refresh_time=None)
    search.call({6: 0.75}, max_evals=7)
    parent = client.get_run(parent.info.run_id)
    after = child_runs(parent)
    assert parent.info.status == "FINISHED"
    assert {tid: len(runs) for tid, runs in after.items()} == dict.fromkeys(range(8), 1)
    runs = {tid: runs[0] for tid, runs in after.items()}
    assert [runs[tid].info.status for tid in range(8)] == [
        "FINISHED", "FINISHED", "FAILED", "KILLED", "FINISHED", "FINISHED", "FINISHED", "KILLED",
    ]  # fmt: skip
    assert [runs[tid].data.tags["trial_status"] for tid in range(8)] == [
        "success", "success", "failure", "cancelled", "success", "success", "success", "cancelled",
    ]  # fmt: skip
    same = {tid: runs[tid].info.run_id == before[tid].info.run_id for tid in before}
    assert same == {**dict.fromkeys(range(8), True), 5: False, 6: False}
    assert client.get_run(below.info.run_id).info.lifecycle_stage == "deleted"
    assert client.get_run(stray.info.run_id).info.status == "KILLED"
    made = runs[5]
    assert made.data.params == before[0].data.params | {"C": "0.625"}
    assert made.data.metrics == {"loss": 0.0625, "accuracy": 0.9375}
    assert made.info.run_name == "trial-5"
    assert made.data.tags["hyperbridge.params"] == '{"C": 0.625}'
    assert abs(made.info.start_time - before[5].info.start_time) < 1000
    assert [m.value for m in metric_history(runs[1], "loss")] == [0.25]
    text = mlflow.artifacts.load_text(f"{runs[2].info.artifact_uri}/traceback.txt")
    assert text == "Traceback: ValueError"
    text = mlflow.artifacts.load_text(f"{runs[2].info.artifact_uri}/log.txt")
    assert text == "printed\n"
    assert parent.data.metrics["total_trials_count"] == 7
    assert parent.data.metrics["cancelled_trials_count"] == 1


def test_improvements_that_a_killed_process_had_not_logged_are_in_the_history(sqlite_store):
    search = Search()
    search.call({0: 0.5, 1: 0.75, 2: 0.25})
    reference = metric_history(only_parent(), "best_trial_loss")
    other = Search()
    other.call({0: 0.5}, is_killed=True)
    other.tracker.trial_finished = lambda _: None  # type: ignore[method-assign]
    for tid, loss in {1: 0.75, 2: 0.25}.items():
        other._end(other.begin(tid), loss)
    other.call({3: 0.125})
    parent = [run for run in parents() if run.info.run_id == other.facts["run_id"]][0]
    history = [(m.value, m.step) for m in metric_history(parent, "best_trial_loss")]
    assert history == [*((m.value, m.step) for m in reference), (0.125, 4)]
    assert [len(runs) for runs in child_runs(parent).values()] == [1] * 4


def test_a_search_in_a_run_of_earlier_searches_goes_on_under_its_names(sqlite_store):
    first, second = Search(), Search()
    with mlflow.start_run() as run:
        first.call({0: 0.5, 1: 0.25})
        second.call({0: 1.5, 1: 1.25})
    with mlflow.start_run(run_id=run.info.run_id):
        second.call({2: 1.0}, max_evals=9)
        second.call({}, max_evals=10)
        assert mlflow.get_run(run.info.run_id).info.status == "RUNNING"
    parent = only_parent()
    uuid = second.facts["fmin_uuid"]
    assert uuid != first.facts["fmin_uuid"] == parent.data.tags["fmin_uuid"]
    evals = {k: v for k, v in parent.data.params.items() if k.startswith("max_evals")}
    assert evals == {
        "max_evals": "8", f"max_evals_{uuid}": "8", f"max_evals_{uuid}_2": "9",
        f"max_evals_{uuid}_3": "10",
    }  # fmt: skip
    history = [(m.value, m.step) for m in metric_history(parent, "best_trial_loss")]
    assert sorted(history, key=lambda each: each[1]) == [
        (0.5, 1), (0.25, 2), (1.5, 3), (1.25, 4), (1.0, 5),
    ]  # fmt: skip
    assert parent.data.metrics["total_trials_count"] == 3
    uuids = [run.data.tags["fmin_uuid"] for run in runs_below(parent)]
    assert (uuids.count(uuid), len(uuids)) == (3, 5)


def test_a_run_that_a_launcher_names_goes_on_and_stays_open(sqlite_store, monkeypatch):
    client = mlflow.MlflowClient()
    experiment = mlflow.get_experiment_by_name("search").experiment_id
    given = client.create_run(experiment).info.run_id
    search = Search()
    for results in ({0: 0.5}, {1: 0.25}):
        monkeypatch.setenv("MLFLOW_RUN_ID", given)
        search.call(results)
        mlflow.tracking.fluent._active_run_stack.get().clear()
    run = only_parent()
    assert (run.info.run_id, run.info.status) == (given, "RUNNING")
    assert sorted(child_runs(run)) == [0, 1]
    assert [name for name in run.data.tags if name.startswith("fmin_uuid")] == ["fmin_uuid"]


PLACE = {"kept_in": (Place("file /nowhere/run.pkl", is_shared=False),)}


def test_with_another_active_run_the_earlier_one_is_put_in_order_and_left(sqlite_store):
    search = Search()
    search.call({0: 0.5, 1: 0.25}, is_killed=True, **PLACE)
    search.begin(2)
    search.documents[2]["book_time"] = None
    (left,) = parents()
    leave_running(child_runs(left)[1][0])
    mlflow.set_experiment("elsewhere")
    with mlflow.start_run() as mine:
        search.call({2: 0.125}, **PLACE)
        assert mlflow.get_run(mine.info.run_id).info.status == "RUNNING"
    left = mlflow.get_run(left.info.run_id)
    assert left.info.status == "KILLED"
    statuses = {tid: run.info.status for tid, (run,) in child_runs(left).items()}
    assert statuses == {0: "FINISHED", 1: "FINISHED", 2: "KILLED"}
    assert child_runs(left)[1][0].data.tags["trial_status"] == "success"
    mine = mlflow.get_run(mine.info.run_id)
    assert sorted(child_runs(mine)) == [2]
    assert mine.data.tags["fmin_uuid"] != left.data.tags["fmin_uuid"]
    assert mine.data.metrics["total_trials_count"] == 1
    assert search.facts["run_id"] == mine.info.run_id


@pytest.mark.parametrize("why", ["was deleted", "experiment", "another tracking store", "a copy"])
def test_a_run_that_cannot_be_continued_is_left_and_the_log_says_why(
    sqlite_store, tmp_path, empty_database, caplog, why
):
    caplog.set_level(logging.INFO, logger="hyperbridge")
    search, info = Search(), {"kept_in": (Place(f"file {tmp_path / 'run.pkl'}", is_shared=False),)}
    (tmp_path / "run.pkl").touch()
    search.call({0: 0.5}, **info)
    (first,) = parents()
    if why == "was deleted":
        mlflow.delete_run(first.info.run_id)
    elif why == "experiment":
        mlflow.set_experiment("another")
    elif why == "a copy":
        info["kept_in"] = (Place(f"file {tmp_path / 'copy.pkl'}", is_shared=False),)
    else:
        other = tmp_path / "other.db"
        other.write_bytes(Path(empty_database).read_bytes())
        use_store(f"sqlite:///{other}")
    search.call({1: 0.25}, **info)
    run = mlflow.get_run(search.facts["run_id"])
    assert run.info.run_id != first.info.run_id
    assert run.info.status == "FINISHED"
    assert sorted(child_runs(run)) == [1]
    assert run.data.metrics["total_trials_count"] == 1
    (said,) = [r.message for r in caplog.records if "goes on in a new MLflow run" in r.message]
    assert why in said


def test_a_file_that_was_moved_goes_on_in_its_run(sqlite_store, tmp_path):
    search = Search()
    for name in ("a.pkl", "b.pkl"):
        search.call({}, kept_in=(Place(f"file {tmp_path / name}", is_shared=False),))
    assert only_parent().info.status == "FINISHED"


def test_a_run_is_found_and_noted_when_the_store_is_back(server_store, request):
    away = [True]

    def judge(path: str) -> int | None:
        return 503 if away[0] and "/runs/" in path else None

    def come_back(_: Trial) -> None:
        away[0] = False

    with mlflow_proxy(server_store, judge) as uri:
        search = Search()
        mlflow.set_tracking_uri(uri)
        away[0] = False
        search.call({0: 0.5})
        noted = dict(search.facts)
        for expected in ({1: 0.25}, {2: 0.125}):
            away[0] = True
            search.facts.update(noted)
            begin = search.begin

            def begin_and_return(tid: int, begin: Any = begin) -> Trial:
                trial = begin(tid)
                come_back(trial)
                return trial

            search.begin = begin_and_return  # type: ignore[method-assign]
            with pytest.warns(TrackingWarning, match="does not answer"):
                search.call(expected)
            search.begin = begin  # type: ignore[method-assign]
    mlflow.set_tracking_uri(server_store)
    assert search.facts == noted
    runs = in_experiment(request.node.name)
    (parent,) = [run for run in runs if "mlflow.parentRunId" not in run.data.tags]
    assert parent.info.run_id == noted["run_id"]
    assert parent.info.status == "FINISHED"
    assert parent.data.metrics["total_trials_count"] == 3
    assert sorted(int(run.data.tags.get("hyperbridge.tid", -1)) for run in runs) == [-1, 0, 1, 2]


def test_a_new_run_is_noted_when_the_store_is_back(server_store, request):
    away = [True]
    with mlflow_proxy(server_store, lambda p: 503 if away[0] and "/runs/" in p else None) as uri:
        mlflow.set_tracking_uri(uri)
        search = Search()
        begin = search.begin

        def begin_and_return(tid: int) -> Trial:
            assert search.facts["run_id"] == ""
            trial = begin(tid)
            away[0] = False
            return trial

        search.begin = begin_and_return  # type: ignore[method-assign]
        with pytest.warns(TrackingWarning, match="does not answer"):
            search.call({0: 0.5})
    mlflow.set_tracking_uri(server_store)
    (parent,) = [
        r for r in in_experiment(request.node.name) if "hyperbridge.tid" not in r.data.tags
    ]
    assert search.facts["run_id"] == parent.info.run_id


def test_a_kill_between_a_run_and_its_note_leaves_no_second_run(sqlite_store):
    class KilledError(BaseException):
        """Stands for kill -9."""

    search = Search()
    search.is_known = True

    def note(facts: dict[str, str]) -> None:
        if facts["run_id"]:
            raise KilledError
        search.facts.update(facts)

    with pytest.raises(KilledError):
        MlflowTracker().run_started(replace(INFO, note=note, **PLACE))
    mlflow.tracking.fluent._active_run_stack.get().clear()
    (left,) = parents()
    assert left.info.status == "RUNNING"
    search.call({0: 0.5}, **PLACE)
    assert only_parent().info.run_id == left.info.run_id == search.facts["run_id"]
    assert only_parent().info.status == "FINISHED"
    assert sorted(child_runs(left)) == [0]


def test_trials_of_before_the_search_and_of_elsewhere_get_no_runs(sqlite_store):
    search = Search()
    search.call({5: 0.5})
    old = new_document(0, misc_of(0, {"C": 0.5}, ["C"]), None)
    long_ago = datetime(2020, 1, 1)
    result = {"status": "ok", "loss": 0.0}
    old.update(state=JOB_STATE_DONE, book_time=long_ago, refresh_time=long_ago, result=result)
    brought = {**old, "tid": 1, "book_time": now(), "refresh_time": now()}
    brought["misc"] = {**misc_of(1, {"C": 0.5}, ["C"]), "warm_started_from": "old.pkl"}
    reused = {**brought, "tid": 2, "misc": {**brought["misc"], "reused_from": 5}}
    del reused["misc"]["warm_started_from"]
    search.documents |= {0: old, 1: brought, 2: reused}
    search.call({6: 0.25})
    parent = only_parent()
    assert sorted(child_runs(parent)) == [5, 6]
    assert parent.data.metrics["total_trials_count"] == 3
    assert parent.data.metrics["reused_trials_count"] == 1


def test_all_pages_of_a_list_of_runs_are_read(sqlite_store, monkeypatch):
    experiment = mlflow.get_experiment_by_name("search").experiment_id
    client = mlflow.MlflowClient()
    made = {client.create_run(experiment, tags={"fmin_uuid": "a"}).info.run_id for _ in range(5)}
    search_runs = mlflow.MlflowClient.search_runs

    def two_at_once(self: Any, *args: Any, **kwargs: Any) -> Any:
        return search_runs(self, *args, **{**kwargs, "max_results": 2})

    monkeypatch.setattr(mlflow.MlflowClient, "search_runs", two_at_once)
    runs = Store(sqlite_store).find_runs(experiment, "tags.fmin_uuid = 'a'")
    assert {run.info.run_id for run in runs} == made
    assert len(runs) == 5
