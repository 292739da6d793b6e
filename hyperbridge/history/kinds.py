"""The forms in which a history can be kept: what each one is, and which one is meant.

A further kind is one file, ``<name>_kind.py``, and its line in the table here.
"""

from __future__ import annotations

import functools
import importlib
import os
from abc import ABC
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Final, Literal

from hyperbridge.errors import ArgumentTypeError, InvalidArgumentError
from hyperbridge.history.history import History
from hyperbridge.space import Space

_TABLE: Final = {
    "trials": "hyperbridge.history.trials_kind:TrialsKind",
    "journal": "hyperbridge.history.journal_kind:JournalKind",
    "csv": "hyperbridge.history.csv_kind:CsvKind",
    "json": "hyperbridge.history.json_kind:JsonKind",
    "parquet": "hyperbridge.history.parquet_kind:ParquetKind",
    "optuna": "hyperbridge.history.optuna_kind:OptunaKind",
    "mlflow": "hyperbridge.history.mlflow_kind:MlflowKind",
    "ray": "hyperbridge.history.ray_kind:RayKind",
}
"""Where each kind is; a source or target that several would take is the first one's."""


@dataclass(frozen=True, slots=True)
class Options:
    """What a user may say about a source or a target.

    Attributes:
        space: The search space; None where it is to be inferred from the values.
        study: The name of the Optuna study in a storage, or of a Trials in a pickled dict of
            several; None for the only one there is.
        experiment: The name or id of the MLflow experiment; None for the one of the parent run.
        tracking_uri: MLflow's tracking URI; None for MLflow's own choice.
        metric: The metric that is the loss, in MLflow's runs and Ray Tune's experiments; None for
            ``loss``, or for the one that the experiment was given.
        mode: Whether it was minimised, ``min``, or maximised, ``max``; None for what is known.
        allow_pickle: Whether a pickle may be loaded, which runs code.
        append: Whether trials may be added to a target that has some already.
        force: Whether a file that exists may be replaced.
    """

    space: Space | None = None
    study: str | None = None
    experiment: str | None = None
    tracking_uri: str | None = None
    metric: str | None = None
    mode: Literal["min", "max"] | None = None
    allow_pickle: bool = False
    append: bool = False
    force: bool = False


class Kind(ABC):
    """A form in which a history is kept.

    A class says by its data what can be told without looking, and overrides the rest.

    Attributes:
        name: A short name, such as ``trials``.
        help: One line on what it is.
        example: A source or target of this kind, as one would type it.
        reads: Whether `read` works.
        writes: Whether `write` works.
        schemes: What a source or target may begin with, such as ``sqlite:///``.
        suffixes: What a file's name may end with, such as ``.csv``.
        heeds: The names of those `Options` that mean something for this kind alone.
        may_heed: Those that mean something for some sources of this kind, see `History.heeded`.
    """

    name: ClassVar[str]
    help: ClassVar[str]
    example: ClassVar[str]
    reads: ClassVar[bool] = False
    writes: ClassVar[bool] = False
    schemes: ClassVar[tuple[str, ...]] = ()
    suffixes: ClassVar[tuple[str, ...]] = ()
    heeds: ClassVar[tuple[str, ...]] = ()
    may_heed: ClassVar[tuple[str, ...]] = ()

    @classmethod
    def recognises(cls, text: str) -> bool:
        """Tell whether a source is of this kind: by its scheme, its first bytes, its contents."""
        return text.startswith(cls.schemes) or (Path(text).is_file() and cls.is_named_by(text))

    @classmethod
    def is_target(cls, text: str) -> bool:
        """Tell whether a target is of this kind: by its scheme or suffix; it need not exist."""
        return text.startswith(cls.schemes) or cls.is_named_by(text)

    @classmethod
    def is_named_by(cls, text: str) -> bool:
        """Tell whether a file's name has one of the suffixes."""
        return bool(cls.suffixes) and text.lower().endswith(cls.suffixes)

    @classmethod
    def takes(cls, value: Any) -> bool:  # noqa: ARG003 - for those that override it
        """Tell whether a live object, such as a Trials, is of this kind; it imports nothing."""
        return False

    def read(self, source: Any, options: Options) -> History:
        """Return the history of a source; what was dropped or assumed is in its remarks.

        Args:
            source: A text that `recognises` said yes to, or an object that `takes` did.
            options: What the user said.

        Raises:
            InvalidArgumentError: The source cannot be read; the message says what to do.
        """
        raise NotImplementedError

    def write(self, history: History, target: str, options: Options) -> None:
        """Write a history; what the target cannot hold is noted in its remarks.

        Nothing that is there already is overwritten or mixed with, unless the user said so.

        Args:
            history: What to write.
            target: A text that `is_target` said yes to.
            options: What the user said.

        Raises:
            InvalidArgumentError: The target cannot be written; the message says what to do.
        """
        raise NotImplementedError


@functools.cache
def kinds() -> tuple[type[Kind], ...]:
    """Return all kinds, in the order in which they are asked."""
    found = []
    for place in _TABLE.values():
        module, _, name = place.partition(":")
        found.append(getattr(importlib.import_module(module), name))
    return tuple(found)


def recognise(source: Any) -> Kind:
    """Return the kind of a source.

    Args:
        source: A path or an address, or a live object such as a Trials.

    Raises:
        InvalidArgumentError: There is no such file, or no kind knows it.
        ArgumentTypeError: It is no source at all.
    """
    readable = [kind for kind in kinds() if kind.reads]
    if not isinstance(source, (str, os.PathLike)):
        for kind in readable:
            if kind.takes(source):
                return kind()
        raise ArgumentTypeError(
            f"an object of type {type(source).__name__} is no history of a search. Give a path or "
            f"address, such as {', '.join(kind.example for kind in readable)}, or a Trials object"
        )
    text = os.fspath(source)
    for kind in readable:
        if kind.recognises(text):
            return kind()
    if "://" not in text and not Path(text).exists():
        raise InvalidArgumentError(f"there is no {text!r}. A history may be:\n{_listed(readable)}")
    raise InvalidArgumentError(f"{text!r} is no history that is known:\n{_listed(readable)}")


def kind_of_target(target: str) -> Kind:
    """Return the kind of a target, which need not exist.

    Raises:
        InvalidArgumentError: No kind that can be written is named so.
    """
    for kind in kinds():
        if kind.is_target(target):
            if not kind.writes:
                raise InvalidArgumentError(f"{target!r}: {kind.help} cannot be written, only read")
            return kind()
    writable = [kind for kind in kinds() if kind.writes]
    raise InvalidArgumentError(f"cannot tell what {target!r} is to be:\n{_listed(writable)}")


def read_history(source: Any, options: Options) -> History:
    """Return the history of any source, or a History as it is.

    Raises:
        InvalidArgumentError: It cannot be read; the message says what to do.
    """
    if isinstance(source, History):
        return source
    text = os.fspath(source) if isinstance(source, os.PathLike) else source
    return recognise(text).read(text, options)


def lines_of_kinds() -> Iterator[str]:
    """Return a line on each kind, for people."""
    width = max(len(kind.example) for kind in kinds())
    for kind in kinds():
        only = "" if kind.reads and kind.writes else " (read)" if kind.reads else " (written)"
        yield f"  {kind.example:{width}}  {kind.help}{only}"


def _listed(some: list[type[Kind]]) -> str:
    return "\n".join(f"  {kind.example}: {kind.help}" for kind in some)
