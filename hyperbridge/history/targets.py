"""Files that are written: new ones, or such as the user wants replaced."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from pathlib import Path
from typing import IO, Final

from hyperbridge.errors import InvalidArgumentError
from hyperbridge.files.locking import FileLock
from hyperbridge.files.replacing import real_path, replace
from hyperbridge.history.kinds import Options

_ARGUMENT: Final = "target"


def check_new_file(target: str, options: Options) -> None:
    """Refuse a file that is there already, unless the user said that it may be replaced.

    Raises:
        InvalidArgumentError: It exists, is a folder, or there is no such folder.
    """
    path = real_path(target, _ARGUMENT)
    if options.append:
        raise InvalidArgumentError(f"{target!r}: trials cannot be added to a file of this kind")
    if path.exists() and not options.force:
        raise InvalidArgumentError(f"{target!r} exists already; --force replaces it")


def replace_file(target: str, content: bytes) -> None:
    """Put a file in its place, whole at any instant.

    Raises:
        InvalidArgumentError: It cannot be written, or a search is writing to it.
    """

    def write(file: IO[bytes]) -> None:
        file.write(content)

    _locked(target, lambda path: replace(path, write))


def replace_by(target: str, write: Callable[[Path], None]) -> None:
    """Have a file written elsewhere in its folder, and put it in its place.

    Args:
        target: The file.
        write: Writes a new file of the name that it is given.

    Raises:
        InvalidArgumentError: It cannot be written, or a search is writing to it.
    """

    def move(path: Path) -> None:
        beside = path.with_name(f"{uuid.uuid4().hex[:8]}.{path.name}")
        try:
            write(beside)
            beside.replace(path)
        finally:
            beside.unlink(missing_ok=True)

    _locked(target, move)


def _locked(target: str, act: Callable[[Path], None]) -> None:
    path = real_path(target, _ARGUMENT)
    lock = FileLock(path, repr(target))
    lock.acquire()
    try:
        act(path)
    except OSError as exc:
        raise InvalidArgumentError(f"{target!r} cannot be written: {exc}") from exc
    finally:
        lock.release()
