"""kill -9 of a driver whose trials run on a Ray cluster that goes on."""

from __future__ import annotations

from typing import Any

import pytest

pytestmark = pytest.mark.slow

FILE = {"trials_save_file": "trials.pkl"}
JOURNAL = {"journal": "run.journal"}
IN_THE_DRIVER = {"backend": "local", "parallelism": 1}


@pytest.fixture
def on_ray(ray_cluster: None) -> dict[str, Any]:
    """Settings of a search on the cluster of this process."""
    import ray

    address = ray.get_runtime_context().gcs_address
    return {"backend": "ray", "parallelism": 2, "ray": address}


def test_a_search_on_ray_loses_nothing_and_goes_on_in_the_driver(kill: Any, on_ray: Any) -> None:
    kill(
        1, seed=1, kept=JOURNAL, reference={**on_ray, **IN_THE_DRIVER}, **on_ray, last=IN_THE_DRIVER
    )


@pytest.mark.long
@pytest.mark.timeout(3000)
@pytest.mark.parametrize("kept", [FILE, JOURNAL], ids=["trials_save_file", "journal"])
def test_many_kills_of_a_search_on_ray(kill: Any, on_ray: Any, kept: Any) -> None:
    kill(10, seed=2, kept=kept, at_most=4, **on_ray)
