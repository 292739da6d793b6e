"""What a program does with fmin's result: whether options may stand for their indices."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from hyperbridge.migrate.demand import options_of
from hyperbridge.migrate.program import Program

if TYPE_CHECKING:
    from hyperbridge.migrate.rewriting import Draft, Rewriting

_DISPLAYS = ("print", "pprint", "display", "repr", "str", "format", "sorted", "len")
_LOGGING = ("debug", "info", "warning", "error", "critical", "log", "exception", "write")
_OF_VALUES = ("vals", "idxs", "miscs", "idxs_vals", "argmin")
_WORDS = ("misc", "vals")


def needs_indices(rewriting: Rewriting, draft: Draft) -> bool:
    """Tell whether a program looks at the index of an option, and not just at a result as such."""
    program, search = rewriting.program, draft.search
    if search.arguments.get("points_to_evaluate") is not None:
        return True
    if rewriting.looks_at_documents:
        return True
    choices = {
        c for c in draft.roles.parameters if (program.hyperopt(c.func) or "").endswith("choice")
    }
    parent = program.parent_of[search.call]
    shown: list[ast.expr] = []
    if isinstance(parent, ast.Expr) or search.returns_point:
        return False
    if not (isinstance(parent, ast.Assign | ast.AnnAssign) and parent.value is search.call):
        if not _is_harmless(rewriting, search.call, choices, shown):
            return True
        _remark(rewriting, shown, choices)
        return False
    targets = parent.targets if isinstance(parent, ast.Assign) else [parent.target]
    slot = program.slot(targets[0])
    if len(targets) > 1 or slot is None or slot.scope is None or program.is_imported(slot):
        return True
    replaced: list[ast.expr] = []
    for use in program.uses.get(slot, ()):
        if not isinstance(getattr(use, "ctx", None), ast.Load):
            continue
        if not _is_harmless(rewriting, use, choices, shown, replaced):
            return True
    for node in replaced:
        _decode(rewriting, node)
    _remark(rewriting, shown, choices)
    return False


def _remark(rewriting: Rewriting, shown: list[ast.expr], choices: set[ast.Call]) -> None:
    choices = choices - rewriting.spaces.by_index
    labels = sorted(
        repr(c.args[0].value) for c in choices if c.args and isinstance(c.args[0], ast.Constant)
    )
    if shown and choices:
        rewriting.note(
            shown[0],
            "HB226",
            f"in fmin's result the options of {', '.join(labels) or 'choices'} stand for"
            " themselves, not their index",
        )


def looks_at_documents(rewriting: Rewriting) -> bool:
    """Tell whether a program asks its Trials for values by label, indices of options included."""
    for module in rewriting.program.modules:
        if any(node.value in _WORDS for node in module.of_kind(ast.Constant)):
            return True
        for node in module.of_kind(ast.Attribute):
            is_look = node.attr in _OF_VALUES and not _is_evaluated(rewriting.program, node)
            if is_look and rewriting.is_trials(node.value):
                return True
    return False


def _is_evaluated(program: Program, node: ast.expr) -> bool:
    parent = program.parent_of.get(node)
    return isinstance(parent, ast.Call) and program.hyperopt(parent.func) == "space_eval"


def _is_harmless(
    rewriting: Rewriting,
    use: ast.expr,
    choices: set[ast.Call],
    shown: list[ast.expr],
    replaced: list[ast.expr] | None = None,
) -> bool:
    program = rewriting.program
    parent = program.parent_of.get(use)
    if isinstance(parent, ast.Expr):
        shown.append(use)
        return True
    if isinstance(parent, ast.FormattedValue):
        shown.append(use)
        return True
    if isinstance(parent, ast.BinOp) and isinstance(parent.op, ast.Mod) and parent.right is use:
        shown.append(use)
        return True
    if isinstance(parent, ast.Call) and use in parent.args:
        if program.hyperopt(parent.func) == "space_eval":
            return True
        name = getattr(parent.func, "id", "") or getattr(parent.func, "attr", "")
        if name in (*_DISPLAYS, *_LOGGING) and program.slot(parent.func) is None:
            shown.append(use)
            return True
        return False
    if isinstance(parent, ast.Subscript) and parent.value is use:
        if not isinstance(parent.slice, ast.Constant):
            return not choices
        mine = [c for c in choices if _label(c) in (None, parent.slice.value)]
        if not mine:
            return True
        return replaced is not None and _is_look_up(program, parent, mine, replaced)
    return False


def _label(call: ast.Call) -> object:
    label = call.args[0] if call.args else None
    return label.value if isinstance(label, ast.Constant) else None


def _is_look_up(
    program: Program, entry: ast.Subscript, choices: list[ast.Call], replaced: list[ast.expr]
) -> bool:
    """Tell whether an entry is an index into the very options, as in ``KERNELS[best["k"]]``."""
    index: ast.expr = entry
    parent = program.parent_of.get(entry)
    if isinstance(parent, ast.Call) and getattr(parent.func, "id", "") == "int":
        index, parent = parent, program.parent_of.get(parent)
    if not isinstance(parent, ast.Subscript) or parent.slice is not index:
        return False
    for choice in choices:
        options = options_of(choice)
        if options is None or _label(choice) is None:
            return False
        if isinstance(options, ast.Name) and isinstance(parent.value, ast.Name):
            slot = program.slot(options)
            same = slot == program.slot(parent.value) and len(program.flows.get(slot, ())) == 1  # type: ignore[arg-type]
        else:
            same = isinstance(options, ast.List) and ast.dump(options) == ast.dump(parent.value)
        if not same:
            return False
    replaced.append(parent)
    return True


def _decode(rewriting: Rewriting, outer: ast.expr) -> None:
    assert isinstance(outer, ast.Subscript)
    index = outer.slice
    if isinstance(index, ast.Call):
        index = index.args[0]
    rewriting.decoded[outer] = index
