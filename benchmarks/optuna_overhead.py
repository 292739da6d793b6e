"""What the Optuna backend adds to a native ``study.optimize`` with the same sampler.

500 trials of 10 parameters, in memory, with an objective that costs nothing. Both run in turn in
one process; the rows give the medians of process CPU seconds and of the ratios. The goal is 1.15.

    python benchmarks/optuna_overhead.py
"""

from __future__ import annotations

import argparse
import gc
import logging
import statistics
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import optuna

from hyperbridge import fmin, hp, rand, tpe

LABELS = [f"x{i}" for i in range(10)]
SPACE = {label: hp.uniform(label, -5, 5) for label in LABELS}


def objective(point: dict[str, float]) -> float:
    return sum(value * value for value in point.values())


def native(sampler: Any, n: int) -> None:
    study = optuna.create_study(sampler=sampler)
    study.optimize(
        lambda trial: objective({x: trial.suggest_float(x, -5, 5) for x in LABELS}), n_trials=n
    )


def bridged(algo: Any, n: int) -> None:
    fmin(
        objective, SPACE, algo=algo, max_evals=n, backend="optuna", tracking=False,
        rstate=np.random.default_rng(0), show_progressbar=False,
    )  # fmt: skip


def seconds(function: Callable[[], None]) -> float:
    gc.collect()  # neither pays for what the other left behind
    started = time.process_time()
    function()
    return time.process_time() - started


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--trials", type=int, default=500)
    parser.add_argument("--repetitions", type=int, default=5, help="of TPE; random: 5 times that")
    options = parser.parse_args()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    logging.disable(logging.WARNING)
    n = options.trials
    bridged(rand.suggest, 20)
    print(f"{n} trials of 10 parameters  hyperbridge      native   ratio  goal")
    cases: list[tuple[str, int, Any, Callable[[], Any]]] = [
        ("random", 5, rand.suggest, lambda: optuna.samplers.RandomSampler(seed=0)),
        ("TPE", 1, tpe.suggest, lambda: optuna.samplers.TPESampler(seed=0)),
    ]
    for name, times, algo, make in cases:
        pairs = [
            (seconds(lambda: bridged(algo, n)), seconds(lambda: native(make(), n)))  # noqa: B023
            for _ in range(times * options.repetitions)
        ]
        ours, theirs = (statistics.median(column) for column in zip(*pairs, strict=True))
        ratio = statistics.median(a / b for a, b in pairs)
        print(f"{name:24} {ours:10.2f} s {theirs:9.2f} s {ratio:7.2f}  1.15", flush=True)


if __name__ == "__main__":
    main()
