"""Make code that imports hyperopt reach hyperbridge, and undo it.

Three names of hyperopt are exchanged where hyperopt keeps them: ``fmin`` (in the package and
in the submodule of that name) and ``SparkTrials``. ``hyperopt.Trials`` stays what it is, so that
pickles, subclasses and ``isinstance`` do too; its ``fmin`` method looks the function up in
the submodule at each call and so reaches ours. It is lent what ours can show of themselves.
"""

from __future__ import annotations

import threading
import warnings
from typing import Any

import hyperopt
import hyperopt.spark

from hyperbridge.errors import HyperbridgeWarning
from hyperbridge.surface import bindings, originals
from hyperbridge.surface.bindings import Binding
from hyperbridge.surface.fmin import fmin
from hyperbridge.surface.spark_trials import SparkTrials
from hyperbridge.surface.trials import BridgedTrials

_LENT = ("log", "to_pandas", "_repr_html_")
"""Methods that hyperopt's Trials have while hyperbridge is installed: names that it lacks."""

_lock = threading.RLock()
_changed: list[Binding] | None = None
_ours_before: list[Binding] = []


def is_installed() -> bool:
    """Tell whether ``import hyperopt`` code reaches hyperbridge now."""
    return _changed is not None


def install(*, stacklevel: int = 1) -> None:
    """Make ``fmin`` and ``SparkTrials`` of hyperopt ours, for all code of this process.

    Names that modules, ``__main__`` included, have already imported from hyperopt are changed
    too. Other things that hold the old function or class (a SparkTrials object, a subclass of it,
    a default argument, a closure) cannot be changed: they keep hyperopt's code, and a warning
    names them. hyperopt's Trials get ``log``, ``to_pandas`` and a table in notebooks, as ours
    have. A second call changes nothing. ``import hyperbridge.auto`` does the same.

    Args:
        stacklevel: Whose line a warning points at, as in ``warnings.warn``; 1 is the caller's.

    Warns:
        HyperbridgeWarning: Something made before keeps hyperopt's own code.

    Examples:
        >>> import hyperopt, hyperbridge
        >>> hyperbridge.install()
        >>> hyperopt.fmin is hyperbridge.fmin
        True
        >>> hyperbridge.uninstall()
        >>> hyperopt.fmin is hyperbridge.fmin
        False
    """
    global _changed, _ours_before
    with _lock:
        if _changed is not None:
            return
        _ours_before = bindings.find([fmin, SparkTrials])
        changed = [
            *_exchange(_homes("fmin"), fmin),
            *_exchange(_homes("SparkTrials"), SparkTrials),
        ]
        old_functions = bindings.distinct(b.value for b in changed if b.name == "fmin")
        old_classes = bindings.distinct(b.value for b in changed if b.name == "SparkTrials")
        changed += _exchange(bindings.find(old_functions), fmin)
        changed += _exchange(bindings.find(old_classes), SparkTrials)
        _changed = changed
        _lend()
        left = bindings.find_holders(old_functions + old_classes, ours=SparkTrials)
    if left:
        warnings.warn(
            "These were made before hyperbridge was installed and keep hyperopt's own fmin or "
            f"SparkTrials: {'; '.join(left)}. Make them again now, or put "
            "'import hyperbridge.auto' before them.",
            HyperbridgeWarning,
            stacklevel=stacklevel + 1,
        )


def uninstall() -> None:
    """Put back what `install` changed; without an install it does nothing.

    A name that was imported from hyperopt in between is ours and cannot be told from one that
    was imported from hyperbridge on purpose: it stays, and a warning names it.

    Warns:
        HyperbridgeWarning: A module-level name still is ours.
    """
    global _changed
    with _lock:
        if _changed is None:
            return
        for binding in _changed:
            if bindings.is_any(binding.now(), (fmin, SparkTrials)):
                binding.set(binding.value)
        _changed = None
        _take_back()
        expected = {(id(binding.namespace), binding.name) for binding in _ours_before}
        left = []
        for binding in bindings.find([fmin, SparkTrials]):
            if binding.module.partition(".")[0] == "hyperopt":  # imported since, as by us
                binding.set(originals.fmin if binding.value is fmin else originals.spark_trials)
            elif (id(binding.namespace), binding.name) not in expected:
                left.append(str(binding))
    if left:
        warnings.warn(
            f"These names still are hyperbridge's: {', '.join(left)}. Import them again from "
            "hyperopt to get hyperopt's own.",
            HyperbridgeWarning,
            stacklevel=2,
        )


def _lend() -> None:
    for name in _LENT:
        if not hasattr(hyperopt.Trials, name):
            setattr(hyperopt.Trials, name, vars(BridgedTrials)[name])


def _take_back() -> None:
    for name in _LENT:
        if vars(hyperopt.Trials).get(name) is vars(BridgedTrials)[name]:
            delattr(hyperopt.Trials, name)


def _homes(name: str) -> list[Binding]:
    """Return where hyperopt itself keeps a name."""
    home: Any = originals.FMIN_MODULE if name == "fmin" else hyperopt.spark
    return [Binding.of(module, name) for module in (hyperopt, home)]


def _exchange(found: list[Binding], value: Any) -> list[Binding]:
    for binding in found:
        binding.set(value)
    return found
