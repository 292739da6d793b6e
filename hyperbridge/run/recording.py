"""What becomes of a trial in its document: its result, or why it has none."""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import Any

from hyperopt.base import JOB_STATE_CANCEL, JOB_STATE_DONE, JOB_STATE_ERROR, STATUS_OK

from hyperbridge.documents import LOG, Document, Failure, Outcome, Trial, TrialEnd, pruned_result
from hyperbridge.errors import HyperbridgeError
from hyperbridge.run.keeping import Keepers
from hyperbridge.run.results import BrokenRuleError, to_result
from hyperbridge.run.trial_log import TrialLog
from hyperbridge.worker.frames import format_users_part, safe_text, type_text

logger = logging.getLogger(__name__)


def failure_of(exc: BaseException, traceback_text: str) -> Failure:
    """Describe an exception of this process as a Failure."""
    name = exc.recorded_as if isinstance(exc, BrokenRuleError) else type_text(exc)
    return Failure(name, safe_text(exc), traceback_text, exc)


class Recorder:
    """Writes outcomes into documents, by the rules of hyperopt.

    Args:
        log: The Trials object, wrapped.
        keepers: Keep the trials on disk; they may refuse a result.
        spark_trials: Whether errors are written the way SparkTrials does.

    Attributes:
        first_failure: Why the first trial failed that did.
    """

    def __init__(self, log: TrialLog, keepers: Keepers, *, spark_trials: bool) -> None:
        self.first_failure: Failure | None = None
        self._log = log
        self._keepers = keepers
        self._spark_trials = spark_trials

    def record(self, trial: Trial, outcome: Outcome) -> TrialEnd:
        """Give a trial's document its final state and return how it ended."""
        end = self._record(trial, outcome)
        if not outcome.log:
            return end
        self._log.attachments(trial.document)[LOG] = outcome.log
        return replace(end, attachments={**end.attachments, LOG: outcome.log})

    def _record(self, trial: Trial, outcome: Outcome) -> TrialEnd:
        failure = outcome.failure
        if outcome.kind == "pruned":
            trial.document["result"] = result = pruned_result(
                {step: loss for step, loss, _ in outcome.reports}
            )
            self._log.finish(trial.document, JOB_STATE_DONE)
            return TrialEnd(trial, "pruned", result=result)
        if outcome.kind == "returned":
            try:
                result, attached = self._keep_result(trial.document, outcome)
            except Exception as exc:  # noqa: BLE001 - what a user's object does fails its trial
                is_ours = isinstance(exc, HyperbridgeError)
                text = f"{type(exc).__name__}: {exc}\n" if is_ours else format_users_part(exc)
                failure = failure_of(exc, text)
            else:
                trial.document["result"] = result
                self._log.finish(trial.document, JOB_STATE_DONE)
                if result["status"] != STATUS_OK:
                    return TrialEnd(trial, "failure", result=result, attachments=attached)
                return TrialEnd(
                    trial, "success", loss=result["loss"], result=result, attachments=attached
                )
        if failure is None:
            raise ValueError(f"trial {trial.tid}: a {outcome.kind!r} outcome without a failure")
        if outcome.kind == "cancelled":
            return self._record_failure(trial, failure, JOB_STATE_CANCEL)
        return self._record_failure(trial, failure, JOB_STATE_ERROR)

    def _keep_result(
        self, document: Document, outcome: Outcome
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        """Return the result of an outcome and its attachments, once these are kept."""
        result, attached = to_result(outcome.value)
        attached = {**outcome.attachments, **attached}
        self._keepers.check(result, attached)
        if attached:
            store = self._log.attachments(document)
            for name, content in attached.items():
                store[name] = content
        return result, attached

    def _record_failure(self, trial: Trial, failure: Failure, state: int) -> TrialEnd:
        misc = trial.document["misc"]
        text = failure.traceback if self._spark_trials else failure.message
        misc["error"] = (failure.type_name, text)
        self._log.finish(trial.document, state)
        if state == JOB_STATE_CANCEL:
            return TrialEnd(trial, "cancelled", failure=failure)
        misc["traceback"] = failure.traceback
        logger.error("trial %s failed: %s", trial.tid, failure.message)
        logger.debug("trial %s failed:\n%s", trial.tid, failure.traceback)
        if self.first_failure is None:
            self.first_failure = failure
        return TrialEnd(trial, "failure", failure=failure)
