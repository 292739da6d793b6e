"""See the searches of a native Ray Tune program, without starting a cluster."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np

from hyperbridge.verify.evidence import Declared, Draw, Search
from hyperbridge.verify.original import Original
from hyperbridge.verify.read_optuna import OptunaReader
from hyperbridge.verify.stop_rules import rules_of
from hyperbridge.verify.trial_watch import TrialWatch
from hyperbridge.verify.values import plain


class TuneSeenError(BaseException):
    """The search was seen; what comes behind needs its results, so the program ends here."""


class TuneReader:
    """Takes the place of ``Tuner.fit`` and ``tune.run``.

    Args:
        found: Called with each search.
        original: Returns the space that the next search is to be held against, or None.
        optuna: Draws from define-by-run spaces; None where Optuna is not installed.
        n_draws: How many points to draw.
        timeout_s: How long one call of the trainable may take.
    """

    def __init__(
        self,
        found: Callable[[Search], None],
        original: Callable[[], Original | None],
        optuna: OptunaReader | None,
        n_draws: int,
        timeout_s: float,
    ) -> None:
        self._found = found
        self._original = original
        self._optuna = optuna
        self._n_draws = n_draws
        self._timeout_s = timeout_s

    def install(self) -> None:
        """Replace what starts trials."""
        from ray import tune

        reader = self
        init = tune.Tuner.__init__

        def noting(tuner: Any, trainable: Any = None, **kwargs: Any) -> None:
            tuner._given = {"trainable": trainable, **kwargs}
            init(tuner, trainable, **kwargs)

        def fit(tuner: Any) -> None:
            given = tuner._given
            config, run = given.get("tune_config"), given.get("run_config")
            reader._seen(
                given["trainable"],
                given.get("param_space") or {},
                {**_fields(config), "stop": getattr(run, "stop", None)},
            )

        signature = inspect.signature(tune.run)

        def run(*args: Any, **kwargs: Any) -> None:
            given = dict(signature.bind(*args, **kwargs).arguments)
            reader._seen(given["run_or_experiment"], given.get("config") or {}, given)

        tune.Tuner.__init__, tune.Tuner.fit, tune.run = noting, fit, run

    def _seen(self, trainable: Any, space: dict[str, Any], given: dict[str, Any]) -> None:
        searcher: Any = given.get("search_alg")
        while hasattr(searcher, "searcher"):  # a limiter around it
            searcher = searcher.searcher
        by_run = getattr(searcher, "_space", None)
        by_run = by_run if callable(by_run) else None
        objective = _function(trainable)
        if by_run is not None:
            draws, declared = self._define_by_run(by_run, objective)
        else:
            own = getattr(searcher, "_space", None) or getattr(searcher, "domain", None)
            draws, declared = self._param_space(space or own or {}, objective)
        mode = given.get("mode") or getattr(searcher, "_mode", None) or "min"
        n_trials = given.get("num_samples") or 1
        points = getattr(searcher, "_points_to_evaluate", None) or ()
        self._found(
            Search(
                engine="ray",
                line=0,
                n_trials=None if n_trials == -1 else n_trials,
                timeout_s=_seconds(given.get("time_budget_s")),
                direction="maximize" if "max" in str(mode) else "minimize",
                sampler=_sampler(searcher),
                is_seeded=self._is_seeded(searcher),
                stops={**rules_of(given.get("stop")), **rules_of(given.get("scheduler"))},
                points=tuple({str(k): plain(v) for k, v in each.items()} for each in points),
                declared=declared,
                draws=tuple(draws),
            )
        )
        raise TuneSeenError

    def _is_seeded(self, searcher: Any) -> bool | None:
        sampler = getattr(searcher, "_sampler", None)
        if sampler is None or self._optuna is None:  # OptunaSearch makes one when it searches
            return searcher._seed is not None if hasattr(searcher, "_seed") else None
        return self._optuna.is_seeded(sampler)

    def _define_by_run(
        self, space: Callable[[Any], Any], objective: Callable[[Any], Any] | None
    ) -> tuple[list[Draw], dict[str, Declared]]:
        assert self._optuna is not None  # the searcher is Optuna's

        def evaluate(trial: Any) -> None:
            more = space(trial)
            config = {**trial.params, **(more if isinstance(more, dict) else {})}
            if objective is not None:
                objective(config)

        draws, declared, _ = self._optuna.draw(evaluate)
        return draws, declared

    def _param_space(
        self, space: dict[str, Any], objective: Callable[[Any], Any] | None
    ) -> tuple[list[Draw], dict[str, Declared]]:
        from ray.tune.search.variant_generator import generate_variants

        original = self._original()
        watch = TrialWatch(original, self._timeout_s)
        draws = []
        rng = np.random.RandomState(0)
        declared: dict[str, Declared] = {}
        listed = {}
        for path, domain in _domains(space):
            label = path if original is None else original.label_of(path)
            declared[label] = declared_of(domain)
            listed[path] = declared[label].options
        for _ in range(self._n_draws):
            for found, spec in generate_variants({"config": space}, random_state=rng):
                values = {
                    "/".join(map(str, path[1:])): plain(value)
                    for path, value in found.items()
                    if not _holds_domain(value)
                }
                config = spec["config"]
                call = partial(objective, config) if objective else _nothing
                if original is not None and original.looks_like(config):
                    named = {original.label_of(k): v for k, v in values.items()}
                    options = {original.label_of(k): v for k, v in listed.items()}
                    draw = original.judge(named, options, [config])
                    if draw.differs is None:
                        draws.append(draw)
                        continue
                draws.append(watch.call(call, partial(dict, values), partial(dict, listed)))
        return draws, declared


def _nothing() -> None:
    """Stand in for a trainable that is not called."""


def declared_of(domain: Any) -> Declared:
    """Return a domain of Tune's as comparable data."""
    if isinstance(domain, list):  # a grid
        return Declared("categorical", options=tuple(plain(each) for each in domain))
    name = type(domain).__name__
    if name == "Categorical":
        return Declared("categorical", options=tuple(plain(each) for each in domain.categories))
    if name not in ("Float", "Integer"):
        return Declared("function")
    sampler = domain.get_sampler()
    step = getattr(sampler, "q", None)
    inner = getattr(sampler, "sampler", sampler)
    if "Normal" in type(inner).__name__:
        return Declared("normal", step=step)
    log = "Log" in type(inner).__name__
    if name == "Integer":
        is_included = step not in (None, 1)  # the upper end, which Tune leaves out elsewhere
        last = domain.upper if is_included else domain.upper - 1
        return Declared("int", domain.lower, last, step or 1, log)
    return Declared("float", domain.lower, domain.upper, step, log)


