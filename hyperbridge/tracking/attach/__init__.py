"""Point MLflow at a trial's child run while its objective runs, in whatever process that is.

Pickled by value and shipped to workers, so this package imports the standard library alone
(and itself), and MLflow only where the objective has imported it.
"""

from __future__ import annotations

import contextlib
import logging
import os
import pickle
import sys
import uuid
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import Any

from hyperbridge.tracking.attach.child_processes import environment_for_programs
from hyperbridge.tracking.attach.fluent import fresh_thread_state, hooked, prepare_process
from hyperbridge.tracking.attach.imports import call_after_import
from hyperbridge.tracking.attach.open_trials import open_trials
from hyperbridge.tracking.attach.process import ProcessState
from hyperbridge.tracking.attach.trial import AttachedTrial
from hyperbridge.worker.pruned import is_pruned

_OWN_PREFIXES = ("MLFLOW_", "_MLFLOW_")


class MlflowAttachment:
    """Surrounds the objective of each trial of one fmin call. See `TrialAttachment`.

    In a worker process the MLflow settings of the driver hold for the time of the trial, and
    everything is as before afterwards. MLflow is expensive to import (1 to 4 seconds), so it
    is left to the objective: when the objective imports it, the child run is attached at the
    end of that import; when it never does, nothing happens.

    What belongs to a trial, beside the thread that runs the objective: threads, pools and
    processes that it starts. In a process that runs several trials in threads, other threads are
    not touched.

    Args:
        tracking_uri: Where the runs are; local paths made absolute.
        registry_uri: Where models are registered; None to follow the tracking URI.
        environment: Variables to set for the trial, for example credentials.
        defaults: Variables to set unless the worker has them.
    """

    def __init__(
        self,
        *,
        tracking_uri: str,
        registry_uri: str | None,
        environment: dict[str, str],
        defaults: dict[str, str],
    ) -> None:
        self.tracking_uri = tracking_uri
        self.registry_uri = registry_uri
        self.environment = environment
        self.defaults = defaults

    def __call__(self, token: bytes, *, shared_process: bool) -> AbstractContextManager[None]:
        """Return a context manager to run the objective in. See `TrialAttachment`."""
        if shared_process:
            return self._attach_thread(token)
        return self._attach_process(token)

    @contextlib.contextmanager
    def _attach_thread(self, token: bytes) -> Iterator[None]:
        trial = self._make_trial(pickle.loads(token), owns_process=False)
        with contextlib.ExitStack() as stack:
            _enter(stack, open_trials().opened(trial, prepare_process))
            self._attach(stack, trial)
            _enter(stack, fresh_thread_state())
            yield

    @contextlib.contextmanager
    def _attach_process(self, token: bytes) -> Iterator[None]:
        facts = pickle.loads(token)
        with contextlib.ExitStack() as stack:
            stack.enter_context(self._environment(facts["experiment_id"]))
            trial = self._make_trial(facts, owns_process=True)
            os.environ.update(trial.environment)
            _enter(stack, open_trials().opened(trial, prepare_process))

            def attach() -> None:
                _enter(stack, ProcessState(self.tracking_uri, self.registry_uri))
                self._attach(stack, trial)
                _enter(stack, fresh_thread_state())

            if "mlflow" in sys.modules:
                attach()
            else:
                stack.enter_context(call_after_import("mlflow", attach))
            yield

    def _make_trial(self, facts: dict[str, Any], *, owns_process: bool) -> AttachedTrial:
        environment = environment_for_programs(facts, self.tracking_uri, self.registry_uri)
        description = {
            "id": uuid.uuid4().hex,
            "facts": facts,
            "environment": environment,
            "owns_process": owns_process,
        }
        return AttachedTrial(description)

    @staticmethod
    def _attach(stack: contextlib.ExitStack[Any], trial: AttachedTrial) -> None:
        """Bring MLflow, which is loaded, to the trial's run."""
        _enter(stack, hooked())
        trial.meet_mlflow()

        def end_all(kind: Any, *_: Any) -> None:
            trial.end_all(failed=kind is not None and not is_pruned(kind))
            open_trials().stay_for_threads(hooked)

        stack.push(_harmless(end_all))

    @contextlib.contextmanager
    def _environment(self, experiment_id: str | None) -> Iterator[None]:
        """Set the variables; afterwards undo these and any MLflow variable that changed."""
        names = {*self.environment, *self.defaults}
        before = {
            name: value
            for name, value in os.environ.items()
            if name in names or name.startswith(_OWN_PREFIXES)
        }
        for name in ("MLFLOW_RUN_ID", "MLFLOW_EXPERIMENT_NAME", "MLFLOW_REGISTRY_URI"):
            os.environ.pop(name, None)  # the worker's own would win over the driver's
        os.environ.update(self.environment)
        if experiment_id is not None:
            os.environ["MLFLOW_EXPERIMENT_ID"] = experiment_id
        for name, value in self.defaults.items():
            os.environ.setdefault(name, value)
        try:
            yield
        finally:
            for name in list(os.environ):
                if name not in before and (name in names or name.startswith(_OWN_PREFIXES)):
                    del os.environ[name]
            os.environ.update(before)


def _enter(stack: contextlib.ExitStack[Any], context: AbstractContextManager[Any]) -> None:
    """Enter a context that must not fail the trial: a worker may have any version of MLflow."""
    try:
        context.__enter__()
    except Exception as exc:  # noqa: BLE001 - as above
        logging.getLogger("hyperbridge").warning(
            "MLflow: the objective's own logging does not reach its trial's run: %r", exc
        )
    else:
        stack.push(_harmless(context.__exit__))


def _harmless(leave: Callable[..., Any]) -> Callable[..., None]:
    """Return an exit function whose own errors do not fail the trial."""

    def leave_quietly(kind: Any, error: Any, traceback: Any) -> None:
        try:
            leave(kind, error, traceback)
        except Exception as exc:  # noqa: BLE001 - see `_enter`
            if exc is not error:
                logging.getLogger("hyperbridge").warning("MLflow: after a trial: %r", exc)

    return leave_quietly


def make_token(
    *,
    run: Any,
    experiment_id: str | None,
    parent_run_id: str | None,
    fmin_uuid: str,
    name: str,
    tags: dict[str, str],
) -> bytes:
    """Pack what a worker has to know about one trial's child run.

    Args:
        run: The `mlflow.entities.Run`, or None when it could not be created in time: then the
            objective's first logging call creates it.
        experiment_id: The experiment of the child run; None for MLflow's default, while the
            parent run does not exist yet.
        parent_run_id: The run of the fmin call; None while it does not exist.
        fmin_uuid: Names the fmin call.
        name: The child run's name.
        tags: The child run's tags; carried only when ``run`` is None.
    """
    return pickle.dumps(
        {
            "run_id": None if run is None else run.info.run_id,
            "run": None if run is None else pickle.dumps(run),  # opened where mlflow is loaded
            "experiment_id": experiment_id,
            "parent_run_id": parent_run_id,
            "fmin_uuid": fmin_uuid,
            "name": name,
            "tags": tags if run is None else {},
        }
    )
