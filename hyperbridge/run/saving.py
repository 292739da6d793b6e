"""Keep a Trials object in a file that a kill at any instant leaves whole.

hyperopt rewrites its pickle in place; here it is written beside, synced and renamed.
"""

from __future__ import annotations

import os
import uuid
from pathlib import Path
from typing import Any

import cloudpickle

from hyperbridge.errors import InvalidArgumentError, ResultNotPicklableError
from hyperbridge.worker.frames import safe_repr, safe_text


class TrialsFile:
    """The file of fmin's ``trials_save_file``.

    Loading a pickle runs code: load only files that you trust.

    Args:
        path: Where the Trials are kept; its folder must exist.

    Raises:
        InvalidArgumentError: The path is no place for a file.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path).absolute()
        if self.path.is_dir():
            raise InvalidArgumentError(f"trials_save_file {str(path)!r} is a directory")
        if not self.path.parent.is_dir():
            raise InvalidArgumentError(
                f"trials_save_file {str(path)!r}: the folder {self.path.parent} does not exist"
            )

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
        beside = self.path.with_name(f".{self.path.name}.{uuid.uuid4().hex[:8]}")
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
