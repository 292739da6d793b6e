"""Run one trial in a worker process and report its outcome as plain bytes.

The runtime is shipped once per run and kept by the process for the run's next trials; the
objective is unpickled for each trial, so that globals and closures that one trial changed are
not seen by the next.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import sys
import types
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

from hyperbridge.worker.exceptions import pack_exception
from hyperbridge.worker.forks import OnlyInThisProcess, release_in_children
from hyperbridge.worker.frames import format_users_part, safe_repr, safe_text, type_text
from hyperbridge.worker.limits import run_within
from hyperbridge.worker.numbers import restore
from hyperbridge.worker.prints import Caught, take_log
from hyperbridge.worker.pruned import is_pruned
from hyperbridge.worker.reporting import take_account
from hyperbridge.worker.stand_in import stand_in
from hyperbridge.worker.trial_contexts import TrialContexts

Message = tuple[int, dict[str, Any], list[Any]]
"""One trial on its way to a worker: id, assignment (it may be `portable`), observers' tokens."""

_KEPT_RUNS = 8


class Runtime:
    """Everything a worker needs for the trials of one run.

    Args:
        objective: The pickled objective, see `hyperbridge.worker.objective`.
        attachments: What surrounds each objective, see `hyperbridge.run.observer`.
        pickler: Name of the cloudpickle module that the workers have.
        fresh_state: Context manager factory that isolates trials of one process.
        search_path: Folders to import the user's modules from, beside the worker's own.
        limit_s: Seconds after which this process ends a trial, see `hyperbridge.worker.limits`;
            None when the driver does so, or nobody.
        keeps_log: Whether what the objective prints goes back with the report.
    """

    def __init__(
        self,
        *,
        objective: bytes,
        attachments: list[Any],
        pickler: str,
        fresh_state: Callable[[], Any],
        search_path: list[str],
        limit_s: float | None = None,
        keeps_log: bool = True,
    ) -> None:
        self.objective = objective
        self.attachments = attachments
        self.pickler = pickler
        self.fresh_state = fresh_state
        self.search_path = search_path
        self.limit_s = limit_s
        self.keeps_log = keeps_log

    def run(self, message: Message) -> bytes:
        """Run one trial.

        Returns:
            Pickled ``(kind, account, *parts)``, the account as of `take_account`, and what was
            printed as its last part: ``("returned",
            account, value bytes, attachments)``, ``("raised", account, type name, message,
            traceback, exception bytes or None)``, ``("unpicklable", account, text)``,
            ``("overdue", account, seconds)`` or ``("pruned", account)``.
        """
        dumps: Callable[[Any], bytes] = importlib.import_module(self.pickler).dumps
        if self.limit_s is None:
            return self._run(message, dumps)
        overdue = dumps(("overdue", ([], [], ""), self.limit_s))
        return run_within(self.limit_s, lambda: self._run(message, dumps), overdue)

    def _run(self, message: Message, dumps: Callable[[Any], bytes]) -> bytes:
        release_in_children()
        with self.fresh_state():
            try:
                value, attached = self._evaluate(message)
            except BaseException as exc:  # noqa: BLE001 - sys.exit() fails a trial, no more
                report = ("pruned",) if is_pruned(type(exc)) else _describe(exc, dumps)
            else:
                report = _pack(value, attached, dumps)
        _flush()
        kind, *parts = report
        return dumps((kind, (*take_account(), take_log()), *parts))

    def _evaluate(self, message: Message) -> tuple[Any, dict[str, Any]]:
        tid, assignment, tokens = message
        loads = importlib.import_module(self.pickler).loads
        for folder in self.search_path:
            if folder not in sys.path:
                sys.path.append(folder)
        stand_in()
        contexts = TrialContexts(self.attachments, tokens, shared_process=False)
        caught = Caught(owns_threads=True) if self.keeps_log else contextlib.nullcontext()
        with caught, contexts, OnlyInThisProcess():
            return loads(self.objective)(tid, restore(assignment))  # type: ignore[no-any-return]


def _describe(exc: BaseException, dumps: Callable[[Any], bytes]) -> tuple[Any, ...]:
    text = format_users_part(exc)
    return ("raised", type_text(exc), safe_text(exc), text, pack_exception(exc, dumps))


def _pack(value: Any, attached: dict[str, Any], dumps: Callable[[Any], bytes]) -> tuple[Any, ...]:
    try:
        return ("returned", dumps(value), dumps(attached))
    except BaseException as exc:  # noqa: BLE001 - pickling a user's object may raise anything
        return (
            "unpicklable",
            f"{unpicklable_part(value, dumps)} cannot be sent back to the driver "
            f"({type(exc).__name__}: {safe_text(exc)}). "
            "Return less, for example numbers, or store the object and return its path.",
        )


def unpicklable_part(value: Any, dumps: Callable[[Any], bytes]) -> str:
    """Name what of a result cannot be pickled."""
    if issubclass(type(value), dict):  # isinstance() asks the object, which may raise
        for key, part in dict.items(value):
            try:
                dumps(part)
            except BaseException:  # noqa: BLE001 - as above
                return f"result[{safe_repr(key)}], a {type(part).__name__},"
    return "the result"


def _flush() -> None:
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(Exception):
            stream.flush()


_STATE = "_hyperbridge_worker"


def load_shipped(key: str, shipment: Callable[[], bytes], pickler: str) -> Runtime:
    """Return the runtime of a run, loading it once per process.

    Args:
        key: Names the run.
        shipment: Returns the pickled `Runtime`; called at most once per process.
        pickler: Name of the cloudpickle module that the workers have.
    """
    module = sys.modules.setdefault(_STATE, types.ModuleType(_STATE, "Runs kept by this process."))
    runtimes: OrderedDict[str, Runtime] = module.__dict__.setdefault("runtimes", OrderedDict())
    runtime = runtimes.get(key)
    if runtime is None:
        runtime = importlib.import_module(pickler).loads(shipment())
        runtimes[key] = runtime
        while len(runtimes) > _KEPT_RUNS:
            runtimes.popitem(last=False)
    return runtime


def run_shipped(key: str, shipment: Callable[[], bytes], message: Message, pickler: str) -> bytes:
    """Run one trial with the runtime of a run; the arguments are those of `load_shipped`.

    Args:
        key: Names the run.
        shipment: Returns the pickled `Runtime`.
        message: The trial.
        pickler: Name of the cloudpickle module.
    """
    report = load_shipped(key, shipment, pickler).run(message)
    _spare_the_collector(sys.modules[_STATE])
    return report


def _spare_the_collector(module: types.ModuleType) -> None:
    """Keep imported modules out of garbage collections, after a trial that imported some.

    PySpark's daemon collects all garbage after every task, before the process may take the next
    one. With scikit-learn or MLflow loaded that costs more than everything else about a trial;
    frozen objects cost nothing, and are still freed by their reference counts.
    """
    n_modules = len(sys.modules)
    if n_modules > module.__dict__.get("n_modules", 0):
        gc.collect()
        gc.freeze()
        module.__dict__["n_modules"] = n_modules
