"""Read Python files and notebooks for analysis, and write them back with nothing else changed.

Formats: PEP 263 (encodings of source files), nbformat 4 (Jupyter notebooks), Databricks'
notebooks in source format, which are Python files with ``# MAGIC`` comments.
"""

from __future__ import annotations

import codecs
import io
import json
import os
import re
import tempfile
import tokenize
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hyperbridge.errors import HyperbridgeError

_MAGIC_LINE = re.compile(r"^(\s*)([%!?].*|[\w.]+\?{1,2})$")
_MAGIC_VALUE = re.compile(r"^(\s*[\w, ]+=\s*)([%!].*)$")
_DATABRICKS = "# Databricks notebook source"


class UnreadableFileError(HyperbridgeError, ValueError):
    """A file cannot be read or written as Python source; the message has its path."""


@dataclass(frozen=True, slots=True)
class Cell:
    """A piece of a source.

    Attributes:
        start: Offset of its first character in the text.
        end: Offset after its last character.
        first_line: The line of the text at which it begins, from 1.
        index: Position among the notebook's cells; None for a file that is one piece.
    """

    start: int
    end: int
    first_line: int
    index: int | None = None


@dataclass(frozen=True, slots=True)
class Source:
    """A file of Python code.

    Attributes:
        path: Where it is.
        text: The code; of a notebook, its code cells one after the other.
        code: The same text with magics blanked out, character by character, so that it parses.
        cells: The pieces that the text consists of.
        encoding: Of the file.
        has_bom: Whether the file begins with a byte order mark.
        document: The parsed notebook; None for a Python file.
        layout: How the notebook's JSON is laid out, for ``json.dumps``.
    """

    path: Path
    text: str
    code: str
    cells: tuple[Cell, ...]
    encoding: str = "utf-8"
    has_bom: bool = False
    document: dict[str, Any] | None = None
    layout: dict[str, Any] | None = None

    @property
    def newline(self) -> str:
        """The line ending that the file uses first."""
        found = re.search(r"\r\n|\n|\r", self.text)
        return "\n" if found is None else found.group()

    @property
    def is_databricks(self) -> bool:
        """Whether it is a Databricks notebook in source format."""
        return self.text.startswith(_DATABRICKS)

    def place(self, line: int) -> str:
        """Return where a line of the text is, for people: ``12``, or ``cell 3 line 2``."""
        cell = next(c for c in reversed(self.cells) if c.first_line <= line)
        if cell.index is None:
            return str(line)
        return f"cell {cell.index + 1} line {line - cell.first_line + 1}"


def read_source(path: Path) -> Source:
    """Read a ``.py`` or ``.ipynb`` file.

    Raises:
        UnreadableFileError: It cannot be opened or decoded, or its JSON is no notebook.
    """
    return source_of(path, read_content(path))


def read_content(path: Path) -> bytes:
    """Return the bytes of a file.

    Raises:
        UnreadableFileError: It cannot be opened, or is a pipe or a device.
    """
    try:
        if not path.is_file() and path.exists() and not path.is_dir():
            raise UnreadableFileError(f"{path}: is not a regular file")
        return path.read_bytes()
    except OSError as exc:
        raise UnreadableFileError(f"{path}: cannot be read: {exc.strerror}") from exc


def source_of(path: Path, content: bytes) -> Source:
    """Read the content of a file; see `read_source`."""
    if path.suffix == ".ipynb":
        return _notebook(path, content)
    has_bom = content.startswith(codecs.BOM_UTF8)
    try:
        encoding, _ = tokenize.detect_encoding(io.BytesIO(content).readline)
        encoding = "utf-8" if encoding == "utf-8-sig" else encoding
        text = content.removeprefix(codecs.BOM_UTF8).decode(encoding)
    except (SyntaxError, UnicodeDecodeError, LookupError) as exc:
        raise UnreadableFileError(f"{path}: cannot be decoded: {exc}") from exc
    if "\0" in text:
        raise UnreadableFileError(f"{path}: has null bytes, so it is not Python source")
    return Source(path, text, text, (Cell(0, len(text), 1),), encoding, has_bom)


