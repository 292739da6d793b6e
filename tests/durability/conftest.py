"""Kills searches of one kind at random instants, until there were enough kills."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from killing import KeptSearch, kill_again_and_again

MAX_EVALS = 25


@pytest.fixture
def kill(tmp_path: Path, store_in: Callable[[Path], str]) -> Callable[..., None]:
    """Kills searches so often in all, each at several instants, and lets each end."""

    def call(
        n: int,
        *,
        seed: int,
        at_most: int = 6,
        last: dict[str, Any] | None = None,
        reference: dict[str, Any] | None = None,
        **kind: Any,
    ) -> None:
        settings = {
            "algo": "rand", "parallelism": 1, "max_evals": MAX_EVALS, "seed": seed,
            "tracked": True, **kind,
        }  # fmt: skip
        rng, kills, searches = random.Random(seed), 0, 0

        def make(**changes: Any) -> KeptSearch:
            nonlocal searches
            folder = tmp_path / str(searches)
            folder.mkdir()
            searches += 1
            return KeptSearch(folder, {**settings, **changes}, store_in(folder))

        whole = make(**(reference or {}))
        whole.run()
        whole.check_files()
        whole.check_runs()
        while kills < n:
            search = make()
            most = min(n - kills, rng.randint(1, at_most))
            kill_again_and_again(search, whole, rng, most=most, **(last or {}))
            kills += search.kills
        print(f"{kills} kills of {searches - 1} searches; a whole one took {whole.last_s:.2f} s")

    return call
