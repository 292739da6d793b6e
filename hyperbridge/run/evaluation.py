"""Run one trial in this process, for backends whose trials share it."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import replace
from typing import Any

from hyperbridge.documents import Outcome, Trial
from hyperbridge.run.objective import Objective
from hyperbridge.run.recording import failure_of
from hyperbridge.run.run import FminRun
from hyperbridge.worker.frames import format_users_part
from hyperbridge.worker.prints import Caught, take_log
from hyperbridge.worker.pruned import is_pruned
from hyperbridge.worker.reporting import take_account
from hyperbridge.worker.trial_contexts import TrialContexts


def evaluate(run: FminRun, objective: Objective, trial: Trial, trials: Any) -> Outcome:
    """Begin a trial and run it on this thread; return its outcome, reports and prints in it.

    After an exception `hyperbridge.worker.prints.take_log` has what it has printed.

    Args:
        run: The call of fmin.
        objective: What the trial evaluates.
        trial: One that ``run.ask`` gave.
        trials: The Trials object, for objectives that use ``ctrl``.

    Raises:
        BaseException: What the objective raised that is not an Exception (KeyboardInterrupt,
            SystemExit): as in hyperopt, that ends the search.
    """
    tokens = run.begin(trial)
    caught = Caught(owns_threads=run.capacity == 1) if run.keeps_logs else nullcontext()
    try:
        with caught, TrialContexts(run.attachments(), tokens, shared_process=True):
            outcome = _evaluate(objective, trial, trials)
    finally:
        reports, notes = take_account()
    log = take_log()
    if not reports and not log:
        return outcome
    return replace(outcome, reports=reports, notes=notes, log=log)


def _evaluate(objective: Objective, trial: Trial, trials: Any) -> Outcome:
    try:
        value = objective.evaluate(trial.assignment, trial.document, trials)
    except Exception as exc:  # noqa: BLE001 - a trial's failure is data
        if is_pruned(type(exc)):
            return Outcome("pruned")
        return Outcome("raised", failure=failure_of(exc, format_users_part(exc)))
    return Outcome("returned", value=value)
