"""What ``trials_save_file`` costs: hyperbridge against hyperopt, each with and without the file.

    python benchmarks/saving.py [trials] [folder]

Instant trials of three parameters, random search. The cost is what the file adds to the same
search without one. Goal: over 5,000 trials at most a tenth of hyperopt's. hyperopt writes its file
without syncing it to the disk, hyperbridge syncs each trial; the last row says what that takes.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import hyperopt
import numpy as np
from hyperopt import hp, rand

from hyperbridge import fmin

SPACE = {
    "x": hp.uniform("x", -5, 5),
    "y": hp.loguniform("y", -3, 3),
    "kind": hp.choice("kind", ["a", "b", "c"]),
}


def objective(point: dict[str, Any]) -> float:
    return float(point["x"] ** 2 + point["y"])


def seconds(minimise: Callable[..., Any], n_trials: int, file: Path | None) -> float:
    """Run one search and return how long it took."""
    began = time.perf_counter()
    minimise(
        objective, SPACE, algo=rand.suggest, max_evals=n_trials, show_progressbar=False,
        rstate=np.random.default_rng(0), trials_save_file="" if file is None else str(file),
    )  # fmt: skip
    return time.perf_counter() - began


def sync_seconds(n_trials: int, folder: Path, size: int) -> float:
    """Return what it takes to append and sync as many records to a file of the same folder."""
    with (folder / "synced").open("wb", buffering=0) as file:
        began = time.perf_counter()
        for _ in range(n_trials):
            file.write(b"x" * size)
            os.fdatasync(file.fileno())
        return time.perf_counter() - began


def main(n_trials: int, parent: str | None) -> None:
    with tempfile.TemporaryDirectory(dir=parent) as name:
        folder = Path(name)
        costs = {}
        for who, minimise in (("hyperbridge", fmin), ("hyperopt", hyperopt.fmin)):
            without = seconds(minimise, n_trials, None)
            file = folder / f"{who}.pkl"
            costs[who] = seconds(minimise, n_trials, file) - without
            print(f"{who}: {costs[who]:.2f} s for {n_trials} trials", flush=True)
            print(f"  {1e3 * costs[who] / n_trials:.3f} ms a trial; {file.stat().st_size} bytes")
        print(f"ratio: {costs['hyperbridge'] / costs['hyperopt']:.4f} (goal: at most 0.1)")
        print(f"syncs alone: {sync_seconds(n_trials, folder, 800):.2f} s")


if __name__ == "__main__":
    main(int(sys.argv[1]) if sys.argv[1:] else 5_000, sys.argv[2] if sys.argv[2:] else None)
