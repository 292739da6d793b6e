"""How much faster a whole fmin is than hyperopt's, with an objective that costs nothing.

The two run in turn in one process, on the local backend, without tracking; their losses are
compared. Times are of the processor, which on a quiet machine are those of the clock; the ratio is
the median of those of some rounds, each with one run of hyperopt's and one of ours before and
after it. ``--long`` is 10,000 trials of ten parameters and the growth of memory; hyperopt's time
is extrapolated from that of fewer trials, fitted by ``a * n + b * n**2``.

    python benchmarks/loop.py [--case rand] [--rounds 3] [--trials 1000]
    python benchmarks/loop.py --long
"""

from __future__ import annotations

import argparse
import itertools
import logging
import resource
import statistics
import time
from typing import Any

import hyperopt
import numpy as np
from hyperopt import Trials, rand, tpe
from search_spaces import SPACES

import hyperbridge

CASES = {
    "plain": ("10 parameters", tpe.suggest, 12),
    "q": ("10 with q-distributions", tpe.suggest, 20),
    "conditional": ("3-way conditional", tpe.suggest, 20),
    "rand": ("10 parameters", rand.suggest, 10),
}
LONG = 10_000
LONG_ASKED = 30


def objective(point: Any) -> float:
    """Return how far the numbers are from 1; it takes a few microseconds."""
    loss = 0.0
    for value in point.values():
        if isinstance(value, dict):
            loss += objective(value)
        elif not isinstance(value, str):
            loss += abs(value - 1.0)
    return loss


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


def compare(name: str, algo: Any, asked: float, n: int, rounds: int) -> None:
    ours(SPACES[name](), algo, 30)  # imports, and checks made once
    ratios, mine, their = [], [], []
    for _ in range(rounds):
        before, losses = ours(SPACES[name](), algo, n)
        theirs, expected = run(hyperopt, SPACES[name](), algo, n)
        after, _ = ours(SPACES[name](), algo, n)
        if losses != expected:
            raise SystemExit(f"the losses differ: {name}")
        ratios.append(2 * theirs / (before + after))
        mine.append((before + after) / 2)
        their.append(theirs)
    label = f"{name}, {algo.__module__.removeprefix('hyperopt.')}, {n} trials"
    print(
        f"{label}: {statistics.median(ratios):.1f}x (asked {asked}x; "
        f"{statistics.median(their):.2f} s / {statistics.median(mine):.3f} s)",
        flush=True,
    )


def compare_long() -> None:
    space = SPACES["10 parameters"]
    ours(space(), tpe.suggest, 30)
    sizes: list[tuple[int, float]] = []
    for n in (LONG // 4, LONG // 2, LONG):  # first of all, for the largest size is that of ours
        before, _ = ours(space(), tpe.suggest, n)
        sizes.append((n, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024))
    lengths = np.array([500, 1500, 3000])
    times = [run(hyperopt, space(), tpe.suggest, int(n))[0] for n in lengths]
    after, _ = ours(space(), tpe.suggest, LONG)
    terms = np.stack([lengths, lengths**2], axis=1)
    theirs = float(np.linalg.lstsq(terms, np.array(times))[0] @ [LONG, LONG**2])
    mine = (before + after) / 2
    growth = [
        1e3 * (size - earlier) / (n - fewer)
        for (fewer, earlier), (n, size) in itertools.pairwise(sizes)
    ]
    print(
        f"10 parameters, tpe, {LONG} trials: {theirs / mine:.0f}x (asked {LONG_ASKED}x; hyperopt, "
        f"extrapolated, {theirs:.0f} s / {mine:.0f} s); largest size of the process: "
        + ", ".join(f"{size:.0f} MB at {n}" for n, size in sizes)
        + "; kB for each further trial: "
        + ", ".join(f"{kilobytes:.1f}" for kilobytes in growth)
        + " (linear when these are alike)"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trials", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--case", choices=CASES, help="one case alone")
    parser.add_argument("--long", action="store_true", help="10,000 trials, and nothing else")
    options = parser.parse_args()
    logging.disable(logging.WARNING)
    if options.long:
        compare_long()
        return
    for case in [options.case] if options.case else CASES:
        compare(*CASES[case], options.trials, options.rounds)


if __name__ == "__main__":
    main()
