"""``dbutils.fs`` on the files of this machine.

A path that begins with ``file:/`` is one of this machine. Others are in DBFS on Databricks; here
they are in the folder that the environment variable ``HYPERBRIDGE_DBFS`` names, or nowhere.
Source: Databricks documentation, "File system utility (dbutils.fs)".
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import NamedTuple

DBFS = "HYPERBRIDGE_DBFS"
"""Environment variable: the folder that stands for the root of DBFS."""


class FileInfo(NamedTuple):
    """A file or a folder, as ``dbutils.fs.ls`` lists it; times are in milliseconds."""

    path: str
    name: str
    size: int
    modificationTime: int  # noqa: N815 - Databricks' name


def local_path(path: str) -> Path:
    """Return where a path of ``dbutils.fs`` is on this machine.

    Raises:
        FileNotFoundError: It is in DBFS or another storage, and no folder stands for that.

    Examples:
        >>> local_path("file:/tmp/data").as_posix()
        '/tmp/data'
    """
    if path.startswith("file:"):
        return Path("/" + path.removeprefix("file:").lstrip("/"))
    scheme, colon, rest = path.partition(":/")
    root = os.environ.get(DBFS)
    if not root or (colon and scheme != "dbfs"):
        raise FileNotFoundError(
            f"{path!r} is in a storage that is not here. Use a path of this machine, 'file:/...'"
            + ("." if colon and scheme != "dbfs" else f", or name a folder for DBFS by {DBFS}.")
        )
    inside = (Path(root) / (rest if colon else path).lstrip("/")).resolve()
    if not inside.is_relative_to(Path(root).resolve()):
        raise FileNotFoundError(f"{path!r} is outside of the folder {root!r} ({DBFS})")
    return inside


class Files:
    """``dbutils.fs``, but for mounts and caches."""

    def ls(self, path: str) -> list[FileInfo]:
        """List a folder, or a file."""
        found = local_path(path)
        entries = sorted(found.iterdir()) if found.is_dir() else [found]
        return [_info(entry, path if entry == found else _join(path, entry)) for entry in entries]

    def head(self, file: str, maxBytes: int = 65536) -> str:  # noqa: N803 - Databricks' name
        """Return the beginning of a file."""
        with local_path(file).open("rb") as stream:
            return stream.read(maxBytes).decode(errors="replace")

    def put(self, file: str, contents: str, overwrite: bool = False) -> bool:
        """Write a file.

        Raises:
            FileExistsError: There is one, and it is not to be overwritten.
        """
        path = local_path(file)
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("w" if overwrite else "x", encoding="utf-8") as stream:
            stream.write(contents)
        return True

    def mkdirs(self, dir: str) -> bool:
        """Make a folder and those above it."""
        local_path(dir).mkdir(parents=True, exist_ok=True)
        return True

    def cp(self, source: str, dest: str, recurse: bool = False) -> bool:
        """Copy a file, or a folder with ``recurse``."""
        begin, end = local_path(source), local_path(dest)
        if begin.is_dir():
            if not recurse:
                raise IsADirectoryError(f"{source!r} is a folder: copy it with recurse=True")
            shutil.copytree(begin, end, dirs_exist_ok=True)
        else:
            target = end / begin.name if end.is_dir() else end
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(begin, target)
        return True

    def mv(self, source: str, dest: str, recurse: bool = False) -> bool:
        """Move a file, or a folder with ``recurse``."""
        begin = local_path(source)
        if begin.is_dir() and not recurse:
            raise IsADirectoryError(f"{source!r} is a folder: move it with recurse=True")
        shutil.move(begin, local_path(dest))
        return True

    def rm(self, dir: str, recurse: bool = False) -> bool:
        """Remove a file, or a folder with ``recurse``; tell whether there was one."""
        path = local_path(dir)
        if not path.exists() and not path.is_symlink():
            return False
        if path.is_dir() and not path.is_symlink():
            if not recurse and any(path.iterdir()):
                raise IsADirectoryError(f"{dir!r} is not empty: remove it with recurse=True")
            shutil.rmtree(path)
        else:
            path.unlink()
        return True


def _join(path: str, entry: Path) -> str:
    return f"{path.rstrip('/')}/{entry.name}{'/' if entry.is_dir() else ''}"


def _info(entry: Path, path: str) -> FileInfo:
    status = entry.stat()
    name = f"{entry.name}/" if entry.is_dir() else entry.name
    size = 0 if entry.is_dir() else status.st_size
    return FileInfo(path, name, size, int(status.st_mtime * 1000))
