"""Choose the Optuna sampler for a hyperopt algorithm, with its options and its seed.

Source: hyperopt's signatures of ``tpe.suggest`` and ``rand.suggest``; Optuna's reference of
``TPESampler`` and ``RandomSampler``.
"""

from __future__ import annotations

import functools
import inspect
import math
import sys
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from numbers import Real
from typing import Any

import numpy as np
from hyperopt import rand, tpe

from hyperbridge.errors import InvalidArgumentError, UnsupportedArgumentError
from hyperbridge.optional import is_loaded
from hyperbridge.space import Space
from hyperbridge.space.distributions import Categorical

SEED_BOUND = 2**31 - 1

_OPTIONS: dict[str, tuple[str, Callable[[Any], bool]]] = {
    "gamma": ("a finite number", math.isfinite),
    "n_EI_candidates": (
        "a whole number of at least 1",
        lambda value: math.isfinite(value) and value >= 1 and value == int(value),
    ),
    "n_startup_jobs": ("a number", lambda value: not math.isnan(value)),
    "prior_weight": (
        "a finite number of at least 0",
        lambda value: math.isfinite(value) and value >= 0,
    ),
}
"""What each option of ``tpe.suggest`` must be, in words and as a test of a number."""


@dataclass(frozen=True, slots=True)
class Choice:
    """The sampler for a hyperopt algorithm.

    Attributes:
        sampler: The ``optuna.samplers.BaseSampler``.
        n_random: How many trials it draws at random before it begins; infinite for all.
    """

    sampler: Any
    n_random: float


def is_optuna_algo(algo: Any) -> bool:
    """Tell whether fmin's ``algo`` is an Optuna sampler or study; Optuna is not imported for it.

    Examples:
        >>> is_optuna_algo(print)
        False
    """
    if not is_loaded("optuna"):
        return False
    import optuna

    return isinstance(algo, optuna.samplers.BaseSampler | optuna.Study)


def sampler_name(sampler: Any) -> str:
    """Name a sampler as it is imported: ``optuna.samplers.TPESampler``."""
    from optuna import samplers

    kind = type(sampler)
    if getattr(samplers, kind.__name__, None) is kind:
        return f"optuna.samplers.{kind.__name__}"
    return f"{kind.__module__}.{kind.__qualname__}"


def sampler_seed(seeds: Any) -> int:
    """Draw the seed of a sampler.

    ``rstate=numpy.random.default_rng(7)``, not used before, gives 7: the search is then the one
    that code written for Optuna gets from ``TPESampler(seed=7)``.

    Args:
        seeds: A ``numpy.random.Generator``, or an object with its ``integers``.

    Examples:
        >>> generator = np.random.default_rng(7)
        >>> sampler_seed(generator), sampler_seed(generator) == 7
        (7, False)
    """
    drawn = int(seeds.integers(SEED_BOUND))
    if isinstance(seeds, np.random.Generator):
        entropy = getattr(seeds.bit_generator.seed_seq, "entropy", None)
        if isinstance(entropy, int) and 0 <= entropy < 2**32:
            first = int(np.random.default_rng(entropy).integers(SEED_BOUND))
            return entropy if drawn == first else drawn
    return drawn


def fresh_seed(seed: int, n_known: int) -> int:
    """Return the seed of a sampler that continues a study: the same for the same history.

    Args:
        seed: The seed of the call.
        n_known: How many trials the study has already. For 0 the seed is not changed.

    Examples:
        >>> fresh_seed(7, 0), fresh_seed(7, 10) == fresh_seed(7, 10), fresh_seed(7, 10) == 7
        (7, True, False)
    """
    if n_known == 0:
        return seed
    return int(np.random.default_rng([seed, n_known]).integers(SEED_BOUND))


def has_counterpart(algo: Any) -> bool:
    """Tell whether Optuna has a sampler for a hyperopt algorithm.

    Examples:
        >>> has_counterpart(functools.partial(tpe.suggest, gamma=0.3)), has_counterpart(print)
        (True, False)
    """
    return _unwrapped(algo)[0] in (tpe.suggest, rand.suggest)


