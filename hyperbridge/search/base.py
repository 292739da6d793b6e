"""The contract of a search: propose points, learn from results.

The FminRun owns the loop, the ids and the documents' life; a search only fills new documents
in and is told what became of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from hyperbridge.documents import Document, Place


class SearchNotReadyError(Exception):
    """The search has nothing now, and will have something when a trial has ended."""


class Search(Protocol):
    """Where new points come from.

    All methods are called under the FminRun's lock, so one at a time.
    """

    name: str
    """How the search is called in logs and in MLflow's ``algo`` param."""

    kept_in: Place | None
    """Where the search itself is kept, as a study is; None when the trials are all there is."""

    is_closed_list: bool
    """Whether the points are a list of the search's own, which no random point may join."""

    def pruned_by(self, pruner: Any) -> tuple[Any, str | None]:
        """Hear, before the first trial, which pruner the call of fmin has.

        Args:
            pruner: A name or an Optuna pruner; None when the call has none.

        Returns:
            The pruner to use, that of the search itself where the call has none; and the name of
            a study that the user has named, which some pruners draw from.
        """
        ...

    def propose(self, new_ids: Sequence[int]) -> list[Document]:
        """Return documents in state NEW for some of the ids, in order.

        Args:
            new_ids: Fresh trial ids. Fewer documents than ids are legal; none at all means
                that the search has nothing more to propose.

        Raises:
            SearchNotReadyError: It has nothing now.
        """
        ...

    def expect_withdrawals(self) -> None:
        """Hear, before the first proposal, that proposals may be withdrawn."""
        ...

    def withdraw(self, document: Document) -> None:
        """Take back a document that `propose` has just returned: no trial comes of it."""
        ...

    def observe(self, document: Document) -> None:
        """Hear that a document changed its state: it runs now, or it ended."""
        ...

    def close(self) -> None:
        """Release what the search holds. Called once, after the last trial, also after an error."""
        ...
