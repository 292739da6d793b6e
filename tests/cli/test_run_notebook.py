"""Notebooks under ``hyperbridge run``."""

from __future__ import annotations

import json

import pytest

OBJECTIVE = """\
from hyperopt import fmin, hp, rand, Trials, STATUS_OK
def objective(x):
    return {"loss": x ** 2, "status": STATUS_OK}
best = fmin(objective, hp.uniform("x", -1, 1), algo=rand.suggest, max_evals=3,
            trials=Trials(), show_progressbar=False)
display(sorted(best), fmin.__module__)
"""


def jupyter(*sources):
    cells = [{"cell_type": "code", "source": source.splitlines(True)} for source in sources]
    return json.dumps({"cells": cells, "metadata": {}, "nbformat": 4})


def databricks(*sources):
    return "# Databricks notebook source\n" + "\n# COMMAND ----------\n\n".join(sources)


def test_jupyter_notebook_runs_cell_by_cell(shell):
    shell.forks = False  # a traceback is looked at
    shell.write(
        "nbs/tune.ipynb",
        jupyter(
            "from __future__ import annotations\nimport sys, inspect, os, pickle, cloudpickle\n"
            "%matplotlib inline\n%ls\nprint(sys.argv, os.path.basename(sys.path[0]))",
            f"%%time\n{OBJECTIVE}",
            "print(inspect.getsource(objective).splitlines()[0], '__file__' in globals())\n"
            "def annotated(x: Undefined): pass\n"
            "print(__name__, objective.__module__, b'hyperbridge' in cloudpickle.dumps(objective))",
            "displayHTML('<b>')",
            "def inverse(x):\n    return 1 / x\n\ninverse(0)",
            "print('not reached')",
        ),
    )
    ours = shell.run("nbs/tune.ipynb", "--flag", "1")
    assert ours.stdout.splitlines() == [
        "['nbs/tune.ipynb', '--flag', '1'] nbs",
        "['x']",
        "hyperbridge.surface.fmin",
        "def objective(x): False",
        "__main__ __main__ False",
        "[displayHTML: 3 characters of HTML, not shown]",
    ]
    notes = [line for line in ours.stderr.splitlines() if line.startswith("hyperbridge:")]
    assert notes == [
        "hyperbridge: tune.ipynb cell 1, line 3: skipped %matplotlib inline",
        "hyperbridge: tune.ipynb cell 1, line 4: skipped %ls",
        "hyperbridge: tune.ipynb cell 2, line 1: ran the cell without %%time",
    ]
    traceback = ours.stderr[ours.stderr.index("Traceback") :].splitlines()
    assert [line.strip() for line in traceback if not set(line) <= set(" ^~")] == [
        "Traceback (most recent call last):",
        'File "<tune.ipynb cell 5>", line 4, in <module>',
        "inverse(0)",
        'File "<tune.ipynb cell 5>", line 2, in inverse',
        "return 1 / x",
        "ZeroDivisionError: division by zero",
    ]
    assert ours.returncode == 1


def test_databricks_notebook_runs_with_the_line_numbers_of_its_file(shell):
    shell.write("helpers.py", databricks("HELPER = 42\n"))
    path = shell.write(
        "tune.py",
        databricks(
            "# MAGIC %pip install xgboost\n",
            "# MAGIC %run ./helpers\n",
            OBJECTIVE,
            "# MAGIC %python\n# MAGIC print(HELPER, __file__)\n",
            "1 / 0\n",
        ),
    )
    ours = shell.run("tune.py")
    assert ours.stdout.splitlines() == ["['x']", "hyperbridge.surface.fmin", f"42 {path}"]
    assert "hyperbridge: tune.py, line 2: skipped %pip install xgboost" in ours.stderr
    line = path.read_text().splitlines().index("1 / 0") + 1
    assert f'File "{path}", line {line}, in <module>' in ours.stderr
    assert "cli/" not in ours.stderr
    assert ours.returncode == 1


