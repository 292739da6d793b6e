"""Continue an experiment of fmin through Tune's own ``Tuner.restore``.

Tune keeps our hooks in the experiment's ``tuner.pkl``, and with them what a FminRun on the recorded
trials is made from; it takes the place of the one of the fmin call.
"""

from __future__ import annotations

import logging
import pickle
from dataclasses import dataclass
from typing import Any
from weakref import WeakValueDictionary

import cloudpickle
import numpy as np
from hyperopt import Trials

from hyperbridge.backends.ray.dispatcher import TrialDispatcher
from hyperbridge.backends.ray.records import TrialRecords, fill_trials, load_records
from hyperbridge.backends.ray.storage import ExperimentFolder
from hyperbridge.errors import BackendUnavailableError
from hyperbridge.run.objective import Objective
from hyperbridge.run.run import FminRun
from hyperbridge.run.trial_log import TrialLog
from hyperbridge.search.base import Search
from hyperbridge.search.fresh_points import FreshPoints
from hyperbridge.search.hyperopt_algo import HyperoptSearch
from hyperbridge.search.known_points import KnownPoints

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class SavedSearch:
    """What is kept of the search of an fmin call.

    Attributes:
        folder: The experiment's folder.
        pickled: The graph of the space, algorithm, limits, number of trials at once, number of the
            user's own points, and what becomes of repeats; None when they cannot be pickled, or the
            algorithm is not one of hyperopt's kind.
        rules: One stopper for the user's stop rules, or None.
        retries_raised: Whether Tune retries what the objective raises.
    """

    folder: ExperimentFolder
    pickled: bytes | None
    rules: Any
    retries_raised: bool


def save_search(
    folder: ExperimentFolder,
    objective: Objective,
    run: FminRun,
    rules: Any,
    *,
    has_taken_over: bool,
    retries_raised: bool,
) -> SavedSearch:
    """Return what is to be kept of a search: less where the folder lacks trials it has taken over.

    Args:
        folder: The experiment's folder.
        objective: What the trials evaluate.
        run: The call of fmin.
        rules: One stopper for the user's stop rules, or None.
        has_taken_over: Whether it knows trials of a warm start.
        retries_raised: Whether Tune retries what the objective raises.
    """
    search, repeats = run.search, "run" if run.known is None else "reuse"
    if isinstance(search, FreshPoints):
        search, repeats = search.inner, "skip"
    if has_taken_over or not isinstance(search, HyperoptSearch):
        return SavedSearch(folder, None, rules, retries_raised)
    parts = (objective.expr, search.algo, run.limits, run.capacity, run.n_extra, repeats)
    try:
        return SavedSearch(folder, cloudpickle.dumps(parts), rules, retries_raised)
    except Exception as exc:  # noqa: BLE001 - pickling a user's function may raise anything
        logger.debug("Tuner.restore cannot continue this experiment: %s", exc)
        return SavedSearch(folder, None, rules, retries_raised)


running: WeakValueDictionary[str, TrialDispatcher] = WeakValueDictionary()
"""The dispatchers of this process, by the folder of the experiment.

Tune keeps the stopper apart from the other hooks, and takes the stopper of an experiment that is
continued from its saved state: all of them find the one dispatcher here.
"""


class RestoredDispatcher:
    """Stands for a `TrialDispatcher` in a pickle; makes one when Tune first uses it.

    Args:
        saved: What to make it from.
    """

    def __init__(self, saved: SavedSearch) -> None:
        self._saved = saved
        self._made: TrialDispatcher | None = None

    def __reduce__(self) -> tuple[type[RestoredDispatcher], tuple[SavedSearch]]:
        return type(self), (self._saved,)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        if self._made is None:
            path = self._saved.folder.path
            made = running.get(path)
            if made is None or made.is_closed:
                made = running[path] = restore_dispatcher(self._saved)
            self._made = made
        return getattr(self._made, name)


def restore_dispatcher(kept: SavedSearch) -> TrialDispatcher:
    """Make the dispatcher of an experiment that Tune continues without fmin.

    Raises:
        BackendUnavailableError: Only a call of fmin can continue it.
    """
    if kept.pickled is None:
        raise BackendUnavailableError(
            f"The search of the experiment at {kept.folder.path!r} cannot be continued by "
            "Tuner.restore. Call fmin again with the same name and storage path."
        )
    expr, algo, limits, capacity, n_extra, repeats = pickle.loads(kept.pickled)
    trials: Any = Trials()
    saved = load_records(kept.folder)
    fill_trials(trials, saved)
    n_saved = len(saved.documents)
    objective = Objective(_not_called, expr, None)
    seeds: Any = np.random.default_rng(n_saved)
    search: Search = HyperoptSearch(algo, objective.domain, trials, seeds)
    if repeats == "skip":
        labels = objective.domain.params
        search = FreshPoints(search, objective.space, trials, seeds, labels)
    run = FminRun(
        log=TrialLog(trials),
        search=search,
        limits=limits,
        capacity=capacity,
        tolerant=True,
        spark_trials=False,
        n_extra=n_extra,
        known=KnownPoints(objective.space, trials) if repeats == "reuse" else None,
    )
    dispatcher = TrialDispatcher(
        run,
        trials,
        TrialRecords(kept.folder),
        saved,
        key=f"{kept.folder.path} {n_saved}",
        runtime=None,
        rules=kept.rules,
        in_pickles=RestoredDispatcher(kept),
        retries_raised=kept.retries_raised,
    )
    dispatcher.closes_itself = True
    dispatcher.has_work()
    return dispatcher


def _not_called(point: Any) -> float:
    raise AssertionError(f"trials run in Tune's actors, not here ({point!r})")
