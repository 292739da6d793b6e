"""See the calls of hyperopt's fmin, also those that go to hyperbridge's."""

from __future__ import annotations

import inspect
import os
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import cloudpickle
import numpy as np

from hyperbridge.config import ENVIRONMENT
from hyperbridge.space.distributions import Categorical, Normal, QUniform, RandInt
from hyperbridge.space.model import Space
from hyperbridge.space.nodes import ComputedDistribution
from hyperbridge.translate.counterparts import multiples
from hyperbridge.translate.from_hyperopt import read_space
from hyperbridge.verify.evidence import Declared, Draw, Search
from hyperbridge.verify.original import options_of, paths_of
from hyperbridge.verify.stop_rules import rules_of
from hyperbridge.verify.values import plain

_ENOUGH = 2
"""So many trials of a search are evaluated, for the code behind it."""

_MORE = 8
"""So many points are drawn of the original for one of the other program: they cost nothing."""


class HyperoptReader:
    """Takes the place of fmin in a program.

    Args:
        found: Called with each search, and its space.
        n_draws: How many points to draw.
    """

    def __init__(self, found: Callable[[Search, Space], None], n_draws: int) -> None:
        self._found = found
        self._n_draws = n_draws

    def install(self) -> None:
        """Replace hyperopt's fmin and SparkTrials, and hyperbridge's."""
        import hyperopt

        import hyperbridge

        submodule = sys.modules["hyperopt.fmin"]
        self._original = submodule.__dict__["fmin"]
        self._signature = inspect.signature(self._original)
        plain_trials = hyperopt.Trials

        class SparkTrials(plain_trials):  # type: ignore[misc,valid-type]
            """Needs no cluster: a few trials are evaluated in this process."""

            def __init__(self, *args: Any, **kwargs: Any) -> None:
                super().__init__()
                self.timeout = kwargs.get("timeout", args[1] if len(args) > 1 else None)
                threshold = args[2] if len(args) > 2 else None
                self.loss_threshold = kwargs.get("loss_threshold", threshold)

        for owner in (hyperopt, submodule, hyperbridge):
            owner.__dict__["fmin"] = self._fmin
        for owner in (hyperopt, hyperbridge):
            owner.__dict__["SparkTrials"] = SparkTrials

    def _fmin(self, *args: Any, **kwargs: Any) -> Any:
        ours = {*ENVIRONMENT, "warm_start"}
        kwargs = {name: value for name, value in kwargs.items() if name not in ours}
        given = dict(self._signature.bind(*args, **kwargs).arguments)
        if hasattr(given.get("timeout"), "_dynamic_trials"):  # an old signature
            given["trials"] = given.pop("timeout")
        space = read_space(given["space"])
        search = replace(self._search(given, space, _line()), place=_place())
        self._found(search, space)
        return self._go_on(given)

    def _search(self, given: dict[str, Any], space: Space, line: int) -> Search:
        trials = given.get("trials")
        before = 0 if trials is None else len(trials.trials)
        points = given.get("points_to_evaluate") if trials is None else _waiting(trials)
        points = [dict(point) for point in points or ()]
        max_evals = given.get("max_evals")
        if max_evals is not None:
            max_evals = None if max_evals >= sys.maxsize else int(max_evals) + len(points) - before
        timeout = given.get("timeout")
        timeout = getattr(trials, "timeout", None) if timeout is None else timeout
        threshold = given.get("loss_threshold")
        if threshold is None:
            threshold = getattr(trials, "loss_threshold", None)
        rng = np.random.default_rng(0)
        return Search(
            engine="hyperopt",
            line=line,
            n_trials=max_evals,
            timeout_s=None if timeout is None else float(timeout),
            sampler=_sampler(given.get("algo")),
            is_seeded=given.get("rstate") is not None,
            stops={
                **rules_of(given.get("early_stop_fn")),
                **({} if threshold is None else {"loss": float(threshold)}),
            },
            points=tuple({str(k): plain(v) for k, v in point.items()} for point in points),
            declared=declared_of(space),
            options=options_of(space),
            kinds=kinds_of(space),
            conditions={
                label: [[(str(c.label), c.option) for c in way] for way in ways]
                for label, ways in space.conditions.items()
            },
            paths=paths_of(space.root),
            draws=tuple(
                Draw({k: plain(v) for k, v in space.draw(rng)[1].items()})
                for _ in range(_MORE * self._n_draws)
            ),
        )

    def _go_on(self, given: dict[str, Any]) -> Any:
        """Evaluate a few points, so that the program goes on."""
        from hyperopt import rand

        kept = {k: v for k, v in given.items() if k in ("fn", "space", "trials", "return_argmin")}
        trials, wanted = given.get("trials"), given.get("max_evals")
        before = 0 if trials is None else len(trials.trials)
        n = before + (_ENOUGH if wanted is None else min(max(wanted - before, 0), _ENOUGH))
        return self._original(
            **kept, algo=rand.suggest, max_evals=n, show_progressbar=False,
            allow_trials_fmin=False, rstate=np.random.default_rng(0),
        )  # fmt: skip


