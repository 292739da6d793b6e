"""Find what an objective changes outside of itself, which trials in other processes cannot do.

Read from the sources of the objective and of the user's functions that it calls. What has no
source, and changes made in ways other than assignments and the methods of Python's own
containers, are not seen.
"""

from __future__ import annotations

import ast
import functools
import inspect
import sys
import textwrap
import types
from collections import deque
from collections.abc import Callable, Iterator
from typing import Any

from hyperbridge.run.reach import is_installed

_CONTAINERS = (list, dict, set, deque, bytearray)
_CHANGING_METHODS = frozenset({
    "add", "append", "appendleft", "clear", "discard", "extend", "extendleft", "insert", "pop",
    "popitem", "popleft", "remove", "setdefault", "sort", "update",
})  # fmt: skip
_MOST_FUNCTIONS = 50
_SCOPES = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda)


def find_lost_changes(fn: Callable[..., Any]) -> list[str]:
    """Name what an objective changes outside of itself, as its source says it.

    Args:
        fn: The objective: a function, a bound method, a partial, or an object that is called.
    """
    found: dict[str, None] = {}
    queue: list[Any] = [fn]
    known: set[int] = set()
    while queue and len(known) < _MOST_FUNCTIONS:
        reader = _read(queue.pop(0))
        if reader is None or id(reader.code) in known:
            continue
        known.add(id(reader.code))
        found.update(dict.fromkeys(reader.changes()))
        queue.extend(reader.called())
    return list(found)


def _read(fn: Any) -> _Reader | None:
    """Return the reader of a function of the user's; None where there is nothing to read."""
    while isinstance(fn, functools.partial):
        fn = fn.func
    owner = None
    if not isinstance(fn, (types.FunctionType, types.MethodType)):
        fn = getattr(fn, "__call__", None)  # noqa: B004 - the method is wanted, not whether
    if isinstance(fn, types.MethodType):
        owner, fn = fn.__self__, fn.__func__
    if not isinstance(fn, types.FunctionType) or is_installed(sys.modules.get(fn.__module__)):
        return None
    try:
        (node,) = ast.parse(textwrap.dedent(inspect.getsource(fn))).body
    except (OSError, TypeError, ValueError, SyntaxError):  # no source, or a lambda inside a call
        return None
    return _Reader(fn, owner, node) if isinstance(node, ast.FunctionDef) else None


def _own(node: ast.AST) -> Iterator[ast.AST]:
    """Yield the parts of a function, without those of functions and classes inside of it."""
    for child in ast.iter_child_nodes(node):
        if not isinstance(child, _SCOPES):
            yield child
            yield from _own(child)


class _Reader:
    """One function, its names and what they hold.

    Args:
        fn: The function.
        owner: The object that it is a method of, or None.
        node: Its source.
    """

    def __init__(self, fn: types.FunctionType, owner: Any, node: ast.FunctionDef) -> None:
        self.code = fn.__code__
        self._owner = owner
        self._me = self.code.co_varnames[0] if owner is not None and self.code.co_argcount else None
        self._parts = list(_own(ast.Module(node.body, [])))
        loops = (part for part in self._parts if isinstance(part, ast.comprehension))
        targets = (target for loop in loops for target in ast.walk(loop.target))
        self._local = {target.id for target in targets if isinstance(target, ast.Name)}
        self._local.update(self.code.co_varnames, self.code.co_cellvars)
        self._held = dict(fn.__globals__)
        for name, cell in zip(self.code.co_freevars, fn.__closure__ or (), strict=True):
            try:
                self._held[name] = cell.cell_contents
            except ValueError:  # it is still empty
                self._held.pop(name, None)

    def changes(self) -> Iterator[str]:
        """Yield what is assigned to, or changed by a method of a container."""
        for part in self._parts:
            is_target = isinstance(getattr(part, "ctx", None), (ast.Store, ast.Del))
            if is_target and isinstance(part, (ast.Name, ast.Attribute, ast.Subscript)):
                yield from self._assigned(part)
            method = part.func if isinstance(part, ast.Call) else None
            if isinstance(method, ast.Attribute) and method.attr in _CHANGING_METHODS:
                yield from self._called_on(method.value)

    def called(self) -> Iterator[Any]:
        """Yield the functions, and the methods of the same object, that it refers to."""
        for part in self._parts:
            if isinstance(part, ast.Name) and part.id not in self._local:
                held = self._held.get(part.id)
                if isinstance(held, (types.FunctionType, types.MethodType, functools.partial)):
                    yield held
            elif isinstance(part, ast.Attribute) and self._is_me(part.value):
                method = inspect.getattr_static(type(self._owner), part.attr, None)
                if isinstance(method, types.FunctionType):
                    yield types.MethodType(method, self._owner)

    def _is_me(self, node: ast.AST) -> bool:
        return self._me is not None and isinstance(node, ast.Name) and node.id == self._me

    def _assigned(self, target: ast.Name | ast.Attribute | ast.Subscript) -> Iterator[str]:
        if isinstance(target, ast.Name):
            if target.id not in self._local:  # declared global or nonlocal
                yield target.id
            return
        first: ast.expr = target
        root: ast.expr = target.value
        while isinstance(root, (ast.Attribute, ast.Subscript)):
            first, root = root, root.value
        if self._is_me(root):
            yield f"{self._me}.{first.attr}" if isinstance(first, ast.Attribute) else str(self._me)
        elif isinstance(root, ast.Name) and root.id not in self._local:
            held = self._held.get(root.id)
            kind = type(held)
            is_users = not is_installed(sys.modules.get(kind.__module__))
            if isinstance(held, _CONTAINERS) or (is_users and kind.__module__ != "builtins"):
                yield root.id

    def _called_on(self, node: ast.expr) -> Iterator[str]:
        if isinstance(node, ast.Name) and node.id not in self._local:
            if isinstance(self._held.get(node.id), _CONTAINERS):
                yield node.id
        elif isinstance(node, ast.Attribute) and self._is_me(node.value):
            try:
                held = inspect.getattr_static(self._owner, node.attr, None)
            except Exception:  # noqa: BLE001 - an object may do anything when it is asked
                return
            if isinstance(held, _CONTAINERS):
                yield f"{self._me}.{node.attr}"
