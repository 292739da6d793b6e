"""The parent run: one call of fmin, in the user's active run or in a run of its own.

Names and values follow what the Databricks runtime logs for SparkTrials (its documentation,
"Parallelize hyperparameter tuning with Hyperopt": run structure and name conflicts).
"""

from __future__ import annotations

import importlib
import logging
import os
import random
import threading
import time
from collections.abc import Callable, Sequence
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from hyperbridge.run.observer import FminInfo
from hyperbridge.tracking.continuing import EarlierRun, facts_of
from hyperbridge.tracking.leftovers import place_tags
from hyperbridge.tracking.names import (
    MAX_PARAM_LENGTH,
    MAX_TAG_LENGTH,
    legal_metric,
    legal_text,
)
from hyperbridge.tracking.store import Store, StoreAwayError, impatient
from hyperbridge.worker.frames import safe_text

logger = logging.getLogger(__name__)

RUN_SOURCE = "hyperoptAutoTracking"

BEST = "best_trial_loss"
PARALLELISM = "parallelism"
"""A metric of elastic searches; the param of that name is what was asked for."""

_USED = "actual_parallelism"

_describing = threading.Lock()


def describe(info: FminInfo, fmin_uuid: str) -> tuple[dict[str, str], dict[str, str]]:
    """Return the params and the tags of a parent run.

    What an elastic search used is known, and logged, at its end: a param cannot be changed.

    Args:
        info: The call of fmin.
        fmin_uuid: Names it.
    """
    params = {
        "max_evals": info.max_evals,
        "parallelism": info.parallelism,
        _USED: info.actual_parallelism,
        "timeout": info.timeout,
        "algo": info.algo,
        "max_queue_len": info.max_queue_len,
    }
    if info.is_elastic:
        del params[_USED]
    tags = {
        "runSource": RUN_SOURCE,
        "fmin_uuid": fmin_uuid,
        "space": info.space_text().replace("\n", "\\n"),
        "hyperbridge.backend": info.backend,
        "hyperbridge.version": _own_version(),
    }
    return (
        {name: legal_text(str(value), MAX_PARAM_LENGTH) for name, value in params.items()},
        {name: legal_text(value, MAX_TAG_LENGTH) for name, value in tags.items()},
    )


def _own_version() -> str:
    try:
        return version("hyperbridge")
    except PackageNotFoundError:  # run from a source tree
        return "unknown"


