"""Whole programs: what migrate makes of them, that it runs alone and finds as good a loss."""

from __future__ import annotations

import ast
import json
import re
import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np
import pytest
from golden_cases import CASES, FOLDER, before, migrate, notes_of

ENGINES = ("optuna", "ray")
LEFT_BY_RAY = {"pickled_trials", "results_afterwards", "spark_nested_runs"}
PROGRAMS = [case for case in CASES if not before(case).startswith("# Databricks")]


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


RUNNER = """
import contextlib, io, json, sys, types, warnings, re

cases, seeds, kind, blocked = json.loads(sys.stdin.read())
warnings.simplefilter("ignore")

class Blocker:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in blocked:
            raise ModuleNotFoundError(f"{name} is blocked", name=name)

sys.meta_path.insert(0, Blocker())
if kind == "before":
    import hyperopt
    hyperopt.SparkTrials = lambda *args, **kwargs: hyperopt.Trials()
else:
    import optuna
    if kind == "ray":
        import ray
        ray.init(
            num_cpus=2, include_dashboard=False, log_to_driver=False, logging_level="ERROR",
            _node_ip_address="127.0.0.1",
        )
    optuna.logging.set_verbosity(optuna.logging.ERROR)

losses = {}
for case, text in cases.items():
    for seed in seeds:
        program = re.sub(r"^SEED = 0$", f"SEED = {seed}", text, flags=re.M)
        main = types.ModuleType("__main__")
        sys.modules["__main__"] = main
        with contextlib.redirect_stdout(io.StringIO()):
            exec(compile(program, case, "exec"), main.__dict__)
        losses.setdefault(case, []).append(float(main.best_loss))
print(json.dumps(losses))
"""


def run(
    kind: str, cases: list[str], seeds: list[int], tmp_path: Path, *, blocked: tuple[str, ...] = ()
) -> dict[str, list[float]]:
    """Run programs in one new process, and return the best loss for each seed."""
    name = "before.py" if kind == "before" else f"{kind}.py"
    texts = {case: (FOLDER / case / name).read_text(encoding="utf-8") for case in cases}
    if kind == "before":  # hyperopt itself refuses what old programs pass
        texts = {case: text.replace("RandomState(", "default_rng(") for case, text in texts.items()}
    if kind == "ray":
        texts = {
            case: re.sub(r"num_samples=\d+", "num_samples=2", text) for case, text in texts.items()
        }
    environment = {
        "MLFLOW_TRACKING_URI": f"sqlite:///{tmp_path}/mlflow.db",
        "PATH": "/usr/bin:/bin",
        "HOME": str(tmp_path),
        "GIT_PYTHON_REFRESH": "quiet",
        "RAY_AIR_NEW_OUTPUT": "0",
        "RAY_USAGE_STATS_ENABLED": "0",
    }
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(RUNNER)],
        input=json.dumps([texts, seeds, kind, blocked]),
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env=environment,
        timeout=250,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout.splitlines()[-1])


def test_the_results_run_without_hyperopt_and_hyperbridge(tmp_path: Path) -> None:
    pytest.importorskip("optuna")
    untracked = [
        case for case in CASES if "mlflow" not in (FOLDER / case / "optuna.py").read_text()
    ]

    losses = run("optuna", untracked, [0], tmp_path, blocked=("hyperopt", "hyperbridge"))

    assert set(losses) == set(untracked)
    assert all(np.isfinite(values).all() for values in losses.values())


@pytest.mark.slow
def test_migrated_searches_are_no_worse_than_the_originals(tmp_path: Path) -> None:
    pytest.importorskip("optuna")
    cases = [case for case in PROGRAMS if "mlflow" not in before(case)]
    seeds = list(range(10))
    theirs = run("before", cases, seeds, tmp_path)
    ours = run("optuna", cases, seeds, tmp_path)

    worse = {
        case: (
            float(np.mean(ours[case])),
            float(np.mean(theirs[case])),
            float(np.std(theirs[case])),
        )
        for case in cases
        if np.mean(ours[case]) > np.mean(theirs[case]) + np.std(theirs[case]) + 1e-9
    }
    assert worse == {}


@pytest.mark.slow
def test_tracked_searches_keep_a_parent_run_with_a_child_for_each_trial(tmp_path: Path) -> None:
    pytest.importorskip("optuna")
    mlflow = pytest.importorskip("mlflow")
    cases = [case for case in CASES if "mlflow_run_id" in (FOLDER / case / "optuna.py").read_text()]
    assert len(cases) == 4
    expected = sorted(
        int(re.search(r"n_trials=(\d+)", (FOLDER / case / "optuna.py").read_text())[1])
        for case in cases
    )

    run("optuna", cases, [0], tmp_path, blocked=("hyperopt", "hyperbridge"))

    runs = mlflow.MlflowClient(f"sqlite:///{tmp_path}/mlflow.db").search_runs(["0"])
    parents = [r for r in runs if "mlflow.parentRunId" not in r.data.tags]
    family = {
        parent.info.run_id: [
            r for r in runs if r.data.tags.get("mlflow.parentRunId") == parent.info.run_id
        ]
        for parent in parents
    }
    assert sorted(len(children) for children in family.values()) == expected
    assert {r.info.status for r in runs} == {"FINISHED"}
    for parent in parents:
        losses = [child.data.metrics["loss"] for child in family[parent.info.run_id]]
        assert parent.data.metrics["best_trial_loss"] == pytest.approx(min(losses))


@pytest.mark.slow
def test_searches_run_on_a_real_ray(tmp_path: Path) -> None:
    pytest.importorskip("ray")
    cases = [
        "choice_over_range",
        "conditional_families",
        "early_stop",
        "spark_logging_objective",
    ]

    losses = run("ray", cases, [0], tmp_path, blocked=("hyperopt", "hyperbridge"))

    assert set(losses) == set(cases)
    assert all(np.isfinite(values).all() for values in losses.values())
    mlflow = pytest.importorskip("mlflow")
    runs = mlflow.MlflowClient(f"sqlite:///{tmp_path}/mlflow.db").search_runs(["0"])
    children = [r for r in runs if "mlflow.parentRunId" in r.data.tags]
    assert len(runs) == 1 + len(children)
    assert len(children) == 2
    assert all({"squared", "loss"} <= set(r.data.metrics) for r in children)
