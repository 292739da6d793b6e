"""Pickle the objective for workers, and unpack what they send back.

What is ours is pickled by value, so that workers need not have hyperbridge installed. What
cannot be pickled is found before the first trial and named.
"""

from __future__ import annotations

import contextlib
import os
import pickle
import sys
import threading
from collections.abc import Callable, Iterator
from types import FunctionType, ModuleType
from typing import Any

from hyperbridge.documents import Failure, Outcome
from hyperbridge.errors import ObjectiveNotPicklableError, ResultNotPicklableError
from hyperbridge.run.blame import find_culprit
from hyperbridge.run.objective import Objective
from hyperbridge.run.observer import TrialAttachment
from hyperbridge.worker.frames import safe_text, set_cause
from hyperbridge.worker.runtime import Runtime
from hyperbridge.worker.state import fresh_state

_SHIPPED = ("hyperbridge.space", "hyperbridge.worker", "hyperbridge.tracking.attach")

_lock = threading.Lock()


@contextlib.contextmanager
def _ours_by_value(pickler: ModuleType) -> Iterator[None]:
    """Let a cloudpickle module pickle our worker-side modules by value."""
    with _lock:
        names = [
            name
            for name, module in list(sys.modules.items())
            if any(name == root or name.startswith(f"{root}.") for root in _SHIPPED)
            or _is_only_here(name, module)
        ]
        added = []
        for name in names:
            if name not in pickler.list_registry_pickle_by_value():
                pickler.register_pickle_by_value(sys.modules[name])
                added.append(name)
        try:
            yield
        finally:
            for name in added:
                pickler.unregister_pickle_by_value(sys.modules[name])


def _is_only_here(name: str, module: Any) -> bool:
    """Tell whether no other process can import a module under its name.

    ``runpy.run_path`` makes such modules, ``types.ModuleType`` does, and so does a loader that is
    given the path of a file outside of ``sys.path``.
    """
    if type(module) is not ModuleType or name == "__main__":
        return False
    if "." in name:
        top = name.partition(".")[0]
        return _is_only_here(top, sys.modules.get(top))
    file = getattr(module, "__file__", None) or ""
    if getattr(module, "__spec__", None) is None:
        # modules that C code makes have neither a file nor Python functions
        values = list(vars(module).values())
        return file.endswith(".py") or any(
            type(value) is FunctionType and value.__module__ == name for value in values
        )
    if not file.endswith(".py"):
        return False
    folder, base = os.path.split(file)
    if base == "__init__.py":
        folder = os.path.dirname(folder)
    if folder in sys.path:
        return False
    finders = [finder for finder in sys.meta_path if hasattr(finder, "find_spec")]
    return all(finder.find_spec(name, None) is None for finder in finders)


def dumps_by_value(obj: Any, pickler: ModuleType) -> bytes:
    """Pickle an object of ours so that it loads where hyperbridge is not installed.

    Args:
        obj: The object.
        pickler: cloudpickle, or an engine's own copy of it.
    """
    with _ours_by_value(pickler):
        return pickler.dumps(obj)  # type: ignore[no-any-return]


def pack_objective(objective: Objective, pickler: ModuleType, *, where: str) -> bytes:
    """Pickle the objective and its space.

    Args:
        objective: The objective.
        pickler: cloudpickle, or an engine's own copy of it.
        where: Names the engine, for the message.

    Raises:
        ObjectiveNotPicklableError: It cannot be pickled; the message names the variable.
    """
    try:
        return dumps_by_value(objective.shipped(), pickler)
    except Exception as exc:
        culprit = find_culprit(objective, lambda obj: dumps_by_value(obj, pickler))
        raise ObjectiveNotPicklableError(f"{culprit.explain(where)} ({exc})") from exc


def pack_runtime(
    objective: bytes,
    attachments: list[TrialAttachment | None],
    pickler: ModuleType,
    *,
    search_path: list[str] | None = None,
) -> bytes:
    """Pickle the runtime that `hyperbridge.worker.runtime.run_shipped` loads.

    Args:
        objective: From `pack_objective`.
        attachments: What surrounds each objective.
        pickler: The same pickler as for the objective.
        search_path: Folders that workers may import the user's modules from.
    """
    runtime = Runtime(
        objective=objective,
        attachments=attachments,
        pickler=pickler.__name__,
        fresh_state=fresh_state,
        search_path=search_path or [],
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
    kind, *parts = pickle.loads(report)
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
    type_name, message, text, packed = parts
    advice = None if advise is None else advise(text)
    if advice is not None:
        message = f"{message} ({advice})" if message else advice
        text = f"{text}{advice}\n"
    exception: BaseException | None = None
    if packed is not None:
        try:
            exception = pickle.loads(packed)
        except Exception:  # noqa: BLE001 - its module may be missing here; the text remains
            exception = None
        if not isinstance(exception, BaseException):
            exception = None
    if exception is not None:
        set_cause(exception, RemoteTracebackError(text))
    return Outcome("raised", failure=Failure(type_name, message, text, exception))


def _unpicklable(text: str) -> Outcome:
    error = ResultNotPicklableError(text)
    line = f"{type(error).__name__}: {text}\n"
    return Outcome("raised", failure=Failure(str(type(error)), text, line, error))
