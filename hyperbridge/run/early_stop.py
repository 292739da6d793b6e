"""hyperopt's early_stop_fn, called on what it expects also when several trials run at once."""

from __future__ import annotations

from typing import Any

from hyperopt.base import JOB_STATE_DONE, STATUS_OK

from hyperbridge.documents import Document, TrialEnd
from hyperbridge.errors import InvalidArgumentError
from hyperbridge.run.limits import EarlyStop


class EarlyStopCheck:
    """Keeps the state that an early stop function hands to its next call.

    Such functions look at ``trials.trials[-1]`` as the trial that has just ended
    (``no_progress_loss`` does). With several trials at once the last document of the Trials
    is one that still runs, so they get a view that holds the ended trials alone, in the order
    in which they ended.

    Args:
        function: ``(trials, *args) -> (stop, args)``.
        trials: The Trials object of the FminRun.
        ok_only: True to call it, on the view, after each trial with status ``ok``, as
            SparkTrials does; False to call it after every batch on the Trials themselves,
            as hyperopt's serial loop does.
    """

    def __init__(self, function: EarlyStop, trials: Any, *, ok_only: bool) -> None:
        self._function = function
        self._trials = trials
        self._ok_only = ok_only
        self._args: Any = []
        self._ended: list[Document] = []
        self._reads_loss = _is_no_progress_loss(function)
        if ok_only:
            self._ended = [d for d in trials.trials if d["state"] == JOB_STATE_DONE]

    def __call__(self, end: TrialEnd) -> bool:
        """Return whether to stop, after the trial ``end``.

        Raises:
            InvalidArgumentError: The function did not return a pair.
        """
        trials = self._trials
        if self._ok_only:
            if end.result is None:
                return False
            self._ended.append(end.trial.document)
            if end.result["status"] != STATUS_OK:
                return False
        elif self._reads_loss and not _last_has_loss(trials):
            return False
        if self._ok_only:
            trials = object.__new__(type(self._trials))
            trials.__dict__.update(self._trials.__dict__)
            trials._trials = self._ended
        answer = self._function(trials, *self._args)
        try:
            stop, self._args = answer
        except (TypeError, ValueError) as exc:
            raise InvalidArgumentError(
                f"early_stop_fn must return (stop, args), got {answer!r}"
            ) from exc
        return bool(stop)


def _is_no_progress_loss(function: Any) -> bool:
    """Tell whether a function is hyperopt's own rule, which cannot do without a loss."""
    return (
        getattr(function, "__module__", None) == "hyperopt.early_stop"
        and getattr(function, "__qualname__", "") == "no_progress_loss.<locals>.stop_fn"
    )


def _last_has_loss(trials: Any) -> bool:
    documents = trials.trials
    return len(documents) > 0 and documents[-1]["result"].get("loss") is not None
