"""Read Python files and notebooks for analysis, and write them back with nothing else changed.

Formats: PEP 263 (encodings of source files), nbformat 4 (Jupyter notebooks), Databricks'
notebooks in source format, which are Python files with ``# MAGIC`` comments.
"""

from __future__ import annotations

import ast
import codecs
import io
import json
import os
import re
import tokenize
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hyperbridge.errors import HyperbridgeError
from hyperbridge.notebooks.jupyter import (
    cell_text,
    has_single_percents,
    is_python_notebook,
    language,
)
from hyperbridge.notebooks.magics import is_python, masked

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
        fault: Why it is no Python, so that it can define nothing; empty when it is.
    """

    start: int
    end: int
    first_line: int
    index: int | None = None
    fault: str = ""


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
        raw: The notebook's JSON; empty for a Python file.
        single_percent: Whether one percent sign names the language of a cell.
    """

    path: Path
    text: str
    code: str
    cells: tuple[Cell, ...]
    encoding: str = "utf-8"
    has_bom: bool = False
    document: dict[str, Any] | None = None
    raw: str = ""
    single_percent: bool = False

    def python(self, number: int, text: str) -> str:
        """Return a text of the cell with this number with all that is not Python blanked out."""
        if self.document is None:
            return text
        if self.cells[number].fault:
            return _blank(text)
        return masked(text, single_percent=self.single_percent)

    @property
    def newline(self) -> str:
        """The line ending that the file uses first."""
        found = re.search(r"\r\n|\n|\r", self.text)
        return "\n" if found is None else found.group()

    @property
    def is_databricks(self) -> bool:
        """Whether it is a Databricks notebook in source format."""
        return self.text.startswith(_DATABRICKS)

    def is_last_of_cell(self, end: int) -> bool:
        """Tell whether nothing follows in a notebook's cell, which then shows the value."""
        if self.document is None:
            return False
        cell = next(c for c in self.cells if c.start <= end <= c.end)
        return not self.code[end : cell.end].strip()

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
            (i, cell_text(cell)) for i, cell in enumerate(cells) if cell["cell_type"] == "code"
        ]
        metadata = document.get("metadata", {})
        is_python_inside = is_python_notebook(metadata)
    except (ValueError, KeyError, TypeError, AttributeError) as exc:
        raise UnreadableFileError(f"{path}: is not a notebook of nbformat 4: {exc!r}") from exc
    if not is_python_inside:
        raise UnreadableFileError(f"{path}: is a notebook of {language(metadata)}, not of Python")
    single = has_single_percents(metadata)
    text = code = ""
    pieces: list[Cell] = []
    for index, cell in sources:
        begin = len(text)
        python = masked(cell, single_percent=single)
        fault = _fault(cell, python)
        text += cell + "\n"
        code += (_blank(cell) if fault else python) + "\n"
        end = begin + len(cell)
        pieces.append(Cell(begin, end, text.count("\n", 0, begin) + 1, index, fault))
    pieces = pieces or [Cell(0, 0, 1)]
    return Source(
        path, text, code, tuple(pieces), document=document, raw=raw, single_percent=single
    )


def _blank(text: str) -> str:
    return re.sub(r"[^\r\n]", " ", text)


def _fault(cell: str, python: str) -> str:
    """Return why a cell defines nothing when it is run; empty where that is to be seen whole.

    A notebook runs on after a cell that does not parse. One that speaks of hyperopt, or is
    Python 2, is not passed over: the notebook is of no use without it.
    """
    if "hyperopt" in cell or is_python(python):
        return ""
    try:
        compile(python, "cell", "exec", ast.PyCF_ONLY_AST | ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
    except (SyntaxError, ValueError) as exc:
        reason = getattr(exc, "msg", None) or str(exc)
        return "" if reason.startswith("Missing parentheses in call to 'print'") else reason
    return ""


def _source_spans(raw: str) -> list[tuple[int, int]]:
    """Return where the sources of a notebook's cells stand in its JSON."""
    spans: list[tuple[int, int]] = []
    decoder = json.JSONDecoder()
    space = re.compile(r"[ \t\r\n]*")

    def skip(place: int) -> int:
        found = space.match(raw, place)
        assert found is not None
        return found.end()

    def entries(place: int, visit: Callable[[object, int], int]) -> int:
        """Visit the entries of the object or list that begins at a place."""
        is_object = raw[place] == "{"
        place, number = skip(place + 1), 0
        while raw[place] not in "}]":
            key: object = number
            if is_object:
                key, place = decoder.raw_decode(raw, place)
                place = skip(skip(place) + 1)
            place = skip(visit(key, place))
            if raw[place] == ",":
                place = skip(place + 1)
            number += 1
        return place + 1

    def value(place: int) -> int:
        _, end = decoder.raw_decode(raw, place)
        return end

    def in_cell(key: object, place: int) -> int:
        end = value(place)
        if key == "source":
            spans.append((place, end))
        return end

    def in_cells(_: object, place: int) -> int:
        before = len(spans)
        end = entries(place, in_cell)
        del spans[before + 1 :]
        return end

    def in_document(key: object, place: int) -> int:
        return entries(place, in_cells) if key == "cells" else value(place)

    entries(skip(0), in_document)
    return spans


def _said(old: str, text: str, as_list: bool) -> str:
    """Return the JSON of a cell's new source in the layout of the old one."""
    ascii_only = old.isascii()
    if not as_list:
        return json.dumps(text, ensure_ascii=ascii_only)
    lines = [json.dumps(line, ensure_ascii=ascii_only) for line in text.splitlines(keepends=True)]
    begin = re.match(r"\[(\s*)", old)
    finish = re.search(r"(\s*)\]$", old)
    assert begin is not None
    assert finish is not None
    if not lines:
        return "[]"
    between = f",{begin[1]}" if "\n" in begin[1] else ", "
    return f"[{begin[1]}{between.join(lines)}{finish[1]}]"


def with_cells(source: Source, texts: Sequence[str]) -> bytes:
    """Return the content of a file whose cells have new texts.

    Args:
        source: The file as read.
        texts: One text for each of its cells.

    Raises:
        UnreadableFileError: The text cannot be said in the file's encoding.
    """
    if source.document is None:
        try:
            content = "".join(texts).encode(source.encoding)
        except UnicodeEncodeError as exc:
            raise UnreadableFileError(f"{source.path}: {exc}") from exc
        return (codecs.BOM_UTF8 if source.has_bom else b"") + content
    raw = source.raw
    edits: list[tuple[int, int, str]] = []
    spans = _source_spans(raw)
    for piece, text in zip(source.cells, texts, strict=True):
        if piece.index is None or text == source.text[piece.start : piece.end]:
            continue
        start, end = spans[piece.index]
        as_list = raw[start] == "["
        edits.append((start, end, _said(raw[start:end], text, as_list)))
    for start, end, new in sorted(edits, reverse=True):
        raw = raw[:start] + new + raw[end:]
    return raw.encode()


def write_aside(path: Path, content: bytes) -> None:
    """Replace a file in one step: write beside it, then rename. A symlink's target is replaced.

    Raises:
        UnreadableFileError: The file or its folder cannot be written.
    """
    target = path.resolve()
    if not os.access(target, os.W_OK):
        raise UnreadableFileError(f"{path}: is read-only")
    import tempfile  # it imports a lot, and most files are only read

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
