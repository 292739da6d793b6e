"""Plan the migration of one file: read its searches, decide which can go, write those."""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping
from dataclasses import dataclass

from hyperbridge.migrate.module import Module
from hyperbridge.migrate.notes import Note
from hyperbridge.migrate.placing import insert_definitions, remove_statements
from hyperbridge.migrate.rules import (
    algorithm,
    analysis,
    best,
    budget,
    early_stop,
    imports,
    live_space,
    objective,
    options,
    points,
    seed,
    space,
    status,
    tracking,
    trials,
)
from hyperbridge.migrate.search import Search, find_searches
from hyperbridge.migrate.sources import Source
from hyperbridge.migrate.target_optuna import OptunaTarget
from hyperbridge.migrate.target_ray import RayTarget
from hyperbridge.migrate.writing import Shared, Writing
from hyperbridge.translate.source_helpers import helpers
from hyperbridge.translate.to_source import SpaceCode

TARGETS: dict[str, type[OptunaTarget | RayTarget]] = {"optuna": OptunaTarget, "ray": RayTarget}
_TUNE = "from ray import tune"
_WITH_SEARCH = ("hp", "scope", "STATUS_OK", "STATUS_FAIL", "Trials", "SparkTrials")
_OF_SEARCH = ("space_eval", "sample")
_SIMPLE = (ast.Assign, ast.AnnAssign, ast.Expr, ast.Return)
_CONDITIONAL = (ast.Lambda, ast.IfExp, ast.BoolOp, ast.ListComp, ast.DictComp, ast.GeneratorExp)


@dataclass(frozen=True, slots=True)
class Plan:
    """What becomes of one file.

    Attributes:
        source: The file.
        texts: The new text of each of its cells; those of the source when nothing changes.
        notes: For a person, in the order of the lines.
        searches: For the line of each call of fmin, whether it is left as it is.
        untold: First and last line of the calls whose space the source does not tell.
    """

    source: Source
    texts: tuple[str, ...]
    notes: tuple[Note, ...]
    searches: dict[int, bool]
    untold: tuple[tuple[int, int], ...] = ()

    @property
    def is_changed(self) -> bool:
        """Whether anything is rewritten."""
        return self.new_text != self.source.text

    @property
    def new_text(self) -> str:
        """The whole new text; a notebook's code cells one after the other."""
        if self.source.document is None:
            return "".join(self.texts)
        return "".join(f"{text}\n" for text in self.texts)


def plan(source: Source, target: str, *, live: Mapping[int, SpaceCode] | None = None) -> Plan:
    """Plan the migration of a file.

    Args:
        source: The file.
        target: ``optuna`` or ``ray``.
        live: Native code of live spaces, by the line of their call of fmin, for searches whose
            space the source does not tell.

    Raises:
        UnreadableFileError: It does not parse.
    """
    return plan_module(Module(source), target, live=live)


def plan_module(
    module: Module, target: str, *, live: Mapping[int, SpaceCode] | None = None
) -> Plan:
    """Plan the migration of a parsed file; see `plan`."""
    source = module.source
    notes: list[Note] = []
    if module.names.stars:
        notes += _star_notes(module)
    searches = find_searches(module) if not notes else []
    drafts = [_read(search, TARGETS[target], live or {}) for search in searches]
    for search in searches:
        if search.is_live:
            search.built_by = live_space.read(search, searches)
    for draft in drafts:
        TARGETS[target].check(draft)
    _block_shared(searches)
    going = [draft for draft in drafts if not draft.search.is_blocked]
    if going:
        _write(module, going, target)
    for search in searches:
        # what would be different does not matter where nothing is rewritten
        notes += [n for n in search.notes if n.needs_person or not search.is_blocked]
    notes += _left_over(module, searches)
    notes += _installations(source)
    texts = tuple(module.edits.apply(c.start, c.end) for c in source.cells)
    left = {search.call.lineno: search.is_blocked for search in searches}
    untold = tuple(
        (search.call.lineno, search.call.end_lineno or search.call.lineno)
        for search in searches
        if search.is_untold and not search.is_live
    )
    return Plan(source, texts, tuple(sorted(set(notes))), left, untold)


def _installations(source: Source) -> list[Note]:
    return [
        Note(number, "installs hyperopt: install the new engine instead", needs_person=False)
        for number, line in enumerate(source.text.splitlines(), start=1)
        if re.search(r"^\W*(MAGIC )?\W*pip3? install\b.*\bhyperopt\b", line)
    ]


def _star_notes(module: Module) -> list[Note]:
    return [
        Note(node.lineno, "a star import hides which names are hyperopt's: name them first")
        for node in module.names.stars
        if (node.module or "").partition(".")[0] in ("hyperopt", "hyperbridge")
    ]


def _read(
    search: Search, target: type[OptunaTarget | RayTarget], live: Mapping[int, SpaceCode]
) -> Writing:
    trials.read(search)
    algorithm.read(search)
    space.read(search, live=live.get(search.call.lineno))
    budget.read(search)
    seed.read(search)
    early_stop.read(search)
    points.read(search)
    points.check(search)
    options.read(search)
    goal = objective.read(search)
    uses = best.read(search)
    replacements = analysis.read(search, target.words)
    _check_place(search)
    fallback = objective.Objective(search.call, None, "params", (), "unknown", fails=True)
    return Writing(
        search,
        Shared(set()),
        goal or fallback,
        uses,
        replacements,
        tracking.read(search, goal, on_workers=target.on_workers),
    )


