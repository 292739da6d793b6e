"""How many boosting rounds a pruner spares, and whether the best loss stays the same.

scikit-learn's gradient boosting with up to 200 rounds, 60 trials of five parameters; each trial
reports the loss on validation data after each round. For each seed of the search it runs without a
pruner and with successive halving (a first look at round 25, half of the trials go on), on each
backend, and as a native Optuna study with the same pruner. Counted are rounds, not seconds. "same
within noise" is a Mann-Whitney test over the seeds: the best losses are not worse (p above 0.05).

``--cost`` measures instead what a call of report costs, with a pruner and two trials at once: the
median and the mean of 2,000 calls in each of 8 trials, and the first call.

    python benchmarks/pruning.py [--backends local,spark,ray] [--seeds 10]
    python benchmarks/pruning.py --cost [--backends local,processes,spark,ray]
"""

from __future__ import annotations

import argparse
import logging
import statistics
import warnings
from typing import Any

import numpy as np
import optuna
from hyperopt import Trials, hp, rand, tpe
from scipy.stats import mannwhitneyu
from sklearn.datasets import make_friedman1

import hyperbridge

N_ROUNDS = 200
SPACE = {
    "learning_rate": hp.loguniform("learning_rate", np.log(0.02), np.log(0.5)),
    "max_depth": hp.uniformint("max_depth", 1, 6),
    "subsample": hp.uniform("subsample", 0.3, 1.0),
    "max_features": hp.uniform("max_features", 0.2, 1.0),
    "min_samples_leaf": hp.uniformint("min_samples_leaf", 1, 40),
}


def make_data() -> tuple[Any, ...]:
    x, y = make_friedman1(400, 10, noise=1.0, random_state=0)
    return x[:200], y[:200], x[200:], y[200:]


def make_pruner() -> Any:
    return optuna.pruners.SuccessiveHalvingPruner(min_resource=25, reduction_factor=2)


def fit(point: dict[str, Any], data: tuple[Any, ...], report: Any) -> float:
    """Fit, reporting the loss after each round; return the lowest."""
    from sklearn.ensemble import GradientBoostingRegressor

    x, y, x_valid, y_valid = data
    losses: list[float] = []
    raw = np.full(len(y_valid), float(np.mean(y)))

    def monitor(i: int, model: Any, _: Any) -> bool:
        nonlocal raw
        raw = raw + model.learning_rate * model.estimators_[i, 0].predict(x_valid)
        losses.append(float(np.mean((raw - y_valid) ** 2)))
        report(min(losses), i)
        return False

    GradientBoostingRegressor(n_estimators=N_ROUNDS, random_state=0, **point).fit(
        x, y, monitor=monitor
    )
    return min(losses)


def make_objective(data: tuple[Any, ...]) -> Any:
    def objective(point: dict[str, Any]) -> float:
        import hyperbridge

        return fit(point, data, hyperbridge.report)

    return objective


def rounds_of(trials: Trials) -> int:
    return sum(len(document["misc"]["reports"]) for document in trials.trials)


def ours(backend: str, seed: int, pruner: Any, n_trials: int) -> tuple[float, int]:
    """Return the best loss and the number of rounds of a search."""
    trials = Trials()
    hyperbridge.fmin(
        make_objective(make_data()), SPACE, algo=tpe.suggest, max_evals=n_trials,
        trials=trials, rstate=np.random.default_rng(seed), backend=backend, parallelism=1,
        tracking=False, show_progressbar=False, verbose=False, pruner=pruner,
    )  # fmt: skip
    return min(trials.best_trial["result"]["loss"], 1e9), rounds_of(trials)


def native(seed: int, pruner: Any, n_trials: int) -> tuple[float, int]:
    data = make_data()

    def objective(trial: Any) -> float:
        point = {
            "learning_rate": trial.suggest_float("learning_rate", 0.02, 0.5, log=True),
            "max_depth": trial.suggest_int("max_depth", 1, 6),
            "subsample": trial.suggest_float("subsample", 0.3, 1.0),
            "max_features": trial.suggest_float("max_features", 0.2, 1.0),
            "min_samples_leaf": trial.suggest_int("min_samples_leaf", 1, 40),
        }

        def report(loss: float, step: int) -> None:
            trial.report(loss, step)
            if trial.should_prune():
                raise optuna.TrialPruned

        return fit(point, data, report)

    study = optuna.create_study(sampler=optuna.samplers.TPESampler(seed=seed), pruner=pruner)
    study.optimize(objective, n_trials=n_trials)
    return study.best_value, sum(len(trial.intermediate_values) for trial in study.trials)


def cost(backend: str) -> None:
    """Print what a report costs on a backend."""

    def objective(x: float) -> dict[str, Any]:
        import time

        import hyperbridge

        taken = []
        for step in range(2000):
            began = time.perf_counter()
            hyperbridge.report(x + 1 / (step + 1), step, raises=False)
            hyperbridge.should_prune()
            taken.append(time.perf_counter() - began)
        return {"loss": x, "status": "ok", "taken": taken}

    trials = Trials()
    hyperbridge.fmin(
        objective, hp.uniform("x", 0, 1), algo=rand.suggest, max_evals=8, trials=trials,
        rstate=np.random.default_rng(0), parallelism=2, tracking=False, show_progressbar=False,
        backend=hyperbridge.Local(workers="processes") if backend == "processes" else backend,
        pruner="asha",
    )  # fmt: skip
    all_taken = [seconds for result in trials.results for seconds in result["taken"][1:]]
    first = statistics.median(result["taken"][0] for result in trials.results)
    print(
        f"{backend:<12} median {statistics.median(all_taken) * 1e6:6.0f} us, mean "
        f"{statistics.mean(all_taken) * 1e6:6.0f} us, first {first * 1e6:6.0f} us (asked: 1000)",
        flush=True,
    )


def show(name: str, found: list[tuple[float, int]], whole: list[tuple[float, int]]) -> None:
    shares = [mine[1] / all_[1] for mine, all_ in zip(found, whole, strict=True)]
    best, best_of_all = [loss for loss, _ in found], [loss for loss, _ in whole]
    worse = mannwhitneyu(best, best_of_all, alternative="greater").pvalue
    print(
        f"{name:<22} rounds {statistics.median(shares):.2f} of all, best loss "
        f"{statistics.median(best):.3f} against {statistics.median(best_of_all):.3f} "
        f"(worse with p = {worse:.2f}; asked: half the rounds, and p above 0.05)",
        flush=True,
    )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--backends")
    parser.add_argument("--cost", action="store_true")
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--trials", type=int, default=60)
    args = parser.parse_args()
    logging.getLogger("hyperbridge").setLevel(logging.ERROR)
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    warnings.simplefilter("ignore")
    if args.cost:
        for backend in (args.backends or "local,processes,spark,ray").split(","):
            cost(backend)
        return
    seeds = range(args.seeds)
    whole = [ours("local", seed, None, args.trials) for seed in seeds]
    theirs = [native(seed, make_pruner(), args.trials) for seed in seeds]
    show(
        "a native study",
        theirs,
        [native(seed, optuna.pruners.NopPruner(), args.trials) for seed in seeds],
    )
    for backend in (args.backends or "local,spark,ray").split(","):
        found = [ours(backend, seed, make_pruner(), args.trials) for seed in seeds]
        show(f"fmin on {backend}", found, whole)
        ratio = statistics.median(a[1] / b[1] for a, b in zip(found, theirs, strict=True))
        print(f"{'':<22} rounds {ratio:.2f} times the native study's (asked: 1.1 at most)")


if __name__ == "__main__":
    main()
