"""Notebooks of Databricks under ``hyperbridge run``: widgets, %run with arguments, dbutils."""

from __future__ import annotations

import json

import pytest

from hyperbridge.cli.main import main
from hyperbridge.cli.programs import load
from hyperbridge.errors import InvalidArgumentError


def databricks(*sources):
    return "# Databricks notebook source\n" + "\n# COMMAND ----------\n\n".join(sources)


def lines_of(shell, *args, **env):
    ended = shell.run(*args, **env)
    assert ended.returncode == 0, ended.stderr
    return ended.stdout.splitlines()


def why_refused(path, **kwargs):
    with pytest.raises(InvalidArgumentError) as refused:
        load([str(path)], **kwargs)
    return str(refused.value)


WIDGETS = """\
dbutils.widgets.text("name", "x", "A label")
dbutils.widgets.dropdown("env", "dev", ["dev", "prod"])
dbutils.widgets.combobox(name="model", defaultValue="svm", choices=["svm"])
dbutils.widgets.multiselect("stages", "fit,test", ["fit", "test", "ship"])
print(dbutils.widgets.get("name"), getArgument("env"), dbutils.widgets.getAll())
dbutils.widgets.remove("name")
try:
    dbutils.widgets.get("name")
except Exception as exc:
    print(type(exc).__name__, isinstance(exc, NameError))
dbutils.widgets.removeAll()
print(getArgument("env", "none"))
"""


def test_widgets_have_their_defaults_and_the_values_of_the_command_line(shell):
    shell.write("nb.py", databricks(WIDGETS))
    first, gone, last = lines_of(shell, "nb.py")
    assert first == ("x dev {'name': 'x', 'env': 'dev', 'model': 'svm', 'stages': 'fit,test'}")
    assert (gone, last) == ("WidgetNotDefinedError True", "none")
    given = ["--widget", "env=prod", "--widget=model=a=b", "--widget", "extra=1"]
    ended = shell.run(*given, "nb.py")
    assert ended.stdout.splitlines()[0] == (
        "x prod {'env': 'prod', 'model': 'a=b', 'extra': '1', 'name': 'x', 'stages': 'fit,test'}"
    )


def test_value_that_a_dropdown_does_not_offer_is_an_error(shell):
    shell.write("nb.py", databricks('dbutils.widgets.dropdown("env", "dev", ["dev", "prod"])\n'))
    ended = shell.run("--widget", "env=pord", "nb.py")
    assert "widget 'env' has the choices ['dev', 'prod'], not 'pord'" in ended.stderr
    assert ended.returncode == 1


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["--widget", "env", "nb.py"], "--widget must be NAME=VALUE, got 'env'"),
        (
            ["--widget", "a=b", "script.py"],
            "--widget is for notebooks, and 'script.py' is not a notebook",
        ),
        (
            ["--widget", "a=b", "-m", "script"],
            "--widget is for notebooks, and 'script' is not a notebook",
        ),
    ],
)
def test_widget_that_cannot_be_given_is_refused(tmp_path, monkeypatch, capsys, args, message):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "nb.py").write_text(databricks("print(1)\n"))
    (tmp_path / "script.py").write_text("print(1)\n")
    with pytest.raises(SystemExit) as ended:
        main(["run", *args])
    assert ended.value.code == 2
    assert message in capsys.readouterr().err


def test_widget_that_no_cell_has_is_named(tmp_path, capsys):
    path = tmp_path / "nb.py"
    path.write_text(databricks('dbutils.widgets.text("env", "dev")\n'))
    load([str(path)], widgets={"evn": "prod", "env": "dev"})
    assert "nb.py has the widget 'evn' of --widget" in capsys.readouterr().err


def test_run_gives_its_arguments_to_the_other_notebook_alone(shell):
    shell.write(
        "lib/setup.py",
        databricks(
            'dbutils.widgets.text("env", "none")\nENV = dbutils.widgets.get("env")\n'
            'NAME = dbutils.widgets.get("name")\n'
        ),
    )
    shell.write(
        "nb.py",
        databricks(
            'dbutils.widgets.text("env", "mine")\n',
            '# MAGIC %run ./lib/setup $env="theirs" $name="two words"\n',
            'print(ENV, NAME, dbutils.widgets.get("env"))\n',
        ),
    )
    assert lines_of(shell, "nb.py") == ["theirs two words mine"]


def test_run_finds_a_notebook_of_the_workspace_beside_or_above(shell):
    shell.write("project/shared/setup.py", databricks("VALUE = 3\n"))
    shell.write(
        "project/jobs/nb.py",
        databricks("# MAGIC %run /Repos/me@example.com/project/shared/setup\n", "print(VALUE)\n"),
    )
    assert lines_of(shell, "project/jobs/nb.py") == ["3"]


