"""Files that are written: new ones, or such as the user wants replaced."""

from __future__ import annotations

import os
import uuid
from pathlib import Path

from hyperbridge.errors import InvalidArgumentError
from hyperbridge.history.kinds import Options


def check_new_file(target: str, options: Options) -> None:
    """Refuse a file that is there already, unless the user said that it may be replaced.

    Raises:
        InvalidArgumentError: It exists, or there is no such folder.
    """
    path = Path(os.path.realpath(target))
    if path.is_dir():
        raise InvalidArgumentError(f"{target!r} is a folder")
    if not path.parent.is_dir():
        raise InvalidArgumentError(f"{target!r}: the folder {path.parent} does not exist")
    if options.append:
        raise InvalidArgumentError(f"{target!r}: trials cannot be added to a file of this kind")
    if path.exists() and not options.force:
        raise InvalidArgumentError(f"{target!r} exists; --force replaces it")


def replace_file(target: str, content: bytes) -> None:
    """Write a file aside and put it in its place, so that it is whole at any instant.

    Raises:
        InvalidArgumentError: It cannot be written.
    """
    path = Path(os.path.realpath(target))
    beside = path.with_name(f".{path.name[:100]}.{uuid.uuid4().hex[:8]}")
    try:
        with beside.open("xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
    except OSError as exc:
        raise InvalidArgumentError(f"{target!r} cannot be written: {exc}") from exc
    finally:
        beside.unlink(missing_ok=True)