class ParentRun:
    """The run that a call of fmin logs to.

    A run that has an ``fmin_uuid`` tag belongs to an earlier call too: then each param and tag
    of this call carries the suffix ``_<its fmin_uuid>``. So does a single name that the user,
    or an earlier call of the same search, has given another value (``_<its fmin_uuid>_2`` where
    that name is taken, too). Metrics keep their names; the steps of their histories go on where
    those of the earlier call's ``best_trial_loss`` ended.

    Args:
        store: Where it is.
        info: The call of fmin.
        fmin_uuid: Names it, and the calls with whose search it goes on.
        earlier: The run of those calls, which this one logs to; None for a run of its own.
    """

    def __init__(
        self, store: Store, info: FminInfo, fmin_uuid: str, earlier: EarlierRun | None = None
    ) -> None:
        self._store = store
        self._fmin_uuid = fmin_uuid
        self._earlier = earlier
        self._noted = None if info.earlier is None else info.earlier.tracking
        self._note: Callable[[dict[str, str]], None] = info.note
        self._places = info.kept_in
        self._going_on_tags = place_tags(info.kept_in)
        self._first_tags = {"fmin_uuid": fmin_uuid, **self._going_on_tags}
        self._params, self._tags = describe(info, fmin_uuid)
        self._mlflow: Any = importlib.import_module("mlflow")
        self._fluent: Any = importlib.import_module("mlflow.tracking.fluent")
        self._uri = self._mlflow.get_tracking_uri()  # an objective may set another one
        self._started_ms = int(time.time() * 1000)
        self._lock = threading.Lock()
        self._run: Any = None
        self._known_data: Any = None
        self._described = False
        self._owned = False
        self._began_ms = self._started_ms if earlier is None else earlier.began_ms
        self._first_step = 0
        self._is_later = False

    def start(self) -> None:
        """Find or create the run, on the thread that called fmin.

        A run that we create is the thread's active run until `finish`, so that what the user
        logs on the driver meanwhile lands in it.

        Raises:
            StoreAwayError: The store is away; `ensure` will try again.
        """
        self._run = self._mlflow.active_run()
        if self._run is None:
            # A run that a launcher names is the user's: MLflow resumes it, and it stays open.
            self._owned = "MLFLOW_RUN_ID" not in os.environ
            tags = self._first_tags if self._owned else None
            run_id = None
            if self._owned and self._earlier is not None:
                run_id, tags = self._earlier.run_id, self._going_on_tags
            elif self._owned:  # a kill may come between the run and the note of its id
                self._say("", "")
            generator = random.getstate()  # MLflow draws the run's name from it
            random.seed()  # else each search of a script would get the same name
            try:
                with impatient():
                    self._run = self._mlflow.start_run(run_id=run_id, tags=tags)
            finally:
                random.setstate(generator)
            self._known_data = self._run.data
        self.ensure()

    @property
    def known_run(self) -> Any:
        """The run; None while it could not be created."""
        return self._run

    def ensure(self) -> Any:
        """Return the run, created and described; on any thread.

        Raises:
            StoreAwayError: The store is still away.
        """
        with self._lock:
            if self._run is None:
                self._run = self._find_or_create()
                self._known_data = self._run.data
            if not self._described:
                with _describing:  # two calls of fmin in one run, in two threads
                    self._describe(self._run.info.run_id)
                self._described = True
        self._say(self._run.info.run_id, self._run.info.experiment_id)
        return self._run

    def _say(self, run_id: str, experiment_id: str) -> None:
        """Note which run it is, unless that is noted."""
        search = EarlierRun(
            run_id, experiment_id, self._fmin_uuid, self._began_ms, self._first_step
        )
        facts = facts_of(search, self._uri, self._places)
        if facts != self._noted:
            self._noted = facts
            self._note(facts)

    def complete_history(self, points: Sequence[tuple[float, int, int]]) -> None:
        """Log the values of ``best_trial_loss`` that earlier calls could not log any more.

        Args:
            points: What its history should be: value, time in milliseconds since the epoch, number
                of trials that had finished.
        """
        run_id = self.ensure().info.run_id
        if not points:
            return
        end = self._first_step + points[-1][2]
        known = [
            entry.value
            for entry in self._store.history(run_id, BEST)
            if self._first_step < entry.step <= end
        ]
        missing = [
            (BEST, legal_metric(value), at_ms, self._first_step + n)
            for value, at_ms, n in points
            if not known or legal_metric(value) < min(known)
        ]
        if missing:
            self._store.log(run_id, metrics=missing)

    def log_history(self, points: Sequence[tuple[str, float, int, int]]) -> None:
        """Log values of metrics that change in the course of the search.

        Args:
            points: Name of the metric, value, time in milliseconds since the epoch, number of
                trials finished.
        """
        run_id = self.ensure().info.run_id
        metrics = [
            (name, legal_metric(value), at_ms, self._first_step + step)
            for name, value, at_ms, step in points
        ]
        self._store.log(run_id, metrics=metrics)

    def log_parallelism(self, used: int) -> None:
        """Log how many trials an elastic search could run at once in the end."""
        run_id = self.ensure().info.run_id
        there = self._store.get_run(run_id).data.params
        params = self._renamed({_USED: str(used)}, there, everything=self._is_later)
        self._store.log(run_id, params=params)

    def log_counts(self, counts: dict[str, int], at_ms: int) -> None:
        """Log the numbers of trials.

        Args:
            counts: Number by ``total``, ``successful`` and so on.
            at_ms: Milliseconds since the epoch.
        """
        run_id = self.ensure().info.run_id
        metrics = [(f"{kind}_trials_count", float(n), at_ms, 0) for kind, n in counts.items()]
        self._store.log(run_id, metrics=metrics)

    def log_page(self, page: str) -> None:
        """Keep the page of the search, beside that of an earlier search in the same run."""
        run_id = self.ensure().info.run_id
        suffix = f"_{self._fmin_uuid}" if self._is_later else ""
        self._store.log_text(run_id, page, f"report{suffix}.html")

    def finish(self, status: str) -> None:
        """End a run that we created, on the thread that called fmin; leave the user's alone.

        Args:
            status: ``FINISHED``, ``FAILED`` or ``KILLED``.

        Raises:
            StoreAwayError: It is not ended yet; `end_later` does that.
        """
        if not self._owned or self._run is None:
            return
        run_id = self._run.info.run_id
        active = self._mlflow.active_run()
        is_active = active is not None and active.info.run_id == run_id
        if is_active and self._mlflow.get_tracking_uri() == self._uri:
            with impatient():
                self._mlflow.end_run(status)
            return
        runs = self._fluent._active_run_stack.get()
        runs[:] = [run for run in runs if run.info.run_id != run_id]
        self.end_later(status, int(time.time() * 1000))

    def end_later(self, status: str, at_ms: int) -> None:
        """End a run that we created, on any thread and as often as it takes."""
        if self._owned and self._run is not None:
            self._store.end_run(self._run.info.run_id, status, at_ms)

    def _find_or_create(self) -> Any:
        """Create the run late, unless an attempt that got no answer has created it."""
        if self._earlier is not None:
            run = self._taken_up(self._earlier)
            if run is not None:
                return run
            self._began_ms, self._earlier = self._started_ms, None
        with impatient():
            experiment_id = self._fluent._get_experiment_id()
        found = self._store.find_runs(experiment_id, f"tags.fmin_uuid = '{self._fmin_uuid}'")
        ours = [run for run in found if "hyperbridge.tid" not in run.data.tags]
        return (
            ours[0]
            if ours
            else self._store.create_run(
                experiment_id,
                name=None,
                tags={**context_tags(), **self._first_tags},
                start_ms=self._started_ms,
            )
        )

    def _taken_up(self, earlier: EarlierRun) -> Any:
        """Return the run of the earlier calls, open again; None when it is gone."""
        try:
            run = self._store.get_run(earlier.run_id)
            if run.info.lifecycle_stage != "active":
                return None
            self._store.reopen_run(earlier.run_id, run.info.end_time)
            self._store.log(earlier.run_id, tags=self._going_on_tags)
        except StoreAwayError:
            raise
        except Exception as exc:  # noqa: BLE001 - a store plugin may raise anything
            logger.warning(
                "the search goes on in a new MLflow run: its run %s cannot be continued (%s)",
                earlier.run_id,
                safe_text(exc),
            )
            return None
        return run

    def _describe(self, run_id: str) -> None:
        data = self._known_data
        if data is None:
            data = self._store.get_run(run_id).data
        earlier = data.tags.get("fmin_uuid")
        self._is_later = earlier not in (None, self._fmin_uuid)
        self._store.log(
            run_id,
            params=self._renamed(self._params, data.params, everything=self._is_later),
            tags=self._renamed(self._tags, data.tags, everything=self._is_later),
        )
        if self._earlier is not None:
            self._first_step = self._earlier.first_step
        elif self._is_later:
            history = self._store.history(run_id, BEST)
            self._first_step = max((entry.step for entry in history), default=0)

    def _renamed(
        self, ours: dict[str, str], theirs: dict[str, str], *, everything: bool
    ) -> dict[str, str]:
        suffix = f"_{self._fmin_uuid}"
        return {
            _free_name(f"{name}{suffix}", value, theirs)
            if everything or theirs.get(name, value) != value
            else name: value
            for name, value in ours.items()
        }


def _free_name(name: str, value: str, theirs: dict[str, str]) -> str:
    """Return a name under which nothing stands, or the same value."""
    n, free = 1, name
    while theirs.get(free, value) != value:
        n += 1
        free = f"{name}_{n}"
    return free


def context_tags() -> dict[str, str]:
    """Return the tags that `mlflow.start_run` would set: user, source, notebook, commit."""
    registry = importlib.import_module("mlflow.tracking.context.registry")
    return dict(registry.resolve_tags())
