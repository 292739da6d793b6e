"""Find the place of a search in its program, and put there what takes it."""

from __future__ import annotations

import ast
from dataclasses import dataclass, field

from hyperbridge.migrate import tracking
from hyperbridge.migrate.distributions import Needs
from hyperbridge.migrate.nodes import FUNCTIONS, walk
from hyperbridge.migrate.notes import Note
from hyperbridge.migrate.objectives import Objective, read_objective
from hyperbridge.migrate.origins import origins
from hyperbridge.migrate.reading import Search, is_none
from hyperbridge.migrate.rewriting import Draft, Rewriting, Target
from hyperbridge.migrate.syntax import (
    indented,
    wrapped,
)

LATER = (ast.Lambda, ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
_MAYBE = (ast.IfExp, ast.BoolOp)


class BlockedError(ValueError):
    """A search cannot be rewritten after all.

    Attributes:
        search: The search.
        note: Why.
    """

    def __init__(self, search: Search, node: ast.AST, code: str, text: str) -> None:
        super().__init__(text)
        self.search = search
        line = getattr(node, "lineno", search.call.lineno)
        self.note = Note(line, text, True, code)


@dataclass(eq=False)
class PlacedSearch:
    """Puts the new code of one search where its call of fmin stands."""

    target: Target
    rewriting: Rewriting
    draft: Draft
    fresh: ast.stmt | None
    before: list[str] = field(default_factory=list)
    definitions: list[str] = field(default_factory=list)
    made: list[str] = field(default_factory=list)
    made_name: str | None = None
    further: str = ""
    ran_before: str | None = None
    magic: str = ""
    later: ast.AST | None = None

    def __post_init__(self) -> None:
        program = self.rewriting.program
        self.needs: Needs = self.rewriting.needs[self.search.module]
        self.objective: Objective = read_objective(program, self.search)
        self.tracking: tracking.Tracking | None = None

    @property
    def search(self) -> Search:
        """The search."""
        return self.draft.search

    def block(self, node: ast.AST, code: str, text: str) -> BlockedError:
        """Return the error that leaves the search."""
        return BlockedError(self.search, node, code, text)

    def _import(self, statement: ast.stmt) -> None:
        """Have the engine imported, also where the function around fmin has its own import."""
        for line in self.target.imports:
            name = line.rpartition(" ")[2]
            scope = self.rewriting.program.scope_of[statement].find(name)
            if scope is None or not isinstance(scope.node, FUNCTIONS):
                self.needs.imports.add(line)
                continue
            own = scope.bindings[name]
            if any(b.dotted != name for b in own):
                text = f"{name!r} is a name of the program's own, which the new code needs"
                raise self.block(statement, "HB208", text)
            block = self.rewriting.program.block(statement)
            if not any(b.node in block[: block.index(statement)] for b in own):
                self.before.append(line)

    def _function_between(self) -> ast.AST | None:
        """Return the outermost lambda or comprehension in whose inside fmin is called."""
        found: ast.AST | None = None
        for above in self.rewriting.program.enclosing(self.search.call):
            if isinstance(above, ast.stmt):
                break
            if isinstance(above, LATER):
                found = above
        return found

    def _check_place(self, statement: ast.stmt) -> None:
        program, module = self.rewriting.program, self.search.module
        call = self.search.call
        self.magic = self._magic(statement)
        if not module.begins_line(statement) and not self.magic:
            raise self.block(
                call, "HB208", "fmin stands on a line with other statements: give it its own"
            )
        for above in program.enclosing(call):
            if above is statement:
                break
            if isinstance(above, _MAYBE) and self.later is None:
                raise self.block(
                    call, "HB208", "fmin is called under a condition: give it its own line"
                )
        if isinstance(statement, ast.While | ast.Match) or (
            isinstance(statement, ast.If) and self._is_elif(statement)
        ):
            raise self.block(call, "HB208", "fmin stands in a condition: give it its own line")
        if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            raise self.block(call, "HB208", "fmin stands in a definition: give it its own line")

    def _magic(self, statement: ast.stmt) -> str:
        """Return the magic before a statement on its line, such as ``%time``; empty for none."""
        source = self.search.module.source
        start = self.search.module.span(statement)[0]
        begin = self.search.module.line_start(start)
        before = source.text[begin:start]
        is_magic = source.document is not None and before.startswith("%")
        return before if is_magic and not before.strip().startswith("%%") else ""

    def _is_elif(self, statement: ast.If) -> bool:
        start = self.search.module.span(statement)[0]
        return self.search.module.source.code.startswith("elif", start)

    def _may_be_none(self, trials: ast.expr) -> bool:
        program = self.rewriting.program
        slot = program.slot(trials)
        if slot is None or slot.scope is None:
            return False
        if not any(b.kind == "argument" for b in slot.scope.bindings.get(slot.name, ())):
            return False
        return any(is_none(e) for e in origins(program, trials).exprs)

    def _column(self) -> int:
        program = self.rewriting.program
        return len(self.search.module.indent(program.statement(self.search.call)))

    def _place(self, statement: ast.stmt, text: str) -> None:
        rewriting, module = self.rewriting, self.search.module
        newline = module.source.newline
        indent = module.indent(statement)
        if self.later is not None:
            text = self._as_function(text)
        comments = self._comments()
        start, end = module.span(statement)
        is_alone = isinstance(statement, ast.Expr) and statement.value is self.search.call
        is_dropped = is_alone and not module.source.is_last_of_cell(end)
        is_dropped = is_dropped or self._is_only_decoded(statement)
        lines = [*comments, *self.before]
        lines = wrapped(indented(lines, indent))
        while lines and not lines[-1].strip():
            lines.pop()
        joined = newline.join(lines)[len(indent) :]
        if lines and self.before[0].startswith("def "):
            blank = rewriting.blank_before(statement)
            if blank:
                module.edits.insert(module.line_start(start), newline * blank)
        rewriting.call_text[self.search.call] = text
        if self.magic:
            *first, last = self.before
            lines = [*wrapped([*comments, *first]), f"{self.magic}{last}"]
            begin = module.line_start(start)
            rest = "" if is_alone else newline
            module.edits.replace(begin, end if is_alone else start, newline.join(lines) + rest)
            if is_alone:
                rewriting.done.add(statement)
            return
        if is_dropped and self.later is None:
            module.edits.replace(start, end, joined)
            rewriting.done.add(statement)
            return
        separator = f"{newline}{indent}"
        if self.before[-1:] == [""]:
            separator = newline * (3 if not indent else 2) + indent
        module.edits.insert(start, f"{joined}{separator}")

    def _is_only_decoded(self, statement: ast.stmt) -> bool:
        """Tell whether a local result is looked at by rewritten calls of space_eval alone."""
        program = self.rewriting.program
        if (
            not isinstance(statement, ast.Assign | ast.AnnAssign)
            or statement.value is not self.search.call
        ):
            return False
        target = statement.targets[0] if isinstance(statement, ast.Assign) else statement.target
        slot = program.slot(target)
        if slot is None or slot.scope is None or not isinstance(slot.scope.node, FUNCTIONS):
            return False
        if isinstance(statement, ast.Assign) and len(statement.targets) > 1:
            return False
        if len(program.flows.get(slot, ())) != 1:
            return False
        uses = program.uses.get(slot, ())
        loads = [u for u in uses if isinstance(getattr(u, "ctx", None), ast.Load)]
        above = [program.parent_of[use] for use in loads]
        return bool(loads) and all(
            isinstance(call, ast.Call) and program.hyperopt(call.func) == "space_eval"
            for call in above
        )

    def _as_function(self, text: str) -> str:
        """Put the search into a function of its own, which the expression calls."""
        program = self.rewriting.program
        inner = program.scope_of[self.search.call]
        outer = program.scope_of[program.statement(self.search.call)]
        names: dict[str, None] = {}
        for scope in inner.path():
            if scope is outer:
                break
            names.update(dict.fromkeys(scope.bindings))
        used = {n.id for n in walk(self.search.call) if isinstance(n, ast.Name)}
        given = ", ".join(n for n in names if n in used)
        name = self.needs.unused("search")
        body = list(self.before)
        while body and not body[-1]:
            body.pop()
        lines = indented([*body, f"return {text}"], "    ")
        lines = ["" if not line.strip() else line for line in lines]
        self.before = [f"def {name}({given}):", *lines, ""]
        if not self._column():
            self.before.append("")
        return f"{name}({given})"

    def _comments(self) -> list[str]:
        """Return the comments in the call, which is written anew."""
        call = self.search.call
        assert call.end_lineno is not None
        found = []
        for line in range(call.lineno, call.end_lineno + 1):
            comment = self.search.module.comment(line)
            is_behind = line == call.end_lineno
            if comment is not None and not is_behind:
                found.append(comment)
        return found
