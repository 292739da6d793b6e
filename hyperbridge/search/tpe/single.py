"""Suggest a value of one parameter from plain arrays, where there is no space to compile.

The numbers are those of the other engines: hyperopt's TPE looks at one label at a time, so a label
needs only its own observations and which trials are the better ones.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from hyperbridge.search.tpe.certified import (
    UNDECIDED,
    best_continuous,
    best_quantised,
    inner_values,
)
from hyperbridge.search.tpe.draws import draw_mixture
from hyperbridge.search.tpe.likelihood import log_likelihood
from hyperbridge.search.tpe.parzen import Mixture, fit, forgetting_weights
from hyperbridge.search.tpe.priors import (
    BoolArray,
    CategoricalPrior,
    FloatArray,
    Prior,
)
from hyperbridge.search.tpe.stream import Stream


def suggest_value(
    prior: Prior,
    observations: FloatArray,
    is_better: BoolArray,
    stream: Stream,
    *,
    prior_weight: float,
    n_candidates: int,
) -> Any:
    """Draw candidates and return the one that promises most.

    Args:
        prior: The prior of the parameter.
        observations: Its values in past trials, oldest first, on the inner scale; categories
            are counted from 0.
        is_better: Whether each of them belongs to the better part of the trials.
        stream: Random numbers.
        prior_weight: Weight of the prior beside observations of weight 1.
        n_candidates: How many candidates to draw.
    """
    parts = observations[is_better], observations[~is_better]
    if isinstance(prior, CategoricalPrior):
        return _suggest_category(prior, *parts, stream, prior_weight, n_candidates)
    better, worse = (fit(part, prior, prior_weight) for part in parts)
    candidates = draw_mixture(prior, better.listed(), stream, n_candidates)
    if prior.is_narrow:
        position = UNDECIDED
    elif prior.q is None:
        many = (Mixture(*(part[None, :] for part in mixture)) for mixture in (better, worse))
        values = candidates[None, :]
        position = best_continuous(values, inner_values([prior], values), *many)[0]
    else:
        position = best_quantised(prior, candidates, better, worse)
    if position == UNDECIDED:
        score = log_likelihood(prior, candidates, better) - log_likelihood(prior, candidates, worse)
        position = int(score.argmax())
    return candidates[position]


def _suggest_category(
    prior: CategoricalPrior,
    better: FloatArray,
    worse: FloatArray,
    stream: Stream,
    prior_weight: float,
    n_candidates: int,
) -> int:
    posteriors = []
    for part in (better, worse):
        weights = forgetting_weights(len(part))
        counts = np.bincount(part.astype(np.int64), weights, prior.size)
        counts = counts + prior.pseudo_counts(prior_weight)
        posteriors.append(counts / counts.sum())
    candidates = np.array(stream.components(posteriors[0].tolist(), n_candidates))
    score = np.log(posteriors[0]) - np.log(posteriors[1])
    return int(candidates[score[candidates].argmax()])