def _check_place(search: Search) -> None:
    module = search.module
    if not isinstance(search.statement, _SIMPLE) or not module.begins_line(search.statement):
        search.block(search.call, "fmin stands inside a larger statement: give it its own line")
    for above in module.names.enclosing(search.call):
        if isinstance(above, ast.stmt):
            break
        if isinstance(above, _CONDITIONAL):
            search.block(search.call, "fmin is called under a condition: give it its own line")
    given = search.arguments.get("space")
    binding = None if given is None else module.names.only_binding(given)
    if binding is not None and isinstance(binding.node, ast.stmt):
        if not module.begins_line(binding.node):
            search.block(binding.node, "give the space a line of its own")
        elif isinstance(binding.scope.node, ast.ClassDef):
            search.block(binding.node, "the space belongs to a class: move it out")


def _block_shared(searches: list[Search]) -> None:
    """Block what depends on what is blocked, until nothing changes."""
    changed = True
    while changed:
        changed = False
        claimed = {n for s in searches if not s.is_blocked for n in s.claimed}
        for search in (s for s in searches if not s.is_blocked):
            for other in (s for s in search.shares_builders if s.is_blocked):
                line = other.call.lineno
                search.block(
                    search.call, f"its space is built by what the search in line {line} keeps"
                )
                changed = True
            for binding in (*search.consumed, *(search.space.bindings if search.space else ())):
                others = [
                    use
                    for use in search.module.names.uses(binding)
                    if isinstance(use.ctx, ast.Load) and use not in claimed
                ]
                if others:
                    search.block(
                        others[0],
                        f"{binding.name!r} is used here in a way that has no counterpart that is"
                        " written",
                    )
                    changed = True
            for other in searches:
                if other is not search and other.trials and other.trials is search.trials:
                    search.block(
                        search.call,
                        "two calls of fmin share their trials: create the study once, and give"
                        " each study.optimize the number of further trials",
                    )
                    changed = True


def _write(module: Module, going: list[Writing], target: str) -> None:
    status.rewrite(module)
    shared = Shared(module.identifiers)
    for draft in going:
        draft.shared = shared
        binding = draft.space_binding
        if binding is not None:
            shared.used_by[binding] = shared.used_by.get(binding, 0) + 1
    for draft in going:
        TARGETS[target](draft).write()
    remove_statements(module, shared.removed)
    texts = dict.fromkeys((*helpers(shared.needs), *shared.helpers))
    new = [text.replace("\n", module.source.newline) for text in texts]
    insert_definitions(module, _first_place(module, going), new)
    gone = {
        node
        for node in module.walk()
        if isinstance(node, ast.Name) and module.edits.covers(*module.span(node))
    }
    imports.rewrite(module, gone, _without_clash(module, shared.imports))


def _without_clash(module: Module, needed: set[str]) -> set[str]:
    """Import Ray Tune under another name in a program that has a ``tune`` of its own."""
    bindings = module.names.module.bindings.get("tune", [])
    is_taken = "tune" in module.identifiers and not any(b.dotted == "ray.tune" for b in bindings)
    if _TUNE not in needed or not is_taken:
        return needed
    module.edits.substitute(re.compile(r"(?<![\w.])tune\.(?=\w)"), "ray_tune.")
    return {*needed - {_TUNE}, f"{_TUNE} as ray_tune"}


def _first_place(module: Module, going: list[Writing]) -> ast.stmt:
    """Return the first statement at the top level in which new code stands."""
    nodes: list[ast.AST] = [draft.search.statement for draft in going]
    for draft in going:
        if draft.space_binding is not None:
            nodes.append(draft.space_binding.node)
        if draft.objective.function is not None:
            nodes.append(draft.objective.function)
    tops = [n for n in module.tree.body if any(m in ast.walk(n) for m in nodes)]
    return tops[0]


def _left_over(module: Module, searches: list[Search]) -> list[Note]:
    """Note every use of hyperopt that is neither rewritten nor part of a noted search."""
    blocked = [s for s in searches if s.is_blocked]
    known = {n for s in blocked for n in s.claimed}
    lines = {line for s in blocked for line in _lines_of(s.statement)}
    lines |= {line for s in blocked for b in s.consumed for line in _lines_of(b.node)}
    notes: list[Note] = []
    for node in module.walk():
        name = module.hyperopt(node)
        parent = module.names.parent_of.get(node)
        if not name or (isinstance(parent, ast.Attribute) and module.hyperopt(parent)):
            continue
        assert isinstance(node, ast.expr)
        if node in known or node.lineno in lines or module.edits.covers(*module.span(node)):
            continue
        if blocked and name.partition(".")[0] in _WITH_SEARCH:
            continue
        if blocked and name in _OF_SEARCH:
            text = f"{name} is left because its search is"
            notes.append(Note(node.lineno, text, needs_person=False))
            continue
        notes.append(Note(node.lineno, f"{name} is left as it is: no rule for it here"))
    return notes


def _lines_of(node: ast.AST) -> range:
    first: int = getattr(node, "lineno", 0)
    return range(first, (getattr(node, "end_lineno", None) or first) + 1)
