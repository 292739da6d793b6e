"""The experiment that a call of fmin stands for: a new one, or one that was interrupted."""

from __future__ import annotations

import dataclasses
import logging
import posixpath
import time
import uuid
from typing import Any

from pyarrow.fs import LocalFileSystem

from hyperbridge.backends.ray.options import check_run_config, check_tune_config
from hyperbridge.backends.ray.records import Saved, fill_trials, load_records
from hyperbridge.backends.ray.storage import ExperimentFolder, open_storage
from hyperbridge.documents import Document
from hyperbridge.errors import InvalidArgumentError
from hyperbridge.run.objective import Objective

logger = logging.getLogger(__name__)


@dataclasses.dataclass(frozen=True)
class Experiment:
    """The experiment of a call of fmin, before it runs.

    Attributes:
        folder: Where it is, or will be.
        objective_name: The name of the objective when it began, an identifier.
        tune_config, run_config: The user's, checked; the RunConfig has its name.
        saved: What an earlier run left.
        restored: What of it the Trials object did not have.
    """

    folder: ExperimentFolder
    objective_name: str
    tune_config: Any
    run_config: Any
    saved: Saved
    restored: list[Document]


def open_experiment(
    objective: Objective, trials: Any, *, tune_config: Any, run_config: Any
) -> Experiment:
    """Find the experiment, and bring the trials of an earlier run into the Trials object.

    Raises:
        InvalidArgumentError: The configs, or what is in the folder, do not fit.
        UnsupportedArgumentError: A config sets what fmin decides.
    """
    tune_config = check_tune_config(tune_config)
    run_config = check_run_config(run_config)
    objective_name = name_of(objective.fn)
    name = run_config.name or _new_name(objective_name)
    filesystem, path = open_storage(run_config.storage_path, run_config.storage_filesystem)
    if isinstance(filesystem, LocalFileSystem) and run_config.storage_filesystem is None:
        run_config = dataclasses.replace(run_config, storage_path=path)  # Tune wants it absolute
    run_config = dataclasses.replace(run_config, name=name)
    folder = ExperimentFolder(filesystem, posixpath.join(path, name))
    saved, restored = Saved(), []
    if folder.exists():
        objective_name = folder.check_search(objective.space)
        saved = load_records(folder)
        try:
            restored = fill_trials(trials, saved)
        except ValueError as exc:
            raise InvalidArgumentError(
                f"Backend 'ray': the experiment {name!r} at {folder.path!r} has trials already, "
                f"and the Trials object has others ({exc}). Pass the Trials of that experiment or "
                "an empty one to continue it, or choose another name."
            ) from exc
        logger.info("continuing with %d trials of %s", len(saved.documents), folder.path)
    return Experiment(folder, objective_name, tune_config, run_config, saved, restored)


def _new_name(objective_name: str) -> str:
    stamp = time.strftime("%Y-%m-%d_%H-%M-%S")
    return f"{objective_name}_{stamp}_{uuid.uuid4().hex[:4]}"


def name_of(fn: Any) -> str:
    """Return what Tune calls an objective: an identifier.

    Examples:
        >>> name_of(lambda point: 0.0)
        'objective'
    """
    fn = getattr(fn, "func", fn)  # a partial
    fn = getattr(fn, "fn", fn)  # an objective with an annotated space
    name = getattr(fn, "__name__", type(fn).__name__)
    return str(name) if name.isidentifier() else "objective"
