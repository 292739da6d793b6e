"""kill -9 of the driver at random instants loses no trial, and the search ends as it would have."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from killing import KeptSearch, kill_again_and_again

pytestmark = pytest.mark.slow

FILE = {"trials_save_file": "trials.pkl"}

MAX_EVALS = 25


@pytest.fixture
def kill(tmp_path: Path, store_in: Callable[[Path], str]) -> Callable[..., None]:
    """Kills searches of one kind so often in all, each at some instants, until it is done."""

    def call(
        n: int,
        *,
        seed: int,
        at_most: int = 6,
        is_tracked: bool = True,
        last: Any = None,
        **kind: Any,
    ) -> None:
        settings = {
            "algo": "rand", "parallelism": 1, "max_evals": MAX_EVALS, "seed": seed, "kept": FILE,
            "tracked": is_tracked, **kind,
        }  # fmt: skip
        rng, kills = random.Random(seed), 0
        searches = 0

        def make() -> KeptSearch:
            nonlocal searches
            searches += 1
            folder = tmp_path / str(searches)
            folder.mkdir()
            return KeptSearch(folder, settings, store_in(folder) if is_tracked else None)

        reference = make()
        reference.run()
        while kills < n:
            search = make()
            most = min(n - kills, rng.randint(1, at_most))
            kill_again_and_again(search, reference, rng, most=most, **(last or {}))
            kills += search.kills
        print(
            f"{kills} kills of {searches - 1} searches; a whole run took {reference.last_s:.2f} s"
        )

    return call


LOCAL = {"backend": "local", "algo": "tpe"}
PROCESSES = {"backend": "processes", "parallelism": 2}
SPARK = {"backend": "spark", "parallelism": 2}


def test_a_search_in_this_process_ends_as_one_that_was_never_killed(kill: Any) -> None:
    kill(4, seed=0, **LOCAL)


def test_a_search_in_processes_loses_nothing_and_goes_on_in_the_driver(kill: Any) -> None:
    kill(1, seed=1, **PROCESSES, last={"backend": "local", "parallelism": 1})


@pytest.mark.long
@pytest.mark.timeout(3000)
@pytest.mark.parametrize("is_tracked", [True, False])
def test_many_kills_in_this_process(kill: Any, is_tracked: bool) -> None:
    kill(40, seed=2, is_tracked=is_tracked, **LOCAL)


@pytest.mark.long
@pytest.mark.timeout(3000)
def test_many_kills_of_a_search_in_processes(kill: Any) -> None:
    kill(20, seed=3, **PROCESSES)
