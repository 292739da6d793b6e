"""As many trials at once as there may be, and many trials one after the other.

`benchmarks/spark_production.py` does the same for a minute, and with 5,000 trials.
"""

from __future__ import annotations

import pytest
from hyperopt.base import JOB_STATE_CANCEL, JOB_STATE_DONE, JOB_STATE_ERROR
from running import Program, run_program

pytestmark = pytest.mark.slow

SECONDS = 10
INSTANT_TRIALS = 500


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Program:
    folder = tmp_path_factory.mktemp("soak")
    return run_program("soak", str(SECONDS), str(INSTANT_TRIALS), directory=folder)


def test_128_trials_at_once_are_all_accounted_for(program: Program) -> None:
    facts = program["soak"]
    n = {int(state): count for state, count in facts["states"].items()}
    assert facts["parallelism"] == 128
    assert facts["tids_are_in_order"]
    assert set(n) <= {JOB_STATE_DONE, JOB_STATE_ERROR, JOB_STATE_CANCEL}
    # of the 128 that ran when the time was up, those that ended before their job was cancelled
    # are kept as done: on a busy machine a few dozen
    assert 0 < n[JOB_STATE_CANCEL] <= 128
    assert n[JOB_STATE_DONE] >= 128
    assert facts["counted"] == facts["total"] == sum(n.values())
    assert facts["back_after_s"] < 5
    assert facts["threads"] == []
    assert facts["active_jobs"] == 0


def test_instant_trials_leave_nothing_in_the_driver_but_their_documents(program: Program) -> None:
    resident_mb, java_mb, threads, descriptors = program["memory"]["growth"]
    assert resident_mb < 20
    assert java_mb < 40  # Spark itself remembers its last 1,000 jobs
    assert threads <= 0
    assert descriptors <= 3


def test_no_process_is_left(program: Program) -> None:
    assert program.left_behind == []
