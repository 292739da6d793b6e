"""A cluster whose workers cannot run any trial ends the search at once, with what to do."""

from __future__ import annotations

from pathlib import Path

import pytest
from running import Program, needs_connect_server, run_program
from test_bare_workers import bare_python

pytestmark = pytest.mark.slow

DISGUISE = """
import collections, sys
fields = "major minor micro releaselevel serial"
sys.version_info = collections.namedtuple("version_info", fields)(3, 99, 0, "final", 0)
"""


NOWHERE = "/no/python"


def check_nowhere(program: Program) -> None:
    assert program[NOWHERE]["kind"] == "BackendUnavailableError"
    assert f"'{NOWHERE}'" in program[NOWHERE]["text"]
    assert "PYSPARK_PYTHON" in program[NOWHERE]["text"]


def test_a_python_that_executors_do_not_have_and_one_of_another_version_are_explained(
    tmp_path: Path,
) -> None:
    """A Python in disguise: not every machine has two versions installed."""
    python = bare_python(tmp_path / "bare")
    (site,) = (tmp_path / "bare" / "lib").glob("python*/site-packages")
    (site / "sitecustomize.py").write_text(DISGUISE)
    program = run_program(
        "unusable", "local-cluster[1,1,1024]", NOWHERE, python, directory=tmp_path
    )
    check_nowhere(program)
    assert program[python]["kind"] == "BackendUnavailableError"
    assert "another version of Python" in program[python]["text"]
    assert program.left_behind == []


@pytest.mark.long
def test_a_python_that_a_connect_server_does_not_have_is_named(tmp_path: Path) -> None:
    needs_connect_server()
    check_nowhere(run_program("unusable", "connect:local[2]", NOWHERE, directory=tmp_path))


def test_a_connect_server_whose_workers_lack_pyarrow_is_explained(tmp_path: Path) -> None:
    needs_connect_server()
    python = bare_python(tmp_path / "bare")
    facts = run_program("unusable", "connect:local[2]", python, directory=tmp_path)[python]
    assert facts["kind"] == "BackendUnavailableError"
    assert "lacks pyarrow" in facts["text"]
    assert "before the server is started" in facts["text"]
