"""One search at a time on a file, the second one refused by the name of the first one's process.

The lock is the operating system's, on a small file beside: it ends with its process, however that
ends, and a forked child does not keep it. Source: POSIX, ``fcntl`` record locks.
"""

from __future__ import annotations

import errno
import os
import threading
import time
from pathlib import Path
from typing import Any

from hyperbridge.errors import InvalidArgumentError
from hyperbridge.files.processes import host_and_pid, is_alive, this_process

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

_held: dict[tuple[int, str], str] = {}
"""Since when this process holds which files. A process must not open a lock file that it holds:
closing it would end the lock."""

_changing = threading.Lock()

_TRIES = 100
_TAKEN = (errno.EACCES, errno.EAGAIN)


class FileLock:
    """The right to write a file.

    Args:
        path: The file; it need not exist, its folder must.
        name: What messages call it, for example ``trials_save_file 'run.pkl'``.

    Examples:
        >>> import tempfile
        >>> path = Path(tempfile.mkdtemp()) / "run.pkl"
        >>> lock = FileLock(path, "run.pkl")
        >>> lock.acquire()
        >>> FileLock(path, "run.pkl").acquire()
        Traceback (most recent call last):
        ...
        hyperbridge.errors.InvalidArgumentError: run.pkl is in use by another search ...
        >>> lock.release()
    """

    def __init__(self, path: str | os.PathLike[str], name: str) -> None:
        self._path = Path(os.path.realpath(path))
        self._beside = self._path.with_name(f".{self._path.name[:_LONGEST_NAME]}.lock")
        self._name = name
        self._fd: int | None = None
        self._key: tuple[int, str] | None = None

    def acquire(self) -> None:
        """Take the lock.

        Raises:
            InvalidArgumentError: Another search has it; the message has its process and host. Or
                the folder cannot be written.
        """
        key = (os.getpid(), str(self._beside))
        with _changing:
            if key in _held:
                raise InvalidArgumentError(
                    f"{self._name} is in use by another search of this process (pid {key[0]}), "
                    f"since {_held[key]}. Use one file for each search."
                )
            self._fd = self._open()
            self._key = key
            _held[key] = _now()

    def release(self) -> None:
        """Give the lock back; nothing happens without one, or in a forked child."""
        with _changing:
            key, fd = self._key, self._fd
            self._key = self._fd = None
            if key is None or fd is None or key[0] != os.getpid():
                return
            _held.pop(key, None)
            try:
                self._beside.unlink(missing_ok=True)  # while nobody else can have it
            except OSError:
                pass
            finally:
                os.close(fd)

    def _open(self) -> int:
        for _ in range(_TRIES):
            try:
                fd = os.open(self._beside, os.O_RDWR | os.O_CREAT, 0o666)
            except OSError as exc:
                raise InvalidArgumentError(
                    f"{self._name}: its folder cannot be written ({exc})"
                ) from exc
            try:
                self._lock(fd)
                if self._is_there(fd):
                    os.ftruncate(fd, 0)
                    os.pwrite(fd, f"{this_process()} {_now()}\n".encode(), 0)
                    return fd
            except BaseException:
                os.close(fd)
                raise
            os.close(fd)  # the one before has just removed it
        raise InvalidArgumentError(f"{self._name}: no lock can be had on {self._beside}")

    def _is_there(self, fd: int) -> bool:
        try:
            return os.path.samestat(os.fstat(fd), os.stat(self._beside))
        except FileNotFoundError:
            return False

    def _lock(self, fd: int) -> None:
        """Lock the file, or refuse by the name of who has it."""
        if fcntl is not None:
            try:
                fcntl.lockf(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as exc:
                if exc.errno in _TAKEN:
                    raise self._refusal(_content(fd)) from None
            else:
                return
        # A file system without locks: who is named in the file may have it.
        owner = _content(fd)
        if owner and is_alive(owner.split()[0]) is not False:
            raise self._refusal(owner)

    def _refusal(self, owner: str) -> InvalidArgumentError:
        process, _, since = owner.partition(" ")
        host, pid = host_and_pid(process)
        who = "another process" if pid is None else f"process {pid} on {host}"
        when = f", since {since}" if since else ""
        return InvalidArgumentError(
            f"{self._name} is in use by {who}{when}. Wait until it has ended, or use another file. "
            f"If it is gone for certain, remove {self._beside}."
        )


_LONGEST_NAME = 100


def _content(fd: int) -> str:
    return os.pread(fd, 1000, 0).decode("utf-8", "replace").strip()


def _now() -> Any:
    return time.strftime("%Y-%m-%d %H:%M:%S")
