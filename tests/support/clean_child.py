"""Run a Python program in a clean process, without waiting for its imports.

`start` and `run` are what `subprocess.Popen` and `subprocess.run` are for ``[sys.executable,
*arguments]``, but the process is forked by `warm_python`: a Python of this test process's own
that has imported NumPy, Optuna, MLflow and the like, and nothing that a program changes. Where
that is not the same as a new Python, or with ``fresh=True``, they start a new one.
"""

from __future__ import annotations

import contextlib
import functools
import os
import select
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import types
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import IO, Any

from warm_servers import order

PRELOADED = (
    "numpy", "pandas", "scipy.stats", "scipy.linalg", "sklearn.linear_model", "sqlalchemy",
    "alembic.command", "requests", "hyperopt", "optuna", "optuna.storages", "mlflow",
    "mlflow.store.tracking.sqlalchemy_store", "pyspark.sql", "ray.tune",
)  # fmt: skip
"""What children find imported, as far as it is installed."""

READ_AT_START = (
    "LD_LIBRARY_PATH", "LD_PRELOAD", "PYTHONHASHSEED", "PYTHONIOENCODING", "PYTHONSAFEPATH",
    "PYTHONSTARTUP", "PYTHONUTF8", "PYTHONWARNINGS", "PYTHONDEVMODE", "LANG", "LC_ALL",
)  # fmt: skip
"""Variables that only a new process heeds."""

PIPE = subprocess.PIPE
STDOUT = subprocess.STDOUT
DEVNULL = subprocess.DEVNULL


