"""Which name means what in a piece of Python source.

Source: Python reference, "Naming and binding".
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal

from hyperbridge.migrate.nodes import COMPREHENSIONS, FUNCTIONS, LEAVES, PLACES, children, walk

Kind = Literal["import", "star", "assign", "def", "class", "argument", "other"]

_OF_HYPEROPT = (
    *("fmin", "hp", "tpe", "rand", "anneal", "mix", "atpe", "Trials", "SparkTrials", "space_eval"),
    *(
        "STATUS_NEW",
        "STATUS_RUNNING",
        "STATUS_SUSPENDED",
        "STATUS_OK",
        "STATUS_FAIL",
        "STATUS_STRINGS",
    ),
    *("JOB_STATE_NEW", "JOB_STATE_RUNNING", "JOB_STATE_DONE", "JOB_STATE_ERROR", "JOB_STATES"),
    *("trials_from_docs", "fmin_pass_expr_memo_ctrl", "FMinIter", "partial", "pyll", "early_stop"),
    *("generate_trials_to_calculate", "exceptions", "plotting", "base"),
)
_OF_PLOTTING = (
    *("main_plot_history", "main_plot_histogram", "main_plot_vars", "main_plot_1D_attachment"),
    "main_show",
)
_OF_PYLL = ("scope", "as_apply", "Apply", "Literal", "dfs", "toposort", "rec_eval")
STAR_NAMES = {
    "hyperopt": _OF_HYPEROPT,
    "hyperbridge": _OF_HYPEROPT,
    "hyperopt.plotting": _OF_PLOTTING,
    "hyperopt.pyll": _OF_PYLL,
    "hyperopt.pyll.base": _OF_PYLL,
    "hyperopt.pyll.stochastic": ("sample",),
    "hyperopt.fmin": ("fmin", "space_eval", "generate_trials_to_calculate", "FMinIter", "tpe"),
    "hyperopt.spark": ("fmin", "Trials", "SparkTrials", "STATUS_OK"),
    "hyperopt.mongoexp": ("MongoTrials", "Trials"),
    "hyperopt.base": ("Trials", "Domain", "Ctrl", *_OF_HYPEROPT[10:21]),
    "hyperopt.early_stop": ("no_progress_loss",),
    "hyperopt.hp": (
        *("uniform", "loguniform", "quniform", "qloguniform", "normal", "lognormal", "qnormal"),
        *("qlognormal", "randint", "uniformint", "choice", "pchoice"),
    ),
}
"""What a star import of each of hyperopt's modules brings."""

_SCOPES = {*FUNCTIONS, *COMPREHENSIONS, ast.ClassDef}
_BINDERS = {
    *(ast.Import, ast.ImportFrom, ast.Global, ast.Nonlocal, ast.ExceptHandler),
    *(ast.MatchAs, ast.MatchStar, ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef),
}


@dataclass(frozen=True, slots=True, eq=False)
class Binding:
    """One place where a name gets a value.

    Attributes:
        name: The name.
        kind: How it gets it; ``assign`` only for a plain ``name = value``.
        node: The statement or argument.
        value: The value of an assignment; None for the other kinds.
        dotted: What an import brings, for example ``hyperopt.hp``.
        scope: Where the name lives.
    """

    name: str
    kind: Kind
    node: ast.AST
    scope: Scope
    value: ast.expr | None = None
    dotted: str | None = None


