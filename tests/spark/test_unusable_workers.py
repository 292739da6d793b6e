"""A cluster whose workers cannot run any trial ends the search at once, with what to do."""

from __future__ import annotations

from pathlib import Path

import pytest
from running import needs_connect_server, run_program
from test_bare_workers import bare_python

pytestmark = pytest.mark.slow

DISGUISE = """
import collections, sys
fields = "major minor micro releaselevel serial"
sys.version_info = collections.namedtuple("version_info", fields)(3, 99, 0, "final", 0)
"""


@pytest.mark.parametrize("kind", ["local-cluster[1,1,1024]", "connect:local[2]"])
def test_a_python_that_the_workers_do_not_have_is_named(kind: str, tmp_path: Path) -> None:
    if kind.startswith("connect"):
        needs_connect_server()
    facts = run_program("unusable", kind, directory=tmp_path, python="/no/python")["unusable"]
    assert facts["kind"] == "BackendUnavailableError"
    assert "'/no/python'" in facts["text"]
    assert "PYSPARK_PYTHON" in facts["text"]


def test_a_connect_server_whose_workers_lack_pyarrow_is_explained(tmp_path: Path) -> None:
    needs_connect_server()
    python = bare_python(tmp_path / "bare")
    program = run_program("unusable", "connect:local[2]", directory=tmp_path, python=python)
    assert program["unusable"]["kind"] == "BackendUnavailableError"
    assert "lacks pyarrow" in program["unusable"]["text"]
    assert "before the server is started" in program["unusable"]["text"]


def test_another_version_of_python_on_the_workers_is_explained(tmp_path: Path) -> None:
    """A Python in disguise: not every machine has two versions installed."""
    python = bare_python(tmp_path / "bare")
    (site,) = (tmp_path / "bare" / "lib").glob("python*/site-packages")
    (site / "sitecustomize.py").write_text(DISGUISE)
    program = run_program("unusable", "local-cluster[1,1,1024]", directory=tmp_path, python=python)
    assert program["unusable"]["kind"] == "BackendUnavailableError"
    assert "another version of Python" in program["unusable"]["text"]
