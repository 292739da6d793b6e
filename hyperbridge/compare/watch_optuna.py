"""See the studies of a native Optuna program while it runs, in the child process."""

from __future__ import annotations

import functools
import inspect
import sys
import threading
import time
from collections import defaultdict
from collections.abc import Callable
from typing import Any

from hyperbridge.compare.layout import kind_of
from hyperbridge.compare.records import SearchRecord, TrialRecord
from hyperbridge.compare.seeds import shift_seeds
from hyperbridge.worker.frames import safe_repr

_STATES = {
    "COMPLETE": "complete",
    "PRUNED": "pruned",
    "FAIL": "failed",
    "RUNNING": "running",
    "WAITING": "waiting",
}
_PROPOSING = (
    "infer_relative_search_space", "sample_relative", "sample_independent", "before_trial",
    "after_trial",
)  # fmt: skip


class OptunaWatcher:
    """Notes the studies of a program, each of them a search.

    Args:
        most: The most trials of a search; None for what the program says.
        repeat: Which repeat this is; the first, 0, keeps the program's own seeds.
        is_inside: Tells whether a call of fmin is under way on this thread, whose study is its own.
        remark: Called with a line about what the program asks for and does not get.
    """

    def __init__(
        self,
        *,
        most: int | None,
        repeat: int,
        is_inside: Callable[[], bool],
        remark: Callable[[str], None],
    ) -> None:
        self._most = most
        self._repeat = repeat
        self._is_inside = is_inside
        self._remark = remark
        self._studies: dict[str, tuple[Any, int]] = {}  # with how many trials there were before
        self._n_jobs: dict[str, int] = {}
        self._proposing_s: defaultdict[str, float] = defaultdict(float)
        self._here = threading.local()

    def install(self) -> None:
        """Replace the methods of Optuna's studies and samplers that tell what is searched."""
        import optuna

        samplers = [getattr(optuna.samplers, name) for name in optuna.samplers.__all__]
        shift_seeds([each for each in samplers if isinstance(each, type)], self._repeat)
        for sampler in samplers:
            if isinstance(sampler, type):
                for name in _PROPOSING:
                    if name in vars(sampler):
                        setattr(sampler, name, self._timed(vars(sampler)[name]))
        study = optuna.study.Study
        self._wrap_optimize(study)
        self._wrap_ask(study)
        create = self._in_memory(optuna.create_study)
        optuna.create_study = optuna.study.create_study = create

    def searches(self) -> list[SearchRecord]:
        """Return what the studies hold now, in the order in which they were begun."""
        found = (self._record(study, before) for study, before in self._studies.values())
        return [each for each in found if each.trials]

    def _note(self, study: Any) -> None:
        if study.study_name not in self._studies:
            self._studies[study.study_name] = (study, len(study.get_trials(deepcopy=False)))

    def _wrap_optimize(self, kind: Any) -> None:
        optimize = kind.optimize
        signature = inspect.signature(optimize)

        @functools.wraps(optimize)
        def watched(*args: Any, **kwargs: Any) -> None:
            if self._is_inside():
                optimize(*args, **kwargs)
                return
            given = signature.bind(*args, **kwargs).arguments
            study = given.pop("self")
            self._note(study)
            self._n_jobs[study.study_name] = given.get("n_jobs", 1)
            asked = given.get("n_trials")
            if self._most is not None:
                given["n_trials"] = self._most if asked is None else min(asked, self._most)
            optimize(study, **given)

        kind.optimize = watched

    def _wrap_ask(self, kind: Any) -> None:
        ask = kind.ask

        @functools.wraps(ask)
        def watched(study: Any, *args: Any, **kwargs: Any) -> Any:
            caller = sys._getframe(1).f_globals.get("__name__", "")
            if not self._is_inside() and not caller.startswith(("optuna.", "ray.")):
                self._note(study)
            return ask(study, *args, **kwargs)

        kind.ask = watched

    def _in_memory(self, create: Any) -> Any:
        @functools.wraps(create)
        def watched(**kwargs: Any) -> Any:
            if kwargs.get("storage") is not None and not self._is_inside():
                self._remark("studies are kept in memory, not in the program's storage")
                kwargs["storage"] = None
            return create(**kwargs)

        return watched

    def _timed(self, method: Any) -> Any:
        here = self._here

        @functools.wraps(method)
        def timed(sampler: Any, study: Any, *args: Any, **kwargs: Any) -> Any:
            if getattr(here, "is_proposing", False):
                return method(sampler, study, *args, **kwargs)
            here.is_proposing = True
            before = time.perf_counter()
            try:
                return method(sampler, study, *args, **kwargs)
            finally:
                here.is_proposing = False
                self._proposing_s[study.study_name] += time.perf_counter() - before

        return timed

    def _record(self, study: Any, n_before: int) -> SearchRecord:
        trials = study.get_trials(deepcopy=False)[n_before:]
        sign = -1.0 if study.direction.name == "MAXIMIZE" else 1.0
        begins = [trial.datetime_start for trial in trials if trial.datetime_start is not None]
        first = min(begins, default=None)
        ends = [trial.datetime_complete for trial in trials if trial.datetime_complete is not None]
        record = SearchRecord("optuna", type(study.sampler).__name__)
        record.parallelism = self._n_jobs.get(study.study_name)
        record.search_s = self._proposing_s[study.study_name]
        if first is not None and ends:
            record.wall_s = (max(ends) - first).total_seconds()
        spans = []
        for trial in trials:
            is_complete = trial.state.name == "COMPLETE"
            seen = TrialRecord(
                sign * trial.value if is_complete else None, _STATES[trial.state.name]
            )
            record.trials.append(seen)
            if trial.datetime_complete is None or trial.datetime_start is None or first is None:
                continue
            seen.at_s = (trial.datetime_complete - first).total_seconds()
            span = (trial.datetime_complete - trial.datetime_start).total_seconds()
            spans.append(span)
            seen.objective_s = max(0.0, span - record.search_s / len(trials))
        if record.parallelism == 1 and spans:
            between = (record.wall_s - sum(spans)) / len(spans)
            for seen in record.trials:
                seen.dispatch_s = max(0.0, between)
        complete = [trial for trial in trials if trial.state.name == "COMPLETE"]
        if complete:
            best = min(complete, key=lambda trial: sign * trial.value)
            record.argmin = {name: safe_repr(value) for name, value in best.params.items()}
            record.types = {name: kind_of(value) for name, value in best.params.items()}
            record.choices = [n for n, d in best.distributions.items() if hasattr(d, "choices")]
        shared = [set(trial.params) for trial in trials]
        record.reached = sorted(set.intersection(*shared)) if shared else []
        return record
