"""A trial, its document and its outcome: what travels between FminRun, backend and observers.

A `Trial` wraps the hyperopt document that `hyperopt.Trials` stores; an `Outcome` is what a
backend hands back for it. Neither imports an engine, and both are plain data.
"""

from __future__ import annotations

import math
import numbers
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from hyperopt.base import JOB_STATE_DONE, JOB_STATE_NEW, STATUS_OK

Assignment = dict[str, Any]
"""Value by label, reached labels only: the index for a choice, a float for a quniform."""

Document = dict[str, Any]
"""One trial in hyperopt's own layout, as found in ``trials.trials``."""

OutcomeKind = Literal["returned", "raised", "pruned", "lost", "overdue", "cancelled"]

TrialStatus = Literal["success", "failure", "pruned", "cancelled"]

Report = tuple[int, float, int]
"""A loss that a trial has reported: step, loss, time in milliseconds since the epoch."""

COMMAND: Final = ("domain_attachment", "FMinIter_Domain")
"""What hyperopt's documents hold as ``misc["cmd"]``."""


LOG: Final = "hyperbridge.log"
"""The name of the attachment that holds what the objective of a trial has printed."""


WARM_START: Final = "warm_started_from"
"""The entry of ``misc`` of a document that a search has taken over from an earlier one."""


def is_taken_over(document: Document) -> bool:
    """Tell whether a search has the trial from a warm start, and has not evaluated it.

    Examples:
        >>> is_taken_over({"misc": {"warm_started_from": "old.pkl"}})
        True
    """
    return WARM_START in document["misc"]


def assignment_of(document: Document) -> Assignment:
    """Return the value by label of a document, reached labels only.

    Raises:
        NotImplementedError: A label has several values, which hyperopt cannot run either.

    Examples:
        >>> assignment_of({"misc": {"vals": {"x": [0.5], "k": []}}})
        {'x': 0.5}
    """
    given = document["misc"]["vals"]
    assignment = {label: values[0] for label, values in given.items() if len(values)}
    if len(assignment) != sum(map(len, given.values())):
        several = next(label for label, values in given.items() if len(values) > 1)
        raise NotImplementedError("multiple values", (several, given[several]))
    return assignment


def misc_of(
    tid: int, assignment: Assignment, labels: Iterable[str], *, idx: Any = None
) -> dict[str, Any]:
    """Return the ``misc`` of a document, as hyperopt's own algorithms write it.

    Args:
        tid: The trial id.
        assignment: Value by label; a label of ``labels`` that it leaves out is not reached.
        labels: All labels, in the order that the document is to have.
        idx: What stands for the id in ``idxs``; None for the id itself.

    Examples:
        >>> misc_of(3, {"x": 0.5}, ["x", "k"])["idxs"]
        {'x': [3], 'k': []}
    """
    at = tid if idx is None else idx
    idxs: dict[str, list[Any]] = {}
    vals: dict[str, list[Any]] = {}
    for label in labels:
        is_reached = label in assignment
        idxs[label] = [at] if is_reached else []
        vals[label] = [assignment[label]] if is_reached else []
    return {"tid": tid, "cmd": COMMAND, "workdir": None, "idxs": idxs, "vals": vals}


def loss_of(document: Document) -> float | None:
    """Return the loss of a trial that is complete; None for any other, and for NaN.

    Examples:
        >>> loss_of({"state": 2, "result": {"status": "ok", "loss": 0.5}})
        0.5
    """
    result = document["result"]
    if document["state"] != JOB_STATE_DONE or result.get("status") != STATUS_OK:
        return None
    loss = float(result["loss"])
    return None if math.isnan(loss) else loss


def was_pruned(document: Document) -> bool:
    """Tell whether a trial was stopped early because of what it had reported.

    Examples:
        >>> was_pruned({"result": {"status": "fail", "loss": 0.8, "pruned": True}})
        True
    """
    result = document["result"]
    return result.get("status") == "fail" and result.get("pruned") is True


def reports_of(document: Document) -> dict[int, float]:
    """Return the losses that a trial reported, by step, in the order of the reports."""
    return dict(document["misc"].get("reports", ()))


def pruned_result(reports: dict[int, float]) -> dict[str, Any]:
    """Return the result of a trial that was stopped early.

    Its status is "fail", so that it is not the best one; its loss is the last one that it
    reported, which hyperopt's TPE takes for what it is.

    Args:
        reports: Loss by step.

    Examples:
        >>> pruned_result({0: 0.9, 1: 0.8})
        {'status': 'fail', 'loss': 0.8, 'pruned': True}
    """
    result: dict[str, Any] = {"status": "fail"}
    if reports:
        last = reports[max(reports)]
        if last == last:  # TPE would leave out a trial with NaN, and learn nothing from it
            result["loss"] = last
    return {**result, "pruned": True}


def new_document(tid: int, misc: dict[str, Any], exp_key: Any) -> Document:
    """Return a document in hyperopt's state NEW.

    Examples:
        >>> new_document(0, misc_of(0, {"x": 0.5}, ["x"]), None)["result"]
        {'status': 'new'}
    """
    return {
        "state": JOB_STATE_NEW,
        "tid": tid,
        "spec": None,
        "result": {"status": "new"},
        "misc": misc,
        "exp_key": exp_key,
        "owner": None,
        "version": 0,
        "book_time": None,
        "refresh_time": None,
    }


def attachments_of(trials: Any, document: Document) -> dict[str, Any]:
    """Return the attachments of a document by name."""
    prefix = trials.aname(document, "")
    kept = trials.attachments
    return {name[len(prefix) :]: kept[name] for name in kept if name.startswith(prefix)}