def test_a_notebook_runs_another_one_in_a_process_of_its_own(shell):
    shell.write(
        "child.py",
        databricks(
            'dbutils.widgets.text("n", "1")\nn = int(dbutils.widgets.get("n"))\n'
            "if n > 5:\n    raise ValueError(n)\n"
            'dbutils.notebook.exit(str(2 * n))\nprint("not reached")\n'
        ),
    )
    shell.write(
        "nb.py",
        databricks(
            'print(dbutils.notebook.run("./child", 60, {"n": 4}))\n'
            'try:\n    dbutils.notebook.run("child", 0, {"n": "6"})\n'
            "except Exception as exc:\n    print(type(exc).__name__)\n"
            'print("n" in globals())\n'
            'dbutils.notebook.exit("done")\n',
            'print("not reached")\n',
        ),
    )
    assert lines_of(shell, "nb.py") == [
        "8",
        "NotebookFailedError",
        "False",
        "Notebook exited: done",
    ]


def test_the_context_of_a_notebook_has_its_path_and_its_user(shell):
    shell.write(
        "nb.py",
        databricks(
            "context = dbutils.notebook.entry_point.getDbutils().notebook().getContext()\n"
            "print(context.notebookPath().get().rpartition('/')[2])\n"
            "print(bool(context.userName().get()))\n"
        ),
    )
    assert lines_of(shell, "nb.py") == ["nb", "True"]


def test_shell_cells_files_and_settings_work(shell):
    shell.write(
        "nb.py",
        databricks(
            "# MAGIC %sh\n# MAGIC echo from bash\n# MAGIC false\n",
            "import os\nname = 'value'\n# MAGIC %env SEEN={name}\nprint(os.environ['SEEN'])\n",
            "# MAGIC !echo $name {1 + 1} $HOME_OF_NOBODY\n",
            "# MAGIC listed = !echo a; echo b\nprint(listed)\n",
            "# MAGIC %%writefile helper.py\n# MAGIC X = 7\n",
            "import helper\nprint(helper.X)\n",
            "# MAGIC %pip install nothing-of-that-name\n",
            "# MAGIC !pip install nothing-of-that-name\n",
            "dbutils.library.restartPython()\nprint('end')\n",
        ),
    )
    assert lines_of(shell, "nb.py") == [
        "from bash", "value", "value 2", "['a', 'b']", "Writing helper.py", "7", "end"
    ]  # fmt: skip


def test_files_are_those_of_this_machine_or_of_the_folder_for_dbfs(shell, tmp_path):
    local = f"file:{tmp_path}/data"
    shell.write(
        "nb.py",
        databricks(
            f"dbutils.fs.mkdirs('{local}/sub')\n"
            f"dbutils.fs.put('{local}/a.txt', 'text')\n"
            f"dbutils.fs.cp('{local}/a.txt', 'dbfs:/copied/b.txt')\n"
            f"print([f.name for f in dbutils.fs.ls('{local}')], dbutils.fs.head('/copied/b.txt'))\n"
            "dbutils.fs.mv('/copied/b.txt', '/c.txt')\n"
            "print([f.path for f in dbutils.fs.ls('/')], dbutils.fs.rm('/copied'))\n",
            "# MAGIC %fs ls dbfs:/\n",
        ),
    )
    root = tmp_path / "dbfs"
    root.mkdir()
    first, second, third = lines_of(shell, "nb.py", HYPERBRIDGE_DBFS=str(root))
    assert first == "['a.txt', 'sub/'] text"
    assert second == "['/c.txt', '/copied/'] True"
    assert third.startswith("FileInfo(path='dbfs:/c.txt', name='c.txt', size=4")
    assert "is in a storage that is not here" in why_refused(tmp_path / "nb.py")


def test_secrets_are_environment_variables_and_task_values_have_debug_values(shell):
    path = shell.write(
        "nb.py",
        databricks(
            "print(dbutils.secrets.get(scope='a-b', key='token'))\n"
            "dbutils.jobs.taskValues.set('k', 1)\n"
            "print(dbutils.jobs.taskValues.get('task', 'k', debugValue=5))\n"
        ),
    )
    assert lines_of(shell, "nb.py", HYPERBRIDGE_SECRET_A_B_TOKEN="t") == ["t", "5"]
    error = why_refused(path)
    assert "nb.py, line 2: dbutils.secrets.get: set the environment variable" in error
    assert "HYPERBRIDGE_SECRET_A_B_TOKEN" in error


@pytest.mark.parametrize(
    ("cell", "message"),
    [
        ("value = undefined", "'undefined' is not defined"),
        ("dbutils.credentials.assumeRole('x')", "dbutils.credentials.assumeRole works only on"),
        ("dbutils.fs.mount('s3://a', '/mnt/a')", "dbutils.fs.mount works only on Databricks"),
        ("dbutils.fs.ls('/mnt/a')", "'/mnt/a' is in a storage that is not here"),
        ("dbutils.notebook.run('./none', 0)", "there is no notebook './none'"),
        ("get_ipython().system('ls')", "it exists only in IPython and Jupyter"),
        ("# MAGIC %run ./none\nprint(FROM_NONE)", "'FROM_NONE' is not defined"),
        ("# MAGIC %run ./none\nprint(FROM_NONE)", "%run ./none: there is no such file"),
        ("import no_such_module.part", "no module named 'no_such_module'"),
        ("from no_such_module import part", "no module named 'no_such_module'"),
        ("@never_defined\ndef f(): pass", "'never_defined' is not defined"),
        ("y = 'x' in globals()\nnever_defined()", "'never_defined' is not defined"),
    ],
)
def test_what_is_sure_to_fail_is_named_before_the_first_cell_runs(tmp_path, cell, message):
    path = tmp_path / "nb.py"
    path.write_text(databricks("print('ran')\n", f"x = 1\n{cell}\n"))
    error = why_refused(path)
    assert message in error
    assert "nothing of it is run" in error
    assert "nb.py, line " in error


