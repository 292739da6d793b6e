"""What is made of the cells of a notebook: magics, shell lines, help lines, %run."""

from __future__ import annotations

import json

import pytest

from hyperbridge.cli import notebook as notebooks
from hyperbridge.cli.notebook_names import names_needed
from hyperbridge.cli.notebook_python import to_python
from hyperbridge.errors import InvalidArgumentError
from hyperbridge.notebooks import databricks, jupyter
from hyperbridge.notebooks.cells import Cell, Code, Include


def read_notebook(path):
    return list(notebooks._read(path, (), []))


def translate(text, *, single_percent=False):
    cell = Cell("nb cell 1", "<nb cell 1>", 1, text, single_percent)
    notes = []
    return list(to_python(cell, note=notes.append)), notes


def python_of(text, **kwargs):
    parts, notes = translate(text, **kwargs)
    assert all(isinstance(part, Code) for part in parts)
    return "".join(part.source for part in parts), notes


@pytest.mark.parametrize(
    "text",
    [
        "x = 1\n",
        "# %matplotlib inline\nx = 1\n",
        "x = (7\n % 4\n !=\n 3)\n",
        "s = '''\n%pip install\n!ls\nhelp?\n'''\n",
        "x = 7 \\\n% 4\n",
        "x != y\nx %= 2\n",
        "await f()\n",
    ],
)
def test_python_is_left_as_it_is(text):
    assert python_of(text) == (text, [])


@pytest.mark.parametrize(
    "line",
    [
        "%matplotlib inline",
        "% matplotlib inline",
        "%pip install 'a b",
        "print?",
        "a.b??",
        "%ls;",
        "pip install a",
    ],
)
def test_line_that_only_ipython_knows_is_skipped_with_a_note(line):
    source, notes = python_of(f"x = 1\n{line}\ny = 2\n")
    assert source == "x = 1\npass\ny = 2\n"
    assert notes == [f"nb cell 1, line 2: skipped {line}"]


def test_string_and_bracket_around_a_magic_that_is_none_are_seen_beside_a_real_one():
    text = "%ls\ns = '''\n%no\n'''\nx = (7\n% 4)\nif x:\n    %cd\n"
    source, notes = python_of(text)
    namespace = {}
    exec(source, namespace)
    assert (namespace["s"], namespace["x"]) == ("\n%no\n", 3)
    assert notes == ["nb cell 1, line 1: skipped %ls", "nb cell 1, line 8: skipped %cd"]


def test_continued_magic_is_skipped_as_a_whole_and_keeps_the_line_numbers():
    assert python_of("!pip install \\\n  a \\\n  b\nx = 1\n")[0] == "pass\n\n\nx = 1\n"


@pytest.mark.parametrize("magic", ["%time", "% time"])
def test_timed_line_runs_without_the_magic(magic):
    source, notes = python_of(f"if True:\n    {magic} x = 1\n")
    assert source == "if True:\n    x = 1\n"
    assert "without %time" in notes[0]


@pytest.mark.parametrize(
    "head", ["%%time", "%% time", "%%capture", "%%capture\n%%time", "\n%%timeit -n1"]
)
def test_cell_that_is_timed_or_captured_runs(head):
    source, notes = python_of(f"{head}\nx = 1\n")
    assert source.strip() == "x = 1"
    assert source.count("\n") == head.count("\n") + 2
    assert notes


@pytest.mark.parametrize("head", ["%%sql", "%%html", "%%script perl", "%%javascript"])
def test_cell_in_another_language_is_skipped_with_a_note(head):
    parts, notes = translate(f"{head}\nx = 1\n")
    assert parts == []
    assert notes == [f"nb cell 1, line 1: skipped the cell, which is {head}"]


def test_markdown_cell_is_skipped_in_silence():
    assert translate("%md\n# Title", single_percent=True) == ([], [])


@pytest.mark.parametrize("line", ["x = %sql select 1", "a.b = %timeit -o f()"])
def test_value_that_only_ipython_can_get_is_refused(line):
    with pytest.raises(
        InvalidArgumentError, match=r"nb cell 1, line 2: .*needs IPython"
    ) as refused:
        translate(f"import os\n{line}\n")
    assert line in str(refused.value)


def test_run_splits_the_cell_and_keeps_the_line_numbers():
    (before, include, after), notes = translate("x = 1\n%run -i './other nb'\ny = 2\n")
    assert (before.source, before.first_line) == ("x = 1\n", 1)
    assert include == Include("nb cell 1, line 2", "./other nb")
    assert (after.source, after.first_line) == ("y = 2\n", 3)
    assert notes == []


def test_run_knows_widgets_from_other_arguments():
    (include,), notes = translate('%run ./other $x=1 $name="a b" --lr 2')
    assert (include.values, include.arguments) == ({"x": "1", "name": "a b"}, ("--lr", "2"))
    assert notes == []


