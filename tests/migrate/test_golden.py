"""Whole programs: what migrate makes of them, that it runs alone and finds as good a loss."""

from __future__ import annotations

import ast
import json
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from golden_cases import CASES, FOLDER, LEFT_BY_RAY, before, migrate, notes_of
from program_runs import run

ENGINES = ("optuna", "ray")


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("case", CASES)
def test_the_result_is_the_expected_one(case: str, engine: str) -> None:
    result = migrate(before(case), to=engine)

    assert result.new_text == (FOLDER / case / f"{engine}.py").read_text(encoding="utf-8")
    assert notes_of(result) == (FOLDER / case / f"{engine}.notes.txt").read_text(encoding="utf-8")


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("case", CASES)
def test_the_result_has_no_hyperopt_left_and_is_stable(case: str, engine: str) -> None:
    text = (FOLDER / case / f"{engine}.py").read_text(encoding="utf-8")
    compile(text, case, "exec")
    imported = {
        name.partition(".")[0]
        for node in ast.walk(ast.parse(text))
        for name in (
            [alias.name for alias in node.names]
            if isinstance(node, ast.Import)
            else [node.module or ""]
            if isinstance(node, ast.ImportFrom)
            else []
        )
    }

    if engine == "ray" and case in LEFT_BY_RAY:
        assert text == before(case)
        return
    assert not imported & {"hyperopt", "hyperbridge"}
    assert not migrate(text, to=engine).is_changed


def test_there_are_as_many_cases_as_promised() -> None:
    assert len(CASES) >= 25


def test_the_results_run_without_hyperopt_and_hyperbridge(tmp_path: Path) -> None:
    pytest.importorskip("optuna")
    untracked = [
        case for case in CASES if "mlflow" not in (FOLDER / case / "optuna.py").read_text()
    ]

    losses = run("optuna", untracked, [0], tmp_path)["best"]

    assert set(losses) == set(untracked)
    assert all(np.isfinite(values).all() for values in losses.values())


def families(folder: Path) -> tuple[dict[str, list[Any]], list[Any]]:
    """Return the child runs of each parent run in a store, and the parents."""
    mlflow = pytest.importorskip("mlflow")
    runs = mlflow.MlflowClient(f"sqlite:///{folder}/mlflow.db").search_runs(["0"])
    parents = [r for r in runs if "mlflow.parentRunId" not in r.data.tags]
    children: dict[str, list[Any]] = {parent.info.run_id: [] for parent in parents}
    for child in runs:
        if child not in parents:
            children[child.data.tags["mlflow.parentRunId"]].append(child)
    assert {r.info.status for r in runs} == {"FINISHED"}
    for parent in parents:
        losses = [
            child.data.metrics.get("loss", child.data.metrics.get("mse"))
            for child in children[parent.info.run_id]
        ]
        assert parent.data.metrics["best_trial_loss"] == pytest.approx(min(losses), abs=1e-6)
    return children, parents


TRACKED = [case for case in CASES if "mlflow.start_run" in (FOLDER / case / "ray.py").read_text()]


@pytest.mark.slow
@pytest.mark.parametrize(("kind", "count"), [("optuna", "n_trials"), ("loop", "num_samples")])
def test_tracked_searches_keep_a_parent_run_with_a_child_for_each_trial(
    kind: str, count: str, tmp_path: Path
) -> None:
    pytest.importorskip("optuna" if kind == "optuna" else "ray")
    file = "optuna.py" if kind == "optuna" else "ray.py"
    expected = sorted(
        int(re.search(rf"{count}=(\d+)", (FOLDER / case / file).read_text())[1]) for case in TRACKED
    )
    assert len(expected) >= 5

    run(kind, TRACKED, [0], tmp_path)

    children, _ = families(tmp_path)
    assert sorted(len(runs) for runs in children.values()) == expected


ON_RAY = [case for case in CASES if case not in LEFT_BY_RAY]


@pytest.mark.slow
@pytest.mark.parametrize("part", [0, *(pytest.param(i, marks=pytest.mark.long) for i in (1, 2, 3))])
def test_every_search_runs_on_a_real_ray(part: int, tmp_path: Path) -> None:
    pytest.importorskip("ray")
    pytest.importorskip("mlflow")
    cases = ON_RAY[part::4]

    losses = run("ray", cases, [0], tmp_path, samples=2)["best"]

    assert set(losses) == set(cases)
    assert all(np.isfinite(values).all() for values in losses.values())
    children, _ = families(tmp_path)
    tracked = set(cases) & set(TRACKED)
    assert len(children) == len(tracked) > 0
    assert {len(runs) for runs in children.values()} == {2}
    logged = [set(r.data.params) for runs in children.values() for r in runs]
    assert ("databricks_svc" in tracked) == ({"C", "kernel"} in logged)


RULES = "F,I001,E30,E501,W"


def complaints(path: Path) -> Counter[str]:
    """Return how often ruff says what about a file, with the rules that people format by."""
    done = subprocess.run(
        [
            *(sys.executable, "-m", "ruff", "check", "--isolated", "--preview", "--no-cache"),
            *("--select", RULES, "--line-length", "100", "--output-format", "json"),
            *("--stdin-filename", "program.py", "-"),
        ],
        input=path.read_bytes(),
        capture_output=True,
        check=False,
    )
    return Counter(found["code"] for found in json.loads(done.stdout))


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("case", [c for c in CASES if not before(c).startswith("# Databricks")])
def test_the_result_has_no_complaint_that_the_original_had_not(case: str, engine: str) -> None:
    pytest.importorskip("ruff")
    theirs = complaints(FOLDER / case / "before.py")
    ours = complaints(FOLDER / case / f"{engine}.py")

    assert ours - theirs == Counter()
