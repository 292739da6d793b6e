"""Check that a study fits a search space, and give a study and a Trials object the same trials."""

from __future__ import annotations

import logging
from collections import Counter
from typing import Any

from hyperopt.base import (
    JOB_STATE_CANCEL,
    JOB_STATE_DONE,
    JOB_STATE_ERROR,
    JOB_STATE_NEW,
)

from hyperbridge.documents import Document, assignment_of, know_ids, loss_of, new_ids
from hyperbridge.errors import InvalidArgumentError
from hyperbridge.search.optuna.history import documents_of, frozen_of, is_unexplained
from hyperbridge.search.optuna.sessions import orphans_of
from hyperbridge.search.optuna.studies import tell, unless_finished
from hyperbridge.translate.from_optuna import read_trial
from hyperbridge.translate.to_optuna import OptunaSpace

logger = logging.getLogger(__name__)


def check_fit(study: Any, space: OptunaSpace, *, advice: str) -> None:
    """Refuse a study whose complete trials are not trials of the space.

    Args:
        study: An ``optuna.Study``.
        space: The search space.
        advice: What to do, as the end of the message.

    Raises:
        InvalidArgumentError: A label is missing or unknown, or was suggested from another
            distribution; the message has the label and the study's name.
    """
    from optuna.trial import TrialState

    for frozen in study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,)):
        try:
            _, wanted, _ = space.params_of(read_trial(frozen, space))
        except ValueError as exc:
            raise InvalidArgumentError(f"study {study.study_name!r}: {exc}. {advice}") from exc
        for label, stored in frozen.distributions.items():
            if label in wanted and stored != wanted[label]:
                raise InvalidArgumentError(
                    f"label {label!r}: trial {frozen.number} of study {study.study_name!r} has "
                    f"{stored}, but the search space needs {wanted[label]}. {advice}"
                )


def insert(documents: list[Document], trials: Any) -> None:
    """Insert documents that come from elsewhere into a Trials object, under new ids."""
    know_ids(trials)
    ids = new_ids(trials, len(documents))
    for tid, document in zip(ids, documents, strict=True):
        misc = document["misc"]
        misc["idxs"] = {label: [tid for _ in idxs] for label, idxs in misc["idxs"].items()}
        document["tid"] = misc["tid"] = tid
        document["exp_key"] = trials._exp_key
    trials.insert_trial_docs(documents)
    trials.refresh()


def reconcile(study: Any, trials: Any, space: OptunaSpace) -> int:
    """Copy the trials that only the study has to the Trials object, and the other way round.

    A trial and a document are the same if they have the same assignment and loss. A document that
    is not evaluated yet gets the result of the study's trial with the same assignment; other
    documents that wait or run are not changed. Documents that do not fit the space are not copied.

    When a storage has failed before it got a result, its trial is still running, or was marked as
    failed since. A running one gets the result now. A failed one is not copied to the Trials
    object, which has the result.

    Returns:
        How many documents the Trials object got.
    """
    stored = documents_of(study, space)
    ended = [
        document
        for document in trials._dynamic_trials
        if document["state"] in (JOB_STATE_DONE, JOB_STATE_ERROR, JOB_STATE_CANCEL)
    ]
    only_stored, only_here = beyond(stored, ended), beyond(ended, stored)
    lost = [assignment_of(document) for document in only_here]
    only_stored = [d for d in only_stored if not (is_unexplained(d) and assignment_of(d) in lost)]
    unfinished = orphans_of(study) if only_here else []
    n_stored = len(only_stored)
    only_stored = _fill_waiting(trials, only_stored)
    if only_stored:
        insert(only_stored, trials)
    for document in only_here:
        try:
            frozen = frozen_of(document, space)
        except (LookupError, TypeError, ValueError) as exc:
            logger.debug("trial %s is not copied to the study: %s", document["tid"], exc)
            continue
        trial = next((each for each in unfinished if each.params == frozen.params), None)
        if trial is None:
            study.add_trial(frozen)
        else:
            unfinished.remove(trial)
            _finish(study, trial, frozen)
    return n_stored


def _finish(study: Any, trial: Any, frozen: Any) -> None:
    """Tell a study how a running trial has ended."""
    from optuna.trial import Trial

    with unless_finished():
        for name, value in frozen.user_attrs.items():
            Trial(study, trial._trial_id).set_user_attr(name, value)
    tell(study, trial.number, frozen.value, frozen.state)


def _fill_waiting(trials: Any, stored: list[Document]) -> list[Document]:
    """Give waiting documents the results of stored ones; return the stored ones left over."""
    waiting = [d for d in trials._dynamic_trials if d["state"] == JOB_STATE_NEW]
    left = []
    for document in stored:
        point = assignment_of(document)
        for index, mine in enumerate(waiting):
            if document["state"] == JOB_STATE_DONE and assignment_of(mine) == point:
                for key in ("state", "result", "book_time", "refresh_time"):
                    mine[key] = document[key]
                del waiting[index]
                break
        else:
            left.append(document)
    if len(left) < len(stored):
        trials.refresh()
    return left


def only_in(documents: list[Document], study: Any, space: OptunaSpace) -> list[bool]:
    """Tell for each document that ended whether a study does not have its trial yet."""
    new = {id(document) for document in beyond(documents, documents_of(study, space))}
    return [id(document) in new for document in documents]


def beyond(documents: list[Document], others: list[Document]) -> list[Document]:
    """Return the documents that are not among the others; of two equal ones, one is."""
    known = Counter(_key(document) for document in others)
    found = []
    for document in documents:
        key = _key(document)
        if known[key] > 0:
            known[key] -= 1
        else:
            found.append(document)
    return found


def _key(document: Document) -> tuple[Any, ...]:
    pairs = assignment_of(document).items()
    return (
        loss_of(document),
        *sorted((label, float(value)) for label, value in pairs),
    )
