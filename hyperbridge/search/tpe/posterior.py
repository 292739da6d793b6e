"""The posterior of one group of labels within one suggestion: draw candidates, pick the best.

The labels of a group have the same observations' rows, so that their mixtures are fitted, and
their candidates scored, all at once.

Source: ``build_posterior`` and the adaptive Parzen samplers of ``hyperopt.tpe``.
"""

from __future__ import annotations

import operator
from typing import Any, TypeAlias

import numpy as np

from hyperbridge.search.tpe.better import category_weights, fit_better
from hyperbridge.search.tpe.certified import (
    UNDECIDED,
    best_continuous,
    best_quantised,
    contenders,
    inner_values,
)
from hyperbridge.search.tpe.columns import GroupColumns
from hyperbridge.search.tpe.draws import draw_mixture
from hyperbridge.search.tpe.likelihood import log_likelihood
from hyperbridge.search.tpe.long_history import is_long, sums_of_worse
from hyperbridge.search.tpe.parzen import (
    FORGET_AFTER,
    Mixture,
    fit,
    fit_placed,
    fit_rounded,
    fit_sorted,
    forgetting_weights,
)
from hyperbridge.search.tpe.plan import Parameter
from hyperbridge.search.tpe.priors import (
    BoolArray,
    CategoricalPrior,
    FloatArray,
    NumericPrior,
)
from hyperbridge.search.tpe.stream import Stream

_FEW = 100  # observations up to which labels with a rounding step are fitted with the others

_Undecided: TypeAlias = tuple[Parameter, NumericPrior, FloatArray]  # with its candidates


