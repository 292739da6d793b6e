"""hyperopt's own form: a Trials object, or a pickle of one."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

import cloudpickle
from hyperopt import base

from hyperbridge.documents import Document
from hyperbridge.errors import InvalidArgumentError
from hyperbridge.files.pickles import load_trials
from hyperbridge.history.history import History
from hyperbridge.history.kinds import Kind, Options
from hyperbridge.history.targets import check_new_file, replace_file
from hyperbridge.history.trials_object import history_of, without_stand_ins


class TrialsKind(Kind):
    """A pickle of Trials, as ``trials_save_file`` and many programs write it."""

    name: ClassVar[str] = "trials"
    help: ClassVar[str] = "a pickle of hyperopt's Trials"
    example: ClassVar[str] = "trials.pkl"
    reads: ClassVar[bool] = True
    writes: ClassVar[bool] = True
    may_heed: ClassVar[tuple[str, ...]] = ("study",)
    suffixes: ClassVar[tuple[str, ...]] = (".pkl", ".pickle", ".p", ".trials", ".hyperopt")

    @classmethod
    def recognises(cls, text: str) -> bool:
        """Tell whether a file begins as a pickle does, or is named as one."""
        if not Path(text).is_file():
            return False
        with Path(text).open("rb") as file:
            first = file.read(2)
        is_pickle = first[:1] == b"\x80" and first[1:] in (b"\x02", b"\x03", b"\x04", b"\x05")
        return is_pickle or cls.is_named_by(text)

    @classmethod
    def takes(cls, value: Any) -> bool:
        """Tell whether an object is a Trials."""
        return hasattr(value, "_dynamic_trials") and not isinstance(value, type)

    def read(self, source: Any, options: Options) -> History:
        """Return the trials of a pickle, or of a Trials object."""
        if not isinstance(source, str):
            return history_of(source, type(source).__name__)
        if not options.allow_pickle:
            raise InvalidArgumentError(
                f"{source!r} is a pickle, and loading a pickle runs whatever code is in it. If you "
                "trust where it comes from, say so with --allow-pickle."
            )
        missing: dict[str, str] = {}
        used: list[str] = []
        trials = load_trials(source, missing=missing, entry=options.study, used=used)
        history = history_of(trials, source)
        history.heeded = ("study",) if used else ()
        without_stand_ins(history, missing)
        return history

    def write(self, history: History, target: str, options: Options) -> None:
        """Write a pickle that hyperopt alone can load."""
        check_new_file(target, options)
        keys = {document["exp_key"] for document in history.documents}
        trials = base.Trials(exp_key=keys.pop() if len(keys) == 1 else None, refresh=False)
        trials._dynamic_trials = [_picklable(document, history) for document in history.documents]
        for name, content in history.attachments.items():
            if _why_not(content) is None:
                trials.attachments[name] = content
            else:
                history.remark(f"attachment {name!r} is left out: {_why_not(content)}")
        trials.refresh()
        trials._ids.update(document["tid"] for document in history.documents)
        replace_file(target, cloudpickle.dumps(trials))


def _picklable(document: Document, history: History) -> Document:
    """Return a document without those entries of its result that no pickle can hold."""
    if _why_not(document) is None:
        return document
    kept = {}
    for key, value in document["result"].items():
        why = _why_not(value)
        if why is None:
            kept[key] = value
        else:
            history.remark(f"trial {document['tid']}: result[{key!r}] is left out: {why}")
    return {**document, "result": kept}


def _why_not(value: Any) -> str | None:
    """Return why something cannot be pickled; None if it can."""
    if type(value) in (bool, int, float, str, bytes, type(None)):
        return None
    try:
        cloudpickle.dumps(value)
    except Exception as exc:  # noqa: BLE001 - pickling a user's object may raise anything
        return f"{type(value).__name__} cannot be pickled ({type(exc).__name__})"
    return None
