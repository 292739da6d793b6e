"""What of a space is not the same each time, for the new code evaluates it once a trial.

hyperopt evaluates the source of a space once. Its new form is a function of the trial.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from hyperbridge.migrate.demand import Roles
from hyperbridge.migrate.nodes import FUNCTIONS, LOOPS, Function, is_changed, walk
from hyperbridge.migrate.origins import origins
from hyperbridge.migrate.program import Program, Slot
from hyperbridge.migrate.reading import Search

_STEADY_HOMES = (
    *("math", "numpy", "operator", "functools", "itertools", "string", "collections", "copy"),
    *("fractions", "decimal", "statistics", "typing", "re", "json", "pathlib", "scipy"),
)
_STEADY = ("os.path.", "os.getenv", "os.environ.get", "os.cpu_count", "multiprocessing.cpu_count")
_UNSTEADY_BUILTINS = ("input", "open", "next", "eval", "exec")
_UNSTEADY_METHODS = (
    *("integers", "random", "rand", "randn", "randint", "random_sample", "random_integers"),
    *("choice", "choices", "normal", "uniform", "permutation", "shuffle", "sample"),
    *("standard_normal", "getrandbits", "randrange", "gauss", "now", "today", "read", "readline"),
    *("readlines", "get_nowait", "poll"),
)
_TAKING = ("pop", "popitem", "popleft")


class Repeated:
    """Looks at the parts of one space that the new code evaluates once a trial."""

    def __init__(self, program: Program, search: Search, roles: Roles, read: set[ast.AST]) -> None:
        self._program = program
        self._search = search
        self._roles = roles
        self._read = read
        self._steady: dict[Function, bool] = {}

    def unsteady(self) -> Iterator[ast.Call]:
        """Yield calls that may give another value each time, or do something each time."""
        parts = dict.fromkeys(self._parts())
        calls = [n for n in parts if isinstance(n, ast.Call) and not self._is_steady(n)]
        for call in calls:
            if not any(above in calls for above in self._program.enclosing(call)):
                yield call

    def taken_out(self) -> Iterator[ast.expr]:
        """Yield where a parameter is taken out of a space again, after it was asked for."""
        program = self._program
        for slot in self._roles.units | self._roles.holders | self._roles.local:
            for use in program.uses.get(slot, ()):
                parent = program.parent_of.get(use)
                if isinstance(parent, ast.Subscript) and isinstance(parent.ctx, ast.Del):
                    key: ast.expr | None = parent.slice
                elif isinstance(parent, ast.Attribute) and parent.attr in ("pop", "popitem"):
                    call = program.parent_of.get(parent)
                    if not isinstance(call, ast.Call) or call.func is not parent:
                        continue
                    key = call.args[0] if call.args else None
                elif isinstance(parent, ast.Attribute) and parent.attr == "items":
                    above = program.parent_of.get(program.parent_of[parent])
                    if not isinstance(above, ast.comprehension) or not above.ifs:
                        continue
                    key = None
                else:
                    continue
                if self._is_parameter(use, key):
                    yield use

    def _is_parameter(self, space: ast.expr, key: ast.expr | None) -> bool:
        """Tell whether an entry of a space may have a parameter in it."""
        step = key.value if isinstance(key, ast.Constant) else "*"
        found = origins(self._program, space, (step,)).exprs
        inner = (node for expr in found for node in walk(expr))
        return not found or any(node in self._roles.parameters for node in inner)

    def changed(self) -> Iterator[tuple[ast.Name, str]]:
        """Yield names in arguments of ``hp`` whose values change before the last trial."""
        seen: set[Slot] = set()
        for call in self._roles.parameters:
            for node in walk(call):
                slot = self._program.slot(node) if isinstance(node, ast.Name) else None
                if slot is None or slot in seen or self._is_own(slot):
                    continue
                assert isinstance(node, ast.Name)
                if any(self._is_between(node, slot, use) for use in self._changes(slot)):
                    seen.add(slot)
                    yield node, slot.name

    def _parts(self) -> Iterator[ast.AST]:
        program, roles = self._program, self._roles
        yield from self._read
        for call in roles.parameters:
            yield from walk(call)
        for builder in roles.builders:
            body = [builder.body] if isinstance(builder, ast.Lambda) else builder.body
            for part in body:
                yield from walk(part)
        for slot in roles.units:
            for flow in (*program.flows.get(slot, ()), *program.stores.get(slot, ())):
                for above in program.enclosing(flow.node):
                    if isinstance(above, FUNCTIONS):
                        break
                    if isinstance(above, ast.For) and program.statement(flow.node) is not above:
                        yield from walk(above.iter)

    def _is_own(self, slot: Slot) -> bool:
        """Tell whether a variable belongs to a function of the trial, or is a part of the space."""
        roles = self._roles
        is_inner = slot.scope is not None and slot.scope.node in roles.builders
        return is_inner or slot in roles.units | roles.holders | roles.containers | roles.local

    def _is_steady(self, call: ast.Call) -> bool:
        program, func = self._program, call.func
        if program.hyperopt(func) is not None:
            return True
        functions = program.function(func)
        if functions:
            return all(self._is_steady_function(f) for f in functions)
        dotted = program.dotted(func)
        if dotted:
            home, _, rest = dotted.partition(".")
            if rest.rpartition(".")[2][:1].isupper() or dotted.startswith(_STEADY):
                return True
            return home in _STEADY_HOMES and not dotted.startswith("numpy.random.")
        if isinstance(func, ast.Attribute):
            slot = program.slot(func.value)
            if func.attr in _TAKING:
                return slot is None or self._is_own(slot)
            return func.attr not in _UNSTEADY_METHODS
        if isinstance(func, ast.Name) and not program.bindings(func):
            return func.id not in _UNSTEADY_BUILTINS
        return True

    def _is_steady_function(self, function: Function) -> bool:
        if function in self._roles.builders or getattr(function, "name", "") == "__init__":
            return True
        if function not in self._steady:
            self._steady[function] = True  # while it is looked at
            body = [function.body] if isinstance(function, ast.Lambda) else function.body
            inside = [node for part in body for node in walk(part)]
            self._steady[function] = not any(
                isinstance(n, ast.Global | ast.Nonlocal | ast.Yield | ast.YieldFrom)
                or (isinstance(n, ast.Attribute) and isinstance(n.ctx, ast.Store))
                or (isinstance(n, ast.Call) and not self._is_steady(n))
                for n in inside
            )
        return self._steady[function]

    def _changes(self, slot: Slot) -> Iterator[ast.expr]:
        program = self._program
        for use in program.uses.get(slot, ()):
            parent = program.parent_of[use]
            if is_changed(use, program.parent_of):
                yield use
            elif isinstance(parent, ast.AugAssign) and parent.target is use:
                made = [flow.expr for flow in program.flows.get(slot, ())]
                if any(isinstance(expr, ast.List | ast.ListComp) for expr in made):
                    yield use

    def _is_between(self, use: ast.Name, slot: Slot, change: ast.expr) -> bool:
        """Tell whether a value changes after the space is built, and before the last trial."""
        program, call = self._program, self._search.call
        where = program.function_around(change)
        if where is not None and where in program.function(self._search.arguments["fn"]):
            return slot.scope is not None and slot.scope.node is not where
        is_after = where is program.function_around(use) and change.lineno > use.lineno
        if where is not program.function_around(call):
            return is_after
        if is_after and change.lineno < call.lineno:
            return True
        loops = [n for n in program.enclosing(change) if isinstance(n, LOOPS)]
        made = [flow.node for flow in program.flows.get(slot, ())]
        return any(
            loop in program.enclosing(call)
            and loop not in program.enclosing(use)
            and not any(loop in program.enclosing(node) for node in made)
            for loop in loops
        )
