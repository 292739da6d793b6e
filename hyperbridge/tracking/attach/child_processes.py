"""Bring the processes that a trial starts to the trial's run.

A program finds the run in its environment, as on Databricks and under ``mlflow run``. A Python
process of `multiprocessing` (or of joblib) is told of the trial by an attribute of its process
object. Pools outlive trials, so their processes read from a small file which trial runs now.
"""

from __future__ import annotations

import contextlib
import importlib
import inspect
import json
import logging
import os
import pickle
import shlex
import shutil
import tempfile
import threading
from collections.abc import Callable, Iterator
from typing import Any

from hyperbridge.tracking.attach.trial import STRAY_TAG, AttachedTrial

_RUN_CONTEXT = "MLFLOW_RUN_CONTEXT"
"""Tags, as JSON, for each run that MLflow creates in a process."""

Prepare = Callable[[], None]
"""Prepares a process that a trial has started; called in it."""

_POOLS = ("multiprocessing.pool", "concurrent.futures.process")


def environment_for_programs(
    facts: dict[str, Any], tracking_uri: str, registry_uri: str | None
) -> dict[str, str]:
    """Return the variables that bring MLflow in another program to a trial's run.

    Its first run is the trial's; further ones hang below it.

    Args:
        facts: The unpacked token, see `make_token`.
        tracking_uri: Where the run is.
        registry_uri: Where models are; None to follow the tracking URI.
    """
    variables = {
        "MLFLOW_TRACKING_URI": tracking_uri,
        "MLFLOW_REGISTRY_URI": registry_uri,
        "MLFLOW_EXPERIMENT_ID": facts["experiment_id"],
        "MLFLOW_RUN_ID": facts["run_id"],
    }
    above = facts["run_id"] or facts["parent_run_id"]
    if above is not None:
        tags: dict[str, str] = {}
        with contextlib.suppress(ValueError, TypeError):
            tags.update(json.loads(os.environ.get(_RUN_CONTEXT, "{}")))
        ours = {"mlflow.parentRunId": above, STRAY_TAG: facts["fmin_uuid"]}
        variables[_RUN_CONTEXT] = json.dumps({**tags, **ours})
    return {name: str(value) for name, value in variables.items() if value is not None}


