"""Write documents of hyperopt's as trials of a study, and name what the study cannot hold."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from hyperopt.base import JOB_STATE_NEW, JOB_STATE_RUNNING

from hyperbridge.documents import Document, assignment_of
from hyperbridge.errors import InvalidArgumentError
from hyperbridge.search.optuna.bulk import add_trials
from hyperbridge.search.optuna.carried import CARRIED, carry, plain_assignment
from hyperbridge.search.optuna.history import document_of, frozen_of
from hyperbridge.search.optuna.joining import beyond
from hyperbridge.search.optuna.kept import KEPT, kept_of
from hyperbridge.search.optuna.studies import check_directions
from hyperbridge.space import Space
from hyperbridge.translate.to_optuna import OptunaSpace


def write_documents(
    study: Any,
    documents: Sequence[Document],
    space: Space,
    *,
    is_flat: bool,
    source: str,
) -> list[str]:
    """Add trials that have ended to a study; those that it has already are left out.

    Args:
        study: An ``optuna.Study``.
        documents: The trials.
        space: Their search space.
        is_flat: Whether the space has the labels alone, and not when each of them is reached.
        source: Where the trials come from.

    Returns:
        A line for each thing that was left out or assumed.

    Raises:
        InvalidArgumentError: The study does not minimise one value, or no trial fits the space.
    """
    check_directions(study, advice="Give another study.")
    remarks: list[str] = []
    ended = [d for d in documents if d["state"] not in (JOB_STATE_NEW, JOB_STATE_RUNNING)]
    if len(ended) < len(documents):
        n = len(documents) - len(ended)
        remarks.append(f"{_count(n)} that waited or ran had not ended, and {_is(n)} left out")
    present = carry(study, space).documents
    new = beyond(ended, present)
    if len(new) < len(ended):
        n = len(ended) - len(new)
        remarks.append(f"{_count(n)} of {len(ended)} {_is(n)} in the study already")
    own_space = OptunaSpace(space)
    made: list[tuple[Document, Any]] = []
    misfits: list[str] = []
    for document in new:
        try:
            _check_labels(document, space)
            made.append((document, frozen_of(document, own_space, is_flat=is_flat)))
        except (LookupError, TypeError, ValueError, NotImplementedError) as exc:
            misfits.append(f"trial {document['tid']}: {exc}")
    if misfits and not made:
        raise InvalidArgumentError(f"no trial fits the search space: {misfits[0]}")
    if misfits:
        n = len(misfits)
        remarks.append(
            f"{_count(n)} {'does' if n == 1 else 'do'} not fit the search space, and {_is(n)} left "
            f"out: {misfits[0]}"
        )
    floats, lost = _complete(made, n_present=len(study.get_trials(deepcopy=False)))
    remarks += [
        f"a study holds what JSON can: {name!r} of {_count(n)} {_is(n)} left out"
        for name, n in lost.items()
    ]
    n = sum(d["book_time"] is None or d["refresh_time"] is None for d, _ in made)
    if n:
        remarks.append(f"{_count(n)} without times of their own: the study has the present one")
    remarks += [
        f"label {each.label!r}: Optuna gets {each.got}: {each.why}"
        for each in own_space.approximations
    ]
    add_trials(study, [frozen for _, frozen in made])
    earlier = study.user_attrs.get(CARRIED, {})
    known = sorted({*floats, *earlier.get("floats", ())})
    study.set_user_attr(CARRIED, {"source": source, "floats": known})
    return remarks


def _check_labels(document: Document, space: Space) -> None:
    unknown = [label for label in assignment_of(document) if label not in space.parameters]
    if unknown:
        raise ValueError(f"the search space has no label {unknown[0]!r}")


def _complete(
    made: Sequence[tuple[Document, Any]], *, n_present: int
) -> tuple[set[str], Counter[str]]:
    """Give trials what a reader without the space needs to make the same documents of them.

    Returns:
        The labels that have floats although the study has integers, and what JSON cannot hold,
        with the number of trials.
    """
    floats: set[str] = set()
    lost: Counter[str] = Counter()
    for document, frozen in made:
        for label, value in assignment_of(document).items():
            if isinstance(value, float) and type(frozen.params.get(label)) is int:
                floats.add(label)
    labels = {label for _, frozen in made for label in frozen.params}
    for position, (document, frozen) in enumerate(made):
        assignment = plain_assignment(frozen, labels=labels, floats=floats)
        rebuilt = document_of(
            frozen, n_present + position, assignment, list(document["misc"]["vals"])
        )
        kept, strange = kept_of(document, rebuilt)
        lost.update(strange)
        if kept:
            frozen.user_attrs = {**frozen.user_attrs, KEPT: kept}
    return floats, lost


def _count(n: int) -> str:
    return f"{n} trial" if n == 1 else f"{n} trials"


def _is(n: int) -> str:
    return "is" if n == 1 else "are"
