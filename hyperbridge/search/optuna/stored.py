"""Find the study in a storage that somebody names, and make one that is new."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from hyperbridge.errors import InvalidArgumentError
from hyperbridge.search.optuna import OPTUNA
from hyperbridge.search.optuna.locks import Patience, named
from hyperbridge.search.optuna.storages import (
    contents_of,
    explained,
    storage_object,
    when_tables_are_made,
    without_password,
)

_MOST_NAMES = 20


def stored_study(storage: str, name: str | None) -> Any:
    """Return a study that a storage has.

    Args:
        storage: A database URL, or the path of a SQLite or journal file.
        name: The study's name; None for the only one.

    Raises:
        InvalidArgumentError: There is none, or several and no name.
        BackendUnavailableError: The storage cannot be opened.
    """
    optuna = OPTUNA.require("An Optuna storage")
    shown = without_password(storage)
    place = storage_with_studies(storage)
    with explained(storage):
        names = optuna.get_all_study_names(place)
    if not names:
        raise InvalidArgumentError(f"{shown!r} has no study")
    if name is None and len(names) > 1:
        raise InvalidArgumentError(
            f"{shown!r} has {len(names)} studies. Say which with --study: {_listed(names)}"
        )
    if name is not None and name not in names:
        raise InvalidArgumentError(f"{shown!r} has no study {name!r}. It has {_listed(names)}")
    with explained(storage):
        return optuna.load_study(storage=place, study_name=name or names[0])


def storage_with_studies(storage: str) -> Any:
    """Return what Optuna takes for a storage that is there; nothing is made in it.

    Args:
        storage: As for `stored_study`.

    Raises:
        InvalidArgumentError: It is not there, or has no studies.
        BackendUnavailableError: The storage cannot be opened.
    """
    OPTUNA.require("An Optuna storage")
    shown = without_password(storage)
    with explained(storage):
        place = storage_object(storage)
        if isinstance(place, str):
            if contents_of(place) != "studies":
                raise InvalidArgumentError(f"{shown!r} has no studies of Optuna's")
        elif not Path(storage).is_file():
            raise InvalidArgumentError(f"there is no {shown!r}")
    return place


@contextlib.contextmanager
def study_to_write(storage: str, name: str, *, append: bool) -> Iterator[Any]:
    """Make a study, or open the one to which trials are added. A new one goes if the block raises.

    Args:
        storage: As for `stored_study`; what is no database URL is made where there is none.
        name: The study's name.
        append: Whether there may be one of that name already.

    Raises:
        InvalidArgumentError: There is one, or the database is that of other code.
        BackendUnavailableError: The storage cannot be opened, or fails in the block.
    """
    optuna = OPTUNA.require("An Optuna storage")
    shown = without_password(storage)
    with explained(storage):
        place = storage_object(storage)
        if isinstance(place, str) and contents_of(place) == "other":
            raise InvalidArgumentError(
                f"{shown!r} is a database of other code. Give one of its own for studies."
            )
        if not isinstance(place, str) and not _may_be_journal(storage):
            raise InvalidArgumentError(f"{shown!r} is a file of other code")
        names = when_tables_are_made(lambda: optuna.get_all_study_names(place))
        if name in names and not append:
            raise InvalidArgumentError(
                f"{shown!r} has a study {name!r} already. --append adds the trials that it does "
                "not have, --study gives another name."
            )
        study = optuna.create_study(
            storage=place, study_name=name, direction="minimize", load_if_exists=append
        )
    try:
        with Patience(study), named(study, advice="No trial was added."):
            yield study
    except BaseException:
        if name not in names:
            with contextlib.suppress(Exception):  # the first error counts
                optuna.delete_study(study_name=name, storage=place)
        raise


def is_file_of_studies(path: str) -> bool:
    """Tell whether a file is a SQLite database with studies, or a journal of Optuna's."""
    with contextlib.suppress(OSError):
        with open(path, "rb") as file:
            first = file.readline(2000)
        if first.startswith(b"SQLite format 3\0"):
            return _has_studies(path)
        return first.startswith(b"{") and b'"op_code"' in first and b'"worker_id"' in first
    return False


def _may_be_journal(path: str) -> bool:
    """Tell whether a journal of Optuna's can be written to a path: it is one, or nothing."""
    file = Path(path)
    return not file.exists() or file.stat().st_size == 0 or is_file_of_studies(path)


def _has_studies(path: str) -> bool:
    with (
        contextlib.suppress(sqlite3.Error),
        contextlib.closing(
            sqlite3.connect(f"{Path(path).absolute().as_uri()}?mode=ro", uri=True)
        ) as connection,
    ):
        query = "select 1 from sqlite_master where type = 'table' and name = 'studies'"
        return connection.execute(query).fetchone() is not None
    return False


def _listed(names: list[str]) -> str:
    some = ", ".join(map(repr, sorted(names)[:_MOST_NAMES]))
    return some if len(names) <= _MOST_NAMES else f"{some}, ..."
