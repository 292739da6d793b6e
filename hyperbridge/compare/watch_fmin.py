"""See the calls of fmin of a program while it runs, in the child process."""

from __future__ import annotations

import functools
import os
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from hyperopt import exceptions

from hyperbridge.compare.layout import kind_of, layout_of, reached_by_all
from hyperbridge.compare.records import SearchRecord, TrialRecord
from hyperbridge.compare.timed import BothEnds, TimedObserver
from hyperbridge.documents import Document, is_taken_over, loss_of
from hyperbridge.history.history import state_of
from hyperbridge.run.observer import Observer
from hyperbridge.surface.call import Call
from hyperbridge.surface.watching import Watcher
from hyperbridge.worker.clock import TrialClock, read_times
from hyperbridge.worker.frames import safe_repr
from hyperbridge.worker.reporting import is_in_trial


@dataclass
class _Seen:
    """What is noted of one call while it runs."""

    began: float
    clocks: str
    known: set[int] = field(default_factory=set)
    search_s: float = 0.0
    ends: BothEnds | None = None
    tracker: TimedObserver | None = None


class FminWatcher(Watcher):
    """Notes the calls of fmin, and changes their seed and budget.

    A call inside of an objective is part of its trial, and not noted. Calls that go on with the
    same Trials object are one search.

    Args:
        most: The most trials of a search; None for what the program says.
        repeat: Which repeat this is; the first, 0, keeps the program's own seed.
        folder: Where times are noted.
        noted: Called when a search has ended.
        remark: Called with a line about what the program asks for and does not get.
    """

    def __init__(
        self,
        *,
        most: int | None,
        repeat: int,
        folder: Path,
        noted: Callable[[], None],
        remark: Callable[[str], None],
    ) -> None:
        self.searches: list[SearchRecord] = []
        self._most = most
        self._repeat = repeat
        self._folder = folder
        self._noted = noted
        self._remark = remark
        self._of_trials: list[tuple[Any, SearchRecord]] = []
        self._here = threading.local()

    @property
    def is_inside(self) -> bool:
        """Whether this thread is in a call of fmin, or works for a trial."""
        return getattr(self._here, "seen", None) is not None or is_in_trial()

    def max_evals(self, asked: int | None) -> int | None:
        """See `Watcher.max_evals`."""
        if self._most is None or self.is_inside:
            return asked
        return self._most if asked is None else min(asked, self._most)

    def random_state(self, given: Any) -> Any:
        """See `Watcher.random_state`."""
        if not self.is_inside:
            self._here.began = time.perf_counter()
        return shifted(given, self._repeat)

    def may_keep(self, file: str | os.PathLike[str]) -> bool:
        """See `Watcher.may_keep`: a repeat must not go on with another one's trials."""
        self._remark(f"{os.fspath(file)!r} is neither read nor written: each repeat begins anew")
        return False

    def around(self, minimise: Callable[[Call], Any]) -> Callable[[Call], Any]:
        """See `Watcher.around`."""
        return minimise if self.is_inside else functools.partial(self._watched, minimise)

    def _watched(self, minimise: Callable[[Call], Any], call: Call) -> Any:
        seen = _Seen(self._here.began, tempfile.mkdtemp(dir=self._folder))
        seen.known = {
            id(each) for each in call.trials._dynamic_trials if state_of(each) != "waiting"
        }
        search = call.search
        propose = search.propose

        def timed(*args: Any) -> Any:
            before = time.perf_counter()
            try:
                return propose(*args)
            finally:
                seen.search_s += time.perf_counter() - before

        search.propose = timed  # type: ignore[assignment,method-assign]
        self._here.seen = seen
        error = ""
        try:
            return minimise(call)
        except BaseException as exc:
            error = f"{type(exc).__name__}: {next(iter(str(exc).splitlines()), '')}"
            raise
        finally:
            self._here.seen = None
            self._note(call, seen, error)
            self._noted()

    def observers(self, call: Call, given: list[Observer]) -> list[Observer]:  # noqa: ARG002
        """See `Watcher.observers`."""
        seen: _Seen | None = getattr(self._here, "seen", None)
        if seen is None or seen.ends is not None:  # of a call inside of an objective
            return given
        seen.ends = ends = BothEnds(lambda name: TrialClock(seen.clocks, name))
        watched: list[Observer] = []
        for observer in given:
            if observer.name == "MLflow tracking":
                seen.tracker = observer = TimedObserver(observer)
            watched.append(observer)
        return [ends.outer, *watched, ends.inner]

    def _note(self, call: Call, seen: _Seen, error: str) -> None:
        """Make a record of a call that has ended, or add to the one of its Trials."""
        trials = call.trials
        known = next((record for each, record in self._of_trials if each is trials), None)
        record = known or SearchRecord(
            call.backend.name, call.search.name, call.opened.parallelism, search_s=0.0
        )
        documents = [
            each
            for each in trials._dynamic_trials
            if id(each) not in seen.known and not is_taken_over(each)
        ]
        offset = record.wall_s
        record.trials += self._trials(documents, seen, offset)
        if seen.ends is not None:
            first, last = seen.ends.first, seen.ends.last
            if first is not None and record.start_s is None:
                record.start_s = first - seen.began
            if first is not None and last is not None:
                record.wall_s += last - first
        record.search_s = (record.search_s or 0.0) + seen.search_s
        if seen.tracker is not None:
            record.tracking_s = (record.tracking_s or 0.0) + seen.tracker.end_s
        record.layout, record.always = layout_of(trials._dynamic_trials)
        record.reached = reached_by_all(trials._dynamic_trials)
        record.error = error
        try:
            best = dict(trials.argmin)
        except exceptions.AllTrialsFailed:
            best = {}
        record.argmin = {label: safe_repr(value) for label, value in best.items()}
        record.types = {label: kind_of(value) for label, value in best.items()}
        record.choices = sorted(call.objective.space.decode(best))
        if known is None:
            self._of_trials.append((trials, record))
            self.searches.append(record)

    def _trials(self, documents: list[Document], seen: _Seen, offset: float) -> list[TrialRecord]:
        inner, outer = (read_times(seen.clocks, name) for name in ("inner", "outer"))
        found = []
        for document in documents:
            tid = document["tid"]
            record = TrialRecord(loss_of(document), state_of(document))
            found.append(record)
            ends = seen.ends
            if ends is None or tid not in ends.ended:
                continue
            record.at_s = offset + ends.ended[tid] - (ends.first or 0.0)
            if tid not in inner or tid not in outer:  # it was lost, or ran on another machine
                continue
            record.objective_s = inner[tid]
            away = ends.ended[tid] - ends.sent[tid]
            record.dispatch_s = max(0.0, away - outer[tid])
            if seen.tracker is not None:
                record.tracking_s = seen.tracker.of_trials.get(tid, 0.0) + outer[tid] - inner[tid]
        return found


def shifted(given: Any, repeat: int) -> Any:
    """Return a random state of the same kind that a repeat has for its own.

    What is drawn from the given one makes the new one, so that a state which two searches share
    is another one for each.

    Args:
        given: The program's.
        repeat: 0 for the program's own.
    """
    if repeat == 0:
        return given
    if isinstance(given, np.random.RandomState):
        words = given.randint(0, 2**31 - 1, size=4)
        return np.random.RandomState([*map(int, words), repeat])
    words = given.integers(0, 2**32, size=4)
    return np.random.default_rng([*map(int, words), repeat])
