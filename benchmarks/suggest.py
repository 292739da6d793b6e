"""How much faster one TPE suggestion is than hyperopt's, by space and length of the history.

Both make the same suggestions from the same history in one process, and they are compared. Calls
of the two alternate in short blocks, so that what else the machine does hits both; the ratio is
the median of the blocks' ratios of processor time. What the project asks of itself stands beside.
Ours keeps what the better trials alone decide from call to call; in a search of 1,000 trials about
one trial in twenty changes that (``loop.py`` times whole searches), here none does.

    python benchmarks/suggest.py [--space "10 parameters"] [--histories 50,200] [--blocks 9]
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

REPEATS = 4  # ours is called more often, for it takes so little time
ASKED = {
    "10 parameters": {50: 9, 200: 9, 1000: 12, 5000: 30},
    "10 with q-distributions": {50: 10, 200: 15, 1000: 40, 5000: 130},
    "30 parameters": {50: 12, 200: 10, 1000: 12, 5000: 22},
    "3-way conditional": {50: 18, 200: 20, 1000: 30, 5000: 85},
}


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


def timed(call: Callable[[int], Any], seeds: range) -> tuple[float, list[str]]:
    """Return the median seconds of a call, and the results."""
    call(seeds.start)
    times, results = [], []
    for seed in seeds:
        started = time.process_time()
        result = call(seed)
        times.append(time.process_time() - started)
        results.append(repr(result))
    return statistics.median(times), results


def compare(space: Any, n: int, blocks: int) -> tuple[float, float, float]:
    """Return the ratio, and the median seconds of a call of hyperopt's and of ours."""
    domain = Domain(loss_of, space)
    trials = history(domain, n)
    fast = accelerate(tpe.suggest, domain, trials)
    if fast is None:
        raise SystemExit("nothing to compare: is HYPERBRIDGE_FAST_TPE=0?")
    theirs, ours = [], []
    calls = max(2, 12 // (1 + n // 500))
    for block in range(blocks):
        seeds = range(block * calls, (block + 1) * calls)
        seconds, first = timed(lambda seed: tpe.suggest([n], domain, trials, seed), seeds)
        theirs.append(seconds)
        more = range(seeds.start, seeds.stop + REPEATS * calls)
        seconds, second = timed(lambda seed: fast([n], domain, trials, seed), more)
        ours.append(seconds)
        if first != second[:calls]:
            raise SystemExit(f"the suggestions differ at n={n}")
    ratio = statistics.median(their / our for their, our in zip(theirs, ours, strict=True))
    return ratio, statistics.median(theirs), statistics.median(ours)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--histories", default="50,200,1000,5000")
    parser.add_argument("--blocks", type=int, default=9, help="of calls of each, in turn")
    parser.add_argument("--space", choices=SPACES, help="one space alone")
    options = parser.parse_args()
    logging.disable(logging.INFO)
    lengths = [int(text) for text in options.histories.split(",")]
    print("measured (asked; ms per call of hyperopt's / of ours)")
    print("| space | " + " | ".join(f"n={n}" for n in lengths) + " |")
    print("| --- |" + " --- |" * len(lengths))
    for name in [options.space] if options.space else SPACES:
        cells = []
        for n in lengths:
            ratio, theirs, ours = compare(SPACES[name](), n, options.blocks)
            asked = ASKED[name].get(n, "-")
            cells.append(f"{ratio:.1f}x ({asked}; {theirs * 1e3:.1f} / {ours * 1e3:.2f})")
        print(f"| {name} | " + " | ".join(cells) + " |", flush=True)


if __name__ == "__main__":
    main()