def test_code_that_looks_first_whether_dbutils_is_there_goes_on(shell):
    guard = (
        "if 'dbutils' in globals():\n    dbutils.widgets.text('a', 'b')\n"
        "try:\n    env = dbutils.widgets.get('env')\nexcept NameError:\n    env = 'default'\n"
        "print(env)\n"
    )
    shell.write("tune.ipynb", jupyter(guard))
    ours = shell.run("tune.ipynb")
    assert (ours.stdout, ours.returncode) == ("default\n", 0), ours.stderr


def test_syntax_error_in_the_last_cell_shows_before_the_first_one_runs(shell):
    shell.write("tune.ipynb", jupyter("print('ran')", "x = 1\ny = = 2\n"))
    ours = shell.run("tune.ipynb")
    assert (ours.stdout, ours.returncode) == ("", 1)
    assert 'File "<tune.ipynb cell 2>", line 2\n    y = = 2\n' in ours.stderr
    assert "Traceback" not in ours.stderr


def test_cells_with_await_share_one_event_loop_as_in_jupyter(shell):
    shell.write(
        "tune.ipynb",
        jupyter(
            "import asyncio\nasync def half(x):\n    await asyncio.sleep(0)\n    return x / 2\n",
            "task = asyncio.ensure_future(half(10))\nprint(await half(4))\n",
            "print(await task)\n",
            "later = asyncio.create_task(half(6))\n",
            "print(await later)\n",
            "await half(None)\n",
        ),
    )
    ours = shell.run("tune.ipynb")
    assert ours.stdout.splitlines() == ["2.0", "5.0", "3.0"]
    assert ours.returncode == 1
    assert [line.strip() for line in ours.stderr.splitlines() if "File" in line] == [
        'File "<tune.ipynb cell 6>", line 1, in <module>',
        'File "<tune.ipynb cell 1>", line 4, in half',
    ]
    assert ours.stderr.splitlines()[-1].startswith("TypeError: unsupported operand")


def test_a_cell_without_await_among_those_with_it_ends_as_ever(shell):
    wait = "import asyncio, sys\nawait asyncio.sleep(0)\n"
    shell.write("leaves.ipynb", jupyter(wait, "sys.exit(3)\n"))
    left = shell.run("leaves.ipynb")
    assert (left.stderr, left.returncode) == ("", 3)
    shell.write("raises.ipynb", jupyter(wait, "1 / 0\n"))
    raised = shell.run("raises.ipynb")
    assert [line.strip() for line in raised.stderr.splitlines() if "File" in line] == [
        'File "<raises.ipynb cell 2>", line 1, in <module>'
    ]
    assert raised.returncode == 1


def test_a_task_that_a_cell_leaves_behind_is_cancelled_without_a_word(shell):
    shell.write(
        "tune.ipynb",
        jupyter(
            "import asyncio\nawait asyncio.sleep(0)\n",
            "task = asyncio.ensure_future(asyncio.sleep(300))\nawait asyncio.sleep(0)\n",
        ),
    )
    ours = shell.run("tune.ipynb")
    assert (ours.stdout, ours.stderr, ours.returncode) == ("", "", 0)


def test_the_restart_that_follows_a_pip_line_is_skipped_with_a_note(shell):
    shell.write(
        "tune.py",
        databricks(
            "# MAGIC %pip install xgboost\n", "dbutils.library.restartPython()\n", "print(1)\n"
        ),
    )
    ours = shell.run("tune.py")
    assert (ours.stdout, ours.returncode) == ("1\n", 0), ours.stderr
    assert "skipped dbutils.library.restartPython()" in ours.stderr


def test_exit_code_and_argv_of_a_notebook_are_its_own(shell):
    shell.write("tune.py", databricks("import sys\n", "sys.exit(int(sys.argv[1]))\n"))
    assert shell.run("tune.py", "3").returncode == 3


@pytest.mark.slow
def test_spark_names_and_display_work_in_a_databricks_notebook(shell):
    pytest.importorskip("pyspark")
    shell.write("tune.py", databricks("display(spark.range(2))\nprint(sc.applicationId)\n"))
    ours = shell.run("tune.py")
    assert ours.returncode == 0, ours.stderr
    assert "| id|" in ours.stdout
    assert "local-" in ours.stdout
