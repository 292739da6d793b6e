"""hyperopt's own form: a Trials object, or a pickle of one."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any, ClassVar

import cloudpickle
from hyperopt import base

from hyperbridge.errors import InvalidArgumentError
from hyperbridge.files.pickles import load_trials
from hyperbridge.history.history import History
from hyperbridge.history.kinds import Kind, Options
from hyperbridge.history.targets import check_new_file, replace_file


class TrialsKind(Kind):
    """A pickle of Trials, as ``trials_save_file`` and many programs write it."""

    name: ClassVar[str] = "trials"
    help: ClassVar[str] = "a pickle of hyperopt's Trials"
    example: ClassVar[str] = "trials.pkl"
    reads: ClassVar[bool] = True
    writes: ClassVar[bool] = True
    suffixes: ClassVar[tuple[str, ...]] = (".pkl", ".pickle", ".p", ".trials", ".hyperopt")

    @classmethod
    def recognises(cls, text: str) -> bool:
        """Tell whether a file begins as a pickle does."""
        if not Path(text).is_file():
            return False
        with Path(text).open("rb") as file:
            first = file.read(2)
        return first[:1] == b"\x80" and first[1:] in (b"\x02", b"\x03", b"\x04", b"\x05")

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
        return history_of(load_trials(source), source)

    def write(self, history: History, target: str, options: Options) -> None:
        """Write a pickle that hyperopt alone can load."""
        check_new_file(target, options)
        trials = base.Trials(exp_key=None)
        trials.insert_trial_docs(history.documents)
        trials.attachments.update(history.attachments)
        trials.refresh()
        replace_file(target, cloudpickle.dumps(trials))


def history_of(trials: Any, source: str) -> History:
    """Return the trials of a Trials object; its documents are copied, not what results hold."""
    documents = [
        {**document, "misc": copy.deepcopy(document["misc"])} for document in trials._dynamic_trials
    ]
    return History(documents, dict(trials.attachments), source)
