"""SparkTrials: hyperopt's class as a drop-in that touches Spark only when a run needs it."""

from __future__ import annotations

import logging
import numbers
from typing import Any

from hyperopt import base
from hyperopt.spark import (
    FMIN_CANCELLED_REASON_EARLY_STOPPING,
    FMIN_CANCELLED_REASON_TIMEOUT,
    FMIN_CANCELLED_REASON_USER,
)

from hyperbridge.errors import ArgumentTypeError
from hyperbridge.run.limits import check_loss_threshold, check_timeout
from hyperbridge.surface import originals
from hyperbridge.surface.trials import BridgedTrials

__all__ = [
    "FMIN_CANCELLED_REASON_EARLY_STOPPING",
    "FMIN_CANCELLED_REASON_TIMEOUT",
    "FMIN_CANCELLED_REASON_USER",
    "SparkTrials",
]

logger = logging.getLogger("hyperopt-spark")  # hyperopt's own, which shows its lines


class SparkTrials(BridgedTrials, originals.spark_trials):  # type: ignore[misc]  # no types
    """Trials whose evaluations run as Spark tasks.

    A failed trial does not end the search: its document is in state ``JOB_STATE_ERROR``, with
    the traceback. Unlike hyperopt's class this one honours ``points_to_evaluate``,
    ``trials_save_file``, ``catch_eval_exceptions``, ``pass_expr_memo_ctrl`` and attachments, and
    it can be pickled. On another backend than Spark its arguments mean the same.

    Args:
        parallelism: Trials at once. None or a value below 1 means all task slots of the
            cluster; a larger value than it can ever have is reduced; the most is 128.
        timeout: Seconds that fmin may take; None for no limit. It outranks fmin's.
        loss_threshold: Stop once the best loss is below it; None for none.
        spark_session: The SparkSession to use; None for the active one, or a new one, when a
            run needs it.
        resource_profile: A ``pyspark.resource.ResourceProfile`` for the trials' tasks.

    Raises:
        InvalidArgumentError: ``parallelism``, ``timeout`` or ``loss_threshold`` has no such value.

    Examples:
        >>> SparkTrials(parallelism=4).count_total_trials()
        0
    """

    fmin_cancelled: bool = False

    def __init__(
        self,
        parallelism: int | None = None,
        timeout: float | None = None,
        loss_threshold: float | None = None,
        spark_session: Any = None,
        resource_profile: Any = None,
    ) -> None:
        base.Trials.__init__(self, exp_key=None, refresh=True)
        self.timeout = check_timeout(timeout)
        self.loss_threshold = check_loss_threshold(loss_threshold)
        if parallelism is not None:
            _check_parallelism(parallelism)
        self.user_specified_parallelism = parallelism
        self.spark_session = spark_session
        self.resource_profile = resource_profile
        self._parallelism: int | None = None
        # True on each kind of session that is taken; programs ask.
        self._spark_supports_job_cancelling = True
        self._spark_pinned_threads_enabled = True
        self._fmin_cancelled = False
        self._fmin_cancelled_reason: str | None = None

    @property
    def parallelism(self) -> int:
        """Trials at once: of the last run, else as the cluster allows (this starts Spark).

        On a cluster that grows and shrinks it is what the run has now, or had in the end.
        """
        if self._parallelism is None:
            from hyperbridge.backends.spark import slots_of
            from hyperbridge.backends.spark.slots import decide_parallelism

            slots = slots_of(self._spark, self.resource_profile)
            self._parallelism = decide_parallelism(self.user_specified_parallelism, slots)
        return self._parallelism

    @parallelism.setter
    def parallelism(self, value: int) -> None:
        self._parallelism = value

    @property
    def _spark(self) -> Any:
        if self.spark_session is None:
            from hyperbridge.backends.spark import active_session

            self.spark_session = active_session()
        return self.spark_session

    @property
    def _spark_context(self) -> Any:
        return self._spark.sparkContext

    def trial_attachments(self, trial: dict[str, Any]) -> Any:
        """Return a mapping of the trial's attachments, as plain Trials do."""
        return base.Trials.trial_attachments(self, trial)

    def view(self, exp_key: Any = None, refresh: bool = True) -> Any:
        """Return another object on the same documents."""
        view = object.__new__(type(self))
        view.__dict__.update(self.__dict__, _exp_key=exp_key)
        if refresh:
            view.refresh()
        return view

    def log_totals(self) -> None:
        """Log hyperopt's line of totals."""
        logger.info(
            "Total Trials: %d: %d succeeded, %d failed, %d cancelled.",
            self.count_total_trials(),
            self.count_successful_trials(),
            self.count_failed_trials(),
            self.count_cancelled_trials(),
        )

    def __getstate__(self) -> dict[str, Any]:
        state = super().__getstate__()
        state["spark_session"] = None  # neither outlives its driver
        state["resource_profile"] = None
        return state


def _check_parallelism(parallelism: Any) -> None:
    if not isinstance(parallelism, numbers.Integral):
        raise ArgumentTypeError(f"parallelism must be a whole number or None, got {parallelism!r}")
