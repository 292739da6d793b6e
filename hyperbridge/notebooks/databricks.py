"""Read the cells of a notebook in Databricks source format.

That is a Python file: cells are separated by ``# COMMAND ----------``, and what is not Python
stands in comments that begin with ``# MAGIC``. Source: Databricks documentation, "Import and
export Databricks notebooks".
"""

from __future__ import annotations

import io
import re
import tokenize
from pathlib import Path

from hyperbridge.errors import InvalidArgumentError
from hyperbridge.notebooks.cells import Cell

_HEADER = b"# Databricks notebook source"
_SEPARATOR = re.compile(r"# COMMAND -{5,}\s*$")
_MAGIC = re.compile(r"# MAGIC ?")


def is_databricks_source(content: bytes) -> bool:
    """Tell whether the content of a file is a notebook in Databricks source format.

    Examples:
        >>> is_databricks_source(b"# Databricks notebook source")
        True
    """
    return content.removeprefix(b"\xef\xbb\xbf").startswith(_HEADER)


def read_cells(path: Path) -> list[Cell]:
    """Return the cells in order; their line numbers are the file's.

    Args:
        path: A file that `is_databricks_source` accepts.

    Raises:
        InvalidArgumentError: The file's encoding is not the one that it declares.
    """
    content = path.read_bytes()
    try:
        encoding, _ = tokenize.detect_encoding(io.BytesIO(content).readline)
        text = content.decode(encoding)
    except (SyntaxError, UnicodeDecodeError) as exc:
        raise InvalidArgumentError(f"'{path}' cannot be read: {exc}") from None
    lines = text.splitlines(keepends=True)
    borders = [i for i, line in enumerate(lines) if _SEPARATOR.match(line)]
    starts = [0, *(border + 1 for border in borders)]
    ends = [*borders, len(lines)]
    return [
        Cell(
            title=path.name,
            filename=str(path.absolute()),
            first_line=start + 1,
            text="".join(
                _MAGIC.sub("", line, count=1) if _MAGIC.match(line) else line
                for line in lines[start:end]
            ),
            single_percent=True,
        )
        for start, end in zip(starts, ends, strict=True)
    ]
