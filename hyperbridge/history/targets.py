"""Files that are written: new ones, or such as the user wants replaced."""

from __future__ import annotations

from typing import IO, Final

from hyperbridge.errors import InvalidArgumentError
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
        InvalidArgumentError: It cannot be written.
    """

    def write(file: IO[bytes]) -> None:
        file.write(content)

    try:
        replace(real_path(target, _ARGUMENT), write)
    except OSError as exc:
        raise InvalidArgumentError(f"{target!r} cannot be written: {exc}") from exc
