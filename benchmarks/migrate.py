"""How long `scan` takes for a large tree, and `migrate` for a script and a folder.

The processor's time is shown beside the clock's, for machines that do other things too.

python benchmarks/migrate.py
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

FILES, LINES, MENTIONS, FOLDER = 2_000, 500_000, 20, 50
SCAN_GOAL, MIGRATE_GOAL, FOLDER_GOAL = 1.0, 0.3, 5.0

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


def circles(count: int) -> str:
    """Return code whose values go round through containers, as in data preparation."""
    lines = ["v0 = 1"]
    for i in range(1, count):
        lines.append(f"v{i} = make(v{i - 1})[{i % 3}].f{i}()\nd{i} = dict(a=v{i}, b=[v{i}])")
        lines.append(f"for k, z in d{i}.items():\n    d{i}[k] = z\n    v{i} = d{i}['a']")
    return "\n".join(lines) + "\n"


def report(what: str, goal: float, *arguments: str, expected: int) -> None:
    """Print how long the command takes, the start of Python included."""
    before = os.times()
    started = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-m", "hyperbridge", *arguments],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        check=False,
    )
    taken = time.perf_counter() - started
    after = os.times()
    assert done.returncode == expected, done.returncode
    busy = after.children_user + after.children_system
    busy -= before.children_user + before.children_system
    print(f"{what}: {taken:.2f} s, of the processor {busy:.2f} s; asked {goal} s", flush=True)


def compile_once(folder: Path) -> None:
    """Have the commands find compiled modules, as those of an installed package do."""
    os.environ["PYTHONPYCACHEPREFIX"] = str(folder / "compiled")
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    first = folder / "first.py"
    first.write_text(PROGRAM)
    for arguments in (["scan"], ["migrate", "--to", "optuna"]):
        command = [sys.executable, "-m", "hyperbridge", *arguments, str(first)]
        subprocess.run(command, capture_output=True, check=False)


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        compile_once(Path(name))
        tree = Path(name, "tree")
        for number in range(FILES):
            folder = tree / f"package{number % 40}"
            folder.mkdir(parents=True, exist_ok=True)
            mentions = number % (FILES // MENTIONS) == 0
            text = (PROGRAM if mentions else "") + filler(LINES // FILES)
            (folder / f"module{number}.py").write_text(text)
        what = f"scan of {FILES} files, {LINES} lines, {MENTIONS} with hyperopt"
        report(what, SCAN_GOAL, "scan", str(tree), expected=1)
        script = Path(name, "train.py")
        for kind, text in (("functions", filler(280)), ("containers", circles(60))):
            script.write_text(text + PROGRAM)
            lines = len(script.read_text().splitlines())
            for target in ("optuna", "ray", "spark"):
                what = f"migrate of {lines} lines of {kind} to {target}"
                report(what, MIGRATE_GOAL, "migrate", str(script), "--to", target, expected=0)
        many = Path(name, "many")
        many.mkdir()
        for number in range(FOLDER):
            (many / f"train{number}.py").write_text(PROGRAM + filler(100))
        what = f"migrate of a folder of {FOLDER} files with hyperopt"
        report(what, FOLDER_GOAL, "migrate", str(many), "--to", "optuna", expected=0)


if __name__ == "__main__":
    main()
