"""Pickle the objective for workers, and unpack what they send back.

What is ours is pickled by value, so that workers need not have hyperbridge installed; so is what
is the user's in modules that they cannot import. What cannot be pickled is found before the first
trial and named.
"""

from __future__ import annotations

import contextlib
import importlib
import io
import logging
import pickle
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from types import FunctionType, ModuleType
from typing import Any

from hyperbridge.config import keeps_trial_logs
from hyperbridge.documents import Failure, Outcome
from hyperbridge.errors import (
    HyperbridgeError,
    ObjectiveNotPicklableError,
    ResultNotPicklableError,
)
from hyperbridge.run.blame import find_culprit
from hyperbridge.run.dispatch import overdue
from hyperbridge.run.lost_changes import find_lost_changes
from hyperbridge.run.objective import Objective
from hyperbridge.run.observer import TrialAttachment
from hyperbridge.run.reach import is_out_of_reach
from hyperbridge.worker.broadcasts import PlainBroadcast
from hyperbridge.worker.exceptions import unpack_exception
from hyperbridge.worker.frames import safe_text, set_cause, type_text
from hyperbridge.worker.runtime import Runtime
from hyperbridge.worker.state import fresh_state

logger = logging.getLogger(__name__)

_STOOD_IN_FOR = ("hyperbridge", "hyperbridge.callbacks")
"""Modules that a worker without them gets a stand-in for, see `hyperbridge.worker.stand_in`."""

_SHIPPED = ("hyperbridge.space", "hyperbridge.worker", "hyperbridge.tracking.attach")

_lock = threading.Lock()


@contextlib.contextmanager
def _by_value(pickler: ModuleType) -> Iterator[Callable[[str], None]]:
    """Yield a function that lets a cloudpickle module pickle a module by value in this block."""
    added = []

    def add(name: str) -> None:
        if name not in pickler.list_registry_pickle_by_value():
            pickler.register_pickle_by_value(sys.modules[name])
            added.append(sys.modules[name])

    with _lock:
        try:
            yield add
        finally:
            for module in added:
                pickler.unregister_pickle_by_value(module)


def dumps_by_value(
    obj: Any, pickler: ModuleType, *, has: Callable[[str], bool] | None = None
) -> bytes:
    """Pickle an object so that it loads where hyperbridge and the user's modules are not.

    Args:
        obj: The object.
        pickler: cloudpickle, or an engine's own copy of it.
        has: See `hyperbridge.run.reach.is_out_of_reach`.
    """
    file = io.BytesIO()
    known: dict[str, bool] = {}
    is_abroad = pickler.__name__.partition(".")[0] != "pyspark"  # no worker of Spark's unpickles it

    def is_sent(name: str) -> bool:
        if any(name == root or name.startswith(f"{root}.") for root in _SHIPPED):
            return name in sys.modules
        return is_out_of_reach(name, has)

    class Pickler(pickler.CloudPickler):  # type: ignore[name-defined,misc]  # one of several
        def reducer_override(self, part: Any) -> Any:
            if is_abroad and _is_broadcast(part):
                return PlainBroadcast, (part.value,)
            if isinstance(part, ModuleType) and part.__name__ in _STOOD_IN_FOR:
                return importlib.import_module, (part.__name__,)
            name = part.__name__ if isinstance(part, ModuleType) else _module_of(part)
            if name is not None and name not in known:
                known[name] = is_sent(name)
                if known[name]:
                    add(name)
            return super().reducer_override(part)

    with _by_value(pickler) as add:
        Pickler(file).dump(obj)
    return file.getvalue()


def _is_broadcast(part: Any) -> bool:
    kind = type(part)
    return kind.__name__ == "Broadcast" and kind.__module__.partition(".")[0] == "pyspark"


def _module_of(part: Any) -> str | None:
    """Return the module that a function or a class is looked up in."""
    if not isinstance(part, (type, FunctionType)):
        return None
    name = part.__module__
    return name if isinstance(name, str) else None


