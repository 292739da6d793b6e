"""Plan the migration of one program for one engine: which searches go, and what is told of each."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

from hyperbridge.migrate import imports
from hyperbridge.migrate.analysis import Analysis
from hyperbridge.migrate.demand import Demand
from hyperbridge.migrate.dict_looks import looks_at_dicts
from hyperbridge.migrate.editing import Editing
from hyperbridge.migrate.edits import Edits
from hyperbridge.migrate.file_plan import FilePlan, PlanOptions, SearchPlan, codes_of
from hyperbridge.migrate.helpers import helper_imports, helper_names, helper_texts
from hyperbridge.migrate.left_over import broken_cells, installations, is_value, left_over
from hyperbridge.migrate.module import Module
from hyperbridge.migrate.nodes import walk
from hyperbridge.migrate.notes import Note
from hyperbridge.migrate.placed_search import BlockedError
from hyperbridge.migrate.placing import insert_definitions
from hyperbridge.migrate.proof import faults, new_texts
from hyperbridge.migrate.reading import Search
from hyperbridge.migrate.rewriting import Draft, Rewriting, is_constant
from hyperbridge.migrate.skips import skipped_lines, skipped_statements
from hyperbridge.migrate.spaces import UnwritableSpaceError
from hyperbridge.migrate.syntax import MisplacedError
from hyperbridge.migrate.targets import TARGETS


class SkippedError(ValueError):
    """Something would change a statement that a comment keeps."""


class TakenNameError(ValueError):
    """The new code needs a name that is the program's own."""


