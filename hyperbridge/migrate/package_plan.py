"""Plan what a migration changes where packages are asked for, beside the programs themselves."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from hyperbridge.migrate.discover import mentions_hyperopt
from hyperbridge.migrate.file_plan import FilePlan
from hyperbridge.migrate.notes import Note
from hyperbridge.migrate.requirements import ENGINES, Rewriter, with_installations
from hyperbridge.migrate.sources import UnreadableFileError, read_content

_IMPORTS = re.compile(r"^[ \t]*(?:from|import)[ \t]+(?:hyperopt|hyperbridge)\b", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class PackagePlan:
    """What becomes of a file that asks for packages.

    Attributes:
        path: The file.
        text: What it says.
        new_text: What it will say.
        notes: For a person.
        why: What happens, for people.
    """

    path: Path
    text: str
    new_text: str
    notes: tuple[Note, ...]
    why: str

    @property
    def is_changed(self) -> bool:
        """Whether anything is rewritten."""
        return self.new_text != self.text


def plan_packages(
    path: Path, plans: Sequence[FilePlan], unread: Sequence[Path], target: str
) -> PackagePlan | None:
    """Return what becomes of a list of requirements; None when it is not concerned.

    A list is for the programs in its folder and below; where there are none, for those in the
    nearest folder around it that has some.

    Args:
        path: The list.
        plans: What becomes of the programs.
        unread: Files that cannot be read: they may need hyperopt.
        target: The new engine.

    Raises:
        UnreadableFileError: It cannot be read.
    """
    content = read_content(path)
    if not mentions_hyperopt(content.lower()):
        return None
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError as exc:
        raise UnreadableFileError(f"{path}: cannot be decoded: {exc}") from exc
    concerned = [p for p in plans if mentions_hyperopt(p.source.text.encode()) and _is_program(p)]
    for folder in Path(os.path.abspath(path)).parents:
        mine = [p for p in concerned if folder in Path(os.path.abspath(p.source.path)).parents]
        if mine:
            break
    else:
        return None
    if not any(plan.is_changed for plan in mine):
        return None
    keeps = any(still_uses(plan) for plan in mine)
    keeps |= any(folder in Path(os.path.abspath(other)).parents for other in unread)
    engine = ENGINES[target]
    rewriter = Rewriter(engine, keeps)
    new = rewriter.new_text(path, text)
    where = "beside hyperopt, which is still used" if keeps else "in hyperopt's place"
    why = f"{engine.name} {where}" if new != text else ""
    return PackagePlan(path, text, new, tuple(rewriter.notes()), why)


def _is_program(plan: FilePlan) -> bool:
    return bool(plan.searches) or plan.is_changed or still_uses(plan)


def still_uses(plan: FilePlan) -> bool:
    """Tell whether a file imports hyperopt after its migration."""
    return _IMPORTS.search(plan.new_text) is not None


def with_packages(plans: Sequence[FilePlan], target: str) -> list[FilePlan]:
    """Return plans in which ``%pip install`` lines install the engine.

    A line is for the program of its notebook; in a notebook without a search, for all programs.
    """
    somewhere = any(plan.is_changed for plan in plans)
    everywhere = somewhere and not any(still_uses(plan) for plan in plans)
    found = []
    for plan in plans:
        is_mine = plan.is_changed
        if not is_mine and (plan.searches or still_uses(plan) or not somewhere):
            found.append(plan)
            continue
        keeps = still_uses(plan) if is_mine else not everywhere
        rewriter = Rewriter(ENGINES[target], keeps)
        texts = tuple(with_installations(text, rewriter) for text in plan.texts)
        if texts != plan.texts:
            notes = tuple(note for note in plan.notes if note.code != "HB227")
            plan = replace(plan, texts=texts, notes=notes)
        found.append(plan)
    return found
