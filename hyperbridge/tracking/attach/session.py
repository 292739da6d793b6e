"""One trial's view of MLflow's fluent API: its child run is the active run of its thread.

Source: mlflow.tracking.fluent (start_run, end_run, ActiveRun and the thread-local run stack).
"""

from __future__ import annotations

import contextlib
import importlib
import inspect
import logging
import pickle
import threading
from types import TracebackType
from typing import Any

from hyperbridge.tracking.attach.intercept import intercept
from hyperbridge.tracking.attach.resume import apply_to_resumed

STRAY_TAG = "hyperbridge.fmin_uuid"


def _start_run_trampoline(*args: Any, **kwargs: Any) -> Any:
    return globals()["_hyperbridge_start_run"](*args, **kwargs)


def _end_run_trampoline(*args: Any, **kwargs: Any) -> Any:
    return globals()["_hyperbridge_end_run"](*args, **kwargs)


def _current(fluent: Any) -> threading.local:
    """Return the holder of the session of each thread; it lives as long as MLflow's module."""
    return fluent.__dict__.setdefault("_hyperbridge_current", threading.local())  # type: ignore[no-any-return]


def _start_run(original: Any, *args: Any, **kwargs: Any) -> Any:
    session = getattr(_current(importlib.import_module("mlflow.tracking.fluent")), "session", None)
    if session is None:
        return original(*args, **kwargs)
    return session.start_run(original, inspect.signature(original).bind(*args, **kwargs).arguments)


def _end_run(original: Any, *args: Any, **kwargs: Any) -> Any:
    session = getattr(_current(importlib.import_module("mlflow.tracking.fluent")), "session", None)
    if session is None or not session.release():
        return original(*args, **kwargs)
    return None