class GroupPosterior:
    """Candidates and scores of the labels of one group.

    Args:
        columns: The group's observations.
        below: Which rows of the history belong to the better part.
        prior_weight: Weight of the prior beside observations of weight 1.
        n_candidates: Candidates drawn per label.
    """

    def __init__(
        self, columns: GroupColumns, below: BoolArray, *, prior_weight: float, n_candidates: int
    ) -> None:
        self._columns = columns
        self._prior_weight = prior_weight
        self._n_candidates = n_candidates
        is_below = below[columns.rows[: columns.n]]
        self._below = is_below.nonzero()[0]
        self._is_above = ~is_below
        self._n_above = columns.n - len(self._below)
        self._fading = self._n_above > FORGET_AFTER
        self._above_weights = forgetting_weights(self._n_above)
        # By observation, 0 for the better part, and the prior's weight at the end.
        self._weights = np.zeros(columns.n + 1)
        self._weights[:-1][self._is_above] = self._above_weights
        self._weights[-1] = prior_weight
        self._undecided: list[_Undecided] = []
        columns.split(self._below.tolist())
        self._part = fit_better(columns, self._below, prior_weight)
        self._better = self._part.mixture
        if columns.categorical:
            self._scores = self._score_categories()

    def propose(self, parameter: Parameter, stream: Stream, *, certified: bool) -> Any:
        """Draw candidates of a label.

        Returns:
            The best of them, or None when it is left to `decide`.
        """
        prior, row = parameter.prior, parameter.row
        if isinstance(prior, CategoricalPrior):
            return self._best_category(row, stream)
        candidates = draw_mixture(prior, self._part.listed[row], stream, self._n_candidates)
        if certified and not parameter.decided_at_once:
            self._undecided.append((parameter, prior, candidates))
            return None
        return self._exact_winner(prior, row, candidates)

    def decide(self) -> dict[str, Any]:
        """Return the best candidates, by label, that `propose` left open."""
        if not self._undecided:
            return {}
        self._undecided.sort(key=lambda item: item[0].row)
        smooth = [item for item in self._undecided if item[1].q is None]
        rounded = [item for item in self._undecided if item[1].q is not None]
        few = self._n_above <= _FEW
        fitted = [*smooth, *rounded] if few else smooth
        positions: list[int] = []
        if is_long(self._columns, [parameter.row for parameter, _, _ in smooth], self._n_above):
            positions = self._decide_long(smooth)
        elif fitted:
            worse = self._fit_worse(fitted)
            if smooth:
                some = Mixture(*(part[: len(smooth)] for part in worse))
                positions = best_continuous(*self._candidates(smooth), some)
        for i, (parameter, prior, candidates) in enumerate(rounded, start=len(smooth)):
            row = parameter.row
            one = worse.row(i) if few else self._fit_worse_rounded(row, prior)
            positions.append(best_quantised(prior, candidates, self._better.row(row), one))
        return {
            parameter.label: self._winner(prior, parameter.row, candidates, position)
            for (parameter, prior, candidates), position in zip(
                [*smooth, *rounded], positions, strict=True
            )
        }

    def _candidates(self, smooth: list[_Undecided]) -> tuple[FloatArray, FloatArray, Mixture]:
        """Return labels' candidates, the same on the inner scale, and the better mixtures."""
        values = np.array([candidates for _, _, candidates in smooth])
        rows = self._columns.index([parameter.row for parameter, _, _ in smooth])
        better = Mixture(*(part[rows] for part in self._better))
        return values, inner_values([prior for _, prior, _ in smooth], values), better

    def _decide_long(self, smooth: list[_Undecided]) -> list[int]:
        """Return the positions of the winners of labels without a rounding step.

        The sums of the long history leave few candidates; the exact sums decide between those.
        """
        values, inner, better = self._candidates(smooth)
        sums, slack = sums_of_worse(self._columns, inner, self._weights, self._n_above)
        possible = contenders(inner, better, sums, slack)
        counts = np.count_nonzero(possible, axis=1)
        positions: list[int] = possible.argmax(axis=1).tolist()
        left = np.flatnonzero(counts > 1)
        if len(left):
            most = int(counts[left].max())
            places = np.argsort(~possible[left], axis=1, kind="stable")[:, :most]
            found = best_continuous(
                np.take_along_axis(values[left], places, axis=1),
                np.take_along_axis(inner[left], places, axis=1),
                Mixture(*(part[left] for part in better)),
                self._fit_worse([smooth[i] for i in left]),
            )
            for i, where, position in zip(left.tolist(), places.tolist(), found, strict=True):
                positions[i] = where[position] if position != UNDECIDED else UNDECIDED
        return positions

    def _winner(
        self, prior: NumericPrior, row: int, candidates: FloatArray, position: int
    ) -> np.float64:
        if position == UNDECIDED:
            return self._exact_winner(prior, row, candidates)
        winner: np.float64 = candidates[position]
        return winner

    def _exact_winner(self, prior: NumericPrior, row: int, candidates: FloatArray) -> np.float64:
        observations = self._columns.inner[row, : self._columns.n][self._is_above]
        worse = fit(observations, prior, self._prior_weight)
        with np.errstate(invalid="ignore"):
            score = log_likelihood(prior, candidates, self._better.row(row)) - log_likelihood(
                prior, candidates, worse
            )
        winner: np.float64 = candidates[score.argmax()]
        return winner

    def _fit_worse(self, items: list[_Undecided]) -> Mixture:
        """Fit the worse part of some labels, weights not normalised."""
        columns, n = self._columns, self._columns.n
        rows = columns.index([parameter.row for parameter, _, _ in items])
        if not any(columns.tied[parameter.row] for parameter, _, _ in items):
            known = slice(self._n_above + 1)
            return fit_placed(
                columns.worse[rows, known],
                self._weights[columns.order[rows, known]],
                [columns.prior_at[parameter.row] for parameter, _, _ in items],
                columns.prior_sigmas[rows],
            )
        observations = columns.inner[rows, :n][:, self._is_above]
        order = observations.argsort(axis=1)
        return fit_sorted(
            np.take_along_axis(observations, order, axis=1),
            self._above_weights[order] if self._fading else None,
            columns.prior_mus[rows],
            columns.prior_sigmas[rows],
            self._prior_weight,
        )

    def _fit_worse_rounded(self, row: int, prior: NumericPrior) -> Mixture:
        """Fit the worse part of a label with a rounding step, weights not normalised."""
        observations = self._columns.inner[row, : self._columns.n][self._is_above]
        order = observations.argsort()
        weights = self._above_weights[order] if self._fading else None
        return fit_rounded(observations[order], weights, prior, self._prior_weight)

    def _score_categories(self) -> list[list[float]]:
        """Return the scores of each categorical label's categories."""
        columns = self._columns
        codes, weights = columns.codes[:, : columns.n], self._weights[:-1]
        if len(codes) > 1:
            weights = np.concatenate([weights] * len(codes))
        counts = np.bincount(codes.ravel(), weights, columns.starts[-1])
        _, log_weights = category_weights(columns, counts, self._prior_weight)
        scores = list(map(operator.sub, self._part.log_weights, log_weights))
        return [scores[block] for block in columns.blocks]

    def _best_category(self, row: int, stream: Stream) -> np.int64:
        scores = self._scores[row]
        candidates = stream.components(self._part.categories[row], self._n_candidates)
        drawn = [scores[candidate] for candidate in candidates]
        if any(score != score for score in scores):  # NumPy takes NaN for the highest
            position = int(np.array(drawn).argmax())
        else:
            position = drawn.index(max(drawn))
        winner: np.int64 = np.int64(candidates[position])
        return winner
