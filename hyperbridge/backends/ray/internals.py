"""Everything of Ray's that is not public, in one place.

Each name has the Ray in which it was last seen, and what happens in one that lacks it. Nothing here
is imported before it is used, so that a moved name breaks only what it is needed for.
"""

from __future__ import annotations

import contextlib
import importlib
import logging
import pickle
from collections.abc import Iterator
from typing import Any

import ray
from ray import tune

from hyperbridge.errors import BackendUnavailableError

CLIENT_LOGGER = logging.getLogger("ray.util.client.logsclient")
"""Ray 2.60. In another one, lines of the process that serves a Ray Client may be printed."""

TOKEN_LOGGER = logging.getLogger("ray._private.authentication.authentication_token_setup")
"""Ray 2.60. In another one, a warning about ports without a token may be printed."""


AUTOSCALER_ARGUMENTS = ("--gcs-address={}", "--autoscaling-config=")
"""Ray 2.60: on the command line of a head's monitor that has an autoscaler. In another one, Ray's
launcher and KubeRay are seen by their own signs; that Ray on Spark grows, ``elastic=True`` says."""


def actor_of(trial: Any) -> Any:
    """Return the actor that runs a trial of Tune's. Ray 2.60; nothing works without it."""
    try:
        return trial.temporary_state.ray_actor
    except AttributeError as exc:
        raise BackendUnavailableError(
            f"Backend 'ray' does not work with Ray {ray.__version__}: a trial does not tell its "
            "actor. Install a Ray that the release notes of hyperbridge name."
        ) from exc


def waits_for_room(controller: Any, trial: Any) -> bool:
    """Tell whether no node has had room for the actor of a pending trial of Tune's.

    Ray 2.60; without it, such a trial waits until a node comes, and later ones overtake it.

    Args:
        controller: What a scheduler is given.
        trial: One of its trials.
    """
    try:
        inside = controller._tune_controller
        actor = inside._trial_to_actor.get(trial)
        return actor is not None and not inside._actor_manager.is_actor_started(actor)
    except AttributeError:
        return False


def error_of(trial: Any) -> BaseException | None:
    """Return what ended a trial of Tune's. Ray 2.60; without it, the reason is not known."""
    try:
        with open(trial.pickled_error_file, "rb") as file:
            found = pickle.load(file)
    except (OSError, TypeError, pickle.UnpicklingError, AttributeError, ImportError):
        return None
    return found if isinstance(found, BaseException) else None


def show_failure(trial: Any, traceback: str) -> None:
    """Write the error file of a trial, in the place of what Tune has found.

    Ray 2.60; without it, the ResultGrid has no traceback, or says that a process was killed.
    """
    with contextlib.suppress(AttributeError):
        trial.run_metadata.pickled_error_filename = None
        trial.handle_error(tune.TuneError(traceback))


def goal_of(scheduler: Any) -> tuple[str | None, str | None]:
    """Return the metric and the mode that a scheduler, or one inside it, was made with.

    Ray 2.60; without it, Tune itself refuses a contradiction, later and in other words.
    """
    metric = getattr(scheduler, "_metric", None) or getattr(scheduler, "metric", None)
    mode = getattr(scheduler, "_mode", None)
    inner = getattr(scheduler, "_base_scheduler", None)
    if inner is None:
        return metric, mode
    its_metric, its_mode = goal_of(inner)
    return metric or its_metric, mode or its_mode


def run_experiment(trainable: str, **arguments: Any) -> Any:
    """Call ``tune.run`` in this process, also through Ray Client.

    Ray 2.60 takes the loop to another process else; a Ray without the argument raises TypeError.
    """
    return tune.run(trainable, _remote=False, **arguments)


@contextlib.contextmanager
def staging_in(folder: str) -> Iterator[None]:
    """Keep the files of Tune's loop on this machine, which is not a node of the cluster.

    Raises:
        BackendUnavailableError: This Ray, unlike 2.60, has no such function; then Ray Client cannot
            be used.
    """
    name = "_get_ray_train_session_dir"
    try:
        storage = importlib.import_module("ray.train._internal.storage")
        before = getattr(storage, name)
    except (ImportError, AttributeError) as exc:
        raise BackendUnavailableError(
            f"Backend 'ray' does not work through Ray Client with Ray {ray.__version__}. Run the "
            "script on a node of the cluster, for example with `ray job submit`."
        ) from exc
    setattr(storage, name, lambda: folder)
    try:
        yield
    finally:
        setattr(storage, name, before)
