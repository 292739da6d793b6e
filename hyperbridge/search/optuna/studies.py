"""Open an Optuna study, in memory or in a storage, and check that it can be used.

Source: Optuna's reference of ``create_study`` and ``optuna.storages``.
"""

from __future__ import annotations

import contextlib
import functools
import inspect
import logging
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from hyperbridge.errors import InvalidArgumentError
from hyperbridge.search.optuna import OPTUNA
from hyperbridge.search.optuna.storages import explained, storage_object, when_tables_are_made

_changing_filters = threading.Lock()
_opening = threading.Lock()
"""Held while a study is opened: Optuna's making of a new database's tables is not thread-safe."""


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


def open_study(place: StudyPlace, sampler: Any, *, name: Callable[[], str] | None) -> Any:
    """Create a study that minimises, or load the one of that name.

    Args:
        place: Where it is kept.
        sampler: Its sampler.
        name: Makes the name if ``place`` has none and there is a storage; None for Optuna's.

    Raises:
        BackendUnavailableError: The storage cannot be opened.
        InvalidArgumentError: The storage has no form that is known, or the study does not
            minimise one value.
    """
    optuna = OPTUNA.require("An Optuna study")
    storage = place.storage
    if storage is None:
        with _unannounced():
            return optuna.create_study(
                sampler=sampler, study_name=place.study_name, direction="minimize"
            )

    study_name = place.study_name or (name and name())

    def create() -> Any:
        return optuna.create_study(
            storage=storage_object(storage),
            sampler=sampler,
            study_name=study_name,
            direction="minimize",
            load_if_exists=True,
        )

    with explained(storage), _opening:
        study = when_tables_are_made(create)
        check_directions(study, advice="Give another study_name.")
    return study


@contextlib.contextmanager
def _unannounced() -> Iterator[None]:
    """Suppress the line that Optuna logs about a new study in memory.

    The user has not asked for this study. Lines of other threads and of other parts of Optuna are
    logged.
    """
    from optuna.storages import InMemoryStorage

    log, thread = logging.getLogger(InMemoryStorage.__module__), threading.get_ident()

    def is_of_others(record: logging.LogRecord) -> bool:  # noqa: ARG001
        return threading.get_ident() != thread

    with _changing_filters:  # a new list each time: other threads may iterate over the old one
        log.filters = [*log.filters, is_of_others]
    try:
        yield
    finally:
        with _changing_filters:
            log.filters = [each for each in log.filters if each is not is_of_others]


def check_directions(study: Any, *, advice: str) -> None:
    """Refuse a study that cannot hold a minimisation of one loss.

    Args:
        study: An ``optuna.Study``.
        advice: What to do, as the end of the message.

    Raises:
        InvalidArgumentError: It has several objectives, or maximises.
    """
    directions = [direction.name for direction in study.directions]
    if len(directions) > 1:
        raise InvalidArgumentError(
            f"study {study.study_name!r} has {len(directions)} objectives, but there is one loss. "
            f"{advice}"
        )
    if directions != ["MINIMIZE"]:
        raise InvalidArgumentError(
            f"study {study.study_name!r} has the direction {directions[0].lower()!r}, but a loss "
            f"is minimised. {advice}"
        )


def tell(study: Any, trial: Any, value: float | None, state: Any) -> None:
    """Tell a study how a trial ended. A trial that has ended already is not changed.

    ``Study.tell`` returns a deep copy of the trial, which takes longer than everything else that
    fmin does for a trial. ``Study.optimize`` calls a private function that does not copy. It is
    called here too, if the installed Optuna has it with the known arguments.

    Args:
        study: An ``optuna.Study``.
        trial: A trial that it was asked for, or the number of one.
        value: The loss; None for a trial that has none.
        state: How it ended.
    """
    lean = _lean_tell()
    with unless_finished():
        if lean is None:
            study.tell(trial, value, state, skip_if_finished=True)
        else:
            lean(
                study=study, trial=trial, value_or_values=value, state=state, skip_if_finished=True
            )


@contextlib.contextmanager
def unless_finished() -> Iterator[None]:
    """Leave a trial as it is that another process finishes at the same moment."""
    try:
        yield
    except RuntimeError as exc:  # a class of its own in newer versions of Optuna
        if "already finished" not in str(exc):
            raise


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
