"""What every target needs to rewrite one search: names, the point, and where code goes."""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass, field

from hyperbridge.migrate.placing import (
    blank_lines_wanted,
    replace_with_definition,
)
from hyperbridge.migrate.rules.analysis import Replacement
from hyperbridge.migrate.rules.best import Uses
from hyperbridge.migrate.rules.objective import Objective
from hyperbridge.migrate.rules.tracking import Tracking
from hyperbridge.migrate.scopes import Binding
from hyperbridge.migrate.search import Search
from hyperbridge.migrate.syntax import indented
from hyperbridge.translate.source_helpers import EXACT
from hyperbridge.translate.source_values import identifier


@dataclass(slots=True, eq=False)
class Shared:
    """What the searches of one file have in common.

    Attributes:
        taken: Identifiers in the file and new ones.
        imports: Import statements that the new code needs.
        helpers: Functions and classes that it needs at the top level, each once.
        needs: Which helper functions of `source_helpers` it needs, and which branches.
        suggesting: The name of the function written for each variable that holds a space.
        removed: Statements that are not needed any more.
        used_by: How many searches use each variable that holds a space.
        kept: Statements that hold a rewritten space.
        adapters: The name of each function at the top level that was written, by its lines.
        named: The name of each of the helpers, by its text as it comes.
        parents: The variable of each ``with mlflow.start_run()`` that got one.
    """

    taken: set[str]
    imports: set[str] = field(default_factory=set)
    helpers: list[str] = field(default_factory=list)
    needs: set[str] = field(default_factory=set)
    suggesting: dict[Binding, str] = field(default_factory=dict)
    removed: set[ast.stmt] = field(default_factory=set)
    used_by: dict[Binding, int] = field(default_factory=dict)
    kept: set[ast.stmt] = field(default_factory=set)
    adapters: dict[tuple[str, ...], str] = field(default_factory=dict)
    named: dict[str, str] = field(default_factory=dict)
    parents: dict[ast.withitem, str] = field(default_factory=dict)