class TrialSession:
    """Context manager around one objective, on the thread that runs it, with MLflow loaded.

    Within it the thread's run stack holds the trial's child run alone, so that logging calls,
    autologging and ``mlflow.active_run()`` find it without a call to the store. A plain
    ``start_run()`` resumes the child run, and so does the first ``start_run(nested=True)``; a
    later nested one starts a grandchild. The child run and the parent run are never ended from
    here, whatever the objective does: the driver knows how the trial ended. Grandchildren that
    the objective leaves open are ended.

    Args:
        facts: The unpacked token, see `make_token`.
    """

    def __init__(self, facts: dict[str, Any]) -> None:
        self._facts = facts
        self._fluent: Any = None
        self._child: Any = None
        self._resumed = False
        self._open = False
        self._cleanup = contextlib.ExitStack()

    def __enter__(self) -> None:
        fluent = self._fluent = importlib.import_module("mlflow.tracking.fluent")
        with contextlib.ExitStack() as stack:
            stack.enter_context(intercept(fluent.start_run, _start_run_trampoline, _start_run))
            self._end_run = stack.enter_context(
                intercept(fluent.end_run, _end_run_trampoline, _end_run)
            )
            self._save_thread_state(stack)
            if self._facts["run"] is not None:
                self._child = self._hold(self._load_child())
                self._runs.append(self._child)
            self._experiment_before = fluent._active_experiment_id
            current = _current(fluent)
            stack.callback(setattr, current, "session", getattr(current, "session", None))
            current.session = self
            self._cleanup = stack.pop_all()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        with self._cleanup:
            self._unwind_to(None, failed=kind is not None)

    # -- what the objective calls ----------------------------------------------------------

    def start_run(self, original: Any, given: dict[str, Any]) -> Any:
        """Stand in for `mlflow.start_run`.

        Args:
            original: MLflow's own function.
            given: The arguments that the objective gave, by name.
        """
        run_id, parent_id = given.get("run_id"), given.get("parent_run_id")
        nested, experiment_id = given.get("nested", False), given.get("experiment_id")
        child_id = None if self._child is None else self._child.info.run_id
        ours = (None, child_id, self._facts["parent_run_id"])
        if run_id not in (None, child_id):
            return self._start_beside(original, given)
        if not nested and (self._open or len(self._runs) > 1):
            return original(**given)  # MLflow's own complaint that a run is active already
        elsewhere = experiment_id not in (None, "") and (
            str(experiment_id) != self._facts["experiment_id"]
        )
        asks_for_child = parent_id != child_id if parent_id is not None else True
        if run_id is not None or (
            asks_for_child
            and parent_id in ours
            and not elsewhere
            and not (nested and self._resumed)
        ):
            return self._resume(original, given)
        if parent_id not in (None, child_id):
            return self._start_beside(original, given)
        return self._start_grandchild(original, given)

    def release(self) -> bool:
        """Stand in for `mlflow.end_run`: take our own run off the stack without ending it.

        Returns:
            False when the run on top is the objective's own, to be ended by MLflow.
        """
        if not self._runs or not self._is_held(self._runs[-1]):
            return False
        run = self._runs.pop()
        self._fluent._last_active_run_id.set(run.info.run_id)
        if run.info.run_id == self._child_id():
            self._open = False
        return True

    # -- kinds of runs ---------------------------------------------------------------------

    def _resume(self, original: Any, given: dict[str, Any]) -> Any:
        self._resumed = self._open = True
        if self._child is None:
            return self._create_child(original, given)
        apply_to_resumed(self._fluent, self._child.info.run_id, given, self._cleanup)
        if not self._runs or self._runs[-1].info.run_id != self._child.info.run_id:
            self._runs.append(self._hold(self._child))
        return self._runs[-1]

    def _create_child(self, original: Any, given: dict[str, Any]) -> Any:
        """Create the child run that the driver could not create in time."""
        facts = self._facts
        kept = ("description", "log_system_metrics")
        arguments: dict[str, Any] = {
            **{name: given[name] for name in kept if name in given},
            "experiment_id": facts["experiment_id"],  # None means MLflow's default
            "run_name": given.get("run_name") or facts["name"],
            "tags": {**(given.get("tags") or {}), **_without_name(facts["tags"])},
        }
        self._child = self._hold(self._on_empty_stack(original, arguments))
        self._runs.append(self._child)
        return self._child

    def _start_grandchild(self, original: Any, given: dict[str, Any]) -> Any:
        if not self._runs and self._child is not None:
            self._runs.append(self._hold(self._child))  # its parent, after an end_run()
        chosen = self._fluent._active_experiment_id != self._experiment_before
        if given.get("experiment_id") in (None, "") and not chosen:
            given["experiment_id"] = self._facts["experiment_id"]
        given["nested"] = True
        given["tags"] = {**(given.get("tags") or {}), STRAY_TAG: self._facts["fmin_uuid"]}
        return original(**given)

    def _start_beside(self, original: Any, given: dict[str, Any]) -> Any:
        """Start or resume a run that the objective names, as if no run were active."""
        run = self._on_empty_stack(original, given)
        if run.info.run_id == self._facts["parent_run_id"]:
            run = self._hold(run)
        self._runs.append(run)
        return run

    def _on_empty_stack(self, original: Any, given: dict[str, Any]) -> Any:
        variable, runs = self._fluent._active_run_stack, self._runs
        variable.set([])
        try:
            return original(**given)
        finally:
            variable.set(runs)

    # -- the thread's run stack ------------------------------------------------------------

    @property
    def _runs(self) -> list[Any]:
        return self._fluent._active_run_stack.get()  # type: ignore[no-any-return]

    def _child_id(self) -> str | None:
        return None if self._child is None else self._child.info.run_id

    def _is_held(self, run: Any) -> bool:
        return run.info.run_id in (self._child_id(), self._facts["parent_run_id"])

    def _load_child(self) -> Any:
        try:
            return pickle.loads(self._facts["run"])
        except Exception:  # noqa: BLE001 - another MLflow version; unpickling may raise anything
            return importlib.import_module("mlflow").MlflowClient().get_run(self._facts["run_id"])

    def _hold(self, run: Any) -> Any:
        """Return an ActiveRun that is left, but not ended, at the end of a with block."""
        session = self

        class HeldRun(self._fluent.ActiveRun):  # type: ignore[misc,name-defined]  # loaded late
            def __exit__(self, kind: Any, error: Any, traceback: Any) -> bool:
                session.leave(self, failed=kind is not None)
                return kind is None

        return HeldRun(run)

    def leave(self, run: Any, *, failed: bool) -> None:
        """End what was started inside a with block; the last run stays on the stack."""
        if not any(entry is run for entry in self._runs):
            return
        self._unwind_to(run, failed=failed)
        if run.info.run_id == self._child_id():
            self._open = False
        if len(self._runs) > 1:
            self._runs.pop()

    def _unwind_to(self, run: Any, *, failed: bool) -> None:
        """Take runs off the stack until ``run`` is on top, ending those not held."""
        while self._runs and self._runs[-1] is not run:
            if self._is_held(self._runs[-1]):
                self._runs.pop()
                continue
            try:
                self._end_run("FAILED" if failed else "FINISHED")  # takes it off first
            except Exception as exc:  # noqa: BLE001 - a store that is away must not fail a trial
                logging.getLogger("hyperbridge").warning("MLflow: could not end a run: %s", exc)

    def _save_thread_state(self, stack: contextlib.ExitStack[Any]) -> None:
        """Give every thread-local variable of the fluent API its initial value for a while."""
        kind = type(self._fluent._active_run_stack)
        for variable in list(vars(self._fluent).values()):
            if isinstance(variable, kind):
                stack.callback(variable.set, variable.get())
                variable.set(variable.default_factory())


def _without_name(tags: dict[str, str]) -> dict[str, str]:
    return {key: value for key, value in tags.items() if key != "mlflow.runName"}