def know_ids(trials: Any) -> None:
    """Let a Trials object know the ids of all its documents.

    hyperopt's ``refresh`` leaves out those of failed and cancelled trials, which it would give
    out again after documents have been brought from somewhere else.
    """
    trials._ids.update(document["tid"] for document in trials._dynamic_trials)


def take_back(document: Document) -> None:
    """Let a document wait again whose trial was lost with the process that ran it, or cancelled."""
    document.update(
        state=JOB_STATE_NEW, result={"status": "new"}, book_time=None, refresh_time=None
    )
    for key in ("attempts", "error", "traceback", "reports"):
        document["misc"].pop(key, None)


def attempt_of(document: Document) -> int:
    """Return which attempt at its trial a document is about: 1 until a first one was lost.

    Examples:
        >>> attempt_of({"misc": {}}), attempt_of({"misc": {"attempts": 2}})
        (1, 2)
    """
    return int(document["misc"].get("attempts", 1))


def give_own_ids(trials: Any) -> list[int]:
    """Renumber the documents that wait under the id of another document.

    hyperopt's ``generate_trials_to_calculate`` counts from 0, whatever Trials its documents go to.

    Args:
        trials: It knows the ids of its documents.

    Returns:
        The ids that were taken.
    """
    seen: set[Any] = set()
    twice: list[Document] = []
    for document in sorted(
        trials._dynamic_trials, key=lambda each: bool(each["state"] == JOB_STATE_NEW)
    ):
        if document["state"] == JOB_STATE_NEW and document["tid"] in seen:
            twice.append(document)
        seen.add(document["tid"])
    taken = [document["tid"] for document in twice]
    ids = new_ids(trials, len(twice)) if twice else []
    for document, tid in zip(twice, ids, strict=True):
        misc = document["misc"]
        misc["idxs"] = {label: [tid for _ in idxs] for label, idxs in misc["idxs"].items()}
        document["tid"] = misc["tid"] = tid
    return taken


def new_ids(trials: Any, n: int) -> list[int]:
    """Reserve ids that no document of a Trials object has. All of ours come from here.

    hyperopt counts the ids that it knows and goes on from that number, which is an id of its own
    only while there are no gaps.

    Args:
        trials: It knows the ids of its documents, see `know_ids`.
        n: How many.
    """
    known = trials._ids
    n_known = len(known)
    ids: list[int] = trials.new_trial_ids(n)  # a subclass may have ids of its own kind
    if len(known) == n_known + n or not any(tid in known for tid in ids):
        return ids
    first = 1 + max(int(tid) for tid in known if isinstance(tid, numbers.Integral))
    ids = list(range(first, first + n))
    known.update(ids)
    return ids


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a trial ended without a result.

    Attributes:
        type_name: ``str(type(exception))``, the form that hyperopt's documents hold.
        message: ``str(exception)``.
        traceback: The formatted traceback, from the process that ran the objective.
        exception: The exception itself where it could be brought to the driver, else None.
    """

    type_name: str
    message: str
    traceback: str
    exception: BaseException | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one trial.

    Attributes:
        kind: ``returned`` when the objective returned, ``raised`` when it raised, ``pruned`` when
            it was stopped early by its own reports, ``lost`` when its process ended first,
            ``overdue`` when it was stopped at its own time limit,
            ``cancelled`` when somebody cancelled it.
        value: What the objective returned, untouched; None unless ``returned``.
        failure: The reason; None if and only if ``returned`` or ``pruned``.
        attachments: What the objective attached through a ``Ctrl`` object, by name.
        reports: The losses that it has reported, in order, as far as they are known.
        notes: What its pruner has left, see `hyperbridge.worker.verdicts.Verdict`.
        log: What it has printed, see `hyperbridge.worker.prints`, as far as that is known.
    """

    kind: OutcomeKind
    value: Any = None
    failure: Failure | None = None
    attachments: dict[str, Any] = field(default_factory=dict)
    reports: list[Report] = field(default_factory=list)
    notes: list[float] = field(default_factory=list)
    log: str = ""

    def __post_init__(self) -> None:
        if (self.kind in ("returned", "pruned")) != (self.failure is None):
            raise ValueError(f"an outcome of kind {self.kind!r} with failure={self.failure!r}")


@dataclass(frozen=True, slots=True)
class Trial:
    """One proposed trial.

    Attributes:
        tid: The trial id, unique within the Trials object.
        assignment: Value by label, reached labels only.
        document: The live hyperopt document; the FminRun updates it in place.
    """

    tid: int
    assignment: Assignment
    document: Document


@dataclass(frozen=True, slots=True)
class Place:
    """Where a search is kept, so that another call of fmin can go on with it.

    Attributes:
        name: The same text for the same place, for example ``file /home/me/trials.pkl``.
        is_shared: Whether several processes may work on the search at the same time.
    """

    name: str
    is_shared: bool


@dataclass(frozen=True, slots=True)
class TrialEnd:
    """The end of a trial as observers see it.

    Attributes:
        trial: The trial; its document is final.
        status: ``success`` when the objective returned a result with status ``ok``; ``failure``
            when it returned another status, raised, ran longer than its limit, or its process was
            lost; ``pruned`` when its reports were poor; ``cancelled`` when it was stopped.
        loss: The loss of a valid result with status ``ok``, as a float (it may be NaN), else None.
        result: The result dict of a valid result, else None.
        failure: What was raised, or why the trial was lost or stopped; None when the objective
            returned a valid result.
        reports: The losses that it has reported, in order.
        attachments: What it has attached, by name; what it has printed among them, as `LOG`.
    """

    trial: Trial
    status: TrialStatus
    loss: float | None = None
    result: dict[str, Any] | None = None
    failure: Failure | None = None
    reports: list[Report] = field(default_factory=list)
    attachments: dict[str, Any] = field(default_factory=dict)
