"""See the searches of a native Optuna program: by ``optimize``, and by ``ask`` and ``tell``.

Each search is asked for points by a study in memory of our own, with Optuna's RandomSampler, so
that the draws tell the distributions and not where a sampler went.
"""

from __future__ import annotations

import inspect
import math
import random
import sys
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

from hyperbridge.verify.evidence import Declared, Draw, Search
from hyperbridge.verify.on_spark import SparkCall, spark_call, stay_here
from hyperbridge.verify.original import Original
from hyperbridge.verify.stop_rules import rules_of
from hyperbridge.verify.trial_watch import TrialWatch
from hyperbridge.verify.values import is_number, plain

_ENOUGH = 2
"""So many trials of a search are evaluated, for the code behind it."""


class OptunaReader:
    """Looks over the shoulder of Optuna's studies.

    Args:
        found: Called with each search.
        original: Returns the space that the next search is to be held against, or None.
        n_draws: How many points to draw.
        timeout_s: How long one call of the objective may take.
    """

    def __init__(
        self,
        found: Callable[[Search], None],
        original: Callable[[], Original | None],
        n_draws: int,
        timeout_s: float,
    ) -> None:
        self._found = found
        self._original = original
        self._n_draws = n_draws
        self._timeout_s = timeout_s
        self._seeds: dict[int, tuple[Any, Any]] = {}  # with the sampler, whose id stays its own
        self._points: dict[int, tuple[Any, list[dict[str, Any]]]] = {}  # with the study
        self._asking: dict[int, tuple[Any, int, Search]] = {}
        self._told: set[int] = set()
        self._on_spark: list[Any] = []

    def install(self) -> None:
        """Replace the methods of Optuna's studies and samplers that tell what is searched."""
        import optuna

        optuna.logging.set_verbosity(optuna.logging.ERROR)
        for name in optuna.samplers.__all__:
            sampler = getattr(optuna.samplers, name)
            if isinstance(sampler, type) and "seed" in inspect.signature(sampler).parameters:
                self._note_seeds(sampler)
        study = optuna.study.Study
        self._optimize, self._ask, tell_study = study.optimize, study.ask, study.tell
        self._enqueue = study.enqueue_trial
        reader = self

        def optimize(study: Any, *args: Any, **kwargs: Any) -> None:
            reader._optimized(study, *args, **kwargs)

        def enqueue_trial(study: Any, params: dict[str, Any], *args: Any, **kwargs: Any) -> None:
            reader._points.setdefault(id(study), (study, []))[1].append(
                {str(name): plain(value) for name, value in params.items()}
            )
            reader._enqueue(study, params, *args, **kwargs)

        def ask(study: Any, *args: Any, **kwargs: Any) -> Any:
            return reader._asked(study, *args, **kwargs)

        def tell(study: Any, *args: Any, **kwargs: Any) -> Any:
            reader._told.add(id(study))
            return tell_study(study, *args, **kwargs)

        study.optimize, study.enqueue_trial = optimize, enqueue_trial
        study.ask, study.tell = ask, tell

    def finish(self, *, ended: bool) -> None:
        """Report the searches by ask and tell, whose length is known at the end alone.

        Args:
            ended: Whether the program has run to its end.
        """
        for key, (study, line, search) in self._asking.items():
            if key not in self._told:  # it gave a point or two, and searched nothing
                continue
            draws, declared = self._of_trials(study.get_trials(deepcopy=False))
            remarks = () if ended else ("the number of its trials was not seen",)
            self._found(
                replace(
                    search, line=line, declared=declared, draws=tuple(draws), remarks=remarks,
                    n_trials=len(study.trials) if ended else None,
                )
            )  # fmt: skip
        self._asking.clear()

    def _note_seeds(self, sampler: Any) -> None:
        init = sampler.__init__
        signature = inspect.signature(init)
        reader = self

        def noting(self: Any, *args: Any, **kwargs: Any) -> None:
            given = signature.bind(self, *args, **kwargs).arguments
            reader._seeds.setdefault(id(self), (self, given.get("seed")))
            init(self, *args, **kwargs)

        sampler.__init__ = noting

    def _optimized(self, study: Any, func: Any, n_trials: Any = None, **kwargs: Any) -> None:
        search = self._described(study, n_trials, kwargs.get("timeout"), kwargs.get("callbacks"))
        draws, declared, failure = self.draw(func, study.user_attrs)
        remarks = () if failure is None else (f"the objective raises {_text(failure)}",)
        line = _line()
        self._found(
            replace(search, line=line, declared=declared, draws=tuple(draws), remarks=remarks)
        )
        kept = {name: kwargs[name] for name in ("catch",) if name in kwargs}
        n_trials = _ENOUGH if n_trials is None else min(n_trials, _ENOUGH)
        self._optimize(study, func, n_trials=n_trials, **kept)

    def is_seeded(self, sampler: Any) -> bool:
        """Tell whether a sampler was given a seed."""
        return self._seeds.get(id(sampler), (None, None))[1] is not None

    def draw(
        self, objective: Callable[[Any], Any], user_attrs: dict[str, Any] | None = None
    ) -> tuple[list[Draw], dict[str, Declared], Exception | None]:
        """Call an objective with trials at random.

        Args:
            objective: Takes a trial.
            user_attrs: What the program has attached to its study.

        Returns:
            The draws, what Optuna was told by label, and what the objective raised last.
        """
        import optuna

        original = self._original()
        watch = TrialWatch(original, self._timeout_s)
        study = optuna.create_study(sampler=_uniform_sampler())
        for name, value in (user_attrs or {}).items():
            study.set_user_attr(name, value)
        draws = []
        declared: dict[str, Declared] = {}
        for _ in range(self._n_draws):
            trial = self._ask(study)
            call = partial(objective, trial)
            draws.append(watch.call(call, partial(_values, trial), partial(_listed, trial)))
            self._declare(declared, trial, original)
        return draws, declared, watch.failure

    def _asked(self, study: Any, *args: Any, **kwargs: Any) -> Any:
        line = _line()
        if line == 0:  # Optuna's own loop, or that of a library
            return self._ask(study, *args, **kwargs)
        call = spark_call()
        if call is not None:
            if all(frame is not call.frame for frame in self._on_spark):
                self._on_spark.append(call.frame)
                self._seen_on_spark(study, call)
            return self._ask(study, *args, **kwargs)
        if id(study) not in self._asking:
            self._asking[id(study)] = (study, line, self._described(study, None, None, None))
            study.sampler = _uniform_sampler()
        return self._ask(study, *args, **kwargs)

    def _seen_on_spark(self, study: Any, call: SparkCall) -> None:
        search = self._described(study, call.n_trials, call.timeout_s, call.stops)
        draws, declared, failure = self.draw(
            lambda trial: call.objective(call.search_space(trial)), study.user_attrs
        )
        remarks = () if failure is None else (f"the objective raises {_text(failure)}",)
        self._found(
            replace(search, line=call.line, declared=declared, draws=tuple(draws), remarks=remarks)
        )
        stay_here(call, _ENOUGH)

    def _described(self, study: Any, n_trials: Any, timeout: Any, callbacks: Any) -> Search:
        name = type(study.sampler).__name__
        return Search(
            engine="optuna",
            line=0,
            n_trials=None if n_trials is None or n_trials >= sys.maxsize else n_trials,
            timeout_s=None if timeout is None else float(timeout),
            direction=study.direction.name.lower(),
            sampler={"TPESampler": "tpe", "RandomSampler": "random"}.get(name, name),
            is_seeded=self.is_seeded(study.sampler),
            stops=rules_of(callbacks),
            points=tuple(self._points.get(id(study), (None, ()))[1]),
        )

    def _of_trials(self, trials: list[Any]) -> tuple[list[Draw], dict[str, Declared]]:
        original = self._original()
        declared: dict[str, Declared] = {}
        draws = []
        for trial in trials:
            self._declare(declared, trial, original)
            values = _values(trial)
            if original is None:
                draws.append(Draw(values))
            else:
                named = {original.label_of(name): value for name, value in values.items()}
                listed = {original.label_of(k): v for k, v in _listed(trial).items()}
                draws.append(original.judge(named, listed, []))
        return draws, declared

    def _declare(
        self, declared: dict[str, Declared], trial: Any, original: Original | None
    ) -> None:
        for name, distribution in trial.distributions.items():
            label = name if original is None else original.label_of(name)
            declared[label] = declared_of(distribution)


