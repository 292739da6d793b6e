"""Statements that build a space, and the function of the trial that takes their place."""

from __future__ import annotations

import ast
import functools
from collections.abc import Iterator
from dataclasses import dataclass

from hyperbridge.migrate.module import Module
from hyperbridge.migrate.nodes import is_changed, walk
from hyperbridge.migrate.program import Program, Slot
from hyperbridge.migrate.spaces import SpaceWriter
from hyperbridge.migrate.syntax import compose, indented, reindented, split_lines, wrapped

_COMPOUND = (ast.If, ast.For, ast.While, ast.With, ast.Try)


@dataclass(frozen=True, slots=True, eq=False)
class Unit:
    """Statements that build one value of a space.

    Attributes:
        slot: The variable or attribute.
        target: How it is written.
        members: The statements, in one block, in the order of the source.
        continues: Whether they change what the variable holds already.
    """

    slot: Slot
    target: ast.expr
    members: tuple[ast.stmt, ...]
    continues: bool


class UnitFinder:
    """Finds the units of the variables and attributes that become functions of the trial."""

    def __init__(self, program: Program, writer: SpaceWriter) -> None:
        self._program = program
        self._writer = writer

    def units(self, slot: Slot) -> list[Unit]:
        """Return the units of one variable or attribute, in the order of the source."""
        program = self._program
        touches = [use for use in program.uses.get(slot, ()) if self._is_touch(use)]
        by_statement: dict[ast.stmt, list[ast.expr]] = {}
        for use in touches:
            by_statement.setdefault(program.statement(use), []).append(use)
        open_statements = sorted(by_statement, key=lambda s: (s.lineno, s.col_offset))
        taken: set[ast.stmt] = set()
        found: list[Unit] = []
        for statement in open_statements:
            if statement in taken:
                continue
            target = by_statement[statement][0]
            starts = self._is_start(statement, slot)
            if not starts and self._is_handed_on(statement):
                continue
            members = self._members(statement, slot, by_statement)
            taken.update(s for s in open_statements if any(s in walk(m) for m in members))
            found.append(Unit(slot, target, tuple(members), not starts))
        return found

    def _is_touch(self, use: ast.expr) -> bool:
        if isinstance(getattr(use, "ctx", None), ast.Store | ast.Del):
            return isinstance(
                self._program.statement(use), ast.Assign | ast.AnnAssign | ast.AugAssign
            )
        return is_changed(use, self._program.parent_of)

    def _is_start(self, statement: ast.stmt, slot: Slot) -> bool:
        """Tell whether a statement gives the variable a value of its own making."""
        if not isinstance(statement, ast.Assign | ast.AnnAssign) or statement.value is None:
            return False
        targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
        mine = [t for t in targets if self._program.slot(t) == slot]
        if not mine:
            return False
        return not any(self._is_same(n, mine[0]) for n in walk(statement.value))

    def _is_same(self, node: ast.AST, target: ast.expr) -> bool:
        """Tell whether a node stands for a variable, or for the attribute of the same object."""
        slot = self._program.slot(node)
        if slot is None or slot != self._program.slot(target):
            return False
        if slot.scope is not None or isinstance(node, ast.Name):
            return True
        is_whose = isinstance(target, ast.Attribute) and isinstance(node, ast.Attribute)
        return is_whose and ast.dump(node.value) == ast.dump(target.value)  # type: ignore[attr-defined]  # attributes

    def _is_handed_on(self, statement: ast.stmt) -> bool:
        if not isinstance(statement, ast.Assign | ast.AnnAssign):
            return False
        plain = isinstance(statement, ast.AnnAssign) or len(statement.targets) == 1
        handing = (ast.Name, ast.Attribute, ast.IfExp, ast.BoolOp)
        return plain and isinstance(statement.value, handing)

    def _members(
        self, first: ast.stmt, slot: Slot, touching: dict[ast.stmt, list[ast.expr]]
    ) -> list[ast.stmt]:
        block = self._program.block(first)
        members = [first]
        for statement in block[block.index(first) + 1 :]:
            inner = [s for s in touching if s in set(walk(statement))]
            if not inner:
                if any(self._program.slot(n) == slot for n in walk(statement)):
                    break  # it is looked at
                continue
            if statement in touching and self._is_start(statement, slot):
                break
            if not isinstance(statement, _COMPOUND) and statement not in touching:
                break
            if isinstance(statement, _COMPOUND) and not self._is_pure(statement, touching):
                break
            members.append(statement)
        return members

    def _is_pure(self, compound: ast.stmt, touching: dict[ast.stmt, list[ast.expr]]) -> bool:
        inside = set(walk(compound))
        for node in inside:
            if isinstance(node, ast.Return | ast.Raise | ast.FunctionDef | ast.ClassDef):
                return False
            if isinstance(node, ast.Expr | ast.Assign | ast.AnnAssign | ast.AugAssign):
                if node in touching:
                    continue
                if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
                    continue
                if isinstance(node, ast.Expr) or not self._stays_inside(node, inside):
                    return False
        return True

    def _stays_inside(self, statement: ast.stmt, inside: set[ast.AST]) -> bool:
        for node in walk(statement):
            if isinstance(node, ast.Name | ast.Attribute | ast.Subscript) and isinstance(
                node.ctx, ast.Store
            ):
                slot = self._program.slot(node)
                if slot is None or any(u not in inside for u in self._program.uses.get(slot, ())):
                    return False
        return True

    # text

    def definition(self, unit: Unit, trial: str) -> list[str]:
        """Return the lines of the function of the trial, not indented."""
        writer, program = self._writer, self._program
        module = program.home[unit.members[0]]
        name = writer.names.get(unit.slot, unit.slot.name)
        before = set(writer.direct), set(writer.elsewhere)
        writer.direct |= {unit.slot, *self._made_in(unit)}
        writer.elsewhere |= {
            node
            for member in unit.members
            for node in walk(member)
            if isinstance(node, ast.Attribute)
            and program.slot(node) == unit.slot
            and not self._is_same(node, unit.target)
        }
        try:
            given = writer.captured(unit.members)
            body = self._body(unit, module, trial)
        finally:
            writer.direct, writer.elsewhere = before
        parameters = [trial, *(f"{n}={n}" for n in given)]
        if unit.continues:
            target = module.original(unit.target)
            target = writer.names.get(unit.slot, target) if unit.slot.scope else target
            parameters.append(f"previous={target}")
            body.insert(0, f"{unit.slot.name} = previous({trial})")
        lines = [f"def {name}({', '.join(parameters)}):"]
        lines += indented(body, "    ")
        return wrapped(lines)

    def _made_in(self, unit: Unit) -> Iterator[Slot]:
        """Yield the variables of a class's body that the statements give a value themselves."""
        for member in unit.members:
            for node in walk(member):
                if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
                    slot = self._program.slot(node)
                    if slot is not None and slot.scope is None:
                        yield slot

    def _body(self, unit: Unit, module: Module, trial: str) -> list[str]:
        writer = self._writer
        first = unit.members[0]
        alone = len(unit.members) == 1 and not unit.continues
        if alone and isinstance(first, ast.Assign | ast.AnnAssign) and first.value is not None:
            single = isinstance(first, ast.AnnAssign) or len(first.targets) == 1
            if single:
                taken = {n.id for n in walk(first) if isinstance(n, ast.Name)}
                branches = writer.branches(first.value, trial, taken | {trial})
                if branches is not None:
                    return branches
                text = writer.value(first.value, trial)
                indent = _column(module, first)
                text = reindented(text, indent, 0)
                if "\n" in text and not _is_closed(text):
                    text = f"({text})"
                return split_lines(f"return {text}")
        lines: list[str] = []
        for group in _contiguous(self._program, module, unit.members):
            start, end = module.span(group[0])[0], module.span(group[-1])[1]
            holder = ast.Module(body=list(group), type_ignores=[])
            rule = functools.partial(self._member_rule, unit=unit, trial=trial)
            text = compose(module, holder, rule, span=(start, end))
            lines += split_lines(reindented(text, _column(module, group[0]), 0))
        return [*lines, f"return {unit.slot.name}"]

    def _member_rule(self, node: ast.AST, unit: Unit, trial: str) -> str | None:
        if isinstance(node, ast.Attribute) and self._program.slot(node) == unit.slot:
            if node in self._writer.elsewhere:
                return self._writer._rule(node, trial)
            return unit.slot.name
        return self._writer._rule(node, trial)


def _contiguous(
    program: Program, module: Module, members: tuple[ast.stmt, ...]
) -> list[list[ast.stmt]]:
    block = program.block(members[0])
    groups: list[list[ast.stmt]] = []
    for member in members:
        follows = bool(groups) and block.index(groups[-1][-1]) + 1 == block.index(member)
        if follows and same_cell(module, groups[-1][-1], member):
            groups[-1].append(member)
            continue
        groups.append([member])
    return groups


def same_cell(module: Module, one: ast.stmt, other: ast.stmt) -> bool:
    """Tell whether two statements stand in one cell of a notebook; a script is one cell."""
    cell = next(c for c in module.source.cells if c.start <= module.span(one)[0] <= c.end)
    return module.span(other)[0] <= cell.end


def _column(module: Module, node: ast.stmt) -> int:
    start = module.span(node)[0]
    return start - module.line_start(start)


def _is_closed(text: str) -> bool:
    try:
        ast.parse(f"x = {text}")
    except SyntaxError:
        return False
    return True
