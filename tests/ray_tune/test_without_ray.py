"""Where Ray is not installed, everything of ours that needs it says what to install."""

from __future__ import annotations

import sys
from pathlib import Path

from ray_scripts import own_environment, run


def test_each_way_to_ray_says_what_to_install(tmp_path: Path) -> None:
    with own_environment(tmp_path) as environment:
        output = run(
            """
            import sys

            from importlib.machinery import PathFinder

            class WithoutRay(PathFinder):
                @classmethod
                def find_spec(cls, name, path=None, target=None):
                    if name.partition(".")[0] == "ray":
                        return None
                    return PathFinder.find_spec(name, path, target)

            sys.meta_path[:] = [WithoutRay if f is PathFinder else f for f in sys.meta_path]
            import hyperbridge
            from hyperbridge import fmin, hp, rand
            from hyperbridge.errors import MissingDependencyError

            space = {"x": hp.uniform("x", 0, 1)}
            ways = [
                lambda: fmin(len, space, algo=rand.suggest, max_evals=1, backend="ray"),
                lambda: fmin(len, space, algo=rand.suggest, max_evals=1, backend=hyperbridge.Ray()),
                lambda: hyperbridge.to_ray(space),
                lambda: hyperbridge.ray_trainable(len, space),
                lambda: hyperbridge.HyperoptSearcher(space),
            ]
            for way in ways:
                try:
                    way()
                except MissingDependencyError as exc:
                    print(exc)
            """,
            tmp_path,
            environment,
            python=sys.executable,
        )
    lines = output.splitlines()
    assert len(lines) == 5, output
    assert all(
        "needs Ray Tune. Install it with: pip install 'hyperbridge[ray]'" in x for x in lines
    )
    assert [line.split(" needs")[0] for line in lines] == [
        "Backend 'ray'", "Backend 'ray'", "to_ray", "ray_trainable", "HyperoptSearcher",
    ]  # fmt: skip
