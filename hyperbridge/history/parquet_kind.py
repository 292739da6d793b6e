"""A Parquet file: a row for each trial, for data frames; it is not read back."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Any, ClassVar

from hyperbridge.history.csv_kind import text_of
from hyperbridge.history.history import History
from hyperbridge.history.kinds import Kind, Options
from hyperbridge.history.rows import rows_of
from hyperbridge.history.targets import check_new_file, replace_file
from hyperbridge.optional import PYARROW


class ParquetKind(Kind):
    """The columns of a CSV file, with types."""

    name: ClassVar[str] = "parquet"
    help: ClassVar[str] = "a Parquet file"
    example: ClassVar[str] = "trials.parquet"
    writes: ClassVar[bool] = True
    suffixes: ClassVar[tuple[str, ...]] = (".parquet", ".pq")

    def write(self, history: History, target: str, options: Options) -> None:
        """Write a row for each trial; what has no value is null."""
        check_new_file(target, options)
        arrow = PYARROW.require("A Parquet file")
        parquet = PYARROW.require("A Parquet file", "parquet")
        columns, rows = rows_of(history, "a Parquet file")
        table = {}
        for column in columns:
            values = [row.get(column) for row in rows]
            if not _is_of_one_kind(values):
                history.remark(
                    f"column {column!r} of a Parquet file has texts, in JSON: its values are not "
                    "all numbers, or all texts"
                )
                values = [None if value is None else text_of(value) for value in values]
            if column in ("started", "ended"):
                values = [None if value is None else _time(value) for value in values]
                table[column] = arrow.array(values, type=arrow.timestamp("us", tz="UTC"))
            else:
                table[column] = arrow.array(values)
        file = io.BytesIO()
        parquet.write_table(arrow.table(table), file)
        replace_file(target, file.getvalue())


def _is_of_one_kind(values: Sequence[Any]) -> bool:
    """Tell whether a column can have one type of numbers or texts."""
    kinds = {type(value) for value in values if value is not None}
    most = {frozenset({int}): 2**63 - 1, frozenset({int, float}): 2**53}.get(frozenset(kinds))
    if most is not None:
        return all(abs(value) <= most for value in values if isinstance(value, int))
    return len(kinds) <= 1 and not kinds & {list, dict}


def _time(text: str) -> Any:
    from datetime import datetime, timezone

    return datetime.fromisoformat(text.removesuffix("Z")).replace(tzinfo=timezone.utc)
