"""kill -9 of the driver at random instants loses no trial, and the search ends as it would have."""

from __future__ import annotations

from typing import Any

import pytest

pytestmark = pytest.mark.slow

FILE = {"trials_save_file": "trials.pkl"}
JOURNAL = {"journal": "run.journal"}


def _names(kept: dict[str, str]) -> str:
    return "+".join(kept)


LOCAL = {"backend": "local", "algo": "tpe"}
PROCESSES = {"backend": "processes", "parallelism": 2}
SPARK = {"backend": "spark", "parallelism": 2}
IN_THE_DRIVER = {"backend": "local", "parallelism": 1}

KINDS = pytest.mark.parametrize("kept", [FILE, JOURNAL, {**FILE, **JOURNAL}], ids=_names)


@KINDS
def test_a_search_in_this_process_ends_as_one_that_was_never_killed(kill: Any, kept: Any) -> None:
    kill(2, seed=1, kept=kept, **LOCAL)


def test_a_search_in_processes_loses_nothing_and_goes_on_in_the_driver(kill: Any) -> None:
    kill(1, seed=1, kept=JOURNAL, **PROCESSES, last=IN_THE_DRIVER)


def test_a_search_on_spark_loses_nothing_and_goes_on_in_the_driver(kill: Any) -> None:
    pytest.importorskip("pyspark")
    kill(1, seed=2, kept=FILE, reference={**SPARK, **IN_THE_DRIVER}, **SPARK, last=IN_THE_DRIVER)


@pytest.mark.long
@pytest.mark.timeout(3000)
@KINDS
def test_many_kills_in_this_process(kill: Any, kept: Any) -> None:
    kill(40, seed=3, kept=kept, **LOCAL)


@pytest.mark.long
@pytest.mark.timeout(3000)
@pytest.mark.parametrize("kept", [FILE, JOURNAL], ids=_names)
def test_many_kills_of_a_search_in_processes(kill: Any, kept: Any) -> None:
    kill(20, seed=4, kept=kept, **PROCESSES)


@pytest.mark.long
@pytest.mark.timeout(3000)
@pytest.mark.parametrize("kept", [FILE, JOURNAL], ids=_names)
def test_many_kills_of_a_search_on_spark(kill: Any, kept: Any) -> None:
    pytest.importorskip("pyspark")
    kill(10, seed=5, kept=kept, at_most=4, **SPARK)
