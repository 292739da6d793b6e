"""Run trials in worker processes on this machine, one process per slot, kept for the next trial.

A worker is a new interpreter, so that scripts without an ``if __name__ == "__main__"`` guard
work, talks through two pipes, and ends when its parent does. It leads a process group of its
own: cancelling a trial ends what the objective started, too.
"""

from __future__ import annotations

import contextlib
import os
import queue
import signal
import subprocess
import sys
import threading
from typing import IO

import cloudpickle

from hyperbridge.backends.base import OpenBackend
from hyperbridge.documents import Failure, Outcome, Trial
from hyperbridge.errors import BackendUnavailableError, WorkerLostError
from hyperbridge.run.dispatch import Report, Slots, cancelled, drive
from hyperbridge.run.objective import Objective
from hyperbridge.run.run import Run
from hyperbridge.run.shipping import pack_objective, pack_runtime, unpack_outcome
from hyperbridge.worker.pipes import read_frame, write_frame
from hyperbridge.worker.runtime import Message

_START = (
    "import sys; requests, reports, *folders = sys.argv[1:]; "
    "sys.path[:] = folders; sys.argv[:] = ['']; "
    "from hyperbridge.worker.pipes import serve; serve(int(requests), int(reports))"
)
_GRACE_S = 2.0


class OpenProcesses(OpenBackend):
    """One call of fmin on worker processes.

    Args:
        objective: What the trials evaluate.
        parallelism: Trials at once.

    Raises:
        BackendUnavailableError: The operating system is not a POSIX one.
        ObjectiveNotPicklableError: The objective cannot be sent to a process.
    """

    def __init__(self, objective: Objective, parallelism: int) -> None:
        if os.name != "posix":
            raise BackendUnavailableError(
                'workers="processes" needs Linux or macOS. Use workers="threads".'
            )
        self.parallelism = parallelism
        self.objective = pack_objective(objective, cloudpickle, where="worker processes")

    def execute(self, run: Run) -> None:
        """Run trials until the Run ends. See `OpenBackend.execute`."""
        drive(run, _ProcessSlots(self, run))


class _Worker:
    """One worker process.

    Args:
        runtime: The pickled runtime of the run.
    """

    def __init__(self, runtime: bytes) -> None:
        requests, self._requests = os.pipe()
        self._reports, reports = os.pipe()
        folders = [os.path.abspath(folder) for folder in sys.path]
        try:
            self._process = subprocess.Popen(
                [sys.executable, "-c", _START, str(requests), str(reports), *folders],
                stdin=subprocess.DEVNULL,
                pass_fds=(requests, reports),
                start_new_session=True,
            )
        except BaseException:
            os.close(self._requests)
            os.close(self._reports)
            raise
        finally:
            os.close(requests)
            os.close(reports)
        self._to: IO[bytes] = os.fdopen(self._requests, "wb")
        self._from: IO[bytes] = os.fdopen(self._reports, "rb")
        self._runtime: bytes | None = runtime

    def run(self, message: Message) -> bytes | None:
        """Run one trial; None when the process ended before the trial did."""
        try:
            if self._runtime is not None:
                write_frame(self._to, self._runtime)
                self._runtime = None
            write_frame(self._to, cloudpickle.dumps(message))
        except BrokenPipeError:
            return None
        return read_frame(self._from)

    def kill(self) -> None:
        """End the process and what it started, at once."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGKILL)

    def close(self) -> int:
        """Let the process end, or make it; return its exit code."""
        with contextlib.suppress(BrokenPipeError):
            self._to.close()
        try:
            return self._process.wait(_GRACE_S)
        except subprocess.TimeoutExpired:  # a thread of the objective's keeps it alive
            self.kill()
            return self._process.wait()
        finally:
            self._from.close()


class _ProcessSlots(Slots):
    """A thread and a process per slot."""

    def __init__(self, session: OpenProcesses, run: Run) -> None:
        self._parallelism = session.parallelism
        self._run = run
        self._runtime = pack_runtime(session.objective, run.attachments(), cloudpickle)
        self._work: queue.SimpleQueue[tuple[Trial, Report] | None] = queue.SimpleQueue()
        self._threads: list[threading.Thread] = []
        self._lock = threading.Lock()
        self._workers: set[_Worker] = set()
        self._cancelled = False

    def start(self, trial: Trial, report: Report) -> None:
        if len(self._threads) < self._parallelism:
            name = f"hyperbridge-process-{len(self._threads)}"
            thread = threading.Thread(target=self._serve, name=name, daemon=True)
            self._threads.append(thread)
            thread.start()
        self._work.put((trial, report))

    def _serve(self) -> None:
        worker: _Worker | None = None
        try:
            while (item := self._work.get()) is not None:
                trial, report = item
                try:
                    message = (trial.tid, trial.assignment, list(self._run.begin(trial)))
                    if worker is None:
                        worker = self._open()
                    answer = None if worker is None else worker.run(message)
                    if answer is None:
                        code = self._end(worker)
                        worker = None
                        report(trial, self._lost(code))
                    else:
                        report(trial, unpack_outcome(answer))
                except BaseException as exc:  # noqa: BLE001 - for the thread that called fmin
                    report(trial, exc)
        finally:
            self._end(worker)

    def _open(self) -> _Worker | None:
        """Start a worker, unless the run has been cancelled."""
        with self._lock:
            if self._cancelled:
                return None
            worker = _Worker(self._runtime)
            self._workers.add(worker)
            return worker

    def _end(self, worker: _Worker | None) -> int | None:
        if worker is None:
            return None
        with self._lock:
            self._workers.discard(worker)
        return worker.close()

    def _lost(self, code: int | None) -> Outcome:
        if self._cancelled:
            reason = self._run.stop_reason
            return cancelled("stopped" if reason is None else reason.value)
        how = "its exit code is unknown"
        if code is not None:
            how = f"signal {-code}" if code < 0 else f"exit code {code}"
        error = WorkerLostError(f"the worker process ended before its trial did ({how})")
        return Outcome("lost", failure=Failure(str(type(error)), str(error), f"{error}\n", error))

    def cancel(self) -> bool:
        with self._lock:
            self._cancelled = True
            for worker in self._workers:
                worker.kill()
        return True

    def close(self) -> None:
        for _ in self._threads:
            self._work.put(None)
        for thread in self._threads:
            thread.join()
