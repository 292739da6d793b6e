"""points_to_evaluate, trials_save_file and pre-filled Trials: what a run begins with."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any

from hyperopt import base

from hyperbridge.documents import Document
from hyperbridge.errors import InvalidArgumentError
from hyperbridge.run.objective import Objective
from hyperbridge.run.saving import TrialsFile
from hyperbridge.space.points import validate_points
from hyperbridge.surface.spark_trials import SparkTrials
from hyperbridge.surface.trials import Trials

logger = logging.getLogger(__name__)


def open_trials(trials: Any, file: TrialsFile | None) -> Any:
    """Return the Trials object of a run, with what an earlier run left in its file.

    As in hyperopt a file is continued when no Trials are given. An empty SparkTrials, which
    hyperopt never saved, takes over the file's documents too. Plain Trials that the user made
    begin anew, as in hyperopt.

    Args:
        trials: As given to fmin; None for a new object.
        file: The file of ``trials_save_file``, or None.
    """
    if file is None or not file.exists():
        return Trials() if trials is None else trials
    if trials is None:
        trials = file.load()
    elif isinstance(trials, SparkTrials) and not trials._dynamic_trials:
        earlier = file.load()
        trials._insert_trial_docs(earlier._dynamic_trials)
        trials.attachments.update(earlier.attachments)
    else:
        return trials
    for document in trials._dynamic_trials:
        if document["state"] == base.JOB_STATE_RUNNING:  # it was lost with its driver
            document["state"] = base.JOB_STATE_NEW
    trials.refresh()
    logger.info("continuing with the %d trials of %s", len(trials.trials), file.path)
    return trials


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
    known = [_assignment(document) for document in trials._dynamic_trials]
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
    ids = trials.new_trial_ids(len(new))
    documents = [
        _document(tid, point, objective.domain.params, trials._exp_key)
        for tid, point in zip(ids, new, strict=True)
    ]
    trials.insert_trial_docs(documents)
    trials.refresh()
    return len(points)


def _assignment(document: Document) -> dict[str, Any]:
    return {label: values[0] for label, values in document["misc"]["vals"].items() if values}


def _document(tid: int, point: dict[str, Any], labels: Any, exp_key: Any) -> Document:
    """Return hyperopt's document of a given point; labels that it leaves out are inactive."""
    names = list(point) + [label for label in labels if label not in point]
    return {
        "state": base.JOB_STATE_NEW,
        "tid": tid,
        "spec": None,
        "result": {"status": "new"},
        "misc": {
            "tid": tid,
            "cmd": ("domain_attachment", "FMinIter_Domain"),
            "workdir": None,
            "idxs": {name: [tid] if name in point else [] for name in names},
            "vals": {name: [point[name]] if name in point else [] for name in names},
        },
        "exp_key": exp_key,
        "owner": None,
        "version": 0,
        "book_time": None,
        "refresh_time": None,
    }
