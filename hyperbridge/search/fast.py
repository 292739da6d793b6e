"""Drop-in replacements of ``hyperopt.tpe.suggest`` and ``hyperopt.rand.suggest``.

They give the very documents that hyperopt's functions give, bit for bit, at a fraction of the
cost. What they cannot reproduce goes to hyperopt's own code, with a debug log line that says why.
"""

from __future__ import annotations

import functools
import logging
import math
import os
from collections.abc import Callable, Sequence
from typing import Any

import hyperopt
import numpy as np
from hyperopt import rand, tpe

from hyperbridge.documents import Document, misc_of
from hyperbridge.search.tpe.draws import arithmetic_is_uniform
from hyperbridge.search.tpe.engine import TpeOptions, suggest_random, suggest_tpe
from hyperbridge.search.tpe.ledger import Ledger
from hyperbridge.search.tpe.plan import Draws, Plan, compile_plan
from hyperbridge.search.tpe.priors import NotReproducibleError

logger = logging.getLogger(__name__)

SuggestFunction = Callable[..., list[Document]]

SWITCH = "HYPERBRIDGE_FAST_TPE"
"""Environment variable that, set to 0, leaves the search to hyperopt's own code."""

_COMPARED_VERSIONS = frozenset({"0.3.0"})
_LOWEST_ID, _HIGHEST_ID = -(2**63), 2**63 - 1
_TPE, _RANDOM = tpe.suggest, rand.suggest
_tpe_logger = logging.getLogger("hyperopt.tpe")


def accelerate(algo: SuggestFunction, domain: Any, trials: Any) -> FastSuggest | None:
    """Return a faster function that gives the same suggestions, if there is one.

    Args:
        algo: ``hyperopt.tpe.suggest``, ``hyperopt.rand.suggest``, or a ``functools.partial`` of
            one with its own options by keyword.
        domain: hyperopt's ``Domain``, with the compiled space.
        trials: The ``Trials`` object that the function will be called with.

    Returns:
        The function, or None where only hyperopt's own code gives the right result, or when
        the environment variable ``HYPERBRIDGE_FAST_TPE`` is 0. A debug log line says why.

    Examples:
        >>> from hyperopt import Domain, Trials, hp
        >>> domain, trials = Domain(abs, hp.uniform("x", -1, 1)), Trials()
        >>> fast = accelerate(tpe.suggest, domain, trials)
        >>> fast([0], domain, trials, 7) == tpe.suggest([0], domain, trials, 7)
        True
    """
    try:
        _check_installation()
        options = _read_options(algo)
        plan = compile_plan(domain)
    except NotReproducibleError as exc:
        logger.debug("hyperopt's own code makes the suggestions: %s", exc)
        return None
    return FastSuggest(algo, options, plan, domain, trials)


