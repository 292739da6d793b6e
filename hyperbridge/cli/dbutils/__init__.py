"""``dbutils`` for notebooks that run outside of Databricks.

Source: Databricks documentation, "Databricks Utilities (dbutils) reference".
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hyperbridge.cli.dbutils.files import Files
from hyperbridge.cli.dbutils.flow import Flow
from hyperbridge.cli.dbutils.outside import Jobs, Secrets
from hyperbridge.cli.dbutils.widgets import Widgets


class Library:
    """``dbutils.library``."""

    def restartPython(self) -> None:  # noqa: N802 - Databricks' name
        """Do nothing but say so: the lines that install packages are left out too."""
        print("hyperbridge: skipped dbutils.library.restartPython()", file=sys.stderr)


class DbUtils:
    """What a notebook has as ``dbutils``.

    Args:
        path: The notebook's file.
        widgets: Values for its widgets, by name.
        databricks: Databricks' own ``dbutils``, where there is one: it has the parts that are
            not here.
    """

    def __init__(self, path: Path, widgets: Mapping[str, str], databricks: Any = None) -> None:
        self._databricks = databricks
        self.widgets = Widgets(widgets)
        self.library = Library()
        self.notebook = Flow(path)
        if databricks is None:
            self.fs = Files()
            self.jobs = Jobs()
            self.secrets = Secrets()

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_") or self._databricks is None:
            raise AttributeError(f"dbutils.{name} works only on Databricks")
        return getattr(self._databricks, name)


PARTS: Mapping[str, type] = {
    "fs": Files,
    "jobs": Jobs,
    "library": Library,
    "notebook": Flow,
    "secrets": Secrets,
    "widgets": Widgets,
}
"""The classes of the parts that exist here, by name."""
