"""`Journal`: where fmin keeps its journal, as a user says it."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any, Final, Literal

from hyperbridge.errors import InvalidArgumentError

IfDifferent = Literal["refuse", "continue"]

IF_DIFFERENT: Final = ("refuse", "continue")


@dataclass(frozen=True, slots=True)
class Journal:
    """A journal for ``fmin(..., journal=)``; a path alone means ``Journal(path)``.

    Attributes:
        path: The file. It is made when it is not there, else the search in it is continued.
        if_different: What to do with the journal of another space or another objective:
            ``"refuse"`` it, with the difference, or ``"continue"`` it all the same.

    Raises:
        InvalidArgumentError: ``if_different`` is something else.

    Examples:
        >>> Journal("run.journal", if_different="continue").path
        'run.journal'
    """

    path: str | os.PathLike[str]
    if_different: IfDifferent = "refuse"

    def __post_init__(self) -> None:
        if self.if_different not in IF_DIFFERENT:
            raise InvalidArgumentError(
                f"if_different must be one of {', '.join(map(repr, IF_DIFFERENT))}, got "
                f"{self.if_different!r}"
            )

    def __fspath__(self) -> str:
        return os.fsdecode(self.path)


def as_journal(value: Any, if_different: Any = "refuse") -> Journal:
    """Return a `Journal` as it is, and that of a path.

    Args:
        value: One of them.
        if_different: For a path.

    Examples:
        >>> as_journal("run.journal")
        Journal(path='run.journal', if_different='refuse')
    """
    return value if isinstance(value, Journal) else Journal(value, if_different)
