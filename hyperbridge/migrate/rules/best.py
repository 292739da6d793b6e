"""fmin's result, ``space_eval`` and ``sample``. Source: hyperopt.fmin, hyperopt.pyll.stochastic."""

from __future__ import annotations

import ast
from dataclasses import dataclass

from hyperbridge.migrate.search import Search


@dataclass(frozen=True, slots=True, eq=False)
class Uses:
    """What a program does with fmin's result and its space.

    Attributes:
        evaluations: Calls of ``space_eval`` with the result of this search.
        samples: Calls of ``sample`` with its space.
        decodings: Subscripts such as ``KERNELS[best["kernel"]]``, with the inner part, which
            now holds the option itself.
    """

    evaluations: tuple[ast.Call, ...]
    samples: tuple[ast.Call, ...]
    decodings: tuple[tuple[ast.Subscript, ast.Subscript], ...]


def read(search: Search) -> Uses:
    """Read the uses, claim the names in them, and note what is left to a person."""
    module = search.module
    parent = module.names.parent_of[search.call]
    if isinstance(parent, ast.Assign | ast.AnnAssign) and search.call is parent.value:
        target = parent.targets[0] if isinstance(parent, ast.Assign) else parent.target
        if isinstance(target, ast.Name):
            search.best = module.names.only_binding(target)
    evaluations: list[ast.Call] = []
    samples: list[ast.Call] = []
    for node in module.walk():
        if not isinstance(node, ast.Call):
            continue
        name = module.hyperopt(node.func)
        if name == "space_eval" and _is_of(search, node):
            evaluations.append(node)
            search.claimed.update(n for n in ast.walk(node) if isinstance(n, ast.Name))
        elif name == "sample" and len(node.args) == 1 and _is_space(search, node.args[0]):
            samples.append(node)
            search.claimed.update(n for n in ast.walk(node) if isinstance(n, ast.Name))
    uses = Uses(tuple(evaluations), tuple(samples), tuple(_decodings(search)))
    _remark_options(search, uses)
    return uses


def _remark_options(search: Search, uses: Uses) -> None:
    """Say that options stand for their indices where a program takes fmin's result as a whole."""
    labels = [] if search.code is None else sorted(search.code.categories)
    names = search.module.names
    decoded = {part for call in uses.evaluations for part in ast.walk(call)}
    taken: list[ast.expr] = []
    if search.best is not None:
        taken = [n for n in names.uses(search.best) if isinstance(n.ctx, ast.Load)]
    elif not isinstance(names.parent_of[search.call], ast.Expr):
        taken = [search.call]
    for use in taken:
        above = names.parent_of[use]
        is_entry = isinstance(above, ast.Subscript) and isinstance(above.slice, ast.Constant)
        if labels and use not in decoded and not is_entry:
            listed = ", ".join(repr(label) for label in labels)
            search.remark(
                use,
                f"in fmin's result the options of {listed} stand for themselves, not their index",
            )
            return


def _is_space(search: Search, expr: ast.expr) -> bool:
    given = search.arguments.get("space")
    if isinstance(expr, ast.Name) and isinstance(given, ast.Name):
        return search.module.names.bindings(expr) == search.module.names.bindings(given)
    return isinstance(given, ast.expr) and ast.dump(expr) == ast.dump(given)


def _is_of(search: Search, call: ast.Call) -> bool:
    """Tell whether a call of space_eval decodes this search's result."""
    given = [*call.args, *(k.value for k in call.keywords)]
    if len(given) != 2 or not _is_space(search, given[0]):
        return False
    if given[1] is search.call or is_best(search, given[1]):
        return True
    return _is_argmin(search, given[1])


def is_best(search: Search, expr: ast.expr) -> bool:
    """Tell whether an expression is the variable that holds fmin's result."""
    if not isinstance(expr, ast.Name) or search.best is None:
        return False
    return search.module.names.bindings(expr) == [search.best]


def _is_argmin(search: Search, expr: ast.expr) -> bool:
    return (
        isinstance(expr, ast.Attribute)
        and expr.attr == "argmin"
        and isinstance(expr.value, ast.Name)
        and search.trials is not None
        and search.module.names.bindings(expr.value) == [search.trials]
    )


def _decodings(search: Search) -> list[tuple[ast.Subscript, ast.Subscript]]:
    found: list[tuple[ast.Subscript, ast.Subscript]] = []
    if search.best is None or search.code is None:
        return found
    module = search.module
    for use in module.names.uses(search.best):
        inner = module.names.parent_of[use]
        if not isinstance(inner, ast.Subscript) or inner.value is not use:
            continue
        label = inner.slice.value if isinstance(inner.slice, ast.Constant) else None
        categories = search.code.categories.get(str(label))
        if categories is None:
            continue
        outer = module.names.parent_of[inner]
        if isinstance(outer, ast.Subscript) and outer.slice is inner and categories.are_values:
            found.append((outer, inner))
            search.claimed.update(n for n in ast.walk(outer.value) if isinstance(n, ast.Name))
        else:
            search.block(
                inner,
                f"best[{label!r}] is an index here; after the rewriting it would be the option"
                " itself. Use space_eval(space, best) instead, then migrate again",
            )
    return found
