"""How many trials a search wastes on known points, and what it finds without them.

    python benchmarks/repeats.py [trials] [seeds]

The space has 6 x 6 x 6 points. hyperopt's TPE searches it with each value of fmin's ``repeats``.
Three objectives: a bowl with its lowest point inside, the same bowl under noise that is the same
for the same point, and noise alone. A regret is the best loss found minus the lowest of the space.
"""

from __future__ import annotations

import itertools
import statistics
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from hyperopt import Trials, hp, tpe

from hyperbridge import fmin

N = 6
LABELS = "abc"
SPACE = {label: hp.randint(label, N) for label in LABELS}

Point = tuple[int, ...]


def table(noise: float, slope: float, seed: int) -> dict[Point, float]:
    """Return the loss of each point of the space."""
    rng = np.random.default_rng([7, seed])
    lowest = rng.integers(N, size=len(LABELS))
    points = list(itertools.product(range(N), repeat=len(LABELS)))
    bumps = rng.normal(scale=noise, size=len(points))
    return {
        point: slope * float(sum((np.array(point) - lowest) ** 2)) + float(bump)
        for point, bump in zip(points, bumps, strict=True)
    }


OBJECTIVES: dict[str, Callable[[int], dict[Point, float]]] = {
    "bowl": lambda seed: table(0.0, 1.0, seed),
    "bowl with noise": lambda seed: table(10.0, 1.0, seed),
    "noise": lambda seed: table(1.0, 0.0, seed),
}


def search(losses: dict[Point, float], repeats: str, n_trials: int, seed: int) -> dict[str, float]:
    """Run one search and return what it cost and found."""
    n_calls = 0

    def objective(point: dict[str, Any]) -> float:
        nonlocal n_calls
        n_calls += 1
        return losses[tuple(int(point[label]) for label in LABELS)]

    trials = Trials()
    began = time.perf_counter()
    fmin(
        objective,
        SPACE,
        algo=tpe.suggest,
        max_evals=n_trials,
        trials=trials,
        rstate=np.random.default_rng(seed),
        show_progressbar=False,
        repeats=repeats,
    )
    took_s = time.perf_counter() - began
    points = {tuple(values[0] for values in d["misc"]["vals"].values()) for d in trials.trials}
    return {
        "trials": len(trials),
        "evaluations": n_calls,
        "wasted": n_calls - len(points),
        "regret": min(trials.losses()) - min(losses.values()),
        "ms a trial": 1000 * took_s / len(trials),
    }


def main(n_trials: int, n_seeds: int) -> None:
    """Print a table: the mean of each number over the seeds."""
    print(f"{n_trials} trials, {n_seeds} seeds, {N ** len(LABELS)} points")
    names = ("trials", "evaluations", "wasted", "regret", "ms a trial")
    print(f"{'objective':16} {'repeats':8}" + "".join(f"{name:>13}" for name in names))
    for title, make in OBJECTIVES.items():
        for repeats in ("run", "skip", "reuse"):
            found = [search(make(seed), repeats, n_trials, seed) for seed in range(n_seeds)]
            means = [statistics.fmean(each[name] for each in found) for name in names]
            print(f"{title:16} {repeats:8}" + "".join(f"{mean:13.2f}" for mean in means))


if __name__ == "__main__":
    main(*(int(given) for given in [*sys.argv[1:], *("100", "50")[len(sys.argv) - 1 :]]))
