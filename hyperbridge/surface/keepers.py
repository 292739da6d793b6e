"""What keeps a call of fmin on disk: its save file, and its journal, if a setting says so."""

from __future__ import annotations

import logging
import os
import threading
from collections import Counter
from contextlib import ExitStack
from pathlib import Path

from hyperbridge import config
from hyperbridge.journal.choice import Journal, as_journal
from hyperbridge.run.journal_keeper import JournalKeeper
from hyperbridge.run.keeping import Keeper
from hyperbridge.run.objective import Objective
from hyperbridge.run.saving import TrialsFile
from hyperbridge.surface.watching import watcher
from hyperbridge.worker.reporting import is_in_trial

logger = logging.getLogger(__name__)

_counting = threading.Lock()
_n_calls: Counter[str] = Counter()
"""How many searches of this process a setting has given a journal, by its path, and how often a
child of a name was started."""


def journal_of(settings: config.Settings) -> Journal | None:
    """Return the journal of a call of fmin.

    A program may have several searches, so what the environment, the command line or a ``with``
    block say stands for one file for each: ``run.journal`` for the first call of this process,
    ``run.2.journal`` for the second. What runs inside of a trial has none of them: it is called
    for another trial in the next run of the program.

    Args:
        settings: Those of the call.

    Raises:
        InvalidArgumentError: The environment's choice for another search's journal is none.
    """
    if settings.journal is None:
        return None
    journal = as_journal(settings.journal, config.journal_if_different())
    if settings.sources["journal"] == "the argument journal":
        return journal
    if is_in_trial():
        logger.info(
            "this call of fmin is inside of a trial, and has no journal: %s is for the searches of "
            "the program. Give it one by the argument journal.",
            settings.sources["journal"],
        )
        return None
    path = Path(os.path.realpath(journal))
    n = _counted(str(path))
    if n == 1:
        return journal
    return Journal(path.with_name(f"{path.stem}.{n}{path.suffix}"), journal.if_different)


def environment_of_child(name: str) -> dict[str, str]:
    """Return what the environment of a program says of journals that this one starts.

    Its searches are not this program's, so their files are named after it: ``run.child.journal``,
    and ``run.child-2.journal`` when it is started a second time.

    Args:
        name: The child's.
    """
    variable = config.ENVIRONMENT["journal"]
    text = os.environ.get(variable, "").strip()
    if not text:
        return {}
    path = Path(os.path.realpath(text))
    n = _counted(f"{path} {name}")
    own = name if n == 1 else f"{name}-{n}"
    return {variable: str(path.with_name(f"{path.stem}.{own}{path.suffix}"))}


def _counted(key: str) -> int:
    with _counting:
        _n_calls[key] += 1
        return _n_calls[key]


def open_keepers(
    stack: ExitStack,
    trials_save_file: str | os.PathLike[str],
    journal: Journal | None,
    objective: Objective,
) -> list[Keeper]:
    """Return what keeps a call on disk; others may use it again when the stack is left.

    Args:
        stack: Releases them.
        trials_save_file: As given to fmin; empty for none.
        journal: See `journal_of`.
        objective: What the trials evaluate, and its space: a journal is of one.

    Raises:
        InvalidArgumentError: A path cannot be a file's, or another search uses it.
    """
    keepers: list[Keeper] = []
    if trials_save_file and watcher().may_keep(trials_save_file):
        keepers.append(TrialsFile(trials_save_file))
        stack.callback(keepers[-1].release)
    if journal is not None and watcher().may_keep(journal):
        keepers.append(JournalKeeper(journal, objective.space_texts, objective.identity))
        stack.callback(keepers[-1].release)
    return keepers
