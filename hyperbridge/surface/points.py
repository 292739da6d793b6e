"""points_to_evaluate: the user's own points, with which a call of fmin begins."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from hyperbridge.documents import (
    Document,
    assignment_of,
    is_taken_over,
    know_ids,
    misc_of,
    new_document,
    new_ids,
)
from hyperbridge.errors import InvalidArgumentError
from hyperbridge.run.keeping import Earlier, Stream
from hyperbridge.run.objective import Objective
from hyperbridge.search.hyperopt_algo import next_seed, seed_source
from hyperbridge.search.streams import draw_on, is_same_stream, stream_state
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


def stream_of(rstate: Any, trials: Any) -> Stream:
    """Return where a search stands, see `hyperbridge.run.keeping.Stream`."""
    return {"seeds": stream_state(rstate), "n_ids": len(trials._ids)}


def draw_again(
    rstate: Any,
    trials: Any,
    earlier: Earlier | None,
    brought: Sequence[Document],
    points: Sequence[dict[str, Any]] | None,
    *,
    is_given: bool,
) -> Stream:
    """Let a search go on where that of an interrupted call has ended.

    Where it is known where its seeds stood, they stand there afterwards, if this call has the same
    seed or none. Else the seeds are drawn that the interrupted call has drawn, if it had the same:
    a search that skips repeats has drawn more than one for some trials, see `FreshPoints`.

    Args:
        rstate: Where the seeds of this call come from.
        trials: The Trials object of this call; it gets to know the ids that were given out.
            When it has others, somebody has gone on with it meanwhile, and drawn seeds.
        earlier: What an interrupted call has left on disk; None for nothing.
        brought: The documents that an interrupted call left with an engine, and not there.
        points: The user's own points among them were drawn by nobody.
        is_given: Whether the user has chosen the seed.

    Returns:
        Where the search stood when it began.
    """
    first = stream_of(rstate, trials)
    kept: Sequence[Document] = [] if earlier is None else earlier.documents
    if earlier is not None and earlier.stream is not None:
        n_ids = earlier.stream["n_ids"]
        is_known = all(isinstance(tid, int) and tid < n_ids for tid in trials._ids)
        if is_known:
            trials._ids.update(range(n_ids))
        began = earlier.first_stream or {}
        if is_given and not is_same_stream(first["seeds"], began.get("seeds")):
            logger.info("the search goes on with another seed than it began with")
            return first
        if is_known and draw_on(rstate, earlier.stream["seeds"]):
            first, kept = began, []
    seeds = seed_source(rstate)
    given = list(points or ())
    for document in [*kept, *brought]:
        if is_taken_over(document):  # nor those of a warm start
            continue
        assignment = assignment_of(document)
        if assignment in given:
            given.remove(assignment)
        else:
            for _ in range(1 + document["misc"].get("redrawn", 0)):
                next_seed(seeds)
    return first
