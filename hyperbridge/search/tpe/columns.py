"""The history of a search in columns, so that a suggestion costs no walk over documents.

Labels that are active under the same condition form a group and share one vector of trial rows.
"""

from __future__ import annotations

import bisect
import itertools
import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from hyperbridge.search.tpe.kernel_grid import KernelGrid
from hyperbridge.search.tpe.parzen import FORGET_AFTER
from hyperbridge.search.tpe.plan import Parameter, Plan
from hyperbridge.search.tpe.priors import (
    BoolArray,
    CategoricalPrior,
    FloatArray,
    IntArray,
    NotReproducibleError,
    NumericPrior,
)

_FIRST_CAPACITY = 64


class GroupColumns:
    """The observations of the labels of one group, in arrival order.

    Attributes:
        n: Number of observations.
        rows: The history's row of each observation.
        inner: Values of the numeric labels on their inner scale, shape (labels, capacity).
        worse, order: The values outside of the better part and the prior's centre, sorted, and
            the observation that each came from, -1 for the prior; ``n_worse + 1`` of them.
            Not kept for labels in ``tied``.
        n_worse: Number of observations outside of the better part.
        prior_at: Where in each row of ``worse`` the prior's centre is.
        tied: Whether a numeric label has equal observations (or will: it is rounded); there only
            NumPy's own sort tells which of the equals comes first.
        codes: Categories of the categorical labels, each label's shifted to ``starts``.
        starts: Where the categories of each categorical label begin in one common numbering;
            one more element at the end.
        blocks: The same as a slice for each categorical label.
        smooth: The rows of the numeric labels without a rounding step.
        kept: What `fit_better` made of the better part, None when that has changed.
    """

    def __init__(self, parameters: list[Parameter]) -> None:
        parameters = sorted(parameters, key=lambda p: p.row)
        self.numeric = [(p.label, p.prior) for p in parameters if isinstance(p.prior, NumericPrior)]
        self.categorical = [
            (p.label, p.prior) for p in parameters if isinstance(p.prior, CategoricalPrior)
        ]
        self.labels = [label for label, _ in (*self.numeric, *self.categorical)]
        self.prior_mus = np.array([prior.mu for _, prior in self.numeric], dtype=np.float64)
        self.prior_sigmas = np.array([prior.sigma for _, prior in self.numeric], dtype=np.float64)
        sizes = [prior.size for _, prior in self.categorical]
        self.starts = [0, *itertools.accumulate(sizes)]
        self.blocks = list(itertools.starmap(slice, itertools.pairwise(self.starts)))
        self._pseudo_counts: dict[float, tuple[FloatArray, bool]] = {}
        self.n = 0
        self.rows: IntArray = np.zeros(_FIRST_CAPACITY, dtype=np.int64)
        self.inner: FloatArray = np.zeros((len(self.numeric), _FIRST_CAPACITY))
        self.worse: FloatArray = np.zeros((len(self.numeric), _FIRST_CAPACITY + 1))
        self.worse[:, 0] = self.prior_mus
        self.order: IntArray = np.full((len(self.numeric), _FIRST_CAPACITY + 1), -1)
        self.n_worse = 0
        self.prior_at = [0] * len(self.numeric)
        self._better: set[int] = set()
        self.tied = [prior.q is not None for _, prior in self.numeric]
        self.codes: IntArray = np.zeros((len(self.categorical), _FIRST_CAPACITY), dtype=np.int64)
        self.smooth = [i for i, (_, prior) in enumerate(self.numeric) if prior.q is None]
        self.kept: object = None
        self._grid: KernelGrid | None = None

    def pseudo_counts(self, prior_weight: float) -> tuple[FloatArray, bool]:
        """Return what the priors add to the counts of all categories, and if to each something."""
        found = self._pseudo_counts.get(prior_weight)
        if found is None:
            counts = np.empty(self.starts[-1])
            for block, (_, prior) in zip(self.blocks, self.categorical, strict=True):
                counts[block] = prior.pseudo_counts(prior_weight)
            found = self._pseudo_counts[prior_weight] = counts, bool((counts > 0).all())
        return found

    def index(self, rows: list[int]) -> Any:
        """Return what selects rows of numeric labels: a slice, which copies nothing, for all."""
        return slice(None) if rows == list(range(len(self.numeric))) else rows

    def grid(self) -> KernelGrid:
        """Return the observations of the labels ``smooth`` on a grid."""
        if self._grid is None:
            self._grid = KernelGrid([self.numeric[i][1] for i in self.smooth])
        self._grid.extend(self.inner[:, self._grid.n : self.n][self.index(self.smooth)])
        return self._grid

    def append(self, row: int, values: Mapping[str, Any]) -> None:
        """Add one trial's values of all labels of the group.

        Raises:
            NotReproducibleError: A value is impossible; nothing was added.
        """
        inner = [prior.to_inner(values[label]) for label, prior in self.numeric]
        codes = [
            _code(label, values[label], prior) + start
            for (label, prior), start in zip(self.categorical, self.starts, strict=False)
        ]
        n = self.n
        if n == len(self.rows):
            self._grow()
        self.rows[n] = row
        self.inner[:, n] = inner
        self.codes[:, n] = codes
        self.n = n + 1
        self._insert(n)

    def truncate(self, row: int) -> None:
        """Forget the trials from a row of the history on."""
        n = int(self.rows[: self.n].searchsorted(row))
        if n == self.n:
            return
        left = n - sum(observation < n for observation in self._better)
        for i, tied in enumerate(self.tied):
            if not tied:
                known = slice(self.n_worse + 1)
                kept = self.order[i, known] < n
                self.worse[i, : left + 1] = self.worse[i, known][kept]
                self.order[i, : left + 1] = self.order[i, known][kept]
                self.prior_at[i] = int((self.order[i, : left + 1] == -1).argmax())
        better = {observation for observation in self._better if observation < n}
        if better != self._better:
            self._better, self.kept = better, None
        self.n, self.n_worse = n, left
        if self._grid is not None:
            self._grid.truncate(n)

    def split(self, better: list[int]) -> None:
        """Say which observations are the better part: ``worse`` has the others."""
        now = set(better)
        if now == self._better:
            return
        for observation in self._better - now:
            self._insert(observation)
        for observation in now - self._better:
            self._remove(observation)
        self._better, self.kept = now, None

    def _insert(self, observation: int) -> None:
        n = self.n_worse + 1
        for i, tied in enumerate(self.tied):
            if tied:
                continue
            values, order, value = self.worse[i], self.order[i], self.inner[i, observation]
            at = int(values[:n].searchsorted(value))
            if at < n and values[at] == value:
                self.tied[i] = True
                continue
            values[at + 1 : n + 1] = values[at:n]
            values[at] = value
            order[at + 1 : n + 1] = order[at:n]
            order[at] = observation
            self.prior_at[i] += at <= self.prior_at[i]
        self.n_worse = n

    def _remove(self, observation: int) -> None:
        n = self.n_worse + 1
        for i, tied in enumerate(self.tied):
            if not tied:
                values, order = self.worse[i], self.order[i]
                at = int(values[:n].searchsorted(self.inner[i, observation]))
                values[at : n - 1] = values[at + 1 : n]
                order[at : n - 1] = order[at + 1 : n]
                self.prior_at[i] -= at < self.prior_at[i]
        self.n_worse = n - 2

    def _grow(self) -> None:
        def larger(old: Any) -> Any:
            new = np.zeros((*old.shape[:-1], 2 * old.shape[-1]), old.dtype)
            new[..., : old.shape[-1]] = old
            return new

        self.rows, self.inner = larger(self.rows), larger(self.inner)
        self.worse, self.order = larger(self.worse), larger(self.order)
        self.codes = larger(self.codes)


