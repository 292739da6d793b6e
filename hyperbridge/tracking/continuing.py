"""Which parent run a call of fmin logs to when it goes on with the search of earlier calls."""

from __future__ import annotations

import importlib
import logging
import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from hyperbridge.documents import Place
from hyperbridge.run.observer import FminInfo
from hyperbridge.tracking.environment import absolute_uri
from hyperbridge.tracking.store import Store, StoreAwayError, impatient
from hyperbridge.worker.frames import safe_text

logger = logging.getLogger(__name__)

_FILE = "file "  # names of places that are files begin so
_CHOOSE_EXPERIMENT = ("MLFLOW_EXPERIMENT_ID", "MLFLOW_EXPERIMENT_NAME")


@dataclass(frozen=True, slots=True)
class EarlierRun:
    """The parent run of the earlier calls of a search.

    Attributes:
        run_id: Its id.
        experiment_id: Its experiment.
        fmin_uuid: Names the search in its runs.
        began_ms: When the first call that logged to it began, in milliseconds since the epoch.
        first_step: The step at which its ``best_trial_loss`` began.
    """

    run_id: str
    experiment_id: str
    fmin_uuid: str
    began_ms: int
    first_step: int


def facts_of(run: EarlierRun, tracking_uri: str, places: Sequence[Place]) -> dict[str, str]:
    """Return what is kept with the search, for calls that go on with it.

    Args:
        run: What is known of the run; its ids are empty while it is about to be created.
        tracking_uri: The store.
        places: Where the search is kept.
    """
    return {
        "tracking_uri": absolute_uri(tracking_uri),
        "experiment_id": run.experiment_id,
        "run_id": run.run_id,
        "fmin_uuid": run.fmin_uuid,
        "began_ms": str(run.began_ms),
        "first_step": str(run.first_step),
        "kept_in": "\n".join(place.name for place in places),
    }


def earlier_run(info: FminInfo, store: Store, tracking_uri: str) -> EarlierRun | None:
    """Return the parent run of the earlier calls; None without one in this store.

    Args:
        info: The call of fmin.
        store: The present store.
        tracking_uri: Its address.
    """
    facts = {} if info.earlier is None else info.earlier.tracking
    if not facts.get("fmin_uuid"):
        return None
    if facts.get("tracking_uri") != absolute_uri(tracking_uri):
        logger.info(
            "the search goes on in a new MLflow run: its run %s is in another tracking store",
            facts.get("run_id"),
        )
        return None
    if _is_copy(facts.get("kept_in", ""), info.kept_in):
        logger.info(
            "the search goes on in a new MLflow run: its run %s is that of the search in %s, of "
            "which this is a copy",
            facts.get("run_id"),
            facts["kept_in"],
        )
        return None
    known = EarlierRun(
        run_id=facts.get("run_id", ""),
        experiment_id=facts.get("experiment_id", ""),
        fmin_uuid=facts["fmin_uuid"],
        began_ms=int(facts.get("began_ms", "0")),
        first_step=int(facts.get("first_step", "0")),
    )
    return known if known.run_id else _just_created(known, store)


def _just_created(known: EarlierRun, store: Store) -> EarlierRun | None:
    """Return a run whose creation was intended; None when that was not reached."""
    fluent: Any = importlib.import_module("mlflow.tracking.fluent")
    try:
        with impatient():
            experiment_id = fluent._get_experiment_id()
        runs = store.find_runs(experiment_id, f"tags.fmin_uuid = '{known.fmin_uuid}'")
    except StoreAwayError:
        return None
    ids = [run.info.run_id for run in runs if "hyperbridge.tid" not in run.data.tags]
    return replace(known, run_id=ids[0], experiment_id=experiment_id) if ids else None


def _is_copy(kept_in: str, places: Sequence[Place]) -> bool:
    """Tell whether a search is kept elsewhere too, by somebody who may go on with it as well.

    Args:
        kept_in: Names of the places where it was kept when its run was noted.
        places: Where it is kept now.
    """
    names = kept_in.split("\n")
    if any(place.name in names for place in places):
        return False
    paths = [name.removeprefix(_FILE) for name in names if name.startswith(_FILE)]
    return any(os.path.exists(path) for path in paths)


def is_continued(earlier: EarlierRun, store: Store) -> bool:
    """Tell whether the present call logs to the run of the earlier ones.

    It does when that run is the active one, or the one that a launcher names, or when there is
    neither. While the store is away it is taken to be there.

    Args:
        earlier: The run of the earlier calls.
        store: Where it is.
    """
    active = _mlflow().active_run()
    named = active.info.run_id if active is not None else os.environ.get("MLFLOW_RUN_ID")
    if named:
        return bool(named == earlier.run_id)
    try:
        why = _why_not(earlier, store)
    except StoreAwayError:
        return True
    if why is not None:
        logger.warning("the search goes on in a new MLflow run: its run %s %s", earlier.run_id, why)
    return why is None


def _why_not(earlier: EarlierRun, store: Store) -> str | None:
    """Say why the run cannot be continued; None if it can."""
    try:
        info = store.get_run(earlier.run_id).info
    except StoreAwayError:
        raise
    except Exception as exc:  # noqa: BLE001 - a store plugin may raise anything
        return f"cannot be read ({type(exc).__name__}: {safe_text(exc)})"
    if info.lifecycle_stage != "active":
        return "was deleted"
    chosen = _chosen_experiment()
    if chosen is not None and chosen != info.experiment_id:
        return f"is in experiment {info.experiment_id}, and experiment {chosen} is set now"
    return None


def _chosen_experiment() -> str | None:
    """Return the experiment that the user has set; None where MLflow's default is meant."""
    fluent: Any = importlib.import_module("mlflow.tracking.fluent")
    if not fluent._active_experiment_id and not any(map(os.environ.get, _CHOOSE_EXPERIMENT)):
        return None
    with impatient():
        return fluent._get_experiment_id()  # type: ignore[no-any-return]


def _mlflow() -> Any:
    return importlib.import_module("mlflow")
