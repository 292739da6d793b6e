"""Run a program for each column and repeat, each run in a process of its own."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from hyperbridge import backends, config
from hyperbridge.compare import stores
from hyperbridge.compare.records import ProgramRecord
from hyperbridge.errors import HyperbridgeError
from hyperbridge.migrate.child_process import run_apart
from hyperbridge.verify.collect import engines_of

_GRACE_S = 30.0


@dataclass
class Column:
    """What is compared with others.

    Attributes:
        name: How it is called: a backend's name, or ``old`` and ``new``.
        program: The program.
        backend: The backend; None for what the program says.
        runs: What was seen, a record for each repeat.
        failure: Why there is nothing to be seen, or not all of it; empty if there is.
    """

    name: str
    program: Path
    backend: str | None = None
    runs: list[ProgramRecord] = field(default_factory=list)
    failure: str = ""


@dataclass(frozen=True, slots=True)
class Settings:
    """How programs are run.

    Attributes:
        arguments: Arguments of the programs.
        most: The most trials of a search; None for what the program says.
        repeats: How often each column runs.
        parallelism: Trials at once; None for what the program or the backend says.
        tracking: Whether all searches are tracked; None for what the program says.
        timeout_s: Seconds after which a run is stopped.
    """

    arguments: Sequence[str] = ()
    most: int | None = None
    repeats: int = 1
    parallelism: int | None = None
    tracking: bool | None = None
    timeout_s: float = 3600.0


def collect(
    columns: Sequence[Column], settings: Settings, folder: Path, said: Callable[[str], None]
) -> None:
    """Run the columns' programs, a repeat of each before the next one of any.

    Args:
        columns: They get their runs, or a failure.
        settings: How.
        folder: For stores and notes; the programs run in the current folder.
        said: Called with a line on each run.
    """
    for column in columns:
        column.failure = _missing(column)
    template = stores.new_template(folder)
    waiting = [(repeat, column) for repeat in range(settings.repeats) for column in columns]
    for number, (repeat, column) in enumerate(waiting, start=1):
        if column.failure:
            continue
        place = folder / f"{column.name}-{repeat}"
        place.mkdir()
        record = _run(column, repeat, settings, place, template)
        column.runs.append(record)
        elsewhere = {each.engine for each in record.searches} - {column.backend}
        if not record.searches:
            column.failure = record.ended or "it calls no search that is known here"
        elif record.ended:
            column.failure = f"repeat {repeat + 1}: {record.ended}"
        elif column.backend is not None and elsewhere:
            column.failure = (
                f"the program itself says backend={min(elsewhere)!r}, which outranks --backends"
            )
        said(
            f"run {number} of {len(waiting)}: {column.name}, repeat {repeat + 1}: "
            + (column.failure or f"{record.wall_s:.1f} s")
        )


def _missing(column: Column) -> str:
    """Return why a column's backend cannot be used; empty if it can."""
    if column.backend is None:
        return ""
    try:
        backends.get(column.backend)
    except HyperbridgeError as exc:
        return str(exc)
    return ""


def _run(
    column: Column, repeat: int, settings: Settings, place: Path, template: Path | None
) -> ProgramRecord:
    answer = place / "answer.json"
    is_native = column.backend is None
    request = {
        "program": str(column.program),
        "arguments": list(settings.arguments),
        "folder": str(place),
        "answer": str(answer),
        "most": settings.most,
        "repeat": repeat,
        "engines": _installed(engines_of(column.program)) if is_native else [],
        "tracking_uri": None if template is None else stores.copy_to(place, template),
    }
    ended = run_apart(
        "hyperbridge.compare.child",
        request,
        settings.timeout_s,
        environment=_environment(column, settings),
        grace_s=_GRACE_S,
    )
    record = ProgramRecord.read(answer)
    if ended.code is None:
        record.ended = f"it did not end in {settings.timeout_s:g} s"
    elif ended.code != 0 and not record.ended:
        record.ended = ended.why or f"its process ended with code {ended.code}"
    return record


def _environment(column: Column, settings: Settings) -> dict[str, str]:
    left_out = {*stores.POINTERS, config.ENVIRONMENT["journal"], config.STORAGE}
    kept = {name: value for name, value in os.environ.items() if name not in left_out}
    for name, value in (
        ("backend", column.backend),
        ("parallelism", settings.parallelism),
        ("tracking", None if settings.tracking is None else int(settings.tracking)),
    ):
        if value is not None:
            kept[config.ENVIRONMENT[name]] = str(value)
    return kept


def _installed(engines: Sequence[str]) -> list[str]:
    from hyperbridge.optional import is_installed

    return [each for each in engines if is_installed(each)]