def _notebook(path: Path, content: bytes) -> Source:
    try:
        raw = content.decode("utf-8")
        document = json.loads(raw)
        cells = document["cells"]
        sources = [
            (i, "".join(cell["source"]))
            for i, cell in enumerate(cells)
            if cell["cell_type"] == "code"
        ]
        language = document.get("metadata", {}).get("kernelspec", {}).get("language", "python")
    except (ValueError, KeyError, TypeError, AttributeError) as exc:
        raise UnreadableFileError(f"{path}: is not a notebook of nbformat 4: {exc!r}") from exc
    if language != "python":
        raise UnreadableFileError(f"{path}: is a notebook of {language}, not of Python")
    text = ""
    pieces: list[Cell] = []
    for index, cell in sources:
        begin = len(text)
        text += cell
        pieces.append(Cell(begin, len(text), text.count("\n", 0, begin) + 1, index))
        text += "\n"
    code = "".join(_blanked(text[c.start : c.end]) + "\n" for c in pieces)
    pieces = pieces or [Cell(0, 0, 1)]
    return Source(path, text, code, tuple(pieces), document=document, layout=_layout(raw, document))


def _blanked(cell: str) -> str:
    """Return a cell with its magics replaced by as many other characters."""
    if cell.lstrip().startswith("%%"):
        return re.sub(r"[^\n]", " ", cell)
    lines: list[str] = []
    continued = False
    for line in cell.split("\n"):
        if continued:
            continued = line.endswith("\\")
            lines.append(" " * len(line))
            continue
        magic = _MAGIC_LINE.match(line) or _MAGIC_VALUE.match(line)
        if magic is None:
            lines.append(line)
            continue
        continued = line.endswith("\\")
        lines.append((magic[1] + "0").ljust(len(line)))
    return "\n".join(lines)


def _layout(raw: str, document: dict[str, Any]) -> dict[str, Any] | None:
    """Return the options with which ``json.dumps`` gives the very same text, if there are any."""
    for indent in (1, 2, 4, None):
        for ascii_only in (False, True):
            layout: dict[str, Any] = {"indent": indent, "ensure_ascii": ascii_only}
            if json.dumps(document, **layout) == raw.rstrip("\n"):
                return {**layout, "end": raw[len(raw.rstrip("\n")) :]}
    return None


def with_cells(source: Source, texts: Sequence[str]) -> bytes:
    """Return the content of a file whose cells have new texts.

    Args:
        source: The file as read.
        texts: One text for each of its cells.

    Raises:
        UnreadableFileError: The text cannot be said in the file's encoding, or the notebook's
            JSON has a layout that would change elsewhere too.
    """
    if source.document is None:
        try:
            content = "".join(texts).encode(source.encoding)
        except UnicodeEncodeError as exc:
            raise UnreadableFileError(f"{source.path}: {exc}") from exc
        return (codecs.BOM_UTF8 if source.has_bom else b"") + content
    if source.layout is None:
        raise UnreadableFileError(
            f"{source.path}: the JSON has an unusual layout that would be lost. Open and save"
            " the notebook in Jupyter once, then try again."
        )
    document = json.loads(json.dumps(source.document))
    for piece, text in zip(source.cells, texts, strict=True):
        if piece.index is not None:
            cell = document["cells"][piece.index]
            as_list = isinstance(cell["source"], list)
            cell["source"] = text.splitlines(keepends=True) if as_list else text
    layout = dict(source.layout)
    end = layout.pop("end")
    return f"{json.dumps(document, **layout)}{end}".encode()


def write_aside(path: Path, content: bytes) -> None:
    """Replace a file in one step: write beside it, then rename. A symlink's target is replaced.

    Raises:
        UnreadableFileError: The file or its folder cannot be written.
    """
    target = path.resolve()
    if not os.access(target, os.W_OK):
        raise UnreadableFileError(f"{path}: is read-only")
    try:
        mode = target.stat().st_mode
        handle, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            os.chmod(name, mode & 0o7777)
            os.replace(name, target)
        except BaseException:
            os.unlink(name)
            raise
    except OSError as exc:
        raise UnreadableFileError(f"{path}: cannot be written: {exc.strerror}") from exc
