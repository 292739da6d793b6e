"""Find the object behind each public name of the package, when it is first asked for.

Importing hyperopt imports pyspark where that is installed, so ``import hyperbridge`` imports
neither: the names are resolved one by one (PEP 562).
"""

from __future__ import annotations

import importlib
import importlib.util
from importlib.metadata import PackageNotFoundError, version
from typing import Any, Final

from hyperbridge.backends import ours

OURS: Final = {
    "HyperoptSampler": "hyperbridge.search.optuna.hyperopt_sampler",
    "HyperoptSearcher": "hyperbridge.search.ray_searcher",
    "Journal": "hyperbridge.journal.choice",
    "SparkTrials": "hyperbridge.surface.spark_trials",
    "TrialPruned": "hyperbridge.worker.pruned",
    "Trials": "hyperbridge.surface.trials",
    "fmin": "hyperbridge.surface.fmin",
    "from_study": "hyperbridge.surface.optuna_tools",
    "install": "hyperbridge.surface.shim",
    "optuna_objective": "hyperbridge.surface.optuna_tools",
    "ray_trainable": "hyperbridge.surface.ray_tools",
    "read_space": "hyperbridge.translate.from_hyperopt",
    "report": "hyperbridge.worker.reporting",
    "settings": "hyperbridge.config",
    "should_prune": "hyperbridge.worker.reporting",
    "to_optuna": "hyperbridge.surface.optuna_tools",
    "to_pandas": "hyperbridge.surface.frames",
    "to_ray": "hyperbridge.surface.ray_tools",
    "to_study": "hyperbridge.surface.optuna_tools",
    "uninstall": "hyperbridge.surface.shim",
}
"""Names whose object is ours, each with the module that defines it; backends' classes aside."""

MODULES: Final = {
    "spark": "hyperbridge.surface.spark_trials",
}
"""Public names that are modules of ours; ``spark`` stands where hyperopt has its SparkTrials."""


def find(name: str) -> Any:
    """Return the object that ``hyperbridge.<name>`` stands for.

    Everything that is not ours is hyperopt's: an attribute of the package, or one of its
    submodules, as ``from hyperopt import <name>`` finds it.

    Args:
        name: A name without dots.

    Raises:
        AttributeError: Neither hyperbridge nor hyperopt has the name.

    Examples:
        >>> find("STATUS_OK")
        'ok'
    """
    if name == "__version__":
        return _version()
    if name in OURS:
        return getattr(importlib.import_module(OURS[name]), name)
    if importlib.util.find_spec(f"hyperbridge.{name}") is not None:
        return importlib.import_module(f"hyperbridge.{name}")
    for kind in ours().values():  # after our modules, which the backends import themselves
        if name == kind.__name__:
            return kind
    if name in MODULES:
        return importlib.import_module(MODULES[name])
    if not name.startswith("_"):
        hyperopt = importlib.import_module("hyperopt")
        if hasattr(hyperopt, name):
            return getattr(hyperopt, name)
        submodule = f"hyperopt.{name}"
        try:
            return importlib.import_module(submodule)
        except ModuleNotFoundError as exc:
            if exc.name != submodule:
                raise
    raise AttributeError(f"module 'hyperbridge' has no attribute {name!r}", name=name)


def _version() -> str:
    try:
        return version("hyperbridge")
    except PackageNotFoundError:  # a source tree that is not installed
        return "unknown"
