"""What is logged about one trial: pure functions from a trial to params, tags and metrics."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from hyperbridge.documents import Failure, Report, Trial, TrialEnd, attempt_of
from hyperbridge.tracking.complaints import Complaints
from hyperbridge.tracking.names import (
    MAX_PARAM_LENGTH,
    MAX_TAG_LENGTH,
    as_number,
    legal_metric,
    legal_name,
    legal_text,
)
from hyperbridge.worker.frames import safe_text

ATTEMPT_TAG = "hyperbridge.attempt"
"""Which attempt at its trial a run is about, from the second one on: earlier ones were lost."""

STATUS_TAG = "trial_status"
"""How a trial ended."""

_STATUS_KEY = "status"
_LOSS_KEY = "loss"
_NO_METRICS = (_LOSS_KEY, _STATUS_KEY, "pruned")


@dataclass(frozen=True)
class Record:
    """The content of a finished trial's run.

    Attributes:
        params: The assignment by label.
        tags: ``trial_status`` and what else is known at the end.
        loss: None unless the trial has one.
        metrics: The other numbers of the result dict.
        reports: The losses that it reported, with step and time.
    """

    params: dict[str, str]
    tags: dict[str, str]
    loss: float | None
    metrics: dict[str, float]
    reports: list[Report]


class Legaliser:
    """Brings names and values into a legal form and notes each kind of change once.

    Args:
        complaints: Where changes are noted.
    """

    def __init__(self, complaints: Complaints) -> None:
        self._complaints = complaints

    def texts(self, values: dict[str, str], limit: int, *, tid: int) -> dict[str, str]:
        """Return params or tags with legal names and values of at most ``limit`` characters."""
        return {
            self._name(name, tid): self._text(name, value, limit, tid)
            for name, value in values.items()
        }

    def metric(self, name: str, value: float, *, tid: int) -> tuple[str, float]:
        """Return a metric with a legal name and value."""
        if not math.isfinite(value):
            self._complaints.note(
                "non-finite",
                f"Trial {tid}: {name} is {value}. MLflow stores NaN as it is, and the largest "
                "float for infinity. Further values like it are not reported.",
            )
        return self._name(name, tid), legal_metric(value)

    def note_fault(self, name: str, error: Exception) -> None:
        """Note that something of ``name`` cannot be logged."""
        self._complaints.note_fault(name, error)

    def _name(self, name: str, tid: int) -> str:
        legal = legal_name(name)
        if legal != name:
            self._complaints.note(
                "name",
                f"Trial {tid}: MLflow refuses the name {_shortened(name)!r}; it is logged as "
                f"{_shortened(legal)!r}, and other names like it in the same way.",
            )
        return legal

    def _text(self, name: str, value: str, limit: int, tid: int) -> str:
        legal = legal_text(value, limit)
        if legal != value:
            self._complaints.note(
                "long value",
                f"Trial {tid}: the value of {_shortened(name)!r} has {len(value)} characters; it "
                f"is cut to the {limit} that MLflow takes, and others like it too.",
            )
        return legal


def _shortened(text: str) -> str:
    return text if len(text) <= 80 else f"{text[:77]}..."


def starting_tags(
    trial: Trial, decode: Callable[[dict[str, Any]], dict[str, str]], legalise: Legaliser
) -> dict[str, str]:
    """Return the tags that describe a trial before it runs.

    The assignment is among them, as JSON: the params follow at the end only (see
    `ChildRuns`), and a run whose driver was killed should tell what it tried.
    """
    try:
        chosen = decode(trial.assignment)
    except Exception as exc:  # noqa: BLE001 - an index out of range, or a text that raises
        legalise.note_fault(f"trial {trial.tid}", exc)
        chosen = {}
    try:
        assignment = json.dumps(trial.assignment, default=safe_text)
    except (TypeError, ValueError):  # a key, or a value that holds itself
        assignment = safe_text(trial.assignment)
    decoded = {f"hyperbridge.value.{label}": text for label, text in chosen.items()}
    attempt = attempt_of(trial.document)
    return {
        "hyperbridge.tid": str(trial.tid),
        **({ATTEMPT_TAG: str(attempt)} if attempt > 1 else {}),
        "hyperbridge.params": legal_text(assignment, MAX_TAG_LENGTH),
        **legalise.texts(decoded, MAX_TAG_LENGTH, tid=trial.tid),
    }


def ending_record(end: TrialEnd, legalise: Legaliser) -> Record:
    """Return what is logged when a trial has ended."""
    tid = end.trial.tid
    tags: dict[str, str] = {STATUS_TAG: end.status}
    result = end.result or {}
    if result and result.get(_STATUS_KEY) != "ok" and end.status != "pruned":
        tags["hyperbridge.result_status"] = legal_text(
            safe_text(result.get(_STATUS_KEY)), MAX_TAG_LENGTH
        )
    metrics = {}
    for key, value in result.items():
        number = None if key in _NO_METRICS else as_number(value)
        if number is not None:
            name, number = legalise.metric(safe_text(key), number, tid=tid)
            metrics[name] = number
    loss = None if end.loss is None else legalise.metric(_LOSS_KEY, end.loss, tid=tid)[1]
    assignment = {
        safe_text(label): safe_text(value) for label, value in end.trial.assignment.items()
    }
    params = legalise.texts(assignment, MAX_PARAM_LENGTH, tid=tid)
    reports = [
        (step, legalise.metric(_LOSS_KEY, value, tid=tid)[1], at_ms)
        for step, value, at_ms in end.reports
    ]
    return Record(params, tags, loss, metrics, reports)


def traceback_text(failure: Failure) -> str:
    """Return the text of the artifact of a failed trial."""
    return failure.traceback or f"{failure.type_name}: {failure.message}\n"
