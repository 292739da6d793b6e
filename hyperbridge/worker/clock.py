"""How long a trial's objective takes where it runs, noted in a folder that the driver can read."""

from __future__ import annotations

import contextlib
import os
import time


class TrialClock:
    """An attachment of trials that appends a line to a file: trial, seconds.

    On another machine, which does not have the folder, nothing is noted, and the driver sees that.

    Args:
        folder: Where the files are.
        name: What is timed; the file is called after it.
    """

    def __init__(self, folder: str, name: str) -> None:
        self._path = os.path.join(folder, name)

    def __call__(self, token: bytes, *, shared_process: bool) -> _Timed:  # noqa: ARG002
        """Return a context manager that times its block; the token is the trial's id."""
        return _Timed(self._path, token)


class _Timed:
    """Not a generator, see `hyperbridge.worker.trial_contexts`."""

    def __init__(self, path: str, token: bytes) -> None:
        self._path = path
        self._token = token

    def __enter__(self) -> None:
        self._began = time.perf_counter()

    def __exit__(self, *_: object) -> None:
        line = b"%s %.9f\n" % (self._token, time.perf_counter() - self._began)
        with contextlib.suppress(OSError):
            file = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
            try:
                os.write(file, line)
            finally:
                os.close(file)


def read_times(folder: str, name: str) -> dict[int, float]:
    """Return the seconds of each trial that were noted; the last attempt counts."""
    found: dict[int, float] = {}
    with contextlib.suppress(FileNotFoundError), open(os.path.join(folder, name), "rb") as file:
        for line in file:
            tid, seconds = line.split()
            found[int(tid)] = float(seconds)
    return found
