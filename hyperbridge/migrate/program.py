"""Several files as one program: whose name is whose, and which expressions get where.

Source: Python reference, "Naming and binding", "The import system", "Calls".
"""

from __future__ import annotations

import ast
import functools
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from hyperbridge.migrate.files import Files
from hyperbridge.migrate.module import Module
from hyperbridge.migrate.nodes import FUNCTIONS, PLACES, Function, block_of, default_of, walk
from hyperbridge.migrate.scopes import Binding, Scope

_GIVING = {
    *(ast.AnnAssign, ast.NamedExpr, ast.AugAssign, ast.For, ast.AsyncFor, ast.comprehension),
    *(ast.Lambda, ast.Return, ast.Yield),
}
_NAMED_TUPLES = ("collections.namedtuple", "typing.NamedTuple")
_STORES = {"append": 0, "add": 0, "appendleft": 0, "insert": 1, "setdefault": 1, "put": 0}


@dataclass(frozen=True, slots=True)
class Slot:
    """A place that holds a value: a variable, or an attribute of whatever object.

    Attributes:
        name: Its name.
        scope: The scope of a variable; None for an attribute.
    """

    name: str
    scope: Scope | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Flow:
    """An expression whose value, or an element of it, gets into a slot.

    Attributes:
        expr: The expression.
        path: Which element: constant keys, or ``*`` for any.
        node: The statement, argument or comprehension that does it.
    """

    expr: ast.expr
    path: tuple[object, ...]
    node: ast.AST


