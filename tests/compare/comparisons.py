"""Read what ``hyperbridge compare --json`` printed."""

from __future__ import annotations

from typing import Any


def cell(report: dict[str, Any], row: str, column: str, search: int = 1) -> dict[str, Any]:
    """Return what the report has in one row and column."""
    rows = {each["row"]: each for each in report["searches"][search - 1]["rows"]}
    return {each["name"]: each for each in rows[row]["columns"]}[column]
