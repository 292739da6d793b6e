"""Search with a hyperopt suggest function, called exactly as hyperopt's fmin calls it.

Source: hyperopt's own loop, which draws one ``rstate.integers(2**31 - 1)`` per call and
passes ``(new_ids, domain, trials, seed)``. Any function with that signature works: those of
hyperopt, a ``functools.partial`` of one, or a user's own.
"""

from __future__ import annotations

import functools
import logging
import math
from collections.abc import Callable, Sequence
from typing import Any, Protocol

import numpy as np
from hyperopt import Trials, rand, tpe
from hyperopt.base import JOB_STATE_DONE, STATUS_OK

from hyperbridge import config
from hyperbridge.documents import Document, Place
from hyperbridge.errors import ArgumentTypeError, InvalidArgumentError, InvalidSpaceError
from hyperbridge.search.fast import accelerate
from hyperbridge.space import Space
from hyperbridge.space.nodes import ComputedDistribution

logger = logging.getLogger(__name__)

SuggestFunction = Callable[..., list[Document]]

_SEED_BOUND = 2**31 - 1


class SeedSource(Protocol):
    """Draws the seed of each call of the algorithm."""

    def integers(self, high: int) -> Any:
        """Return an integer in ``[0, high)``."""
        ...


class _LegacySeedSource:
    """A ``RandomState`` seen as a ``Generator``: old hyperopt code passes one."""

    def __init__(self, state: np.random.RandomState) -> None:
        self._state = state

    def integers(self, high: int) -> int:
        return int(self._state.randint(high))


def seed_source(rstate: Any) -> SeedSource:
    """Return the object that seeds are drawn from.

    Args:
        rstate: A ``numpy.random.Generator``, or a ``RandomState`` as old code passes it.

    Raises:
        InvalidArgumentError: It is neither.

    Examples:
        >>> seed_source(np.random.default_rng(0)).integers(10) in range(10)
        True
    """
    if isinstance(rstate, np.random.RandomState):
        return _LegacySeedSource(rstate)
    if callable(getattr(rstate, "integers", None)):
        return rstate  # type: ignore[no-any-return]  # duck typing, as in hyperopt
    raise ArgumentTypeError(
        f"rstate must be a numpy.random.Generator (or an old RandomState), got {rstate!r}. "
        "Use rstate=numpy.random.default_rng(seed)."
    )


def next_seed(seeds: SeedSource) -> int:
    """Draw the seed of one call of an algorithm, as hyperopt's loop does."""
    return int(seeds.integers(_SEED_BOUND))


def algo_name(algo: Any) -> str:
    """Name an algorithm: the module of its innermost function, as Databricks logs it.

    Examples:
        >>> from hyperopt import tpe
        >>> algo_name(functools.partial(tpe.suggest, gamma=0.5))
        'hyperopt.tpe'
    """
    while isinstance(algo, functools.partial):
        algo = algo.func
    module = getattr(algo, "__module__", None)
    if callable(algo) and hasattr(algo, "__qualname__") and module:
        return str(module)
    kind = type(algo)
    return f"{kind.__module__}.{kind.__qualname__}"


def _problem_for_tpe(distribution: Any) -> str | None:
    """Return what hyperopt's TPE may not be able to draw from, in words; None where it is."""
    if isinstance(distribution, ComputedDistribution):
        return "a distribution that depends on another parameter"
    if getattr(distribution, "is_single", False):
        is_normal = hasattr(distribution, "sigma")
        return f"a distribution whose {'sigma is 0' if is_normal else 'low equals its high'}"
    return None


def _random_trials_of(algo: Any) -> int | None:
    """Return how many random trials hyperopt's TPE begins with; None for other algorithms."""
    given: Any = None
    while isinstance(algo, functools.partial):
        given = algo.keywords.get("n_startup_jobs") if given is None else given
        algo = algo.func
    if getattr(algo, "__module__", None) != "hyperopt.tpe":
        return None
    try:
        n: int = math.ceil(tpe._default_n_startup_jobs if given is None else given)
    except (TypeError, ValueError, OverflowError):
        return None
    return max(0, n)


