"""Find the Python files and notebooks under paths, the ones without hyperopt left unread."""

from __future__ import annotations

import codecs
import functools
import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from hyperbridge.migrate.requirements import is_requirements
from hyperbridge.migrate.sources import UnreadableFileError, read_content

_FEW = 200
_SKIPPED = {"__pycache__", "node_modules", "site-packages", "dist-packages", "build", "dist"}
_WORDS = (b"hyperopt", b"hyperbridge")
_KEYWORDS = (b"from ", b"import ", b"from\t", b"import\t")
_IMPORT = re.compile(rb"[ \t]*(?:from|import)[ \t]+([^\r\n(]*(?:\([^)]*\))?)")
_WORD = re.compile(rb"\w+")
SUFFIXES = (".py", ".ipynb")


def files_under(paths: Iterable[Path]) -> Iterator[Path]:
    """Yield the files that the paths name or hold, each once, in the order of their names.

    Folders that are hidden, or hold an environment, caches or build results, are passed over, and
    so are links to folders. A path that does not exist is yielded too, for the caller to name.
    """
    seen: set[str] = set()
    for path in paths:
        for file, real in _walk(path) if path.is_dir() else [(path, os.path.realpath(path))]:
            if real not in seen:
                seen.add(real)
                yield file


def _walk(root: Path) -> Iterator[tuple[Path, str]]:
    """Yield each file under a folder with its real path."""
    for folder, names, files in os.walk(root):
        names[:] = sorted(
            name
            for name in names
            if not name.startswith(".")
            and name not in _SKIPPED
            and not os.path.exists(os.path.join(folder, name, "pyvenv.cfg"))
        )
        real = os.path.realpath(folder)  # unlike resolve, it takes links that go round
        for name in sorted(files):
            if name.endswith(SUFFIXES) or is_requirements(Path(folder, name)):
                file = os.path.join(folder, name)
                is_link = os.path.islink(file)
                yield Path(file), os.path.realpath(file) if is_link else os.path.join(real, name)


def mentions_hyperopt(content: bytes) -> bool:
    """Tell whether a file is worth parsing.

    Examples:
        >>> mentions_hyperopt(b"from scipy.optimize import fmin")
        False
    """
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):  # to be named, not read
        content = content.replace(b"\0", b"")
    return any(word in content for word in _WORDS)


@dataclass(frozen=True, slots=True)
class Found:
    """What is under some paths.

    Attributes:
        files: The files of programs that use hyperopt, in the order of the paths: those that speak
            of it, and those that import from them or are imported by them.
        unread: Files that cannot be read, each with a message.
        looked_at: How many files there are, those that cannot be read included.
        lists: Files that ask for packages.
    """

    files: tuple[tuple[Path, bytes], ...]
    unread: tuple[tuple[Path, str], ...]
    looked_at: int
    lists: tuple[Path, ...] = ()


def program_files(paths: Sequence[Path]) -> Found:
    """Return the files under paths that a migration must know."""
    contents: dict[Path, bytes] = {}
    unread: list[tuple[Path, str]] = []
    lists: list[Path] = []
    for path in files_under(paths):
        if is_requirements(path):
            lists.append(path)
            if path.name != "setup.py":
                continue
        try:
            contents[path] = read_content(path)
        except UnreadableFileError as exc:
            unread.append((path, str(exc)))
    concerned = {path for path, content in contents.items() if mentions_hyperopt(content)}
    concerned |= _related(contents, concerned)
    files = tuple((path, contents[path]) for path in contents if path in concerned)
    return Found(files, tuple(unread), len(contents) + len(unread), tuple(lists))


def _related(contents: Mapping[Path, bytes], concerned: set[Path]) -> set[Path]:
    """Return the scripts that import from those that use hyperopt, or that these import."""
    names = {path: _module_name(path) for path in contents if path.suffix == ".py"}
    by_name: dict[bytes, list[Path]] = {}
    for path, name in names.items():
        by_name.setdefault(name, []).append(path)
    words = functools.cache(lambda path: _imported_words(contents[path]))
    known, new = set(concerned), set(concerned)
    while new and len(known) < len(concerned) + _FEW:
        imported = {word for path in new for word in words(path)}
        found = {path for word in imported & by_name.keys() for path in by_name[word]}
        wanted = {names[path] for path in new if path in names}
        others = (path for path in names if path not in known and path not in found)
        found |= {path for path in others if not wanted.isdisjoint(words(path))}
        new = found - known
        known |= new
    return known - concerned


def _module_name(path: Path) -> bytes:
    return os.fsencode(path.parent.name if path.stem == "__init__" else path.stem)


def _imported_words(content: bytes) -> set[bytes]:
    """Return the words of the import statements of a file."""
    found: set[bytes] = set()
    for keyword in _KEYWORDS:
        position = content.find(keyword)
        while position >= 0:
            statement = _IMPORT.match(content, content.rfind(b"\n", 0, position) + 1)
            if statement is not None:
                found.update(_WORD.findall(statement[1]))
            position = content.find(keyword, position + len(keyword))
    return found