def start_program(
    original: Any, trial: AttachedTrial | None, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> Any:
    """Stand in for ``subprocess.Popen.__init__``: a program of a trial's gets its variables.

    Where the process serves one trial at a time they are in the environment anyway.
    """
    if trial is None or trial.owns_process:
        return original(*args, **kwargs)
    given = inspect.signature(original).bind(*args, **kwargs).arguments
    users = given.get("env")
    environment = dict(os.environ if users is None else users)
    if environment.get("MLFLOW_RUN_ID") in (None, os.environ.get("MLFLOW_RUN_ID")):
        environment.update(trial.environment)
        environment.pop("MLFLOW_EXPERIMENT_NAME", None)  # it would outrank the id
    given["env"] = environment
    return original(**given)


@contextlib.contextmanager
def shell_commands(current: Callable[[], AttachedTrial | None]) -> Iterator[None]:
    """Give the commands that a trial starts by ``os.system`` the trial's variables.

    The function is not written in Python, so that it is replaced by its name: what holds it
    under another name (``from os import system``) is not reached.

    Args:
        current: Returns the trial that the calling thread belongs to.
    """
    original = os.system

    def system(command: Any) -> int:
        trial = current() if os.name == "posix" else None
        if trial is None or trial.owns_process:
            return original(command)
        return original(f"{_exports(trial)}{os.fsdecode(command)}")

    os.system = system
    try:
        yield
    finally:
        if os.system is system:
            os.system = original


def _exports(trial: AttachedTrial) -> str:
    """Return shell lines that set a trial's variables."""
    lines = [f"export {name}={shlex.quote(text)}\n" for name, text in trial.environment.items()]
    return "".join(["unset MLFLOW_EXPERIMENT_NAME\n", *lines])


class OpenTrialsFile:
    """A file that tells the processes of this one which trials run in it now.

    There is none until a trial starts a process, and none between trials.
    """

    def __init__(self) -> None:
        self.folder: str | None = None

    @property
    def path(self) -> str | None:
        """Where it is; None when nobody needs it."""
        return None if self.folder is None else os.path.join(self.folder, "trials")

    def open(self, trials: list[AttachedTrial]) -> None:
        """Write the file from now on."""
        if self.folder is None:
            self.folder = tempfile.mkdtemp(prefix="hyperbridge-trials-")
            self.write(trials)

    def write(self, trials: list[AttachedTrial]) -> None:
        """Say which trials run now; remove the file when there is none."""
        if self.folder is None or self.path is None:
            return
        if not trials:
            shutil.rmtree(self.folder, ignore_errors=True)
            return
        try:
            os.makedirs(self.folder, mode=0o700, exist_ok=True)
            with open(f"{self.path}.new", "wb") as file:
                pickle.dump([trial.description for trial in trials], file)
            os.replace(f"{self.path}.new", self.path)
        except OSError as exc:
            logging.getLogger("hyperbridge").warning(
                "MLflow: what processes of the objective log may go to another run: %s", exc
            )


class ChildProcess:
    """A process that a trial has started: which trial does it work for?

    The object travels to the process as an attribute of its process object.

    Args:
        trial: The trial that started it.
        path: The file that tells which trials run; None for a process of this trial alone.
        prepare_process: Called in the new process, before it runs anything.
        is_shared: Whether trials that run at the same time may share the process.
    """

    def __init__(
        self, trial: AttachedTrial, path: str | None, prepare_process: Prepare, *, is_shared: bool
    ) -> None:
        self.trial = trial
        self.path = path
        self.prepare_process = prepare_process
        self.is_shared = is_shared
        self._lock = threading.Lock()
        self._seen: tuple[int, int] | None = None
        self._descriptions: list[dict[str, Any]] = []
        self._has_warned = False

    def __reduce__(self) -> tuple[Any, tuple[Any, ...]]:
        try:
            cloudpickle = importlib.import_module("cloudpickle")
            return pickle.loads, (cloudpickle.dumps(_PreparesItsProcess(self)),)
        except Exception as exc:  # noqa: BLE001 - the process must start nevertheless
            logging.getLogger("hyperbridge").warning(
                "MLflow: what a process of the objective logs may go to a run of its own: %r", exc
            )
            return bool, ()

    def trial_now(self) -> AttachedTrial | None:
        """Return the trial that this process works for now; None when there is no telling."""
        if self.path is None:
            return self.trial
        with self._lock:
            return self._by_file(self.path)

    def _by_file(self, path: str) -> AttachedTrial | None:
        running = self._read(path)
        if not running:
            return self.trial
        if len(running) == 1:
            if running[0]["id"] != self.trial.description["id"]:
                self.trial = AttachedTrial(running[0])
                os.environ.update(self.trial.environment)
            return self.trial
        known = self.trial.description["id"]
        if not self.is_shared and any(each["id"] == known for each in running):
            return self.trial
        if not self._has_warned:
            self._has_warned = True
            logging.getLogger("hyperbridge").warning(
                "MLflow: this process works for several trials at once, so what it logs goes to a "
                'run of its own. Run trials in processes: Local(workers="processes").'
            )
        return None

    def _read(self, path: str) -> list[dict[str, Any]]:
        try:
            status = os.stat(path)
            if self._seen != (status.st_mtime_ns, status.st_ino):
                with open(path, "rb") as file:
                    self._descriptions = pickle.load(file)
                self._seen = (status.st_mtime_ns, status.st_ino)
        except (OSError, EOFError):  # no trial runs now
            return []
        return self._descriptions


class _PreparesItsProcess:
    """Becomes a `ChildProcess` when it is unpickled, and prepares the process that does so."""

    def __init__(self, child: ChildProcess) -> None:
        self.child = child

    def __reduce__(self) -> tuple[Any, tuple[Any, ...]]:
        child = self.child
        description = {**child.trial.description, "owns_process": True}
        return _prepare_child, (description, child.path, child.prepare_process, child.is_shared)


def _prepare_child(
    description: dict[str, Any],
    path: str | None,
    prepare_process: Prepare,
    is_shared: bool,
) -> ChildProcess:
    trial = AttachedTrial(description)
    os.environ.update(trial.environment)
    prepare_process()
    return ChildProcess(trial, path, prepare_process, is_shared=is_shared)


def this_child_process() -> ChildProcess | None:
    """Return what this process was told when it was started, if a trial started it."""
    process = importlib.import_module("multiprocessing.process").current_process()
    found: ChildProcess | None = process.__dict__.get("_hyperbridge_child_process") or None
    return found


def start_process(
    original: Any,
    process: Any,
    trial: AttachedTrial | None,
    file: OpenTrialsFile,
    trials: list[AttachedTrial],
    prepare_process: Prepare,
) -> Any:
    """Stand in for ``BaseProcess.start``: tell a process that a trial starts of the trial."""
    if trial is None:
        return original(process)
    own = this_child_process()
    module = getattr(getattr(process, "_target", None), "__module__", None) or ""
    is_loky = "loky" in module
    path = None
    if own is not None:
        path = own.path
    elif module in _POOLS or is_loky:
        file.open(trials)
        path = file.path
    process._hyperbridge_child_process = ChildProcess(
        trial, path, prepare_process, is_shared=is_loky
    )
    try:
        return original(process)
    finally:
        process.__dict__.pop("_hyperbridge_child_process", None)
