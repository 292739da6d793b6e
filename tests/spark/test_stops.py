"""Searches with trials that take minutes come back at once, whatever stops them."""

from __future__ import annotations

import pytest
from hyperopt.base import JOB_STATE_CANCEL, JOB_STATE_DONE
from running import Program, needs_connect_server, run_program

pytestmark = pytest.mark.slow

AT_ONCE_S = 3.0
WAYS = ("timeout", "early stop", "loss_threshold", "ctrl-c")


@pytest.fixture(
    scope="module",
    params=[
        "connect:local[4]",
        # the contract in tests/conformance stops searches of a classic session in each run
        pytest.param("local-cluster[2,1,1024]", marks=pytest.mark.long),
    ],
)
def program(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Program:
    pytest.importorskip("mlflow")
    if request.param.startswith("connect"):
        needs_connect_server()
    return run_program("stops", request.param, directory=tmp_path_factory.mktemp("stops"))


@pytest.mark.parametrize("way", WAYS)
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
    assert [program[way]["raised"] for way in WAYS] == [None, None, None, "KeyboardInterrupt"]


@pytest.mark.parametrize("way", WAYS)
def test_no_run_is_left_open_and_each_says_how_its_trial_ended(program: Program, way: str) -> None:
    facts = program[way]
    assert facts["parents"] == ["KILLED" if way == "ctrl-c" else "FINISHED"]
    ended = {JOB_STATE_DONE: ["FINISHED", "success"], JOB_STATE_CANCEL: ["KILLED", "cancelled"]}
    n_done = facts["states"].count(JOB_STATE_DONE)
    n_begun = facts["began"] + n_done
    # a trial that was proposed and had not begun may have no run
    children = facts["children"]
    assert [child for child in children if child not in ended.values()] == []
    assert children.count(ended[JOB_STATE_DONE]) == n_done
    assert n_begun <= len(children) <= len(facts["states"])


def test_what_finished_before_the_stop_is_kept(program: Program) -> None:
    assert JOB_STATE_DONE in program["early stop"]["states"]
    assert JOB_STATE_DONE in program["loss_threshold"]["states"]


def test_the_session_works_afterwards_and_no_process_is_left(program: Program) -> None:
    assert program["afterwards"]["states"] == [JOB_STATE_DONE] * 4
    assert program.left_behind == []
