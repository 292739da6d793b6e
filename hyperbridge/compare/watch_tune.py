"""See the searches of a native Ray Tune program while it runs, in the child process."""

from __future__ import annotations

import importlib
import inspect
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from hyperbridge.compare.layout import kind_of
from hyperbridge.compare.records import SearchRecord, TrialRecord
from hyperbridge.compare.seeds import shift_seeds
from hyperbridge.worker.frames import safe_repr

_SEARCHERS = (
    ("ray.tune.search.basic_variant", "BasicVariantGenerator"),
    ("ray.tune.search.optuna", "OptunaSearch"),
    ("ray.tune.search.hyperopt", "HyperOptSearch"),
)


class TuneWatcher:
    """Notes what ``Tuner.fit`` and ``tune.run`` come to.

    Args:
        most: The most trials of a search; None for what the program says.
        repeat: Which repeat this is; the first, 0, keeps the program's own seeds.
        is_inside: Tells whether a call of fmin is under way on this thread.
    """

    def __init__(
        self,
        *,
        most: int | None,
        repeat: int,
        is_inside: Callable[[], bool],
    ) -> None:
        self.found: list[SearchRecord] = []
        self._most = most
        self._repeat = repeat
        self._is_inside = is_inside

    def install(self) -> None:
        """Replace what starts trials."""
        from ray import tune

        kinds = [getattr(importlib.import_module(where), name) for where, name in _SEARCHERS]
        shift_seeds(kinds, self._repeat)
        init, fit = tune.Tuner.__init__, tune.Tuner.fit
        configs: dict[int, Any] = {}

        def noting(tuner: Any, *args: Any, **kwargs: Any) -> None:
            config = kwargs.get("tune_config")
            if config is not None and not self._is_inside():
                kwargs["tune_config"] = replace(
                    config, num_samples=self._budget(config.num_samples)
                )
            configs[id(tuner)] = kwargs.get("tune_config")
            init(tuner, *args, **kwargs)

        def watched_fit(tuner: Any) -> Any:
            if self._is_inside():
                return fit(tuner)
            began = time.time()
            grid = fit(tuner)
            config = configs.get(id(tuner))
            results = [(each.metrics or {}, each.error, each.config or {}) for each in grid]
            searcher = getattr(config, "search_alg", None)
            metric, mode = _goal(config, searcher)
            self._note(began, results, metric, mode, searcher)
            return grid

        run = tune.run
        signature = inspect.signature(run)

        def watched_run(*args: Any, **kwargs: Any) -> Any:
            given = dict(signature.bind(*args, **kwargs).arguments)
            given["num_samples"] = self._budget(given.get("num_samples", 1))
            more = given.pop("kwargs", {})
            began = time.time()
            analysis = run(**given, **more)
            results = [
                (trial.last_result or {}, trial.error_file, trial.config)
                for trial in analysis.trials
            ]
            searcher = given.get("search_alg")
            metric = given.get("metric") or _goal(None, searcher)[0]
            mode = given.get("mode") or _goal(None, searcher)[1]
            self._note(began, results, metric, mode, searcher)
            return analysis

        tune.Tuner.__init__, tune.Tuner.fit, tune.run = noting, watched_fit, watched_run

    def _budget(self, asked: int) -> int:
        if self._most is None:
            return asked
        return self._most if asked == -1 else min(asked, self._most)

    def _note(
        self, began: float, results: list[Any], metric: str, mode: str, searcher: Any
    ) -> None:
        sign = -1.0 if mode == "max" else 1.0
        record = SearchRecord("ray", type(searcher).__name__ if searcher is not None else "random")
        ends = [float(metrics["timestamp"]) for metrics, *_ in results if "timestamp" in metrics]
        begins = [
            metrics["timestamp"] - metrics["time_total_s"]
            for metrics, *_ in results
            if "timestamp" in metrics and "time_total_s" in metrics
        ]
        first = max(began, min(begins, default=began))  # Tune's timestamps are whole seconds
        record.start_s = first - began if begins else None
        record.wall_s = max([time.time(), *ends]) - first
        best: tuple[float, dict[str, Any]] | None = None
        for metrics, error, config in results:
            value = metrics.get(metric)
            loss = None if value is None or error else sign * float(value)
            trial = TrialRecord(loss, "failed" if loss is None else "complete")
            trial.objective_s = metrics.get("time_total_s")
            if "timestamp" in metrics:
                trial.at_s = max(0.0, float(metrics["timestamp"]) - first)
            record.trials.append(trial)
            if loss is not None and (best is None or loss < best[0]):
                best = loss, config
        if best is not None:
            record.argmin = {str(name): safe_repr(value) for name, value in best[1].items()}
            record.types = {str(name): kind_of(value) for name, value in best[1].items()}
        record.reached = sorted(record.argmin)
        self.found.append(record)


def _goal(config: Any, searcher: Any) -> tuple[str, str]:
    """Return the metric and the mode of a search."""
    metric = getattr(config, "metric", None) or getattr(searcher, "metric", None)
    mode = getattr(config, "mode", None) or getattr(searcher, "mode", None)
    return str(metric), str(mode or "min")
