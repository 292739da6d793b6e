"""One call of fmin, all arguments decided: put the parts together and run them."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from hyperopt import exceptions
from hyperopt.base import JOB_STATE_CANCEL, JOB_STATE_DONE

from hyperbridge.backends.base import Backend, OpenBackend
from hyperbridge.documents import Place, was_pruned
from hyperbridge.errors import HyperbridgeError
from hyperbridge.pruning import Rule
from hyperbridge.run.capacity import Capacity
from hyperbridge.run.keeping import Earlier, Keeper, Keepers, KeptCall, Stream
from hyperbridge.run.limits import Limits, StopReason
from hyperbridge.run.objective import Objective
from hyperbridge.run.observer import FminInfo, Observer
from hyperbridge.run.progress import Progress
from hyperbridge.run.pruning import Pruning
from hyperbridge.run.run import FminRun
from hyperbridge.run.shipping import RemoteTracebackError
from hyperbridge.run.trial_log import TrialLog
from hyperbridge.search.base import Search
from hyperbridge.search.known_points import KnownPoints
from hyperbridge.surface import originals
from hyperbridge.surface.reports import page_of
from hyperbridge.surface.spark_trials import SparkTrials
from hyperbridge.surface.trials import BridgedTrials
from hyperbridge.surface.watching import watcher
from hyperbridge.tracking import make_tracker, should_track
from hyperbridge.worker.frames import set_cause

logger = logging.getLogger(__name__)


class AllTrialsFailed(HyperbridgeError, exceptions.AllTrialsFailed):  # type: ignore[misc]  # noqa: N818 - hyperopt's name
    """No trial ended with a loss, so there is no argmin."""


@dataclass(frozen=True, slots=True)
class Call:
    """The decided arguments of one call of fmin.

    Attributes:
        objective: What the trials evaluate.
        search: Where the points come from.
        limits: When to stop.
        n_extra: Trials that come on top of ``max_evals``, see `insert_points`.
        trials: Where the trials are kept.
        backend: Where the trials run.
        opened: The backend, made ready.
        parallelism: As the user gave it; None for the backend's default.
        tracking: As the user gave it; None for the backend's default.
        pruner: What stops trials early.
        repeats: "run", "skip" or "reuse", see `hyperbridge.fmin`.
        tolerant: Whether the search goes on after a failed trial.
        progress: True, False or a progress factory.
        keepers: What keeps the trials on disk.
        stream: Returns where the search stands.
        first_stream: Where it stood when it began; None if unknown.
        earlier: What earlier calls have left on disk; None for nothing.
        return_argmin: Whether to return the assignment, else the point.
        report: Whether the page of the search is kept with its MLflow run.
    """

    objective: Objective
    search: Search
    limits: Limits
    n_extra: int
    trials: Any
    backend: Backend
    opened: OpenBackend
    parallelism: int | None
    tracking: bool | None
    pruner: Rule
    repeats: str
    tolerant: bool
    progress: Any
    keepers: Sequence[Keeper]
    stream: Callable[[], Stream | None]
    first_stream: Stream | None
    earlier: Earlier | None
    return_argmin: bool
    report: bool


def minimise(call: Call) -> Any:
    """Run a call of fmin and return what fmin returns."""
    track = should_track(call.tracking, remote=call.backend.tracked)
    if isinstance(call.trials, BridgedTrials):
        call.trials._space = call.objective.space
    best = _run(call, track=track)
    return best if best is None or call.return_argmin else call.objective.space.point(best)


def _run(call: Call, *, track: bool) -> dict[str, Any] | None:
    """Run the trials and return the best assignment; None when none is asked for or there."""
    is_spark = isinstance(call.trials, originals.spark_trials)
    log = TrialLog(call.trials)
    search, opened = call.search, call.opened
    observers: list[Observer] = [make_tracker()] if track else []
    if call.progress:
        n_done = sum(d["state"] == JOB_STATE_DONE for d in call.trials.trials)
        factory = None if call.progress is True else call.progress
        total = call.limits.max_evals
        if total is not None:
            total += call.n_extra
        observers.append(Progress(factory, initial=n_done, total=total, best_loss=log.best_loss))
    observers = watcher().observers(call, observers)
    keepers = Keepers(call.keepers, call.stream)
    run = FminRun(
        log=log,
        search=search,
        limits=call.limits,
        capacity=opened.parallelism + opened.in_line,
        in_line=opened.in_line,
        is_elastic=opened.is_elastic,
        tolerant=call.tolerant,
        spark_trials=is_spark,
        observers=observers,
        keepers=keepers,
        is_continued=call.earlier is not None and bool(call.earlier.documents),
        n_extra=call.n_extra,
        known=KnownPoints(call.objective.space, call.trials) if call.repeats == "reuse" else None,
        retries=opened.retries,
        pruning=Pruning(
            call.pruner,
            call.trials._dynamic_trials,
            to_tune=opened.reports_to_tune,
            host=opened.report_host,
        ),
    )
    info = FminInfo(
        backend=call.backend.name,
        max_evals=call.limits.max_evals,
        parallelism=call.parallelism,
        actual_parallelism=opened.parallelism,
        is_elastic=opened.is_elastic,
        timeout=call.limits.timeout,
        algo=search.name,
        max_queue_len=call.limits.max_queue_len,
        space_text=call.objective.text,
        decode=call.objective.space.decode,
        kept_in=_places(call),
        earlier=call.earlier and replace(call.earlier, documents=list(call.trials._dynamic_trials)),
        page=_page(call) if call.report else None,
        note=run.note_tracking,
    )

    def body() -> None:
        with opened.follow(resize):
            opened.execute(run)

    def resize(capacity: Capacity) -> None:
        run.resize(capacity)
        if is_spark:
            call.trials.parallelism = run.parallelism

    def answer() -> dict[str, Any] | None:
        return _best(call, run)

    if run.has_nothing_to_do():
        logger.warning(
            "max_evals=%s, and the Trials object holds %d trials already: nothing is left to be "
            "run. Give a larger max_evals, or a new Trials object, trials_save_file or journal.",
            call.limits.max_evals,
            len(call.trials.trials),
        )
    if call.keepers:
        keepers.began(_kept(call), call.trials)
    if not is_spark:
        return run.observe(info, body, answer)
    call.trials.parallelism = opened.parallelism
    try:
        return run.observe(info, body, answer)
    finally:
        if isinstance(call.trials, SparkTrials):
            call.trials.log_totals()


def _page(call: Call) -> Callable[[], str]:
    objective = call.objective
    return lambda: page_of(call.trials, objective.space, objective.fn, call.backend.name)


def _kept(call: Call) -> KeptCall:
    return KeptCall(
        space=call.objective.space_texts,
        objective=call.objective.identity,
        backend=call.backend.name,
        algo=call.search.name,
        max_evals=call.limits.max_evals,
        first_stream=call.first_stream,
        stream=call.stream(),
        tracking={} if call.earlier is None else call.earlier.tracking,
    )


def _places(call: Call) -> tuple[Place, ...]:
    """Return where the engine, the search, and what keeps the trials have them."""
    places = (call.opened.kept_in, call.search.kept_in, *(each.place for each in call.keepers))
    return tuple(dict.fromkeys(place for place in places if place is not None))


def _best(call: Call, run: FminRun) -> dict[str, Any] | None:
    trials = call.trials
    first_failure = run.first_failure
    if not call.return_argmin and not trials.trials:
        return None
    try:
        return trials.argmin  # type: ignore[no-any-return]  # hyperopt has no types
    except exceptions.AllTrialsFailed as exc:
        cause = exc if first_failure is None else first_failure.exception
        if cause is not None and isinstance(cause.__cause__, RemoteTracebackError):
            set_cause(cause, None)  # the message has that traceback already
        raise AllTrialsFailed(_why(trials, run)) from cause


def _why(trials: Any, run: FminRun) -> str:
    """Say why there is no argmin, with the first traceback where a trial raised."""
    counts = Counter(document["state"] for document in trials._dynamic_trials)
    n_ended = counts.total()
    n_cancelled = counts[JOB_STATE_CANCEL]
    parts = []
    if not trials.trials:  # hyperopt's sentence
        parts.append("There are no evaluation tasks, cannot return argmin of task losses.")
    if n_ended == 0:
        parts.append("No trial was evaluated.")
    elif n_cancelled == n_ended:
        parts.append(f"All {n_ended} trials were cancelled.")
    else:
        parts.append(
            f"None of the {n_ended} trials ended with status 'ok' and a loss that is a number."
        )
        if n_cancelled:
            parts.append(f"{n_cancelled} were cancelled.")
        n_pruned = sum(map(was_pruned, trials._dynamic_trials))
        if n_pruned:
            parts.append(f"{n_pruned} were pruned.")
    if run.stop_reason not in (None, StopReason.BUDGET):
        parts.append(f"The search was stopped: {run.stop_reason.value}.")
    if run.first_failure is not None:
        parts.append(f"The first failure:\n{run.first_failure.traceback}")
    return " ".join(parts)
