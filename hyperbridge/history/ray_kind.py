"""Ray Tune's form: the folder of an experiment."""

from __future__ import annotations

import numbers
from collections.abc import Sequence
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, ClassVar, Literal

from hyperopt import base

from hyperbridge.documents import Document, misc_of, new_document
from hyperbridge.errors import InvalidArgumentError
from hyperbridge.history.history import History
from hyperbridge.history.kinds import Kind, Options
from hyperbridge.history.ray_folder import (
    TuneFolder,
    TuneTrial,
    is_experiment,
    metric_in,
    read_folder,
    records_in,
)
from hyperbridge.history.tracebacks import error_of
from hyperbridge.history.values import raw_values
from hyperbridge.worker.metrics import TUNES_OWN

_LOSS = "loss"
_ENDED = ("TERMINATED", "ERROR")


class RayKind(Kind):
    """The folder of an experiment, made by fmin or by a Tuner; a ``ResultGrid``."""

    name: ClassVar[str] = "ray"
    help: ClassVar[str] = "the folder of a Ray Tune experiment (its loss: --metric, --mode)"
    example: ClassVar[str] = "~/ray_results/NAME/"
    reads: ClassVar[bool] = True
    heeds: ClassVar[tuple[str, ...]] = ("metric", "mode")

    @classmethod
    def recognises(cls, text: str) -> bool:
        """Tell whether a path is the folder of an experiment."""
        return is_experiment(text)

    @classmethod
    def is_target(cls, text: str) -> bool:
        """Tell whether a path is a folder: only experiments are ones, and they are not written."""
        return text.endswith("/") or is_experiment(text)

    @classmethod
    def takes(cls, value: Any) -> bool:
        """Tell whether an object is what ``Tuner.fit`` returns."""
        names = {(each.__module__, each.__name__) for each in type(value).__mro__}
        return ("ray.tune.result_grid", "ResultGrid") in names

    def read(self, source: Any, options: Options) -> History:
        """Return the trials of an experiment that have ended."""
        mode = options.mode
        path = source if isinstance(source, str) else str(source.experiment_path)
        if not is_experiment(path):
            raise InvalidArgumentError(
                f"{path!r} is no folder here with the state of a Ray Tune experiment"
            )
        folder = read_folder(Path(path), allow_pickle=options.allow_pickle)
        if folder.is_ours and options.allow_pickle:
            return _of_records(path)
        if folder.is_ours and not folder.trials:
            raise InvalidArgumentError(
                f"{path!r} has no files of Tune's yet. The documents that fmin has kept there are "
                "pickles, and loading a pickle runs whatever code is in it. If you trust where "
                "they come from, say so with --allow-pickle"
            )
        if not isinstance(source, str) and not folder.is_ours and mode is None:
            mode = _mode_of(source, options.metric or folder.metric)
        return _of_results(path, folder, options, mode)


def _of_records(path: str) -> History:
    """Return the documents that fmin has kept in the folder."""
    history = History([], {}, path)
    n_open = 0
    for tid, _, document, attachments in records_in(Path(path)):
        if document["state"] in (base.JOB_STATE_NEW, base.JOB_STATE_RUNNING):
            n_open += 1
            continue
        history.documents.append(document)
        for name, content in attachments.items():
            history.attachments[f"ATTACH::{tid}::{name}"] = content
    if n_open:
        history.remark(f"{n_open} trials have not ended, and are left out")
    return history


def _of_results(path: str, folder: TuneFolder, options: Options, mode: str | None) -> History:
    """Return the trials as Tune's own files have them."""
    history = History([], {}, path, space=options.space)
    metric, sign = _loss_of(path, folder, options, mode)
    ended = [trial for trial in folder.trials if trial.status in _ENDED]
    if len(ended) < len(folder.trials):
        n = len(folder.trials) - len(ended)
        history.remark(f"{n} of {len(folder.trials)} trials have not ended, and are left out")
    raw = raw_values([trial.chosen for trial in ended], options.space, indices=folder.is_ours)
    history.options.update(raw.options)
    for line in (*raw.remarks, *_remarks(folder, ended, sign)):
        history.remark(line)
    labels = dict.fromkeys(options.space.parameters if options.space is not None else ())
    for assignment in raw.assignments:
        labels.update(dict.fromkeys(assignment))
    tids = _tids(ended)
    for trial, tid, assignment, others in zip(
        ended, tids, raw.assignments, raw.others, strict=True
    ):
        document = new_document(tid, misc_of(tid, assignment, labels), None)
        document["book_time"], document["refresh_time"] = _time(trial.started), _time(trial.ended)
        _end(document, trial, metric, sign, is_ours=folder.is_ours)
        for name, value in others.items():
            document["result"].setdefault(name, value)
        history.documents.append(document)
    history.documents.sort(key=lambda document: document["tid"])
    return history


