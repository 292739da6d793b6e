"""The Trials object that a call of fmin begins with: checked, in order, continued."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from hyperopt import base

from hyperbridge.documents import (
    Document,
    assignment_of,
    give_own_ids,
    know_ids,
    take_back,
)
from hyperbridge.errors import ArgumentTypeError, InvalidArgumentError
from hyperbridge.run.keeping import Earlier, Keeper
from hyperbridge.run.objective import Objective
from hyperbridge.run.trial_log import is_running_here
from hyperbridge.search.identity import difference
from hyperbridge.space import Space
from hyperbridge.surface.trials import Trials

logger = logging.getLogger(__name__)


def check_trials(trials: Any) -> None:
    """Refuse what is not a Trials object.

    Raises:
        ArgumentTypeError: It is a class, or something else.
    """
    if trials is None:
        return
    if isinstance(trials, type):
        raise ArgumentTypeError(
            f"trials={trials.__name__} is a class; pass an object, such as {trials.__name__}()"
        )
    if not (hasattr(trials, "_dynamic_trials") or hasattr(trials, "fmin")):
        raise ArgumentTypeError(
            f"trials must be a Trials object or None, got a {type(trials).__name__}. "
            "hyperopt.base.trials_from_docs makes one from a list of documents."
        )


def load_earlier(keepers: Sequence[Keeper]) -> Earlier | None:
    """Return what earlier calls have left where the call is kept.

    Of several places the one with most trials counts, as a disk may have been full for the others.
    What a trial has in a pickle of the Trials is taken from there: it lacks nothing of it.

    Raises:
        InvalidArgumentError: Something there cannot be read.
    """
    found = [earlier for keeper in keepers if (earlier := keeper.load()) is not None]
    most = max(found, key=lambda each: _n_ended(each.documents), default=None)
    whole = next((each for each in found if each.trials is not None), most)
    if most is None or whole is None or most is whole:
        return most
    kept = {document["tid"]: document for document in whole.documents}
    documents = [
        there
        if (there := kept.get(document["tid"])) is not None and _is_same(there, document)
        else document
        for document in most.documents
    ]
    attachments = {**most.attachments, **whole.attachments}
    trials = whole.trials
    trials._dynamic_trials[:] = documents
    trials.attachments.update(attachments)
    trials.refresh()
    return replace(
        most, documents=documents, attachments=attachments, trials=trials, space=whole.space
    )


def _is_same(one: Document, other: Document) -> bool:
    """Tell whether two documents are of the same trial, and have ended alike."""
    return one["state"] == other["state"] and assignment_of(one) == assignment_of(other)


def _n_ended(documents: Sequence[Document]) -> int:
    return sum(d["state"] not in (base.JOB_STATE_NEW, base.JOB_STATE_RUNNING) for d in documents)


def open_trials(trials: Any, earlier: Earlier | None) -> tuple[Any, Earlier | None]:
    """Return the Trials object of a call, in order, and what goes on in it of an earlier call.

    Trials that ran when their driver died wait again; so do those that were cancelled, if the
    search was kept on disk, as they have no result.

    A Trials object that is empty, or has only points to begin with, means in hyperopt that a search
    begins anew. Here it does so after one of the same process that has come to its end, as in a
    loop over data sets.

    Args:
        trials: As given to fmin; None for a new object, or that of the file.
        earlier: What was kept on disk; None for nothing.

    Returns:
        The Trials object, and ``earlier`` with those of its documents that were kept; None when
        the search begins anew.

    Raises:
        InvalidArgumentError: The Trials have documents, and not those that were kept.
    """
    restored: list[Document] = []
    begins = trials is not None and (
        not trials._dynamic_trials or (earlier is not None and _are_its_points(trials, earlier))
    )
    if begins and earlier is not None and earlier.is_finished_here:
        earlier = None
    if earlier is None:
        trials = Trials() if trials is None else trials
    elif trials is None and earlier.trials is not None:
        trials = _as_ours(earlier.trials)
        restored = list(trials._dynamic_trials)
    elif trials is None or begins:
        trials = Trials() if trials is None else trials
        trials._dynamic_trials.clear()  # of points that the earlier call began with, too
        restored = earlier.documents
        trials._insert_trial_docs(restored)
        trials.attachments.update(earlier.attachments)
    else:
        restored = _of_both(trials._dynamic_trials, earlier.documents)
    know_ids(trials)
    kept = set(map(id, restored))
    for document in trials._dynamic_trials:
        is_left = document["state"] == base.JOB_STATE_RUNNING and not is_running_here(document)
        is_cancelled = document["state"] == base.JOB_STATE_CANCEL and id(document) in kept
        if (is_left or is_cancelled) and _is_of(trials, document):
            take_back(document)
    taken = give_own_ids(trials)
    if taken:
        logger.warning(
            "the Trials object has several trials with the ids %s; those that wait get new ones",
            ", ".join(map(str, taken)),
        )
    if restored:
        trials.refresh()
        logger.log(
            logging.WARNING if begins else logging.INFO,
            "the search goes on with %d trials that an earlier call has kept on disk; to begin "
            "anew, remove the file",
            len(trials.trials),
        )
    return trials, None if earlier is None else replace(earlier, documents=restored)


def _are_its_points(trials: Any, earlier: Earlier) -> bool:
    """Tell whether Trials hold points to begin with, which the earlier call began with, too.

    ``generate_trials_to_calculate`` makes them anew whenever a program is run.
    """
    kept = {document["tid"]: document for document in earlier.documents}
    return bool(trials._dynamic_trials) and all(
        document["state"] == base.JOB_STATE_NEW
        and document["tid"] in kept
        and assignment_of(kept[document["tid"]]) == assignment_of(document)
        for document in trials._dynamic_trials
    )


def warn_of_space(earlier: Earlier | None, objective: Objective) -> None:
    """Warn where the trials that were kept are of another space with the same labels.

    `fit_to_space` names labels that differ.

    Args:
        earlier: What earlier calls have left.
        objective: What the trials evaluate, in the present space.
    """
    if earlier is None or earlier.space is None or not earlier.documents:
        return
    space = objective.space_texts
    has_same_labels = earlier.space.keys() == space.keys()
    what = difference(earlier.space, space) if has_same_labels else None
    if what is not None:
        logger.warning(
            "the %d trials that were kept are of another search space: %s. They count for "
            "max_evals, and the best one may be among them. Use another file for a new search.",
            len(earlier.documents),
            what,
        )


def count_failed(earlier: Earlier | None) -> int:
    """Return how many failed trials of an interrupted call count for ``max_evals``.

    hyperopt counts them while a search runs and forgets them when it goes on. Where it is known
    that it was this search, they count in both: it ends as one that was not interrupted.
    """
    if earlier is None or earlier.stream is None:
        return 0
    return sum(document["state"] == base.JOB_STATE_ERROR for document in earlier.documents)


def _as_ours(trials: Any) -> Any:
    """Return hyperopt's own Trials as ours, which have more to offer; any others as they are."""
    if type(trials) is not base.Trials:
        return trials
    ours = Trials(exp_key=trials._exp_key, refresh=False)
    ours.__dict__.update(vars(trials))
    return ours


