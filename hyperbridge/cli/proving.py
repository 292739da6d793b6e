"""Run the original and the rewritten programs, and tell for each search whether it is the same."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from hyperbridge.cli.verify import declared
from hyperbridge.migrate.entries import ways_to
from hyperbridge.migrate.file_plan import FilePlan
from hyperbridge.migrate.module import Module
from hyperbridge.migrate.notes import Note
from hyperbridge.migrate.sources import with_cells
from hyperbridge.verify.collect import ProgramFailedError, Settings, collect
from hyperbridge.verify.compare import Finding, compare
from hyperbridge.verify.evidence import Evidence

_KEPT = (".py", ".ipynb")


@dataclass(frozen=True, slots=True)
class Run:
    """A program that was run before and after its migration.

    Attributes:
        old: What the original was seen to do.
        new: What the rewritten program was seen to do; None when it showed no search.
        findings: What is not the same.
        why: Why nothing was seen; empty when something was.
    """

    old: Evidence | None = None
    new: Evidence | None = None
    findings: tuple[Finding, ...] = ()
    why: str = ""


def proven(
    modules: Sequence[Module], plans: Sequence[FilePlan], settings: Settings
) -> list[FilePlan]:
    """Return the plans with a remark for each rewritten search: the same, another one, not seen.

    The original runs where it is; the rewritten files run in a temporary copy, whose other files
    are links to those beside the original. Both run in the current directory.

    Args:
        modules: The files.
        plans: What becomes of them.
        settings: How programs are run.
    """
    by_module = dict(zip(modules, plans, strict=True))
    runs: dict[Module, Run] = {}
    found: list[FilePlan] = []
    ways = ways_to(modules)
    with tempfile.TemporaryDirectory(prefix="hyperbridge-") as folder:
        copy = _Copy(Path(folder), plans)
        for module, plan in by_module.items():
            notes = list(plan.notes)
            cut = [note.text for note in plan.notes if note.code == "HB238"]
            for search in plan.searches:
                if search.state == "rewritten":
                    place = os.path.realpath(plan.source.path), search.line
                    notes.append(_verdict(place, ways[module], runs, copy, settings, cut))
            found.append(replace(plan, notes=tuple(sorted(set(notes)))))
    return found


def _verdict(
    place: tuple[str, int],
    ways: Sequence[Module],
    runs: dict[Module, Run],
    copy: _Copy,
    settings: Settings,
    cut: Sequence[str],
) -> Note:
    """Run the programs that may come to a search until one does, and return what was seen."""
    reasons: list[str] = []
    line = place[1]
    for start in ways:
        if start not in runs:
            runs[start] = _run(start.source.path, copy, settings)
        run = runs[start]
        searches = () if run.old is None else run.old.searches
        places = [i for i, search in enumerate(searches) if search.place == place]
        if not places:
            reasons += [run.why] if run.why else []
            continue
        different = [
            f
            for f in run.findings
            if f.is_difference and f.search in places and not _is_wanted(f, cut)
        ]
        if different:
            return Note(line, _difference(different), True, "HB241")
        if run.new is None:
            return Note(line, f"the rewritten program shows no search: {run.why}", True, "HB242")
        points = sum(len(run.new.searches[i].draws) for i in places if i < len(run.new.searches))
        text = f"was run: it is the same search, by its settings and {points} points"
        return Note(line, text, False, "HB240")
    why = "; ".join(reasons) or "the program does not come to it when it is run"
    return Note(line, f"could not be compared: {why}", True, "HB242")


def _is_wanted(finding: Finding, cut: Sequence[str]) -> bool:
    """Tell whether a difference is that of a normal which the user wants as a range."""
    is_range = finding.kind in ("support", "distribution", "point")
    return is_range and any(text.startswith(f"{finding.label!r}: ") for text in cut)


def _difference(findings: Sequence[Finding]) -> str:
    texts = [f"{f.kind}: {'' if f.label is None else f'{f.label!r} '}{f.text}" for f in findings]
    return f"was run, and is another search: {'; '.join(texts)}"


def _run(path: Path, copy: _Copy, settings: Settings) -> Run:
    with tempfile.TemporaryDirectory(prefix="hyperbridge-") as folder:
        try:
            old = collect(path, settings, Path(folder), is_original=True)
        except ProgramFailedError as exc:
            return Run(why=str(exc))
        new_path = copy.of(path)
        try:
            new = collect(new_path, settings, Path(folder), is_original=False)
        except ProgramFailedError as exc:
            return Run(old, why=str(exc).replace(str(new_path), str(path)))
    accepted = declared(new_path)
    findings = [
        each
        for each in compare(old, new)
        if not {each.kind, f"{each.label}:{each.kind}"} & {*accepted}
    ]
    return Run(old, new, tuple(findings))


class _Copy:
    """A copy of the folders in which files are rewritten.

    Args:
        folder: An empty folder.
        plans: What becomes of the files.
    """

    def __init__(self, folder: Path, plans: Sequence[FilePlan]) -> None:
        self._folder = folder
        self._new: Mapping[Path, bytes] = {
            Path(os.path.abspath(p.source.path)): with_cells(p.source, p.texts) for p in plans
        }
        shared = os.path.commonpath([path.parent for path in self._new]) if self._new else "/"
        self._root = Path(shared)
        while (self._root / "__init__.py").exists():  # a package is imported from beside it
            self._root = self._root.parent
        self._fill(self._root, folder / "program")

    def of(self, path: Path) -> Path:
        """Return where a file is in the copy."""
        return self._folder / "program" / Path(os.path.abspath(path)).relative_to(self._root)

    def _fill(self, folder: Path, new: Path) -> None:
        """Copy a folder that has files of the program in it; what is beside them is linked."""
        new.mkdir()
        holders = {parent for path in self._new for parent in path.parents}
        for entry in sorted(folder.iterdir()):
            target = new / entry.name
            if entry in self._new:
                target.write_bytes(self._new[entry])
            elif entry in holders:
                self._fill(entry, target)
            elif entry.suffix in _KEPT and entry.is_file():
                shutil.copyfile(entry, target)
            elif entry.name != "__pycache__":
                target.symlink_to(entry, target_is_directory=entry.is_dir())