class FastSuggest:
    """A suggest function with the signature, and the results, of hyperopt's.

    It belongs to one ``Domain`` and one ``Trials`` object; a call with others goes to hyperopt.
    Use `accelerate` to make one. Every call compares all documents' losses with those that it saw
    before, so that documents may be added, deleted, changed or finished in any order. It does not
    see a change of the parameter values of a document that already has a loss.
    """

    def __init__(
        self,
        algo: SuggestFunction,
        options: TpeOptions | None,
        plan: Plan,
        domain: Any,
        trials: Any,
    ) -> None:
        self._algo = algo
        self._options = options
        keywords = algo.keywords if isinstance(algo, functools.partial) else {}
        self._verbose = keywords.get("verbose", True)
        self._plan = plan
        self._domain = domain
        self._trials = trials
        self._ledger = Ledger(plan) if options is not None else None
        self._reasons: set[str] = set()

    def __call__(
        self, new_ids: Sequence[int], domain: Any, trials: Any, seed: int
    ) -> list[Document]:
        """Return new documents, as hyperopt's function does.

        Args:
            new_ids: Ids for the new trials. TPE uses the first alone, once it is past its
                start-up trials.
            domain: The one that the function was made for.
            trials: The one that the function was made for.
            seed: Seed of this call.
        """
        try:
            return self._suggest(new_ids, domain, trials, seed)
        except NotReproducibleError as exc:
            reason = str(exc)
            if reason not in self._reasons:
                self._reasons.add(reason)
                logger.debug("hyperopt's own code makes this suggestion: %s", reason)
            return self._algo(new_ids, domain, trials, seed)

    def _suggest(
        self, new_ids: Sequence[int], domain: Any, trials: Any, seed: int
    ) -> list[Document]:
        if domain is not self._domain or trials is not self._trials:
            raise NotReproducibleError("another Domain or Trials object than before")
        for i in new_ids:
            if not isinstance(i, (int, np.integer)) or not _LOWEST_ID <= i <= _HIGHEST_ID:
                raise NotReproducibleError(f"trial ids that are not integers: {new_ids!r}")
        # What default_rng() makes of an integer, and cheaper.
        rng = np.random.Generator(np.random.PCG64(seed))
        if self._ledger is not None and self._options is not None:
            history = self._ledger.sync(trials)
            self._log(history.losses, trials)
            if len(history) >= self._options.n_startup_jobs:
                first = new_ids[0]
                draws = suggest_tpe(self._plan, history, rng, self._options)
                return [self._document(first, first, draws)]
        return [
            self._document(new_id, np.int64(new_id), suggest_random(self._plan, rng))
            for new_id in new_ids
        ]

    def _document(self, tid: int, idx: Any, draws: Draws) -> Document:
        for parameter in self._plan.shifted:
            if parameter.label in draws:
                draws[parameter.label] += parameter.shift
        domain = self._domain
        misc = misc_of(tid, draws, self._plan.labels, idx=idx)
        misc["cmd"], misc["workdir"] = domain.cmd, domain.workdir
        result = domain.new_result()
        documents: list[Document] = self._trials.new_trial_docs([tid], [None], [result], [misc])
        return documents[0]

    def _log(self, losses: Any, trials: Any) -> None:
        """Say what hyperopt says about a call of TPE."""
        if not self._verbose or not _tpe_logger.isEnabledFor(logging.INFO):
            return
        if len(losses):
            _tpe_logger.info(
                "TPE using %i/%i trials with best loss %f", len(losses), len(trials), losses.min()
            )
        else:
            _tpe_logger.info("TPE using 0 trials")


def _check_installation() -> None:
    if os.environ.get(SWITCH, "1").strip() == "0":
        raise NotReproducibleError(f"{SWITCH}=0")
    if hyperopt.__version__ not in _COMPARED_VERSIONS:
        raise NotReproducibleError(f"hyperopt {hyperopt.__version__} was never compared")
    if not arithmetic_is_uniform():
        raise NotReproducibleError("NumPy computes a number alone and in an array differently")


def _read_options(algo: SuggestFunction) -> TpeOptions | None:
    """Return the options of a call of TPE; None for random search."""
    keywords: dict[str, Any] = {}
    function = algo
    if isinstance(algo, functools.partial):
        if algo.args:
            raise NotReproducibleError("a partial with positional arguments")
        function, keywords = algo.func, dict(algo.keywords)
    if function is _RANDOM and not keywords:
        return None
    if function is not _TPE:
        raise NotReproducibleError(f"{function!r} is neither tpe.suggest nor rand.suggest")
    keywords.pop("verbose", None)
    try:
        options = TpeOptions(**keywords)
    except TypeError as exc:
        raise NotReproducibleError(f"options of tpe.suggest: {exc}") from exc
    numbers = options.prior_weight, options.n_startup_jobs, options.gamma
    if not all(isinstance(number, (int, float)) and math.isfinite(number) for number in numbers):
        raise NotReproducibleError(f"an option is not a finite number: {options}")
    if not isinstance(options.n_EI_candidates, int) or options.n_EI_candidates < 1:
        raise NotReproducibleError(f"n_EI_candidates={options.n_EI_candidates!r}")
    if options.prior_weight <= 0 or options.gamma < 0:
        raise NotReproducibleError(f"an option is out of range: {options}")
    return options
