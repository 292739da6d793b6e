"""Which names of a text are used before they have a value.

Source: Python reference, "Naming and binding", "Function definitions".
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from hyperbridge.migrate.nodes import COMPREHENSIONS, LOOPS, children, walk

_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
_NAMED = (*_FUNCTIONS, ast.ClassDef)
_Named = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef
_Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Lambda


def early_names(tree: ast.Module) -> set[str]:
    r"""Return names that are used before they are bound, at the top level or in a function.

    A function needs its names as soon as its own name is used. A branch that may not run counts
    as run, and so does what a loop did in its last round.

    Examples:
        >>> early_names(ast.parse("def f(): return a\nf()\na = b = 1\nprint(b)"))
        {'a'}
    """
    reader = _Reader()
    found = _Order(reader, tree.body, ()).found
    for node in walk(tree):
        if isinstance(node, _FUNCTIONS):
            found |= _Order(reader, node.body, _arguments(node)).found
    return found


@dataclass(slots=True)
class _Facts:
    """The names of a node in its own scope, those of the scopes in it left out.

    Attributes:
        bound: Those that it gives a value.
        loads: Those that are read when it runs, without those of its comprehensions.
        elsewhere: Those that it declares ``global`` or ``nonlocal``.
        at_top: Those of them that are ``global``.
        definitions: The functions and classes in it.
    """

    bound: set[str] = field(default_factory=set)
    loads: set[str] = field(default_factory=set)
    elsewhere: set[str] = field(default_factory=set)
    at_top: set[str] = field(default_factory=set)
    definitions: list[_Named] = field(default_factory=list)


class _Reader:
    """Reads each node once."""

    def __init__(self) -> None:
        self._known: dict[ast.AST, _Facts] = {}
        self._free: dict[ast.AST, set[str]] = {}

    def facts(self, node: ast.AST) -> _Facts:
        """Return the names of a node."""
        if node not in self._known:
            self._known[node] = self._read(node)
        return self._known[node]

    def _read(self, node: ast.AST) -> _Facts:
        facts, hidden = _Facts(), set[str]()
        waiting = [(node, False)]
        while waiting:
            part, is_in_lambda = waiting.pop()
            if isinstance(part, ast.Name):
                if isinstance(part.ctx, ast.Load):
                    facts.loads.add(part.id)
                elif isinstance(part.ctx, ast.Store) and not is_in_lambda:
                    facts.bound.add(part.id)
                continue
            if isinstance(part, _NAMED):
                facts.bound.add(part.name)
                facts.definitions.append(part)
                continue
            below = children(part)
            if isinstance(part, ast.Lambda):
                hidden |= _arguments(part)
                is_in_lambda = True
            elif isinstance(part, ast.Assign) and isinstance(part.value, ast.Lambda):
                below.remove(part.value)  # it is kept until it is called
            elif isinstance(part, COMPREHENSIONS):
                hidden.update(*(self.facts(g.target).bound for g in part.generators))
            else:
                self._declare(part, facts)
            waiting += [(child, is_in_lambda) for child in below]
        facts.loads -= hidden
        return facts

    @staticmethod
    def _declare(part: ast.AST, facts: _Facts) -> None:
        if isinstance(part, ast.AugAssign) and isinstance(part.target, ast.Name):
            facts.loads.add(part.target.id)
        elif isinstance(part, ast.alias):
            facts.bound.add(part.asname or part.name.partition(".")[0])
        elif isinstance(part, ast.ExceptHandler | ast.MatchAs | ast.MatchStar) and part.name:
            facts.bound.add(part.name)
        elif isinstance(part, ast.Global | ast.Nonlocal):
            facts.elsewhere.update(part.names)
            if isinstance(part, ast.Global):
                facts.at_top.update(part.names)

    def bound(self, body: Iterable[ast.AST]) -> set[str]:
        """Return the names that some nodes give a value."""
        return set[str]().union(*(self.facts(node).bound for node in body))

    def free(self, node: _Definition) -> set[str]:
        """Return the names from outside that a function needs to run, or a class's methods."""
        if node not in self._free:
            self._free[node] = self._find_free(node)
        return self._free[node]

    def _find_free(self, node: _Definition) -> set[str]:
        body: list[ast.stmt] | list[ast.expr]
        body = [node.body] if isinstance(node, ast.Lambda) else node.body
        found: set[str] = set()
        for part in body:
            facts = self.facts(part)
            found |= facts.loads
            for inner in facts.definitions:
                found |= self.free(inner)
        if isinstance(node, ast.ClassDef):
            return found
        own = _arguments(node)
        if not isinstance(node, ast.Lambda):
            own |= self.bound(body)
            own -= set[str]().union(*(self.facts(part).at_top for part in body))
        return found - own


