"""Optuna's form: a study in a database, or in a journal file of Optuna's."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, ClassVar

from hyperbridge.history.history import History
from hyperbridge.history.inference import space_of
from hyperbridge.history.kinds import Kind, Options

_URL = re.compile(r"(sqlite|postgres|postgresql|mysql|mariadb|mssql|oracle)(\+\w+)?://")


class OptunaKind(Kind):
    """A study in any storage that Optuna has; an ``optuna.Study``."""

    name: ClassVar[str] = "optuna"
    help: ClassVar[str] = "an Optuna study in a database or journal file; --study names it"
    example: ClassVar[str] = "sqlite:///study.db"
    reads: ClassVar[bool] = True
    writes: ClassVar[bool] = True
    suffixes: ClassVar[tuple[str, ...]] = (".db", ".sqlite", ".sqlite3", ".log")
    heeds: ClassVar[tuple[str, ...]] = ("study",)

    @classmethod
    def recognises(cls, text: str) -> bool:
        """Tell whether a text is the URL of a database, or the path of a file with studies."""
        if _URL.match(text):
            return True
        if not Path(text).is_file():
            return False
        from hyperbridge.search.optuna.stored import is_file_of_studies

        return is_file_of_studies(text)

    @classmethod
    def is_target(cls, text: str) -> bool:
        """Tell whether a text is the URL of a database, or a path with a suffix of one."""
        return _URL.match(text) is not None or cls.is_named_by(text)

    @classmethod
    def takes(cls, value: Any) -> bool:
        """Tell whether an object is a study."""
        names = {(each.__module__, each.__name__) for each in type(value).__mro__}
        return ("optuna.study.study", "Study") in names

    def read(self, source: Any, options: Options) -> History:
        """Return the trials of a study that have ended."""
        from hyperbridge.search.optuna.carried import carry
        from hyperbridge.search.optuna.locks import named
        from hyperbridge.search.optuna.storages import without_password
        from hyperbridge.search.optuna.stored import stored_study

        if isinstance(source, str):
            study = stored_study(source, options.study)
            shown = f"study {study.study_name!r} in {without_password(source)}"
        else:
            study = source
            shown = f"study {study.study_name!r}"
        with named(study, advice="Nothing was read."):
            carried = carry(study, options.space)
        return History(carried.documents, {}, shown, carried.remarks, carried.space)

    def write(self, history: History, target: str, options: Options) -> None:
        """Write the trials that have ended as a study that minimises."""
        from hyperbridge.search.optuna.stored import study_to_write

        name = options.study or _name_from(history.source)
        if options.study is None:
            history.remark(f"the study is named {name!r}, after the source; --study names it")
        with study_to_write(target, name, append=options.append) as study:
            fill_study(study, history, options)
        if history.attachments:
            history.remark(f"a study has no attachments: {len(history.attachments)} are left out")


def fill_study(study: Any, history: History, options: Options) -> None:
    """Write the trials of a history that have ended into a study; remarks say what it cannot hold.

    Args:
        study: An ``optuna.Study`` that minimises.
        history: What is written, and gets the remarks.
        options: May have the space; else it is inferred.
    """
    from hyperbridge.search.optuna.writing import write_documents

    is_flat = options.space is None
    space = space_of(history) if options.space is None else options.space
    for line in write_documents(
        study, history.documents, space, is_flat=is_flat, source=history.source
    ):
        history.remark(line)


def _name_from(source: str) -> str:
    """Return the name of a study that is made from a source."""
    stem = Path(source.rstrip("/")).stem
    return re.sub(r"[^\w.-]+", "-", stem).strip("-") or "history"