class Child:
    """A process that was forked by `warm_python`, with the interface of `subprocess.Popen`.

    It leads a Unix session of its own.
    """

    def __init__(
        self, arguments: list[str], request: dict[str, Any], streams: list[int], keeps: list[Any]
    ) -> None:
        self.args = [sys.executable, *arguments]
        self.returncode: int | None = None
        self.stdin, self.stdout, self.stderr = keeps
        owner = Owner.of_this_process()
        self._ending = threading.Lock()
        self._line = order(owner.address, f"{owner.folder}/python", PRELOADED, request, streams)
        self._words = self._line.makefile("r")
        text = self._words.readline()
        if not text:
            raise RuntimeError("the process that forks children has died")
        self.pid = int(text)

    def poll(self) -> int | None:
        """Return the exit code, or None while it runs."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.wait(0)
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """Wait for the end, and return the exit code."""
        deadline = None if timeout is None else time.monotonic() + timeout
        while self.returncode is None:  # several threads may wait, and the line is read once
            if self._ending.acquire(timeout=-1 if deadline is None else _until(deadline)):
                try:
                    if self.returncode is None:
                        left = None if deadline is None else _until(deadline)
                        if select.select([self._line], [], [], left)[0]:
                            self._ended()
                finally:
                    self._ending.release()
            if self.returncode is None and deadline is not None and not _until(deadline):
                raise subprocess.TimeoutExpired(self.args, timeout or 0.0)
        return self.returncode

    def communicate(self, input: str | None = None, timeout: float | None = None) -> Any:
        """Write the input, read all output, wait for the end; return both outputs."""
        deadline = None if timeout is None else time.monotonic() + timeout
        found: dict[str, Any] = {"stdout": None, "stderr": None}

        def read(name: str, file: IO[str]) -> None:
            with contextlib.suppress(ValueError), file:  # closed after a time limit
                found[name] = file.read()

        def write(file: IO[str]) -> None:
            with contextlib.suppress(BrokenPipeError, ValueError), file:  # or closed before
                file.write(input or "")

        threads = [
            threading.Thread(target=read, args=(name, file), daemon=True)
            for name, file in (("stdout", self.stdout), ("stderr", self.stderr))
            if file is not None
        ]
        if self.stdin is not None:
            threads.append(threading.Thread(target=write, args=(self.stdin,), daemon=True))
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(None if deadline is None else _until(deadline))
            if thread.is_alive():
                raise subprocess.TimeoutExpired(self.args, timeout or 0.0)
        self.wait(None if deadline is None else _until(deadline))
        return found["stdout"], found["stderr"]

    def send_signal(self, number: int) -> None:
        """Send a signal to it, unless it has ended."""
        if self.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)

    def _ended(self) -> None:
        text = self._words.readline()
        self.returncode = int(text) if text else -signal.SIGKILL
        self._words.close()
        self._line.close()

    def __enter__(self) -> Child:
        return self

    def __exit__(self, *_: object) -> None:
        for file in (self.stdin, self.stdout, self.stderr):
            if file is not None:
                file.close()
        self.wait()


def _until(deadline: float) -> float:
    return max(0.0, deadline - time.monotonic())


class Owner:
    """Owns what is forked for this process: a folder of sockets, and one that ends with it."""

    _of: dict[int, Owner] = {}  # noqa: RUF012 - by process: a fork must not use its parent's

    def __init__(self) -> None:
        self._temporary = tempfile.TemporaryDirectory(prefix="warm", dir="/tmp")
        self.folder = self._temporary.name
        self.address = f"{self.folder}/owner"
        self._life = socket.socket(socket.AF_UNIX)
        self._life.bind(self.address)
        self._life.listen()

    @classmethod
    def of_this_process(cls) -> Owner:
        if os.getpid() not in cls._of:
            cls._of[os.getpid()] = cls()
        return cls._of[os.getpid()]


def start(
    arguments: Sequence[str | Path],
    *,
    cwd: str | Path | None = None,
    env: Mapping[str, str] | None = None,
    stdin: Any = DEVNULL,
    stdout: Any = None,
    stderr: Any = None,
    pass_fds: Sequence[int] = (),
    without: Sequence[str] = (),
    fresh: bool = False,
) -> Child | subprocess.Popen[str]:
    """Start a Python program in a Unix session of its own; its streams are text.

    Args:
        arguments: What stands behind ``python``: ``-c`` and code, ``-m`` and a module, or a script,
            and arguments.
        cwd: Its folder; None for this process's.
        env: Its environment; None for this process's.
        stdin: As for Popen; nothing to read if not given.
        stdout: As for Popen.
        stderr: As for Popen.
        pass_fds: As for Popen.
        without: Packages that it must not find imported already.
        fresh: Start a new Python, because that is what is tested.
    """
    words = [str(word) for word in arguments]
    environment = dict(os.environ if env is None else env)
    if fresh or not _can_be_forked(words, environment):
        return subprocess.Popen(
            [sys.executable, *words], cwd=cwd, env=environment, stdin=stdin, stdout=stdout,
            stderr=stderr, pass_fds=pass_fds, text=True, start_new_session=True,
        )  # fmt: skip
    request = {
        "arguments": words,
        "cwd": str(Path.cwd() if cwd is None else cwd),
        "env": environment,
        "without": list(without),
        "descriptors": [0, 1, 2, *pass_fds],
    }
    with contextlib.ExitStack() as opened:
        kept, streams = [], []
        for number, wanted in enumerate((stdin, stdout, stderr)):
            keep = None
            if wanted is PIPE:
                reads, writes = os.pipe()
                keep = open(writes, "w") if number == 0 else open(reads, errors="replace")  # noqa: SIM115
                wanted = reads if number == 0 else writes
                opened.callback(os.close, wanted)
            elif wanted is DEVNULL:
                wanted = os.open(os.devnull, os.O_RDWR)
                opened.callback(os.close, wanted)
            elif wanted is STDOUT:
                wanted = streams[1]
            elif wanted is None:
                wanted = number
            kept.append(keep)
            streams.append(wanted if isinstance(wanted, int) else wanted.fileno())
        return Child(words, request, [*streams, *pass_fds], kept)


def run(
    arguments: Sequence[str | Path],
    *,
    input: str | None = None,
    timeout: float = 240,
    check: bool = False,
    merged: bool = False,
    **options: Any,
) -> subprocess.CompletedProcess[str]:
    """Run a Python program to its end, and return what it printed.

    Args:
        arguments: As for `start`.
        input: What it reads.
        timeout: Seconds after which it is killed, with its children.
        check: Whether another exit code than 0 is an error.
        merged: Whether what it says to stderr comes with stdout.
        **options: As for `start`: ``cwd``, ``env``, ``without``, ``fresh``.
    """
    errors = STDOUT if merged else PIPE
    stdin = DEVNULL if input is None else PIPE
    child = start(arguments, stdin=stdin, stdout=PIPE, stderr=errors, **options)
    try:
        output, said = child.communicate(input, timeout)
    except BaseException:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child.pid, signal.SIGKILL)
        child.wait()
        raise
    done = subprocess.CompletedProcess(child.args, child.wait(), output, said)
    if check and done.returncode:
        raise AssertionError(
            f"exit code {done.returncode}:\n{output[-3000:]}{(said or '')[-3000:]}"
        )
    return done


def _popen(command: Sequence[str], **options: Any) -> Child | subprocess.Popen[str]:
    assert command[0] == sys.executable
    assert options.pop("start_new_session")
    options.pop("text", None)
    options.pop("errors", None)
    return start(command[1:], **options)


def _names(start_one: Callable[..., Any]) -> types.SimpleNamespace:
    return types.SimpleNamespace(
        Popen=start_one,
        PIPE=PIPE,
        STDOUT=STDOUT,
        DEVNULL=DEVNULL,
        TimeoutExpired=subprocess.TimeoutExpired,
    )


AS_SUBPROCESS = _names(_popen)
"""To stand in a module for ``subprocess``, so that what the package starts is forked."""

STARTING_WORKERS = _names(functools.partial(_popen, without=["mlflow"]))
"""The same for workers, which find what MLflow imports imported, and not MLflow."""


def _can_be_forked(words: list[str], environment: Mapping[str, str]) -> bool:
    """Tell whether a fork is what a new Python would be."""
    is_plain = words[0] in ("-c", "-m") or words[0].endswith(".py")
    given = [name for name in READ_AT_START if name in environment]
    same = all(environment[name] == os.environ.get(name) for name in given)
    addresses = (
        each.get("RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER") for each in (environment, os.environ)
    )
    return sys.platform == "linux" and is_plain and same and len({*addresses}) == 1