class Program(Files):
    """The files of one program.

    Attributes:
        modules: The files that parse.
        home: The file of each syntax node.
        parent_of: The syntax node above each one.
        scope_of: The scope of each one.
        flows: What gets into each slot.
        stores: What becomes an element of what each slot holds.
        uses: The names and attributes that stand for each slot.
        calls: The calls of each function of the program.
        attributes: The names of attributes that the program itself gives a value.
    """

    def __init__(self, modules: Sequence[Module]) -> None:
        super().__init__(modules)
        self._bind_stars()
        self.home: dict[ast.AST, Module] = {}
        self.parent_of: dict[ast.AST, ast.AST] = {}
        self.scope_of: dict[ast.AST, Scope] = {}
        for module in self.modules:
            self.parent_of.update(module.names.parent_of)
            self.scope_of.update(module.names.scope_of)
            self.home.update(dict.fromkeys(module.walk(), module))
        self._slots: dict[ast.AST, Slot | None] = {}
        self._called: dict[ast.AST, list[Function]] = {}
        self._followed: dict[Binding, list[Binding]] = {}
        self._module_of = {m.names.module: m for m in self.modules}
        self.methods: dict[str, list[ast.FunctionDef | ast.AsyncFunctionDef]] = {}
        self.attributes: set[str] = set()
        self._collect_attributes()
        self.flows: dict[Slot, list[Flow]] = {}
        self.stores: dict[Slot, list[Flow]] = {}
        self.uses: dict[Slot, list[ast.expr]] = {}
        self.calls: dict[Function, list[ast.Call]] = {}
        self.returns: dict[Function, list[ast.Return | ast.Lambda]] = {}
        self.yields: dict[Function, list[ast.Yield]] = {}
        for module in self.modules:
            for node in module.walk():
                self._read(node)

    def _bind_stars(self) -> None:
        """Bind the names that a file gets from other files of the program by a star import."""
        waiting = [m for m in self.modules if m.names.stars]
        for _ in range(len(waiting)):  # a star may bring what another star has brought
            for module in waiting:
                for star in reversed(module.names.stars):  # the last one counts
                    other = self.find(module, star.module or "", star.level)
                    if other is not None and other is not module:
                        module.names.bind_star(star, other.names)

    # names

    def bindings(self, name: ast.Name) -> list[Binding]:
        """Return where a name gets its value, in whatever file that is."""
        found: dict[Binding, None] = {}  # in order, each once
        for binding in self.home[name].names.bindings(name):
            if binding not in self._followed:
                self._followed[binding] = self._follow(binding)
            found.update(dict.fromkeys(self._followed[binding]))
        return list(found)

    def slot(self, expr: ast.AST) -> Slot | None:
        """Return the slot that a name or an attribute stands for; None when there is none."""
        if not isinstance(expr, PLACES):
            return None
        if expr not in self._slots:
            self._slots[expr] = self._find_slot(expr)
        return self._slots[expr]

    def _find_slot(self, expr: ast.Name | ast.Attribute) -> Slot | None:
        if isinstance(expr, ast.Name):
            for binding in self.bindings(expr):
                return self._slot_of(binding)
            return None
        module = self._imported_module(expr.value)
        if module is not None and expr.attr in module.names.module.bindings:
            return self._slot_of(module.names.module.bindings[expr.attr][0])
        if expr.attr in self.attributes and self.home[expr].hyperopt(expr) is None:
            return Slot(expr.attr)
        return None

    def function(self, expr: ast.expr) -> list[Function]:
        """Return the functions of the program that run when an expression is called."""
        if expr not in self._called:
            self._called[expr] = self._find_functions(expr)
        return list(self._called[expr])

    def _find_functions(self, expr: ast.expr) -> list[Function]:
        if isinstance(expr, ast.Lambda):
            return [expr]
        if isinstance(expr, ast.Attribute):
            module = self._imported_module(expr.value)
            if module is not None:
                bindings = module.names.module.bindings.get(expr.attr, [])
                return [f for b in bindings for f in self._function_of(b)]
            found: list[Function] = list(self.methods.get(expr.attr, ()))
            if getattr(getattr(expr.value, "func", None), "id", "") == "super":
                found = [f for f in found if f is not self.function_around(expr)]
            return found if self.home[expr].names.dotted(expr) is None else []
        if isinstance(expr, ast.Name):
            return [f for b in self.bindings(expr) for f in self._function_of(b)]
        if isinstance(expr, ast.Call):
            return self._of_object(expr)
        return []

    def classes(self, expr: ast.expr) -> list[ast.ClassDef]:
        """Return the classes of the program that an expression stands for."""
        found: list[Binding] = []
        if isinstance(expr, ast.Name):
            found = self.bindings(expr)
        elif isinstance(expr, ast.Attribute):
            module = self._imported_module(expr.value)
            if module is not None:
                found = module.names.module.bindings.get(expr.attr, [])
        return [b.node for b in found if isinstance(b.node, ast.ClassDef)]

    def _of_object(self, made: ast.Call) -> list[Function]:
        """Return what runs when an object that a call makes is called."""
        return [f for c in self.classes(made.func) for f in self._members(c, "__call__")]

    def _members(self, of: ast.ClassDef, name: str, depth: int = 0) -> list[Function]:
        """Return the method of a class under a name, its own or one of its bases'."""
        own: list[Function] = [
            n for n in of.body if isinstance(n, FUNCTIONS) and getattr(n, "name", "") == name
        ]
        if own or depth > 8:
            return own
        bases = (c for base in of.bases for c in self.classes(base))
        return next((f for c in bases if (f := self._members(c, name, depth + 1))), [])

    def _fields(self, of: ast.ClassDef, depth: int = 0) -> list[str]:
        """Return the annotated fields of a class, those of its bases first."""
        found: dict[str, None] = {}
        for base in of.bases if depth < 8 else ():
            for above in self.classes(base):
                found.update(dict.fromkeys(self._fields(above, depth + 1)))
        for node in of.body:
            if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
                found[node.target.id] = None
        return list(found)

    def fields(self, made: ast.expr) -> list[str]:
        """Return the fields of the objects that a call makes, in the order of its arguments."""
        for found in self.classes(made):
            return self._fields(found)
        for binding in self.bindings(made) if isinstance(made, ast.Name) else ():
            if isinstance(binding.value, ast.Call):
                return self._named(binding.value)
        return []

    def _named(self, call: ast.Call) -> list[str]:
        """Return the fields that ``namedtuple`` is given."""
        if self.dotted(call.func) not in _NAMED_TUPLES or len(call.args) < 2:
            return []
        given = call.args[1]
        if isinstance(given, ast.Constant) and isinstance(given.value, str):
            return given.value.replace(",", " ").split()
        parts = given.elts if isinstance(given, ast.List | ast.Tuple) else []
        firsts = [p.elts[0] if isinstance(p, ast.Tuple) and p.elts else p for p in parts]
        return [str(p.value) for p in firsts if isinstance(p, ast.Constant)]

    def dotted(self, expr: ast.expr) -> str:
        """Return what an expression refers to through imports; empty when nothing."""
        return self.home[expr].names.dotted(expr) or ""

    def hyperopt(self, expr: ast.AST | None) -> str | None:
        """Return hyperopt's name for an expression; see `module.hyperopt_name`."""
        return self.home[expr].hyperopt(expr) if isinstance(expr, PLACES) else None

    @functools.cached_property
    def mentions(self) -> dict[Module, list[ast.Name | ast.Attribute]]:
        """The names and attributes of each file that are something of hyperopt's."""
        return {
            module: [
                node
                for node in module.walk()
                if isinstance(node, PLACES) and module.hyperopt(node) is not None
            ]
            for module in self.modules
        }

    def enclosing(self, node: ast.AST) -> Iterator[ast.AST]:
        """Yield the nodes around a node, the nearest first."""
        while node in self.parent_of:
            node = self.parent_of[node]
            yield node

    @functools.cached_property
    def declared(self) -> set[str]:
        """The names that are declared ``global`` or ``nonlocal`` somewhere."""
        return set[str]().union(*(scope.outer for scope in set(self.scope_of.values())))

    def add_around(self, nodes: Iterable[ast.AST], found: set[ast.AST]) -> None:
        """Add some nodes, and all around them, to a set that has what is around its own."""
        for node in nodes:
            above: ast.AST | None = node
            while above is not None and above not in found:
                found.add(above)
                above = self.parent_of.get(above)

    def statement(self, node: ast.AST) -> ast.stmt:
        """Return the innermost statement around a node."""
        while not isinstance(node, ast.stmt):
            node = self.parent_of[node]
        return node

    def function_around(self, node: ast.AST) -> Function | None:
        """Return the innermost function around a node."""
        return next((n for n in self.enclosing(node) if isinstance(n, FUNCTIONS)), None)

    def block(self, statement: ast.stmt) -> list[ast.stmt]:
        """Return the list of statements in which one stands."""
        return block_of(self.parent_of[statement], statement)

    def default(self, slot: Slot) -> ast.expr | None:
        """Return the default of a parameter; None when it has none, or is no parameter."""
        function = None if slot.scope is None else slot.scope.node
        return default_of(function, slot.name) if isinstance(function, FUNCTIONS) else None

    def returned(self, function: Function) -> list[ast.expr]:
        """Return the expressions that a function returns."""
        values = (
            node.body if isinstance(node, ast.Lambda) else node.value
            for node in self.returns.get(function, ())
        )
        return [value for value in values if value is not None]

    def is_imported(self, slot: Slot) -> bool:
        """Tell whether another file of the program has a variable under its name, too."""
        if slot.scope is None or slot.scope not in self._module_of:
            return False
        home = self._module_of[slot.scope]
        return any(self.home[use] is not home for use in self.uses.get(slot, []))

    def is_imported_idly(self, slot: Slot) -> bool:
        """Tell whether another file imports a variable and has no use for it."""
        if slot.scope is None or slot.scope not in self._module_of:
            return False
        home = self._module_of[slot.scope]
        return any(
            alias.name == slot.name
            and not other.names.module.uses.get(alias.asname or alias.name)
            and self.find(other, node.module or "", node.level) is home
            for other in self.modules
            if other is not home
            for node in other.of_kind(ast.ImportFrom)
            for alias in node.names
        )

    def shown(self, module: Module) -> set[str]:
        """Return the names that other files import from a file; ``*`` stands for all.

        Of a star import these are the names that the other file still uses when it is written.
        """
        found = {
            str(constant.value)
            for node in module.tree.body
            if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "__all__"
            for constant in walk(node.value)
            if isinstance(constant, ast.Constant)
        }
        if module.source.path.stem == "__init__":
            found.add("*")
        for other in self.modules:
            for node in other.walk() if other is not module else ():
                if isinstance(node, ast.ImportFrom):
                    if self.find(other, node.module or "", node.level) is module:
                        found.update(_still_used(other, node))
                elif (
                    isinstance(node, ast.Attribute) and self._imported_module(node.value) is module
                ):
                    found |= set() if other.edits.covers(*other.span(node)) else {node.attr}
        return found

    def _slot_of(self, binding: Binding) -> Slot:
        if isinstance(binding.scope.node, ast.ClassDef):
            return Slot(binding.name)
        return Slot(binding.name, binding.scope)

    def _function_of(self, binding: Binding) -> list[Function]:
        if isinstance(binding.node, ast.FunctionDef | ast.AsyncFunctionDef):
            return [binding.node]
        if isinstance(binding.value, ast.Lambda):
            return [binding.value]
        if isinstance(binding.node, ast.ClassDef):
            return self._members(binding.node, "__init__")
        if isinstance(binding.value, ast.Call):
            return self._of_object(binding.value)
        return []

    def _follow(self, binding: Binding) -> list[Binding]:
        """Return what an import brings from the files of the program; itself when nothing."""
        found: list[Binding] = []
        seen: set[Binding] = set()  # files may import a name from each other, or from themselves
        waiting = [binding]
        while waiting:
            current = waiting.pop()
            if current in seen:
                continue
            seen.add(current)
            further = self._imported(current)
            found += [current] if further is None else []
            waiting += reversed(further or [])
        return found or [binding]

    def _imported(self, binding: Binding) -> list[Binding] | None:
        """Return the bindings in another file that an import names; None for anything else."""
        if not isinstance(binding.node, ast.ImportFrom) or binding.dotted is None:
            return None
        module = self._module_of[list(binding.scope.path())[-1]]
        name = binding.dotted.rpartition(".")[2]
        other = self.find(module, binding.node.module or "", binding.node.level)
        return None if other is None else other.names.module.bindings.get(name)

    def _imported_module(self, expr: ast.expr) -> Module | None:
        if isinstance(expr, ast.Name):
            bindings = self.home[expr].names.bindings(expr)
        elif isinstance(expr, ast.Attribute):
            bindings = []
        else:
            return None
        home = self.home[expr]
        dotted = home.names.dotted(expr)
        for binding in bindings:
            if isinstance(binding.node, ast.ImportFrom):
                inside = f"{binding.node.module or ''}.{(binding.dotted or '').rpartition('.')[2]}"
                return self.find(home, inside.strip("."), binding.node.level)
        if dotted is None or (bindings and bindings[0].kind != "import"):
            return None
        return self.find(home, dotted, 0)

    # flows

    def _collect_attributes(self) -> None:
        for module in self.modules:
            stored = (n for n in module.of_kind(ast.Attribute) if isinstance(n.ctx, ast.Store))
            self.attributes.update(node.attr for node in stored)
            for call in module.of_kind(ast.Call):
                self.attributes.update(self._named(call))
            for owner in module.of_kind(ast.ClassDef):
                self._collect_members(owner)

    def _collect_members(self, owner: ast.ClassDef) -> None:
        for inner in owner.body:
            if isinstance(inner, ast.FunctionDef | ast.AsyncFunctionDef):
                self.methods.setdefault(inner.name, []).append(inner)
                if is_property(inner):
                    self.attributes.add(inner.name)
            elif isinstance(inner, ast.Assign | ast.AnnAssign):
                targets = inner.targets if isinstance(inner, ast.Assign) else [inner.target]
                self.attributes.update(t.id for t in targets if isinstance(t, ast.Name))

    def _read(self, node: ast.AST) -> None:
        if isinstance(node, PLACES):
            slot = self.slot(node)
            if slot is not None:
                self.uses.setdefault(slot, []).append(node)
        elif isinstance(node, ast.Call):
            self._read_call(node)
        elif isinstance(node, ast.Assign):
            for target in node.targets:
                self._into(target, node.value, (), node)
        elif node.__class__ in _GIVING:
            self._read_giving(node)

    def _read_giving(self, node: ast.AST) -> None:
        if isinstance(node, ast.AnnAssign | ast.NamedExpr | ast.AugAssign):
            if node.value is not None:
                self._into(node.target, node.value, (), node)
        elif isinstance(node, ast.For | ast.AsyncFor | ast.comprehension):
            self._into(node.target, node.iter, ("*",), node)
        elif isinstance(node, ast.Lambda):
            self.returns.setdefault(node, []).append(node)
        elif isinstance(node, ast.Return | ast.Yield):
            function = self.function_around(node)
            if function is not None and isinstance(node, ast.Return):
                self.returns.setdefault(function, []).append(node)
            elif function is not None and isinstance(node, ast.Yield):
                self.yields.setdefault(function, []).append(node)

    def _into(
        self, target: ast.expr, value: ast.expr, path: tuple[object, ...], node: ast.AST
    ) -> None:
        if isinstance(target, ast.Tuple | ast.List):
            for index, part in enumerate(target.elts):
                self._into(part, value, (*path, index), node)
        elif isinstance(target, ast.Subscript):
            slot = self.slot(target.value)
            if slot is not None:
                self.stores.setdefault(slot, []).append(Flow(value, path, node))
        else:
            slot = self.slot(target)
            if slot is not None:
                self.flows.setdefault(slot, []).append(Flow(value, path, node))

    def _read_call(self, call: ast.Call) -> None:
        func = call.func
        if isinstance(func, ast.Attribute):
            slot = self.slot(func.value)
            if slot is not None and func.attr in _STORES and len(call.args) > _STORES[func.attr]:
                stored = call.args[_STORES[func.attr]]
                self.stores.setdefault(slot, []).append(Flow(stored, (), call))
            elif slot is not None and func.attr in ("update", "extend"):
                for arg in call.args:
                    self.stores.setdefault(slot, []).append(Flow(arg, ("*",), call))
                for keyword in call.keywords:
                    self.stores.setdefault(slot, []).append(Flow(keyword.value, (), call))
        target, args = func, call.args
        if self.dotted(func) == "functools.partial" and call.args:
            target, args = call.args[0], call.args[1:]
        self.called(call, self.function(target), target, args)

    def called(
        self,
        call: ast.Call,
        functions: list[Function],
        target: ast.expr | None = None,
        args: Sequence[ast.expr] | None = None,
    ) -> None:
        """Note which functions run when a call is made, and what they are handed.

        Args:
            call: The call.
            functions: The functions.
            target: What is called in the end, if it is not what stands before the brackets.
            args: What that is given.
        """
        target, args = target or call.func, call.args if args is None else args
        self._called.setdefault(target, functions)
        self._called[target] = self._called[target] or functions
        if not functions and (fields := self.fields(target)):
            given = [*zip(fields, args, strict=False), *((k.arg, k.value) for k in call.keywords)]
            for field, value in given:
                if field in fields:
                    self.flows.setdefault(Slot(field), []).append(Flow(value, (), call))
        for function in functions:
            self.calls.setdefault(function, []).append(call)
            for name, value in self._handed(function, target, args, call.keywords):
                scope = self._inner(function)
                if scope is not None:
                    flow = Flow(value, (), call)
                    self.flows.setdefault(Slot(name, scope), []).append(flow)

    def _inner(self, function: Function) -> Scope | None:
        arguments = function.args
        return self.scope_of.get(arguments)

    def parameters(self, function: Function) -> list[str]:
        """Return the names of a function's positional parameters."""
        return [a.arg for a in (*function.args.posonlyargs, *function.args.args)]

    def is_method(self, function: Function) -> bool:
        """Tell whether a function gets an object or a class first."""
        return (
            not isinstance(function, ast.Lambda)
            and isinstance(self.parent_of.get(function), ast.ClassDef)
            and not any(getattr(d, "id", "") == "staticmethod" for d in function.decorator_list)
        )

    def _handed(
        self,
        function: Function,
        target: ast.expr,
        args: Sequence[ast.expr],
        keywords: Sequence[ast.keyword],
    ) -> Iterator[tuple[str, ast.expr]]:
        names = self.parameters(function)
        is_own = getattr(function, "name", "") in ("__init__", "__call__")
        if self.is_method(function) and (isinstance(target, ast.Attribute) or is_own):
            names = names[1:]
        for name, value in zip(names, args, strict=False):
            if isinstance(value, ast.Starred):
                return
            yield name, value
        every = [*names, *(a.arg for a in function.args.kwonlyargs)]
        for keyword in keywords:
            if keyword.arg in every:
                yield keyword.arg, keyword.value


def is_property(function: ast.AST) -> bool:
    """Tell whether a method is looked at and not called."""
    return any(is_property_decorator(d) for d in getattr(function, "decorator_list", ()))


def is_property_decorator(decorator: ast.expr) -> bool:
    """Tell whether a decorator makes a property of a method."""
    name = getattr(decorator, "attr", getattr(decorator, "id", ""))
    return name in ("property", "cached_property", "abstractproperty")


def _still_used(module: Module, node: ast.ImportFrom) -> Iterator[str]:
    """Yield the names that an import takes from a file and that its own file uses in the end."""
    scope = module.names.scope_of[node]
    edits = module.edits.inside(0, len(module.source.text))
    written = {word for edit in edits for word in re.findall(r"\w+", edit.text)}
    given = {a.asname or a.name: a.name for a in node.names}
    for name, bindings in scope.bindings.items():
        if any(b.node is node for b in bindings):
            uses = scope.uses.get(name, ())
            is_left = any(not module.edits.covers(*module.span(use)) for use in uses)
            if is_left or name in written or (name in given and not uses):
                yield given.get(name, name)
