"""What an objective changes outside of itself, which trials in other processes cannot.

Source: Ray Tune reference, "Training in Tune": a trial runs in a process of its own, and only
what it reports comes back. An objective that fills a list of the program's is the usual case.
"""

from __future__ import annotations

import ast
import functools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from hyperbridge.migrate.nodes import FUNCTIONS, LOOPS, default_of, walk
from hyperbridge.migrate.notes import Note
from hyperbridge.migrate.reach import Reach, in_order, position, reach_of
from hyperbridge.migrate.reading import Search
from hyperbridge.migrate.scopes import Binding, Scope

_GIVE_NOTHING = (
    *("append", "appendleft", "extend", "extendleft", "insert", "add", "update"),
    *("clear", "remove", "discard", "sort", "reverse", "put", "put_nowait"),
)
_GIVE_SOMETHING = ("pop", "popleft", "popitem", "setdefault")
_CHANGING = (*_GIVE_NOTHING, *_GIVE_SOMETHING)
_FUNCTIONS = ("heapq.heappush", "heapq.heappushpop", "bisect.insort", "random.shuffle")


@dataclass(frozen=True, slots=True)
class Change:
    """Something of the program's that its objective changes.

    Attributes:
        node: Where it is changed.
        name: What is changed, as the program writes it where it reads it.
        read: Where something else than the objective reads it afterwards; None for nowhere.
        caller: The function whose caller holds it; None when no caller is known to.
        matters: Whether the objective itself looks at it, or others may.
    """

    node: ast.expr
    name: str
    read: ast.expr | None
    caller: str | None
    matters: bool

    @property
    def is_lost(self) -> bool:
        """Whether somebody would miss the change."""
        return self.read is not None or self.caller is not None


@dataclass(frozen=True, slots=True)
class _Owner:
    """A variable (with a scope) or an attribute (without one)."""

    name: str
    scope: Scope | None


def notes(search: Search) -> Iterator[Note]:
    """Yield what to tell of an objective's changes, which are lost in the processes of Ray."""
    for change in changes(search):
        line = change.node.lineno
        text = f"the objective changes {change.name!r}"
        if change.is_lost:
            text += f", which {_reader(search, change)}: "
            if search.was_on_workers:
                text += "the change is lost in Ray's processes, as it was on the workers before"
                yield Note(line, text, False, "HB234")
            else:
                yield Note(line, text + _advice("Ray"), True, "HB219")
        elif change.matters:
            text += ": trials run in several processes, and each has one of its own"
            yield Note(line, text, False, "HB234")


def lost_on_workers(search: Search) -> list[str]:
    """Return what to tell a person who only switches the backend, for each change.

    Args:
        search: A search whose trials are read: SparkTrials had the same limit.
    """
    place = search.module.source.place
    return [
        f"{_line(place(change.node.lineno))}: the objective changes {change.name!r}, which"
        f" {_reader(search, change)}: {_advice('Spark and Ray')}"
        for change in changes(search)
        if change.is_lost and not search.was_on_workers
    ]


def _advice(engine: str) -> str:
    return (
        f"trials of {engine} run in other processes, where the change is lost; return the value in"
        " the result's dict, and read it from trials.results afterwards"
    )


def _reader(search: Search, change: Change) -> str:
    if change.read is None:
        return f"the caller of {change.caller!r} holds"
    return f"{_line(search.module.source.place(change.read.lineno))} reads"


def _line(place: str) -> str:
    return f"line {place}" if place.isdigit() else place


@functools.lru_cache(maxsize=8)
def changes(search: Search) -> list[Change]:
    """Return what the objective of a search changes outside of itself, each thing once."""
    expr = search.arguments.get("fn")
    return [] if expr is None else list(_Reader(search, reach_of(search.module, expr)).changes())


