"""Find the Python files and notebooks under paths, the ones without hyperopt left unread."""

from __future__ import annotations

import codecs
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

from hyperbridge.migrate.sources import UnreadableFileError, read_content

_FEW = 200
_SKIPPED = {"__pycache__", "node_modules", "site-packages", "dist-packages", "build", "dist"}
_WORDS = (b"hyperopt", b"hyperbridge")
SUFFIXES = (".py", ".ipynb")


def files_under(paths: Iterable[Path]) -> Iterator[Path]:
    """Yield the files that the paths name or hold, each once, in the order of their names.

    Folders that are hidden, or hold an environment, caches or build results, are passed over, and
    so are links to folders. A path that does not exist is yielded too, for the caller to name.
    """
    seen: set[str] = set()
    for path in paths:
        for file in _walk(path) if path.is_dir() else [path]:
            real = os.path.realpath(file)  # unlike resolve, it takes links that go round
            if real not in seen:
                seen.add(real)
                yield file


def _walk(root: Path) -> Iterator[Path]:
    for folder, names, files in os.walk(root):
        names[:] = sorted(
            name
            for name in names
            if not name.startswith(".")
            and name not in _SKIPPED
            and not os.path.exists(os.path.join(folder, name, "pyvenv.cfg"))
        )
        for name in sorted(files):
            if name.endswith(SUFFIXES):
                yield Path(folder, name)


def mentions_hyperopt(content: bytes) -> bool:
    """Tell whether a file is worth parsing.

    Examples:
        >>> mentions_hyperopt(b"from scipy.optimize import fmin")
        False
    """
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):  # to be named, not read
        content = content.replace(b"\0", b"")
    return any(word in content for word in _WORDS)


def program_files(
    paths: Sequence[Path], unreadable: Callable[[str], None]
) -> Iterator[tuple[Path, bytes | None]]:
    """Yield the files of a program with what is in them.

    A folder without a word of hyperopt is passed over; else its other files belong to the
    program, for they may hand its spaces and results on.

    Args:
        paths: Files and folders.
        unreadable: Is told of what cannot be read, whose content is then None.
    """
    found: list[tuple[Path, bytes]] = []
    for path in files_under(paths):
        try:
            content = read_content(path)
        except UnreadableFileError as exc:
            unreadable(str(exc))
            yield path, None
            continue
        found.append((path, content))
    concerned = {path for path, content in found if mentions_hyperopt(content)}
    few = len(found) <= _FEW
    for path, content in found if concerned else ():
        if path in concerned or (few and path.suffix == ".py" and path not in paths):
            yield path, content
