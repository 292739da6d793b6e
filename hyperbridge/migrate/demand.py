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
from hyperbridge.migrate.origins import origins
from hyperbridge.migrate.program import FUNCTIONS, Flow, Function, Program, Slot, is_property
from hyperbridge.migrate.scopes import Scope

RESULTS = ("fmin", "space_eval", "sample")
CHOICES = ("hp.choice", "hp.pchoice", "pyll_utils.hp_choice", "pyll_utils.hp_pchoice")
_COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
_BRANCHES = (ast.If, ast.For, ast.While, ast.Try, ast.With, ast.AsyncFor, ast.AsyncWith)
_PASSED_ON = ("list", "tuple", "sorted", "reversed", "iter", "set")


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

    def add(self, other: Roles) -> None:
        """Take over what another search needs."""
        for name in ("units", "holders", "containers", "local", "roots", "builders", "parameters"):
            getattr(self, name).update(getattr(other, name))
        self.givers |= other.givers
        self.asked |= other.asked
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
            waiting += ast.iter_child_nodes(node)


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
        self._seen: set[tuple[ast.AST, tuple[object, ...]]] = set()
        self.visited: set[ast.AST] = set()
        self._asked: set[Function] = set()
        self._top: ast.expr | None = None

    def space(self, expr: ast.expr, path: tuple[object, ...] = ()) -> None:
        """Have an expression, or the elements of it, give functions of the trial."""
        if (expr, path) in self._seen or len(path) > 6:
            return
        self._seen.add((expr, path))
        self._top = self._top or expr
        if isinstance(expr, ast.Name | ast.Attribute):
            self._of_place(expr, path)
        elif isinstance(expr, ast.Constant) and (expr.value is None or path):
            pass
        elif isinstance(expr, ast.IfExp):
            self.space(expr.body, path)
            self.space(expr.orelse, path)
        elif isinstance(expr, ast.BoolOp):
            for value in expr.values:
                self.space(value, path)
        elif isinstance(expr, ast.NamedExpr):
            self.space(expr.value, path)
        elif isinstance(expr, ast.Subscript):
            key = expr.slice.value if isinstance(expr.slice, ast.Constant) else "*"
            self.space(expr.value, (key, *path))
        elif path:
            self._elements(expr, path)
        elif isinstance(expr, ast.Call) and self._functions(expr):
            self._called(expr)
        elif isinstance(expr, ast.Call) and (inner := container_of(expr)) is not None:
            self.space(inner, ("*",))
            for default in expr.args[1:]:
                self.space(default)
        elif isinstance(expr, ast.Call) and not self._random.of(expr):
            self._unknown(expr, "what this gives is known only when the program runs")
        else:
            self._root(expr)

    def _functions(self, call: ast.Call) -> list[Function]:
        """Return the functions that a call runs, but for one that is called where it stands."""
        return [] if isinstance(call.func, ast.Lambda) else self._program.function(call.func)

    def _unknown(self, expr: ast.expr, why: str) -> None:
        self.roles.unknown.append((expr, why))

    def _root(self, expr: ast.expr) -> None:
        self.roles.roots.add(expr)
        self.inside(expr)

    def _of_place(self, expr: ast.Name | ast.Attribute, path: tuple[object, ...]) -> None:
        slot = self._program.slot(expr)
        if slot is None:
            self._unknown(expr, "where the space comes from is not in these files")
            return
        self._of_slot(slot, path, expr)

    def place(self, slot: Slot, at: ast.expr) -> None:
        """Have a variable or an attribute hold a function of the trial."""
        self._of_slot(slot, (), at)

    def _of_slot(self, slot: Slot, path: tuple[object, ...], expr: ast.expr) -> None:
        program, roles = self._program, self.roles
        flows = program.flows.get(slot, [])
        default = _default_of(program, slot)
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
            return any(self._random.of(way) and self._is_built(way) for way in ways)
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
        for returned in self._program.returns.get(function, ()):
            value = returned.body if isinstance(returned, ast.Lambda) else returned.value
            if value is None:
                continue
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
                for arg in (*call.args, *(k.value for k in call.keywords)):
                    if self._random.of(arg):
                        self.inside(arg)
                continue
            self.roles.givers.add(function)
            returns = self._program.returns.get(function, [])
            if not returns:
                self._unknown(call, "what this gives is known only when the program runs")
            for returned in returns:
                value = returned.body if isinstance(returned, ast.Lambda) else returned.value
                if value is not None:
                    self.space(value)

    def _build(self, function: Function) -> None:
        if function in self.roles.builders:
            return
        self.roles.builders.add(function)
        for returned in self._program.returns.get(function, ()):
            value = returned.body if isinstance(returned, ast.Lambda) else returned.value
            if value is not None:
                self.inside(value)

    def _elements(self, expr: ast.expr, path: tuple[object, ...]) -> None:
        first, rest = path[0], path[1:]
        if isinstance(expr, ast.Dict):
            for key, value in zip(expr.keys, expr.values, strict=True):
                if key is None:
                    self.space(value, path)
                elif first == "*" or not isinstance(key, ast.Constant) or key.value == first:
                    self.space(value, rest)
        elif isinstance(expr, ast.List | ast.Tuple | ast.Set):
            for index, value in enumerate(expr.elts):
                if isinstance(value, ast.Starred):
                    self.space(value.value, ("*", *rest))
                elif first in ("*", index) or not isinstance(first, int):
                    self.space(value, rest)
        elif isinstance(expr, ast.ListComp | ast.SetComp | ast.GeneratorExp):
            self.space(expr.elt, rest)
        elif isinstance(expr, ast.DictComp):
            self.space(expr.value, rest)
        elif isinstance(expr, ast.BinOp):
            self.space(expr.left, path)
            self.space(expr.right, path)
        elif isinstance(expr, ast.Call):
            self._elements_of_call(expr, path)
        else:
            self._unknown(expr, "what this holds is known only when the program runs")

    def _elements_of_call(self, call: ast.Call, path: tuple[object, ...]) -> None:
        first, rest = path[0], path[1:]
        func = call.func
        name = getattr(func, "id", "") if not self._program.slot(func) else ""
        if isinstance(func, ast.Attribute) and func.attr == "items" and rest[:1] == (1,):
            self.space(func.value, ("*", *rest[1:]))
        elif isinstance(func, ast.Attribute) and func.attr == "items":
            pass  # the keys
        elif isinstance(func, ast.Attribute) and func.attr in ("values", "copy"):
            self.space(func.value, ("*" if func.attr == "values" else first, *rest))
        elif name == "enumerate" and rest[:1] == (1,):
            self.space(call.args[0], ("*", *rest[1:]))
        elif name == "enumerate":
            pass
        elif name == "zip" and rest and isinstance(rest[0], int) and rest[0] < len(call.args):
            self.space(call.args[rest[0]], ("*", *rest[1:]))
        elif name in _PASSED_ON and call.args:
            self.space(call.args[0], path)
        elif name == "dict":
            for keyword in call.keywords:
                if keyword.arg is None or first in ("*", keyword.arg):
                    self.space(keyword.value, path if keyword.arg is None else rest)
            for arg in call.args:
                self.space(arg, path)
        elif (inner := container_of(call)) is not None:
            self.space(inner, ("*", *path))
        elif functions := self._program.function(func):
            for function in functions:
                for returned in self._program.returns.get(function, ()):
                    value = returned.body if isinstance(returned, ast.Lambda) else returned.value
                    if value is not None:
                        self.space(value, path)
        else:
            self._unknown(call, "what this holds is known only when the program runs")

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
                if options is not None and not isinstance(options, ast.List | ast.Tuple):
                    if random.of(options):
                        self.space(options, ("*", 1) if name.endswith("pchoice") else ("*",))
                    self._parts_but(expr, options)
                    return
            functions = self._functions(expr)
            if any(random.returned(f) for f in functions):
                self._called(expr)
                for part in (*expr.args, *expr.keywords):  # not what holds the function
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
        for child in ast.iter_child_nodes(expr):
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
        if isinstance(node, _COMPREHENSIONS):
            return True
        above = self._program.parent_of.get(node)
        is_called = isinstance(above, ast.Call) and above.func is node  # where it stands
        return node in self.roles.builders or is_called

    def _place_inside(self, expr: ast.Name | ast.Attribute, slot: Slot) -> None:
        is_element = self._is_element_of_one(expr, slot)
        if is_element and not any(map(self._random.of, origins(self._program, expr).exprs)):
            return  # the key of it, or its number
        if is_element or not self.is_local(slot):
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
        if _is_argument(slot):
            self._unknown(expr, "a parameter of a branch is made before the branch is chosen")
            return
        self.space(expr)

    def _is_element_of_one(self, expr: ast.expr, slot: Slot) -> bool:
        """Tell whether what is made of a comprehension's variable is itself asked for later."""
        around = None if slot.scope is None else slot.scope.node
        for above in self._program.enclosing(expr) if isinstance(around, _COMPREHENSIONS) else ():
            if above is around or above in self.roles.roots:
                return above is not around
        return False

    def _must_wait(self, slot: Slot) -> bool:
        """Tell whether a variable of a function of the trial may be asked for only in a branch."""
        if slot.scope is not None and isinstance(slot.scope.node, _COMPREHENSIONS):
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


def container_of(expr: ast.AST) -> ast.expr | None:
    """Return the container of which an expression gives an element."""
    if isinstance(expr, ast.Subscript):
        return expr.value
    if not isinstance(expr, ast.Call) or not expr.args:
        return None
    func = expr.func
    if isinstance(func, ast.Attribute) and func.attr in ("get", "pop"):
        return func.value
    return expr.args[0] if isinstance(func, ast.Name) and func.id == "next" else None


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


def _default_of(program: Program, slot: Slot) -> ast.expr | None:
    if slot.scope is None or not isinstance(slot.scope.node, FUNCTIONS):
        return None
    return program.default(slot.scope.node, slot.name)
