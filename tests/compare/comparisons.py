"""Columns that no program has made, and what ``compare --json`` printed of real ones."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from hyperbridge.compare.collect import Column
from hyperbridge.compare.records import ProgramRecord, SearchRecord, TrialRecord


def cell(report: dict[str, Any], row: str, column: str, search: int = 1) -> dict[str, Any]:
    """Return what the report has in one row and column."""
    rows = {each["row"]: each for each in report["searches"][search - 1]["rows"]}
    return {each["name"]: each for each in rows[row]["columns"]}[column]


def search(losses: list[float | None], **more: Any) -> SearchRecord:
    trials = [
        TrialRecord(loss, "failed" if loss is None else "complete", at_s=float(i + 1),
                    objective_s=0.5, dispatch_s=0.01, tracking_s=0.02)
        for i, loss in enumerate(losses)
    ]  # fmt: skip
    given: dict[str, Any] = {
        "algo": "hyperopt.tpe", "parallelism": 1, "start_s": 0.1, "wall_s": float(len(losses)),
        "search_s": 0.1, "argmin": {"x": "0.5"}, "types": {"x": "float"}, "reached": ["x"],
        "layout": {"tid": ["int"]}, "always": ["tid"],
    }  # fmt: skip
    return SearchRecord("local", trials=trials, **{**given, **more})


def column(name: str, *searches: SearchRecord) -> Column:
    return Column(name, Path("train.py"), name, [ProgramRecord([each]) for each in searches])