def _uniform_sampler() -> Any:
    """Return what Optuna's RandomSampler is, at a tenth of its cost."""
    import optuna

    class UniformSampler(optuna.samplers.BaseSampler):  # type: ignore[misc]  # it has no types here
        """Draws each parameter by itself."""

        def __init__(self) -> None:
            self._random = random.Random(0)

        def infer_relative_search_space(self, *_: Any) -> dict[str, Any]:
            return {}

        def sample_relative(self, *_: Any) -> dict[str, Any]:
            return {}

        def sample_independent(self, _study: Any, _trial: Any, _name: str, given: Any) -> Any:
            if hasattr(given, "choices"):
                return self._random.choice(given.choices)
            low, high, step = given.low, given.high, given.step
            if given.log:
                value = math.exp(self._random.uniform(math.log(low), math.log(high)))
                value = min(max(value, low), high)
                return value if step is None else round(value)
            if step is None:
                return self._random.uniform(low, high)
            return low + step * self._random.randrange(round((high - low) / step) + 1)

    return UniformSampler()


def declared_of(distribution: Any) -> Declared:
    """Return a distribution of Optuna's as comparable data."""
    if hasattr(distribution, "choices"):
        return Declared("categorical", options=tuple(plain(c) for c in distribution.choices))
    kind = "int" if type(distribution).__name__.startswith("Int") else "float"
    low, high, step = distribution.low, distribution.high, distribution.step
    return Declared(kind, low, high, None if step is None else step, bool(distribution.log))


def _values(trial: Any) -> dict[str, Any]:
    """Return what a trial was asked for; the number that an objective keeps for a label counts.

    A normal is asked for as a quantile, and the objective keeps the number itself as a user
    attribute, under the label or as ``<label>:value``.
    """
    kept = {name: plain(value) for name, value in trial.user_attrs.items()}
    return {
        name: next(
            (kept[key] for key in (f"{name}:value", name) if is_number(kept.get(key))),
            plain(value),
        )
        for name, value in trial.params.items()
    }


def _listed(trial: Any) -> dict[str, tuple[Any, ...]]:
    """Return the options of a trial's categories."""
    return {name: declared_of(each).options for name, each in trial.distributions.items()}


def _text(failure: Exception) -> str:
    return f"{type(failure).__name__}: {failure}"


def _line() -> int:
    """Return the line of the program from which Optuna was called; 0 when Optuna calls itself."""
    frame = sys._getframe(1)
    while frame.f_back is not None:
        name = frame.f_globals.get("__name__", "")
        if name.startswith("optuna."):
            return 0
        if not name.startswith("hyperbridge.verify"):
            return frame.f_lineno
        frame = frame.f_back
    return 0
