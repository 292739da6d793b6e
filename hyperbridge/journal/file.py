"""The file of a journal: read whole, then only appended to; a kill leaves all but its last line.

What a failed write has left of a line is cut off again, and the lines that are missing are kept in
memory and written first at the next event.
"""

from __future__ import annotations

import contextlib
import gc
import logging
import os
from collections.abc import Iterator, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import IO, Final

from hyperbridge.errors import InvalidArgumentError
from hyperbridge.files.locking import FileLock
from hyperbridge.files.replacing import real_path, remove_leftovers, replace
from hyperbridge.journal.contents import Contents, Reader
from hyperbridge.journal.events import now_ms
from hyperbridge.journal.lines import DamagedLineError, Record, Scan, Torn, line_of

logger = logging.getLogger(__name__)

FORMAT: Final = "hyperbridge journal"
VERSION: Final = 1
"""The version of the format that is written; all up to it are read."""


def read_journal(path: str | os.PathLike[str]) -> Contents:
    """Return what a journal says, without a lock: another process may be writing to it.

    Raises:
        InvalidArgumentError: It is no journal, or damaged; the message has the line.
        OSError: It cannot be read.
    """
    contents, _ = _read(real_path(path, "journal"))
    return contents


class JournalFile:
    """The journal of one search, which one process writes at a time.

    Args:
        path: Where it is; a symbolic link stays one.

    Raises:
        InvalidArgumentError: The path cannot be a file's.

    Attributes:
        path: The file itself.
        name: What messages call it.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = real_path(path, "journal")
        self.name = f"journal {str(self.path)!r}"
        self._lock = FileLock(self.path, self.name)
        self._pid = os.getpid()
        self._fd: int | None = None
        self._is_new = False
        self._checksum = 0
        self._size = 0
        self._synced_size = 0
        self._unsynced: list[bytes] = []
        self._missing: list[bytes] = []
        self._must_cut = False

    def open(self) -> Contents | None:
        """Lock the file and make it ready to be appended to.

        A last line that was cut off is dropped, with a note.

        Returns:
            What it says; None when it was made.

        Raises:
            InvalidArgumentError: Another process writes to it, it cannot be read or written, or it
                is no journal or damaged; it is untouched then.
        """
        try:
            self._lock.acquire()
            return self._open()
        except OSError as exc:
            self.release()
            raise InvalidArgumentError(
                f"{self.name} cannot be written ({exc}). Use another path."
            ) from exc
        except BaseException:
            self.release()
            raise

    def _open(self) -> Contents | None:
        contents: Contents | None = None
        if self.path.exists():
            contents, scan = _read(self.path)
            self._checksum = scan.checksum
        else:
            remove_leftovers(self.path)
            line, self._checksum = line_of(_first_record(), 0)

            def write(file: IO[bytes]) -> None:
                file.write(line)

            replace(self.path, write)
            self._is_new = True
        flags = os.O_RDWR | os.O_APPEND | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)
        self._fd = os.open(self.path, flags)
        self._size = os.fstat(self._fd).st_size
        if contents is not None and contents.torn is not None:
            self._drop(contents.torn)
        self._synced_size = self._size
        return contents

    def _drop(self, torn: Torn) -> None:
        assert self._fd is not None
        os.ftruncate(self._fd, torn.offset)
        _sync(self._fd)
        self._size = torn.offset
        logger.warning(
            "%s: the end of its last record, in line %d, is missing: the process was killed, or "
            "the disk was full, while it was written. Its %d bytes are dropped.",
            self.name, torn.number, torn.length,
        )  # fmt: skip

    def append(self, records: Sequence[Record], *, sync: bool) -> None:
        """Append records, in one write.

        Args:
            records: Of encoded values.
            sync: Whether they, and all before them, are on the disk when this returns.

        Raises:
            OSError: They, or earlier ones, are not in the file; they come with the next call.
        """
        if self._fd is None:
            raise ValueError(f"{self.name} is not open")
        if os.getpid() != self._pid:  # a fork of the objective's that has come back from it
            return
        for record in records:
            line, self._checksum = line_of(record, self._checksum)
            self._missing.append(line)
        self._write(self._fd)
        if sync:
            self._sync(self._fd)

    def _write(self, fd: int) -> None:
        """Write the lines that are missing, all or none."""
        if self._must_cut:
            os.ftruncate(fd, self._size)
            self._must_cut = False
        data = b"".join(self._missing)
        try:
            rest = memoryview(data)
            while rest:
                rest = rest[os.write(fd, rest) :]
        except BaseException:
            self._cut(fd)
            raise
        self._size += len(data)
        self._unsynced += self._missing
        self._missing = []
        self._is_new = False

    def _sync(self, fd: int) -> None:
        try:
            _sync(fd)
        except BaseException:  # what was written since the last time may be lost
            self._missing, self._unsynced = self._unsynced + self._missing, []
            self._size = self._synced_size
            self._cut(fd)
            raise
        self._synced_size, self._unsynced = self._size, []

    def _cut(self, fd: int) -> None:
        """Cut off what is behind the last whole line, at once or before the next write."""
        self._must_cut = True
        with contextlib.suppress(OSError):
            os.ftruncate(fd, self._size)
            self._must_cut = False

    def release(self) -> None:
        """Close and unlock the file; one in which nothing was written is removed."""
        fd, self._fd = self._fd, None
        if fd is not None:
            os.close(fd)
        if self._is_new and os.getpid() == self._pid:
            self._is_new = False
            self.path.unlink(missing_ok=True)
        self._lock.release()


def write_journal(path: str | os.PathLike[str], records: Sequence[Record]) -> None:
    """Write a new journal at once.

    Raises:
        InvalidArgumentError: There is a file already, or it cannot be written.
    """
    file = JournalFile(path)
    if file.open() is not None:
        file.release()
        raise InvalidArgumentError(f"{file.name} exists already")
    try:
        file.append(records, sync=True)
    finally:
        file.release()


def _first_record() -> Record:
    try:
        number = version("hyperbridge")
    except PackageNotFoundError:  # a source tree that is not installed
        number = "unknown"
    return {
        "event": "journal",
        "format": FORMAT,
        "version": VERSION,
        "written_by": f"hyperbridge {number}",
        "at": now_ms(),
    }


def _read(path: Path) -> tuple[Contents, Scan]:
    """Read all of a file.

    Raises:
        InvalidArgumentError: It is no journal, or damaged.
    """
    if path.exists() and not path.is_file():
        raise InvalidArgumentError(f"journal {str(path)!r} is not a regular file")
    data = path.read_bytes()
    if not data:
        raise InvalidArgumentError(
            f"journal {str(path)!r} is empty, so it is no journal. Delete it, or give another "
            "path, to begin a new one."
        )
    scan, reader = Scan(data), Reader()
    is_journal = False
    try:
        with _uncollected():
            for record in scan:
                if is_journal:
                    reader.take(record)
                else:
                    reader.contents.written_by = _check_first(path, record)
                    is_journal = True
        contents = reader.finish(scan.torn)
    except DamagedLineError as exc:
        if exc.number == 1 and FORMAT.encode() not in data[:200]:
            raise _no_journal(path) from None
        raise InvalidArgumentError(_damaged(path, exc.number, exc.what)) from exc
    except ValueError as exc:
        raise InvalidArgumentError(_damaged(path, reader.line, str(exc))) from exc
    if not is_journal:
        raise _no_journal(path)
    return contents, scan


@contextlib.contextmanager
def _uncollected() -> Iterator[None]:
    """Let nobody look for garbage, which there is none of: that takes half of the time else."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def _check_first(path: Path, record: Record) -> str:
    """Return who has written a journal.

    Raises:
        InvalidArgumentError: It is of a newer version, or no journal.
    """
    if record.get("format") != FORMAT:
        raise _no_journal(path)
    number, writer = record.get("version"), str(record.get("written_by"))
    if type(number) is not int or number > VERSION:
        raise InvalidArgumentError(
            f"journal {str(path)!r} is of version {number!r} of the format (written by {writer}), "
            f"and this hyperbridge reads versions up to {VERSION}. Install a newer hyperbridge."
        )
    return writer


def _no_journal(path: Path) -> InvalidArgumentError:
    return InvalidArgumentError(
        f"journal {str(path)!r} is no journal of hyperbridge: its first line is not that of one. "
        "Give another path; the file is untouched."
    )


def _damaged(path: Path, number: int, what: str) -> str:
    advice = f"Restore it from a copy, or keep what is before that line: head -n {number - 1}"
    if number == 1:
        advice = "Restore it from a copy, or give another path"
    where = f"journal {str(path)!r} is damaged in line {number}"
    return f"{where}: {what}. The file is untouched. {advice}."


def _sync(fd: int) -> None:
    """Wait until the content of a file is on the disk."""
    try:
        import fcntl

        if hasattr(fcntl, "F_FULLFSYNC"):  # macOS, whose fsync leaves it in the disk's cache
            fcntl.fcntl(fd, fcntl.F_FULLFSYNC)
            return
    except ImportError:  # Windows
        pass
    getattr(os, "fdatasync", os.fsync)(fd)
