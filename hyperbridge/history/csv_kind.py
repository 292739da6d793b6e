"""A CSV file: a row for each trial, for spreadsheets and data frames, and for us."""

from __future__ import annotations

import codecs
import csv
import io
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, Final

from hyperbridge.errors import InvalidArgumentError
from hyperbridge.history.history import History
from hyperbridge.history.kinds import Kind, Options
from hyperbridge.history.plain_documents import documents_from
from hyperbridge.history.rows import FIRST, PARAMS, rows_of, unflatten
from hyperbridge.history.targets import check_new_file, replace_file

_MARK: Final = ",".join(FIRST)
_LONGEST_CELL: Final = 2**31 - 1


class CsvKind(Kind):
    """Columns for the state, the loss, the times, each label and each entry of the results."""

    name: ClassVar[str] = "csv"
    help: ClassVar[str] = "a CSV file; of CSV files only its own are read"
    example: ClassVar[str] = "trials.csv"
    reads: ClassVar[bool] = True
    writes: ClassVar[bool] = True
    suffixes: ClassVar[tuple[str, ...]] = (".csv",)

    @classmethod
    def recognises(cls, text: str) -> bool:
        """Tell whether a file begins with the columns that `write` begins with."""
        if not Path(text).is_file():
            return False
        with Path(text).open("rb") as file:
            begin = file.read(len(codecs.BOM_UTF8) + len(_MARK))
        return begin.removeprefix(codecs.BOM_UTF8).startswith(_MARK.encode())  # Excel's has one

    def read(self, source: Any, options: Options) -> History:  # noqa: ARG002
        """Return the trials of a file that `write` has made."""
        limit = csv.field_size_limit(_LONGEST_CELL)
        try:
            with Path(source).open(encoding="utf-8-sig", newline="") as file:
                lines = list(csv.DictReader(file, strict=True))
        except (OSError, ValueError, csv.Error) as exc:
            raise InvalidArgumentError(f"{source!r} cannot be read: {exc}") from exc
        finally:
            csv.field_size_limit(limit)
        plain = []
        labels: dict[str, None] = {}
        for number, line in enumerate(lines, 2):
            if None in line or None in line.values():
                raise InvalidArgumentError(f"{source!r}: row {number} is damaged")
            row = {name: value_of(text) for name, text in line.items() if text}
            plain.append(unflatten(row))
            labels.update(dict.fromkeys(n[len(PARAMS) :] for n in line if _is_label(n)))
        try:
            return History(documents_from(plain, labels), {}, source)
        except InvalidArgumentError as exc:
            raise InvalidArgumentError(f"{source!r}: {exc}") from exc

    def write(self, history: History, target: str, options: Options) -> None:
        """Write a row for each trial; a cell that has no value is empty."""
        check_new_file(target, options)
        columns, rows = rows_of(history, "a CSV file")
        file = io.StringIO(newline="")
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows([_cell(row, column) for column in columns] for row in rows)
        replace_file(target, file.getvalue().encode())


def _is_label(name: str) -> bool:
    return name.startswith(PARAMS)


def _cell(row: Mapping[str, Any], column: str) -> str:
    return text_of(row[column]) if column in row else ""


def text_of(value: Any) -> str:
    """Return the text of plain data that `value_of` reads back: JSON's, a plain word as it is.

    Examples:
        >>> text_of(0.5), text_of("adam"), text_of("0.5"), text_of(None)
        ('0.5', 'adam', '"0.5"', 'null')
    """
    if isinstance(value, str) and value.isprintable() and value:
        try:
            json.loads(value)
        except ValueError:
            return value
    return json.dumps(value)


def value_of(text: str) -> Any:
    """Return the plain data of a text; what is not JSON's is the text itself."""
    try:
        return json.loads(text)
    except ValueError:
        return text
