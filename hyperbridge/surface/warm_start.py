"""warm_start: what a search takes over from an earlier one, before its first trial."""

from __future__ import annotations

import copy
import logging
import math
from collections import Counter
from collections.abc import Iterable
from typing import Any, Final

from hyperopt.base import JOB_STATE_DONE

from hyperbridge.documents import (
    WARM_START,
    Document,
    assignment_of,
    is_taken_over,
    know_ids,
    misc_of,
    new_document,
    new_ids,
)
from hyperbridge.errors import InvalidArgumentError
from hyperbridge.history.history import History, state_of
from hyperbridge.history.kinds import Options, read_history
from hyperbridge.run.trial_log import finite_order_loss
from hyperbridge.search.identity import space_texts
from hyperbridge.search.known_points import Key, KnownPoints
from hyperbridge.space import Space
from hyperbridge.space.nodes import Choice, ComputedDistribution, Parameter

logger = logging.getLogger(__name__)

_OWN: Final = frozenset({"tid", "cmd", "workdir", "idxs", "vals"})
_MOST_REASONS: Final = 8


def read_warm_start(source: Any, space: Space) -> History:
    """Return the history of a ``warm_start``.

    Args:
        source: A path or address that ``hyperbridge convert`` reads, or an object: a Trials, an
            Optuna study, a Ray Tune ResultGrid. A pickle is loaded: the user names it here, as in
            ``trials_save_file``.
        space: The search space of the call.

    Raises:
        InvalidArgumentError: It cannot be read.
    """
    try:
        return read_history(source, Options(space=space, allow_pickle=True))
    except InvalidArgumentError as exc:
        exc.args = (f"warm_start: {exc}",)
        raise


def take_over(history: History, trials: Any, space: Space, labels: Iterable[str]) -> int:
    """Insert the trials of a history that fit a space, as documents of trials that are done.

    A trial fits when it has a value for each label that it reaches and for no other, each within
    its parameter's support. Those that the Trials have already, of an earlier call, are not taken
    again; nor is a trial that did not come to its end.

    Args:
        history: From `read_warm_start`.
        trials: The Trials object of the call.
        space: The search space.
        labels: Its labels, in the order that documents are to have.

    Returns:
        How many were taken.
    """
    left_out: Counter[str] = Counter()
    fitting: list[Document] = []
    others = _other_choices(history, space)
    for document in history.documents:
        reason = _why_not(document, space, others)
        if reason is None:
            fitting.append(document)
        else:
            left_out[reason] += 1
    new = _beyond(fitting, trials, space)
    labels = list(labels)
    know_ids(trials)
    ids = new_ids(trials, len(new)) if new else []
    for tid, document in zip(ids, new, strict=True):
        _insert(document, tid, history, trials, labels)
    trials.refresh()
    for line in history.remarks:
        logger.warning("warm_start %s: %s", history.source, line)
    _report(history, len(fitting), len(new), left_out)
    return len(new)


def count_taken(trials: Any) -> int:
    """Return how many trials of a Trials object are from a warm start; none is an evaluation."""
    return sum(is_taken_over(document) for document in trials.trials)


def _other_choices(history: History, space: Space) -> set[str]:
    """Return the labels of choices that have other options than in the history, where it says so.

    The index of an option means another one there.
    """
    known = history.texts or ({} if history.space is None else space_texts(history.space))
    texts = space_texts(space) if known else {}
    return {
        label for label in space.choices if known.get(label, texts.get(label)) != texts.get(label)
    }


