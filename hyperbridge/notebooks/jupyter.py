"""Read the code cells of a Jupyter notebook. Source: the nbformat reference, version 4."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from hyperbridge.errors import InvalidArgumentError
from hyperbridge.notebooks.cells import Cell

_DATABRICKS = "application/vnd.databricks.v1+notebook"
"""The key of the metadata of a notebook that Databricks exported."""


def read_cells(path: Path) -> list[Cell]:
    """Return the code cells in order; the first is called cell 1.

    Args:
        path: An ``.ipynb`` file.

    Raises:
        InvalidArgumentError: It is not a notebook of nbformat 4, or is in another language.
    """
    try:
        notebook = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as exc:
        raise InvalidArgumentError(f"'{path}' is not a Jupyter notebook: {exc}") from None
    if not isinstance(notebook, dict) or not isinstance(notebook.get("cells"), list):
        raise InvalidArgumentError(
            f"'{path}' is not a Jupyter notebook of format 4. An older one can be converted with: "
            f"jupyter nbconvert --to notebook {path}"
        )
    metadata = notebook.get("metadata", {})
    if not is_python_notebook(metadata):
        raise InvalidArgumentError(f"'{path}' is a notebook in {language(metadata)}, not in Python")
    is_databricks = has_single_percents(metadata)
    cells = [cell for cell in notebook["cells"] if cell.get("cell_type") == "code"]
    return [
        Cell(
            title=f"{path.name} cell {number}",
            filename=f"<{path.name} cell {number}>",
            first_line=1,
            text=cell_text(cell),
            single_percent=is_databricks,
        )
        for number, cell in enumerate(cells, start=1)
    ]


def cell_text(cell: dict[str, Any]) -> str:
    r"""Return what a cell runs: its source without the white space that its first line begins with.

    IPython takes that away from all lines, so that a piece of a function runs as it is.

    Examples:
        >>> cell_text({"source": ["  if x:\n", "    y = 1\n", "z = 2"]})
        'if x:\n  y = 1\nz = 2'
    """
    text = "".join(cell["source"])
    first = re.match(r"(?:[ \t]*\r?\n)*([ \t]+)\S", text)
    return text if first is None else re.sub(f"^{first[1]}", "", text, flags=re.MULTILINE)


def has_single_percents(metadata: dict[str, Any]) -> bool:
    """Tell whether one percent sign names the language of a cell, as Databricks has it."""
    return _DATABRICKS in metadata


def is_python_notebook(metadata: dict[str, Any]) -> bool:
    """Tell whether the cells of a notebook are Python."""
    return language(metadata).lower() in ("python", "ipython", "python3")


def language(metadata: dict[str, Any]) -> str:
    """Return the language of a notebook's cells."""
    for section, key in (("language_info", "name"), ("kernelspec", "language")):
        if key in metadata.get(section, {}):
            return str(metadata[section][key])
    return "python"
