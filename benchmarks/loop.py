"""How much faster a whole fmin is than hyperopt's, with an objective that costs nothing.

The two run in turn in one process, on the local backend, without tracking; their losses are
compared. Times are of the processor, which on a quiet machine are those of the clock. ``--long``
adds 10,000 trials of ten parameters and the growth of memory; hyperopt's time is extrapolated
from that of fewer trials, fitted by ``a * n + b * n**2``.

    python benchmarks/loop.py [--trials 1000] [--long]
"""

from __future__ import annotations

import argparse
import logging
import resource
import statistics
import time
from typing import Any

import hyperopt
import numpy as np
from hyperopt import Trials, rand, tpe
from search_spaces import SPACES, loss_of

import hyperbridge

CASES = [
    ("10 parameters", tpe.suggest),
    ("10 with q-distributions", tpe.suggest),
    ("3-way conditional", tpe.suggest),
    ("10 parameters", rand.suggest),
]
LONG = 10_000
REPEATS = 3  # before hyperopt's run and again after it; the median counts


def objective(point: Any) -> float:
    numbers = [value for value in flatten(point) if isinstance(value, (int, float))]
    return loss_of({str(i): value for i, value in enumerate(numbers)})


def flatten(point: Any) -> list[Any]:
    if isinstance(point, dict):
        return [leaf for value in point.values() for leaf in flatten(value)]
    return [point]


def run(engine: Any, space: Any, algo: Any, n: int, **options: Any) -> tuple[float, list[Any]]:
    """Return the seconds of a search and its losses."""
    trials = Trials()
    started = time.process_time()
    engine.fmin(
        objective,
        space,
        algo=algo,
        max_evals=n,
        trials=trials,
        rstate=np.random.default_rng(0),
        show_progressbar=False,
        verbose=False,
        **options,
    )
    return time.process_time() - started, trials.losses()


def ours(space: Any, algo: Any, n: int) -> tuple[float, list[Any]]:
    return run(hyperbridge, space, algo, n, backend="local", tracking=False)


def compare(name: str, algo: Any, n: int) -> None:
    ours(SPACES[name](), algo, 30)  # imports, and checks made once
    before = [ours(SPACES[name](), algo, n) for _ in range(REPEATS)]
    theirs, expected = run(hyperopt, SPACES[name](), algo, n)
    after = [ours(SPACES[name](), algo, n) for _ in range(REPEATS)]
    if before[0][1] != expected:
        raise SystemExit(f"the losses differ: {name}")
    mine = statistics.median(seconds for seconds, _ in before + after)
    label = f"{name}, {algo.__module__.removeprefix('hyperopt.')}, {n} trials"
    print(f"{label}: {theirs / mine:.1f}x ({theirs:.1f} s / {mine:.2f} s)", flush=True)


def compare_long() -> None:
    space = SPACES["10 parameters"]
    lengths = np.array([500, 1500, 3000])
    times = [run(hyperopt, space(), tpe.suggest, int(n))[0] for n in lengths]
    terms = np.stack([lengths, lengths**2], axis=1)
    theirs = float(np.linalg.lstsq(terms, np.array(times))[0] @ [LONG, LONG**2])
    memory: list[tuple[int, int]] = []
    for n in (LONG // 4, LONG // 2, LONG):
        mine, _ = ours(space(), tpe.suggest, n)
        memory.append((n, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss))
    print(
        f"10 parameters, tpe, {LONG} trials: {mine:.0f} s; hyperopt, extrapolated: {theirs:.0f} s "
        f"({theirs / mine:.0f}x); largest size so far: "
        + ", ".join(f"{size / 1024:.0f} MB at {n}" for n, size in memory)
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trials", type=int, default=1000)
    parser.add_argument("--long", action="store_true")
    options = parser.parse_args()
    logging.disable(logging.WARNING)
    for name, algo in CASES:
        compare(name, algo, options.trials)
    if options.long:
        compare_long()


if __name__ == "__main__":
    main()
