"""Where Ray is not installed, everything of ours that needs it says what to install."""

from __future__ import annotations

import sys
from pathlib import Path

from ray_scripts import own_environment, run


def test_each_way_to_ray_says_what_to_install(tmp_path: Path) -> None:
    with own_environment(tmp_path) as environment:
        output = run(
            "ways_without_ray", folder=tmp_path, environment=environment, python=sys.executable
        )
    lines = output.splitlines()
    assert len(lines) == 5, output
    assert all(
        "needs Ray Tune. Install it with: pip install 'hyperbridge[ray]'" in x for x in lines
    )
    assert [line.split(" needs")[0] for line in lines] == [
        "Backend 'ray'", "Backend 'ray'", "to_ray", "ray_trainable", "HyperoptSearcher",
    ]  # fmt: skip
