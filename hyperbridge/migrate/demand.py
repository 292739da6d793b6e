"""Follow a search space back to where it is built, and say what each place on the way becomes.

A space is read where fmin takes it. From there this goes back through variables, attributes,
arguments, containers and returned values to the expressions that make it. A variable that is
assigned such an expression becomes a function of the trial, a function that returns one takes
the trial as an argument, and an expression anywhere else becomes a lambda. What only hands a
space on stays as it is: it hands on a function then.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass, field

from hyperbridge.migrate.carriers import Carriers
from hyperbridge.migrate.elements import Path, container_of, parts_of
from hyperbridge.migrate.nodes import COMPREHENSIONS, FUNCTIONS, Function, children
from hyperbridge.migrate.origins import origins
from hyperbridge.migrate.program import Flow, Program, Slot, is_property
from hyperbridge.migrate.scopes import Scope

RESULTS = ("fmin", "space_eval", "sample")
CHOICES = ("hp.choice", "hp.pchoice", "pyll_utils.hp_choice", "pyll_utils.hp_pchoice")
_BRANCHES = (ast.If, ast.For, ast.While, ast.Try, ast.With, ast.AsyncFor, ast.AsyncWith)


@dataclass(slots=True)
class Roles:
    """What becomes of the places that have to do with search spaces.

    Attributes:
        units: Variables and attributes that become functions of the trial.
        holders: Those that hold such a function without a change of theirs.
        containers: Those that hold a container of such functions.
        local: Variables inside of functions of the trial, which hold values there.
        roots: Expressions that become lambdas.
        builders: Functions that take the trial.
        givers: Functions that hand on a function of the trial.
        parameters: The calls of ``hp`` that are reached.
        unknown: Expressions whose origin is not told, with the reason.
        asked: Parameters of functions that nothing in the program calls.
        waiting: Arguments of builders that are asked for in a branch of the builder.
    """

    units: set[Slot] = field(default_factory=set)
    holders: set[Slot] = field(default_factory=set)
    containers: set[Slot] = field(default_factory=set)
    local: set[Slot] = field(default_factory=set)
    roots: set[ast.expr] = field(default_factory=set)
    builders: set[Function] = field(default_factory=set)
    givers: set[Function] = field(default_factory=set)
    parameters: set[ast.Call] = field(default_factory=set)
    unknown: list[tuple[ast.expr, str]] = field(default_factory=list)
    asked: set[Slot] = field(default_factory=set)
    waiting: set[ast.expr] = field(default_factory=set)

    def add(self, other: Roles) -> None:
        """Take over what another search needs."""
        for name in ("units", "holders", "containers", "local", "roots", "builders", "parameters"):
            getattr(self, name).update(getattr(other, name))
        self.givers |= other.givers
        self.asked |= other.asked
        self.waiting |= other.waiting
        self.unknown += other.unknown

    def touches(self, other: Roles) -> bool:
        """Tell whether two searches depend on one another through their spaces."""
        return bool(
            (self.units | self.holders | self.containers)
            & (other.units | other.holders | other.containers)
            or self.roots & other.roots
            or self.builders & other.builders
        )


class Randomness(Carriers):
    """Which expressions have something of ``hp`` in what they give."""

    def __init__(self, program: Program) -> None:
        def is_seed(node: ast.AST) -> bool:
            if not isinstance(node, ast.Call):
                return False
            name = program.hyperopt(node.func) or ""
            return is_parameter(name) or name.startswith("scope.")

        super().__init__(program, is_seed, lambda expr: values_in(program, expr))

    def returned(self, function: Function) -> bool:
        """Tell whether a function returns a space."""
        return function in self.found

    def held(self, slot: Slot) -> bool:
        """Tell whether a slot holds one."""
        return slot in self.found


def is_parameter(name: str) -> bool:
    """Tell whether hyperopt's name is that of a distribution or a choice."""
    head, _, tail = name.partition(".")
    return (head == "hp" and bool(tail)) or name.startswith("hp_")


def values_in(program: Program, expr: ast.AST) -> Iterator[ast.AST]:
    """Yield the nodes that an expression's value is made of: not those of a search in it."""
    waiting = [expr]
    while waiting:
        node = waiting.pop()
        if not (isinstance(node, ast.Call) and is_result(program, node)):
            yield node
            waiting += children(node)


def is_result(program: Program, call: ast.Call) -> bool:
    """Tell whether a call gives values and no space: fmin, space_eval, sample."""
    if program.hyperopt(call.func) in RESULTS:
        return True
    return isinstance(call.func, ast.Attribute) and call.func.attr == "fmin"


