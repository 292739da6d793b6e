"""What a journal costs: for each trial beyond the sync itself, and when it is opened again.

    python benchmarks/journal.py [trials] [folder]

Instant trials of ten parameters, random search, in this process. The cost is what the journal adds
to the same search without one, in CPU time of this process, less that of the syncs, which bring
the trials' ends to the disk. Goals at 10,000 trials: at most 0.5 ms a trial, flat (the last quarter
of the trials against the first one), and at most 1 s to open the file. For comparison, hyperopt's
``trials_save_file`` pickles all trials after each one; ``benchmarks/saving.py`` measures that file
and ours. On a machine with two cores,
with one other program and with three:

| 10,000 trials, 1,203 bytes each | one | three |
| --- | --- | --- |
| beyond the sync, ms a trial, by quarters | 0.29, 0.32, 0.30, 0.26 | 0.47, 0.55, 0.55, 0.50 |
| the sync, ms a trial | 0.23 | 0.84 |
| opening the file, s | 0.42 | 0.68 |
| hyperopt's file, 500 trials, ms a trial in the first and last quarter | 7.4, 30 | 3.4, 58 |
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import hyperopt
import numpy as np
from hyperopt import hp, rand

from hyperbridge import fmin
from hyperbridge.journal import file as journal_file

SPACE = {f"parameter {n}": hp.uniform(f"parameter {n}", -5, 5) for n in range(10)}
N_HYPEROPT = 500

synced_s = [0.0, 0.0]
"""How long syncs have taken so far, and in CPU time."""


def timed(sync: Any) -> Any:
    def call(fd: int) -> None:
        began = time.perf_counter(), time.process_time()
        sync(fd)
        synced_s[0] += time.perf_counter() - began[0]
        synced_s[1] += time.process_time() - began[1]

    return call


def search(n_trials: int, minimise: Any = fmin, **kwargs: Any) -> tuple[list[float], float]:
    """Run one search; return at which CPU time each trial ran, and how long syncs took."""
    moments: list[float] = []
    synced_s[:] = [0.0, 0.0]

    def objective(point: dict[str, float]) -> float:
        moments.append(time.process_time() - synced_s[1])
        return point["parameter 0"]

    minimise(
        objective, SPACE, algo=rand.suggest, max_evals=n_trials, show_progressbar=False,
        rstate=np.random.default_rng(0), **kwargs,
    )  # fmt: skip
    return moments, synced_s[0]


def ms_a_trial(moments: list[float], quarter: int) -> float:
    """Return the CPU time that a trial of a quarter of the search took."""
    n = len(moments) // 4
    part = moments[quarter * n : (quarter + 1) * n]
    return 1000 * (part[-1] - part[0]) / (len(part) - 1)


def main(n_trials: int, parent: str | None) -> None:
    journal_file._sync = timed(journal_file._sync)
    with tempfile.TemporaryDirectory(dir=parent) as name:
        path = Path(name) / "run.journal"
        search(200)
        without, _ = search(n_trials)
        with_one, syncs_s = search(n_trials, journal=path)
        size = path.stat().st_size
        print(f"{n_trials} trials, {size / n_trials:.0f} bytes a trial")
        costs = [ms_a_trial(with_one, q) - ms_a_trial(without, q) for q in range(4)]
        shown = " ".join(f"{cost:.3f}" for cost in costs)
        print(f"beyond the sync: {statistics.mean(costs):.3f} ms a trial; by quarters {shown}")
        print(f"the sync: {1000 * syncs_s / n_trials:.3f} ms a trial")
        opened = []
        for _ in range(5):
            began = time.perf_counter()
            contents = journal_file.read_journal(path)
            opened.append(time.perf_counter() - began)
            assert len(contents.documents) == n_trials
            del contents
        print(f"open: {statistics.median(opened):.3f} s")
        plain, _ = search(N_HYPEROPT, hyperopt.fmin)
        kept, _ = search(N_HYPEROPT, hyperopt.fmin, trials_save_file=str(Path(name) / "trials.pkl"))
        first, last = (ms_a_trial(kept, q) - ms_a_trial(plain, q) for q in (0, 3))
        print(
            f"hyperopt's trials_save_file, {N_HYPEROPT} trials, not synced: {first:.2f} ms a trial "
            f"in the first quarter, {last:.2f} in the last"
        )


if __name__ == "__main__":
    main(int(sys.argv[1]) if sys.argv[1:] else 10_000, sys.argv[2] if sys.argv[2:] else None)
