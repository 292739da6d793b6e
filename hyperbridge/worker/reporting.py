"""What an objective says while it runs: its losses so far; and hears: whether it should stop.

The functions find their trial in the process, where the runtime has put it, so that they are the
same for an objective in the driver's process and for one on a worker without this package.
"""

from __future__ import annotations

import contextvars
import logging
import os
import pickle
import sys
import threading
import types
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from hyperbridge.worker.open_trial import OpenTrial, Reports
from hyperbridge.worker.pruned import pruned
from hyperbridge.worker.report_channel import Address, ReportChannel
from hyperbridge.worker.tune_reports import TuneTrial
from hyperbridge.worker.verdict_kinds import make_verdict

_PLACE = "_hyperbridge_reports"


def report(loss: float, step: int | None = None, *, raises: bool = True) -> None:
    """Report the loss of the running trial so far, and stop the trial if it is hopeless.

    The reports of a trial are in its document (``misc["reports"]``) and, as the metric ``loss``
    with their steps, in its MLflow run. Whether a trial is stopped is decided by fmin's
    ``pruner``; without one no trial is. Outside of a search nothing happens. A second report of
    the same step is ignored, with a warning.

    Args:
        loss: A number; lower is better. NaN is one that pruners take for poor.
        step: How far the trial is, a whole number of at least 0, such as the epoch or the number
            of trees; None for one more than the last.
        raises: False only records the loss; `should_prune` tells then what to do.

    Raises:
        TrialPruned: The pruner says that the trial should stop. Let it pass.
        TypeError, ValueError: ``loss`` is not a number, or ``step`` not a whole one of at least 0.

    Examples:
        >>> import hyperbridge
        >>> hyperbridge.report(0.3, step=1)  # outside of a search
    """
    trial = _current()
    if trial is None:
        return
    trial.report(loss, step)
    if raises and trial.should_prune():
        raise pruned(f"the trial was pruned at step {trial.last_step()}")


def should_prune() -> bool:
    """Tell whether the running trial should stop, after its last report.

    For an objective that cleans up first: report with ``raises=False``, ask, and end with
    ``raise hyperbridge.TrialPruned()``.

    Returns:
        False outside of a search, before the first report, and without a pruner.

    Examples:
        >>> import hyperbridge
        >>> hyperbridge.should_prune()
        False
    """
    trial = _current()
    return trial is not None and trial.should_prune()


def is_in_trial() -> bool:
    """Tell whether the calling thread works for a trial."""
    return _place().current.get() is not None


def _place() -> Any:
    """Return what this process knows of its running trials, whichever copy of this code asks."""
    module: Any = sys.modules.get(_PLACE)
    if module is None:
        module = types.ModuleType(_PLACE, "The trials that run in this process.")
        module.current = contextvars.ContextVar("hyperbridge_trial", default=None)
        module.open = []
        module.lock = threading.Lock()
        module.accounts = {}
        module.warned = set()
        module.unreachable = set()
        module.live = {}
        module = sys.modules.setdefault(_PLACE, module)
    return module


def _current() -> Any:
    """Return the trial that the calling thread works for, None when there is none.

    A process that an objective has forked works for none: what it says never comes to its parent.
    """
    place = _place()
    opened = place.current.get()
    if opened is None and len(place.open) == 1:  # in a thread that the objective has started
        opened = place.open[0]
    if opened is not None:
        return opened.trial() if opened.pid == os.getpid() else None
    if any(each.pid == os.getpid() for each in list(place.open)):
        _warn_once(
            "a report from a thread that an objective has started is not counted: several trials "
            "run in this process"
        )
    return None


def _warn_once(message: str) -> None:
    place = _place()
    if message not in place.warned:
        place.warned.add(message)
        logging.getLogger("hyperbridge").warning(message)


class ReportAttachment:
    """Surrounds each objective of one fmin call; see `hyperbridge.run.observer.TrialAttachment`.

    Args:
        kind: Which verdict, see `make_verdict`; ``tune`` hands each report to Ray Tune, whose
            scheduler decides.
        settings: The verdict's.
        key: Names the fmin call, for trials in the driver's own process.
        address: Where the driver listens, for trials in other processes; None when it does not.
    """

    def __init__(
        self, kind: str, settings: dict[str, Any], key: str, address: Address | None
    ) -> None:
        self.kind = kind
        self.settings = settings
        self.key = key
        self.address = address

    def __call__(self, token: bytes, *, shared_process: bool) -> Any:  # noqa: ARG002
        """Return a context manager that makes the trial the one that `report` finds."""
        return _Opened(self, token)

    def open_trial(self, token: bytes) -> OpenTrial:
        """Return the trial, at its first report."""
        attempt, known = pickle.loads(token)
        if self.kind == "tune":
            return TuneTrial(make_verdict("never", {}), None)
        here = _place().live.get(self.key)
        live = None if here is None else here(attempt)
        if live is None and self.address is not None:
            live = ReportChannel(self.address, attempt, _place().unreachable)
        return OpenTrial(make_verdict(self.kind, self.settings), known, live)


class _Opened:
    """Stands for a running trial; not a generator, see `hyperbridge.worker.trial_contexts`."""

    def __init__(self, attachment: ReportAttachment, token: bytes) -> None:
        self._attachment = attachment
        self._token = token
        self.pid = os.getpid()
        self._trial: OpenTrial | None = None  # most objectives never report
        self._before: Any = None

    def trial(self) -> OpenTrial:
        """Return the trial."""
        if self._trial is None:
            with _place().lock:  # threads of the objective's may report first at the same time
                if self._trial is None:
                    self._trial = self._attachment.open_trial(self._token)
        return self._trial

    def __enter__(self) -> None:
        place = _place()
        self._before = place.current.set(self)
        place.open.append(self)

    def __exit__(self, *exc: object) -> None:
        place = _place()
        place.open.remove(self)
        place.current.reset(self._before)
        if self._trial is not None:
            place.accounts[threading.get_ident()] = self._trial.account()
            self._trial.close()


def take_account() -> tuple[Reports, list[float]]:
    """Return what the trial that has just ended on this thread has reported, and forget it."""
    account: tuple[Reports, list[float]] = _place().accounts.pop(threading.get_ident(), ([], []))
    return account


@contextmanager
def live_for(key: str, live: Any) -> Iterator[None]:
    """Let trials of an fmin call that run in this process see what the driver knows.

    Args:
        key: Names the call.
        live: Maps the number of an attempt to an object with ``known_after(losses, notes)`` and
            ``close()``.
    """
    _place().live[key] = live
    try:
        yield
    finally:
        _place().live.pop(key, None)


def let_checkpoints_report(ctrl: Any) -> Any:
    """Let ``ctrl.checkpoint(result)`` count as a report of the result's loss; return ``ctrl``."""
    checkpoint = ctrl.checkpoint

    def reporting(r: Any = None) -> Any:
        answer = checkpoint(r)
        loss = r.get("loss") if hasattr(r, "get") else None
        if loss is not None:
            report(loss)
        return answer

    ctrl.checkpoint = reporting
    return ctrl