def _of_both(given: Sequence[Document], kept: Sequence[Document]) -> list[Document]:
    """Return the documents of the given Trials that were kept, too.

    Raises:
        InvalidArgumentError: A trial that was kept would be lost, or its result.
    """
    by_id = {document["tid"]: document for document in given}
    found = []
    n_missing = 0
    for document in kept:
        same = by_id.get(document["tid"])
        if same is not None and assignment_of(same) == assignment_of(document):
            is_older = _n_ended([document]) > _n_ended([same])
            found.append(same)
        else:
            is_older = True
        n_missing += is_older and document["state"] != base.JOB_STATE_NEW
    if n_missing:
        raise InvalidArgumentError(
            f"trials has {len(given)} trials, and lacks {n_missing} of the {len(kept)} that are "
            "kept in trials_save_file or journal, which would be lost. To go on with those that "
            "are kept, pass an empty Trials object or none; else use another file."
        )
    return found


def fit_to_space(trials: Any, space: Space) -> None:
    """Compare the labels of a history with those of the space, before a trial is started.

    A label that a document does not have becomes one that it does not reach: hyperopt's TPE ends
    with a KeyError at such documents, ``generate_trials_to_calculate`` makes them.

    Args:
        trials: The Trials object.
        space: The search space.

    Raises:
        InvalidArgumentError: The trials that have ended are all of another space; the message
            has the labels.
    """
    labels = space.parameters
    unknown: dict[str, None] = {}
    missing: dict[str, None] = {}
    documents = [d for d in trials._dynamic_trials if _is_of(trials, d)]
    n_ended = n_strange = 0
    for document in documents:
        if document["state"] == base.JOB_STATE_DONE:
            known = document["misc"]["vals"]
            absent = [label for label in labels if label not in known]
            unknown.update(dict.fromkeys(label for label in known if label not in labels))
            missing.update(dict.fromkeys(absent))
            n_ended += 1
            n_strange += len(absent) == len(labels) and bool(known or labels)
    if unknown or missing:
        _complain(unknown, missing, n_ended, all_strange=n_strange == n_ended)
    for document in documents:
        for label in labels:
            document["misc"]["vals"].setdefault(label, [])
            document["misc"]["idxs"].setdefault(label, [])


def _is_of(trials: Any, document: Document) -> bool:
    """Tell whether a document belongs to the experiment of a Trials object."""
    return trials._exp_key is None or document["exp_key"] == trials._exp_key


def _complain(
    unknown: dict[str, None], missing: dict[str, None], n_ended: int, *, all_strange: bool
) -> None:
    differences = [
        f"the space has {_named(missing)}, which they do not have" if missing else "",
        f"they have {_named(unknown)}, which the space does not have" if unknown else "",
    ]
    text = "; ".join(filter(None, differences))
    if all_strange:
        raise InvalidArgumentError(
            f"trials holds {n_ended} trials of another search space: {text}. Pass a new Trials() "
            "(or another trials_save_file) for a new search."
        )
    logger.warning(
        "some of the %d trials that the Trials object holds are of another search space: %s. They "
        "count for max_evals, and the best one may be among them.",
        n_ended,
        text,
    )


def _named(labels: dict[str, None]) -> str:
    return ", ".join(map(repr, labels))
