"""Read the child runs of an MLflow parent run: those of hyperbridge, and those of Databricks.

Databricks has the params alone (a choice as its index), the metric ``loss`` and ``trial_status``;
hyperbridge adds the trial's id, its exact values, and the reports as the history of ``loss``.
"""

from __future__ import annotations

import json
import logging
import math
import sys
import tempfile
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from hyperopt import base

from hyperbridge.documents import Document, misc_of, new_document, pruned_result
from hyperbridge.history.history import History
from hyperbridge.history.tracebacks import error_of
from hyperbridge.history.values import number_of, raw_values
from hyperbridge.space import Space

logger = logging.getLogger(__name__)

PARENT_TAG = "mlflow.parentRunId"
PARAMS_TAG = "hyperbridge.params"
TID_TAG = "hyperbridge.tid"
LOSS = "loss"

_PAGE = 1000
_THREADS = 8
_UNFINISHED = ("RUNNING", "SCHEDULED")
_STATUS = {"FINISHED": "success", "FAILED": "failure", "KILLED": "cancelled"}
_TRACEBACK = "traceback.txt"


def children_of(client: Any, parent: Any) -> list[Any]:
    """Return the runs directly below a run, in the order of their start."""
    return search(
        client,
        parent.info.experiment_id,
        f"tags.`{PARENT_TAG}` = '{parent.info.run_id}'",
    )


def search(client: Any, experiment_id: str, query: str) -> list[Any]:
    """Return all runs of an experiment that a filter selects, in the order of their start."""
    found: list[Any] = []
    token = None
    while True:
        page = client.search_runs(
            [experiment_id],
            query,
            max_results=_PAGE,
            order_by=["attributes.start_time ASC"],
            page_token=token,
        )
        found += page
        token = page.token
        if not token:
            return found


def history_of_runs(
    client: Any,
    runs: Sequence[Any],
    source: str,
    space: Space | None,
    *,
    in_threads: bool,
    metric: str = LOSS,
    sign: float = 1.0,
) -> History:
    """Return the trials of child runs.

    Args:
        client: The ``MlflowClient`` that has found them.
        runs: The child runs.
        source: What they are of, for messages.
        space: The search space; None where it is not known.
        in_threads: Whether the store answers several requests at a time.
        metric: The metric that is the loss.
        sign: -1 where it was maximised.
    """
    history = History([], {}, source, space=space)
    ended = [run for run in runs if run.info.status not in _UNFINISHED]
    if len(ended) < len(runs):
        n = len(runs) - len(ended)
        history.remark(f"{n} of {len(runs)} trials have not ended, and are left out")
    ended = _last_attempts(ended, history)
    labelled = _assignments(ended, space, history)
    names = dict.fromkeys(space.parameters if space is not None else ())
    for assignment, _ in labelled:
        names.update(dict.fromkeys(assignment))
    tids = _tids(ended, history)
    histories = _metric_histories(client, ended, metric, in_threads=in_threads)
    failures = [run for run in ended if _status(run) == "failure" and not _returned(run)]
    tracebacks = dict(
        zip(
            [run.info.run_id for run in failures],
            _each(lambda run: _traceback(client, run), failures, in_threads=in_threads),
            strict=True,
        )
    )
    for run, tid, (assignment, others) in zip(ended, tids, labelled, strict=True):
        document = new_document(tid, misc_of(tid, assignment, names), None)
        document["book_time"] = _time(run.info.start_time)
        document["refresh_time"] = _time(run.info.end_time)
        run_id = run.info.run_id
        losses = _Losses(run, metric, sign, histories.get(run_id))
        _end(document, run, losses, tracebacks.get(run_id))
        for name, value in (*others.items(), *run.data.metrics.items()):
            if name != metric:
                document["result"].setdefault(name, value)
        history.documents.append(document)
    history.documents.sort(key=lambda document: document["tid"])
    if sign < 0:
        history.remark(f"the metric {metric!r} is maximised: each loss is its negative")
    _remark_on(history, tracebacks)
    return history


def _last_attempts(runs: list[Any], history: History) -> list[Any]:
    """Leave out the runs of attempts that were lost: their trial has a later run."""
    found: dict[Any, Any] = {}
    for position, run in enumerate(runs):
        tags = run.data.tags
        tid = tags.get(TID_TAG)
        key: Any = position if tid is None else (tags.get("fmin_uuid"), tid)
        other = found.get(key)
        if other is None or _attempt(run) >= _attempt(other):
            found[key] = run
    if len(found) < len(runs):
        history.remark(
            f"{len(runs) - len(found)} runs are of attempts that a later one repeats, and are "
            "left out"
        )
    kept = {id(run) for run in found.values()}
    return [run for run in runs if id(run) in kept]


def _attempt(run: Any) -> int:
    return int(run.data.tags.get("hyperbridge.attempt", 1))


def _assignments(
    runs: Sequence[Any], space: Space | None, history: History
) -> list[tuple[dict[str, Any], dict[str, Any]]]:
    """Return for each run the raw value by label, and the params that are none."""
    exact = [_exact_values(run) for run in runs]
    unknown = [run for run, values in zip(runs, exact, strict=True) if values is None]
    if exact and space is None:  # what the search has not chosen is a param of the objective's
        labels = {label for values in exact for label in values or ()}
    else:
        labels = set()
    points = [{k: number_of(v) for k, v in run.data.params.items()} for run in unknown]
    raw = raw_values(points, space, indices=True)
    for line in raw.remarks:
        history.remark(line)
    if unknown and space is None:
        history.remark(
            "each numeric param of a run is taken for a value of the search, also one that the "
            "objective may have logged; a search space tells them apart"
        )
    guessed = iter(zip(raw.assignments, raw.others, strict=True))
    found = []
    for run, values in zip(runs, exact, strict=True):
        if values is None:
            found.append(next(guessed))
            continue
        others = {
            name: number_of(text)
            for name, text in run.data.params.items()
            if name not in values and name not in labels
        }
        found.append((values, others))
    history.options.update(raw.options)
    return found