def _code(label: str, value: Any, prior: CategoricalPrior) -> int:
    code = int(value) - prior.offset
    if code + prior.offset != value or not 0 <= code < prior.size:
        raise NotReproducibleError(f"{value!r} is not a value of {label!r}")
    return code


class History:
    """Losses and values of the trials that count, one row a trial, in the order of their ids.

    Attributes:
        groups: Columns of each group of the plan.
        words: How many words of the generator a suggestion took of late, for `open_stream`.
    """

    def __init__(self, plan: Plan) -> None:
        self.groups = [
            GroupColumns([p for p in plan.order if p.group == g])
            for g in range(len(plan.conditions))
        ]
        self.words = 0.0
        self._n = 0
        self._losses: FloatArray = np.full(_FIRST_CAPACITY, math.inf)
        self._best: list[tuple[float, int]] = []  # the smallest finite losses and their rows

    def __len__(self) -> int:
        return self._n

    @property
    def losses(self) -> FloatArray:
        """The losses by row; infinite for a trial without one."""
        return self._losses[: self._n]

    def append(self, values: Mapping[str, Any], loss: float, *, side_of: int | None = None) -> int:
        """Add a trial.

        Args:
            values: Value by label, active labels only.
            loss: Its loss, not NaN; infinite as long as the trial has no loss.
            side_of: The row whose loss decides on which side of the split the values are;
                None for the trial's own.

        Returns:
            Its row.

        Raises:
            NotReproducibleError: The values do not fit the space; nothing was added.
        """
        row = self._n
        if row == len(self._losses):
            self._losses = np.concatenate([self._losses, np.full(row, math.inf)])
        try:
            for group in self.groups:
                present = sum(label in values for label in group.labels)
                if present == len(group.labels):
                    group.append(row if side_of is None else side_of, values)
                elif present:
                    raise NotReproducibleError("a trial has some, not all, of a set of labels")
        except NotReproducibleError:
            for group in self.groups:
                group.truncate(row)
            raise
        self._n = row + 1
        self._losses[row] = math.inf
        self.set_loss(row, loss)
        return row

    def set_loss(self, row: int, loss: float) -> None:
        """Give a row that had an infinite loss its loss."""
        self._losses[row] = loss
        best = self._best
        if loss < math.inf and (len(best) <= FORGET_AFTER or loss < best[-1][0]):
            bisect.insort(best, (loss, row))
            del best[FORGET_AFTER + 1 :]

    def truncate(self, row: int) -> None:
        """Forget the rows from ``row`` on."""
        if row >= self._n:
            return
        for group in self.groups:
            group.truncate(row)
        self._n = row
        order = np.argsort(self.losses)[: FORGET_AFTER + 1].tolist()
        self._best = sorted(
            (float(self._losses[r]), r) for r in order if self._losses[r] < math.inf
        )

    def below(self, gamma: float) -> BoolArray:
        """Tell which rows belong to the better part, as hyperopt splits them."""
        n_below = n_better(self._n, gamma)
        best = self._best
        next_loss = best[n_below][0] if len(best) > n_below else math.inf
        if not n_below or len(best) < n_below or best[n_below - 1][0] >= next_loss:
            return better_part(self.losses, gamma)
        mask = np.zeros(self._n, dtype=np.bool_)
        mask[[row for _, row in best[:n_below]]] = True
        return mask


def n_better(n: int, gamma: float) -> int:
    """Return how many of ``n`` trials make up the better part."""
    return min(math.ceil(gamma * math.sqrt(n)), FORGET_AFTER)


def better_part(losses: FloatArray, gamma: float) -> BoolArray:
    """Tell which losses belong to the better part, as hyperopt splits them.

    Where equal losses are on both sides, NumPy's own sort tells which of them come first.
    """
    mask = np.zeros(len(losses), dtype=np.bool_)
    mask[np.argsort(losses)[: n_better(len(losses), gamma)]] = True
    return mask