def _waiting(trials: Any) -> list[dict[str, Any]]:
    """Return the points that Trials hold and nothing has evaluated yet."""
    from hyperopt import JOB_STATE_NEW

    new = [t for t in trials._dynamic_trials if t["state"] == JOB_STATE_NEW]
    return [{k: v[0] for k, v in t["misc"]["vals"].items() if v} for t in new]


def save(space: Space, path: Path) -> None:
    """Write a space for another process. What cannot be pickled is not written."""
    try:
        content = cloudpickle.dumps(space)
    except Exception:  # noqa: BLE001 - a constant of the user's may raise anything
        return
    path.write_bytes(content)


def kinds_of(space: Space) -> dict[str, tuple[str, dict[str, float]]]:
    """Return the name and the arguments of each label's distribution."""
    found: dict[str, tuple[str, dict[str, float]]] = {}
    for label, parameter in space.parameters.items():
        distribution = parameter.distribution
        if isinstance(distribution, ComputedDistribution):
            found[label] = ("computed", {})
            continue
        names = [n for n in ("low", "high", "q", "mu", "sigma") if hasattr(distribution, n)]
        arguments = {name: float(getattr(distribution, name)) for name in names}
        found[label] = (type(distribution).__name__.lower(), arguments)
    return found


def declared_of(space: Space) -> dict[str, Declared]:
    """Return the support of each label, in the terms of the other engines."""
    options = options_of(space)
    found = {}
    for label, parameter in space.parameters.items():
        distribution = parameter.distribution
        if isinstance(distribution, ComputedDistribution):
            continue
        if label in options:
            found[label] = Declared("categorical", options=tuple(options[label]))
            continue
        name = type(distribution).__name__.lower()
        low, high = distribution.bounds()
        if isinstance(distribution, RandInt | Categorical):
            found[label] = Declared("int", low, high, 1)
        elif "normal" in name:
            found[label] = Declared("normal", step=getattr(distribution, "q", None))
        else:
            assert not isinstance(distribution, Normal)
            step = getattr(distribution, "q", None)
            if isinstance(distribution, QUniform):  # an end half-way has no probability
                ends = multiples(distribution.low, distribution.high, distribution.q)
                low, high = (distribution.q * count for count in ends)
            found[label] = Declared("float", low, high, step, log="log" in name)
    return found


def _sampler(algo: Any) -> str:
    if algo is None:
        return "tpe"
    algo = getattr(algo, "func", algo)
    name = str(getattr(algo, "__module__", "")).rpartition(".")[2]
    return {"rand": "random"}.get(name, name)


def _place() -> tuple[str, int]:
    """Return the file and the line that call fmin."""
    frame = sys._getframe(1)
    while frame.f_back is not None:
        package = str(frame.f_globals.get("__name__")).partition(".")[0]
        if package not in ("hyperopt", "hyperbridge"):
            break
        frame = frame.f_back
    return os.path.realpath(frame.f_code.co_filename), frame.f_lineno


def _line() -> int:
    """Return the line of the program, nearest to the call, from which this was called."""
    frame = sys._getframe(1)
    while frame.f_back is not None:
        if frame.f_globals.get("__name__") == "__main__":
            return frame.f_lineno
        frame = frame.f_back
    return 0