def _unwrapped(algo: Any) -> tuple[Any, dict[str, Any]]:
    """Return the function within ``functools.partial`` objects, and its options."""
    options: dict[str, Any] = {}
    while isinstance(algo, functools.partial) and not algo.args:
        options = {**algo.keywords, **options}
        algo = algo.func
    return algo, options


def sampler_for(algo: Any, seed: int, space: Space) -> Choice:
    """Return the sampler for a hyperopt algorithm.

    Args:
        algo: ``tpe.suggest``, ``rand.suggest``, or a ``functools.partial`` of one.
        seed: Seeds the sampler.
        space: The search space.

    Raises:
        UnsupportedArgumentError: The algorithm has no such option, or the installed Optuna has
            no counterpart of it.
        InvalidArgumentError: An option's value cannot work.
    """
    from optuna.samplers import RandomSampler

    function, options = _unwrapped(algo)
    if function is tpe.suggest:
        return _tpe(options, seed, space)
    if options:
        raise UnsupportedArgumentError(f"rand.suggest has no option {next(iter(options))!r}")
    return Choice(RandomSampler(seed=seed), math.inf)


def _tpe(options: dict[str, Any], seed: int, space: Space) -> Choice:
    """Make a TPESampler. Options that the user has not set have Optuna's defaults."""
    from optuna.samplers import TPESampler

    from hyperbridge.search.optuna.mixed_tpe import MixedTPESampler, n_best

    options.pop("verbose", None)  # hyperopt's own log lines
    _check_options(options)
    # Optuna 4 and 5 have different defaults for the first two
    keywords: dict[str, Any] = {"multivariate": True, "constant_liar": True, "seed": seed}
    n_startup = options.get("n_startup_jobs", 10)
    if "n_startup_jobs" in options:
        keywords["n_startup_trials"] = math.ceil(min(max(n_startup, 0), sys.maxsize))
    if "n_EI_candidates" in options:
        keywords["n_ei_candidates"] = int(options["n_EI_candidates"])
    known = inspect.signature(TPESampler.__init__).parameters
    if getattr(known.get("warn_independent_sampling"), "default", None) is True:
        keywords["warn_independent_sampling"] = False  # Optuna 4, for each conditional parameter
    if "gamma" in options:
        _require(known, "gamma", "gamma")
        keywords["gamma"] = functools.partial(n_best, gamma=float(options["gamma"]))
    if options.get("prior_weight", 1.0) != 1.0:
        _require(known, "prior_weight", "prior_weight")
        keywords["prior_weight"] = float(options["prior_weight"])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # experimental in Optuna 4, retiring in Optuna 5
        if space.choices:
            sampler = MixedTPESampler(option_weights=_weights(space), **keywords)
        else:
            sampler = TPESampler(**keywords)
    return Choice(sampler, n_startup)


def _check_options(options: Mapping[str, Any]) -> None:
    """Refuse options that ``tpe.suggest`` does not have, and values that cannot work."""
    for name, value in options.items():
        if name not in _OPTIONS:
            known = ", ".join(sorted(_OPTIONS))
            raise UnsupportedArgumentError(f"tpe.suggest has no option {name!r}; it has {known}")
        kind, is_possible = _OPTIONS[name]
        if not (isinstance(value, Real) and is_possible(value)):
            raise InvalidArgumentError(
                f"tpe.suggest's option {name!r} must be {kind}, got {value!r}"
            )


def _weights(space: Space) -> dict[str, dict[int, float]]:
    """Return the probability of each option by the label of a weighted choice."""
    return {
        label: dict(enumerate(parameter.distribution.probabilities))
        for label, parameter in space.parameters.items()
        if isinstance(parameter.distribution, Categorical)
    }


def _require(known: Any, argument: str, option: str) -> None:
    if argument not in known:
        raise UnsupportedArgumentError(
            f"tpe.suggest's option {option!r} has no counterpart in the installed Optuna. "
            "Remove it, or use backend='local'."
        )
