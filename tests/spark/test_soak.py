"""As many trials at once as there may be, and many trials one after the other.

`benchmarks/spark_production.py` does the same for a minute, and with 5,000 trials.
"""

from __future__ import annotations

from typing import Any

import pytest
from hyperopt.base import JOB_STATE_CANCEL, JOB_STATE_DONE, JOB_STATE_ERROR
from running import Program, run_program

pytestmark = pytest.mark.long  # it starts 128 Python workers

SECONDS = 5
INSTANT_TRIALS = 500


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Program:
    folder = tmp_path_factory.mktemp("soak")
    return run_program("soak", str(SECONDS), str(INSTANT_TRIALS), directory=folder)


def test_128_trials_run_at_once_and_are_all_accounted_for(program: Program) -> None:
    facts = program["finished"]  # no trial of this scenario ends before 128 have started
    n_failed = facts["to_fail"]
    assert 0 < n_failed < 40
    assert facts["states"] == {
        str(JOB_STATE_DONE): 384 - n_failed,
        str(JOB_STATE_ERROR): n_failed,
    }
    all_are_accounted_for(facts, 384)


def test_a_timeout_cancels_all_of_128_trials(program: Program) -> None:
    facts = program["timeout"]
    assert facts["states"] == {str(JOB_STATE_CANCEL): 128}
    assert facts["back_after_s"] < 5
    all_are_accounted_for(facts, 128)


def all_are_accounted_for(facts: dict[str, Any], n_trials: int) -> None:
    assert facts["parallelism"] == 128
    assert facts["tids_are_in_order"]
    assert facts["counted"] == facts["total"] == n_trials
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
