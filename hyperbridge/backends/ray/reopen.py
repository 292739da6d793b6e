"""Continue an experiment of fmin through Tune's own ``Tuner.restore``.

Tune keeps our hooks in the experiment's ``tuner.pkl``. What is kept there is a recipe; when Tune
loads it, a Run on the recorded trials takes the place of the one of the fmin call.
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

from hyperbridge.backends.ray.bridge import Bridge
from hyperbridge.backends.ray.records import TrialRecords, fill_trials, load_records
from hyperbridge.backends.ray.storage import ExperimentFolder
from hyperbridge.errors import BackendUnavailableError
from hyperbridge.run.objective import Objective
from hyperbridge.run.run import Run
from hyperbridge.run.trial_log import TrialLog
from hyperbridge.search.hyperopt_algo import HyperoptSearch

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Recipe:
    """What `reopen` needs.

    Attributes:
        folder: The experiment's folder.
        search: The pickled graph of the space, algorithm, limits, number of trials at once and
            number of the user's own points; None when they cannot be pickled, or the search is
            not one of hyperopt's.
    """

    folder: ExperimentFolder
    search: bytes | None


def make_recipe(folder: ExperimentFolder, objective: Objective, run: Run, search: Any) -> Recipe:
    """Return the recipe of an experiment."""
    if not isinstance(search, HyperoptSearch):
        return Recipe(folder, None)
    facts = (objective.expr, search.algo, run.limits, run.capacity, run.n_extra)
    try:
        return Recipe(folder, cloudpickle.dumps(facts))
    except Exception as exc:  # noqa: BLE001 - pickling a user's function may raise anything
        logger.debug("Tuner.restore cannot continue this experiment: %s", exc)
        return Recipe(folder, None)


_open: WeakValueDictionary[str, Bridge] = WeakValueDictionary()
"""By experiment: Tune keeps the stopper apart from the other hooks, and they share one."""


class ClosedBridge:
    """Stands for a `Bridge` in a pickle; opens when Tune first uses it.

    Args:
        recipe: How to open it.
    """

    def __init__(self, recipe: Recipe) -> None:
        self._recipe = recipe
        self._opened: Bridge | None = None

    def __reduce__(self) -> tuple[type[ClosedBridge], tuple[Recipe]]:
        return type(self), (self._recipe,)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        if self._opened is None:
            path = self._recipe.folder.path
            opened = _open.get(path)
            if opened is None or opened.is_closed:
                opened = _open[path] = reopen(self._recipe)
            self._opened = opened
        return getattr(self._opened, name)


def reopen(recipe: Recipe) -> Bridge:
    """Make the bridge of an experiment that Tune continues without fmin.

    Raises:
        BackendUnavailableError: Only a call of fmin can continue it.
    """
    if recipe.search is None:
        raise BackendUnavailableError(
            f"The search of the experiment at {recipe.folder.path!r} cannot be continued by "
            "Tuner.restore. Call fmin again with the same name and storage path."
        )
    expr, algo, limits, capacity, n_extra = pickle.loads(recipe.search)
    trials: Any = Trials()
    saved = load_records(recipe.folder)
    fill_trials(trials, saved)
    n_saved = len(saved.documents)
    objective = Objective(_not_called, expr, None)
    seeds: Any = np.random.default_rng(n_saved)
    run = Run(
        log=TrialLog(trials),
        search=HyperoptSearch(algo, objective.domain, trials, seeds),
        limits=limits,
        capacity=capacity,
        tolerant=True,
        spark_trials=False,
        n_extra=n_extra,
    )
    records = TrialRecords(recipe.folder)
    key = f"{recipe.folder.path} {n_saved}"
    bridge = Bridge(run, trials, records, saved, key=key, runtime=None, recipe=recipe)
    bridge.closes_itself = True
    bridge.has_work()
    return bridge


def _not_called(point: Any) -> float:
    raise AssertionError(f"trials run in Tune's actors, not here ({point!r})")
