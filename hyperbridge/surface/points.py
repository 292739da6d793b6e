"""points_to_evaluate: the user's own points, with which a call of fmin begins."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from hyperbridge.documents import Document, assignment_of, know_ids, misc_of, new_document, new_ids
from hyperbridge.errors import InvalidArgumentError
from hyperbridge.run.objective import Objective
from hyperbridge.search.hyperopt_algo import SeedSource, next_seed
from hyperbridge.space.points import validate_points
from hyperbridge.worker.frames import safe_repr

logger = logging.getLogger(__name__)


def check_points(
    points: Sequence[dict[str, Any]] | None, objective: Objective, *, check_bounds: bool
) -> list[dict[str, Any]] | None:
    """Refuse points that do not fit the space, before a study or a Trials object is touched.

    A label that the space does not have is left out with a warning: the best point of a larger
    space is often tried first in a smaller one, and hyperopt does not look at it.

    Args:
        points: Assignments by label, as hyperopt takes them; None for none.
        objective: What the trials evaluate.
        check_bounds: Whether a number beyond the bounds of its parameter is an error, as for a
            study; hyperopt evaluates such points.

    Returns:
        The points with the space's labels alone; None for none.

    Raises:
        InvalidArgumentError: ``points`` is not a list, or a point does not fit the space; the
            message has its position and label.
    """
    if points is None:
        return None
    if isinstance(points, (str, bytes, dict)) or not isinstance(points, Sequence):
        raise InvalidArgumentError(
            f"points_to_evaluate must be a list of dicts by label, got {type(points).__name__}"
        )
    labels = objective.space.parameters
    unknown: dict[str, None] = {}
    known: list[Any] = []
    for point in points:
        if isinstance(point, Mapping):
            unknown.update(dict.fromkeys(label for label in point if label not in labels))
            point = {label: value for label, value in point.items() if label in labels}
        known.append(point)
    if unknown:
        logger.warning(
            "points_to_evaluate: the space has no %s; it is left out",
            ", ".join(f"label {safe_repr(label)}" for label in unknown),
        )
    validate_points(objective.space, known, check_bounds=check_bounds)
    return known


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


def insert_points(trials: Any, points: Sequence[dict[str, Any]], labels: Iterable[str]) -> int:
    """Queue the user's points before the search's own, unless the Trials have them already.

    Args:
        trials: The Trials object of the run.
        points: From `check_points`.
        labels: The labels of the space, in the order that documents are to have.

    Returns:
        How many trials come on top of ``max_evals``: all the given points, as in hyperopt.
    """
    known = [assignment_of(document) for document in trials._dynamic_trials]
    new = [point for point in points if point not in known]
    know_ids(trials)
    documents = []
    for tid, point in zip(new_ids(trials, len(new)) if new else [], new, strict=True):
        all_labels = [*point, *(label for label in labels if label not in point)]
        documents.append(new_document(tid, misc_of(tid, point, all_labels), trials._exp_key))
    trials.insert_trial_docs(documents)
    trials.refresh()
    return len(points)


def draw_again(
    seeds: SeedSource, restored: Sequence[Document], points: Sequence[dict[str, Any]] | None
) -> None:
    """Draw the seeds that an interrupted call has drawn, so that its points are not drawn again.

    A search that skips repeats has drawn more than one for some trials, see `FreshPoints`.

    Args:
        seeds: Where the seeds of this call come from; the same as before, as a rule.
        restored: The documents that the interrupted call left.
        points: The user's own points among them were drawn by nobody.
    """
    given = list(points or ())
    for document in restored:
        assignment = assignment_of(document)
        if assignment in given:
            given.remove(assignment)
        else:
            for _ in range(1 + document["misc"].get("redrawn", 0)):
                next_seed(seeds)