def _why_not(document: Document, space: Space, others: set[str]) -> str | None:
    """Return why a trial is not taken, in words that are the same for all alike; None if it is."""
    if document["state"] != JOB_STATE_DONE:
        return f"{state_of(document)}, with no result"
    try:
        assignment = assignment_of(document)
    except NotImplementedError:
        return "it has several values of one label"
    changed = [label for label in assignment if label in others]
    if changed:
        return f"its options of {_named(changed)} are not those of the space"
    unknown = [label for label in assignment if label not in space.parameters]
    if unknown:
        return f"it has {_named(unknown)}, which the space does not have"

    def look_up(parameter: Parameter) -> Any:
        label = parameter.label
        if label not in assignment:
            raise _MisfitError(f"it has no {label!r}, which the space needs there")
        _check(parameter, space.choices.get(label), assignment[label])
        return assignment[label]

    try:
        reached = space.walk(look_up)[1]
    except _MisfitError as exc:
        return str(exc)
    except Exception as exc:  # noqa: BLE001 - an expression of the space may raise anything
        return f"the space cannot be evaluated for it ({type(exc).__name__})"
    surplus = [label for label in assignment if label not in reached]
    if surplus:
        return f"it has {_named(surplus)}, which its choices do not reach in the space"
    return None


class _MisfitError(Exception):
    """A value does not fit; the message says which."""


def _check(parameter: Parameter, choice: Choice | None, value: Any) -> None:
    distribution = parameter.distribution
    assert not isinstance(distribution, ComputedDistribution), "a walk resolves them"
    try:
        is_inside = distribution.contains(value)
    except Exception:  # noqa: BLE001 - a value of a history may be anything
        is_inside = False
    if is_inside:
        return
    label = parameter.label
    if choice is not None:
        raise _MisfitError(
            f"{label!r} is not the index of one of its {len(choice.options)} options"
        )
    low, high = distribution.bounds()
    between = f"between {low:g} and {high:g}" if math.isfinite(high - low) else "possible"
    step = getattr(distribution, "q", None)
    steps = "" if step is None else f", in steps of {step:g}"
    raise _MisfitError(f"{label!r} is not {between}{steps}")


def _beyond(documents: list[Document], trials: Any, space: Space) -> list[Document]:
    """Return the documents that a Trials object does not have, each counted once."""
    known = KnownPoints(space, trials)
    have = Counter(
        _identity(each, known) for each in trials._dynamic_trials if each["state"] == JOB_STATE_DONE
    )
    new = []
    for document in documents:
        identity = _identity(document, known)
        if identity is not None and have[identity] > 0:
            have[identity] -= 1
        else:
            new.append(document)
    return new


def _identity(document: Document, known: KnownPoints) -> tuple[Key, Any, Any] | None:
    key = known.key_of(document)
    result = document["result"]
    loss = finite_order_loss(result)  # None for NaN too, which is not equal to itself
    return None if key is None else (key, result.get("status"), loss)


def _insert(document: Document, tid: int, history: History, trials: Any, labels: list[str]) -> None:
    misc = misc_of(tid, assignment_of(document), labels)
    extra = {key: value for key, value in document["misc"].items() if key not in _OWN}
    misc.update(copy.deepcopy(extra))
    misc[WARM_START] = history.source
    taken = new_document(tid, misc, trials._exp_key)
    taken.update(
        state=document["state"],
        result=dict(document["result"]),
        book_time=document.get("book_time"),
        refresh_time=document.get("refresh_time"),
    )
    trials._insert_trial_docs([taken])
    prefix = f"ATTACH::{document['tid']}::"
    for name, value in history.attachments.items():
        if name.startswith(prefix):
            trials.attachments[trials.aname(taken, name[len(prefix) :])] = value


def _report(history: History, n_fitting: int, n_new: int, left_out: Counter[str]) -> None:
    logger.info(
        "warm_start: %d of the %d trials of %s are taken%s",
        n_new,
        len(history.documents),
        history.source,
        f", {n_fitting - n_new} are here already" if n_new < n_fitting else "",
    )
    if not left_out:
        return
    reasons = [f"{n}: {why}" for why, n in left_out.most_common(_MOST_REASONS)]
    if len(left_out) > _MOST_REASONS:
        n_more = sum(left_out.values()) - sum(n for _, n in left_out.most_common(_MOST_REASONS))
        reasons.append(f"{n_more} for {len(left_out) - _MOST_REASONS} other reasons")
    logger.warning(
        "warm_start: %d of the %d trials of %s are left out (%s)",
        left_out.total(),
        len(history.documents),
        history.source,
        "; ".join(reasons),
    )


def _named(labels: list[str]) -> str:
    return ", ".join(map(repr, labels))
