"""Workers need Python and what the objective imports: neither hyperopt nor hyperbridge."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from hyperopt.base import JOB_STATE_DONE, JOB_STATE_ERROR
from running import Program, needs_connect_server, run_program

pytestmark = pytest.mark.slow


def bare_python(folder: Path, *packages: str) -> str:
    """Make an environment that has nothing but some packages of this one; return its Python."""
    command = [sys.executable, "-m", "venv", "--without-pip", "--symlinks", str(folder)]
    subprocess.run(command, check=True)
    (there,) = (folder / "lib").glob("python*/site-packages")
    for package in packages:
        module = pytest.importorskip(package)
        here = Path(module.__file__).parent
        for source in (here, here.with_name(f"{package}.libs")):
            if source.exists():
                (there / source.name).symlink_to(source)
    return str(folder / "bin" / "python")


def check(program: Program, python: str) -> None:
    facts = program["bare"]
    assert facts["executables"] == [python]
    assert facts["present"] == []
    assert sorted(set(facts["states"])) == [JOB_STATE_DONE, JOB_STATE_ERROR]
    assert len(facts["states"]) == 12
    assert facts["points_differ"] == []
    assert facts["n_reports"] == [3]
    assert facts["errors"] == ["ValueError: a rate that low"]
    assert program.left_behind == []


def test_executors_without_hyperopt_and_hyperbridge_run_trials(tmp_path: Path) -> None:
    pytest.importorskip("mlflow")
    python = bare_python(tmp_path / "bare")
    program = run_program(
        "bare_workers",
        "local-cluster[2,1,1024]",
        "tracked",
        directory=tmp_path,
        python=python,
        MLFLOW_TRACKING_URI=f"sqlite:///{tmp_path / 'mlflow.db'}",
    )
    check(program, python)
    n_failed = program["bare"]["states"].count(JOB_STATE_ERROR)
    expected = ["FAILED"] * n_failed + ["FINISHED"] * (12 - n_failed)
    assert program["runs"]["statuses"] == expected


@pytest.mark.long
def test_executors_of_a_connect_server_need_pyarrow_alone(tmp_path: Path) -> None:
    needs_connect_server()
    python = bare_python(tmp_path / "bare", "pyarrow")
    program = run_program(
        "bare_workers",
        "connect:local-cluster[2,1,1024]",
        "untracked",
        directory=tmp_path,
        python=python,
    )
    check(program, python)
