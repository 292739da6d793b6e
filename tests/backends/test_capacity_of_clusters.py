"""How far a cluster can grow, from its settings, and how many trials it gets on the way."""

from __future__ import annotations

import logging
from types import SimpleNamespace
from typing import Any

import pytest

from hyperbridge.backends.spark import Spark
from hyperbridge.backends.spark.slots import decide_parallelism, most_slots
from hyperbridge.errors import InvalidArgumentError, UnsupportedArgumentError
from hyperbridge.run.capacity import MAX_PARALLELISM, Capacity, capacity_of

DYNAMIC = {"spark.dynamicAllocation.enabled": "true"}


def databricks(**tags: str) -> dict[str, str]:
    return {f"spark.databricks.clusterUsageTags.{name}": value for name, value in tags.items()}


AUTOSCALING = databricks(
    clusterScalingType="autoscaling", clusterMinWorkers="1", clusterMaxWorkers="6",
    clusterWorkers="2", clusterTargetWorkers="2",
)  # fmt: skip
STANDALONE, YARN = "spark://127.0.0.1:7077", "yarn"


@pytest.mark.parametrize(
    ("settings", "master", "slots", "executors", "most"),
    [
        ({}, STANDALONE, 8, 2, None),
        ({"spark.dynamicAllocation.enabled": "false"}, YARN, 8, 2, None),
        (DYNAMIC, "local[4]", 4, 0, None),  # no executors there
        (DYNAMIC, YARN, 0, 0, MAX_PARALLELISM),  # no maxExecutors is no limit
        ({**DYNAMIC, "spark.dynamicAllocation.maxExecutors": "10"}, YARN, 0, 0, 10),
        ({**DYNAMIC, "spark.dynamicAllocation.maxExecutors": "infinity"}, YARN, 4, 1, 128),
        (
            {**DYNAMIC, "spark.dynamicAllocation.maxExecutors": "10", "spark.executor.cores": "4",
             "spark.task.cpus": "2"}, YARN, 4, 2, 20,
        ),
        # a standalone worker gives all its cores unless told otherwise
        ({**DYNAMIC, "spark.dynamicAllocation.maxExecutors": "3"}, STANDALONE, 8, 1, 128),
        (
            {**DYNAMIC, "spark.dynamicAllocation.maxExecutors": "3", "spark.cores.max": "12"},
            STANDALONE, 8, 1, 12,
        ),
        (AUTOSCALING, STANDALONE, 8, 2, 24),
        (AUTOSCALING, STANDALONE, 8, 0, 128),  # executors that are not known yet
        (AUTOSCALING, STANDALONE, 0, 0, 128),
        ({**AUTOSCALING, **databricks(clusterMaxWorkers="1000")}, STANDALONE, 8, 2, 128),
        ({**AUTOSCALING, **databricks(clusterMaxWorkers="")}, STANDALONE, 8, 2, 128),
        ({**AUTOSCALING, **databricks(clusterScalingType="fixed_size")}, STANDALONE, 8, 2, None),
        (databricks(clusterScalingType="fixed_size", clusterWorkers="4"), STANDALONE, 8, 2, None),
    ],
)  # fmt: skip
def test_how_far_a_cluster_grows_is_read_from_its_settings(
    settings: dict[str, str], master: str, slots: int, executors: int, most: int | None
) -> None:
    assert most_slots(settings, master, slots, executors) == most


def test_executors_of_a_resource_profile_are_not_counted_by_the_settings_of_others() -> None:
    settings = {**DYNAMIC, "spark.dynamicAllocation.maxExecutors": "2"}
    assert most_slots(settings, YARN, 0, 0, has_profile=True) == MAX_PARALLELISM


@pytest.mark.parametrize(
    ("limit", "slots", "capacity"),
    [
        (100, 0, Capacity(1)),
        (100, 1, Capacity(1, in_line=1)),
        (100, 2, Capacity(2, in_line=1)),
        (100, 9, Capacity(9, in_line=5)),
        (12, 9, Capacity(9, in_line=3)),
        (9, 9, Capacity(9)),
        (9, 64, Capacity(9)),
        (2, 0, Capacity(1)),
    ],
)
def test_trials_follow_the_slots_and_some_wait_in_line(
    limit: int, slots: int, capacity: Capacity
) -> None:
    assert capacity_of(limit, slots) == capacity


def test_capacity_never_exceeds_what_was_asked_for_and_grows_with_the_slots() -> None:
    for limit in (1, 2, 7, 128):
        found = [capacity_of(limit, slots) for slots in range(200)]
        totals = [each.parallelism + each.in_line for each in found]
        assert totals == sorted(totals)
        assert 1 <= totals[0] <= totals[-1] == limit
        assert found[-1].in_line == 0


@pytest.mark.parametrize(
    ("requested", "decided", "said"),
    [
        (8, 8, ""),
        (40, 24, "Parallelism 40 is more than the 24 task slots that the cluster can grow to"),
        (None, 24, "will be up to 24, what the cluster can grow to; it has 4 Spark task slots now"),
    ],
)
def test_what_is_asked_of_a_cluster_that_grows_is_reduced_to_what_it_can_ever_run(
    requested: int | None, decided: int, said: str, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        assert decide_parallelism(requested, 24, now=4) == decided
    assert said in caplog.text
    assert bool(caplog.text) is bool(said)


def test_elastic_is_a_switch() -> None:
    with pytest.raises(InvalidArgumentError, match="elastic must be True, False or None, got 4"):
        Spark(elastic=4)  # type: ignore[arg-type]


def test_a_connect_client_that_is_to_follow_what_it_cannot_see_is_told_to_ask() -> None:
    pytest.importorskip("grpc")
    from hyperbridge.backends.spark.connect import open_connect

    session: Any = SimpleNamespace(is_stopped=False)
    objective: Any = None
    with pytest.raises(UnsupportedArgumentError, match="elastic=True on Spark Connect needs a par"):
        open_connect(
            objective, session=session, resource_profile=None, parallelism=None, elastic=True,
            retries=1,
        )  # fmt: skip
