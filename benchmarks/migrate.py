"""How long `scan` takes for a large tree, and `migrate` for a long script, beside what is asked.

python benchmarks/migrate.py
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from pathlib import Path

FILES, LINES, MENTIONS = 2_000, 500_000, 20
SCAN_GOAL, MIGRATE_GOAL = 10.0, 3.0

PROGRAM = """\
import numpy as np
from hyperopt import STATUS_OK, Trials, fmin, hp, space_eval, tpe

space = {
    "C": hp.loguniform("C", np.log(1e-3), np.log(1e3)),
    "kernel": hp.choice("kernel", [{"kind": "rbf", "gamma": hp.uniform("gamma", 0, 1)}, "linear"]),
}


def objective(params):
    return {"loss": np.log(params["C"]) ** 2, "status": STATUS_OK}


trials = Trials()
best = fmin(objective, space, algo=tpe.suggest, max_evals=20, trials=trials)
print(space_eval(space, best), trials.best_trial["result"]["loss"])
"""


def filler(lines: int) -> str:
    """Return a module of ordinary functions."""
    block = "def f{0}(a, b={0}):\n    x = [a * {0} + b for _ in range(3)]\n    return x\n\n\n"
    return "".join(block.format(i) for i in range(lines // 5))


def seconds(*arguments: str, expected: int) -> float:
    """Return how long the command takes, the start of Python included."""
    started = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-m", "hyperbridge", *arguments], stdout=subprocess.DEVNULL, check=False
    )
    assert done.returncode == expected, done.returncode
    return time.perf_counter() - started


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        tree = Path(name, "tree")
        for number in range(FILES):
            folder = tree / f"package{number % 40}"
            folder.mkdir(parents=True, exist_ok=True)
            mentions = number % (FILES // MENTIONS) == 0
            text = (PROGRAM if mentions else "") + filler(LINES // FILES)
            (folder / f"module{number}.py").write_text(text)
        taken = seconds("scan", str(tree), expected=1)
        print(f"scan of {FILES} files, {LINES} lines: {taken:.1f} s, asked at most {SCAN_GOAL} s")
        script = Path(name, "train.py")
        script.write_text(filler(280) + PROGRAM)
        for target in ("optuna", "ray"):
            taken = seconds("migrate", str(script), "--to", target, expected=0)
            print(
                f"migrate of {len(script.read_text().splitlines())} lines to {target}:"
                f" {taken:.1f} s, asked at most {MIGRATE_GOAL} s"
            )


if __name__ == "__main__":
    main()