def _exact_values(run: Any) -> dict[str, Any] | None:
    """Return the raw values that hyperbridge has noted in a tag; None without a whole one."""
    try:
        values = json.loads(run.data.tags[PARAMS_TAG])
    except (KeyError, ValueError):
        return None
    if not isinstance(values, dict):
        return None
    return {k: number_of(v) if isinstance(v, str) else v for k, v in values.items()}


def _tids(runs: Sequence[Any], history: History) -> list[int]:
    """Return the id of each trial: the one that it had, where no other trial has it."""
    wanted = [run.data.tags.get(TID_TAG, "") for run in runs]
    if all(text.isdigit() for text in wanted) and len(set(wanted)) == len(wanted):
        return [int(text) for text in wanted]
    if any(wanted):
        history.remark("the ids of the trials are not unique: they are numbered by their start")
    return list(range(len(runs)))


def _metric_histories(
    client: Any, runs: Sequence[Any], metric: str, *, in_threads: bool
) -> dict[str, list[Any]]:
    """Return the history of the loss of each run, if any of them has reported losses.

    That costs a request for each run, so the first ones and those with further steps tell.
    """
    with_loss = [run for run in runs if metric in run.data.metrics]
    has_reports = any(
        _status(run) == "pruned"
        or any(point.key == metric and point.step for point in run.data.to_proto().metrics)
        for run in with_loss
    )

    def read(run: Any) -> list[Any]:
        points = list(client.get_metric_history(run.info.run_id, metric))
        return sorted(points, key=lambda point: (point.timestamp, point.step))

    if not has_reports and not any(len(read(run)) > 1 for run in with_loss[:2]):
        return {}
    found = _each(read, with_loss, in_threads=in_threads)
    return {run.info.run_id: points for run, points in zip(with_loss, found, strict=True)}


def _each(function: Callable[[Any], Any], runs: Sequence[Any], *, in_threads: bool) -> list[Any]:
    if not in_threads or len(runs) < 2:
        return [function(run) for run in runs]
    with ThreadPoolExecutor(_THREADS, "hyperbridge-mlflow-reading") as pool:
        return list(pool.map(function, runs))


def _status(run: Any) -> str:
    return str(run.data.tags.get("trial_status") or _STATUS.get(run.info.status, "failure"))


def _returned(run: Any) -> bool:
    """Tell whether a failed trial has returned a result, whose status was not ``ok``."""
    return "hyperbridge.result_status" in run.data.tags


class _Losses:
    """The losses that a run has.

    Attributes:
        final: The last one; None without any.
        reports: All of them by step, the last one among them.
    """

    def __init__(self, run: Any, metric: str, sign: float, points: list[Any] | None) -> None:
        known = run.data.metrics.get(metric)
        self.reports = [[point.step, sign * _unlimited(point.value)] for point in points or ()]
        self.final: float | None = None if known is None else sign * _unlimited(known)
        if self.reports:
            self.final = self.reports[-1][1]


def _end(document: Document, run: Any, losses: _Losses, traceback: str | None) -> None:
    """Write into a document how its trial has ended."""
    status = _status(run)
    is_success = status == "success" and losses.final is not None
    reports = losses.reports[:-1] if is_success else losses.reports
    if reports:
        document["misc"]["reports"] = reports
    document["state"] = base.JOB_STATE_DONE
    if status == "pruned":
        document["result"] = pruned_result(dict(map(tuple, reports)))
    elif is_success:
        document["result"] = {"status": base.STATUS_OK, "loss": losses.final}
    elif status == "cancelled":
        document["state"] = base.JOB_STATE_CANCEL
    elif status == "success" or _returned(run):
        text = run.data.tags.get("hyperbridge.result_status", base.STATUS_FAIL)
        document["result"] = {"status": text}
    else:
        document["state"] = base.JOB_STATE_ERROR
        document["misc"]["error"] = error_of(traceback, "the MLflow run failed")
        if traceback is not None:
            document["misc"]["traceback"] = traceback


def _unlimited(value: float) -> float:
    """Return an infinity for the largest float, which MLflow's stores have in its place."""
    return math.copysign(math.inf, value) if abs(value) == sys.float_info.max else value


def _traceback(client: Any, run: Any) -> str | None:
    with tempfile.TemporaryDirectory() as folder:
        try:
            path = client.download_artifacts(run.info.run_id, _TRACEBACK, folder)
            return Path(path).read_text(encoding="utf-8", errors="replace")
        except Exception as exc:  # noqa: BLE001 - any store of artifacts may raise anything
            logger.debug("run %s has no traceback: %s", run.info.run_id, exc)
            return None


def _time(milliseconds: int | None) -> datetime | None:
    if milliseconds is None:
        return None
    return datetime.fromtimestamp(milliseconds / 1000, timezone.utc).replace(tzinfo=None)


def _remark_on(history: History, tracebacks: dict[str, str | None]) -> None:
    n = sum(text is None for text in tracebacks.values())
    if n:
        history.remark(f"{n} failed trials have no {_TRACEBACK}, so why they failed is not known")
    if history.documents:
        history.remark("artifacts and further tags of the runs stay in MLflow")