@dataclass(slots=True, eq=False)
class Scope:
    """A module, class, function or comprehension.

    Attributes:
        node: The syntax node.
        parent: The scope around it; None for the module.
        bindings: By name, in the order of the source.
        uses: Every read or change of a name that belongs to this scope.
        outer: Names declared ``global`` or ``nonlocal``.
        enclosed: Those of them that are ``nonlocal``.
    """

    node: ast.AST
    parent: Scope | None
    bindings: dict[str, list[Binding]] = field(default_factory=dict)
    uses: dict[str, list[ast.Name]] = field(default_factory=dict)
    outer: set[str] = field(default_factory=set)
    enclosed: set[str] = field(default_factory=set)

    def find(self, name: str) -> Scope | None:
        """Return the scope to which a name used here belongs."""
        scope: Scope | None = self
        while scope is not None:
            is_elsewhere = name in scope.outer and scope.parent is not None
            if name in scope.bindings and not is_elsewhere:
                hidden = isinstance(scope.node, ast.ClassDef) and scope is not self
                if not hidden:
                    return scope
            scope = scope.parent
        return None

    def path(self) -> Iterator[Scope]:
        """Yield this scope and those around it."""
        scope: Scope | None = self
        while scope is not None:
            yield scope
            scope = scope.parent