@pytest.mark.parametrize(
    "cell",
    [
        "def f():\n    return dbutils.credentials.showRoles()\n",
        "if len('a') > 1:\n    never_defined()\n",
        "for _ in []:\n    never_defined()\n",
        "dbutils.notebook.exit('done')\nnever_defined()\n",
        "f = lambda: dbutils.fs.mounts()\n",
    ],
)
def test_what_fails_only_if_it_is_reached_is_said_and_no_obstacle(tmp_path, capsys, cell):
    path = tmp_path / "nb.py"
    path.write_text(databricks("print('ran')\n", cell))
    load([str(path)])
    assert "The notebook fails where it comes to that" in capsys.readouterr().err


@pytest.mark.parametrize(
    "cell",
    [
        "try:\n    env = dbutils.widgets.get('env')\nexcept NameError:\n    env = 'none'\n",
        "try:\n    import none\n    env = dbutils.a.b\nexcept Exception:\n    env = 'none'\n",
        "env = dbutils.fs if 'dbutils' in globals() else 'none'\n",
        "try:\n    import none\nexcept ImportError:\n    env = 'none'\n",
        "def f():\n    import none\nenv = 'none'\n",
        "import beside\nenv = beside.ENV\n",
        "import sys\nsys.path.append('lib')\nimport inside\nenv = inside.ENV\n",
        "from math import *\nenv = 'none' if pi else from_a_star\n",
        "globals()['name'] = 'none'\nenv = name\n",
    ],
)
def test_code_that_is_ready_for_other_places_is_left_alone(shell, cell):
    shell.write("beside.py", "ENV = 'none'\n")
    shell.write("lib/inside.py", "ENV = 'none'\n")
    shell.write("nb.py", databricks(cell, "print(env)\n"))
    ended = shell.run("nb.py")
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "none\n", "")


def test_cells_that_need_spark_are_named_where_there_is_no_pyspark(tmp_path, monkeypatch):
    monkeypatch.setattr("hyperbridge.cli.notebook_names.is_installed", lambda _: False)
    path = tmp_path / "nb.py"
    path.write_text(databricks("x = 1\n", "# MAGIC %sql select 1\n", "@udf\ndef f(x): pass\n"))
    error = why_refused(path)
    assert "nb.py, line 6: a cell in SQL: 'spark' is not defined" in error
    assert "nb.py, line 10: 'udf' is not defined: Databricks defines it" in error
    assert "pip install 'hyperbridge[spark]'" in error


def test_widgets_after_the_name_of_the_notebook_are_said_to_be_its_own(tmp_path, capsys):
    path = tmp_path / "nb.py"
    path.write_text(databricks("x = 1\n"))
    load([str(path), "--widget", "a=b"])
    assert "put it before" in capsys.readouterr().err


def test_notebook_that_databricks_exported_as_ipynb_has_its_languages(shell):
    cells = ["%md\n# Title", "%sh echo shell", "print(1)"]
    document = {
        "cells": [{"cell_type": "code", "source": cell} for cell in cells],
        "metadata": {"application/vnd.databricks.v1+notebook": {"language": "python"}},
        "nbformat": 4,
    }
    shell.write("nb.ipynb", json.dumps(document))
    assert lines_of(shell, "nb.ipynb") == ["shell", "1"]


SQL = (
    'CREATE WIDGET TEXT low DEFAULT "3";\n'
    "-- a comment; with a semicolon\n"
    "create or replace temp view t as select id, ';' as mark from range(10);\n"
    "select count(*) as n from t where id >= ${low} and id < :high and mark = ';'"
)


@pytest.mark.slow
def test_names_of_spark_sql_cells_and_display_work(shell):
    pytest.importorskip("pyspark")
    magic = "".join(f"# MAGIC {line}\n" for line in ["%sql", *SQL.splitlines()])
    shell.write(
        "nb.py",
        databricks(
            'dbutils.widgets.text("high", "7")\n',
            magic,
            "print(_sqldf.first().n)\n",
            "@udf('long')\ndef double(x):\n    return 2 * x\n"
            "sql('select * from t').select(double('id').alias('d')).limit(1).display()\n"
            "display(table('t').limit(1))\nprint(spark.version == sc.version)\n",
        ),
    )
    out = "\n".join(lines_of(shell, "nb.py"))
    assert "|  n|\n+---+\n|  4|" in out
    assert "\n4\n" in out
    assert "|  d|\n+---+\n|  0|" in out
    assert "| id|mark|" in out
    assert out.endswith("True")
