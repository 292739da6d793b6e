"""Run whole programs in a process of their own; what `program_runs.run` starts.

Reads a request from stdin, and prints for each program the best loss of each seed, and the loss
of each trial of its first search.
"""

from __future__ import annotations

import contextlib
import copy
import functools
import io
import json
import re
import sys
import types
import warnings
from typing import Any


class Blocker:
    """Lets packages seem not to be installed."""

    def __init__(self, names: list[str]) -> None:
        self.names = names

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> None:
        if name.partition(".")[0] in self.names:
            raise ModuleNotFoundError(f"{name} is blocked", name=name)


def prepare_hyperopt(draws: int | None, losses: list[float]) -> None:
    import hyperopt

    hyperopt.SparkTrials = lambda *args, **kwargs: hyperopt.Trials()
    if draws is None:
        return

    def fmin(
        fn: Any, space: Any, *args: Any, rstate: Any = None, trials: Any = None, **_: Any
    ) -> Any:
        trials = hyperopt.Trials() if trials is None else trials
        best = original(
            fn,
            space,
            hyperopt.rand.suggest,
            draws,
            trials=trials,
            rstate=rstate,
            show_progressbar=False,
            allow_trials_fmin=False,
        )
        losses.extend(r["loss"] for r in trials.results if r["status"] == "ok")
        return best

    original = hyperopt.fmin
    hyperopt.fmin = fmin
    vars(sys.modules["hyperopt.fmin"])["fmin"] = fmin
    hyperopt.Trials.fmin = lambda self, *args, **kwargs: fmin(*args, trials=self, **kwargs)


def prepare_optuna(draws: int | None, losses: list[float]) -> None:
    import optuna

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    if draws is None:
        return
    optuna.samplers.TPESampler = lambda **options: optuna.samplers.RandomSampler(
        seed=options.get("seed")
    )
    original = optuna.Study.optimize

    def optimize(study: Any, objective: Any, **_: Any) -> None:
        original(study, objective, n_trials=draws)
        losses.extend(t.value for t in study.trials if t.value is not None)

    optuna.Study.optimize = optimize
    optuna.Study.enqueue_trial = lambda *args, **kwargs: None


def prepare_loop(draws: int | None, losses: list[float]) -> None:
    """Have a Tuner drive its own searcher, trainable and stoppers, without a cluster."""
    from ray import tune
    from ray.tune.search import sample

    class Grid(list[Any]):
        def get_best_result(self) -> Any:
            return min(
                (r for r in self if r.metrics["loss"] == r.metrics["loss"]),
                key=lambda result: result.metrics["loss"],
            )

    class Tuner:
        def __init__(
            self,
            trainable: Any,
            *,
            param_space: Any = None,
            tune_config: Any,
            run_config: Any = None,
        ) -> None:
            self.trainable, self.space, self.config = trainable, param_space or {}, tune_config
            self.stop = None if run_config is None or draws is not None else run_config.stop

        def fit(self) -> Grid:
            search = self.config.search_alg
            if draws is not None:
                search._points_to_evaluate = []
            if self.space:
                assert search.set_search_properties("loss", "min", self.space)
            fixed = {k: v for k, v in self.space.items() if not isinstance(v, sample.Domain)}
            grid = Grid()
            for number in range(draws or self.config.num_samples):
                if self.stop is not None and self.stop.stop_all():
                    break
                config = {**copy.deepcopy(fixed), **search.suggest(str(number))}
                result = self.trainable(copy.deepcopy(config))
                search.on_trial_complete(str(number), result)
                if self.stop is not None:
                    self.stop(str(number), result)
                    self.stop(str(number), {**result, "done": True})  # as Tune does
                times = {"timestamp": 1.0, "time_total_s": 0.5}
                grid.append(
                    types.SimpleNamespace(config=config, metrics={**result, **times}, error=None)
                )
            if draws is not None:
                found = [r.metrics["loss"] for r in grid]
                losses.extend(loss for loss in found if loss == loss)
            return grid

    tune.Tuner = Tuner
    tune.with_parameters = functools.partial


def main() -> None:
    request = json.loads(sys.stdin.read())
    warnings.simplefilter("ignore")
    sys.meta_path.insert(0, Blocker(request["blocked"]))
    losses: list[float] = []
    if request["kind"] == "before":
        prepare_hyperopt(request["draws"], losses)
    else:
        prepare_optuna(request["draws"], losses)
    if request["kind"] == "loop":
        prepare_loop(request["draws"], losses)
    if request["kind"] == "ray":
        import ray

        ray.init(
            address="local",
            num_cpus=2,
            include_dashboard=False,
            log_to_driver=False,
            logging_level="ERROR",
            _node_ip_address="127.0.0.1",
        )
    best: dict[str, list[float]] = {}
    drawn: dict[str, list[float]] = {}
    for case, text in request["programs"].items():
        for seed in request["seeds"]:
            losses.clear()
            main_module = types.ModuleType("__main__")
            sys.modules["__main__"] = main_module
            program = re.sub(r"^SEED = 0$", f"SEED = {seed}", text, flags=re.MULTILINE)
            with contextlib.redirect_stdout(io.StringIO()):
                exec(compile(program, case, "exec"), main_module.__dict__)
            best.setdefault(case, []).append(float(main_module.best_loss))
            drawn.setdefault(case, []).extend(losses)
    print(json.dumps({"best": best, "drawn": drawn}))


if __name__ == "__main__":
    main()