@dataclass(eq=False)
class Planner:
    """Plans the migration of one program for one engine.

    Args:
        analysis: The program.
        target: The engine.
        options: What the user chooses.
    """

    analysis: Analysis
    target: str
    options: PlanOptions
    blocked: dict[Search, list[Note]] = field(default_factory=dict)
    remarks: dict[Search, list[Note]] = field(default_factory=dict)
    skipped: dict[Module, list[ast.stmt]] = field(default_factory=dict)
    takes_strays: bool = True

    def __post_init__(self) -> None:
        self.program = self.analysis.program
        self.modules = self.program.modules
        self.searches, self.demands = self.analysis.searches, self.analysis.demands

    def plan(self) -> list[FilePlan]:
        """Return the plan of each file; its edits are in the file then."""
        self.engine = TARGETS[self.target]()
        self._read()
        rewriting: Rewriting | None = None
        while open_searches := [s for s in self.searches if s not in self.blocked]:
            for module in self.modules:
                module.edits = Edits(module.source.text)
            rewriting = self._attempt(open_searches)
            if rewriting is not None and not self._has_unwanted(rewriting):
                break
        else:
            for module in self.modules:
                module.edits = Edits(module.source.text)
                mentions = self.program.mentions[module]
                if not self.searches and not any(module.hyperopt(n) for n in mentions):
                    imports.rewrite(module, (), (), self.program.shown(module))
                if faults(module):
                    module.edits = Edits(module.source.text)
            rewriting = None
        return [self._file(module, rewriting) for module in self.modules]

    def _block(self, search: Search, note: Note) -> None:
        notes = self.blocked.setdefault(search, [])
        if note not in notes:
            notes.append(note)

    def _note(self, search: Search, node: ast.AST, code: str, text: str) -> None:
        self._block(search, self.analysis.note(search, node, code, text))

    def _read(self) -> None:
        analysis = self.analysis
        for search in self.searches:
            said = [replace(n, text=self.engine.remark(n.code, n.text)) for n in search.notes]
            known = [*said, *self.engine.read(self.program, search)]
            self.remarks[search] = [note for note in known if not note.needs_person]
            for note in known:
                if note.needs_person:
                    self._block(search, note)
            if search not in self.demands:
                if search not in self.blocked:
                    self._note(search, search.call, "HB201", "fmin is called without fn and space")
                continue
            for note in analysis.refusals[search]:
                self._block(search, note)
            self.remarks[search] += analysis.remarks[search]
            if any(n in self._skipped(search.module) for n in self._around(search)):
                text = "it is left, as a comment says"
                self.blocked[search] = [Note(search.call.lineno, text, False, "HB251")]
        self._refuse_looks()
        self._spread()

    def _skipped(self, module: Module) -> list[ast.stmt]:
        if module not in self.skipped:
            self.skipped[module] = skipped_statements(module)
        return self.skipped[module]

    def _around(self, search: Search) -> list[ast.stmt]:
        around = self.program.enclosing(search.call)
        return [n for n in around if isinstance(n, ast.stmt)]

    def _keep_skipped(self, rewriting: Rewriting) -> None:
        """Leave searches whose rewriting would change a statement that is skipped.

        Raises:
            BlockedError: One of them.
        """
        for module in self.modules:
            for statement in self._skipped(module):
                span = module.span(statement)
                found = module.edits.inside(*span)
                if all(is_constant(module.source.text[e.start : e.end]) for e in found):
                    for edit in found:
                        module.edits.forget(edit)
                    continue
                nodes = {n for n in walk(statement) if isinstance(n, ast.expr | ast.stmt)}
                drafts = rewriting.drafts
                mine = [g for g in drafts if nodes & self._parts(g)]
                mine = mine or [g for g in drafts if g.search.module is module] or drafts
                where = f"line {statement.lineno} of {module.source.path}"
                text = f"it is left, as it would change {where}, which a comment keeps"
                for g in mine:
                    note = Note(g.search.call.lineno, text, False, "HB251")
                    self._block(g.search, note)
                raise SkippedError(text)

    def _parts(self, draft: Draft) -> set[ast.AST]:
        """Return the code of a search: its call, its space and its objective."""
        search = draft.search
        found = {search.call, *draft.visited, *draft.roles.parameters}
        for function in self.program.function(search.arguments["fn"]):
            found |= {*walk(function)}
        return found

    def _has_unwanted(self, rewriting: Rewriting) -> bool:
        """Leave searches that would be rewritten in another way than the user wants."""
        found = False
        for draft in rewriting.drafts if self.options.exact else ():
            plan = self._outcome(draft.search, rewriting)
            if plan.changes:
                text = f"it is left, as its results would change: {', '.join(plan.changes)}"
                self._note(draft.search, draft.search.call, "HB252", text)
                found = True
        if found:
            self._spread()
        return found

    def _asks_hyperopt(self, rewriting: Rewriting) -> bool:
        """Leave all searches where distributions are chosen as the program runs.

        With ``getattr(hp, kind)(label)`` nobody can say which space asks hyperopt.
        """
        kept = {each for s in self.blocked if s in self.demands for each in self._space_of(s)}
        left = [
            node
            for module in self.modules
            for node in self.program.mentions[module]
            if node not in kept
            and is_value(node, module)
            and not module.edits.covers(*module.span(node))
        ]
        for node in left:
            self._leave_chosen([draft.search for draft in rewriting.drafts], node)
        return bool(left)

    def _looks_at_dicts(self, rewriting: Rewriting) -> bool:
        """Leave searches whose space the program looks at as a dict."""
        found = list(looks_at_dicts(rewriting))
        for search, node, why in found:
            self._note(search, node, "HB207", f"{ast.unparse(node)} {why}")
        if found:
            self._spread()
        return bool(found)

    def _leave_chosen(self, searches: list[Search], node: ast.AST) -> None:
        text = (
            f"{ast.unparse(node)} is used as a value, so which distributions a space has is not"
            " told: call them by name, such as hp.uniform(...)"
        )
        for search in searches:
            self._note(search, node, "HB209", text)

    def _space_of(self, search: Search) -> Iterator[ast.AST]:
        demand = self.demands[search]
        yield from demand.visited
        for function in demand.roles.builders | demand.roles.givers:
            yield from walk(function)

    def _outcome(self, search: Search, rewriting: Rewriting | None) -> SearchPlan:
        """Return what becomes of a search."""
        line = search.call.lineno
        if search in self.blocked:
            codes = codes_of(self.blocked[search])
            return SearchPlan(line, "skipped" if codes == ("HB251",) else "left", codes)
        notes = [*self.remarks.get(search, ())]
        for draft in [] if rewriting is None else rewriting.drafts:
            if draft.search is search:
                assert rewriting is not None
                notes += rewriting.notes_on(draft)
        return SearchPlan(line, "rewritten", codes_of(notes))

    def _refuse_looks(self) -> None:
        searches = [s for s in self.searches if s not in self.blocked]
        if not searches:
            return
        rewriting = Rewriting(self.analysis, searches, self.engine)
        looks = (
            node
            for module in self.modules
            for node in (*module.of_kind(ast.Attribute), *module.of_kind(ast.Call))
        )
        for node in looks:
            why = rewriting.words.missing(node)
            if why is not None:
                for search in searches:
                    self._note(search, node, "HB212", why)

    def _spread(self) -> None:
        """Leave searches that depend on the space of one that is left."""
        changed = True
        while changed:
            changed = False
            for search in self.searches:
                if search in self.blocked or search not in self.demands:
                    continue
                for other in self.blocked:
                    if other not in self.demands:
                        continue
                    if self.demands[search].roles.touches(self.demands[other].roles):
                        line = other.call.lineno
                        where = (
                            ""
                            if other.module is search.module
                            else f" of {other.module.source.path}"
                        )
                        text = f"its space is built by what the search in line {line}{where} keeps"
                        self._note(search, search.call, "HB213", text)
                        changed = True
                        break

    def _attempt(self, searches: list[Search]) -> Rewriting | None:
        """Write some searches; None when one of them is left after all, or needs another try."""
        if self.blocked or not self.takes_strays:  # hyperopt stays where a search does
            return self._write(searches, ())
        strays = self.analysis.strays
        try:
            rewriting = self._write(searches, strays)
        except Exception:
            if not strays:
                raise
            rewriting = None
        if rewriting is None and strays:  # they are not worth a search
            self.blocked.clear()
            self.takes_strays = False
        return rewriting

    def _write(self, searches: list[Search], strays: Sequence[Demand]) -> Rewriting | None:
        rewriting = Editing(self.analysis, searches, self.engine)
        rewriting.keep(self.blocked)
        rewriting.adopt(strays)
        for needs in rewriting.needs.values():
            needs.bounds_normals = self.options.bounds_normals
        try:
            rewriting.write()
            self._keep_skipped(rewriting)
            if self._looks_at_dicts(rewriting):
                return None
            self._finish(rewriting)
            if self._asks_hyperopt(rewriting):
                return None
        except SkippedError:
            self._spread()
            return None
        except BlockedError as exc:
            self._block(exc.search, exc.note)
            self._spread()
            return None
        except UnwritableSpaceError as exc:
            mine = [s for s in searches if exc.node in self.demands[s].visited] or searches
            for search in mine:
                self._note(search, exc.node, "HB209", str(exc))
            self._spread()
            return None
        except (MisplacedError, TakenNameError) as exc:
            for search in searches:
                self._note(search, search.call, "HB209", str(exc))
            return None
        wrong = False
        renamed = {new: slot.name for slot, new in rewriting.spaces.names.items()}
        for module in self.modules:
            found = faults(module, renamed, self.program.shown(module))
            mine = [s for s in searches if s.module is module] or searches
            mentions = self.program.mentions[module]
            chosen = [n for n in mentions if is_value(n, module)] if found else []
            for node in chosen:
                self._leave_chosen(mine, node)
            for fault in () if chosen else found:
                for search in mine:
                    self._note(
                        search, search.call, "HB299", f"internal: please report this: {fault}"
                    )
            wrong = wrong or bool(found)
        if wrong:
            self._spread()
            return None
        return rewriting

    def _finish(self, rewriting: Rewriting) -> None:
        for module in self.modules:
            needs = rewriting.needs[module]
            if any(rewriting.latent(g.roles) for g in rewriting.drafts):
                needs.helpers.add("latent")
            if needs.helpers:
                library = self.engine.library
                for name in helper_names(needs.helpers, library):
                    needs.helper(name)
                texts = helper_texts(needs.helpers, library)
                renamed = {n: other for n, other in needs.named.items() if n != other}
                for name, other in renamed.items():  # these texts are ours alone
                    texts = [re.sub(rf"\b{name}\b", other, text) for text in texts]
                needs.imports |= helper_imports(needs.helpers, library)
                texts = [t.replace("\n", module.source.newline) for t in texts]
                first = self._first_place(module, rewriting)
                if first is not None:
                    insert_definitions(module, first, texts)
            for line in needs.imports:
                _check_free(module, line)
            if module.edits or needs.imports or imports.statements(module):
                gone = imports.gone(module)
                imports.rewrite(module, gone, needs.imports, self.program.shown(module))

    def _first_place(self, module: Module, rewriting: Rewriting) -> ast.stmt | None:
        """Return the first statement at the top level that is changed, and is no import."""
        for statement in module.tree.body:
            if isinstance(statement, ast.Import | ast.ImportFrom):
                continue
            start, end = module.span(statement)
            if statement in rewriting.removed:
                continue
            if module.edits.touches(start, end):
                return statement
        return None

    def _file(self, module: Module, rewriting: Rewriting | None) -> FilePlan:
        notes: list[Note] = []
        mine = [s for s in self.searches if s.module is module]
        for search in mine:
            if search in self.blocked:
                notes += self.blocked[search]
            else:
                notes += [*self.remarks.get(search, ())]
        if rewriting is not None:
            notes += rewriting.notes[module]
        notes += left_over(self.program, module, self.blocked)
        notes += installations(module.source)
        notes += broken_cells(module.source)
        texts = tuple(new_texts(module))
        outcomes = tuple(self._outcome(search, rewriting) for search in mine)
        lines = skipped_lines(module)
        return FilePlan(module.source, texts, tuple(sorted(set(notes))), outcomes, lines)


def _check_free(module: Module, line: str) -> None:
    """Check that the name of a new import means nothing else in the file.

    Raises:
        TakenNameError: It does.
    """
    node = ast.parse(line).body[0]
    assert isinstance(node, ast.Import | ast.ImportFrom)
    home = f"{node.module}." if isinstance(node, ast.ImportFrom) else ""
    for alias in node.names:
        name = alias.asname or alias.name.partition(".")[0]
        meant = home + (alias.name if home or alias.asname else name)
        for binding in module.names.module.bindings.get(name, ()):
            if binding.dotted != meant and not module.names.is_missing(binding):
                text = f"{name!r} is a name of the program's own, which the new code needs"
                raise TakenNameError(text)
