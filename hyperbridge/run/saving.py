"""Keep a Trials object in a file that a kill at any instant leaves whole.

hyperopt rewrites its pickle in place; here it is written beside, synced and renamed.
"""

from __future__ import annotations

import contextlib
import os
import re
import socket
import uuid
from pathlib import Path
from typing import Any

import cloudpickle

from hyperbridge.errors import ArgumentTypeError, InvalidArgumentError, ResultNotPicklableError
from hyperbridge.worker.frames import safe_repr, safe_text


class TrialsFile:
    """The file of fmin's ``trials_save_file``.

    Loading a pickle runs code: load only files that you trust. What a killed process was writing
    lies beside the file, under a name that begins with a dot; the next search removes it.

    Args:
        path: Where the Trials are kept; its folder must exist.

    Raises:
        InvalidArgumentError: The path cannot be a file's, or its folder cannot be written.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        try:
            self.path = Path(os.path.realpath(os.fsdecode(path)))  # the link stays a link
        except TypeError as exc:
            raise ArgumentTypeError(f"trials_save_file must be a path, got {path!r}") from exc
        except ValueError as exc:
            raise InvalidArgumentError(f"trials_save_file must be a path, got {path!r}") from exc
        if self.path.is_dir():
            raise InvalidArgumentError(f"trials_save_file {str(path)!r} is a directory")
        if not self.path.parent.is_dir():
            raise InvalidArgumentError(
                f"trials_save_file {str(path)!r}: the folder {self.path.parent} does not exist"
            )
        self._remove_leftovers()
        self._check_writable()

    def _check_writable(self) -> None:
        """Refuse a place that cannot be written, before a trial is run for nothing."""
        beside = self._beside()
        try:
            beside.touch(exist_ok=False)
        except OSError as exc:
            raise InvalidArgumentError(
                f"trials_save_file {str(self.path)!r}: its folder cannot be written ({exc}). A "
                "save is written beside the file and replaces it, so that a kill cannot harm it."
            ) from exc
        finally:
            beside.unlink(missing_ok=True)
        if self.path.exists() and not self.path.is_file():
            raise InvalidArgumentError(f"trials_save_file {str(self.path)!r} is not a regular file")

    def _beside(self) -> Path:
        """Return a new name beside the file that says which process writes there."""
        mark = f"{uuid.uuid4().hex[:8]}.{os.getpid()}@{socket.gethostname()}"
        return self.path.with_name(f".{self.path.name[:_LONGEST_NAME]}.{mark}")

    def _remove_leftovers(self) -> None:
        """Remove what processes of this machine were writing when they were killed."""
        if os.name != "posix":
            return
        own = re.compile(
            rf"\.{re.escape(self.path.name[:_LONGEST_NAME])}\.[0-9a-f]{{8}}\.([0-9]+)@"
            rf"{re.escape(socket.gethostname())}"
        )
        for beside in self.path.parent.iterdir():
            found = own.fullmatch(beside.name)
            if found is not None and not _is_written(beside.name, int(found[1])):
                with contextlib.suppress(OSError):
                    beside.unlink()

    def exists(self) -> bool:
        """Tell whether there is something to load."""
        return self.path.exists()

    def load(self) -> Any:
        """Return the Trials object of the file.

        Raises:
            InvalidArgumentError: The file holds something else, or cannot be read.
        """
        try:
            with self.path.open("rb") as file:
                trials = cloudpickle.load(file)
        except Exception as exc:
            raise InvalidArgumentError(
                f"trials_save_file {str(self.path)!r} cannot be read as a pickled Trials "
                f"object: {type(exc).__name__}: {exc}. Move it away to start anew."
            ) from exc
        if not hasattr(trials, "_dynamic_trials"):
            raise InvalidArgumentError(
                f"trials_save_file {str(self.path)!r} holds a {type(trials).__name__}, "
                "not a Trials object. Move it away to start anew."
            )
        return trials

    def check(self, result: dict[str, Any], attachments: dict[str, Any]) -> None:
        """Refuse what a trial returned if the file cannot hold it.

        Raises:
            ResultNotPicklableError: It cannot be pickled; the message has the key.
        """
        for what, parts in (("result", result), ("attachments", attachments)):
            for key, part in parts.items():
                try:
                    cloudpickle.dumps((key, part))
                except (Exception, SystemExit) as exc:
                    raise ResultNotPicklableError(
                        f"{what}[{safe_repr(key)}], a {type(part).__name__}, cannot be pickled "
                        f"for trials_save_file ({type(exc).__name__}: {safe_text(exc)}). Return "
                        "less, for example numbers, or store the object and return its path."
                    ) from exc

    def save(self, trials: Any) -> None:
        """Replace the file's content by a pickle of the Trials, all or nothing."""
        beside = self._beside()
        _writing.add(beside.name)
        try:
            with beside.open("xb") as file:
                cloudpickle.dump(trials, file)
                file.flush()
                os.fsync(file.fileno())
            if self.path.exists():
                beside.chmod(self.path.stat().st_mode & 0o777)
            beside.replace(self.path)
        except BaseException:
            beside.unlink(missing_ok=True)
            raise
        finally:
            _writing.discard(beside.name)


_LONGEST_NAME = 100

_writing: set[str] = set()
"""Names of the files that this process writes just now."""


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
