"""What `import hyperbridge` costs beside `import hyperopt`, each in a new process.

python benchmarks/import_time.py
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import time

PAIRS = [
    ("import hyperbridge", "import hyperopt"),
    ("from hyperbridge import fmin, hp, tpe", "from hyperopt import fmin, hp, tpe"),
]
RUNS = 11
GOAL = 1.1


def seconds(code: str) -> float:
    started = time.perf_counter()
    subprocess.run([sys.executable, "-c", code], check=True)
    return time.perf_counter() - started


def main() -> None:
    for ours, theirs in PAIRS:
        seconds(ours), seconds(theirs)
        times = [(seconds(ours), seconds(theirs)) for _ in range(RUNS)]
        ratio = statistics.median(a / b for a, b in times)
        print(
            f"{ours!r} takes {ratio:.2f} times as long as {theirs!r} (asked: at most {GOAL})",
            flush=True,
        )


if __name__ == "__main__":
    main()
