"""Each way to Ray, where no Ray is installed."""

import sys
from importlib.machinery import PathFinder
from typing import Any


class WithoutRay(PathFinder):
    @classmethod
    def find_spec(cls, name: str, path: Any = None, target: Any = None) -> Any:
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
