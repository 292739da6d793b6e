"""As many trials at once as there may be."""

from __future__ import annotations

from pathlib import Path

import pytest
from hyperopt.base import JOB_STATE_CANCEL, JOB_STATE_DONE, JOB_STATE_ERROR
from running import run_program

SECONDS = 15


@pytest.mark.slow
def test_128_trials_at_once_are_all_accounted_for(tmp_path: Path) -> None:
    program = run_program("soak", str(SECONDS), directory=tmp_path)
    facts = program["soak"]
    n = {int(state): count for state, count in facts["states"].items()}
    assert facts["parallelism"] == 128
    assert facts["tids_are_in_order"]
    assert set(n) <= {JOB_STATE_DONE, JOB_STATE_ERROR, JOB_STATE_CANCEL}
    assert n[JOB_STATE_CANCEL] == 128, "that many were running when the time was up"
    assert n[JOB_STATE_DONE] > 0
    assert facts["counted"] == facts["total"] == sum(n.values())
    assert facts["back_after_s"] < 5
    assert facts["threads"] == []
    assert facts["active_jobs"] == 0
    assert program.left_behind == []
