"""Run golden programs, before or after their migration, in a new process."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import clean_child
from golden_cases import FOLDER

CHILD = Path(__file__).parent / "programs" / "program_child.py"
ONE_BY_ONE = "max_concurrent_trials=1"
ALONE = ("hyperopt", "hyperbridge")


def run(
    kind: str,
    cases: list[str],
    seeds: list[int],
    folder: Path,
    *,
    draws: int | None = None,
    samples: int | None = None,
) -> dict[str, dict[str, list[float]]]:
    """Run programs and return the best loss of each seed, and the losses of all that is drawn.

    Args:
        kind: ``before``; ``optuna``; ``ray`` for a real Ray; ``loop`` for what is written for
            Ray with its own searcher and stoppers, driven by a loop instead of a cluster.
        cases: Names of golden cases.
        seeds: Each program runs once with each.
        folder: Where the programs run.
        draws: Draw so many trials at random instead of searching.
        samples: Have real Ray run so many trials only.
    """
    name = {"before": "before.py", "optuna": "optuna.py"}.get(kind, "ray.py")
    texts = {case: (FOLDER / case / name).read_text(encoding="utf-8") for case in cases}
    if kind == "before":  # hyperopt itself refuses what old programs pass
        texts = {
            case: re.sub(r"rstate=(.*)RandomState\(", r"rstate=\1default_rng(", text)
            for case, text in texts.items()
        }
    if draws is not None:  # at random nothing narrows a normal down
        texts = {case: text.replace("1.5 * sigma", "sigma") for case, text in texts.items()}
    if samples is not None:
        few = f"num_samples={samples}"
        texts = {case: re.sub(r"num_samples=[\w.]+", few, text) for case, text in texts.items()}
        # Starting a process is most of what a short search costs: one, if it does not say how many.
        texts = {
            case: text if "max_concurrent" in text else text.replace(few, f"{few}, {ONE_BY_ONE}")
            for case, text in texts.items()
        }
    request: dict[str, Any] = {
        "kind": kind,
        "programs": texts,
        "seeds": seeds,
        "draws": draws,
        "blocked": [] if kind == "before" else ALONE,
    }
    environment = {
        "MLFLOW_TRACKING_URI": f"sqlite:///{folder}/mlflow.db",
        "PATH": "/usr/bin:/bin",
        "HOME": str(folder),
        "GIT_PYTHON_REFRESH": "quiet",
        "RAY_AIR_NEW_OUTPUT": "0",
        "RAY_USAGE_STATS_ENABLED": "0",
        "OMP_NUM_THREADS": "1",
    }
    done = clean_child.run(
        [CHILD], input=json.dumps(request), cwd=folder, env=environment, timeout=280
    )
    assert done.returncode == 0, done.stderr[-3000:]
    answer: dict[str, dict[str, list[float]]] = json.loads(done.stdout.splitlines()[-1])
    return answer
