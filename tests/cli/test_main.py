"""The command line itself, without a script."""

from __future__ import annotations

import sys

import pytest

import hyperbridge
from hyperbridge import backends
from hyperbridge.cli.main import main
from hyperbridge.cli.run import split
from hyperbridge.config import ENVIRONMENT


def outcome(capsys, *argv):
    with pytest.raises(SystemExit) as ended:
        main(argv)
    return ended.value.code, *capsys.readouterr()


def test_version(capsys):
    code, out, _ = outcome(capsys, "--version")
    assert (code, out) == (0, f"hyperbridge {hyperbridge.__version__}\n")


def test_help_shows_an_example_and_the_verbs(capsys):
    code, out, _ = outcome(capsys, "--help")
    assert code == 0
    assert "hyperbridge run train.py" in out


def test_help_of_run_shows_examples_and_every_backend(capsys):
    code, out, _ = outcome(capsys, "run", "--help")
    assert code == 0
    assert "examples:" in out
    assert all(f"  {name:<8} {text}" in out for name, text in backends.describe())


@pytest.mark.parametrize("argv", [[], ["frobnicate"], ["--bad"]])
def test_bad_usage_is_code_2(capsys, argv):
    code, out, err = outcome(capsys, *argv)
    assert (code, out) == (2, "")
    assert "usage: hyperbridge" in err


@pytest.mark.parametrize(
    ("rest", "ours", "theirs"),
    [
        (["a.py", "--backend", "x"], [], ["a.py", "--backend", "x"]),
        (["--backend", "b", "a.py"], ["--backend", "b"], ["a.py"]),
        (["--backend=b", "a.py"], ["--backend=b"], ["a.py"]),
        (["--tracking", "a.py", "-m"], ["--tracking"], ["a.py", "-m"]),
        (["--tracking", "--", "a.py", "--", "b"], ["--tracking"], ["a.py", "--", "b"]),
        (["-m", "p.q", "--backend"], [], ["-m", "p.q", "--backend"]),
        (["-mp.q", "x"], [], ["-m", "p.q", "x"]),
        (["--backend"], ["--backend"], []),
    ],
)
def test_arguments_after_the_script_are_its_own(rest, ours, theirs):
    assert split(["run", *rest]) == (["run", *ours], theirs)


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        ([], "give a SCRIPT, a NOTEBOOK or -m MODULE"),
        (["-m"], "give a SCRIPT, a NOTEBOOK or -m MODULE"),
        (["none.py"], "can't open file 'none.py': No such file or directory"),
        (["."], "'.' is a directory"),
        (["--backend", "dask", "train.py"], "Unknown backend 'dask'. Available: local, "),
        (["--backend", "", "train.py"], "--backend must not be empty"),
        (["--backend"], "expected one argument"),
        (["--parallelism", "0", "train.py"], "--parallelism must be at least 1, got 0"),
        (["--parallelism", "x", "train.py"], "invalid int value: 'x'"),
        (["--pruner", "medium", "train.py"], "pruner must be one of 'median', 'percentile', "),
        (["--trial-timeout", "0", "train.py"], "trial_timeout must be a number of seconds above 0"),
        (["--repeats", "again", "train.py"], "invalid choice: 'again'"),
        (["--journal", "", "train.py"], "--journal must not be empty"),
        (["--journal-if-different", "ask", "train.py"], "invalid choice: 'ask'"),
        (["--paralelism", "2", "train.py"], "unrecognized arguments: --paralelism"),
        (["broken.ipynb"], "'broken.ipynb' is not a Jupyter notebook"),
        (["-m", ".relative"], "'.relative' is a relative name"),
    ],
)
def test_mistake_is_said_in_a_line_and_nothing_runs(capsys, monkeypatch, tmp_path, argv, message):
    for variable in ENVIRONMENT.values():
        monkeypatch.setenv(variable, "")  # restored afterwards
    monkeypatch.chdir(tmp_path)
    (tmp_path / "train.py").write_text("print('ran')\n")
    (tmp_path / "broken.ipynb").write_text("{")
    code, out, err = outcome(capsys, "run", *argv)
    assert (code, out) == (2, "")
    assert "hyperbridge run: error: " in err.splitlines()[-1]
    assert message in err.splitlines()[-1]


def test_tracking_without_mlflow_is_refused_before_the_script_starts(capsys, monkeypatch, tmp_path):
    monkeypatch.setenv(ENVIRONMENT["tracking"], "")  # restored afterwards
    monkeypatch.chdir(tmp_path)
    (tmp_path / "train.py").write_text("print('ran')\n")
    monkeypatch.setattr("hyperbridge.optional.is_installed", lambda package: False)
    monkeypatch.setitem(sys.modules, "mlflow", None)  # makes importing it fail
    code, out, err = outcome(capsys, "run", "--tracking", "train.py")
    assert (code, out) == (2, "")
    assert "needs MLflow. Install it with: pip install 'hyperbridge[mlflow]'" in err
