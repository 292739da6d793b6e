"""A trial and its outcome: what travels between the Run, a backend and an observer.

A `Trial` wraps the hyperopt document that `hyperopt.Trials` stores; an `Outcome` is what a
backend hands back for it. Neither imports an engine, and both are plain data.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

Assignment = dict[str, Any]
"""Value by label, reached labels only: the index for a choice, a float for a quniform."""

Document = dict[str, Any]
"""One trial in hyperopt's own layout, as found in ``trials.trials``."""

OutcomeKind = Literal["returned", "raised", "lost", "cancelled"]

TrialStatus = Literal["success", "failure", "cancelled"]


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
        kind: ``returned`` when the objective returned, ``raised`` when it raised, ``lost``
            when its process ended first, ``cancelled`` when somebody cancelled it.
        value: What the objective returned, untouched; None unless ``returned``.
        failure: The reason; None if and only if ``returned``.
        attachments: What the objective attached through a ``Ctrl`` object, by name.
    """

    kind: OutcomeKind
    value: Any = None
    failure: Failure | None = None
    attachments: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if (self.kind == "returned") != (self.failure is None):
            raise ValueError(f"an outcome of kind {self.kind!r} with failure={self.failure!r}")


@dataclass(frozen=True, slots=True)
class Trial:
    """One proposed trial.

    Attributes:
        tid: The trial id, unique within the Trials object.
        assignment: Value by label, reached labels only.
        document: The live hyperopt document; the Run updates it in place.
    """

    tid: int
    assignment: Assignment
    document: Document


@dataclass(frozen=True, slots=True)
class TrialEnd:
    """The end of a trial as observers see it.

    Attributes:
        trial: The trial; its document is final.
        status: ``success`` when the objective returned a valid result (also one whose own
            status is ``fail``), ``failure`` when it raised or its process was lost,
            ``cancelled`` when it was stopped.
        loss: The loss of a valid result with status ``ok``, as a float (it may be NaN), else None.
        result: The result dict of a valid result, else None.
        failure: The reason of a failure or a cancellation, else None.
    """

    trial: Trial
    status: TrialStatus
    loss: float | None = None
    result: dict[str, Any] | None = None
    failure: Failure | None = None
