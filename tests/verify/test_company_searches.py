"""Searches as teams write them are the same search when `migrate` has written them anew."""

from __future__ import annotations

import textwrap
from collections.abc import Callable
from pathlib import Path

import pytest

from hyperbridge.migrate.planning import plan_sources
from hyperbridge.migrate.sources import source_of
from hyperbridge.verify.compare import Finding

HEAD = """\
import sys
import numpy as np
from hyperopt import Trials, fmin, hp, rand, tpe
from hyperopt.fmin import generate_trials_to_calculate

space = {"x": hp.uniform("x", 0, 1), "k": hp.choice("k", ["a", "b"])}


def objective(p):
    return p["x"] + (p["k"] == "a")
"""

PROGRAMS = {
    "a search that goes on": """
        trials = Trials()
        fmin(objective, space, algo=rand.suggest, max_evals=5, trials=trials)
        for total in (8, 12, 16):
            fmin(objective, space, algo=tpe.suggest, max_evals=total, trials=trials)
        """,
    "studies by name, each with a sampler per round": """
        kept = {name: Trials() for name in "ab"}
        for turn in range(3):
            for name in kept:
                fmin(objective, space, algo=tpe.suggest, max_evals=4 * turn + 4, trials=kept[name],
                     rstate=np.random.default_rng(turn))
        """,
    "trials that begin with points": """
        trials = generate_trials_to_calculate([{"x": 0.5, "k": 1}, {"x": 0.25, "k": 0}])
        fmin(objective, space, algo=tpe.suggest, max_evals=6, trials=trials)
        """,
    "as many trials as it takes": """
        fmin(objective, space, algo=tpe.suggest, max_evals=sys.maxsize,
             early_stop_fn=lambda trials, *args: (len(trials.trials) > 5, args))
        """,
}


def written(folder: Path, files: dict[str, str]) -> tuple[Path, Path]:
    """Write a program, and what becomes of it, into two folders."""
    sources = [source_of(folder / "old" / name, text.encode()) for name, text in files.items()]
    plans = plan_sources(sources)
    assert not [note for plan in plans for note in plan.notes if note.needs_person]
    for name, plan in zip(files, plans, strict=True):
        for where, text in (("old", files[name]), ("new", plan.new_text)):
            path = folder / where / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
    return folder / "old" / "main.py", folder / "new" / "main.py"


@pytest.mark.parametrize("case", PROGRAMS)
def test_it_is_the_same_search(
    case: str, tmp_path: Path, verified: Callable[..., list[Finding]]
) -> None:
    old, new = written(tmp_path, {"main.py": HEAD + textwrap.dedent(PROGRAMS[case])})
    assert [each for each in verified(old, new) if each.is_difference] == []


def test_a_search_in_a_package_is_seen(
    tmp_path: Path, verified: Callable[..., list[Finding]]
) -> None:
    body = HEAD + "def search():\n    fmin(objective, space, algo=tpe.suggest, max_evals=4)\n"
    files = {
        "main.py": "from core import run\n\nrun.search()\n",
        "core/__init__.py": "",
        "core/run.py": body,
    }
    old, new = written(tmp_path, files)
    assert [each for each in verified(old, new) if each.is_difference] == []
    run = new.parent / "core" / "run.py"
    run.write_text(run.read_text().replace("n_trials=4", "n_trials=5"))
    found = verified(old, new)
    assert [each.kind for each in found if each.is_difference] == ["budget"]
