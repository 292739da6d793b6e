"""points_to_evaluate, trials_save_file and pre-filled Trials: what a run begins with."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any

from hyperopt import base

from hyperbridge.documents import (
    assignment_of,
    give_own_ids,
    know_ids,
    misc_of,
    new_document,
    new_ids,
    take_back,
)
from hyperbridge.errors import InvalidArgumentError
from hyperbridge.run.objective import Objective
from hyperbridge.run.saving import TrialsFile
from hyperbridge.run.trial_log import is_running_here
from hyperbridge.space.points import validate_points
from hyperbridge.surface.spark_trials import SparkTrials
from hyperbridge.surface.trials import Trials

logger = logging.getLogger(__name__)


def open_trials(trials: Any, file: TrialsFile | None) -> Any:
    """Return the Trials object of a call, in order, with what an earlier call left in its file.

    As in hyperopt a file is continued when no Trials are given. An empty SparkTrials, which
    hyperopt never saved, takes over the file's documents too. Plain Trials that the user made
    begin anew, as in hyperopt. Trials that ran when their driver died wait again.

    Args:
        trials: As given to fmin; None for a new object.
        file: The file of ``trials_save_file``, or None.
    """
    is_saved = file is not None and file.exists()
    if file is not None and is_saved and trials is None:
        trials = file.load()
    elif file is not None and is_saved and _takes_over(trials):
        earlier = file.load()
        trials._insert_trial_docs(earlier._dynamic_trials)
        trials.attachments.update(earlier.attachments)
    else:
        file = None
        trials = Trials() if trials is None else trials
    know_ids(trials)
    for document in trials._dynamic_trials:
        if document["state"] == base.JOB_STATE_RUNNING and not is_running_here(document):
            take_back(document)
    taken = give_own_ids(trials)
    if taken:
        logger.warning(
            "the Trials object has several trials with the ids %s; those that wait get new ones",
            ", ".join(map(str, taken)),
        )
    if file is not None:
        trials.refresh()
        logger.info("continuing with the %d trials of %s", len(trials.trials), file.path)
    return trials


def _takes_over(trials: Any) -> bool:
    return isinstance(trials, SparkTrials) and not trials._dynamic_trials


def check_points(
    points: Sequence[dict[str, Any]] | None, objective: Objective, *, check_bounds: bool
) -> None:
    """Refuse points that do not fit the space, before a study or a Trials object is touched.

    Args:
        points: Assignments by label, as hyperopt takes them; None for none.
        objective: What the trials evaluate.
        check_bounds: Whether a number beyond the bounds of its parameter is an error, as for a
            study; hyperopt evaluates such points.

    Raises:
        InvalidArgumentError: ``points`` is no list, or a point does not fit the space; the
            message has its position and label.
    """
    if points is None:
        return
    if isinstance(points, (str, bytes, dict)) or not isinstance(points, Sequence):
        raise InvalidArgumentError(
            f"points_to_evaluate must be a list of dicts by label, got {type(points).__name__}"
        )
    validate_points(objective.space, points, check_bounds=check_bounds)


def count_generated(trials: Any) -> int:
    """Return how many trials come on top of ``max_evals`` because they are in the Trials already.

    As in hyperopt these are the points of ``generate_trials_to_calculate``, which leaves its
    documents unrefreshed. They are refreshed here, before trials of an earlier run are brought.

    Args:
        trials: The Trials object of the run.
    """
    n_before = len(trials.trials)
    trials.refresh()
    return len(trials.trials) - n_before


def new_points(trials: Any, points: Sequence[dict[str, Any]] | None) -> list[dict[str, Any]]:
    """Return those of the user's points that the Trials do not have yet.

    Args:
        trials: The Trials object of the run.
        points: Checked by `check_points`; None for none.
    """
    known = [assignment_of(document) for document in trials._dynamic_trials]
    return [dict(point) for point in points or () if dict(point) not in known]


def insert_points(
    trials: Any, points: Sequence[dict[str, Any]] | None, objective: Objective
) -> int:
    """Queue the user's points before the search's own, unless the Trials have them already.

    Args:
        trials: The Trials object of the run.
        points: Checked by `check_points`; None for none.
        objective: What the trials evaluate.

    Returns:
        How many trials come on top of ``max_evals``: all the given points, as in hyperopt.
    """
    if points is None:
        return 0
    new = new_points(trials, points)
    know_ids(trials)
    documents = []
    for tid, point in zip(new_ids(trials, len(new)) if new else [], new, strict=True):
        labels = [*point, *(label for label in objective.domain.params if label not in point)]
        documents.append(new_document(tid, misc_of(tid, point, labels), trials._exp_key))
    trials.insert_trial_docs(documents)
    trials.refresh()
    return len(points)
