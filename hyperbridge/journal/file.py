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
from dataclasses import dataclass, replace
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import IO, Final

from hyperbridge.errors import InvalidArgumentError
from hyperbridge.files import replacing
from hyperbridge.files.locking import FileLock
from hyperbridge.files.replacing import real_path, remove_leftovers
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


_MOST_UNSYNCED: Final = 1 << 20
"""How many bytes may wait for the next record that is synced."""


@dataclass(frozen=True, slots=True)
class _State:
    """What is in the file. It is changed as a whole, since an interrupt may come anywhere.

    Attributes:
        size: Of what is written, in whole lines.
        synced_size: Of that, what is on the disk for certain.
        unsynced: The lines in between.
        missing: The lines that are not written.
        checksum: That of the last line of all.
    """

    size: int = 0
    synced_size: int = 0
    unsynced: tuple[bytes, ...] = ()
    missing: tuple[bytes, ...] = ()
    checksum: int = 0


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
        self._must_cut = False
        self._state = _State()

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
            checksum = scan.checksum
        else:
            remove_leftovers(self.path)
            line, checksum = line_of(_first_record(), 0)

            def write(file: IO[bytes]) -> None:
                file.write(line)

            replacing.replace(self.path, write)
            self._is_new = True
        flags = os.O_RDWR | os.O_APPEND | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)
        self._fd = os.open(self.path, flags)
        if contents is not None and contents.torn is not None:
            self._drop(self._fd, contents.torn)
        size = os.fstat(self._fd).st_size
        self._state = _State(size=size, synced_size=size, checksum=checksum)
        return contents

    def _drop(self, fd: int, torn: Torn) -> None:
        os.ftruncate(fd, torn.offset)
        _sync(fd)
        logger.warning(
            "%s: the end of its last record, in line %d, is missing: the process was killed, or "
            "the disk was full, while it was written. Its %d bytes are dropped.",
            self.name, torn.number, torn.length,
        )  # fmt: skip

    def append(self, records: Sequence[Record], *, sync: bool) -> None:
        """Append records, in one write. See `add` and `flush`."""
        self.add(records)
        self.flush(sync=sync)

    def add(self, records: Sequence[Record]) -> None:
        """Take records that the next `flush` writes; all of them or, when it raises, none.

        Args:
            records: Of encoded values.
        """
        if self._fd is None:
            raise ValueError(f"{self.name} is not open")
        state = self._state
        checksum, lines = state.checksum, []
        for record in records:
            line, checksum = line_of(record, checksum)
            lines.append(line)
        self._state = replace(state, checksum=checksum, missing=(*state.missing, *lines))

    def flush(self, *, sync: bool) -> None:
        """Write what is missing.

        Args:
            sync: Whether all that was added is on the disk when this returns.

        Raises:
            OSError: Something is not in the file; the next call writes it.
        """
        if self._fd is None:
            raise ValueError(f"{self.name} is not open")
        if os.getpid() != self._pid:  # a fork of the objective's that has come back from it
            return
        if self._state.missing:
            self._write(self._fd)
        if sync or self._state.size - self._state.synced_size > _MOST_UNSYNCED:
            self._sync(self._fd)

    def _write(self, fd: int) -> None:
        """Write the lines that are missing, all or none, wherever an interrupt comes between."""
        self._check_own(fd)
        if self._must_cut:
            os.ftruncate(fd, self._state.size)
        state, self._must_cut = self._state, True
        data = b"".join(state.missing)
        try:
            rest = memoryview(data)
            while rest:
                rest = rest[os.write(fd, rest) :]
        except BaseException:
            self._cut(fd)
            raise
        self._is_new = False
        self._state = replace(
            state,
            size=state.size + len(data),
            unsynced=(*state.unsynced, *state.missing),
            missing=(),
        )
        self._must_cut = False

    def _check_own(self, fd: int) -> None:
        """Refuse to write where nobody would find it.

        Raises:
            OSError: The file was removed, replaced or changed by somebody else.
        """
        ours = os.fstat(fd)
        try:
            is_there = os.path.samestat(os.stat(self.path), ours)
        except FileNotFoundError:
            is_there = False
        if not is_there:
            raise OSError("somebody has removed or replaced the file")
        if ours.st_size != self._state.size and not self._must_cut:
            raise OSError("somebody else has changed the file")

    def _sync(self, fd: int) -> None:
        try:
            _sync(fd)
        except BaseException:  # what was written since the last time may be lost
            self._must_cut = True
            state = self._state
            missing = (*state.unsynced, *state.missing)
            self._state = replace(state, size=state.synced_size, unsynced=(), missing=missing)
            self._cut(fd)
            raise
        self._state = replace(self._state, synced_size=self._state.size, unsynced=())

    def _cut(self, fd: int) -> None:
        """Cut off what is behind the last whole line; if it cannot be, the next write does it."""
        with contextlib.suppress(OSError):
            os.ftruncate(fd, self._state.size)

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
