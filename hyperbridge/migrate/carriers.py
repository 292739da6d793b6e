"""Which variables and functions may carry something on: found forwards, once for a program."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable, Iterator

from hyperbridge.migrate.nodes import FUNCTIONS, LEAVES, PLACES, Function, walk
from hyperbridge.migrate.program import Program, Slot, is_property

Carrier = Slot | Function


class Carriers:
    """The places whose values may have something in them that certain expressions make.

    Which element of a value it is does not matter, so this finds more than `origins` does, in time
    that grows with the program alone.

    Args:
        program: The program.
        is_seed: Tells whether a node makes the thing.
        parts: Yields the nodes that an expression's value is made of.
        known: Places that hold it from the beginning.
    """

    def __init__(
        self,
        program: Program,
        is_seed: Callable[[ast.AST], bool],
        parts: Callable[[ast.AST], Iterable[ast.AST]] = walk,
        known: Iterable[Slot] = (),
    ) -> None:
        self._program = program
        self._is_seed = is_seed
        self._parts = parts
        self._named: dict[ast.AST, frozenset[Carrier] | None] = {}
        self.found: set[Carrier] = set()
        self._settle(known)

    def of(self, expr: ast.AST) -> bool:
        """Tell whether the value of an expression may have it in it."""
        named = self._names(expr)
        return named is None or not named.isdisjoint(self.found)

    def _names(self, expr: ast.AST) -> frozenset[Carrier] | None:
        """Return the places that an expression takes values from; None when it has a seed."""
        if expr not in self._named:
            self._named[expr] = self._read(expr)
        return self._named[expr]

    def _read(self, expr: ast.AST) -> frozenset[Carrier] | None:
        program, named = self._program, set[Carrier]()
        for node in [expr] if expr.__class__ in LEAVES else self._parts(expr):
            if self._is_seed(node):
                return None
            if isinstance(node, ast.Call):
                named.update(program.function(node.func))
            elif isinstance(node, PLACES) and isinstance(node.ctx, ast.Load):
                slot = program.slot(node)
                if slot is not None:
                    named.add(slot)
        return frozenset(named)

    def _settle(self, known: Iterable[Slot]) -> None:
        readers: dict[Carrier, list[Carrier]] = {}
        waiting: list[Carrier] = list(known)
        for carrier, expr in self._sources():
            named = self._names(expr)
            if named is None:
                waiting.append(carrier)
            for other in named or ():
                readers.setdefault(other, []).append(carrier)
        while waiting:
            current = waiting.pop()
            if current in self.found:
                continue
            self.found.add(current)
            waiting += readers.get(current, ())
            if isinstance(current, FUNCTIONS) and is_property(current):
                waiting.append(Slot(str(getattr(current, "name", ""))))

    def _sources(self) -> Iterator[tuple[Carrier, ast.expr]]:
        program = self._program
        for flows in (program.flows, program.stores):
            for slot, found in flows.items():
                for flow in found:
                    yield slot, flow.expr
        for slot in {*program.flows, *program.uses}:
            default = program.default(slot)
            if default is not None:
                yield slot, default
        for function, yields in program.yields.items():
            for made in yields:
                if made.value is not None:
                    yield function, made.value
        for function in program.returns:
            for value in program.returned(function):
                yield function, value
