"""Plan the migration of a program: which searches go, and the new text of each file."""

from __future__ import annotations

import ast
import functools
from collections.abc import Sequence
from dataclasses import dataclass, replace

from hyperbridge.migrate.analysis import Analysis
from hyperbridge.migrate.edits import Edits
from hyperbridge.migrate.file_plan import FilePlan, PlanOptions, SearchPlan
from hyperbridge.migrate.files import Files
from hyperbridge.migrate.module import Module
from hyperbridge.migrate.notes import Note
from hyperbridge.migrate.plain_forms import plain_form
from hyperbridge.migrate.planner import Planner
from hyperbridge.migrate.sources import Source, UnreadableFileError
from hyperbridge.migrate.tabs import has_tabs, spaced, tabbed

_NO_OPTIONS = PlanOptions()


def plan_sources(
    sources: Sequence[Source], target: str = "optuna", options: PlanOptions = _NO_OPTIONS
) -> list[FilePlan]:
    """Plan the migration of the files of one program.

    Raises:
        UnreadableFileError: One of them does not parse.
    """
    return plan_modules([Module(source) for source in sources], target, options)


def plan_modules(
    modules: Sequence[Module], target: str = "optuna", options: PlanOptions = _NO_OPTIONS
) -> list[FilePlan]:
    """Plan the migration of parsed files; see `plan_sources`. The edits are in the modules."""
    return Planning(modules).plan(target, options)


class Planning:
    """Parsed files of one or more programs, whose plan is wanted for one or more engines.

    What is the same for each engine is worked out once.

    Args:
        modules: The files.
    """

    def __init__(self, modules: Sequence[Module]) -> None:
        self._modules = list(modules)
        self._read = [Module(spaced(m.source)) if has_tabs(m.source) else m for m in modules]
        try:
            groups = _components(self._read)
        except Exception:  # noqa: BLE001 - a fault of ours, which the plan of its file shows
            groups = [[module] for module in self._read]
        self._groups = [_Group(group) for group in groups]
        self._group_of = {module: group for group in self._groups for module in group.modules}

    def alone(self, module: Module) -> Analysis:
        """Return what is known of a file by itself."""
        group = self._group_of.get(module)
        is_same = group is not None and len(group.modules) == 1 and group.plain is group
        return group.analysis if group is not None and is_same else Analysis([module])

    def plan(self, target: str, options: PlanOptions = _NO_OPTIONS) -> list[FilePlan]:
        """Return the plan of each file; its edits are in the file then.

        Args:
            target: One of `targets.TARGETS`.
            options: What the user chooses.
        """
        for module in self._modules:
            module.edits = Edits(module.source.text)
        planned: dict[Module, tuple[FilePlan, Module]] = {}
        for group in self._groups:
            taken, plans = group.plain, group.plain.plan(target, options)
            states = {s.state for plan in plans for s in plan.searches}
            is_left = any(note.code == "HB215" for plan in plans for note in plan.notes)
            is_whole = states == {"rewritten"} and not is_left
            if taken is not group and not is_whole:  # what stays is to stay as it was
                taken, plans = group, group.plan(target, options)
            pairs = zip(plans, taken.modules, strict=True)
            planned.update(zip(group.modules, pairs, strict=True))
        return [
            planned[module][0]
            if planned[module][1] is original
            else _of_original(planned[module][0], module.source, original)
            for module, original in zip(self._read, self._modules, strict=True)
        ]


@dataclass(eq=False)
class _Group:
    """The files of one program."""

    modules: list[Module]

    @functools.cached_property
    def plain(self) -> _Group:
        """The program in the usual form; itself where it is in it."""
        forms = [Module(s) if (s := plain_form(m)) is not None else m for m in self.modules]
        return self if forms == self.modules else _Group(forms)

    @functools.cached_property
    def analysis(self) -> Analysis:
        """What is known of it."""
        return Analysis(self.modules)

    def plan(self, target: str, options: PlanOptions) -> list[FilePlan]:
        try:
            return Planner(self.analysis, target, options).plan()
        except Exception as exc:  # noqa: BLE001 - a fault of ours must not end the other programs
            return [_left(module, exc) for module in self.modules]


def _of_original(plan: FilePlan, read: Source, module: Module) -> FilePlan:
    """Return the plan of a file that was planned in another form: its own, but for its edits.

    Args:
        plan: The plan.
        read: The file with spaces for its tabs.
        module: The file.
    """
    original = module.source
    before = [original.text[c.start : c.end] for c in original.cells]
    old = [read.text[c.start : c.end] for c in read.cells]
    texts: list[str] = []
    module.edits = Edits(original.text)
    for cell, new, same, was in zip(original.cells, plan.texts, old, before, strict=True):
        with_tabs = tabbed(new, was) if has_tabs(original) else new
        texts.append(was if new == same else with_tabs)
        if texts[-1] != was:
            module.edits.replace(cell.start, cell.end, texts[-1])
    return replace(plan, source=original, texts=tuple(texts))


def _left(module: Module, exc: Exception) -> FilePlan:
    """Return the plan of a file that is left because of a fault of ours."""
    calls = [n for n in module.of_kind(ast.Call) if module.hyperopt(n.func) == "fmin"]
    lines = sorted(call.lineno for call in calls) or [1]
    text = f"internal: please report this: {type(exc).__name__}: {exc}"
    source = module.source
    texts = tuple(source.text[c.start : c.end] for c in source.cells)
    notes = tuple(Note(line, text, True, "HB299") for line in lines)
    searches = tuple(SearchPlan(line, "left", ("HB299",)) for line in lines if calls)
    return FilePlan(source, texts, notes, searches)


def _components(modules: list[Module]) -> list[list[Module]]:
    """Return the files in groups that import nothing from one another."""
    if len(modules) < 2:
        return [modules] if modules else []
    files = Files(modules)
    group = {module: {module} for module in modules}
    for module in modules:
        for other in files.imported_by(module):
            if group[module] is not group[other]:
                group[module] |= group[other]
                for member in group[other]:
                    group[member] = group[module]
    done: list[list[Module]] = []
    seen: set[Module] = set()
    for module in modules:
        if module not in seen:
            done.append([m for m in modules if m in group[module]])
            seen |= group[module]
    return done


__all__ = ["FilePlan", "UnreadableFileError", "plan_modules", "plan_sources"]
