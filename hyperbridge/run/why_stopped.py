"""Say why a search ended: in the log, and on the Trials object, for programs and for people."""

from __future__ import annotations

import contextlib
import logging
from typing import Any

from hyperbridge.run.limits import StopReason

_hyperopts = logging.getLogger("hyperopt.fmin")
_hyperopts_for_spark = logging.getLogger("hyperopt-spark")

_LEVELS = {
    StopReason.TIMEOUT: logging.WARNING,
    StopReason.LOSS_THRESHOLD: logging.WARNING,
    StopReason.EARLY_STOP: logging.WARNING,
    StopReason.USER: logging.DEBUG,  # the KeyboardInterrupt says it louder
}


def log_stop(reason: StopReason, *, spark_trials: bool) -> None:
    """Log hyperopt's sentence about a search that is cancelled; nothing for any other end.

    Args:
        reason: Why the search ends.
        spark_trials: Whether it has SparkTrials, for which hyperopt has a logger of its own.
    """
    if reason in _LEVELS:
        told = _hyperopts_for_spark if spark_trials else _hyperopts
        told.log(_LEVELS[reason], "fmin cancelled because of %s", reason.value)


def note_stop(trials: Any, reason: StopReason | None) -> None:
    """Write on a Trials object why its search ended.

    ``stop_reason`` is the rule, a plain string, so that a pickle of hyperopt's own Trials still
    loads where hyperbridge is not installed. ``fmin_cancelled`` and ``fmin_cancelled_reason`` are
    those of hyperopt's SparkTrials. ``_fmin_cancelled``, which hyperopt's loop looks at before it
    proposes a trial, is written only where it is: it would keep other Trials from going on there.

    Args:
        trials: A Trials object of any class. What its class has under these names stays.
        reason: Why the search ended; None when it has not.
    """
    is_cancelled = reason is not None and reason.is_cancellation
    text = reason.value if reason is not None and is_cancelled else None
    if hasattr(trials, "_fmin_cancelled"):
        trials._fmin_cancelled = is_cancelled
        trials._fmin_cancelled_reason = text
    noted = {
        "stop_reason": None if reason is None else reason.rule,
        "fmin_cancelled": is_cancelled,
        "fmin_cancelled_reason": text,
    }
    for name, value in noted.items():
        if not callable(getattr(type(trials), name, None)):
            with contextlib.suppress(AttributeError):  # a property, as hyperopt's SparkTrials have
                setattr(trials, name, value)
