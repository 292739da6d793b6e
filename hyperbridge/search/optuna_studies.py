"""Open an Optuna study, in memory or in a storage, and check that it can be used.

Source: Optuna's reference of ``create_study`` and ``optuna.storages``.
"""

from __future__ import annotations

import contextlib
import functools
import inspect
import json
import logging
import os
import socket
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from hyperbridge.errors import BackendUnavailableError, InvalidArgumentError
from hyperbridge.optional import require

logger = logging.getLogger(__name__)

_SESSIONS = "hyperbridge.sessions"
_SQLITE_ENDINGS = (".db", ".sqlite", ".sqlite3")

_open_here: set[str] = set()


@dataclass(frozen=True, slots=True)
class StudyPlace:
    """Where a study is kept.

    Attributes:
        storage: A database URL, the path of a journal or SQLite file, an
            ``optuna.storages.BaseStorage``, or None for memory.
        study_name: None for a name made from the objective and its space.
    """

    storage: Any = None
    study_name: str | None = None


def open_study(place: StudyPlace, sampler: Any, *, name: str | None) -> Any:
    """Create a study that minimises, or load the one of that name.

    Args:
        place: Where it is kept.
        sampler: Its sampler.
        name: Its name when ``place`` has none and there is a storage; None for Optuna's own.

    Raises:
        BackendUnavailableError: The storage cannot be opened.
        InvalidArgumentError: The place makes no sense, or the study has another direction.
    """
    optuna = require("optuna", needed_by="An Optuna study")
    storage = place.storage
    if storage is None:
        return optuna.create_study(
            sampler=sampler, study_name=place.study_name, direction="minimize"
        )
    with _explained(storage):
        study = optuna.create_study(
            storage=_storage_object(storage),
            sampler=sampler,
            study_name=place.study_name or name,
            direction="minimize",
            load_if_exists=True,
        )
        check_directions(study)
    return study


def check_directions(study: Any) -> None:
    """Refuse a study that cannot hold a minimisation of one loss.

    Raises:
        InvalidArgumentError: It has several objectives, or maximises.
    """
    directions = [direction.name for direction in study.directions]
    if len(directions) > 1:
        raise InvalidArgumentError(
            f"study {study.study_name!r} has {len(directions)} objectives; fmin has one loss. "
            "Give another study_name."
        )
    if directions != ["MINIMIZE"]:
        raise InvalidArgumentError(
            f"study {study.study_name!r} has the direction {directions[0].lower()!r}; fmin "
            "minimises. Give another study_name."
        )


def tell(study: Any, trial: Any, value: float | None, state: Any) -> None:
    """Tell a study how a trial ended; one that has ended already stays as it is.

    ``Study.tell`` returns a deep copy of the trial, which takes longer than everything else that
    the Run does for a trial. ``Study.optimize`` does without, by a private function; where an
    Optuna does not have it in the known form, ``Study.tell`` it is.
    """
    lean = _lean_tell()
    if lean is None:
        study.tell(trial, value, state, skip_if_finished=True)
    else:
        lean(study=study, trial=trial, value_or_values=value, state=state, skip_if_finished=True)


@functools.cache
def _lean_tell() -> Callable[..., Any] | None:
    try:
        from optuna.study._tell import _tell_with_warning
    except ImportError:
        return None
    known = {"study", "trial", "value_or_values", "state", "skip_if_finished"}
    return (
        _tell_with_warning
        if known <= set(inspect.signature(_tell_with_warning).parameters)
        else None
    )


def siblings_of(study: Any) -> list[str]:
    """Return the names of other studies of its storage that differ in the last part alone."""
    if not is_kept(study):
        return []
    beginning = study.study_name.rpartition("-")[0] + "-"
    names = sorted(each.study_name for each in study._storage.get_all_studies())
    return [
        name
        for name in names
        if name != study.study_name and name.rpartition("-")[0] + "-" == beginning
    ]


def is_kept(study: Any) -> bool:
    """Tell whether a study outlives this process."""
    from optuna.storages import InMemoryStorage

    return not isinstance(study._storage, InMemoryStorage)


@contextlib.contextmanager
def session(study: Any) -> Iterator[None]:
    """Note in a stored study that this process works on it, and clear up after dead ones.

    A trial that was running when its process was killed would stay so for ever, and the TPE
    sampler would keep away from it. It is marked as failed, unless another process may still be
    at work on the study.
    """
    if not is_kept(study):
        yield
        return
    key = f"{socket.gethostname()}:{os.getpid()}:{time.time_ns()}"
    _open_here.add(key)
    try:
        noted: dict[str, str] = dict(study.user_attrs.get(_SESSIONS, {}))
        alive = {name: since for name, since in noted.items() if _is_alive(name)}
        dead = [since for name, since in noted.items() if name not in alive]
        if dead and not alive:
            _fail_running(study, datetime.fromisoformat(min(dead)))
        study.set_user_attr(_SESSIONS, {**alive, key: datetime.now().isoformat()})
        yield
    finally:
        _open_here.discard(key)
        noted = dict(study.user_attrs.get(_SESSIONS, {}))
        noted.pop(key, None)
        study.set_user_attr(_SESSIONS, noted)


def _is_alive(key: str) -> bool:
    host, pid, _ = key.rsplit(":", 2)
    if key in _open_here or host != socket.gethostname() or os.name != "posix":
        return True
    if int(pid) == os.getpid():
        return False  # it is not in _open_here: another process that had our id
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _fail_running(study: Any, since: datetime) -> None:
    from optuna.trial import TrialState

    for trial in study.get_trials(deepcopy=False, states=(TrialState.RUNNING,)):
        if trial.datetime_start is not None and trial.datetime_start >= since:
            logger.warning(
                "study %r: trial %d was running when its process ended; it is marked as failed",
                study.study_name,
                trial.number,
            )
            study.tell(trial.number, state=TrialState.FAIL, skip_if_finished=True)


def _storage_object(storage: Any) -> Any:
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


@contextlib.contextmanager
def _explained(storage: Any) -> Iterator[None]:
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