class HyperoptSearch:
    """A hyperopt suggest function on the real Domain and the real Trials.

    Args:
        algo: The suggest function.
        domain: hyperopt's Domain of this run.
        trials: hyperopt's Trials of this run.
        seeds: Where the seed of each call comes from.
    """

    kept_in: Place | None = None
    is_closed_list = False

    def __init__(
        self,
        algo: SuggestFunction,
        domain: Any,
        trials: Any,
        seeds: SeedSource,
    ) -> None:
        self.name = algo_name(algo)
        self.algo = algo
        self._fast = accelerate(algo, domain, trials)
        self._domain = domain
        self._trials = trials
        self._seeds = seeds

    def check(self, space: Space, max_evals: int | None, *, may_end_earlier: bool) -> None:
        """Refuse a space that hyperopt's TPE cannot search, before the first trial.

        It cannot draw from a distribution with one value, and not from most of those whose
        arguments are computed from other parameters; it says so only after its random trials. So
        where a space has such a distribution, it is tried on a made-up history.

        Args:
            space: The search space.
            max_evals: How many trials there may be; None for no limit.
            may_end_earlier: Whether the search may end before, by a timeout or a loss. It then
                begins, with a warning, as in hyperopt it may end well.

        Raises:
            InvalidSpaceError: The algorithm cannot search it; the message has the label.
        """
        doubtful = {
            label: problem
            for label, parameter in space.parameters.items()
            if (problem := _problem_for_tpe(parameter.distribution))
        }
        n_random = _random_trials_of(self.algo)
        if not doubtful or n_random is None or (max_evals is not None and max_evals <= n_random):
            return
        made_up = Trials()
        try:
            for document in rand.suggest(list(range(n_random)), self._domain, made_up, 0):
                document.update(state=JOB_STATE_DONE, result={"status": STATUS_OK, "loss": 0.0})
                made_up.insert_trial_docs([document])
            made_up.refresh()
            self.algo([n_random], self._domain, made_up, 0)
        except (TypeError, AssertionError) as exc:
            message = (
                f"label {', '.join(map(repr, doubtful))}: {self.name}.suggest cannot search "
                f"{' or '.join(dict.fromkeys(doubtful.values()))} (after its {n_random} random "
                f"trials it raises {type(exc).__name__}{f': {exc}' if str(exc) else ''}). Use "
                "algo=rand.suggest or backend='optuna', or draw the parameter from fixed bounds "
                "and scale it in the objective."
            )
            if not may_end_earlier:
                raise InvalidSpaceError(message) from exc
            logger.warning("%s", message)
        except Exception as exc:  # noqa: BLE001 - of the made-up history: another may do
            logger.debug("whether %s can search this space is not known: %r", self.name, exc)

    def pruned_by(self, pruner: Any) -> tuple[Any, str | None]:
        """Have no pruner of its own. See `Search.pruned_by`."""
        return pruner, None

    def propose(self, new_ids: Sequence[int]) -> list[Document]:
        """Call the algorithm once. See `Search.propose`."""
        seed = next_seed(self._seeds)
        if self._fast is not None:
            documents = self._fast(new_ids, self._domain, self._trials, seed)
        else:
            # atpe searches inside its suggest function, with an fmin that may be ours by now.
            with config.settings(
                backend="local",
                parallelism=None,
                tracking=False,
                pruner=None,
                trial_timeout=None,
                repeats=None,
                journal=None,
            ):
                documents = self.algo(list(new_ids), self._domain, self._trials, seed)
        if len(documents) > len(new_ids):
            raise InvalidArgumentError(
                f"algo {self.name!r} returned {len(documents)} trials for {len(new_ids)} ids"
            )
        return documents

    def expect_withdrawals(self) -> None:
        """Do nothing, see `withdraw`."""

    def withdraw(self, document: Document) -> None:
        """Do nothing: a suggest function knows the trials of the Trials object alone."""

    def observe(self, document: Document) -> None:
        """Do nothing: every algorithm reads the Trials anew for each suggestion.

        An objective or a stop rule may change the losses of earlier trials.
        """

    def close(self) -> None:
        """Do nothing: a suggest function holds nothing."""