DATABRICKS = """\
# Databricks notebook source
import os

# COMMAND ----------

# MAGIC %md
# MAGIC text

# COMMAND ----------

# DBTITLE 1,A title
# MAGIC %python
# MAGIC if os:
# MAGIC     y = 2
# MAGIC
# MAGIC z = 3

# COMMAND ----------

# MAGIC %sql select 1
"""


def test_databricks_cells_keep_the_line_numbers_of_the_file(tmp_path, capsys):
    path = tmp_path / "nb.py"
    path.write_text(DATABRICKS)
    codes = read_notebook(path)
    lines = DATABRICKS.splitlines()
    for code in codes:
        for index, line in enumerate(code.source.splitlines()):
            original = lines[code.first_line - 1 + index]
            python = ("", original, original.removeprefix("# MAGIC "))
            assert line in python or line == "_sqldf = __notebook__.sql('select 1\\n')"
    assert codes[0].source.strip().endswith("import os")
    assert codes[1].source.rstrip().endswith("if os:\n    y = 2\n\nz = 3")
    assert all(code.cell.filename == str(path) for code in codes)
    assert capsys.readouterr().err == ""


def test_databricks_source_is_known_by_its_first_line():
    assert databricks.is_databricks_source(b"\xef\xbb\xbf# Databricks notebook source\n")
    assert not databricks.is_databricks_source(b"import a\n# Databricks notebook source\n")


def notebook(path, *sources, **metadata):
    cells = [{"cell_type": "code", "source": source} for source in sources]
    cells.insert(1, {"cell_type": "markdown", "source": ["# text"]})
    path.write_text(json.dumps({"cells": cells, "metadata": metadata, "nbformat": 4}))
    return path


def test_jupyter_code_cells_are_numbered_without_the_text_between(tmp_path):
    path = notebook(tmp_path / "a.ipynb", "x = 1", ["y = 2\n", "z = 3"])
    cells = jupyter.read_cells(path)
    assert [cell.filename for cell in cells] == ["<a.ipynb cell 1>", "<a.ipynb cell 2>"]
    assert [cell.text for cell in cells] == ["x = 1", "y = 2\nz = 3"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "not a Jupyter notebook: Expecting"),
        ("[]", "not a Jupyter notebook of format 4"),
        ('{"worksheets": []}', "jupyter nbconvert --to notebook"),
        ('{"cells": [], "metadata": {"kernelspec": {"language": "R"}}}', "in R, not in Python"),
    ],
)
def test_file_that_is_no_python_notebook_is_refused(tmp_path, text, message):
    path = tmp_path / "a.ipynb"
    path.write_text(text)
    with pytest.raises(InvalidArgumentError, match=message):
        jupyter.read_cells(path)


def test_included_notebooks_are_read_in_place_whatever_their_format(tmp_path, capsys):
    (tmp_path / "source.py").write_text("# Databricks notebook source\nb = 2\n")
    notebook(tmp_path / "third.ipynb", "c = 3")
    path = notebook(tmp_path / "a.ipynb", "a = 1\n%run ./source\n%run third.ipynb\n%run none\nd=4")
    assert [code.source.split()[-3:] for code in read_notebook(path)][1][0] == "b"
    joined = "".join(code.source for code in read_notebook(path))
    assert [word for word in joined.split() if word in "abc"] == ["a", "b", "c"]
    assert "a.ipynb cell 1, line 4: skipped %run none: there is no such file" in (
        capsys.readouterr().err
    )


def test_notebook_that_includes_itself_is_refused(tmp_path):
    notebook(tmp_path / "b.ipynb", "%run a")
    path = notebook(tmp_path / "a.ipynb", "%run ./b.ipynb")
    with pytest.raises(InvalidArgumentError, match="includes itself"):
        read_notebook(path)


@pytest.mark.parametrize(
    ("sources", "needed"),
    [
        (["spark.range(3)"], True),
        (["def f():\n    return spark.range(3)"], True),
        (["def f(spark):\n    return spark.range(3)"], False),
        (["def f():\n    spark = 1\n    return spark"], False),
        (["x = spark", "spark = 1"], False),
        (["from a import spark", "spark.range(3)"], False),
        (["def f():\n    global spark\n    spark = 1", "spark"], False),
        (["[spark for spark in x]"], False),
        (["class A:\n    def f(self):\n        return spark"], True),
        (["x.spark"], False),
    ],
)
def test_name_is_needed_when_it_is_read_and_never_defined(sources, needed):
    codes = [Code(Cell("nb", "<nb>", 1, source), 1, source) for source in sources]
    assert ("spark" in names_needed(codes)) is needed