class Demand:
    """The roles of all that one search takes its space from.

    Args:
        program: The program.
        randomness: What in it is random.

    Attributes:
        roles: Of each place.
        visited: What is evaluated with a trial at hand.
    """

    def __init__(self, program: Program, randomness: Randomness) -> None:
        self.roles = Roles()
        self._program = program
        self._random = randomness
        self._seen: set[tuple[ast.AST, Path]] = set()
        self.visited: set[ast.AST] = set()
        self._asked: set[Function] = set()
        self._top: ast.expr | None = None

    def space(self, expr: ast.expr, path: Path = ()) -> None:
        """Have an expression, or the elements of it, give functions of the trial."""
        if (expr, path) in self._seen or len(path) > 6:
            return
        self._seen.add((expr, path))
        self._top = self._top or expr
        if isinstance(expr, ast.Name | ast.Attribute):
            self._of_place(expr, path)
        elif isinstance(expr, ast.Constant) and (expr.value is None or path):
            pass
        elif (parts := self._handed(expr, path)) is not None:
            for part, way in parts:
                self.space(part, way)
        elif path:
            functions = self._program.function(expr.func) if isinstance(expr, ast.Call) else []
            if not functions:
                self._unknown(expr, "what this holds is known only when the program runs")
            for value in (v for f in functions for v in self._program.returned(f)):
                self.space(value, path)
        elif isinstance(expr, ast.Call) and self._functions(expr):
            self._called(expr)
        elif isinstance(expr, ast.Call) and not self._random.of(expr):
            self._unknown(expr, "what this gives is known only when the program runs")
        else:
            self._root(expr)

    def _handed(self, expr: ast.expr, path: Path) -> list[tuple[ast.expr, Path]] | None:
        """Return where a space comes from that an expression hands on; None where it is made."""
        is_made = isinstance(expr, ast.Call) and not path and not self._is_element(expr)
        return None if is_made else parts_of(self._program, expr, path)

    def _is_element(self, call: ast.Call) -> bool:
        """Tell whether a call takes an element out; a copy, say, is a space of its own."""
        return not self._functions(call) and container_of(call) is not None

    def _functions(self, call: ast.Call) -> list[Function]:
        """Return the functions that a call runs, but for one that is called where it stands."""
        return [] if isinstance(call.func, ast.Lambda) else self._program.function(call.func)

    def _unknown(self, expr: ast.expr, why: str) -> None:
        self.roles.unknown.append((expr, why))

    def _root(self, expr: ast.expr) -> None:
        self.roles.roots.add(expr)
        self.inside(expr)

    def _of_place(self, expr: ast.Name | ast.Attribute, path: Path) -> None:
        slot = self._program.slot(expr)
        if slot is None:
            self._unknown(expr, "where the space comes from is not in these files")
            return
        self._of_slot(slot, path, expr)

    def place(self, slot: Slot, at: ast.expr) -> None:
        """Have a variable or an attribute hold a function of the trial."""
        self._of_slot(slot, (), at)

    def _of_slot(self, slot: Slot, path: Path, expr: ast.expr) -> None:
        program, roles = self._program, self.roles
        flows = program.flows.get(slot, [])
        default = program.default(slot)
        known = [*flows, *([] if default is None else [Flow(default, (), default)])]
        (roles.containers if path else roles.holders).add(slot)
        if _is_property(program, slot):
            for function in program.methods.get(slot.name, ()):
                self._build(function)
            return
        if not known:
            if _is_argument(slot):
                roles.asked.add(slot)
            else:
                self._unknown(expr, "where the space comes from is not in these files")
            return
        assigned = False
        for flow in known:
            whole = (*flow.path, *path)
            if isinstance(flow.node, ast.AugAssign):
                if path:
                    self.space(flow.expr, whole)
                else:
                    self.inside(flow.expr)
            elif not whole and _is_assignment(flow.node) and self._is_built(flow.expr):
                assigned = True
                self.inside(flow.expr)
            else:
                self.space(flow.expr, whole)
        for flow in program.stores.get(slot, ()):
            if path:
                self.space(flow.expr, (*flow.path, *path[1:]))
            else:
                assigned = True
                self.inside(flow.expr)
        if assigned or any(isinstance(f.node, ast.AugAssign) for f in known):
            roles.units.add(slot)

    def _is_built(self, expr: ast.expr) -> bool:
        """Tell whether an expression makes a space, and does not just hand one on."""
        program = self._program
        if isinstance(expr, ast.Call) and program.function(expr.func):
            return any(self._is_builder(f) for f in program.function(expr.func))
        if isinstance(expr, ast.Call):
            return container_of(expr) is None and self._random.of(expr)
        if isinstance(expr, ast.Constant):
            return expr.value is not None
        if isinstance(expr, ast.IfExp | ast.BoolOp):
            ways = expr.values if isinstance(expr, ast.BoolOp) else [expr.body, expr.orelse]
            return all(self._random.of(way) and self._is_built(way) for way in ways)
        return not isinstance(expr, ast.Name | ast.Attribute | ast.Subscript | ast.NamedExpr)

    def _is_builder(self, function: Function) -> bool:
        if function in self.roles.builders:
            return True
        if function in self._asked:  # it calls itself, perhaps by way of others
            return False
        self._asked.add(function)
        try:
            return self._gives_built(function)
        finally:
            self._asked.remove(function)

    def _gives_built(self, function: Function) -> bool:
        for value in self._program.returned(function):
            if isinstance(value, ast.Name):
                slot = self._program.slot(value)
                inner = self._program.scope_of.get(function.args)
                if slot is not None and slot.scope is inner:
                    flows = self._program.flows.get(slot, [])
                    if any(_is_assignment(f.node) and self._is_built(f.expr) for f in flows):
                        return True
                    if any(self._random.of(f.expr) for f in self._program.stores.get(slot, ())):
                        return True
                continue
            if self._is_built(value):
                return True
        return False

    def _called(self, call: ast.Call) -> None:
        functions = self._program.function(call.func)
        has_builder = any(self._is_builder(f) for f in functions)
        for function in functions:
            if has_builder:  # what one of them does is done by all
                self._build(function)
                if call is not self._top and call not in self.visited:  # handed on as a function
                    self.roles.roots.add(call)
                waiting = self._waiting(call)
                for arg in (*call.args, *(k.value for k in call.keywords)):
                    if arg not in waiting and self._random.of(arg):
                        self.inside(arg)
                continue
            self.roles.givers.add(function)
            if not self._program.returns.get(function):
                self._unknown(call, "what this gives is known only when the program runs")
            for value in self._program.returned(function):
                self.space(value)

    def _build(self, function: Function) -> None:
        if function in self.roles.builders:
            return
        self.roles.builders.add(function)
        for value in self._program.returned(function):
            self.inside(value)

    def inside(self, expr: ast.AST) -> None:
        """Read an expression that is evaluated with a trial at hand."""
        if expr in self.visited:
            return
        self.visited.add(expr)
        program, random = self._program, self._random
        if isinstance(expr, ast.Call):
            if is_result(program, expr):
                self._unknown(expr, "a search inside of a space")
                return
            name = program.hyperopt(expr.func) or ""
            if is_parameter(name):
                self.roles.parameters.add(expr)
            if name in CHOICES:
                options = options_of(expr)
                written = getattr(options, "elts", ())
                starred = [e for e in written if isinstance(e, ast.Starred) and random.of(e)]
                if options is not None and (
                    starred or not isinstance(options, ast.List | ast.Tuple)
                ):
                    for each in [e for e in written if e not in starred]:  # what is no function
                        self._root(each)
                    if random.of(options):
                        self.space(options, ("*", 1) if name.endswith("pchoice") else ("*",))
                    self._parts_but(expr, options)
                    return
            functions = self._functions(expr)
            if any(random.returned(f) for f in functions):
                self._called(expr)
                waiting = self._waiting(expr)
                for part in (*expr.args, *expr.keywords):  # not what holds the function
                    if getattr(part, "value", part) not in waiting:
                        self.inside(part)
                return
        inner = container_of(expr)
        if inner is not None and self._is_outside(inner):
            if random.of(inner):
                self.space(expr)  # type: ignore[arg-type]  # it has a container
                return
        elif isinstance(expr, ast.Name | ast.Attribute):
            slot = program.slot(expr)
            if slot is not None and random.held(slot) and isinstance(expr.ctx, ast.Load):
                self._place_inside(expr, slot)
                return
        for child in children(expr):
            self.inside(child)

    def _parts_but(self, call: ast.Call, options: ast.expr) -> None:
        for child in (*call.args, *(k.value for k in call.keywords)):
            if child is not options:
                self.inside(child)

    def _is_outside(self, expr: ast.expr) -> bool:
        slot = self._program.slot(expr)
        return slot is not None and not self.is_local(slot)

    def is_local(self, slot: Slot) -> bool:
        """Tell whether a variable belongs to a function of the trial, or is made in one."""
        if slot.scope is None:
            return False
        node = slot.scope.node
        if isinstance(node, COMPREHENSIONS):
            return True
        above = self._program.parent_of.get(node)
        is_called = isinstance(above, ast.Call) and above.func is node  # where it stands
        return node in self.roles.builders or is_called

    def _place_inside(self, expr: ast.Name | ast.Attribute, slot: Slot) -> None:
        flows = (*self._program.flows.get(slot, ()),)
        parts = bool(flows) and all(flow.path for flow in flows)
        if parts and not any(map(self._random.of, origins(self._program, expr).exprs)):
            return  # the key of it, or its number
        if not self.is_local(slot) or self._is_container_of_one(expr, slot):
            self.space(expr)
            return
        if not self._must_wait(slot):
            if slot not in self.roles.local:
                self.roles.local.add(slot)
                flows = (*self._program.flows.get(slot, ()), *self._program.stores.get(slot, ()))
                for flow in flows:
                    if not _is_argument_flow(flow):
                        self.inside(flow.expr)
            return
        if _is_argument(slot) and not self._is_handed_whole(slot):
            self._unknown(expr, "a parameter of a branch is made before the branch is chosen")
            return
        self.space(expr)

    def _is_container_of_one(self, expr: ast.expr, slot: Slot) -> bool:
        """Tell whether what is made of a comprehension's variable is itself asked for later."""
        around = None if slot.scope is None else slot.scope.node
        for above in self._program.enclosing(expr) if isinstance(around, COMPREHENSIONS) else ():
            if above is around or above in self.roles.roots:
                return above is not around
        return False

    def _waiting(self, call: ast.Call) -> set[ast.expr]:
        """Return the arguments of a call that are asked for in a branch of what is called."""
        found = {
            flow.expr
            for function in self._functions(call)
            for name in (a.arg for a in ast.walk(function.args) if isinstance(a, ast.arg))
            if self._is_handed_whole(slot := Slot(name, self._program.scope_of[function.args]))
            for flow in self._program.flows.get(slot, ())
            if flow.node is call
        }
        self.roles.waiting |= found
        return found

    def _is_handed_whole(self, slot: Slot) -> bool:
        """Tell whether a parameter is always given a space, and is asked for under a choice."""
        program = self._program
        flows = program.flows.get(slot, ())
        return (
            bool(flows)
            and all(self._random.of(flow.expr) for flow in flows)
            and program.default(slot) is None
            and any(_is_under_choice(program, use) for use in program.uses.get(slot, ()))
        )

    def _must_wait(self, slot: Slot) -> bool:
        """Tell whether a variable of a function of the trial may be asked for only in a branch."""
        if slot.scope is not None and isinstance(slot.scope.node, COMPREHENSIONS):
            return False
        program = self._program
        flows = program.flows.get(slot, [])
        around = {_branches(program, flow.node) for flow in flows}
        for use in program.uses.get(slot, ()):
            if not isinstance(getattr(use, "ctx", None), ast.Load):
                continue
            if _is_under_choice(program, use):
                return True
        loads = [u for u in program.uses.get(slot, ()) if isinstance(u.ctx, ast.Load)]  # type: ignore[attr-defined]  # names and attributes
        return bool(loads) and all(
            not any(_branches(program, use) <= place for place in around) for use in loads
        )


