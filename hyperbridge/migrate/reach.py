"""Which functions of a file run when its objective does: itself, and what it calls.

Source: Python reference, "Calls"; Python library, ``functools.partial``.
"""

from __future__ import annotations

import ast
import functools
from collections.abc import Iterable, Iterator
from typing import TypeVar

from hyperbridge.migrate.module import Module
from hyperbridge.migrate.nodes import Function, walk
from hyperbridge.migrate.objectives import own_returns
from hyperbridge.migrate.scopes import Scope

Positioned = TypeVar("Positioned", bound=ast.AST)


def in_order(nodes: Iterable[Positioned]) -> list[Positioned]:
    """Return syntax nodes in the order of the source."""
    return sorted(nodes, key=position)


def position(node: ast.AST) -> tuple[int, int]:
    """Return a node's line and column; zeros for one that has none."""
    return getattr(node, "lineno", 0), getattr(node, "col_offset", 0)


@functools.lru_cache(maxsize=8)
def reach_of(module: Module, expr: ast.expr) -> Reach:
    """Return the `Reach` of an objective, which several rules ask for, made once."""
    return Reach(module, expr)


class Reach:
    """The functions of a file that an objective consists of.

    Args:
        module: The file.
        expr: What fmin is given to minimise.

    Attributes:
        functions: The objective and what it calls, as far as this file tells.
        nodes: Every syntax node in them.
    """

    def __init__(self, module: Module, expr: ast.expr) -> None:
        self._module = module
        self._names = module.names
        self.functions: dict[Function, None] = {}
        self._is_told = False
        self._is_told = self._passed is not None
        waiting = self.run_by(expr)
        while waiting:
            function = waiting.pop()
            if function not in self.functions:
                self.functions[function] = None
                waiting += self._called(function)
        self.nodes = {node for function in self.functions for node in walk(function)}

    def run_by(self, expr: ast.expr) -> list[Function]:
        """Return the functions of this file that run when the value of an expression is called."""
        return list(self._run_by(expr, set()))

    def is_inside(self, scope: Scope) -> bool:
        """Tell whether a scope's variables are made anew each time that the objective runs."""
        return any(around.node in self.functions for around in scope.path())

    def passed(self, function: ast.AST, name: str) -> list[ast.expr]:
        """Return what the calls in this file hand to a function under a parameter's name."""
        return self._passed.get((function, name), [])

    @functools.cached_property
    def _passed(self) -> dict[tuple[ast.AST, str], list[ast.expr]]:
        found: dict[tuple[ast.AST, str], list[ast.expr]] = {}
        for node in self._module.of_kind(ast.Call):
            for function, parameter, value in self._handed(node):
                found.setdefault((function, parameter), []).append(value)
        return found

    def owner_class(self, name: ast.expr) -> ast.ClassDef | None:
        """Return the class whose instance a name is as the first argument of a method."""
        if not isinstance(name, ast.Name):
            return None
        for binding in self._names.bindings(name):
            function = binding.scope.node
            if binding.kind == "argument" and isinstance(function, ast.FunctionDef):
                above = self._names.parent_of.get(function)
                first = [*function.args.posonlyargs, *function.args.args][:1]
                decorators = {getattr(d, "id", "") for d in function.decorator_list}
                if isinstance(above, ast.ClassDef) and binding.node in first:
                    return None if "staticmethod" in decorators else above
        return None

    def _run_by(self, expr: ast.expr, seen: set[ast.AST]) -> Iterator[Function]:
        if expr in seen:
            return
        seen.add(expr)
        if isinstance(expr, ast.Lambda):
            yield expr
        elif isinstance(expr, ast.Name):
            for binding in self._names.bindings(expr):
                if isinstance(binding.node, ast.FunctionDef | ast.AsyncFunctionDef):
                    yield binding.node
                    for decorator in binding.node.decorator_list:
                        yield from self._given_back(decorator, seen)
                elif binding.value is not None:
                    yield from self._run_by(binding.value, seen)
        elif isinstance(expr, ast.Attribute):
            for owner in self._classes(expr.value, set()):
                yield from self._method(owner, expr.attr)
            for owner in self._classes(expr, set()):  # what an attribute holds
                yield from self._method(owner, "__call__")
        elif isinstance(expr, ast.Call):
            for value in (*expr.args, *(keyword.value for keyword in expr.keywords)):
                if isinstance(value, ast.Lambda | ast.Name | ast.Attribute | ast.Call):
                    yield from self._run_by(value, seen)
            for owner in self._classes(expr, set()):
                yield from self._method(owner, "__call__")
            yield from self._given_back(expr.func, seen)

    def _given_back(self, maker: ast.expr, seen: set[ast.AST]) -> Iterator[Function]:
        """Yield the functions that a function or a decorator returns."""
        for function in list(self._run_by(maker, seen)):
            if isinstance(function, ast.Lambda):
                yield from self._run_by(function.body, seen)
                continue
            for returned in own_returns(function):
                if returned.value is not None:
                    yield from self._run_by(returned.value, seen)

    def _called(self, function: Function) -> Iterator[Function]:
        for node in walk(function):
            above = self._names.parent_of.get(node)
            is_called = isinstance(above, ast.Call) and above.func is node
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
                definitions = [b.node for b in self._names.bindings(node)]
                if is_called or any(isinstance(d, ast.FunctionDef) for d in definitions):
                    yield from self.run_by(node)
            elif isinstance(node, ast.Attribute) and is_called and self._is_outer(node.value):
                yield from self.run_by(node)

    def _is_outer(self, receiver: ast.expr) -> bool:
        """Tell whether an object was there before the objective ran."""
        if self.owner_class(receiver) is not None:
            return True
        while isinstance(receiver, ast.Attribute | ast.Subscript):
            receiver = receiver.value
        if not isinstance(receiver, ast.Name):
            return False
        scope = self._names.scope_of[receiver].find(receiver.id)
        is_own = self.owner_class(receiver) is not None
        return scope is not None and (is_own or not self.is_inside(scope))

    def _classes(self, expr: ast.expr, seen: set[ast.AST]) -> Iterator[ast.ClassDef]:
        """Yield the classes of this file whose instance, or which, an expression is."""
        if expr in seen:
            return
        seen.add(expr)
        if isinstance(expr, ast.Call):
            yield from self._classes(expr.func, seen)
        elif isinstance(expr, ast.Name):
            owner = self.owner_class(expr)
            if owner is not None:
                yield owner
            for binding in self._names.bindings(expr):
                if isinstance(binding.node, ast.ClassDef):
                    yield binding.node
                elif binding.kind == "argument" and self._is_told:
                    for value in self.passed(binding.scope.node, expr.id):
                        yield from self._classes(value, seen)
                elif isinstance(binding.value, ast.Call | ast.Name | ast.Attribute):
                    yield from self._classes(binding.value, seen)
        elif isinstance(expr, ast.Attribute):
            for value in self._attributes.get(expr.attr, []):
                yield from self._classes(value, seen)

    @functools.cached_property
    def _attributes(self) -> dict[str, list[ast.expr]]:
        """What is assigned to attributes, whosever they are, by name."""
        found: dict[str, list[ast.expr]] = {}
        for node in self._module.of_kind(ast.Assign):
            for target in node.targets:
                if isinstance(target, ast.Attribute):
                    found.setdefault(target.attr, []).append(node.value)
        return found

    def _method(self, owner: ast.ClassDef, name: str) -> Iterator[Function]:
        """Yield a method of a class, or of the first class in this file that it inherits."""
        waiting, seen = [owner], {owner}
        while waiting:
            current = waiting.pop(0)
            found = [n for n in current.body if isinstance(n, ast.FunctionDef) and n.name == name]
            if found:
                yield from found
                return
            for base in current.bases:
                binding = self._names.only_binding(base)
                node = None if binding is None else binding.node
                if isinstance(node, ast.ClassDef) and node not in seen:
                    seen.add(node)
                    waiting.append(node)

    def _constructors(self, func: ast.expr) -> Iterator[Function]:
        """Yield what runs when a class is called that a name stands for."""
        binding = self._names.only_binding(func)
        if binding is not None and isinstance(binding.node, ast.ClassDef):
            yield from self._method(binding.node, "__init__")

    def _handed(self, call: ast.Call) -> Iterator[tuple[Function, str, ast.expr]]:
        """Yield each value of a call with the function and the parameter that get it."""
        func, given = call.func, call.args
        if self._names.dotted(func) == "functools.partial" and given:
            func, given = given[0], given[1:]
        for function in (*self.run_by(func), *self._constructors(func)):
            args = function.args
            names = [arg.arg for arg in (*args.posonlyargs, *args.args)]
            is_method = isinstance(self._names.parent_of.get(function), ast.ClassDef)
            for name, value in zip(names[is_method:], given, strict=False):
                yield function, name, value
            for keyword in call.keywords:
                if keyword.arg in names:
                    yield function, keyword.arg, keyword.value
