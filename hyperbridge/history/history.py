"""`History`: the trials of a search, taken out of whatever kept them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final

from hyperopt import base

from hyperbridge.documents import Document, loss_of, was_pruned
from hyperbridge.space import Space

STATES: Final = ("complete", "pruned", "failed", "cancelled", "running", "waiting")
"""What `state_of` tells apart."""


@dataclass
class History:
    """The trials of a search.

    Attributes:
        documents: The trials in hyperopt's layout, in order of proposal; no id twice. As in
            hyperopt a choice has the index of its option, where the source knows it.
        attachments: As in ``Trials.attachments``.
        source: Where they come from, for messages and ``misc["warm_started_from"]``.
        remarks: One line for each thing that was dropped or assumed on the way.
        space: The search space, where the source knows it.
        options: The options of a choice by its label, where the source knows these alone.
        texts: The text of each parameter by its label, where the source knows no space; see
            `hyperbridge.search.identity.space_texts`.
        heeded: The names of the options that have said what to read of this source.

    Examples:
        >>> History([], {}, "trials.pkl").best_loss() is None
        True
    """

    documents: list[Document]
    attachments: dict[str, Any]
    source: str
    remarks: list[str] = field(default_factory=list)
    space: Space | None = None
    texts: dict[str, str] = field(default_factory=dict)
    heeded: tuple[str, ...] = ()
    options: dict[str, list[Any]] = field(default_factory=dict)

    def remark(self, line: str) -> None:
        """Note once that something was dropped or assumed."""
        if line not in self.remarks:
            self.remarks.append(line)

    def labels(self) -> list[str]:
        """Return the labels that any document has, in the order in which they are first met."""
        found: dict[str, None] = {}
        for document in self.documents:
            found.update(dict.fromkeys(document["misc"]["vals"]))
        return list(found)

    def by_state(self) -> dict[str, int]:
        """Return how many trials there are in each of `STATES` that occurs, in that order."""
        counts = Counter(map(state_of, self.documents))
        return {state: counts[state] for state in STATES if counts[state]}

    def best_loss(self) -> float | None:
        """Return the lowest loss of the complete trials; None where there is none."""
        return min(self.losses(), default=None)

    def losses(self) -> Iterator[float]:
        """Return the losses of the complete trials, those that are NaN left out."""
        return (loss for loss in map(loss_of, self.documents) if loss is not None)


def state_of(document: Document) -> str:
    """Return what became of a trial, one of `STATES`.

    Examples:
        >>> state_of({"state": 2, "result": {"status": "ok", "loss": 0.5}})
        'complete'
    """
    state = document["state"]
    if state == base.JOB_STATE_NEW:
        return "waiting"
    if state == base.JOB_STATE_RUNNING:
        return "running"
    if state == base.JOB_STATE_CANCEL:
        return "cancelled"
    if was_pruned(document):
        return "pruned"
    is_complete = (
        state == base.JOB_STATE_DONE and document["result"].get("status") == base.STATUS_OK
    )
    return "complete" if is_complete else "failed"