def _branches(program: Program, node: ast.AST) -> frozenset[ast.AST]:
    found: list[ast.AST] = []
    for above in program.enclosing(node):
        if isinstance(above, FUNCTIONS):
            break
        if isinstance(above, _BRANCHES):
            found.append(above)
    return frozenset(found)


def _is_under_choice(program: Program, node: ast.AST) -> bool:
    for above in program.enclosing(node):
        if isinstance(above, ast.stmt):
            return False
        if isinstance(above, ast.Call) and program.hyperopt(above.func) in CHOICES:
            return True
    return False


def options_of(call: ast.Call) -> ast.expr | None:
    """Return the options of a choice."""
    if len(call.args) > 1:
        return call.args[1]
    named = [k.value for k in call.keywords if k.arg in ("options", "p_options")]
    return named[0] if named else None


def _is_assignment(node: ast.AST) -> bool:
    return isinstance(node, ast.Assign | ast.AnnAssign)


def _is_argument_flow(flow: Flow) -> bool:
    return isinstance(flow.node, ast.Call)


def _is_argument(slot: Slot) -> bool:
    scope: Scope | None = slot.scope
    return scope is not None and any(
        b.kind == "argument" for b in scope.bindings.get(slot.name, ())
    )


def _is_property(program: Program, slot: Slot) -> bool:
    return slot.scope is None and any(map(is_property, program.methods.get(slot.name, ())))