@dataclass(slots=True, eq=False)
class Writing:
    """One search while it is written.

    Attributes:
        search: The search.
        shared: What it has in common with the others of its file.
        objective: What is minimised.
        uses: Uses of the result and the space.
        replacements: Uses of the trials.
        tracking: How it is logged.
        companions: Functions that belong beside the one for the space.
        is_hoisted: Whether these go to the top level, wherever the search is.
    """

    search: Search
    shared: Shared
    objective: Objective
    uses: Uses
    replacements: list[Replacement]
    tracking: Tracking | None
    companions: list[str] = field(default_factory=list)
    is_hoisted: bool = False
    _name: str | None = None

    @property
    def imports(self) -> set[str]:
        """Import statements that the new code needs."""
        return self.shared.imports

    @property
    def helpers(self) -> list[str]:
        """Functions and classes that the new code needs at the top level."""
        return self.shared.helpers

    def helper(self, text: str) -> str:
        """Have a function or class at the top level, once in a file, and return its name."""
        if text not in self.shared.named:
            found = re.match(r"(?:def|class) (\w+)", text)
            assert found is not None
            name = self.shared.named[text] = self.unused(found[1])
            self.helpers.append(re.sub(rf"\b{found[1]}\b", name, text))
        return self.shared.named[text]

    def parent_run(self) -> str:
        """Return the variable that holds the search's MLflow run."""
        item = None if self.tracking is None else self.tracking.parent
        if item is None:
            return self.unused("parent_run")
        if isinstance(item.optional_vars, ast.Name):
            return item.optional_vars.id
        if item not in self.shared.parents:
            name = self.shared.parents[item] = self.unused("parent_run")
            end = self.search.module.span(item.context_expr)[1]
            self.search.module.edits.insert(end, f" as {name}")
        return self.shared.parents[item]

    def unused(self, name: str) -> str:
        """Return a name that nothing in the file has, and take it."""
        found, count = name, 2
        while found in self.shared.taken:
            found, count = f"{name}_{count}", count + 1
        self.shared.taken.add(found)
        return found

    @property
    def space_binding(self) -> Binding | None:
        """The variable that holds the space; None when it is written inside the call."""
        given = self.search.arguments["space"]
        return None if self.search.is_live else self.search.module.names.only_binding(given)

    def suggest_name(self) -> str:
        """Return the name of the function for the space, which is then written."""
        if self._name is not None:
            return self._name
        binding = self.space_binding
        if binding is not None and binding in self.shared.suggesting:
            self._name = self.shared.suggesting[binding]
            return self._name
        base = identifier(binding.name) if binding is not None else "params"
        self._name = self.unused(f"suggest_{base.removeprefix('suggest_')}")
        if binding is not None:
            self.shared.suggesting[binding] = self._name
        return self._name

    def point_lines(self, function: ast.AST, argument: str, trial: str) -> list[str]:
        """Return statements that assign the point to the objective's own argument."""
        code = self.search.code
        assert code is not None
        if not self._can_inline(function):
            return [f"{argument} = {self.suggest_name()}({trial})"]
        first, *rest = code.body
        lines = [f"{argument} = {first.removeprefix('return ')}", *rest]
        if trial != "trial":
            lines = [line.replace("trial.suggest", f"{trial}.suggest") for line in lines]
            lines = [line.replace("(trial, ", f"({trial}, ") for line in lines]
        return lines

    def _can_inline(self, function: ast.AST) -> bool:
        """Tell whether the objective may hold the whole space: one expression, used once."""
        code, space = self.search.code, self.search.space
        if code is None or self.uses.evaluations or self.uses.samples:
            return False
        binding = self.space_binding
        if binding is not None and self.shared.used_by.get(binding, 1) > 1:
            return False
        if not code.body[0].startswith("return ") or any(
            line.startswith(("if ", "else", "elif ", "return ")) for line in code.body[1:]
        ):
            return False
        if space is None:  # a live space: it has no names of the program in it but globals
            return True
        inside = {
            name
            for scope in self.search.module.names.scope_of.values()
            if scope.node is function
            for name in scope.bindings
        }
        visible_from = self.search.module.names.scope_of[function]
        needed = self.search.module.names.scope_of[self.search.arguments["space"]]
        if binding is not None:
            needed = binding.scope
        is_visible = needed in visible_from.path()
        return not inside & space.names and (is_visible or not space.names)

    def insert_first(self, function: ast.FunctionDef, lines: list[str]) -> None:
        """Insert statements at the beginning of a function, after its docstring."""
        module = self.search.module
        newline = module.source.newline
        first = function.body[0]
        is_text = isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant)
        if is_text and isinstance(first.value, ast.Constant) and isinstance(first.value.value, str):  # type: ignore[attr-defined]  # an Expr
            first = function.body[1] if len(function.body) > 1 else first
        start = module.span(first)[0]
        if module.begins_line(first):
            indent = module.indent(first)
            text = newline.join(indented(lines, indent)) + newline
            module.edits.insert(module.line_start(start), text)
            return
        indent = module.indent(function) + "    "
        text = newline + newline.join(indented(lines, indent)) + newline + indent
        colon = module.source.code.rindex(":", 0, start)
        module.edits.replace(colon + 1, start, text)

    def bracketed(self, expr: ast.expr) -> str:
        """Return the source of an expression so that it can stand alone on several lines."""
        text = self.search.module.text(expr)
        closed = isinstance(
            expr, ast.Call | ast.Dict | ast.List | ast.Subscript | ast.Constant | ast.Name
        )
        return f"({text})" if "\n" in text and not closed else text

    def call_of(self, expr: ast.expr, point: str, before: list[str]) -> str:
        """Return a call of fmin's function with the point.

        Args:
            expr: The function; what makes it is evaluated once, as fmin does.
            point: Source of the point.
            before: Gets the statements that belong before the function with the call.
        """
        module = self.search.module
        is_partial = (
            isinstance(expr, ast.Call) and module.names.dotted(expr.func) == "functools.partial"
        )
        inner = list(ast.iter_child_nodes(expr)) if is_partial else [expr]
        if any(_has_call(part) for part in inner):
            name = self.unused("objective")
            blank = [""] if module.indent(self.search.statement) else ["", ""]
            before += [f"{name} = {self.bracketed(expr)}", *blank]
            return f"{name}({point})"
        if isinstance(expr, ast.Call) and module.names.dotted(expr.func) == "functools.partial":
            function, *given = (module.text(arg) for arg in expr.args)
            named = [f"{k.arg}={module.text(k.value)}" for k in expr.keywords if k.arg]
            named += [f"**{module.text(k.value)}" for k in expr.keywords if k.arg is None]
            return f"{function}({', '.join([*given, point, *named])})"
        text = module.text(expr)
        return f"({text})({point})" if isinstance(expr, ast.Lambda) else f"{text}({point})"

    def point_value(self, label: str, value: object) -> str:
        """Return the source of a point's value as the study has it."""
        code = self.search.code
        assert code is not None
        categories = code.categories.get(label)
        if categories is not None and isinstance(value, int | float):
            return categories.texts[int(value)]
        is_integer = any(f'suggest_int("{label}"' in line for line in code.body)
        if is_integer and isinstance(value, int | float):
            return str(int(value))
        return repr(value)

    def uses_result(self) -> bool:
        """Tell whether anything is done with what fmin returns, once ``space_eval`` is gone."""
        search, best = self.search, self.search.best
        if isinstance(search.statement, ast.Expr) and search.statement.value is search.call:
            return False
        if best is None or best.scope is search.module.names.module:
            return True  # others may look at a variable of the module
        names = [n for n in search.module.names.uses(best) if isinstance(n.ctx, ast.Load)]
        decoded = {part for call in self.uses.evaluations for part in ast.walk(call)}
        return not names or any(name not in decoded for name in names)

    def replace_call(self, before: list[str], text: str) -> None:
        """Put statements before the one with fmin, and an expression in fmin's place."""
        module, search = self.search.module, self.search
        statement = search.statement
        indent = module.indent(statement)
        newline = module.source.newline
        before = [*self._definition_before(), *before]
        start, end = module.span(statement)
        if before[0].startswith("def "):
            wanted = blank_lines_wanted(module, statement, self.shared.removed)
            module.edits.insert(module.line_start(start), newline * wanted)
        joined = newline.join(indented(before, indent))[len(indent) :]
        if not self.uses_result():
            module.edits.replace(start, end, joined)
            return
        module.edits.replace(*module.span(search.call), text)
        module.edits.insert(start, f"{joined}{newline}{indent}")

    def _definition_before(self) -> list[str]:
        """Return the function for a space that is written inside the call."""
        if self._name is None or self.space_binding is not None:
            return []
        if self.is_hoisted:
            return []
        blank = [""] if self.search.module.indent(self.search.statement) else ["", ""]
        return [*self._definition(self._name), *blank]

    def _definition(self, name: str) -> list[str]:
        """Return the lines of the function for the space, and of what belongs beside it."""
        code = self.search.code
        assert code is not None
        return "\n\n\n".join(
            text.rstrip("\n") for text in (code.function(name), *self.companions)
        ).split("\n")

    def reaches_space(self, function: ast.AST) -> bool:
        """Tell whether a function written where the space is can be called from another one."""
        names = self.search.module.names
        binding = self.space_binding
        needed = names.scope_of[self.search.call] if binding is None else binding.scope
        return needed in names.scope_of[function].path() or self._can_inline(function)

    def local_names(self) -> set[str]:
        """Return the names in the space that belong to a function around the search."""
        space = self.search.space
        names = self.search.module.names
        if space is None:
            return set()
        inner = names.scope_of[self.search.arguments["space"]]
        found = {b.name for b in space.bindings}
        return {
            name
            for scope in inner.path()
            if scope is not names.module
            for name in scope.bindings
            if name in space.names and name not in found
        }

    def place_space(self) -> None:
        """Write the function in the place of the variable that held the space, if it is needed."""
        binding = self.space_binding
        if self._name is not None and self.is_hoisted:
            assert self.search.code is not None
            self.helpers.extend((self.search.code.function(self._name), *self.companions))
        if binding is None or not isinstance(binding.node, ast.stmt):
            return
        if self._name is None or self.is_hoisted or binding.node in self.shared.removed:
            self.shared.removed.add(binding.node)
            return
        module = self.search.module
        if not module.edits.covers(*module.span(binding.node)):
            replace_with_definition(module, binding.node, self._definition(self._name))

    def keep_space(self) -> None:
        """Keep the statement of the variable that holds the space: it was rewritten."""
        binding = self.space_binding
        if binding is not None and isinstance(binding.node, ast.stmt):
            self.shared.kept.add(binding.node)

    def remove_consumed(self) -> None:
        """Mark the statements whose variables are not needed any more."""
        self.shared.removed.update(self.search.built_by)
        space = self.search.space
        inner = [] if space is None else space.bindings
        for binding in (*self.search.consumed, *inner):
            is_space = binding is self.space_binding
            if isinstance(binding.node, ast.stmt) and not (is_space and self._name is not None):
                self.shared.removed.add(binding.node)
        self.shared.removed -= self.shared.kept
        code = self.search.code
        if code is not None and (self._name is not None or not self.shared.kept):
            self.shared.imports.update(code.imports)
            self.shared.needs |= code.needs
            if self.search.settings.sampler == "random":  # what is exact serves TPE as well
                self.shared.needs.add(EXACT)


def _has_call(node: ast.AST) -> bool:
    """Tell whether something is called when an expression is evaluated."""
    if isinstance(node, ast.Call):
        return True
    parts = [node.args] if isinstance(node, ast.Lambda) else ast.iter_child_nodes(node)
    return any(_has_call(part) for part in parts)
