"""The folder of a Ray experiment: where it is, which space it is for, files of ours in it.

Source: pyarrow.fs, as Tune uses it itself.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import posixpath
from pathlib import Path
from typing import Any

import pyarrow.fs

from hyperbridge.errors import InvalidArgumentError
from hyperbridge.search.identity import difference, space_texts
from hyperbridge.space import Space

DEFAULT_STORAGE = "~/ray_results"
_FOLDER = "hyperbridge"
_SEARCH_FILE = "search.json"
_PROBE_FILE = "probe"


def open_storage(path: Any, filesystem: Any) -> tuple[Any, str]:
    """Return the pyarrow filesystem of a storage path, and the path within it.

    Args:
        path: As in ``RunConfig(storage_path=)``: a folder, a URI, or None for Tune's default.
        filesystem: As in ``RunConfig(storage_filesystem=)``.

    Raises:
        InvalidArgumentError: The URI cannot be opened.
    """
    text = os.fspath(path or DEFAULT_STORAGE)
    if filesystem is not None:
        return filesystem, text
    if "://" not in text:
        return pyarrow.fs.LocalFileSystem(), Path(text).expanduser().absolute().as_posix()
    try:
        return pyarrow.fs.FileSystem.from_uri(text)  # type: ignore[no-any-return]
    except (pyarrow.lib.ArrowInvalid, ValueError, OSError) as exc:
        try:
            fsspec = importlib.import_module("fsspec")

            found, inner = fsspec.core.url_to_fs(text)
        except Exception:  # noqa: BLE001 - a file system plug-in may raise anything
            raise InvalidArgumentError(f"storage_path {text!r} cannot be opened: {exc}") from exc
        return pyarrow.fs.PyFileSystem(pyarrow.fs.FSSpecHandler(found)), inner


class ExperimentFolder:
    """The folder of one experiment.

    Args:
        filesystem: A pyarrow filesystem.
        path: The folder in it.
    """

    def __init__(self, filesystem: Any, path: str) -> None:
        self.filesystem = filesystem
        self.path = path

    def list_names(self, folder: str) -> list[str]:
        """Return the names in a folder; none when it does not exist."""
        selector = pyarrow.fs.FileSelector(folder, allow_not_found=True)
        return [info.base_name for info in self.filesystem.get_file_info(selector)]

    def inner(self, name: str = "") -> str:
        """Return the path of a file of ours, or of their folder."""
        return posixpath.join(self.path, _FOLDER, name).rstrip("/")

    def exists(self) -> bool:
        """Tell whether there is an experiment here already, ours or not.

        Raises:
            InvalidArgumentError: The folder cannot be looked at.
        """
        try:
            names = self.list_names(self.path)
            inner = set(self.list_names(self.inner()))
            return bool(set(names) - {_FOLDER} or inner - {_PROBE_FILE})
        except (OSError, pyarrow.lib.ArrowException) as exc:
            raise InvalidArgumentError(
                f"Backend 'ray': the storage path of the experiment, {self.path!r}, cannot be "
                f"read: {exc}"
            ) from exc

    def has_tune_state(self) -> bool:
        """Tell whether Tune has saved its state here."""
        return any(
            name.startswith("experiment_state-") and name.endswith(".json")
            for name in self.list_names(self.path)
        )

    def create(self) -> None:
        """Make the folder, and see whether it can be written.

        Raises:
            InvalidArgumentError: It cannot.
        """
        try:
            self.filesystem.create_dir(self.inner(), recursive=True)
            self.write(_PROBE_FILE, b"")
            with contextlib.suppress(OSError, pyarrow.lib.ArrowException):  # it may stay
                self.filesystem.delete_file(self.inner(_PROBE_FILE))
        except (OSError, pyarrow.lib.ArrowException) as exc:
            raise InvalidArgumentError(
                f"Backend 'ray': the storage path of the experiment, {self.path!r}, cannot be "
                f"written: {exc}"
            ) from exc

    def note_search(self, space: Space, objective_name: str) -> None:
        """Note which search the experiment is for."""
        noted = {"objective": objective_name, "space": space_texts(space)}
        self.write(_SEARCH_FILE, json.dumps(noted, indent=1).encode())

    def check_search(self, space: Space) -> str:
        """Make sure that the experiment here is one of fmin with the same search space.

        Returns:
            The name of the objective that it was made with, which Tune has in its own files.

        Raises:
            InvalidArgumentError: It is another one; the message names what differs.
        """
        name = posixpath.basename(self.path)
        advice = "Choose another name (RunConfig(name=...)) or another storage path."
        if _SEARCH_FILE not in self.list_names(self.inner()):
            raise InvalidArgumentError(
                f"Backend 'ray': {self.path!r} holds an experiment that fmin did not make, so fmin "
                f"cannot continue it. {advice}"
            )
        noted = json.loads(self.read(_SEARCH_FILE))
        differs = difference(noted["space"], space_texts(space))
        if differs is not None:
            raise InvalidArgumentError(
                f"Backend 'ray': the experiment {name!r} at {self.path!r} has another search "
                f"space: {differs}. {advice}"
            )
        return str(noted["objective"])

    def write(self, name: str, content: bytes) -> None:
        """Write a file of ours."""
        with self.filesystem.open_output_stream(self.inner(name)) as stream:
            stream.write(content)

    def read(self, name: str) -> bytes:
        """Read a file of ours."""
        with self.filesystem.open_input_stream(self.inner(name)) as stream:
            return stream.readall()  # type: ignore[no-any-return]
