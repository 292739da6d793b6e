"""A small Run loop that drives a tracker as the real one does, and readers of what it wrote."""

from __future__ import annotations

import json
import os
import pickle
import threading
import traceback
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import clean_child
import cloudpickle
import mlflow

from hyperbridge.documents import Assignment, Failure, Trial, TrialEnd
from hyperbridge.run.observer import FminEnd, FminInfo, TrialAttachment
from hyperbridge.run.shipping import dumps_by_value
from hyperbridge.tracking.tracker import MlflowTracker

Objective = Callable[[Assignment], Any]

INFO = FminInfo(
    backend="local",
    max_evals=8,
    parallelism=None,
    actual_parallelism=2,
    timeout=None,
    algo="hyperopt.tpe",
    max_queue_len=1,
    space_text=lambda: "0 dict\n1  C =\n2   hyperopt_param",
    decode=lambda assignment: (
        {"kernel": ["linear", "rbf"][assignment["kernel"]]} if "kernel" in assignment else {}
    ),
)

Evaluate = Callable[[TrialAttachment, bytes, Objective, Assignment], Any]


def evaluate_in_thread(
    attachment: TrialAttachment, token: bytes, objective: Objective, assignment: Assignment
) -> Any:
    with attachment(token, shared_process=True):
        return objective(assignment)


def evaluate_as_worker(
    attachment: TrialAttachment, token: bytes, objective: Objective, assignment: Assignment
) -> Any:
    with attachment(token, shared_process=False):
        return objective(assignment)


@dataclass
class FakeRun:
    """Runs one objective per assignment and tells a tracker of it, several at once."""

    tracker: MlflowTracker = field(default_factory=MlflowTracker)
    info: FminInfo = INFO
    parallelism: int = 1
    evaluate: Evaluate = evaluate_in_thread
    before_end: Callable[[], None] = lambda: None
    ends: list[TrialEnd] = field(default_factory=list)
    tokens: dict[int, bytes | None] = field(default_factory=dict)

    def __call__(
        self,
        objective: Objective | Sequence[Objective],
        assignments: Sequence[Assignment] = ({"C": 0.5},),
        *,
        error: BaseException | None = None,
    ) -> FakeRun:
        objectives = [objective] * len(assignments) if callable(objective) else list(objective)
        self.tracker.run_started(replace(self.info, actual_parallelism=self.parallelism))
        self.attachment = self.tracker.attachment()
        self._lock = threading.Lock()
        try:
            if self.parallelism == 1:
                for tid, assignment in enumerate(assignments):
                    self._run(tid, objectives[tid], assignment)
            else:
                with ThreadPoolExecutor(self.parallelism) as pool:
                    list(pool.map(self._run, range(len(assignments)), objectives, assignments))
            self.before_end()
        except BaseException as exc:
            error = exc
            raise
        finally:
            counts = {
                status: sum(end.status == status for end in self.ends)
                for status in ("success", "failure", "cancelled")
            }
            self.tracker.run_finished(FminEnd(error, len(self.ends), *counts.values()))
        return self

    def _run(self, tid: int, objective: Objective, assignment: Assignment) -> None:
        trial = Trial(tid, assignment, {"tid": tid, "misc": {}})
        token = self.tokens[tid] = self.tracker.trial_starting(trial)
        try:
            if token is None or self.attachment is None:
                value = objective(assignment)
            else:
                value = self.evaluate(self.attachment, token, objective, assignment)
        except Exception as exc:
            text = traceback.format_exc()
            failure = Failure(str(type(exc)), str(exc), text, exc)
            self.finish(TrialEnd(trial, "failure", failure=failure))
        else:
            result = value if isinstance(value, dict) else {"loss": value, "status": "ok"}
            loss = float(result["loss"]) if result["status"] == "ok" else None
            self.finish(TrialEnd(trial, "success", loss=loss, result=result))

    def finish(self, end: TrialEnd) -> None:
        with self._lock:
            self.ends.append(end)
            self.tracker.trial_finished(end)