def pack_objective(
    objective: Objective,
    pickler: ModuleType,
    *,
    where: str,
    advise: Callable[[Any], str] | None = None,
    has: Callable[[str], bool] | None = None,
) -> bytes:
    """Pickle the objective and its space.

    Args:
        objective: The objective.
        pickler: cloudpickle, or an engine's own copy of it.
        where: Names the engine, for the message.
        advise: Returns what to do about an object that cannot be pickled, in the engine's own
            words; None for what helps everywhere.
        has: See `hyperbridge.run.reach.is_out_of_reach`.

    Raises:
        ObjectiveNotPicklableError: It cannot be pickled; the message names the variable.
    """
    changed = find_lost_changes(objective.fn)
    if changed:
        logger.warning(
            "the objective changes %s: its trials run in other processes (%s), where each begins "
            "with what is here now, and what they change is lost. Return the values in the "
            "result's dict, and read them from trials.results.",
            ", ".join(map(repr, changed)),
            where,
        )
    try:
        return dumps_by_value(objective.shipped(), pickler, has=has)
    except HyperbridgeError:  # of an engine that was asked what its workers have
        raise
    except Exception as exc:
        culprit = find_culprit(objective, lambda obj: dumps_by_value(obj, pickler, has=has))
        raise ObjectiveNotPicklableError(f"{culprit.explain(where, advise)} ({exc})") from exc


def pack_runtime(
    objective: bytes,
    attachments: list[TrialAttachment | None],
    pickler: ModuleType,
    *,
    search_path: list[str] | None = None,
    limit_s: float | None = None,
) -> bytes:
    """Pickle the runtime that `hyperbridge.worker.runtime.run_shipped` loads.

    Args:
        objective: From `pack_objective`.
        attachments: What surrounds each objective.
        pickler: The same pickler as for the objective.
        search_path: Folders that workers may import the user's modules from.
        limit_s: Seconds after which a worker ends a trial by itself; None where the driver
            can do so.
    """
    runtime = Runtime(
        objective=objective,
        attachments=attachments,
        pickler=pickler.__name__,
        fresh_state=fresh_state,
        search_path=search_path or [],
        limit_s=limit_s,
        keeps_log=keeps_trial_logs(),
    )
    return dumps_by_value(runtime, pickler)


class RemoteTracebackError(Exception):
    """Carries the traceback of a worker, as the cause of the exception raised from it."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.text = text

    def __str__(self) -> str:
        return f"\n\n{self.text}"


def unpack_outcome(report: bytes, *, advise: Callable[[str], str | None] | None = None) -> Outcome:
    """Turn a worker's report into an Outcome.

    Args:
        report: From `hyperbridge.worker.runtime.Runtime.run`.
        advise: Returns what to do about a traceback, to be shown below it, or None.
    """
    kind, (reports, notes, log), *parts = pickle.loads(report)
    outcome = _outcome_of(kind, parts, advise)
    return replace(outcome, reports=reports, notes=notes, log=log) if reports or log else outcome


def _outcome_of(kind: str, parts: list[Any], advise: Callable[[str], str | None] | None) -> Outcome:
    if kind == "pruned":
        return Outcome("pruned")
    if kind == "returned":
        try:
            value, attached = (pickle.loads(part) for part in parts)
        except Exception as exc:  # noqa: BLE001 - unpickling a user's object may raise anything
            return _unpicklable(
                f"the result cannot be read on the driver ({type(exc).__name__}: {safe_text(exc)})"
            )
        return Outcome("returned", value=value, attachments=attached)
    if kind == "unpicklable":
        return _unpicklable(parts[0])
    if kind == "overdue":
        return overdue(parts[0])
    type_name, message, text, packed = parts
    advice = None if advise is None else advise(text)
    if advice is not None:
        message = f"{message} ({advice})" if message else advice
        text = f"{text}{advice}\n"
    exception = None if packed is None else unpack_exception(packed)
    if exception is not None:
        type_name = type_text(exception)  # of a local class a worker knows less than its name
        set_cause(exception, RemoteTracebackError(text))
    return Outcome("raised", failure=Failure(type_name, message, text, exception))


def _unpicklable(text: str) -> Outcome:
    error = ResultNotPicklableError(text)
    line = f"{type(error).__name__}: {text}\n"
    return Outcome("raised", failure=Failure(str(type(error)), text, line, error))
