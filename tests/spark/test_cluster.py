"""Lost workers, lost executors, large objectives and results, shared sessions: on executors."""

from __future__ import annotations

import pytest
from hyperopt.base import JOB_STATE_CANCEL, JOB_STATE_DONE, JOB_STATE_ERROR
from running import Program, needs_connect_server, run_program

pytestmark = pytest.mark.slow


@pytest.fixture(
    scope="module",
    params=[
        "local-cluster[2,2,1024]",
        pytest.param("connect:local-cluster[2,2,1024]", marks=pytest.mark.long),
    ],
)
def program(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Program:
    pytest.importorskip("mlflow")
    if request.param.startswith("connect"):
        needs_connect_server()
    return run_program("cluster", request.param, directory=tmp_path_factory.mktemp("cluster"))


@pytest.mark.parametrize(("victim", "times"), [("worker", 1), ("executor", 3)])
def test_a_killed_process_costs_no_result(program: Program, victim: str, times: int) -> None:
    facts = program[victim]
    assert facts["states"] == [JOB_STATE_DONE] * 10
    assert facts["tids"] == list(range(10))
    assert facts["losses_fit"]
    assert facts["threads"] == []
    assert len(facts["executions"]) == 10
    assert facts["executions"][-1] == times + 1, "nothing was killed in the middle of a trial"
    assert facts["attempts"] == times + 1
    (last,) = [text for text in facts["starts"] if f"(attempt {times + 1}): the worker" in text]
    if "job group" in program.results:  # a Connect client does not hear why
        cause = {"worker": "Python worker exited", "executor": "ExecutorLostFailure"}[victim]
        assert f"was lost: {cause}" in last


@pytest.mark.parametrize("retries", [0, 1])
def test_a_trial_that_crashes_each_time_runs_no_more_often_than_retries_say(
    program: Program, retries: int
) -> None:
    facts = program["crash"][f"retries={retries}"]
    assert facts["states"] == [JOB_STATE_DONE, JOB_STATE_ERROR]
    assert facts["n_starts"] == 1 + retries, "Spark would start it four times"
    assert "WorkerLostError" in facts["error"][0]
    assert "the worker that ran the trial was lost" in facts["error"][1]


def test_an_objective_in_a_module_that_executors_lack_travels(program: Program) -> None:
    facts = program["own module"]
    assert facts["errors"] == [None] * 3
    assert facts["states"] == [JOB_STATE_DONE] * 3
    assert facts["is_same_class"]


@pytest.mark.parametrize(("victim", "times"), [("worker", 1), ("executor", 3)])
def test_after_a_kill_a_child_run_holds_the_last_attempt_alone(
    program: Program, victim: str, times: int
) -> None:
    runs = program[victim]["runs"]
    assert sorted(tid for _, tid, _, _ in runs) == sorted(map(str, range(10)))
    assert {status for status, _, _, _ in runs} == {"FINISHED"}
    assert all(len(metrics) == 2 and "loss" in metrics for _, _, _, metrics in runs)
    (metrics,) = [metrics for _, _, attempt, metrics in runs if attempt == times + 1]
    assert metrics == [f"inside_{times + 1}", "loss"]


def test_a_closure_of_50_mb_is_pickled_and_shipped_once(program: Program) -> None:
    facts = program["50 MB closure"]
    assert facts["states"] == [JOB_STATE_DONE] * 12
    assert facts["pickled"] == 1
    if facts["uploads"]:  # Spark Connect
        assert len(facts["uploads"]) == 1
    else:  # what Spark stores: one copy on the driver and on each executor, at most
        assert max(facts["memory"]) < 4 * 50
        assert max(facts["memory"][2:]) - min(facts["memory"][2:]) < 60
    assert facts["released"]


def test_a_result_may_hold_a_model_of_20_mb(program: Program) -> None:
    assert program["20 MB model"] == {"sizes": [20_000_000] * 4, "distinct": 4}


def test_a_timeout_of_one_search_leaves_the_other_alone(program: Program) -> None:
    facts = program["two threads"]
    assert facts["stopped"] == [JOB_STATE_CANCEL]
    assert facts["steady"] == [JOB_STATE_DONE] * 14
    assert facts["threads"] == []


def test_the_users_job_group_properties_and_broadcasts_are_respected(program: Program) -> None:
    if "job group" not in program.results:
        pytest.skip("Spark Connect has neither job groups nor broadcast variables")
    facts = program["job group"]
    assert facts["losses"] == pytest.approx([3.0] * 4)
    assert facts["jobs_in_group"] >= 4
    assert facts["group"] == "the user's"
    assert facts["description"] == "what the user says"
    assert facts["mine"] == "kept"
    assert facts["tags"] == []
    assert facts["broadcast_still_works"] == [{"offset": 3.0}]


def test_a_resource_profile_gives_each_trial_its_gpus(program: Program) -> None:
    facts = program["resource profile"]
    one, two = facts["1 GPU"], facts["2 GPU"]
    assert {len(gpus) for gpus in one["gpus"]} == {1}
    assert {gpu for gpus in one["gpus"] for gpu in gpus} <= set(facts["known"])
    assert two["gpus"] == [facts["known"]] * 6
    assert two["at_once"] <= 2, "two executors with two GPUs each"
    if "job group" in program.results:  # a Connect client does not know the slots of a profile
        assert (one["slots"], two["slots"]) == (4, 2)


def test_a_worker_that_joins_gets_trials_and_one_that_leaves_gets_no_more(program: Program) -> None:
    if "elastic" not in program.results:
        pytest.skip("a Spark Connect client sees no executors")
    facts = program["elastic"]
    assert all(done for _, done in facts["steps"]), facts["steps"]
    assert (facts["before"], facts["with it"], facts["at_the_end"]) == (4, 6, 4)


def test_a_worker_that_leaves_costs_no_trial_and_no_run(program: Program) -> None:
    if "elastic" not in program.results:
        pytest.skip("a Spark Connect client sees no executors")
    facts = program["elastic"]
    assert facts["states"] == [JOB_STATE_DONE, JOB_STATE_CANCEL]  # the end cancels what runs
    assert len(facts["runs"]) == len(set(facts["runs"])) == facts["n_documents"]
    assert facts["statuses"] == ["FINISHED", "KILLED"]
    assert facts["history"] == [4, 6, 4]
    assert facts["used"] == "4"
    assert facts["threads"] == []


def test_no_process_is_left(program: Program) -> None:
    assert program.left_behind == []
