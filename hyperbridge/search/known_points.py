"""Which points a Trials object has, and what became of them.

Two points are the same if they reach the same labels with equal values: 1 and 1.0 are equal, and
so are two NaNs, and two numbers that are the same multiple of a distribution's ``q``.
"""

from __future__ import annotations

import math
from typing import Any, TypeAlias

from hyperopt.base import JOB_STATE_CANCEL, JOB_STATE_DONE, JOB_STATE_ERROR

from hyperbridge.documents import Assignment, Document, assignment_of
from hyperbridge.space import Space
from hyperbridge.space.queries import Condition

Key: TypeAlias = frozenset[tuple[str, Any]]
"""Equal for assignments that are the same point."""

_MOST_FAILURES = 2
_ROUNDING = 1e-9


class KnownPoints:
    """The points among the documents of a Trials object, found by their values.

    Documents may come and change their state at any time; each is read once.

    Args:
        space: The search space.
        trials: The Trials object.
    """

    def __init__(self, space: Space, trials: Any) -> None:
        self._trials = trials
        self._ways = {
            label: ways for label, ways in space.conditions.items() if frozenset() not in ways
        }
        self._steps: dict[str, float] = {
            label: parameter.distribution.q
            for label, parameter in space.parameters.items()
            if hasattr(parameter.distribution, "q")
        }
        self._found: dict[Key, list[Document]] = {}
        self._n_read = 0

    def key(self, assignment: Assignment) -> Key | None:
        """Return what is equal for the same point; None where a value cannot be compared."""
        pairs = [
            (label, self._comparable(label, value))
            for label, value in assignment.items()
            if self._is_reached(label, assignment)
        ]
        try:
            return frozenset(pairs)
        except TypeError:  # a value that an algorithm of the user's made
            return None

    def key_of(self, document: Document) -> Key | None:
        """Return the key of a document's point; see `key`."""
        try:
            return self.key(assignment_of(document))
        except NotImplementedError:  # several values of a label: the trial fails, later
            return None

    def is_taken(self, key: Key) -> bool:
        """Tell whether a point was evaluated, is being evaluated, or waits.

        What raised may be tried a second time, as an error may be one of the machine; what raised
        twice may not. A result with the status "fail" is the objective's own word, and final. What
        was cancelled was not evaluated.
        """
        n_failed = 0
        for document in self._documents(key):
            if document["state"] == JOB_STATE_ERROR:
                n_failed += 1
            elif document["state"] != JOB_STATE_CANCEL:
                return True
        return n_failed >= _MOST_FAILURES

    def has_failed(self, key: Key) -> bool:
        """Tell whether a trial of the point raised."""
        return any(document["state"] == JOB_STATE_ERROR for document in self._documents(key))

    def evaluated(self, document: Document) -> Document | None:
        """Return the first document of the same point that has a result; None for none."""
        key = self.key_of(document)
        if key is None:
            return None
        for other in self._documents(key):
            if other["state"] == JOB_STATE_DONE:
                return other
        return None

    def _documents(self, key: Key) -> list[Document]:
        documents = self._trials._dynamic_trials
        if len(documents) < self._n_read:  # somebody has taken some away
            self._found.clear()
            self._n_read = 0
        exp_key = self._trials._exp_key
        for document in documents[self._n_read :]:
            if exp_key is None or document["exp_key"] == exp_key:
                found = self.key_of(document)
                if found is not None:
                    self._found.setdefault(found, []).append(document)
        self._n_read = len(documents)
        return self._found.get(key, [])

    def _is_reached(self, label: str, assignment: Assignment) -> bool:
        ways = self._ways.get(label)
        return ways is None or any(
            all(_holds(condition, assignment) for condition in way) for way in ways
        )

    def _comparable(self, label: str, value: Any) -> Any:
        if getattr(value, "ndim", None) == 0:
            value = value.item()
        if not isinstance(value, float | int):
            return value
        if value != value:
            return "nan"
        q = self._steps.get(label)
        if q is not None and math.isfinite(value):
            nearest = round(value / q) * q
            if abs(value - nearest) <= _ROUNDING * max(abs(value), q):
                return nearest
        return value


def _holds(condition: Condition, assignment: Assignment) -> bool:
    """Tell whether a choice has taken an option; True for one on a computed index."""
    if condition.label is None:
        return True
    try:
        return int(assignment[condition.label]) == condition.option
    except (KeyError, TypeError, ValueError, OverflowError):
        return False
