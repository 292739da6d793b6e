"""One trial's view of MLflow's fluent API: its child run is the active run of its threads.

Source: mlflow.tracking.fluent (start_run, end_run, ActiveRun and the thread-local run stack).
"""

from __future__ import annotations

import contextlib
import importlib
import logging
import os
import pickle
import threading
from types import SimpleNamespace
from typing import Any

from hyperbridge.tracking.attach.resume import apply_to_resumed

STRAY_TAG = "hyperbridge.fmin_uuid"
"""Marks runs below a child run, so that the driver can end what a killed worker left open."""


class AttachedTrial:
    """A trial that runs here, with a run stack for each of its threads.

    A stack holds the trial's child run alone, so that logging calls, autologging and
    ``mlflow.active_run()`` find it without a call to the store. A plain ``start_run()`` resumes
    the child run, and so does the first ``start_run(nested=True)``; a later nested one starts a
    grandchild. The child run and the parent run are never ended from here, whatever the objective
    does: the driver knows how the trial ended. Grandchildren that the objective leaves open are
    ended.

    Args:
        description: What another process needs to know, too: ``id``; ``facts``, the unpacked token
            (see `make_token`); ``environment`` for programs that the trial starts; and
            ``owns_process``, whether the process serves one trial at a time.

    Attributes:
        process_id: Of the process where this object was made.
        is_open: Whether the objective is running.
    """

    def __init__(self, description: dict[str, Any]) -> None:
        self.description = description
        self.environment: dict[str, str] = description["environment"]
        self.owns_process: bool = description["owns_process"]
        self.process_id = os.getpid()
        self.is_open = True
        self._facts: dict[str, Any] = description["facts"]
        self._child: Any = None
        self._resumed = False
        self._lock = threading.RLock()
        self._of_thread = threading.local()
        self._stacks: list[Any] = []
        self._experiment_before: str | None = None
        self._cleanup = contextlib.ExitStack()

    @property
    def fmin_uuid(self) -> str:
        """Names the fmin call."""
        return self._facts["fmin_uuid"]  # type: ignore[no-any-return]

    @property
    def parent_run_id(self) -> str | None:
        """The run of the fmin call; None while it does not exist."""
        return self._facts["parent_run_id"]  # type: ignore[no-any-return]

    def meet_mlflow(self) -> None:
        """Note MLflow's settings before the objective changes them."""
        self._experiment_before = self._fluent._active_experiment_id

    # -- what stands in for MLflow's own ---------------------------------------------------

    @property
    def runs(self) -> list[Any]:
        """The run stack of this thread; whoever gets it may change it."""
        return self._stack.runs  # type: ignore[no-any-return]

    def stacks(self) -> list[list[Any]]:
        """Return the run stacks of all threads of the trial in this process."""
        with self._lock:
            return [self.runs, *(s.runs for s in self._stacks if s is not self._stack)]

    def start_run(self, original: Any, given: dict[str, Any]) -> Any:
        """Stand in for `mlflow.start_run`.

        Args:
            original: MLflow's own function.
            given: The arguments that the objective gave, by name.
        """
        run_id, parent_id = given.get("run_id"), given.get("parent_run_id")
        nested, experiment_id = given.get("nested", False), given.get("experiment_id")
        child_id = self._child_id()
        if run_id not in (None, child_id):
            return self._start_beside(original, given)
        stack = self._stack
        if not self.is_open and self._child is not None:  # nobody would end a further run
            if not stack.runs or stack.runs[-1] is not self._child:
                stack.runs.append(self._child)
            return self._child
        if not nested and (stack.is_resumed or len(stack.runs) > 1):
            return original(**given)  # MLflow's own complaint that a run is active already
        elsewhere = experiment_id not in (None, "") and (
            str(experiment_id) != self._facts["experiment_id"]
        )
        is_below_own = bool(stack.runs) and not self._is_kept(stack.runs[-1])
        asks_for_child = parent_id is None or parent_id != child_id
        with self._lock:
            if run_id is not None or (
                asks_for_child
                and parent_id in (None, child_id, self.parent_run_id)
                and not is_below_own
                and not elsewhere
                and not (nested and self._resumed)
            ):
                return self._resume(original, given)
        if parent_id not in (None, child_id):
            return self._start_beside(original, given)
        return self._start_grandchild(original, given)

    def end_run(self) -> bool:
        """Stand in for `mlflow.end_run`: take our own run off the stack without ending it.

        Returns:
            False when the run on top is the objective's own, to be ended by MLflow.
        """
        stack = self._stack
        if not stack.runs or not self._is_kept(stack.runs[-1]):
            return False
        run = stack.runs.pop()
        self._fluent._last_active_run_id.set(run.info.run_id)
        if run.info.run_id == self._child_id():
            stack.is_resumed = False
        return True

    def leave_run(self, run: Any, *, failed: bool) -> bool:
        """Stand in for the end of a with block of a run.

        What was started inside and is open still is ended. The last run stays on the stack: what
        is logged after the block belongs to it.

        Returns:
            False when the run is the objective's own, to be ended by MLflow.
        """
        if not self._is_kept(run):
            return False
        stack = self._stack
        if any(entry.info.run_id == run.info.run_id for entry in stack.runs):
            while stack.runs[-1].info.run_id != run.info.run_id:
                self._end(stack.runs.pop(), failed=failed)
            if run.info.run_id == self._child_id():
                stack.is_resumed = False
            if len(stack.runs) > 1:
                stack.runs.pop()
        return True

    def end_all(self, *, failed: bool) -> None:
        """End what the objective has started, in all its threads, and not ended.

        A thread that goes on logs to the child run from now on, whatever runs it starts.
        """
        self.is_open = False
        with self._cleanup:
            with self._lock:
                stacks = list(self._stacks)
            for stack in stacks:
                left = list(stack.runs)
                # The child run stays: a thread may be about to start one below it.
                stack.runs[:] = [run for run in left if self._is_kept(run)][:1]
                for run in reversed(left):
                    self._end(run, failed=failed)

    # -- kinds of runs ---------------------------------------------------------------------

    def _resume(self, original: Any, given: dict[str, Any]) -> Any:
        stack = self._stack
        self._resumed = stack.is_resumed = True
        if self._child is None:
            return self._create_child(original, given)
        apply_to_resumed(self._fluent, self._child.info.run_id, given, self._cleanup)
        if not stack.runs or stack.runs[-1].info.run_id != self._child.info.run_id:
            stack.runs.append(self._child)
        return stack.runs[-1]

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
        self._child = self._on_empty_stack(original, arguments)
        self.runs.append(self._child)
        return self._child

    def _start_grandchild(self, original: Any, given: dict[str, Any]) -> Any:
        if not self.runs and self._child is not None:
            self.runs.append(self._child)  # its parent, after an end_run()
        chosen = self._fluent._active_experiment_id != self._experiment_before
        if given.get("experiment_id") in (None, "") and not chosen:
            given["experiment_id"] = self._facts["experiment_id"]
        given["nested"] = True
        given["tags"] = {**(given.get("tags") or {}), STRAY_TAG: self.fmin_uuid}
        return original(**given)

    def _start_beside(self, original: Any, given: dict[str, Any]) -> Any:
        """Start or resume a run that the objective names, as if no run were active."""
        run = self._on_empty_stack(original, given)
        self.runs.append(run)
        return run

    def _on_empty_stack(self, original: Any, given: dict[str, Any]) -> Any:
        stack = self._stack
        before, stack.runs = stack.runs, []
        try:
            return original(**given)
        finally:
            stack.runs = before

    # -- helpers ---------------------------------------------------------------------------

    @property
    def _fluent(self) -> Any:
        return importlib.import_module("mlflow.tracking.fluent")

    @property
    def _stack(self) -> Any:
        """This thread's stack: ``runs``, and whether the child run ``is_resumed`` on it."""
        stack = getattr(self._of_thread, "stack", None)
        if stack is None or stack.process_id != os.getpid():
            stack = SimpleNamespace(process_id=os.getpid(), runs=[], is_resumed=False, is_new=True)
            self._of_thread.stack = stack
            with self._lock:
                self._stacks.append(stack)
        if stack.is_new:
            with self._lock:
                if self._child is None and self._facts["run"] is not None:
                    self._child = self._load_child()
            if self._child is not None:
                stack.is_new = False
                stack.runs.append(self._child)
        return stack

    def _child_id(self) -> str | None:
        run_id: str | None = self._facts["run_id"]
        return run_id if self._child is None else self._child.info.run_id

    def _is_kept(self, run: Any) -> bool:
        """Tell whether a run is not to be ended from here."""
        return run.info.run_id in (self._child_id(), self.parent_run_id)

    def _load_child(self) -> Any:
        try:
            run = pickle.loads(self._facts["run"])
        except Exception:  # noqa: BLE001 - another MLflow version; unpickling may raise anything
            run = importlib.import_module("mlflow").MlflowClient().get_run(self._facts["run_id"])
        return self._fluent.ActiveRun(run)

    def _end(self, run: Any, *, failed: bool) -> None:
        if self._is_kept(run):
            return
        run_id = run.info.run_id
        try:
            client = importlib.import_module("mlflow").MlflowClient()
            client.set_terminated(run_id, "FAILED" if failed else "FINISHED")
            monitor = self._fluent.run_id_to_system_metrics_monitor.pop(run_id, None)
            if monitor is not None:
                monitor.finish()
        except Exception as exc:  # noqa: BLE001 - a store that is away must not fail a trial
            logging.getLogger("hyperbridge").warning("MLflow: could not end a run: %s", exc)


def _without_name(tags: dict[str, str]) -> dict[str, str]:
    return {key: value for key, value in tags.items() if key != "mlflow.runName"}
