"""How much faster one TPE suggestion is than hyperopt's, by space and length of the history.

Both make the same suggestions from the same history in one process, and they are compared; the
ratio is that of the medians. Calls of the two alternate in blocks, so that what else the machine
does hits both.

    python benchmarks/suggest.py [--histories 50,200,1000,5000] [--calls 12]
"""

from __future__ import annotations

import argparse
import logging
import statistics
import time
from collections.abc import Callable
from typing import Any

from hyperopt import Domain, Trials, rand, tpe
from search_spaces import SPACES, loss_of

from hyperbridge.search.fast import accelerate

BLOCKS = 4
REPEATS = 4  # ours is called more often, for it takes so little time


def history(domain: Domain, n: int) -> Trials:
    """Finished trials drawn from the prior."""
    trials = Trials()
    draw = accelerate(rand.suggest, domain, trials) or rand.suggest
    documents = draw(list(range(n)), domain, trials, 0)
    for document in documents:
        given = document["misc"]["vals"]
        loss = loss_of({label: values[0] for label, values in given.items() if values})
        document["state"], document["result"] = 2, {"status": "ok", "loss": loss}
    trials._insert_trial_docs(documents)
    trials.refresh()
    return trials


def timed(call: Callable[[int], Any], seeds: range, times: list[float]) -> list[str]:
    call(0)
    results = []
    for seed in seeds:
        started = time.perf_counter()
        result = call(seed)
        times.append(time.perf_counter() - started)
        results.append(repr(result))
    return results


def compare(space: Any, n: int, calls: int) -> tuple[float, float]:
    """Return the median seconds of a call of hyperopt's and of ours."""
    domain = Domain(loss_of, space)
    trials = history(domain, n)
    fast = accelerate(tpe.suggest, domain, trials, notified=True)
    if fast is None:
        raise SystemExit("nothing to compare: is HYPERBRIDGE_FAST_TPE=0?")
    theirs: list[float] = []
    ours: list[float] = []
    for block in range(BLOCKS):
        seeds = range(block * calls, (block + 1) * calls)
        first = timed(lambda seed: tpe.suggest([n], domain, trials, seed), seeds, theirs)
        more = range(seeds.start, seeds.stop + REPEATS * calls)
        second = timed(lambda seed: fast([n], domain, trials, seed), more, ours)
        if first != second[:calls]:
            raise SystemExit(f"the suggestions differ at n={n}")
    return statistics.median(theirs), statistics.median(ours)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--histories", default="50,200,1000,5000")
    parser.add_argument("--calls", type=int, default=12, help="calls in each of the four blocks")
    parser.add_argument("--space", choices=SPACES, help="one space alone")
    options = parser.parse_args()
    logging.disable(logging.INFO)
    lengths = [int(text) for text in options.histories.split(",")]
    print("| space | " + " | ".join(f"n={n}" for n in lengths) + " |")
    print("| --- |" + " --- |" * len(lengths))
    for name in [options.space] if options.space else SPACES:
        cells = []
        for n in lengths:
            theirs, ours = compare(SPACES[name](), n, max(3, options.calls // (1 + n // 1000)))
            cells.append(f"{theirs / ours:.1f}x ({theirs * 1e3:.1f} / {ours * 1e3:.2f} ms)")
        print(f"| {name} | " + " | ".join(cells) + " |", flush=True)


if __name__ == "__main__":
    main()
