"""Run trials in worker processes on this machine, one process per slot, kept for the next trial.

A worker is a new interpreter, so that scripts without an ``if __name__ == "__main__"`` guard
work, talks through a socket, and ends when its parent does. It leads a process group of its
own: what the objective started ends with a trial that is cancelled or whose process dies.
"""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from typing import Any

import cloudpickle

from hyperbridge.backends.base import OpenBackend
from hyperbridge.documents import Failure, Outcome, Trial
from hyperbridge.errors import BackendUnavailableError, WorkerLostError
from hyperbridge.run.blame import ADVICE
from hyperbridge.run.dispatch import drive, overdue
from hyperbridge.run.objective import Objective
from hyperbridge.run.pool import ThreadPool
from hyperbridge.run.run import FminRun
from hyperbridge.run.shipping import pack_objective, pack_runtime, unpack_outcome
from hyperbridge.worker.pipes import read_frame, write_frame
from hyperbridge.worker.runtime import Message

_START = (
    "import sys; descriptor, *folders = sys.argv[1:]; "
    "sys.path[:] = folders; sys.argv[:] = ['']; "
    "from hyperbridge.worker.pipes import serve; serve(int(descriptor))"
)
_GRACE_S = 2.0


class OpenProcesses(OpenBackend):
    """One call of fmin on worker processes.

    Args:
        objective: What the trials evaluate.
        parallelism: Trials at once.
        retries: How often a trial is tried again that was lost with its process.

    Raises:
        BackendUnavailableError: The operating system is not a POSIX one.
        ObjectiveNotPicklableError: The objective cannot be sent to a process.
    """

    stops_trials = True
    report_host = "127.0.0.1"

    def __init__(self, objective: Objective, parallelism: int, retries: int) -> None:
        if os.name != "posix":
            raise BackendUnavailableError(
                'workers="processes" needs Linux or macOS. Use workers="threads".'
            )
        self.parallelism = parallelism
        self.retries = retries
        self.objective = pack_objective(
            objective,
            cloudpickle,
            where="worker processes",
            advise=_advise,
        )

    def execute(self, run: FminRun) -> None:
        """Run trials until the FminRun ends. See `OpenBackend.execute`."""
        drive(run, _Pool(self, run))


def _advise(value: Any) -> str:  # noqa: ARG001 - the same for all objects
    return f'{ADVICE} Or use workers="threads", which sends nothing.'


class _Worker:
    """One worker process.

    Args:
        runtime: The pickled runtime of the run.

    Attributes:
        is_overdue: Whether it was killed because its trial took too long.
    """

    def __init__(self, runtime: bytes) -> None:
        self._socket, theirs = socket.socketpair()
        folders = [os.path.abspath(folder) for folder in sys.path]
        with theirs:
            try:
                self._process = subprocess.Popen(
                    [sys.executable, "-c", _START, str(theirs.fileno()), *folders],
                    stdin=subprocess.DEVNULL,
                    pass_fds=(theirs.fileno(),),
                    start_new_session=True,
                )
            except BaseException:
                self._socket.close()
                raise
        self._reports = self._socket.makefile("rb")
        self._runtime: bytes | None = runtime
        self._may_end = False
        self.is_overdue = False
        name = f"hyperbridge-reaper-{self._process.pid}"
        self._reaper = threading.Thread(target=self._reap, name=name, daemon=True)
        self._reaper.start()

    def _reap(self) -> None:
        """Wake whoever talks to the process when it has ended.

        The end of the process need not close its end of the socket: a child that the objective
        forked may hold it open for hours.
        """
        self._process.wait()
        if not self._may_end:
            self.kill()
        with contextlib.suppress(OSError):  # closed, or shut down already
            self._socket.shutdown(socket.SHUT_RDWR)

    def run(self, message: Message, limit_s: float | None) -> bytes | None:
        """Run one trial.

        Args:
            message: The trial.
            limit_s: Seconds from when it begins to run after which the process is killed.

        Returns:
            The report; None when the process ended before the trial did.
        """
        try:
            if self._runtime is not None:
                write_frame(self._socket, self._runtime)
                self._runtime = None
            write_frame(self._socket, cloudpickle.dumps(message))
            if read_frame(self._reports) is None:  # it begins
                return None
            with self._killed_after(limit_s):
                return read_frame(self._reports)
        except (BrokenPipeError, ConnectionResetError):
            return None

    @contextlib.contextmanager
    def _killed_after(self, limit_s: float | None) -> Iterator[None]:
        """Kill the process when this block takes longer; `is_overdue` tells that it has."""
        if limit_s is None:
            yield
            return

        def kill() -> None:
            self.is_overdue = True
            self.kill()

        timer = threading.Timer(min(limit_s, threading.TIMEOUT_MAX), kill)
        timer.name, timer.daemon = f"hyperbridge-limit-{self._process.pid}", True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()
            timer.join()

    def has_ended(self) -> bool:
        """Tell whether the process has ended."""
        return self._process.poll() is not None

    def kill(self) -> None:
        """End the process and what it started, at once."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGKILL)

    def close(self) -> int:
        """Let the process end, or make it; return its exit code."""
        self._may_end = not self.has_ended()
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_WR)
        try:
            return self._process.wait(_GRACE_S)
        except subprocess.TimeoutExpired:  # a thread of the objective's keeps it alive
            self.kill()
            return self._process.wait()
        finally:
            self._reaper.join()
            self._reports.close()
            self._socket.close()


class _Pool(ThreadPool):
    """The trials of one call in worker processes, one for each thread of the pool."""

    def __init__(self, opened: OpenProcesses, run: FminRun) -> None:
        super().__init__(run, "hyperbridge-process")
        self._runtime = pack_runtime(opened.objective, run.attachments(), cloudpickle)
        self._lock = threading.Lock()
        self._workers: dict[int, _Worker] = {}  # by the id of their thread

    def evaluate(self, trial: Trial) -> Outcome:
        message = (trial.tid, trial.assignment, list(self.run.begin(trial)))
        worker = self._workers.get(threading.get_ident())
        if worker is not None and worker.has_ended():  # after its last trial
            self._end()
            worker = None
        worker = worker or self._open()
        limit_s = self.run.limits.trial_timeout
        answer = None if worker is None else worker.run(message, limit_s)
        if answer is not None:
            return unpack_outcome(answer)
        code = self._end()
        if self.is_cancelled:
            return self.why_cancelled()
        is_overdue = worker is not None and worker.is_overdue
        return overdue(limit_s) if is_overdue and limit_s is not None else _lost(code)

    def _open(self) -> _Worker | None:
        """Start a worker for this thread, unless the run has been cancelled."""
        with self._lock:
            if self.is_cancelled:
                return None
            worker = self._workers[threading.get_ident()] = _Worker(self._runtime)
            return worker

    def _end(self) -> int | None:
        with self._lock:
            worker = self._workers.pop(threading.get_ident(), None)
        return None if worker is None else worker.close()

    def leave(self) -> None:
        self._end()

    def stop(self) -> bool:
        with self._lock:
            for worker in self._workers.values():
                worker.kill()
        return True


def _lost(code: int | None) -> Outcome:
    how = "its exit code is unknown"
    if code is not None:
        how = f"signal {-code}" if code < 0 else f"exit code {code}"
    error = WorkerLostError(f"the worker process ended before its trial did ({how})")
    return Outcome("lost", failure=Failure(str(type(error)), str(error), f"{error}\n", error))