class Names:
    """The scopes of a module, and what each name in it refers to.

    Attributes:
        module: The outermost scope.
        scope_of: The scope in which each name and statement stands.
        parent_of: The syntax node above each one.
        aliases: What hyperopt calls the names that other files hand on from it.
    """

    def __init__(self, tree: ast.Module) -> None:
        self.module = Scope(tree, None)
        self.scope_of: dict[ast.AST, Scope] = {}
        self.parent_of: dict[ast.AST, ast.AST] = {}
        self.stars: list[ast.ImportFrom] = []
        self.aliases: dict[str | None, str] = {}
        self._names: list[ast.Name] = []
        self._meant: dict[ast.expr, str | None] = {}
        self._collect(tree, self.module)
        for name in self._names:
            scope = self.scope_of[name].find(name.id)
            if scope is not None:
                scope.uses.setdefault(name.id, []).append(name)

    def bindings(self, name: ast.Name) -> list[Binding]:
        """Return where the name gets its value; empty for a builtin or an unknown one."""
        scope = self.scope_of[name].find(name.id)
        return [] if scope is None else scope.bindings[name.id]

    def uses(self, binding: Binding) -> list[ast.Name]:
        """Return every use of the name that a binding is for, its own target included."""
        return binding.scope.uses.get(binding.name, [])

    def only_binding(self, name: ast.expr) -> Binding | None:
        """Return the single place where a name gets its value, or None."""
        if not isinstance(name, ast.Name):
            return None
        found = self.bindings(name)
        return found[0] if len(found) == 1 else None

    def dotted(self, expr: ast.expr) -> str | None:
        """Return what an expression refers to through imports, such as ``hyperopt.hp.choice``."""
        if not isinstance(expr, PLACES):
            return None
        if expr not in self._meant:
            if isinstance(expr, ast.Attribute):
                base = self.dotted(expr.value)
                whole = None if base is None else f"{base}.{expr.attr}"
                self._meant[expr] = self.aliases.get(whole, whole)
            else:
                self._meant[expr] = self._meaning(expr)
        return self._meant[expr]

    def _meaning(self, expr: ast.Name) -> str | None:
        bindings = self.bindings(expr)
        if not bindings:
            star = self.star_of(expr)
            return None if star is None else f"{star.module}.{expr.id}"
        bindings = [b for b in bindings if not self.is_missing(b)]
        if len({b.dotted for b in bindings}) > 1:
            bindings = self._last_imports(bindings, expr)
        found = {self.aliases.get(b.dotted, b.dotted) for b in bindings}
        return found.pop() if len(found) == 1 else None

    def _last_imports(self, bindings: list[Binding], name: ast.Name) -> list[Binding]:
        """Return which of several imports at the top of a file gives a name its meaning."""
        is_plain = all(
            isinstance(b.node, ast.Import | ast.ImportFrom)
            and isinstance(self.parent_of.get(b.node), ast.Module)
            for b in bindings
        )
        if not is_plain:
            return bindings
        is_inside = self.scope_of[name] is not self.module  # it runs when all are imported
        earlier = [b for b in bindings if is_inside or b.node.lineno < name.lineno]  # type: ignore[attr-defined]  # a statement
        return earlier[-1:] or bindings

    def star_of(self, name: ast.Name) -> ast.ImportFrom | None:
        """Return the star import of hyperopt's from which an unbound name comes."""
        for star in reversed(self.stars):
            if name.id in STAR_NAMES.get(star.module or "", ()) and not star.level:
                return star
        return None

    def bind_star(self, star: ast.ImportFrom, other: Names) -> None:
        """Bind the names that a star import brings from another file of the program."""
        self._meant.clear()
        listed = other.listed()
        for name in self._names:
            if self.scope_of[name].find(name.id) is not None or name.id.startswith("_"):
                continue
            found = other.module.bindings.get(name.id, [])
            behind = other.star_of(name)
            if listed is not None and name.id not in listed:
                continue
            if found:
                imported = {b.dotted for b in found if b.dotted is not None}
                dotted = imported.pop() if len(imported) == 1 else f"{star.module or ''}.{name.id}"
            elif behind is not None:
                dotted = f"{behind.module}.{name.id}"
            else:
                continue
            self._bind(self.module, name.id, "import", star, dotted=dotted)
        bound = {n for n, bs in self.module.bindings.items() if any(b.node is star for b in bs)}
        known = {use for uses in self.module.uses.values() for use in uses}
        for name in self._names:
            is_new = name.id in bound and name not in known
            if is_new and self.scope_of[name].find(name.id) is self.module:
                self.module.uses.setdefault(name.id, []).append(name)

    def listed(self) -> set[str] | None:
        """Return the names in ``__all__``; None where there is none."""
        values = [b.value for b in self.module.bindings.get("__all__", ())]
        if not values:
            return None
        parts = [n for value in values if value is not None for n in walk(value)]
        return {str(n.value) for n in parts if isinstance(n, ast.Constant)}

    def hand_on(self, name: str, dotted: str) -> None:
        """Note what hyperopt calls a name that another file hands on."""
        self.aliases[name] = dotted
        self._meant.clear()

    def imported_names(self) -> Iterator[tuple[str, str]]:
        """Yield the names at the top of the file that imports bring, and what they stand for."""
        for star in self.stars:
            names = STAR_NAMES.get(star.module or "", ())
            yield from ((name, f"{star.module}.{name}") for name in names)
        for name, bindings in self.module.bindings.items():
            found = {
                self.aliases.get(b.dotted, b.dotted) for b in bindings if not self.is_missing(b)
            }
            if len(found) == 1 and (dotted := found.pop()) is not None:
                yield name, dotted

    def is_missing(self, binding: Binding) -> bool:
        """Tell whether a binding stands for a failed import: ``except ImportError: x = None``."""
        above = self.parent_of.get(binding.node)
        if not isinstance(above, ast.ExceptHandler) or binding.kind != "assign":
            return False
        caught = above.type
        parts = caught.elts if isinstance(caught, ast.Tuple) else [caught]
        names = {getattr(part, "id", None) for part in parts}
        return bool(names & {"ImportError", "ModuleNotFoundError", "Exception", None})

    def statement(self, node: ast.AST) -> ast.stmt:
        """Return the innermost statement around a node."""
        while not isinstance(node, ast.stmt):
            node = self.parent_of[node]
        return node

    def enclosing(self, node: ast.AST) -> Iterator[ast.AST]:
        """Yield the nodes around a node, the nearest first."""
        while node in self.parent_of:
            node = self.parent_of[node]
            yield node

    def _collect(self, root: ast.AST, scope: Scope) -> None:
        for child in children(root):
            self.parent_of[child] = root
            self._visit(child, scope)

    def _visit(self, node: ast.AST, scope: Scope) -> None:
        self.scope_of[node] = scope
        kind = node.__class__
        if isinstance(node, ast.Name):
            self._names.append(node)
            if not isinstance(node.ctx, ast.Load):
                self._bind_target(node, scope)
        elif kind in _BINDERS:
            self._bind_names(node, scope)
        if kind in _SCOPES:
            self._enter(node, scope)
        elif kind not in LEAVES:
            self._collect(node, scope)

    def _bind_names(self, node: ast.AST, scope: Scope) -> None:
        if isinstance(node, ast.Import | ast.ImportFrom):
            self._bind_import(node, scope)
        elif isinstance(node, ast.Global | ast.Nonlocal):
            scope.outer.update(node.names)
            if isinstance(node, ast.Nonlocal):
                scope.enclosed.update(node.names)
        elif isinstance(node, ast.ExceptHandler | ast.MatchAs | ast.MatchStar) and node.name:
            self._bind(scope, node.name, "other", node)
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            is_class = isinstance(node, ast.ClassDef)
            self._bind(scope, node.name, "class" if is_class else "def", node)

    def _enter(self, node: ast.AST, scope: Scope) -> None:
        inner = Scope(node, scope)
        outside: list[object] = []
        if not isinstance(node, COMPREHENSIONS):
            outside += [*getattr(node, "decorator_list", ()), *getattr(node, "bases", ())]
            outside.append(getattr(node, "returns", None))
        for child in children(node):
            self.parent_of[child] = node
            if isinstance(child, ast.arguments):
                self._visit_arguments(child, scope, inner)
            else:
                self._visit(child, scope if child in outside else inner)

    def _visit_arguments(self, node: ast.arguments, scope: Scope, inner: Scope) -> None:
        self.scope_of[node] = inner
        for child in children(node):
            self.parent_of[child] = node
            if isinstance(child, ast.arg):
                self._bind(inner, child.arg, "argument", child)
                self.scope_of[child] = inner
                self._collect(child, scope)
            else:
                self._visit(child, scope)  # defaults are evaluated outside

    def _bind(
        self,
        scope: Scope,
        name: str,
        kind: Kind,
        node: ast.AST,
        value: ast.expr | None = None,
        dotted: str | None = None,
    ) -> None:
        if name in scope.enclosed:  # declared nonlocal: it belongs to a function around this one
            around = [s for s in scope.path() if s is not scope and isinstance(s.node, FUNCTIONS)]
            nearest = (around or [self.module])[0]
            scope = next((s for s in around if name in s.bindings), nearest)
        elif name in scope.outer:  # declared global: it belongs to the module
            scope = self.module
        binding = Binding(name, kind, node, scope, value, dotted)
        scope.bindings.setdefault(name, []).append(binding)

    def _bind_target(self, node: ast.Name, scope: Scope) -> None:
        parent = self.parent_of[node]
        is_plain = isinstance(parent, ast.Assign) and node in parent.targets
        if is_plain or (isinstance(parent, ast.AnnAssign) and node is parent.target):
            assert isinstance(parent, ast.Assign | ast.AnnAssign)
            self._bind(scope, node.id, "assign", parent, parent.value)
        else:
            while isinstance(scope.node, COMPREHENSIONS) and isinstance(parent, ast.NamedExpr):
                assert scope.parent is not None
                scope = scope.parent
            self._bind(scope, node.id, "other", parent)

    def _bind_import(self, node: ast.Import | ast.ImportFrom, scope: Scope) -> None:
        for alias in node.names:
            if alias.name == "*" and isinstance(node, ast.ImportFrom):
                self.stars.append(node)
                continue
            if isinstance(node, ast.ImportFrom):
                dotted = f"{'.' * node.level}{node.module or ''}.{alias.name}"
                self._bind(scope, alias.asname or alias.name, "import", node, dotted=dotted)
            elif alias.asname is not None:
                self._bind(scope, alias.asname, "import", node, dotted=alias.name)
            else:
                top = alias.name.partition(".")[0]
                if not any(b.dotted == top for b in scope.bindings.get(top, [])):
                    self._bind(scope, top, "import", node, dotted=top)
