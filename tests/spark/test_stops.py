"""Searches with trials that take minutes come back at once, whatever stops them."""

from __future__ import annotations

import pytest
from hyperopt.base import JOB_STATE_CANCEL, JOB_STATE_DONE
from running import Program, run_program

pytestmark = pytest.mark.slow

AT_ONCE_S = 3.0


@pytest.fixture(scope="module", params=["local-cluster[2,1,1024]", "connect:local[4]"])
def program(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Program:
    if request.param.startswith("connect"):
        pytest.importorskip("grpc")
    return run_program("stops", request.param, directory=tmp_path_factory.mktemp("stops"))


@pytest.mark.parametrize("way", ["timeout", "early stop", "loss_threshold", "ctrl-c"])
def test_fmin_is_back_within_seconds_and_nothing_goes_on(program: Program, way: str) -> None:
    facts = program[way]
    assert facts["began"] >= 1, "no trial was running when the search was stopped"
    assert facts["back_after_s"] < AT_ONCE_S
    assert facts["threads"] == []
    assert facts["active_jobs"] in (0, None)
    assert facts["silent"], "an objective went on after fmin was back"
    assert JOB_STATE_CANCEL in facts["states"]
    assert facts["cancelled"] >= 1


def test_only_ctrl_c_raises(program: Program) -> None:
    ways = ("timeout", "early stop", "loss_threshold", "ctrl-c")
    assert [program[way]["raised"] for way in ways] == [None, None, None, "KeyboardInterrupt"]


def test_what_finished_before_the_stop_is_kept(program: Program) -> None:
    assert JOB_STATE_DONE in program["early stop"]["states"]
    assert JOB_STATE_DONE in program["loss_threshold"]["states"]


def test_the_session_works_afterwards_and_no_process_is_left(program: Program) -> None:
    assert program["afterwards"]["states"] == [JOB_STATE_DONE] * 4
    assert program.left_behind == []
