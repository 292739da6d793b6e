"""A search that proposes no point twice: what another search proposes, without the repeats."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from hyperbridge.documents import Document, Place, misc_of, new_document
from hyperbridge.errors import UnsupportedArgumentError
from hyperbridge.search.base import Search, SearchNotReadyError
from hyperbridge.search.hyperopt_algo import SeedSource, next_seed
from hyperbridge.search.known_points import Key, KnownPoints
from hyperbridge.space import Space
from hyperbridge.space.finite import outline_of, points_of

logger = logging.getLogger(__name__)

MOST_PROPOSALS = 10
"""How often the search is asked for one trial: more finds no better points, and costs more."""

MOST_LISTED = 10_000
"""Up to how many points of a space are listed, to find those that are left."""

MOST_DRAWS = 1_000
"""How many points are drawn at random from a space that has more."""


class FreshPoints:
    """The proposals of a search without the points that the Trials have already.

    A repeat is given back to the search, which is asked again. One that has converged may insist
    on what it knows, so after `MOST_PROPOSALS` times the trial gets a random point that is free:
    any of those that are left where the space has few points, else one drawn from the space. When
    there is none, the search is exhausted.

    Args:
        search: Where the points come from.
        space: The search space.
        trials: The Trials object of the run.
        seeds: Where the seeds of the random points come from, the same as the search's own.
        labels: The labels of the space, in the order that documents are to have.

    Raises:
        UnsupportedArgumentError: The search cannot take a proposal back.
    """

    def __init__(
        self, search: Search, space: Space, trials: Any, seeds: SeedSource, labels: Iterable[str]
    ) -> None:
        if not hasattr(search, "withdraw"):  # of another package's backend
            raise UnsupportedArgumentError(
                f"the search {search.name!r} cannot take a proposal back, which repeats='skip' "
                "needs (see hyperbridge.search.base.Search). Use repeats='run' or 'reuse'."
            )
        self.inner = search
        self.name: str = search.name
        self.kept_in: Place | None = search.kept_in
        self.is_closed_list = search.is_closed_list
        self._most_proposals = MOST_DRAWS if self.is_closed_list else MOST_PROPOSALS
        self._known = KnownPoints(space, trials)
        self._free = _FreePoints(space, self._known)
        self._trials = trials
        self._seeds = seeds
        self._labels = list(labels)
        search.expect_withdrawals()

    def pruned_by(self, pruner: Any) -> tuple[Any, str | None]:
        """See `Search.pruned_by`."""
        return self.inner.pruned_by(pruner)

    def propose(self, new_ids: Sequence[int]) -> list[Document]:
        """Return documents of points that are new; fewer, or none, when none is left.

        The first one says in its ``misc``, as ``redrawn``, how many seeds its call has drawn
        beyond the usual one, so that a search that is continued goes on behind them.
        """
        fresh: list[Document] = []
        taken: set[Key] = set()
        left = list(new_ids)
        n_seeds = 0
        for _ in range(self._most_proposals):
            try:
                proposed = self.inner.propose(left)
            except SearchNotReadyError:
                if not fresh:
                    raise
                left = []
                break
            n_seeds += 1
            left = []
            for document in proposed:
                key = self._known.key_of(document)
                if key is not None and (key in taken or self._known.is_taken(key)):
                    self.inner.withdraw(document)
                    left.append(document["tid"])
                else:
                    fresh.append(document)
                    if key is not None:
                        taken.add(key)
            if not left:
                break
        if left and not self.is_closed_list:
            n_seeds += 1
            fresh += self._fill(left, taken)
        if left and not fresh:
            self._say_exhausted()
        order = {tid: position for position, tid in enumerate(new_ids)}
        fresh.sort(key=lambda document: order.get(document["tid"], len(order)))
        if fresh and n_seeds > 1:
            fresh[0]["misc"]["redrawn"] = n_seeds - 1
        return fresh

    def _fill(self, ids: Sequence[int], taken: set[Key]) -> list[Document]:
        """Return documents of random points for ids that the search had only repeats for."""
        rng = np.random.default_rng(next_seed(self._seeds))
        documents = []
        for tid in ids:
            assignment = self._free.draw(rng, taken)
            if assignment is None:
                break
            misc = misc_of(tid, assignment, self._labels)
            documents.append(new_document(tid, misc, self._trials._exp_key))
        return documents

    def _say_exhausted(self) -> None:
        n = self._free.n_listed
        if n is not None and not self.is_closed_list:
            why = f"all {n} points of the space were evaluated, or are being evaluated"
        else:
            beside = "" if self.is_closed_list else f" and {MOST_DRAWS} random draws"
            why = f"{self._most_proposals} proposals of {self.name}{beside} were all known points"
        logger.warning("the search ends, as repeats='skip' and %s", why)

    def expect_withdrawals(self) -> None:
        """Do nothing: whoever wraps this one withdraws what the inner search knows how to."""

    def withdraw(self, document: Document) -> None:
        """See `Search.withdraw`."""
        self.inner.withdraw(document)

    def observe(self, document: Document) -> None:
        """See `Search.observe`."""
        self.inner.observe(document)

    def close(self) -> None:
        """See `Search.close`."""
        self.inner.close()


class _FreePoints:
    """Draws points that no trial has.

    Args:
        space: The search space.
        known: The points that trials have.

    Attributes:
        n_listed: How many points the space has; None where that is not known.
    """

    def __init__(self, space: Space, known: KnownPoints) -> None:
        self._space = space
        self._known = known
        self._listed: dict[Key, dict[str, Any]] | None = None
        self._is_counted = False
        self.n_listed: int | None = None

    def draw(self, rng: np.random.Generator, taken: set[Key]) -> dict[str, Any] | None:
        """Return a random assignment that is free, and take it; None when none is found.

        Points of which a trial raised come after all the others.

        Args:
            rng: Draws it.
            taken: Points that are not free, beside those of the Trials; the new one is added.
        """
        self._count()
        if self._listed is None:
            return self._draw_any(rng, taken)
        free = [key for key in self._listed if key not in taken and not self._known.is_taken(key)]
        free = [key for key in free if not self._known.has_failed(key)] or free
        if not free:
            return None
        key = free[int(rng.integers(len(free)))]
        taken.add(key)
        return dict(self._listed[key])

    def _count(self) -> None:
        if self._is_counted:
            return
        self._is_counted = True
        outline = outline_of(self._space)
        points = None if outline is None else points_of(outline, MOST_LISTED)
        if points is not None:
            self._listed = {key: p for p in points if (key := self._known.key(p)) is not None}
            self.n_listed = len(points)
        self._space = outline or self._space

    def _draw_any(self, rng: np.random.Generator, taken: set[Key]) -> dict[str, Any] | None:
        for _ in range(MOST_DRAWS):
            try:
                assignment = self._space.draw(rng)[1]
            except Exception as exc:  # noqa: BLE001 - a function of the user's in the space
                logger.debug("a random point could not be drawn: %r", exc)
                continue
            key = self._known.key(assignment)
            if key is not None and key not in taken and not self._known.is_taken(key):
                taken.add(key)
                return assignment
        return None