def _domains(space: Any, place: str = "") -> Iterator[tuple[str, Any]]:
    """Yield the place and the domain of each parameter, those in options of a choice too."""
    from ray.tune.search.sample import Categorical, Domain

    if isinstance(space, dict) and set(space) == {"grid_search"}:
        yield place, list(space["grid_search"])
    elif isinstance(space, dict):
        for key, value in space.items():
            yield from _domains(value, f"{place}/{key}".lstrip("/"))
    elif isinstance(space, list | tuple):
        for position, value in enumerate(space):
            yield from _domains(value, f"{place}/{position}".lstrip("/"))
    elif isinstance(space, Domain):
        yield place, space
        if isinstance(space, Categorical):
            for option in space.categories:
                if isinstance(option, dict | list | tuple):
                    yield from _domains(option, place)


def _holds_domain(value: Any) -> bool:
    return isinstance(value, dict | list | tuple) and any(True for _ in _domains(value))


def _function(trainable: Any) -> Callable[[Any], Any] | None:
    """Return the function under a trainable's resources and parameters; None for a class."""
    if isinstance(trainable, type):
        return None
    return trainable if callable(trainable) else None


def _fields(config: Any) -> dict[str, Any]:
    return {} if config is None else dict(vars(config))


def _sampler(searcher: Any) -> str:
    if searcher is None:
        return "random"
    name = type(searcher).__name__
    if name == "OptunaSearch":
        inner = type(getattr(searcher, "_sampler", None)).__name__
        return {"NoneType": "tpe", "TPESampler": "tpe", "RandomSampler": "random"}.get(inner, inner)
    return {"BasicVariantGenerator": "random", "HyperOptSearch": "tpe"}.get(name, name)


def _seconds(given: Any) -> float | None:
    if given is None:
        return None
    return float(given.total_seconds() if hasattr(given, "total_seconds") else given)
