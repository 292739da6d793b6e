"""Keep the columns in step with a hyperopt ``Trials`` object, at the cost of what changed.

Source: the loop over ``trials.trials`` in ``hyperopt.tpe.suggest`` and ``miscs_to_idxs_vals`` of
``hyperopt.base``, which decide which documents count, and with which loss.

The documents that went into the columns are remembered in order. On every call that list is
compared with the list of the Trials object; from the first difference on, the columns are cut
off and read again. Differences are found near the end, among trials that were still running, so
this is cheap; and whatever happened (documents that failed and left, were deleted or replaced),
the outcome is right.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from operator import is_
from typing import Any

import numpy as np

from hyperbridge.documents import Document
from hyperbridge.search.tpe.columns import History
from hyperbridge.search.tpe.plan import Plan
from hyperbridge.search.tpe.priors import NotReproducibleError


class Ledger:
    """The history of one Trials object, by document.

    Args:
        plan: The compiled space.
    """

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._reset()

    def _reset(self) -> None:
        self.history = History(self._plan)
        self._documents: list[Document] = []
        self._losses: list[Any] = []  # the very objects in the documents' results
        self._rows: list[int] = [0]  # how many rows there were before each document
        self._unfinished: dict[int, dict[str, Any]] = {}  # values by position
        self._plain = True

    def sync(self, trials: Any) -> History:
        """Bring the columns up to date and return them: the loss of each document is compared.

        Raises:
            NotReproducibleError: A document is such that only hyperopt's own code can say what
                it means, or raise the error that it deserves.
        """
        documents: list[Document] = trials.trials
        try:
            if self._plain:
                self._update(documents)
            if not self._plain:
                self._rebuild(documents)
        except NotReproducibleError:
            self._reset()
            raise
        except (LookupError, TypeError, ValueError, AttributeError) as exc:
            self._reset()
            raise NotReproducibleError(f"a malformed document: {exc!r}") from exc
        return self.history

    def _update(self, documents: list[Document]) -> None:
        n = self._common_prefix(documents)
        self._truncate(n)
        for position in self._suspects():
            if not self._finish(position):
                self._truncate(position)
                break
        for document in documents[len(self._documents) :]:
            if not self._append(document):
                self._plain = False
                return

    def _common_prefix(self, documents: list[Document]) -> int:
        known = self._documents
        n = min(len(known), len(documents))
        if all(map(is_, documents, known)):
            return n
        return next(i for i in range(n + 1) if i == n or documents[i] is not known[i])

    def _suspects(self) -> Iterable[int]:
        """Return the positions of documents whose loss may have changed, in order."""
        losses = [document["result"].get("loss") for document in self._documents]
        if all(map(is_, losses, self._losses)):
            return ()
        return [i for i, loss in enumerate(losses) if loss is not self._losses[i]]

    def _finish(self, position: int) -> bool:
        """Give a document its loss, if that is all that changed."""
        document = self._documents[position]
        given = document["result"].get("loss")
        values = self._unfinished.get(position)
        if values is None or values != _values(self._plan, document["misc"]):
            return False
        if given is not None:
            loss = float(given)
            if math.isnan(loss):
                return False
            self.history.set_loss(self._rows[position], loss)
            self._losses[position] = given
            del self._unfinished[position]
        return True

    def _append(self, document: Document) -> bool:
        """Read one more document, unless it is a copy of another or its id is out of order."""
        misc, tid = document["misc"], _tid(document["tid"])
        if "from_tid" in misc or misc["tid"] != tid:
            return False
        if self._documents and tid <= self._documents[-1]["tid"]:
            return False
        given = document["result"].get("loss")
        loss = math.inf if given is None else float(given)
        values = _values(self._plan, misc)
        if not math.isnan(loss):
            self.history.append(values, loss)
        position = len(self._documents)
        if given is None:
            self._unfinished[position] = values
        self._documents.append(document)
        self._losses.append(given)
        self._rows.append(len(self.history))
        return True

    def _truncate(self, n: int) -> None:
        for position in range(n, len(self._documents)):
            self._unfinished.pop(position, None)
        self.history.truncate(self._rows[n])
        del self._documents[n:], self._losses[n:], self._rows[n + 1 :]

    def _rebuild(self, documents: list[Document]) -> None:
        """Read all documents, by hyperopt's rules for copies, equal ids and ids in any order."""
        best: dict[int, Document] = {}
        losses: dict[int, float] = {}
        for document in documents:
            tid = _tid(document["misc"].get("from_tid", document["tid"]))
            given = document["result"].get("loss")
            loss = math.inf if given is None else float(given)
            if loss <= losses.setdefault(tid, loss):
                losses[tid] = loss
                best[tid] = document
        self.history = History(self._plan)
        row_of = {tid: row for row, tid in enumerate(sorted(best))}
        if len({document["misc"]["tid"] for document in best.values()}) < len(best):
            raise NotReproducibleError("several documents with one id count at once")
        for tid in row_of:
            misc = best[tid]["misc"]
            values = _values(self._plan, misc)
            side_of = row_of.get(misc["tid"])
            # hyperopt finds the side of a value by the document's own id, so the values of a
            # copy whose own id is nobody's are not seen; its loss is.
            self.history.append({} if side_of is None else values, losses[tid], side_of=side_of)


def _tid(tid: Any) -> int:
    if isinstance(tid, bool) or not isinstance(tid, (int, np.integer)):
        raise NotReproducibleError(f"the trial id {tid!r} is not an integer")
    return int(tid)


def _values(plan: Plan, misc: dict[str, Any]) -> dict[str, Any]:
    """Return the values of the active labels of a document."""
    idxs, vals, here = misc["idxs"], misc["vals"], [misc["tid"]]
    values = {}
    for label in plan.labels:
        given = vals[label]
        if given == [] and idxs[label] == []:
            continue
        if len(given) != 1 or idxs[label] != here:
            raise NotReproducibleError(f"idxs and vals of {label!r} do not fit together")
        value = given[0]
        if isinstance(value, bool) or not isinstance(value, (float, int, np.integer)):
            raise NotReproducibleError(f"a value of {label!r} is a {type(value).__name__}")
        values[label] = value
    return values