def _loss_of(
    path: str, folder: TuneFolder, options: Options, mode: str | None
) -> tuple[str, float]:
    """Return the name of the metric that is the loss, and by what it is multiplied.

    Raises:
        InvalidArgumentError: It is not known which, or whether it is to be minimised.
    """
    if folder.is_ours:
        return options.metric or _LOSS, -1.0 if mode == "max" else 1.0
    metric = options.metric or folder.metric
    known = sorted({
        name
        for trial in folder.trials
        for name, value in (trial.results[-1] if trial.results else {}).items()
        if _is_number(value) and name not in TUNES_OWN
    })  # fmt: skip
    if metric is None:
        raise InvalidArgumentError(
            f"{path!r} does not say which metric is the loss. Say so with --metric: it has "
            f"{', '.join(map(repr, known)) or 'none'}"
        )
    if mode is None:
        raise InvalidArgumentError(
            f"{path!r} does not say whether {metric!r} was minimised or maximised. Say so with "
            "--mode min or --mode max"
        )
    has_metric = any(
        metric_in(result, metric) is not None for trial in folder.trials for result in trial.results
    )
    if not has_metric:
        raise InvalidArgumentError(
            f"{path!r} has no metric {metric!r}. It has {', '.join(map(repr, known)) or 'none'}"
        )
    return metric, -1.0 if mode == "max" else 1.0


def _mode_of(grid: Any, metric: str | None) -> Literal["min", "max"] | None:
    """Return how a ResultGrid's own metric is meant, from which result it takes for the best."""
    try:
        best = metric_in(grid.get_best_result().metrics, metric or "")
    except (RuntimeError, ValueError):  # it was given none
        return None
    values = [metric_in(result.metrics or {}, metric or "") for result in grid]
    others = [value for value in values if _is_number(value) and value == value]
    return "min" if others and best == min(others) else "max"


def _end(document: Document, trial: TuneTrial, metric: str, sign: float, *, is_ours: bool) -> None:
    """Write into a document how its trial has ended."""
    misc = document["misc"]
    lines = [line for line in trial.results if _is_number(metric_in(line, metric))]
    last = trial.results[-1] if trial.results else {}
    value = metric_in(last, metric)
    extras = {
        name: entry
        for name, entry in last.items()
        if name not in TUNES_OWN and name not in (metric, "tid", "step")
    }
    step = "step" if is_ours else "training_iteration"
    if is_ours:  # the last line is the result of the trial, and no report
        lines = [line for line in lines if "tid" not in line]
    if len(lines) > 1 or (lines and is_ours):
        misc["reports"] = [
            [int(line.get(step, n)), sign * metric_in(line, metric)] for n, line in enumerate(lines)
        ]
    document["state"] = base.JOB_STATE_DONE
    if trial.status == "ERROR":
        document["state"] = base.JOB_STATE_ERROR
        text = trial.error()
        misc["error"] = error_of(text, "the Ray Tune trial failed")
        if text is not None:
            misc["traceback"] = text
    elif extras.get("status", base.STATUS_OK) == base.STATUS_OK and _is_number(value):
        document["result"] = {**extras, "status": base.STATUS_OK, _LOSS: sign * value}
    else:
        document["result"] = {"status": base.STATUS_FAIL, **extras}


def _tids(trials: Sequence[TuneTrial]) -> list[int]:
    """Return the ids of trials: those that fmin gave them, else their places in the order."""
    given = [trial.results[-1].get("tid") if trial.results else None for trial in trials]
    tids = [tid for tid in given if isinstance(tid, int)]
    if len(set(tids)) == len(given):
        return tids
    return list(range(len(trials)))


def _remarks(folder: TuneFolder, ended: Sequence[TuneTrial], sign: float) -> list[str]:
    lines = []
    if folder.is_ours:
        lines.append(
            "read from Tune's own files; --allow-pickle reads the documents that fmin has kept "
            "there, with all that the objective returned"
        )
    if sign < 0:
        lines.append("the experiment maximises: each loss is the negative of its metric")
    fixed = list(dict.fromkeys(name for trial in ended for name in trial.fixed))
    if fixed:
        shown = ", ".join(map(repr, fixed))
        lines.append(f"entries of the config that no search chose ({shown}) are left out")
    if folder.cut:
        lines.append(f"{folder.cut} result.json end in the middle of a line, which is left out")
    n_results = {len(trial.results) for trial in ended if trial.status == "TERMINATED"}
    if not folder.is_ours and len(n_results) > 1:
        lines.append(
            "Tune does not say which trials its scheduler has stopped: each has its last loss"
        )
    return lines


def _is_number(value: Any) -> bool:
    return isinstance(value, numbers.Real) and not isinstance(value, bool)


def _time(seconds: float | None) -> datetime | None:
    if seconds is None:
        return None
    return datetime.fromtimestamp(seconds, timezone.utc).replace(tzinfo=None)
