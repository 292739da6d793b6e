"""How many boosting rounds a pruner spares, and whether the best loss stays the same.

scikit-learn's gradient boosting with up to 200 rounds, 60 trials of five parameters; each trial
reports the loss on validation data after each round. For each seed the same search runs without a
pruner and with it, on each backend, and as a native Optuna study with the same pruner. Counted are
rounds, not seconds. "same within noise" is a Wilcoxon signed-rank test over the seeds: the pruned
searches' best losses are not worse (p above 0.05).

    python benchmarks/pruning.py [--backends local,spark,ray] [--seeds 10] [--pruner median]
"""

from __future__ import annotations

import argparse
import logging
import statistics
import warnings
from typing import Any

import numpy as np
import optuna
from hyperopt import Trials, hp, tpe
from scipy.stats import wilcoxon
from sklearn.datasets import make_friedman1

import hyperbridge

N_ROUNDS = 200
SPACE = {
    "learning_rate": hp.loguniform("learning_rate", np.log(0.01), np.log(1.0)),
    "max_depth": hp.uniformint("max_depth", 1, 6),
    "subsample": hp.uniform("subsample", 0.3, 1.0),
    "max_features": hp.uniform("max_features", 0.2, 1.0),
    "min_samples_leaf": hp.uniformint("min_samples_leaf", 1, 40),
}


def make_data(seed: int) -> tuple[Any, ...]:
    x, y = make_friedman1(400, 10, noise=1.0, random_state=seed)
    return x[:200], y[:200], x[200:], y[200:]


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


def ours(backend: str, seed: int, pruner: str | None, n_trials: int) -> tuple[float, int]:
    """Return the best loss and the number of rounds of a search."""
    trials = Trials()
    hyperbridge.fmin(
        make_objective(make_data(seed)), SPACE, algo=tpe.suggest, max_evals=n_trials,
        trials=trials, rstate=np.random.default_rng(seed), backend=backend, parallelism=1,
        tracking=False, show_progressbar=False, verbose=False, pruner=pruner,
    )  # fmt: skip
    return min(trials.best_trial["result"]["loss"], 1e9), rounds_of(trials)


def native(seed: int, pruner: Any, n_trials: int) -> tuple[float, int]:
    data = make_data(seed)

    def objective(trial: Any) -> float:
        point = {
            "learning_rate": trial.suggest_float("learning_rate", 0.01, 1.0, log=True),
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


def show(name: str, found: list[tuple[float, int]], whole: list[tuple[float, int]]) -> None:
    shares = [mine[1] / all_[1] for mine, all_ in zip(found, whole, strict=True)]
    differences = [mine[0] - all_[0] for mine, all_ in zip(found, whole, strict=True)]
    worse = wilcoxon(differences, alternative="greater").pvalue if any(differences) else 1.0
    print(
        f"{name:<22} rounds {statistics.median(shares):.2f} of all, best loss "
        f"{statistics.median(loss for loss, _ in found):.4f} against "
        f"{statistics.median(loss for loss, _ in whole):.4f} (p = {worse:.2f} that it is worse)",
        flush=True,
    )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--backends", default="local,spark,ray")
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--trials", type=int, default=60)
    parser.add_argument("--pruner", default="median")
    args = parser.parse_args()
    from hyperbridge.search.optuna.pruners import pruner_of

    logging.getLogger("hyperbridge").setLevel(logging.ERROR)
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    warnings.simplefilter("ignore")
    seeds = range(args.seeds)
    whole = [ours("local", seed, None, args.trials) for seed in seeds]
    theirs = [native(seed, pruner_of(args.pruner), args.trials) for seed in seeds]
    show(
        "a native study",
        theirs,
        [native(seed, optuna.pruners.NopPruner(), args.trials) for seed in seeds],
    )
    for backend in args.backends.split(","):
        found = [ours(backend, seed, args.pruner, args.trials) for seed in seeds]
        show(f"fmin on {backend}", found, whole)
        ratio = statistics.median(a[1] / b[1] for a, b in zip(found, theirs, strict=True))
        print(f"{'':<22} rounds {ratio:.2f} times the native study's (asked: 1.1 at most)")


if __name__ == "__main__":
    main()
