"""Read the code cells of a Jupyter notebook. Source: the nbformat reference, version 4."""

from __future__ import annotations

import json
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
    language = _language(notebook.get("metadata", {}))
    if language.lower() not in ("python", "ipython", "python3"):
        raise InvalidArgumentError(f"'{path}' is a notebook in {language}, not in Python")
    is_databricks = _DATABRICKS in notebook.get("metadata", {})
    sources = [cell["source"] for cell in notebook["cells"] if cell.get("cell_type") == "code"]
    return [
        Cell(
            title=f"{path.name} cell {number}",
            filename=f"<{path.name} cell {number}>",
            first_line=1,
            text=source if isinstance(source, str) else "".join(source),
            single_percent=is_databricks,
        )
        for number, source in enumerate(sources, start=1)
    ]


def _language(metadata: dict[str, Any]) -> str:
    for section, key in (("language_info", "name"), ("kernelspec", "language")):
        if key in metadata.get(section, {}):
            return str(metadata[section][key])
    return "python"
