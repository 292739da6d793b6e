"""A stand-in for this package on workers that do not have it, with what objectives may use."""

from __future__ import annotations

import importlib.util
import sys
import types
from importlib.machinery import ModuleSpec
from typing import Any

from hyperbridge.worker.callbacks import CALLBACKS
from hyperbridge.worker.pruned import TrialPruned
from hyperbridge.worker.reporting import report, should_prune


def stand_in() -> None:
    """Let ``import hyperbridge`` work where it is not installed."""
    if "hyperbridge" in sys.modules:
        return
    try:
        if importlib.util.find_spec("hyperbridge") is not None:
            return
    except ImportError:  # an importer that says so
        pass
    package: Any = types.ModuleType("hyperbridge", "What an objective may use of hyperbridge.")
    package.__path__ = []
    package.__spec__ = ModuleSpec("hyperbridge", None, is_package=True)
    package.callbacks = types.ModuleType("hyperbridge.callbacks")
    package.callbacks.__spec__ = ModuleSpec("hyperbridge.callbacks", None)
    vars(package.callbacks).update(CALLBACKS)
    vars(package).update(report=report, should_prune=should_prune, TrialPruned=TrialPruned)
    sys.modules.update({"hyperbridge": package, "hyperbridge.callbacks": package.callbacks})
