"""Which names of a text are used before they have a value.

Source: Python reference, "Naming and binding", "Function definitions".
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator

_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
_COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
_Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Lambda
_LOOPS = (ast.For, ast.AsyncFor, ast.While)


def early_names(tree: ast.Module) -> set[str]:
    r"""Return names that are used before they are bound, at the top level or in a function.

    A function needs its names as soon as its own name is used. A branch that may not run counts
    as run, and so does what a loop did in its last round.

    Examples:
        >>> early_names(ast.parse("def f(): return a\nf()\na = b = 1\nprint(b)"))
        {'a'}
    """
    found = _Order(tree.body, ()).found
    for node in ast.walk(tree):
        if isinstance(node, _FUNCTIONS):
            found |= _Order(node.body, _arguments(node)).found
    return found


class _Order:
    def __init__(self, body: list[ast.stmt], given: Iterable[str]) -> None:
        self.found: set[str] = set()
        self._names = {name for s in body for name in _bound(s)} - set(given)
        elsewhere = (
            n for s in body for n in _inside(s) if isinstance(n, ast.Global | ast.Nonlocal)
        )
        self._names -= {name for node in elsewhere for name in node.names}
        self._has: set[str] = set()
        self._later: dict[str, set[str]] = {}
        self._run(body)

    def _run(self, body: Iterable[ast.stmt]) -> None:
        for statement in body:
            if isinstance(statement, (*_FUNCTIONS, ast.ClassDef)):
                self._define(statement)
                continue
            if isinstance(statement, _LOOPS):
                self._has |= set(_bound(statement))
            blocks = [b for b in _blocks(statement) if b]
            inner = {s for block in blocks for s in block}
            for part in _parts(statement, inner):
                self._use(part)
            if not blocks:
                self._has |= set(_bound(statement))
                self._keep_lambda(statement)
                continue
            self._has |= {name for part in _parts(statement, inner) for name in _bound(part)}
            self._has |= {h.name for h in getattr(statement, "handlers", ()) if h.name}
            for block in blocks:
                self._run(block)

    def _define(self, node: ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) -> None:
        for decorator in node.decorator_list:
            self._use(decorator)
        if isinstance(node, ast.ClassDef):
            for base in (*node.bases, *(k.value for k in node.keywords)):
                self._use(base)
            inner = {name for s in node.body for name in _bound(s)}
            for statement in node.body:
                if not isinstance(statement, (*_FUNCTIONS, ast.ClassDef)):
                    self._need_all(_loads(statement) - inner)
        else:
            for default in (*node.args.defaults, *node.args.kw_defaults):
                if default is not None:
                    self._use(default)
        self._later[node.name] = _free(node)
        self._has.add(node.name)

    def _keep_lambda(self, statement: ast.stmt) -> None:
        if isinstance(statement, ast.Assign) and isinstance(statement.value, ast.Lambda):
            names = _free(statement.value)
            for target in statement.targets:
                if isinstance(target, ast.Name):
                    self._later[target.id] = names

    def _use(self, node: ast.AST) -> None:
        self._need_all(_loads(node))

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


def _inside(node: ast.AST) -> Iterator[ast.AST]:
    """Yield the nodes of a scope under a node, without those of scopes in it."""
    yield node
    if isinstance(node, (*_FUNCTIONS, ast.ClassDef, ast.Lambda)):
        return
    for child in ast.iter_child_nodes(node):
        yield from _inside(child)


def _bound(node: ast.AST) -> Iterator[str]:
    for part in _inside(node):
        if isinstance(part, ast.Name) and isinstance(part.ctx, ast.Store):
            yield part.id
        elif isinstance(part, (*_FUNCTIONS, ast.ClassDef)):
            yield part.name
        elif isinstance(part, ast.alias):
            yield part.asname or part.name.partition(".")[0]
        elif isinstance(part, ast.ExceptHandler | ast.MatchAs | ast.MatchStar) and part.name:
            yield part.name


def _free(node: _Definition) -> set[str]:
    """Return the names from outside that a function needs when it runs, or a class's methods."""
    body = [node.body] if isinstance(node, ast.Lambda) else node.body
    found: set[str] = set()
    for part in body:
        inner = isinstance(part, (*_FUNCTIONS, ast.ClassDef))
        found |= set() if inner else _loads(part)
        found |= {name for n in _definitions(part) for name in _free(n)}
    return found if isinstance(node, ast.ClassDef) else found - _own_names(node)


def _definitions(node: ast.AST) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef]:
    if isinstance(node, (*_FUNCTIONS, ast.ClassDef)):
        yield node
        return
    for child in ast.iter_child_nodes(node):
        yield from _definitions(child)


def _loads(node: ast.AST) -> set[str]:
    """Return the names that are read when a node runs, those of its comprehensions left out."""
    found: set[str] = set()
    hidden: set[str] = set()
    for part in _running(node):
        if isinstance(part, ast.Name) and isinstance(part.ctx, ast.Load):
            found.add(part.id)
        elif isinstance(part, ast.AugAssign) and isinstance(part.target, ast.Name):
            found.add(part.target.id)
        elif isinstance(part, _COMPREHENSIONS):
            hidden |= {n for g in part.generators for n in _bound(g.target)}
        elif isinstance(part, ast.Lambda):
            hidden |= _arguments(part)
    return found - hidden


def _running(node: ast.AST) -> Iterator[ast.AST]:
    yield node
    is_kept = isinstance(node, ast.Assign) and isinstance(node.value, ast.Lambda)
    for child in ast.iter_child_nodes(node):
        if is_kept and isinstance(child, ast.Lambda):
            continue
        if not isinstance(child, (*_FUNCTIONS, ast.ClassDef)):
            yield from _running(child)


def _arguments(node: ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda) -> set[str]:
    arguments = node.args
    every = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]
    every += [a for a in (arguments.vararg, arguments.kwarg) if a is not None]
    return {a.arg for a in every}


def _own_names(node: ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda) -> set[str]:
    """Return the names that belong to a function itself."""
    body = [] if isinstance(node, ast.Lambda) else node.body
    found = {name for s in body for name in _bound(s)} | _arguments(node)
    for statement in body:
        for part in _inside(statement):
            if isinstance(part, ast.Global):
                found -= set(part.names)
    return found
