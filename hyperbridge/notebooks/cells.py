"""The parts of a notebook: a cell as its user wrote it, and the Python that is run of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Cell:
    """A code cell.

    Attributes:
        title: What messages call it, ``train.ipynb cell 3``; the name of the file where
            ``first_line`` counts from the file's beginning.
        filename: Where tracebacks say it is: a file, or ``<train.ipynb cell 3>``.
        first_line: The number of its first line there, from 1.
        text: Its lines, in IPython's syntax.
        single_percent: Whether one percent sign at its beginning names a language for the
            whole cell, as Databricks has it; Jupyter writes two.
    """

    title: str
    filename: str
    first_line: int
    text: str
    single_percent: bool = False

    def where(self, index: int) -> str:
        """Return how messages name a line.

        Args:
            index: The line's place in the cell, from 0.
        """
        return f"{self.title}, line {self.first_line + index}"


@dataclass(frozen=True, slots=True)
class Code:
    """Python to run.

    Attributes:
        cell: Where it comes from.
        first_line: The number of its first line in ``cell.filename``, from 1.
        source: Python, each line in the place of the original.
    """

    cell: Cell
    first_line: int
    source: str


@dataclass(frozen=True, slots=True)
class Include:
    """Another notebook or file to run in this place, named by ``%run``.

    Attributes:
        where: The line that asks for it, for messages.
        target: The path as written.
        values: Of widgets, by name: ``$name="value"`` after the path.
        arguments: What else stands there, for ``sys.argv``.
    """

    where: str
    target: str
    values: Mapping[str, str] = field(default_factory=dict)
    arguments: tuple[str, ...] = ()