class _Order:
    def __init__(self, reader: _Reader, body: list[ast.stmt], given: Iterable[str]) -> None:
        self.found: set[str] = set()
        self._reader = reader
        self._names = reader.bound(body) - set(given)
        self._names -= set[str]().union(*(reader.facts(s).elsewhere for s in body))
        self._has: set[str] = set()
        self._later: dict[str, set[str]] = {}
        self._run(body)

    def _run(self, body: Iterable[ast.stmt]) -> None:
        for statement in body:
            if isinstance(statement, _NAMED):
                self._define(statement)
                continue
            facts = self._reader.facts(statement)
            if isinstance(statement, LOOPS):
                self._has |= facts.bound
            blocks = [b for b in _blocks(statement) if b]
            inner = {s for block in blocks for s in block}
            for part in _parts(statement, inner):
                self._use(part)
            if not blocks:
                self._has |= facts.bound
                self._keep_lambda(statement)
                continue
            self._has |= self._reader.bound(_parts(statement, inner))
            self._has |= {h.name for h in getattr(statement, "handlers", ()) if h.name}
            for block in blocks:
                self._run(block)

    def _define(self, node: _Named) -> None:
        for decorator in node.decorator_list:
            self._use(decorator)
        if isinstance(node, ast.ClassDef):
            for base in (*node.bases, *(k.value for k in node.keywords)):
                self._use(base)
            inner = self._reader.bound(node.body)
            for statement in node.body:
                if not isinstance(statement, _NAMED):
                    self._need_all(self._reader.facts(statement).loads - inner)
        else:
            for default in (*node.args.defaults, *node.args.kw_defaults):
                if default is not None:
                    self._use(default)
        self._later[node.name] = self._reader.free(node)
        self._has.add(node.name)

    def _keep_lambda(self, statement: ast.stmt) -> None:
        if isinstance(statement, ast.Assign) and isinstance(statement.value, ast.Lambda):
            names = self._reader.free(statement.value)
            for target in statement.targets:
                if isinstance(target, ast.Name):
                    self._later[target.id] = names

    def _use(self, node: ast.AST) -> None:
        self._need_all(self._reader.facts(node).loads)

    def _need_all(self, names: Iterable[str]) -> None:
        seen: set[str] = set()
        open_names = list(names)
        while open_names:
            name = open_names.pop()
            if name in seen or name not in self._names:
                continue
            seen.add(name)
            if name not in self._has:
                self.found.add(name)
            open_names += self._later.get(name, ())


def _blocks(statement: ast.stmt) -> Iterator[list[ast.stmt]]:
    yield getattr(statement, "body", [])
    for handler in getattr(statement, "handlers", ()):
        yield handler.body
    for case in getattr(statement, "cases", ()):
        yield case.body
    yield getattr(statement, "orelse", [])
    yield getattr(statement, "finalbody", [])


def _parts(statement: ast.stmt, inner: set[ast.stmt]) -> Iterator[ast.AST]:
    """Yield what a statement has besides the statements in it."""
    if not inner:
        yield statement
        return
    for child in ast.iter_child_nodes(statement):
        if isinstance(child, ast.ExceptHandler | ast.match_case):
            yield from (c for c in ast.iter_child_nodes(child) if c not in inner)
        elif child not in inner:
            yield child


def _arguments(node: ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda) -> set[str]:
    arguments = node.args
    every = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]
    every += [a for a in (arguments.vararg, arguments.kwarg) if a is not None]
    return {a.arg for a in every}