class _Reader:
    def __init__(self, search: Search, reach: Reach) -> None:
        self._search = search
        self._module = search.module
        self._names = search.module.names
        self._reach = reach
        self._handed = set(walk(search.arguments["fn"]))

    def changes(self) -> Iterator[Change]:
        seen: set[_Owner] = set()
        for node in in_order(self._reach.nodes):
            for target in self._targets(node):
                owners, callers = self._owners(target, set())
                if not owners or owners & seen:
                    continue
                seen |= owners
                reads = [read for owner in owners for read in self._reads(owner)]
                read = min(reads, key=position, default=None)
                stem = _stem(target, is_whole=all(owner.scope for owner in owners))
                yield Change(
                    target,
                    read.id if isinstance(read, ast.Name) else ast.unparse(stem),
                    read,
                    min(callers, default=None),
                    any(owner.scope is None or self._is_asked(owner) for owner in owners),
                )

    def _targets(self, node: ast.AST) -> Iterator[ast.expr]:
        """Yield what a syntax node changes."""
        if isinstance(node, ast.Name | ast.Attribute | ast.Subscript):
            if not isinstance(node.ctx, ast.Load):
                yield node
            return
        if not isinstance(node, ast.Call):
            return
        func = node.func
        is_known = isinstance(func, ast.Attribute) and func.attr in _CHANGING
        if is_known and isinstance(func, ast.Attribute) and not self._reach.run_by(func):
            # what gives something is another kind of thing: pandas' append makes a new frame
            above = self._names.parent_of[node]
            is_kept = isinstance(above, ast.Assign | ast.AnnAssign | ast.Attribute)
            if func.attr in _GIVE_SOMETHING or not is_kept:
                yield func.value
        is_next = isinstance(func, ast.Name) and func.id == "next"
        if node.args and (is_next or self._names.dotted(func) in _FUNCTIONS):
            yield node.args[0]

    def _owners(self, expr: ast.expr, seen: set[ast.AST]) -> tuple[set[_Owner], set[str]]:
        """Return to whom a changed thing belongs, and the functions whose callers hold it."""
        stem = _stem(expr, is_whole=False)
        root = stem.value if isinstance(stem, ast.Attribute) else stem
        if not isinstance(root, ast.Name) or root in seen:
            return set(), set()
        seen.add(root)
        attribute = {_Owner(stem.attr, None)} if isinstance(stem, ast.Attribute) else set()
        if self._reach.owner_class(root) is not None:
            return attribute, set()
        scope = self._names.scope_of[root].find(root.id)
        bindings = [] if scope is None else scope.bindings[root.id]
        if scope is None or all(b.kind == "import" for b in bindings):
            return set(), set()
        if all(b.kind in ("def", "class") for b in bindings):
            return attribute, set()
        is_inside = self._reach.is_inside(scope)
        owners = set() if is_inside else {_Owner(root.id, scope)}
        callers: set[str] = set()
        if isinstance(expr, ast.Name) and not isinstance(expr.ctx, ast.Load):
            return owners, callers  # the name gets another value: what it had is left alone
        for binding in bindings:
            sources = [binding.value] if is_inside else []
            if binding.kind == "argument" and self._is_copied(expr, bindings):
                sources = []
            elif binding.kind == "argument":
                sources = [*self._reach.passed(scope.node, root.id)]
                if not sources and not is_inside:
                    callers.add(getattr(scope.node, "name", "a lambda"))
                if isinstance(scope.node, FUNCTIONS):
                    sources.append(default_of(scope.node, root.id))
            for source in sources:
                if isinstance(source, ast.Name | ast.Attribute):
                    more = self._owners(source, seen)
                    owners |= more[0]
                    callers |= more[1]
                    self._handed.add(source)
        return owners, callers

    def _is_copied(self, expr: ast.expr, bindings: Sequence[Binding]) -> bool:
        """Tell whether what is changed is a copy of an argument: ``params = dict(params)``."""
        inner = expr.value if isinstance(expr, ast.Subscript) else expr
        if not isinstance(inner, ast.Name):  # what a copy has inside of it is shared
            return False
        return any(
            b.value is not None
            and getattr(b.node, "lineno", expr.lineno) < expr.lineno
            and self._names.parent_of.get(b.node) is b.scope.node
            and self._is_copy_of(b.value, inner.id)
            for b in bindings
        )

    def _is_copy_of(self, value: ast.expr, name: str) -> bool:
        copied: ast.expr | None = None
        if isinstance(value, ast.Dict) and value.keys[:1] == [None]:
            copied = value.values[0]
        elif isinstance(value, ast.Call):
            func = value.func
            made = getattr(func, "id", "") in ("dict", "list", "set")
            if (made or self._names.dotted(func) in ("copy.copy", "copy.deepcopy")) and value.args:
                copied = value.args[0]
            elif isinstance(func, ast.Attribute) and func.attr == "copy":
                copied = func.value
        return isinstance(copied, ast.Name) and copied.id == name

    def _uses(self, owner: _Owner) -> Sequence[ast.expr]:
        if owner.scope is not None:
            return owner.scope.uses.get(owner.name, [])
        return self._attributes[owner.name]

    @functools.cached_property
    def _attributes(self) -> dict[str, list[ast.expr]]:
        """Every attribute of the file, by name."""
        found: dict[str, list[ast.expr]] = {}
        for node in self._module.of_kind(ast.Attribute):
            found.setdefault(node.attr, []).append(node)
        return found

    def _reads(self, owner: _Owner) -> Iterator[ast.expr]:
        """Yield what looks at something after the search, other than the objective."""
        if owner.scope is not None and self._gets_result(owner):
            return
        for use in self._uses(owner):
            if (
                not self._is_change(use)
                and use not in self._reach.nodes
                and use not in self._handed
                and self._can_follow(use)
            ):
                yield use

    def _gets_result(self, owner: _Owner) -> bool:
        """Tell whether what the search returns takes the place of what a variable had."""
        statement = self._names.statement(self._search.call)
        if not isinstance(statement, ast.Assign) or statement.value is not self._search.call:
            return False
        return any(
            isinstance(target, ast.Name)
            and target.id == owner.name
            and self._names.scope_of[target].find(target.id) is owner.scope
            for target in statement.targets
        )

    def _is_asked(self, owner: _Owner) -> bool:
        return any(
            use in self._reach.nodes and not self._is_change(use) for use in self._uses(owner)
        )

    def _is_change(self, use: ast.expr) -> bool:
        """Tell whether something is changed by a use of it, and not looked at."""
        if not isinstance(getattr(use, "ctx", None), ast.Load):
            return True
        above = self._names.parent_of[use]
        if isinstance(above, ast.Subscript) and above.value is use:
            return not isinstance(above.ctx, ast.Load)
        call = self._names.parent_of.get(above)
        return (
            isinstance(above, ast.Attribute)
            and above.attr in _CHANGING
            and isinstance(call, ast.Call)
            and isinstance(self._names.parent_of[call], ast.Expr)
        )

    def _can_follow(self, use: ast.expr) -> bool:
        """Tell whether a use may come after the search; one further up does only in a loop."""
        call, names = self._search.call, self._names
        if names.scope_of[use] is not names.scope_of[call]:
            return True
        if (use.lineno, use.col_offset) > (call.lineno, call.col_offset):
            return True
        around = {above for above in names.enclosing(call) if isinstance(above, LOOPS)}
        return any(above in around for above in names.enclosing(use))


def _stem(expr: ast.expr, *, is_whole: bool) -> ast.expr:
    """Return the variable at the beginning of an expression, or the attribute right after it."""
    while isinstance(expr, ast.Attribute | ast.Subscript):
        inner = expr.value
        if isinstance(expr, ast.Attribute) and isinstance(inner, ast.Name) and not is_whole:
            return expr
        expr = inner
    return expr
