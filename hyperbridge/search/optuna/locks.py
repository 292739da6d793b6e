"""Wait for a locked SQLite file during a search, and name a storage that fails.

SQLite lets one connection write at a time, and none while another reads; it gives up after a few
seconds (``timeout`` in the URL, 5 by default). Here a statement or a commit is tried again for a
minute. Source: SQLAlchemy's reference of ``DialectEvents``, SQLite's of ``SQLITE_BUSY``.
"""

from __future__ import annotations

import contextlib
import logging
import sqlite3
import sys
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

from hyperbridge.errors import BackendUnavailableError

logger = logging.getLogger(__name__)

PATIENCE_S = 60.0
"""How long a statement waits for a locked SQLite file."""

_PAUSE_S = 0.05  # SQLite may refuse at once when waiting could not help; else it waits itself

_changing_commits = threading.Lock()
_PATIENT = "_hyperbridge_patient"
"""Attribute of SQLAlchemy's dialect: who waits for its commits, for which it has no event."""


class Patience:
    """Repeats the statements of a study's SQLite database while the file is locked.

    It does nothing for other storages and other errors.

    Args:
        study: An ``optuna.Study``.
    """

    def __init__(self, study: Any) -> None:
        self._is_lost = False
        self._has_warned = False
        self._name = storage_name(study)
        self._engine: Any = None
        engine = _engine_of(study)
        if engine is not None and engine.dialect.name == "sqlite":
            self._engine = engine

    def __enter__(self) -> Patience:
        if self._engine is not None:
            from sqlalchemy import event

            event.listen(self._engine, "do_execute", self._execute)
            event.listen(self._engine, "do_executemany", self._execute_many)
            self._wait_for_commits(self._engine.dialect)
        return self

    def __exit__(self, *exc_info: object) -> None:
        if self._engine is not None:
            from sqlalchemy import event

            event.remove(self._engine, "do_execute", self._execute)
            event.remove(self._engine, "do_executemany", self._execute_many)
            self._leave_commits(self._engine.dialect)

    def lose(self) -> None:
        """Repeat no statement from now on."""
        self._is_lost = True

    def _wait_for_commits(self, dialect: Any) -> None:
        with _changing_commits:
            patient: list[Patience] = vars(dialect).setdefault(_PATIENT, [])
            patient.append(self)
            if len(patient) > 1:  # another search on this engine has done it
                return
            commit = dialect.do_commit

            def do_commit(connection: Any) -> None:
                waiting = patient[-1:]
                if waiting:
                    waiting[0]._persist(lambda: commit(connection))
                else:
                    commit(connection)

            dialect.do_commit = do_commit

    def _leave_commits(self, dialect: Any) -> None:
        with _changing_commits:
            patient = vars(dialect)[_PATIENT]
            patient.remove(self)
            if not patient:
                del dialect.do_commit, vars(dialect)[_PATIENT]

    def _execute(self, cursor: Any, statement: Any, parameters: Any, context: Any) -> bool:  # noqa: ARG002
        self._persist(lambda: cursor.execute(statement, parameters))
        return True  # it has been done

    def _execute_many(self, cursor: Any, statement: Any, parameters: Any, context: Any) -> bool:  # noqa: ARG002
        self._persist(lambda: cursor.executemany(statement, parameters))
        return True

    def _persist(self, execute: Callable[[], Any]) -> None:
        deadline = time.monotonic() + PATIENCE_S
        while True:
            try:
                execute()
            except sqlite3.OperationalError as exc:
                is_late = self._is_lost or time.monotonic() >= deadline
                if is_late or "locked" not in str(exc):
                    raise
            else:
                return
            if not self._has_warned:
                logger.warning(
                    "the Optuna storage %r is locked by another process; waiting for it, at most "
                    "%.0f seconds",
                    self._name,
                    PATIENCE_S,
                )
                self._has_warned = True
            time.sleep(_PAUSE_S)


@contextlib.contextmanager
def named(study: Any, *, advice: str) -> Iterator[None]:
    """Turn a failure of a study's storage into an error whose message names the storage.

    Args:
        study: An ``optuna.Study``.
        advice: What to do, as the end of the message.

    Raises:
        BackendUnavailableError: The storage failed.
    """
    try:
        yield
    except Exception as exc:
        if not _is_failure(exc):
            raise
        cause = exc.__cause__ or exc
        original = getattr(cause, "orig", None) or cause  # SQLAlchemy adds the whole statement
        reason = str(original).strip().splitlines()[:1]
        raise BackendUnavailableError(
            f"The Optuna storage {storage_name(study)!r} of study {study.study_name!r} failed: "
            f"{reason[0] if reason else type(original).__name__}. {advice}"
        ) from exc


def _is_failure(exc: Exception) -> bool:
    """Tell whether an exception is one of a storage; no database package is imported for it."""
    from optuna.exceptions import StorageInternalError

    if isinstance(exc, StorageInternalError | OSError):  # the latter of a journal file
        return True
    named = ("sqlalchemy.exc", "SQLAlchemyError"), ("redis.exceptions", "RedisError")
    modules = [(sys.modules.get(module), name) for module, name in named]
    return any(isinstance(exc, getattr(m, name)) for m, name in modules if m is not None)


def storage_name(study: Any) -> str:
    """Return the name of a study's storage: its URL without the password, or its class.

    Examples:
        >>> import optuna
        >>> storage_name(optuna.create_study())
        'InMemoryStorage'
    """
    engine = _engine_of(study)
    if engine is None:
        return type(study._storage).__name__
    return str(engine.url.render_as_string(hide_password=True))


def _engine_of(study: Any) -> Any:
    """Return the SQLAlchemy engine of a study's storage, or None."""
    storage = getattr(study._storage, "_backend", study._storage)  # Optuna puts a cache around
    return getattr(storage, "engine", None)
