"""What becomes of magics when a notebook runs, and when its cells are only read."""

from __future__ import annotations

import ast

import pytest

from hyperbridge.cli.notebook_python import to_python
from hyperbridge.notebooks.cells import Cell
from hyperbridge.notebooks.magics import masked


def first_line(text, *, single_percent=False):
    cell = Cell("nb cell 1", "<nb cell 1>", 1, text, single_percent)
    code = next(iter(to_python(cell, note=lambda _: None)))
    return code.source.splitlines()[0]


@pytest.mark.parametrize(
    ("text", "python"),
    [
        ("!ls -l", "__notebook__.shell('ls -l')"),
        ("files = !ls", "files = __notebook__.shell_lines('ls')"),
        ("x, y = !nproc", "x, y = __notebook__.shell_lines('nproc')"),
        ("%%bash\necho 'a'", "__notebook__.shell_cell(\"echo 'a'\", strict=True)"),
        ("%env A=b c", "__notebook__.set_env('A', 'b c')"),
        ("%env A b", "__notebook__.set_env('A', 'b')"),
        ("%cd ..", "__notebook__.change_directory('..')"),
        ("%%capture out\nx = 1", "out = __notebook__.captured()"),
        ("%%writefile -a m.py\nx = 1", "__notebook__.write_file('m.py', 'x = 1\\n', append=True)"),
        ("x = %time f(2)", "x = f(2)"),
    ],
)
def test_what_ipython_does_is_done_by_the_runtime(text, python):
    assert first_line(text) == python


@pytest.mark.parametrize(
    ("text", "python"),
    [
        ("%sql select 1", "_sqldf = __notebook__.sql('select 1\\n')"),
        ("%sh\nls", "__notebook__.shell_cell('\\nls', strict=False)"),
        ("%sh -e ls", "__notebook__.shell_cell(' ls\\n', strict=True)"),
        ("%fs ls /tmp", "__notebook__.fs(['ls', '/tmp'])"),
    ],
)
def test_cell_in_a_language_of_databricks_is_done_by_the_runtime(text, python):
    assert first_line(text, single_percent=True) == python


@pytest.mark.parametrize("magic", ["%time", "%timeit -n 3 -r1", "%prun -s cumulative", "%memit"])
def test_line_that_is_measured_runs_without_the_magic(magic):
    assert first_line(f"{magic} x = 1\n") == "x = 1"


@pytest.mark.parametrize("head", ["%scala", "%r"])
def test_cell_that_cannot_run_is_named(head):
    notes = []
    cell = Cell("nb cell 1", "<nb cell 1>", 1, f"{head}\nval x = 1", single_percent=True)
    assert list(to_python(cell, note=notes.append)) == []
    assert notes == [f"nb cell 1, line 1: skipped the cell, which is {head}"]


@pytest.mark.parametrize(
    "text",
    [
        "%%time\nx = 1\n",
        "x = 1\n%time y = f(x)\nz = %time g()\nif x:\n    %prun -s cum h()\n",
        '!pip install \\\n  a\nfiles = !ls -l\na=!l\nprint?\n  \nx = """\n%no\n"""\r\ny = 1',
        "%matplotlib inline\nx = (7\n% 4)",
        "%%bash\nls\n",
        "?print\n",
    ],
)
def test_masked_cell_parses_and_keeps_every_place(text):
    code = masked(text)
    assert len(code) == len(text)
    assert code != text
    lines = text.splitlines()
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.Name):
            assert lines[node.lineno - 1][node.col_offset : node.end_col_offset] == node.id
