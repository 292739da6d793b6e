"""Write hyperopt's documents as finished trials of an Optuna study, and the other way round.

A study keeps those entries of a result that JSON can hold. A trial without a usable loss is FAIL
in the study, and a user attribute has the reason.
"""

from __future__ import annotations

import json
import logging
import math
from datetime import datetime, timezone
from typing import Any

from hyperopt.base import (
    JOB_STATE_CANCEL,
    JOB_STATE_DONE,
    JOB_STATE_ERROR,
    STATUS_OK,
)

from hyperbridge.documents import (
    Document,
    assignment_of,
    loss_of,
    misc_of,
    pruned_result,
    reports_of,
    was_pruned,
)
from hyperbridge.errors import InvalidArgumentError
from hyperbridge.translate.from_optuna import read_trial
from hyperbridge.translate.to_optuna import OptunaSpace, plain_number

logger = logging.getLogger(__name__)

RESULT = "hyperbridge.result"
"""User attribute: the result dict, without the loss of a complete trial."""

FAILURE = "hyperbridge.failure"
"""User attribute: kind, type name and message of a trial that has no result."""

_LONGEST_ENTRY = 2000
_UNEXPLAINED = ("", "the Optuna trial failed")


def state_of(document: Document) -> str:
    """Return the name of the state that a study gives to a trial that has ended."""
    if was_pruned(document):
        return "PRUNED"
    return "FAIL" if loss_of(document) is None else "COMPLETE"


def value_of(document: Document) -> float | None:
    """Return the value of a trial in the study: its loss, or that of a pruned one's last report."""
    if not was_pruned(document):
        return loss_of(document)
    last: float | None = document["result"].get("loss")
    return last


def is_unexplained(document: Document) -> bool:
    """Tell whether a document is that of a trial which failed for a reason the study lacks."""
    return bool(document["misc"].get("error") == _UNEXPLAINED)


def attributes_of(document: Document) -> dict[str, Any]:
    """Return the user attributes that hold how a trial ended, without its loss."""
    if document["state"] != JOB_STATE_DONE:
        kind = "cancelled" if document["state"] == JOB_STATE_CANCEL else "error"
        type_name, message = document["misc"].get("error") or ("", "")
        return {FAILURE: [kind, str(type_name), str(message)[:_LONGEST_ENTRY]]}
    if was_pruned(document):
        return {}
    result = document["result"]
    is_complete = loss_of(document) is not None
    if is_complete and len(result) == 2:  # status and loss, which the study has already
        return {}
    extras = plain_entries(result)
    if is_complete:
        extras.pop("loss")
        if extras.get("status") == STATUS_OK:
            del extras["status"]
    return {RESULT: extras} if extras else {}


def plain_entries(result: dict[str, Any]) -> dict[str, Any]:
    """Return the entries of a result that JSON can hold. A loss that it cannot hold is None."""
    found: dict[str, Any] = {}
    for key, value in result.items():
        try:
            text = json.dumps(value, default=plain_number, allow_nan=False)
        except Exception:  # noqa: BLE001 - an object of the user's may do anything
            if key == "loss":
                found[key] = None
            continue
        if isinstance(key, str) and len(text) <= _LONGEST_ENTRY:
            found[key] = json.loads(text)
    return found


def frozen_of(document: Document, space: OptunaSpace, *, is_flat: bool = False) -> Any:
    """Write a document that ended as a finished trial of a study.

    Args:
        document: The document.
        space: The search space.
        is_flat: Whether the space has the labels alone, and not when each of them is reached.

    Raises:
        KeyError: The document has no value for a label that it reaches.
        ValueError: A value lies outside of its parameter's bounds; the message has the label.
    """
    from optuna.trial import TrialState, create_trial

    write = space.flat_params_of if is_flat else space.params_of
    params, distributions, attributes = write(assignment_of(document))
    frozen = create_trial(
        state=TrialState[state_of(document)],
        value=value_of(document),
        intermediate_values=reports_of(document),
        params=params,
        distributions=distributions,
        user_attrs={**attributes, **attributes_of(document)},
    )
    if document["book_time"] is not None:
        frozen.datetime_start = _to_local(document["book_time"])
        if document["refresh_time"] is not None:
            frozen.datetime_complete = _to_local(document["refresh_time"])
    return frozen


def documents_of(study: Any, space: OptunaSpace) -> list[Document]:
    """Write the finished trials of a study as documents, numbered from 0.

    Trials that failed before their parameters were complete are left out.

    Args:
        study: An ``optuna.Study``.
        space: The search space.

    Raises:
        InvalidArgumentError: A complete trial does not fit the space; the message has the label.
    """
    from optuna.trial import TrialState

    found: list[tuple[Any, dict[str, Any]]] = []
    states = (TrialState.COMPLETE, TrialState.FAIL, TrialState.PRUNED)
    for frozen in study.get_trials(deepcopy=False, states=states):
        try:
            found.append((frozen, read_trial(frozen, space)))
        except (LookupError, TypeError, ValueError) as exc:
            if frozen.state is TrialState.COMPLETE:
                raise InvalidArgumentError(f"study {study.study_name!r}: {exc}") from exc
            logger.debug("trial %d cannot be carried over: %s", frozen.number, exc)
    labels = list(space.space.parameters)
    return [
        document_of(frozen, tid, assignment, labels)
        for tid, (frozen, assignment) in enumerate(found)
    ]


def document_of(frozen: Any, tid: int, assignment: dict[str, Any], labels: list[str]) -> Document:
    """Write a finished trial of a study as a document.

    Args:
        frozen: An ``optuna.trial.FrozenTrial``.
        tid: The document's id.
        assignment: The raw value by label, reached labels only.
        labels: All labels, in the order that the document is to have.
    """
    misc = misc_of(tid, assignment, labels)
    state = JOB_STATE_DONE
    result: dict[str, Any] = dict(frozen.user_attrs.get(RESULT, {}))
    if frozen.intermediate_values:
        misc["reports"] = [list(each) for each in frozen.intermediate_values.items()]
    if frozen.state.name == "COMPLETE":
        result = {"status": STATUS_OK, **result, "loss": frozen.value}
    elif RESULT in frozen.user_attrs:
        if result.get("status") == STATUS_OK:
            result["loss"] = math.nan
    elif FAILURE in frozen.user_attrs:
        kind, type_name, message = frozen.user_attrs[FAILURE]
        state = JOB_STATE_CANCEL if kind == "cancelled" else JOB_STATE_ERROR
        misc["error"] = (type_name, message)
        result = {"status": "new"}
    elif frozen.state.name == "PRUNED":
        result = pruned_result(frozen.intermediate_values)
    else:
        state = JOB_STATE_ERROR
        misc["error"] = _UNEXPLAINED
        result = {"status": "new"}
    return {
        "state": state,
        "tid": tid,
        "spec": None,
        "result": result,
        "misc": misc,
        "exp_key": None,
        "owner": None,
        "version": 0,
        "book_time": _to_utc(frozen.datetime_start),
        "refresh_time": _to_utc(frozen.datetime_complete),
    }


def _to_local(time: datetime) -> datetime:
    return time.replace(tzinfo=timezone.utc).astimezone().replace(tzinfo=None)


def _to_utc(time: datetime | None) -> datetime | None:
    return None if time is None else time.astimezone(timezone.utc).replace(tzinfo=None)
