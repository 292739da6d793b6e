"""Parameters of a space that another entry takes the place of: a trial would be asked for both."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator

from hyperbridge.migrate.demand import Roles, is_result
from hyperbridge.migrate.nodes import walk
from hyperbridge.migrate.origins import origins
from hyperbridge.migrate.program import Flow, Program, Slot

_COPIES = ("copy.copy", "copy.deepcopy", "collections.OrderedDict")
_DEEPEST = 12


class Replaced:
    """Finds entries of dicts that take the place of a parameter.

    Args:
        program: The program.
        roles: What a space comes from.
        visited: What is evaluated with a trial at hand.
    """

    def __init__(self, program: Program, roles: Roles, visited: set[ast.AST]) -> None:
        self._program = program
        self._roles = roles
        self._visited = visited

    def found(self) -> Iterator[ast.expr]:
        """Yield the entries, and what whole dicts of them are taken from."""
        for node in self._visited | self._roles.roots:
            if isinstance(node, ast.Subscript):
                is_part = isinstance(node.slice, ast.Slice) and self._holds(node.value)
                if is_part or self._drops(node.value):
                    yield node
            if isinstance(node, ast.Dict | ast.Call | ast.BinOp):
                parts = self._parts(node)
                if len(parts) > 1:
                    yield from self._clashes((), parts)
        for slot in self._roles.units | self._roles.holders | self._roles.local:
            parameters = self._parameters_of(slot)
            for use in self._program.uses.get(slot, ()) if parameters else ():
                yield from self._clashes(parameters, self._changes(use))

    def _drops(self, display: ast.expr) -> bool:
        """Tell whether of several parameters that are written out one is taken."""
        parts = display.values if isinstance(display, ast.Dict) else getattr(display, "elts", [])
        return sum(map(self._holds, parts)) > 1

    def _clashes(
        self, known: Iterable[str], parts: list[tuple[str | None, ast.expr]]
    ) -> Iterator[ast.expr]:
        """Yield what takes the place of a parameter, of entries and whole dicts in their order."""
        parameters = set(known)
        for key, value in parts:
            entries = self._entries(value) if key is None else {key: [value]}
            if parameters & entries.keys() or (
                key is None and parameters and self._is_result(value)
            ):
                yield value
            parameters |= {k for k, v in entries.items() if any(map(self._holds, v))}

    def _parts(self, node: ast.AST) -> list[tuple[str | None, ast.expr]]:
        """Return the entries of an expression of a dict, and None with each whole dict in it."""
        if isinstance(node, ast.Dict):
            return [
                (_word(key), value)
                for key, value in zip(node.keys, node.values, strict=True)
                if key is None or _word(key) is not None
            ]
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitOr):
            return [(None, node.left), (None, node.right)]
        if isinstance(node, ast.Call):
            name = getattr(node.func, "id", "")
            if (name == "dict" or self._program.dotted(node.func) in _COPIES) and node.args[:1]:
                return [(None, node.args[0]), *((k.arg, k.value) for k in node.keywords)]
            if name == "dict":
                return [(k.arg, k.value) for k in node.keywords]
        return []

    def _changes(self, use: ast.expr) -> list[tuple[str | None, ast.expr]]:
        """Return what a use of a variable puts into the dict that it holds."""
        parent = self._program.parent_of.get(use)
        if isinstance(parent, ast.Subscript) and isinstance(parent.ctx, ast.Store):
            above, word = self._program.parent_of.get(parent), _word(parent.slice)
            if isinstance(above, ast.Assign) and word is not None:
                return [(word, above.value)]
        elif isinstance(parent, ast.Attribute) and parent.attr == "update":
            call = self._program.parent_of.get(parent)
            if isinstance(call, ast.Call) and call.func is parent:
                given = [(None, arg) for arg in call.args]
                return [*given, *((k.arg, k.value) for k in call.keywords)]
        elif isinstance(parent, ast.AugAssign) and isinstance(parent.op, ast.BitOr):
            return [(None, parent.value)]
        return []

    def _parameters_of(self, slot: Slot) -> set[str]:
        """Return the keys under which what a variable is assigned holds a parameter."""
        found: dict[str, list[ast.expr]] = {}
        for flow in self._program.flows.get(slot, ()):
            if not flow.path:
                found.update(self._entries(flow.expr))
        return {key for key, values in found.items() if any(map(self._holds, values))}

    def _entries(self, expr: ast.expr, depth: int = 0) -> dict[str, list[ast.expr]]:
        """Return what a dict may hold under each key that is written out."""
        found: dict[str, list[ast.expr]] = {}
        if depth > _DEEPEST:
            return found
        inner: list[ast.expr] = []
        if isinstance(expr, ast.Name | ast.Attribute):
            slot = self._program.slot(expr)
            flows = self._flows_of(expr, slot) if slot is not None else []
            inner = [flow.expr for flow in flows if not flow.path]
            inner += [e for flow in flows if flow.path for e in self._elements(flow.expr)]
        elif isinstance(expr, ast.Subscript):
            inner = [*self._elements(expr.value)]
        elif isinstance(expr, ast.IfExp):
            inner = [expr.body, expr.orelse]
        elif isinstance(expr, ast.Call) and getattr(expr.func, "attr", "") == "copy":
            assert isinstance(expr.func, ast.Attribute)
            inner = [expr.func.value]
        elif isinstance(expr, ast.Call) and self._program.function(expr.func):
            for function in self._program.function(expr.func):
                inner += self._program.returned(function)
        for key, value in self._parts(expr):
            if key is None:
                inner.append(value)
            else:
                found.setdefault(key, []).append(value)
        for part in inner:
            for key, values in self._entries(part, depth + 1).items():
                found.setdefault(key, []).extend(values)
        return found

    def _flows_of(self, expr: ast.Name | ast.Attribute, slot: Slot) -> list[Flow]:
        """Return what gets into a variable; of an attribute, what gets there in its class."""
        program = self._program
        flows = [f for f in program.flows.get(slot, ()) if expr not in set(walk(f.expr))]
        waiting = program.classes(expr.value) if isinstance(expr, ast.Attribute) else []
        for owner in waiting:
            mine = [f for f in flows if owner in program.enclosing(f.node)]
            if mine:
                return mine
            bases = (c for base in owner.bases for c in program.classes(base))
            waiting += [c for c in bases if c not in waiting]
        return flows

    def _elements(self, expr: ast.expr) -> set[ast.expr]:
        return {e for e in origins(self._program, expr, ("*",)).exprs if isinstance(e, ast.Dict)}

    def _holds(self, value: ast.expr) -> bool:
        """Tell whether there is a parameter in a value."""
        if isinstance(value, ast.Lambda):  # it asks only where it is called
            return False
        parts = [value, *origins(self._program, value).exprs]
        inner = (node for part in parts for node in walk(part))
        return any(node in self._roles.parameters for node in inner)

    def _is_result(self, value: ast.expr) -> bool:
        """Tell whether a dict is what a search has found."""
        found = origins(self._program, value).exprs
        return any(isinstance(e, ast.Call) and is_result(self._program, e) for e in found)


def _word(key: ast.expr | None) -> str | None:
    is_word = isinstance(key, ast.Constant) and isinstance(key.value, str)
    return key.value if is_word else None  # type: ignore[union-attr]  # a constant