def use_store(uri: str, name: str = "search") -> str:
    mlflow.set_tracking_uri(uri)
    return mlflow.set_experiment(name).experiment_id


def all_runs() -> list[Any]:
    client = mlflow.MlflowClient()
    experiments = [experiment.experiment_id for experiment in client.search_experiments()]
    return list(client.search_runs(experiments, order_by=["attributes.start_time ASC"]))


def parents() -> list[Any]:
    return [run for run in all_runs() if "mlflow.parentRunId" not in run.data.tags]


def children(parent: Any) -> dict[int, Any]:
    """The child runs of a parent by trial id."""
    return {
        int(run.data.tags["hyperbridge.tid"]): run
        for run in all_runs()
        if run.data.tags.get("mlflow.parentRunId") == parent.info.run_id
    }


def runs_below(run: Any) -> list[Any]:
    return [
        other
        for other in all_runs()
        if other.data.tags.get("mlflow.parentRunId") == run.info.run_id
    ]


def only_parent() -> Any:
    (parent,) = parents()
    return parent


@dataclass(frozen=True)
class WorkerOutcome:
    """What a worker process reported of one trial."""

    kind: str
    value: Any
    finders_restored: bool
    environment_restored: bool
    has_mlflow: bool


def run_in_worker(
    folder: Path,
    run: FakeRun,
    objectives: Sequence[Objective],
    *,
    environment: dict[str, str] | None = None,
    pickled_by_value: Sequence[Any] = (),
    may_die: bool = False,
) -> list[WorkerOutcome]:
    """Run one trial per objective, one after the other, in one reused worker process."""
    run.tracker.run_started(run.info)
    attachment = run.tracker.attachment()
    shipped = dumps_by_value(attachment, cloudpickle)
    for module in pickled_by_value:
        cloudpickle.register_pickle_by_value(module)
    try:
        trials = [Trial(tid, {"C": 0.5}, {"misc": {}}) for tid in range(len(objectives))]
        tasks = [
            (cloudpickle.dumps(objective), run.tracker.trial_starting(trial), trial.assignment)
            for objective, trial in zip(objectives, trials, strict=True)
        ]
    finally:
        for module in pickled_by_value:
            cloudpickle.unregister_pickle_by_value(module)
    (folder / "tasks").write_bytes(pickle.dumps((shipped, tasks)))
    (folder / "elsewhere").mkdir()
    script = Path(__file__).with_name("worker_process.py")
    variables = {k: v for k, v in os.environ.items() if not k.startswith(("MLFLOW_", "PYTHON"))}
    clean_child.run(
        [script, folder / "tasks", folder / "outcomes"],
        cwd=folder / "elsewhere",
        env={**variables, **(environment or {})},
        check=not may_die,
        timeout=500,
        without=("mlflow",),
    )
    report = folder / "outcomes"
    outcomes = (
        [WorkerOutcome(*entry) for entry in json.loads(report.read_text())]
        if report.exists()
        else [WorkerOutcome("lost", "the worker process died", False, False, True)] * len(trials)
    )
    run._lock = threading.Lock()
    for trial, outcome in zip(trials, outcomes, strict=True):
        if outcome.kind == "returned":
            value = outcome.value
            result = value if isinstance(value, dict) else {"loss": value, "status": "ok"}
            run.finish(TrialEnd(trial, "success", loss=float(result["loss"]), result=result))
        else:
            failure = Failure("<class 'Exception'>", "", outcome.value)
            run.finish(TrialEnd(trial, "failure", failure=failure))
    failed = sum(end.status == "failure" for end in run.ends)
    run.tracker.run_finished(FminEnd(None, len(trials), len(trials) - failed, failed, 0))
    return outcomes


def loss_of(assignment: dict) -> float:
    return assignment["C"]


def metric_history(run, name: str) -> list:
    return mlflow.MlflowClient().get_metric_history(run.info.run_id, name)


def in_experiment(name: str) -> list:
    """Runs of the active experiment only: the server is shared by the tests."""
    experiment = mlflow.get_experiment_by_name(name)
    return list(mlflow.MlflowClient().search_runs([experiment.experiment_id]))
