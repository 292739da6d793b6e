"""A script under ``hyperbridge run`` finds, does and leaves what it does under Python."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

PROGRAMS = Path(__file__).parent / "programs"
SURROUNDINGS = (PROGRAMS / "surroundings.py").read_text()
HYPEROPT_SCRIPT = (PROGRAMS / "search_of_hyperopt.py").read_text()


def both(shell, *args):
    """Run the same arguments under plain Python and under hyperbridge."""
    shell.forks = False
    return shell.python(*args), shell.run(*args)


def same(plain, ours):
    assert ours.stderr == plain.stderr
    assert ours.stdout == plain.stdout
    assert ours.returncode == plain.returncode


def test_script_finds_the_surroundings_that_python_gives_it(shell):
    shell.write("jobs/train.py", SURROUNDINGS)
    shell.write("jobs/neighbour.py", "print('neighbour', __name__)\n")
    shell.write("data.txt", "relative to the working directory")
    plain, ours = both(shell, "jobs/train.py", "--backend", "ray", "--", "-x", "--parallelism=2")
    same(plain, ours)
    assert "'--backend', 'ray', '--', '-x', '--parallelism=2'" in ours.stdout
    assert plain.returncode == 0


def test_module_finds_the_surroundings_that_python_gives_it(shell):
    shell.write("package/__init__.py", "print('package')\n")
    shell.write("package/train.py", SURROUNDINGS + "from . import train\n")
    shell.write("neighbour.py", "print('neighbour', __name__)\n")
    shell.write("data.txt", "relative to the working directory")
    shell.python("-c", "import compileall; compileall.compile_dir('package', quiet=2)")
    plain, ours = both(shell, "-m", "package.train", "-m", "--backend", "x")
    same(plain, ours)
    assert plain.returncode == 0


def test_package_with_a_main_module_runs(shell):
    shell.write("package/__init__.py", "")
    shell.write("package/__main__.py", "import sys; print(__spec__.name, sys.argv[1:])\n")
    same(*both(shell, "-m", "package", "a"))


def test_hyperopt_script_reaches_hyperbridge_and_finds_the_same(shell):
    shell.write("train.py", HYPEROPT_SCRIPT)
    plain, ours = both(shell, "train.py")
    assert plain.stdout.splitlines()[0] == "hyperopt.fmin hyperopt.fmin hyperopt.spark"
    reached, _, *found = ours.stdout.splitlines()
    assert reached == (
        "hyperbridge.surface.fmin hyperbridge.surface.fmin hyperbridge.surface.spark_trials"
    )
    assert found == plain.stdout.splitlines()[2:]
    assert found[0].startswith("best")


def test_options_before_the_script_are_settings_that_child_processes_see_too(shell):
    shell.write("train.py", "import os\nprint(os.environ['CHILD'])\n" + HYPEROPT_SCRIPT)
    options = ("--backend", "local", "--parallelism=2", "--no-tracking", "--pruner", "median")
    ours = shell.run(*options, "--", "train.py", CHILD="seen", HYPERBRIDGE_PARALLELISM="7")
    assert ours.returncode == 0, ours.stderr
    assert "seen" in ours.stdout
    assert (
        "{'HYPERBRIDGE_BACKEND': 'local', 'HYPERBRIDGE_PARALLELISM': '2', "
        "'HYPERBRIDGE_PRUNER': 'median', 'HYPERBRIDGE_TRACKING': '0'}"
    ) in ours.stdout


@pytest.mark.parametrize(
    "ending",
    [
        "sys.exit()",
        "sys.exit(7)",
        "sys.exit('a reason')",
        "os._exit(5)",
        "def f():\n    try:\n        1 / 0\n    except ZeroDivisionError as e:\n"
        "        raise ValueError('bad') from e\nf()",
        "sys.excepthook = lambda kind, exc, tb: print('hooked', exc, tb.tb_lineno)\n1 / 0",
        "raise KeyboardInterrupt",
        "import broken",
        "import threading; threading.Thread(target=lambda: print('late')).start()",
    ],
)
def test_script_ends_as_it_ends_under_python(shell, ending):
    shell.write("broken.py", "def (:\n")
    shell.write(
        "train.py",
        f"import atexit, os, sys\natexit.register(print, 'at exit', __name__)\n{ending}\n",
    )
    plain, ours = both(shell, "train.py")
    same(plain, ours)
    if "KeyboardInterrupt" in ending:
        assert ours.returncode == -signal.SIGINT


def test_syntax_error_of_the_script_is_shown_as_python_shows_it(shell):
    shell.write("train.py", "print('no')\nx = = 1\n")
    plain, ours = both(shell, "train.py")
    same(plain, ours)
    assert "hyperbridge" not in ours.stderr


def test_error_in_a_package_that_a_module_is_in_shows_no_frames_of_ours(shell):
    shell.write("package/__init__.py", "import no_such_dependency\n")
    shell.write("package/train.py", "")
    ours = shell.run("-m", "package.train")
    assert ours.returncode == 1
    assert "No module named 'no_such_dependency'" in ours.stderr
    assert "hyperbridge" not in ours.stderr


def test_functions_and_classes_of_the_script_pickle(shell):
    shell.write("train.py", (PROGRAMS / "pickles_its_own.py").read_text())
    same(*both(shell, "train.py"))


def test_multiprocessing_by_spawn_works_in_scripts_and_modules(shell):
    shell.write("jobs/train.py", (PROGRAMS / "spawns_a_pool.py").read_text())
    for args in (["jobs/train.py"], ["-m", "jobs.train"]):
        ours = shell.run(*args)
        assert ours.stdout == "[2, 4]\n", ours.stderr


@pytest.mark.parametrize(
    ("module", "message"),
    [
        ("no_such.module", "No module named 'no_such.module'"),
        ("package", "'package' is a package without a __main__ module"),
    ],
)
def test_module_that_is_not_there_is_said_in_a_line(shell, module, message):
    shell.write("package/__init__.py", "")
    ours = shell.run("-m", module)
    assert (ours.returncode, ours.stdout) == (2, "")
    assert ours.stderr.startswith(f"hyperbridge run: error: {message}")
    assert len(ours.stderr.splitlines()) == 1


def test_bad_environment_is_refused_before_the_script_starts(shell):
    shell.write("train.py", "print('ran')\n")
    ours = shell.run("train.py", HYPERBRIDGE_PARALLELISM="many")
    assert (ours.returncode, ours.stdout) == (2, "")
    assert "HYPERBRIDGE_PARALLELISM" in ours.stderr
