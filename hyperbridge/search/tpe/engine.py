"""Propose points: at random, or by TPE with one of two engines that agree in every bit.

The exact engine scores candidates by hyperopt's own float operations. The certified engine needs
only their arg-max: it scores by cheaper formulas with an error bound, and where the winner is not
ahead of the runner-up by more than that, the exact formulas decide.

Source: ``suggest`` and ``build_posterior`` of ``hyperopt.tpe``.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hyperbridge.search.tpe.columns import History
from hyperbridge.search.tpe.plan import Draws, Plan
from hyperbridge.search.tpe.posterior import GroupPosterior
from hyperbridge.search.tpe.word_stream import open_stream

_FEW = 4  # labels whose candidates are not worth a table of all words


@dataclass(frozen=True, slots=True)
class TpeOptions:
    """The options of ``hyperopt.tpe.suggest``, with its defaults.

    Attributes:
        prior_weight: Weight of the prior beside observations of weight 1; positive.
        n_startup_jobs: Trials to draw at random before the first fit.
        n_EI_candidates: Candidates drawn per label.
        gamma: The better part of n trials has ``ceil(gamma * sqrt(n))`` of them, at most 25.
    """

    prior_weight: float = 1.0
    n_startup_jobs: float = 20
    n_EI_candidates: int = 24  # noqa: N815 (hyperopt's name)
    gamma: float = 0.25


def suggest_random(plan: Plan, rng: np.random.Generator) -> Draws:
    """Draw a point from the priors; categories are counted from 0."""
    draws: Draws = {}
    active = list(plan.active)
    for parameter in plan.order:
        group = parameter.group
        is_active = active[group]
        if is_active is None:
            is_active = active[group] = _holds(plan, group, draws)
        if is_active:
            draws[parameter.label] = parameter.draw(rng)
    return draws


def suggest_tpe(
    plan: Plan,
    history: History,
    rng: np.random.Generator,
    options: TpeOptions,
    *,
    certified: bool = True,
) -> Draws:
    """Draw candidates for each label and keep the one that promises most.

    Args:
        plan: The compiled space.
        history: The finished and running trials.
        rng: Seeded for this suggestion; not to be used for anything else.
        options: hyperopt's options.
        certified: False for the exact engine.

    Returns:
        Value by active label; categories are counted from 0.
    """
    draws: Draws = {}
    active = list(plan.active)
    below = history.below(options.gamma)
    stream = open_stream(
        rng.bit_generator,
        words=1.1 * history.words,
        repeated=any(len(group.numeric) > _FEW for group in history.groups),
    )
    posteriors: dict[int, GroupPosterior] = {}
    for parameter in plan.order:
        g = parameter.group
        is_active = active[g]
        if is_active is None:
            is_active = active[g] = _holds(plan, g, draws)
        if not is_active:
            continue
        posterior = posteriors.get(g)
        if posterior is None:
            posterior = posteriors[g] = GroupPosterior(
                history.groups[g],
                below,
                prior_weight=options.prior_weight,
                n_candidates=options.n_EI_candidates,
            )
        draws[parameter.label] = posterior.propose(parameter, stream, certified=certified)
    for posterior in posteriors.values():
        draws.update(posterior.decide())
    history.words += 0.2 * (stream.used - history.words)
    return draws


def _holds(plan: Plan, group: int, draws: Draws) -> bool:
    """Tell whether a group is active; it is asked for when its ancestors are drawn."""
    holds = plan.conditions[group].holds
    return holds is None or holds(draws)
