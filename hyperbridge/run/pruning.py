"""The pruner of a call of fmin: it hears of all trials, and briefs each one that starts."""

from __future__ import annotations

import functools
import itertools
import pickle
import threading
import time
import uuid
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from hyperopt.base import JOB_STATE_DONE, JOB_STATE_ERROR

from hyperbridge.documents import (
    Document,
    Outcome,
    Report,
    Trial,
    assignment_of,
    loss_of,
    reports_of,
    was_pruned,
)
from hyperbridge.pruning import Ended, Rule
from hyperbridge.pruning.rules import EndState
from hyperbridge.run.observer import TrialAttachment
from hyperbridge.run.report_server import listening
from hyperbridge.worker.report_channel import Address
from hyperbridge.worker.reporting import ReportAttachment, live_for

_NOTHING_KNOWN = pickle.dumps((None, None))


class Pruning:
    """What the trials of one call of fmin report, and which of them are stopped.

    Args:
        rule: The pruner.
        documents: Of earlier trials; those that have reported count.
        to_tune: Whether reports go to Ray Tune instead, whose scheduler decides.
        host: By which workers reach this process; None when they cannot.

    Attributes:
        on_report: Called with each report of a running trial that comes here, on any thread.
    """

    def __init__(
        self,
        rule: Rule,
        documents: Iterable[Document] = (),
        *,
        to_tune: bool = False,
        host: str | None = None,
    ) -> None:
        self.on_report: Callable[[Trial, Report], None] = lambda *_: None
        self._rule = rule
        self._kind = "tune" if to_tune else rule.kind
        self._key = uuid.uuid4().hex
        self._lock = threading.Lock()
        self._attempts = itertools.count()  # one number for each start of a trial
        self._attempt_of: dict[int, int] = {}  # of each running trial, by its document's id()
        self._running: dict[int, Trial] = {}  # by attempt, as the next one too
        self._received: dict[int, list[Report]] = {}
        self._host = host if rule.compares and not to_tune else None
        self._address: Address | None = None
        for document in documents if self.is_on else ():
            if document["state"] in (JOB_STATE_DONE, JOB_STATE_ERROR):
                self._rule.ended(_ended(document, reports_of(document), None))

    @property
    def is_on(self) -> bool:
        """Whether trials may be stopped."""
        return self._kind != "never"

    @functools.cached_property
    def attachment(self) -> TrialAttachment:
        """What surrounds each objective; asked for while trials are `reachable`."""
        return ReportAttachment(self._kind, self._rule.settings, self._key, self._address)

    def token(self, trial: Trial) -> bytes:
        """Return what the attachment gets for a trial that starts now."""
        if not self.is_on:
            return _NOTHING_KNOWN
        with self._lock:
            if self._forget(trial)[0] is not None:  # it was lost, and is tried again
                self._rule.restarted(trial.tid)
            attempt = self._attempt_of[id(trial.document)] = next(self._attempts)
            self._running[attempt] = trial
            known = self._rule.known(trial.tid, trial.assignment)
        return pickle.dumps((attempt, known))

    def _forget(self, trial: Trial) -> tuple[int | None, list[Report]]:
        """Let nobody speak for a trial's attempt any more; return it, and what came of it."""
        attempt = self._attempt_of.pop(id(trial.document), None)
        if attempt is None:
            return None, []
        self._running.pop(attempt, None)
        return attempt, self._received.pop(attempt, [])

    @contextmanager
    def reachable(self) -> Iterator[None]:
        """Let trials, in this process and in others, hear what becomes known while they run."""
        with ExitStack() as stack:
            if self._rule.compares:
                live = live_for(self._key, lambda attempt: _Live(self, self._running[attempt]))
                stack.enter_context(live)
            if self._host is not None:
                self._address = stack.enter_context(listening(self._host, self._hear))
            yield

    def ended(self, trial: Trial, outcome: Outcome) -> list[Report]:
        """Keep the reports of a trial whose document is final, and let the pruner know.

        Returns:
            The reports: of a trial that did not live to bring them, those that came by the channel.
        """
        if not self.is_on and not outcome.reports:
            return []
        with self._lock:
            _, received = self._forget(trial)
            reports = outcome.reports or received
            losses = {step: loss for step, loss, _ in reports}
            if losses:
                trial.document["misc"]["reports"] = [[step, loss] for step, loss in losses.items()]
            self._rule.ended(_ended(trial.document, losses, outcome.notes))
        return reports

    def _hear(self, attempt: int, new: list[tuple[int, float]], notes: list[float]) -> Any:
        """Take what a trial in another process has reported."""
        now_ms = int(time.time() * 1000)
        with self._lock:
            trial = self._running.get(attempt)
            if trial is None:  # it has ended
                return None
            reports = [(int(step), float(loss), now_ms) for step, loss in new]
            self._received.setdefault(attempt, []).extend(reports)
        for report in reports:
            self.on_report(trial, report)
        return self.known_after(trial, notes)

    def known_after(self, trial: Trial, notes: list[float]) -> Any:
        """Return what is known now, after a report of a running trial."""
        with self._lock:
            self._rule.progressed(trial.tid, notes)
            return self._rule.known(trial.tid, trial.assignment)


class _Live:
    """A running trial of this process, as `hyperbridge.worker.reporting.OpenTrial` knows it."""

    def __init__(self, pruning: Pruning, trial: Trial) -> None:
        self._pruning = pruning
        self._trial = trial
        self._n_heard = 0

    def known_after(self, losses: dict[int, float], notes: list[float]) -> Any:
        """Return what is known now, after a report."""
        now_ms = int(time.time() * 1000)
        n_new = len(losses) - self._n_heard
        for step, loss in reversed(list(itertools.islice(reversed(losses.items()), n_new))):
            self._pruning.on_report(self._trial, (step, loss, now_ms))
        self._n_heard = len(losses)
        return self._pruning.known_after(self._trial, notes)

    def close(self) -> None:
        """Do nothing."""


def _ended(document: Document, losses: dict[int, float], notes: list[float] | None) -> Ended:
    loss = loss_of(document)
    state: EndState = "complete"
    if loss is None:
        state = "pruned" if was_pruned(document) else "failed"
    try:
        assignment = assignment_of(document)
    except NotImplementedError:  # several values of a label, which no trial can have run with
        assignment = {}
    return Ended(document["tid"], state, losses, notes, loss, assignment)
