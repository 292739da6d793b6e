"""The same code on a Spark Connect session, which has no SparkContext."""

from __future__ import annotations

import pytest
from hyperopt.base import JOB_STATE_CANCEL, JOB_STATE_ERROR
from running import Program, needs_connect_server, run_program

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Program:
    needs_connect_server()
    pytest.importorskip("mlflow")
    return run_program("connect_session", directory=tmp_path_factory.mktemp("connect"))


def test_a_seed_gives_the_documents_of_the_local_backend(program: Program) -> None:
    assert program["same as local"]["equal"]
    assert program["same as local"]["n"] > 0


def test_spark_trials_know_the_slots_and_the_counts(program: Program) -> None:
    facts = program["attributes"]
    assert (facts["before"], facts["during"], facts["asked"]) == (3, 3, None)
    assert facts["successful"] + facts["failed"] == 6
    assert facts["session"]
    assert facts["context"] == "pyspark", "PySpark itself says that there is no SparkContext"


def test_the_users_tags_stay_and_the_users_own_query_goes_on(program: Program) -> None:
    facts = program["tags"]
    assert facts["left"] == ["the-users"]
    assert facts["survived"] == [1]
    assert set(facts["states"]) == {JOB_STATE_CANCEL}


def test_trials_carry_the_users_tags(program: Program) -> None:
    facts = program["interrupted by the user"]
    assert facts["states"] == [JOB_STATE_CANCEL] * 2
    assert facts["errors"] == ["cancelled: its Spark job was cancelled by somebody else"] * 2
    assert facts["seconds"] < 30


def test_the_python_worker_is_kept_for_the_next_trial(program: Program) -> None:
    assert program["reuse"]["processes"] == 1


def test_child_runs_are_those_of_a_classic_session(program: Program) -> None:
    facts = program["tracked"]
    assert facts["statuses"] == facts["expected"]
    assert facts["inside"]
    assert facts["parents"] == [True] * 8
    assert facts["deeper"] == ["1"] * 8
    assert facts["backend"] == "spark"


def test_fmin_finds_the_session_from_another_thread(program: Program) -> None:
    assert program["another thread"] == {"n": 4, "threads": []}


def test_an_objective_that_uses_spark_itself_is_told_to_run_on_the_driver(program: Program) -> None:
    facts = program["driver only"]
    assert facts["states"] == [JOB_STATE_ERROR] * 2
    assert all("cannot run inside a Spark task" in text for text in facts["errors"])


def test_a_resource_profile_is_refused_by_name_where_the_server_has_none(program: Program) -> None:
    facts = program["resource profile"]
    assert facts["kind"] == "UnsupportedArgumentError"
    assert "Spark Connect server refuses the resource_profile" in facts["text"]
    assert facts["n"] == 0


def test_a_stopped_session_is_refused(program: Program) -> None:
    facts = program["stopped"]
    assert facts["kind"] == "BackendUnavailableError"
    assert "stopped" in facts["text"]


def test_no_process_is_left(program: Program) -> None:
    assert program.left_behind == []
