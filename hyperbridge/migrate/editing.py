"""One attempt to rewrite searches: the edits of a program's files.

What is rewritten where it stands is visited; a space becomes a function of the trial, and a
function that builds one takes the trial.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable

from hyperbridge.migrate.demand import Roles
from hyperbridge.migrate.nodes import FUNCTIONS, Function, children, walk
from hyperbridge.migrate.placing import remove_statements, replace_with_definition
from hyperbridge.migrate.program import Slot, is_property_decorator
from hyperbridge.migrate.results import needs_indices
from hyperbridge.migrate.rewriting import Draft, Rewriting
from hyperbridge.migrate.syntax import compose, indented, located, wrapped
from hyperbridge.migrate.units import Unit, UnitFinder, same_cell


class Editing(Rewriting):
    """A rewriting whose edits are put into the modules.

    Raises:
        BlockedError: A search cannot be rewritten after all.
    """

    def write(self) -> None:
        """Add all edits."""
        self._choose_indices()
        self._keep_values()
        self._name_spaces()
        self._drop_consumed()
        self.target.prepare(self)
        units = self._units()
        for draft in self.drafts:
            self.target.write(self, draft)
        for unit in units:
            self._write_unit(unit)
        self._touched = self._touched_code()
        for module in self.program.modules:
            self._visit(module.tree, None)
            remove_statements(module, [s for s in self.removed if self.program.home[s] is module])
        for call, (code, remark) in self.spaces.remarks.items():
            label = call.args[0] if call.args else call
            shown = repr(label.value) if isinstance(label, ast.Constant) else "a parameter"
            self.note(call, code, f"{shown}: {self.target.remark(code, remark)}")

    def _touched_code(self) -> set[ast.AST]:
        """Return the statements in which anything may be rewritten, and all around them."""
        program = self.program
        found = set(self.analysis.touched(self.searches))
        roles = self.roles
        program.add_around((*roles.roots, *roles.builders, *self.decoded), found)
        program.add_around(self.target.rewritten(), found)
        for slot in self.spaces.names:
            program.add_around(program.uses.get(slot, ()), found)
        return found

    def _choose_indices(self) -> None:
        """Decide for each choice whether the study holds its options or their indices."""
        by_index = self.spaces.by_index
        choices: dict[ast.Call, list[Draft]] = {}
        for draft in self.drafts:
            for call in draft.roles.parameters:
                if (self.program.hyperopt(call.func) or "").endswith("choice"):
                    choices.setdefault(call, []).append(draft)
                    if self.spaces.plain_options(call) is None:
                        by_index.add(call)
        for draft in self.drafts:
            mine = {c for c, users in choices.items() if draft in users}
            if mine and needs_indices(self, draft):
                by_index |= mine
                self.spaces.needs_index |= mine
        for stray in self.strays:
            for call in stray.roles.parameters:
                is_choice = (self.program.hyperopt(call.func) or "").endswith("choice")
                if is_choice and self.spaces.plain_options(call) is None:
                    by_index.add(call)

    def _keep_values(self) -> None:
        """Leave the spaces that stay values out of what becomes functions of the trial."""
        kept = self.target.values(self)
        if kept:
            self.roles = self.spaces.roles = Roles()
            for draft in self.drafts:
                if draft not in kept:
                    self.roles.add(draft.roles)
            for stray in self.strays:
                self.roles.add(stray.roles)

    def _drop_consumed(self) -> None:
        """Drop variables that only served arguments of fmin which are written otherwise now."""
        program = self.program
        gone: dict[Slot, set[ast.expr]] = {}
        for draft in self.drafts:
            sampler, patience = draft.search.sampler, draft.search.patience or ()
            written = [sampler.seed, sampler.chosen, *(v for _, v in sampler.options), *patience]
            staying = {node for expr in written if expr is not None for node in walk(expr)}
            for name in ("algo", "rstate", "early_stop_fn"):
                expr = draft.search.arguments.get(name)
                if name == "rstate" and draft.search.sampler.is_drawn:
                    continue
                if name == "early_stop_fn" and draft.search.stop_when is not None:
                    continue
                for node in [] if expr is None else walk(expr):
                    slot = program.slot(node)
                    if isinstance(node, ast.Name) and slot is not None and node not in staying:
                        gone.setdefault(slot, set()).add(node)
        for slot in self.analysis.algorithms:
            gone.setdefault(slot, set())
        for slot, nodes in gone.items():
            loads = {
                use
                for use in program.uses.get(slot, ())
                if isinstance(getattr(use, "ctx", None), ast.Load)
            }
            flows = program.flows.get(slot, [])
            plain = all(
                isinstance(f.node, ast.Assign) and len(f.node.targets) == 1 and not f.path
                for f in flows
            )
            if slot.scope is None or not flows or not plain or loads - nodes:
                continue
            if program.is_imported_idly(slot):
                continue
            in_function = isinstance(slot.scope.node, FUNCTIONS)
            ours = any(program.hyperopt(part) for flow in flows for part in walk(flow.expr))
            if in_function or ours:
                self.removed.update(f.node for f in flows)  # type: ignore[misc]  # statements

    def _name_spaces(self) -> None:
        """Give the variable ``space`` a name that says what it is as a function."""
        for slot in self.roles.units:
            if slot.name != "space" or slot.scope is None or self.program.is_imported(slot):
                continue
            bindings = slot.scope.bindings.get(slot.name, [])
            if any(b.kind == "argument" for b in bindings) or slot.name in self.program.declared:
                continue
            module = self.program.home[bindings[0].node]
            if (
                "search_space" not in module.identifiers
                or "search_space" in self.needs[module].named
            ):
                self.needs[module].named["search_space"] = "search_space"
                self.needs[module].taken.add("search_space")
                self.spaces.names[slot] = "search_space"

    def _units(self) -> list[Unit]:
        finder = self._finder = UnitFinder(self.program, self.spaces)
        found: list[Unit] = []
        for slot in self.roles.units - self.roles.local:
            found += finder.units(slot)
        for unit in found:
            self.done.update(unit.members)
        return sorted(found, key=lambda u: (u.members[0].lineno, u.members[0].col_offset))

    def _write_unit(self, unit: Unit) -> None:
        program = self.program
        last = unit.members[-1]
        module = program.home[last]
        trial = self._trial_name(unit.members)
        lines = self._finder.definition(unit, trial)
        parent = program.parent_of[last]
        name = self.spaces.names.get(unit.slot, unit.slot.name)
        if isinstance(parent, ast.ClassDef):
            lines.insert(0, "@staticmethod")
        elif unit.slot.scope is None:
            lines += ["", f"{module.original(unit.target)} = {name}"]
        first = unit.members[0]
        block = program.block(first)
        span = block[block.index(first) : block.index(last) + 1]
        joined = all(member in unit.members for member in span) and same_cell(module, first, last)
        if joined:
            replace_with_definition(module, last, lines, begin=first, removed=self.removed)
        else:
            self.removed.update(unit.members[:-1])
            replace_with_definition(module, last, lines, removed=self.removed)

    def _trial_name(self, nodes: Iterable[ast.AST]) -> str:
        names = {n.id for node in nodes for n in walk(node) if isinstance(n, ast.Name)}
        return "trial" if "trial" not in names else "optuna_trial"

    def _visit(self, node: ast.AST, trial: str | None) -> None:
        """Edit what is rewritten under a node."""
        if node in self.done or node in self.removed:
            return
        if trial is None and isinstance(node, ast.stmt) and node not in self._touched:
            return
        module = self.program.home.get(node)
        if module is not None:
            text = None
            if trial is not None:
                text = self.spaces._rule(node, trial)
            if text is None:
                text = self.rule(node)
            if text is not None:
                assert isinstance(node, ast.expr | ast.stmt)
                module.edits.replace(*located(module, node, None), text)
                return
        if isinstance(node, ast.Return) and trial is not None and self._branch_return(node, trial):
            return
        if isinstance(node, FUNCTIONS) and node in self.roles.builders:
            self._visit_builder(node)
            return
        if isinstance(node, ast.JoinedStr):
            self._visit_text(node, trial)
            return
        if isinstance(node, ast.FunctionDef):
            self._take_out_of_scope(node)
        for child in children(node):
            self._visit(child, trial)

    def _take_out_of_scope(self, function: ast.FunctionDef) -> None:
        """Remove hyperopt's decorator from a function that spaces call by its own name now."""
        module = self.program.home[function]
        known = set().union(*(draft.visited for draft in self.drafts))
        for decorator in function.decorator_list:
            func = decorator.func if isinstance(decorator, ast.Call) else decorator
            if not (self.program.hyperopt(func) or "").startswith("scope.define"):
                continue
            calls = [
                n
                for m in self.program.modules
                for n in m.walk()
                if isinstance(n, ast.Call) and m.hyperopt(n.func) == f"scope.{function.name}"
            ]
            if all(call in known for call in calls):
                start = module.line_start(module.span(decorator)[0])
                module.edits.replace(start, module.line_end(start), "")
                self.done.add(decorator)

    def _branch_return(self, node: ast.Return, trial: str) -> bool:
        """Write the choice that a function of the trial returns as plain ifs."""
        function = self.program.function_around(node)
        if node.value is None or function not in self.roles.builders or function is None:
            return False
        module = self.program.home[node]
        if not module.begins_line(node):
            return False
        taken = {n.id for n in walk(function) if isinstance(n, ast.Name)}
        taken |= {a.arg for a in walk(function) if isinstance(a, ast.arg)}
        lines = self.spaces.branches(node.value, trial, taken | {trial})
        if lines is None:
            return False
        indent = module.indent(node)
        text = module.source.newline.join(wrapped(indented(lines, indent)))[len(indent) :]
        module.edits.replace(*module.span(node), text)
        return True

    def _visit_text(self, node: ast.JoinedStr, trial: str | None) -> None:
        module = self.program.home[node]

        def rule(part: ast.AST) -> str | None:
            text = None if trial is None else self.spaces._rule(part, trial)
            return self.rule(part) if text is None else text

        text = compose(module, node, rule, span=module.span(node))
        if text != module.original(node):
            module.edits.replace(*module.span(node), text)

    def _visit_builder(self, function: Function) -> None:
        """Have a function take the trial, and ask it."""
        module = self.program.home[function]
        trial = self._trial_name([function])
        scope = self.program.scope_of[function.args]
        mine = {s for s in (*self.program.flows, *self.program.stores) if s.scope is scope}
        later = (self.roles.units | self.roles.holders) - self.roles.local
        direct = mine - later
        before = set(self.spaces.direct)
        self.spaces.direct |= direct
        arguments = function.args
        names = [*arguments.posonlyargs, *arguments.args]
        is_method = self.program.is_method(function)
        if isinstance(function, ast.Lambda):
            place = module.offset(function.lineno, function.col_offset) + len("lambda")
            comma = "," if _has_arguments(arguments) else ""
            module.edits.insert(place, f" {trial}{comma}")
        else:
            for decorator in function.decorator_list:
                if is_property_decorator(decorator):
                    start = module.line_start(module.span(decorator)[0])
                    module.edits.replace(start, module.line_end(start), "")
                elif getattr(decorator, "id", "") not in ("staticmethod", "classmethod"):
                    self._visit(decorator, None)
            if is_method and names:
                place = module.span(names[0])[1]
                module.edits.insert(place, f", {trial}")
            else:
                head = module.offset(function.lineno, function.col_offset)
                place = module.source.code.index("(", head) + 1
                comma = ", " if _has_arguments(arguments) else ""
                inside = module.source.code[place:]
                lead = inside[: len(inside) - len(inside.lstrip())]
                text = f"{lead}{trial}," if "\n" in lead else f"{trial}{comma}"
                module.edits.insert(place, text)
        body = [function.body] if isinstance(function, ast.Lambda) else function.body
        given = [a for a in walk(arguments) if isinstance(a, ast.arg)]
        notes = [a.annotation for a in given] + [getattr(function, "returns", None)]
        for annotation in notes:
            if annotation is not None:
                self._visit(annotation, None)
        for default in (*arguments.defaults, *arguments.kw_defaults):
            if default is not None:
                self._visit(default, None)
        for part in body:
            self._visit(part, trial)
        self.spaces.direct = before


def _has_arguments(arguments: ast.arguments) -> bool:
    return bool(
        arguments.posonlyargs
        or arguments.args
        or arguments.vararg
        or arguments.kwonlyargs
        or arguments.kwarg
    )
