"""When a FminRun stops: its limits, checked once at birth, and the reasons it can stop for."""

from __future__ import annotations

import enum
import math
import numbers
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from hyperbridge.errors import ArgumentTypeError, InvalidArgumentError
from hyperbridge.worker.frames import safe_text

EarlyStop = Callable[..., tuple[bool, Any]]


class StopReason(enum.Enum):
    """Why no further trial is proposed. The values of three are those of hyperopt."""

    BUDGET = "all trials proposed"
    SEARCH_EXHAUSTED = "the algorithm has no more points"
    TIMEOUT = "fmin run timeout"
    LOSS_THRESHOLD = "loss threshold reached"
    EARLY_STOP = "early stopping condition"
    USER = "fmin run cancelled by user"
    ERROR = "an error"
    ENGINE = "the engine ended the search"

    @property
    def rule(self) -> str:
        """The rule as ``trials.stop_reason`` names it: fmin's argument where there is one."""
        return _RULES[self]

    @property
    def cancels_running(self) -> bool:
        """Whether trials that still run are cancelled; else they are waited for."""
        return self not in (StopReason.BUDGET, StopReason.SEARCH_EXHAUSTED)

    @property
    def is_cancellation(self) -> bool:
        """Whether hyperopt calls this end ``fmin_cancelled``; a loss that is reached is none."""
        return self in (StopReason.TIMEOUT, StopReason.EARLY_STOP, StopReason.USER)


_RULES = {
    StopReason.BUDGET: "max_evals",
    StopReason.SEARCH_EXHAUSTED: "search_exhausted",
    StopReason.TIMEOUT: "timeout",
    StopReason.LOSS_THRESHOLD: "loss_threshold",
    StopReason.EARLY_STOP: "early_stop_fn",
    StopReason.USER: "user",
    StopReason.ERROR: "error",
    StopReason.ENGINE: "engine",
}


def _is_number(value: Any) -> bool:
    """Tell whether a value is a real number; True and False are not meant as numbers."""
    if isinstance(value, bool):
        return False
    return isinstance(value, numbers.Real)


def _is_whole(value: Any) -> bool:
    """Tell whether a value is a whole number, of any type; infinities are not."""
    if isinstance(value, numbers.Integral):
        return _is_number(value)
    return _is_number(value) and math.isfinite(value) and int(value) == value


def _kind_of_error(count: Any) -> type[InvalidArgumentError]:
    """Return the error for what is no count: hyperopt raises TypeError unless it is whole."""
    return InvalidArgumentError if _is_whole(count) else ArgumentTypeError


def check_max_evals(max_evals: Any) -> int | None:
    """Return max_evals as an int, None for no limit.

    Raises:
        InvalidArgumentError: It is negative, not integral, or no number.
    """
    if max_evals is None or (_is_number(max_evals) and max_evals == math.inf):
        return None
    if not _is_whole(max_evals) or max_evals < 0:
        raise _kind_of_error(max_evals)(
            f"max_evals must be a whole number of at least 0, or None, got {max_evals!r}"
        )
    return int(max_evals)


def check_timeout(timeout: Any) -> float | None:
    """Return timeout, a positive number of seconds, or None.

    Raises:
        InvalidArgumentError: It is anything else.
    """
    if timeout is None:
        return None
    if not _is_number(timeout) or not timeout > 0:
        raise InvalidArgumentError(
            "The timeout argument should be None or a positive value. "  # hyperopt's sentence
            f"Given value: {safe_text(timeout)}"
        )
    return timeout  # type: ignore[no-any-return]  # kept as given: MLflow shows it


def check_loss_threshold(loss_threshold: Any) -> float | None:
    """Return loss_threshold, a number, or None.

    Raises:
        InvalidArgumentError: It is anything else.
    """
    if loss_threshold is None:
        return None
    if not _is_number(loss_threshold) or math.isnan(loss_threshold):
        raise InvalidArgumentError(
            "The loss_threshold argument should be None or a numeric value. "  # as above
            f"Given value: {safe_text(loss_threshold)}"
        )
    return loss_threshold  # type: ignore[no-any-return]  # any real number compares


def check_max_queue_len(max_queue_len: Any) -> int:
    """Return max_queue_len, a whole number of at least 1.

    Raises:
        InvalidArgumentError: It is anything else.
    """
    if not _is_whole(max_queue_len) or max_queue_len < 1:
        raise _kind_of_error(max_queue_len)(
            f"max_queue_len must be a whole number of at least 1, got {max_queue_len!r}"
        )
    return int(max_queue_len)


@dataclass(frozen=True, slots=True)
class Limits:
    """The limits of one FminRun; each value has passed its check.

    Attributes:
        max_evals: Trials in the Trials object at the end; None for no limit.
        timeout: Seconds from the start of the FminRun; None for no limit.
        loss_threshold: Stop once the best loss is below it; None for none.
        early_stop: hyperopt's early_stop_fn; None for none.
        max_queue_len: How many points are proposed at a time.
        trial_timeout: Seconds that one trial may take; None for no limit.
    """

    max_evals: int | None = None
    timeout: float | None = None
    loss_threshold: float | None = None
    early_stop: EarlyStop | None = None
    max_queue_len: int = 1
    trial_timeout: float | None = None
