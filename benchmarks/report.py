"""What it takes to make the page of a search, and how large it is.

A history in memory of as many trials, each with ten reports, one in twenty failed. The goal is
10 s and 8 MB for 5,000 trials of ten parameters; Plotly itself is 4.8 MB of it.

    python benchmarks/report.py --trials 5000 --labels 10
"""

from __future__ import annotations

import argparse
import resource
import time
from datetime import datetime, timedelta

import numpy as np
from hyperopt import hp

from hyperbridge.documents import misc_of, new_document
from hyperbridge.history.history import History
from hyperbridge.translate.from_hyperopt import read_space


def history(n: int, n_labels: int) -> History:
    rng = np.random.default_rng(0)
    labels = [f"parameter_{k}" for k in range(n_labels)]
    uniform = {label: hp.uniform(label, 0, 1) for label in labels[:-2]}
    space = read_space(
        {
            **uniform,
            "rate": hp.loguniform(labels[-2], -9, 0),
            "kind": hp.choice(labels[-1], ["small", "medium", "large"]),
        }
    )
    documents = []
    for tid in range(n):
        _, assignment = space.draw(rng)
        document = new_document(tid, misc_of(tid, assignment, labels), None)
        loss = sum((assignment[label] - 0.3) ** 2 for label in labels[:3]) + rng.normal(0, 0.1)
        began = datetime(2026, 1, 1) + timedelta(seconds=3 * (tid // 8))
        document.update(state=2, result={"status": "ok", "loss": float(loss)})
        document.update(book_time=began, refresh_time=began + timedelta(seconds=2))
        document["misc"]["reports"] = [[step, float(loss) + 1 / step] for step in range(1, 11)]
        if tid % 20 == 7:
            document.update(state=3, result={"status": "new"})
            text = f"Traceback (most recent call last):\nValueError: bad value {tid}\n"
            document["misc"].update(
                error=("<class 'ValueError'>", f"bad value {tid}"), traceback=text * 20
            )
        documents.append(document)
    return History(documents, {}, "benchmark", [], space)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trials", type=int, default=5000)
    parser.add_argument("--labels", type=int, default=10)
    args = parser.parse_args()
    given = history(args.trials, args.labels)
    started, cpu = time.perf_counter(), time.process_time()
    from hyperbridge.pages.report import report  # Optuna and Plotly are imported in the time

    page = report(given)
    wall, cpu = time.perf_counter() - started, time.process_time() - cpu
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(
        f"{args.trials} trials of {args.labels} parameters: {wall:.2f} s ({cpu:.2f} s CPU), "
        f"{len(page.encode()) / 1e6:.2f} MB; the process had {most:.0f} MB"
    )


if __name__ == "__main__":
    main()
