"""Turn the forms in which a user names a storage into Optuna's, and explain what fails.

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
from typing import Any, TypeVar

from hyperbridge.errors import BackendUnavailableError, InvalidArgumentError

T = TypeVar("T")

_MADE_MEANWHILE = re.compile("already exists|unique constraint|duplicate", re.IGNORECASE)
_PAUSES_S = (0.05, 0.1, 0.2, 0.4, 0.8, 1.6)
_SQLITE_ENDINGS = (".db", ".sqlite", ".sqlite3")


def storage_object(storage: Any) -> Any:
    """Return what ``create_study`` takes for a storage in any of our forms."""
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
            "storage ':memory:' is no path of a file; without a storage a study is in memory"
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
    """Call a function that opens a database, again when another process makes its tables, too.

    Of two processes that find a database empty each makes all tables, and one fails at a table
    that has come to be there; the next time it finds it.
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


@contextlib.contextmanager
def explained(storage: Any) -> Iterator[None]:
    """Turn the failures of opening a storage into one line that names it."""
    from optuna.exceptions import OptunaError
    from sqlalchemy.exc import SQLAlchemyError

    try:
        yield
    except (OptunaError, SQLAlchemyError, OSError, ImportError, ValueError) as exc:
        if isinstance(exc, InvalidArgumentError):
            raise
        shown = storage if isinstance(storage, str | os.PathLike) else type(storage).__name__
        cause: BaseException = exc.__cause__ if exc.__cause__ is not None else exc
        if isinstance(exc, json.JSONDecodeError):
            cause = ValueError(f"it is not a journal that Optuna has written ({exc})")
        reason = str(cause).strip().splitlines()[0] if str(cause).strip() else type(cause).__name__
        raise BackendUnavailableError(
            f"The Optuna storage {_without_password(str(shown))!r} cannot be opened: {reason}"
        ) from exc


def _without_password(url: str) -> str:
    scheme, separator, rest = url.partition("://")
    account, at, host = rest.rpartition("@")
    if not at:
        return url
    return f"{scheme}{separator}{account.partition(':')[0]}:***@{host}"
