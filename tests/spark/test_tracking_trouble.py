"""A search on Spark outlives its MLflow server."""

from __future__ import annotations

from pathlib import Path

import pytest
from hyperopt.base import JOB_STATE_DONE
from running import run_program


@pytest.mark.slow
def test_a_restart_of_the_server_in_the_middle_loses_no_run(
    tmp_path: Path, empty_database: Path
) -> None:
    pytest.importorskip("mlflow")
    program = run_program("mlflow_restart", str(empty_database), directory=tmp_path)
    facts = program["restart"]
    assert facts["states"] == [JOB_STATE_DONE] * 14
    assert facts["children"] == [[tid, "FINISHED"] for tid in range(14)]
    assert facts["losses"]
    assert facts["parents"] == ["FINISHED"]
    assert facts["total"] == 14
    assert any("does not answer" in text and "trial" in text for text in facts["warnings"])
    assert facts["longest_pause_s"] < 10, "trials waited for the server"
    assert facts["threads"] == []
    assert program.left_behind == []
