"""Turn what a user gives as a storage into what Optuna takes, and explain what fails.

Source: Optuna's reference of ``optuna.storages``.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Literal, TypeVar

from hyperbridge.errors import BackendUnavailableError, HyperbridgeError, InvalidArgumentError

T = TypeVar("T")

_MADE_MEANWHILE = re.compile("already exists|unique constraint|duplicate", re.IGNORECASE)
_PAUSES_S = (0.05, 0.1, 0.2, 0.4, 0.8, 1.6)
_SQLITE_ENDINGS = (".db", ".sqlite", ".sqlite3")


def storage_object(storage: Any) -> Any:
    """Return what ``create_study`` takes for a URL, a path or a storage object."""
    from optuna.storages import BaseStorage, JournalStorage

    if isinstance(storage, BaseStorage):
        return storage
    if not isinstance(storage, str | os.PathLike) or not os.fspath(storage):
        raise InvalidArgumentError(
            "storage must be a database URL, the path of a file, or an Optuna storage object, "
            f"got {storage!r}"
        )
    text = os.fspath(storage)
    if text == ":memory:":
        raise InvalidArgumentError(
            "storage ':memory:' is not the path of a file. Give no storage for a study in memory."
        )
    if text.startswith("redis://"):
        from optuna.storages.journal import JournalRedisBackend

        return JournalStorage(JournalRedisBackend(text))
    if "://" in text:
        return text
    path = Path(text).expanduser().absolute()
    if path.is_dir():
        raise InvalidArgumentError(f"storage {text!r} is a directory")
    if not path.parent.is_dir():
        raise InvalidArgumentError(f"storage {text!r}: the folder {path.parent} does not exist")
    if path.suffix in _SQLITE_ENDINGS:
        return f"sqlite:///{path}"
    from optuna.storages.journal import JournalFileBackend

    return JournalStorage(JournalFileBackend(str(path)))


def when_tables_are_made(create: Callable[[], T]) -> T:
    """Call a function that opens a database; call it again if another process makes the tables.

    Two processes that find a database empty both make all tables. One of them fails at a table
    that the other one has just made, and finds all of them when it tries again.
    """
    from sqlalchemy.exc import SQLAlchemyError

    for pause_s in _PAUSES_S:
        try:
            return create()
        except SQLAlchemyError as exc:
            if not _MADE_MEANWHILE.search(str(exc)):
                raise
            time.sleep(pause_s)
    return create()


def contents_of(url: str) -> Literal["studies", "nothing", "other"]:
    """Tell what a database has, without making anything in it.

    Optuna makes its tables in any database that it opens, and marks it as its own.

    Args:
        url: A database URL.

    Returns:
        ``other`` for tables of other code beside which those of a study cannot be.
    """
    from sqlalchemy import create_engine, inspect
    from sqlalchemy.engine import make_url

    parsed = make_url(url)
    is_sqlite = parsed.get_backend_name() == "sqlite"
    if is_sqlite and not Path(parsed.database or "").is_file():
        return "nothing"
    engine = create_engine(url)
    try:
        names = set(inspect(engine).get_table_names())
    finally:
        engine.dispose()
    if "studies" in names:
        return "studies"
    return "other" if names and (is_sqlite or "alembic_version" in names) else "nothing"


@contextlib.contextmanager
def explained(storage: Any) -> Iterator[None]:
    """Turn the failures of opening a storage into an error whose message names it."""
    from optuna.exceptions import OptunaError
    from sqlalchemy.exc import SQLAlchemyError

    try:
        yield
    except (
        OptunaError,
        SQLAlchemyError,
        OSError,
        ImportError,
        ValueError,
        RuntimeError,
    ) as exc:  # RuntimeError: tables of another Optuna
        if isinstance(exc, HyperbridgeError):
            raise
        shown = storage if isinstance(storage, str | os.PathLike) else type(storage).__name__
        cause: BaseException = exc.__cause__ if exc.__cause__ is not None else exc
        if isinstance(exc, json.JSONDecodeError):
            cause = ValueError(f"the file is not a journal of Optuna ({exc})")
        reason = str(cause).strip().splitlines()[0] if str(cause).strip() else type(cause).__name__
        if isinstance(cause, ImportError):
            reason += (
                ". Install the package, or name another driver in the URL, as in "
                "postgresql+psycopg2://"
            )
        raise BackendUnavailableError(
            f"The Optuna storage {without_password(str(shown))!r} cannot be opened: {reason}"
        ) from exc


def without_password(url: str) -> str:
    """Return a database URL without its password.

    Examples:
        >>> without_password("postgresql://me:secret@host/studies")
        'postgresql://me:***@host/studies'
    """
    scheme, separator, rest = url.partition("://")
    account, at, host = rest.rpartition("@")
    if not at:
        return url
    return f"{scheme}{separator}{account.partition(':')[0]}:***@{host}"
