"""Know which processes work on a stored study, and fail the trials that a dead one was running.

Each call of fmin on a study that outlives its process has an entry of its own among the study's
system attributes, which no other call writes to. A thread renews the entry each minute, as
Optuna's own heartbeat does; that one exists for databases alone, and only if the user sets it.
"""

from __future__ import annotations

import contextlib
import logging
import os
import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from hyperbridge.search.optuna.studies import tell

logger = logging.getLogger(__name__)

PREFIX = "hyperbridge:session:"

BEAT_S = 60.0
"""How often an entry is renewed."""
DEAD_AFTER_S = 600.0
"""How old an entry of another machine must be before its process counts as dead."""

_open_here: set[str] = set()


def is_kept(study: Any) -> bool:
    """Tell whether a study outlives this process."""
    from optuna.storages import InMemoryStorage

    return not isinstance(study._storage, InMemoryStorage)


@dataclass
class StudySession:
    """A call of fmin at work on a study.

    Attributes:
        is_clean: False when it may leave trials running. Its entry then stays, so that the next
            call clears up after it.
    """

    is_clean: bool = True


@contextlib.contextmanager
def study_session(study: Any) -> Iterator[StudySession]:
    """Enter a call of fmin into a stored study, and fail what dead ones have left running.

    A trial that was running when its process was killed would stay so for ever, and the TPE
    sampler would keep away from it.
    """
    found = StudySession()
    if not is_kept(study):
        yield found
        return
    key = f"{PREFIX}{socket.gethostname()}:{os.getpid()}:{time.time_ns()}"
    since = datetime.now().isoformat()
    stop = threading.Event()

    def beat() -> None:
        while not stop.wait(BEAT_S):
            with contextlib.suppress(Exception):  # a storage that fails is noticed by the search
                _write(study, key, {"since": since, "seen": time.time()})

    thread = threading.Thread(target=beat, name="hyperbridge-study-session", daemon=True)
    _open_here.add(key)
    try:
        _fail_orphans(study)
        _write(study, key, {"since": since, "seen": time.time()})
        thread.start()
        yield found
    finally:
        stop.set()
        if thread.ident is not None:
            thread.join()
        _open_here.discard(key)
        if found.is_clean:
            _write(study, key, None)
            _fail_orphans(study)


def orphans_of(study: Any) -> list[Any]:
    """Return the running trials of a study whose process is known to be dead.

    Which process began a trial is not stored. It was a dead one if the trial began after a dead
    session and before every session that is alive.
    """
    dead, alive = _sessions(study)
    if not dead:
        return []
    since = min(dead.values())
    until = min(alive.values(), default=datetime.max)
    return [t for t in _running(study) if t.datetime_start and since <= t.datetime_start < until]


def _fail_orphans(study: Any) -> None:
    from optuna.trial import TrialState

    for trial in orphans_of(study):
        logger.warning(
            "study %r: trial %d was running when its process ended; it is marked as failed",
            study.study_name,
            trial.number,
        )
        tell(study, trial.number, None, TrialState.FAIL)
    dead, alive = _sessions(study)
    for key, since in dead.items():
        if not alive or all(t.datetime_start and t.datetime_start < since for t in _running(study)):
            _write(study, key, None)


def _running(study: Any) -> list[Any]:
    from optuna.trial import TrialState

    return study.get_trials(deepcopy=False, states=(TrialState.RUNNING,))  # type: ignore[no-any-return]


def _write(study: Any, key: str, value: dict[str, Any] | None) -> None:
    study._storage.set_study_system_attr(study._study_id, key, value)


def _sessions(study: Any) -> tuple[dict[str, datetime], dict[str, datetime]]:
    """Return since when the dead sessions of a study and those that are alive exist."""
    dead: dict[str, datetime] = {}
    alive: dict[str, datetime] = {}
    for key, value in study._storage.get_study_system_attrs(study._study_id).items():
        if key.startswith(PREFIX) and value is not None:
            group = alive if _is_alive(key, value["seen"]) else dead
            group[key] = datetime.fromisoformat(value["since"])
    return dead, alive


def _is_alive(key: str, seen: float) -> bool:
    host, pid, _ = key.removeprefix(PREFIX).rsplit(":", 2)
    if key in _open_here:
        return True
    if host != socket.gethostname() or os.name != "posix":
        return time.time() - seen < DEAD_AFTER_S
    if int(pid) == os.getpid():
        return False  # it is not in _open_here: another process that had our id
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
