"""Replace a file whole: written beside it, synced and renamed, so that a kill harms nothing."""

from __future__ import annotations

import contextlib
import os
import re
import socket
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

from hyperbridge.errors import ArgumentTypeError, InvalidArgumentError

_LONGEST_NAME = 100

_writing: set[str] = set()
"""Names of the files that this process writes just now."""


def real_path(path: Any, argument: str) -> Path:
    """Return where a file that an argument names really is: a symbolic link stays one.

    Args:
        path: As the user gave it.
        argument: What messages call it.

    Raises:
        InvalidArgumentError: It is no path, a folder, or in a folder that does not exist.
    """
    try:
        found = Path(os.path.realpath(os.fsdecode(path)))
    except TypeError as exc:
        raise ArgumentTypeError(f"{argument} must be a path, got {path!r}") from exc
    except ValueError as exc:
        raise InvalidArgumentError(f"{argument} must be a path, got {path!r}") from exc
    if found.is_dir():
        raise InvalidArgumentError(f"{argument} {str(path)!r} is a directory")
    if not found.parent.is_dir():
        raise InvalidArgumentError(
            f"{argument} {str(path)!r}: the folder {found.parent} does not exist"
        )
    return found


def check_replaceable(path: Path, argument: str) -> None:
    """Refuse a place that cannot be written, before a trial is run for nothing.

    What a killed process of this machine was writing there is removed.

    Raises:
        InvalidArgumentError: It is one.
    """
    remove_leftovers(path)
    beside = _beside(path)
    try:
        beside.touch(exist_ok=False)
    except OSError as exc:
        raise InvalidArgumentError(
            f"{argument} {str(path)!r}: its folder cannot be written ({exc}). A "
            "save is written beside the file and replaces it, so that a kill cannot harm it."
        ) from exc
    finally:
        beside.unlink(missing_ok=True)
    if path.exists() and not path.is_file():
        raise InvalidArgumentError(f"{argument} {str(path)!r} is not a regular file")


def replace(path: Path, write: Callable[[IO[bytes]], None]) -> None:
    """Replace a file's content, all or nothing; its permissions stay.

    Args:
        path: The file, see `real_path`.
        write: Writes the new content.
    """
    beside = _beside(path)
    _writing.add(beside.name)
    try:
        with beside.open("xb") as file:
            write(file)
            file.flush()
            os.fsync(file.fileno())
        if path.exists():
            beside.chmod(path.stat().st_mode & 0o777)
        beside.replace(path)
        sync_folder(path)
    except BaseException:
        beside.unlink(missing_ok=True)
        raise
    finally:
        _writing.discard(beside.name)


def sync_folder(path: Path) -> None:
    """Let a power failure not forget that a file is there, where the system can."""
    with contextlib.suppress(OSError):
        fd = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(fd)
        finally:
            os.close(fd)


def remove_leftovers(path: Path) -> None:
    """Remove what processes of this machine were writing when they were killed."""
    if os.name != "posix":
        return
    own = re.compile(
        rf"\.{re.escape(path.name[:_LONGEST_NAME])}\.[0-9a-f]{{8}}\.([0-9]+)@"
        rf"{re.escape(socket.gethostname())}"
    )
    for beside in path.parent.iterdir():
        found = own.fullmatch(beside.name)
        if found is not None and not _is_written(beside.name, int(found[1])):
            with contextlib.suppress(OSError):
                beside.unlink()


def _beside(path: Path) -> Path:
    """Return a new name beside the file that says which process writes there."""
    mark = f"{uuid.uuid4().hex[:8]}.{os.getpid()}@{socket.gethostname()}"
    return path.with_name(f".{path.name[:_LONGEST_NAME]}.{mark}")


def _is_written(name: str, pid: int) -> bool:
    """Tell whether somebody may still be writing a file."""
    if pid == os.getpid():  # an earlier process may have had our id
        return name in _writing
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except (OSError, OverflowError):  # it is somebody else's
        return True
    return True
