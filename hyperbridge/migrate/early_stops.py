"""Which functions get a Trials that no call in the program hands them.

Source: hyperopt.fmin, ``early_stop_fn``; hyperopt.base.Trials.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from hyperbridge.migrate.nodes import FUNCTIONS, Function, walk
from hyperbridge.migrate.origins import origins
from hyperbridge.migrate.program import Program, Slot

_TRIALS = ("Trials", "SparkTrials")
ONLY_TRIALS = ("losses", "best_trial", "argmin", "idxs_vals", "tids", "miscs", "statuses")
"""Attributes by which a value whose origin is not seen is known as a Trials."""
_LIKELY = ("trials", "results", "vals", "idxs")


def trials_of_stop(program: Program, stop: ast.expr) -> set[Slot]:
    """Return the parameters that get the Trials when an ``early_stop_fn`` is called."""
    found: set[Slot] = set()
    for function, given in _called(program, stop):
        names = program.parameters(function)
        names = names[given + program.is_method(function) :]
        scope = program.scope_of.get(function.args)
        rest = [] if function.args.vararg is None else [function.args.vararg.arg]
        if scope is not None and (names or rest):
            found.add(Slot((names or rest)[0], scope))
    return found


def _called(program: Program, stop: ast.expr) -> Iterator[tuple[Function, int]]:
    """Yield each function that may be meant, with how many arguments it has already."""
    made = origins(program, stop)
    for expr in made.exprs | {stop}:
        is_partial = isinstance(expr, ast.Call) and bool(expr.args)
        if is_partial and program.dotted(expr.func) == "functools.partial":  # type: ignore[attr-defined]  # a Call
            for function, given in _called(program, expr.args[0]):  # type: ignore[attr-defined]
                yield function, given + len(expr.args) - 1  # type: ignore[attr-defined]
        elif not isinstance(expr, ast.Call) or program.classes(expr.func):
            for function in program.function(expr):
                yield function, 0
    for slot in made.slots:
        if slot.scope is None:
            for function in program.methods.get(slot.name, ()):
                yield function, 0
            continue
        for binding in slot.scope.bindings.get(slot.name, ()):
            if isinstance(binding.node, ast.FunctionDef):
                yield binding.node, 0


def unseen_trials(program: Program) -> set[Slot]:
    """Return the parameters that hold a Trials though nothing in the program gives them one.

    An annotation says so; or, where no call is seen, the name and what is asked of it.
    """
    found: set[Slot] = set()
    for module in program.modules:
        for node in module.of_kind(ast.arg):
            arguments = program.parent_of.get(node)
            function = None if arguments is None else program.parent_of.get(arguments)
            if not isinstance(function, FUNCTIONS):
                continue
            slot = Slot(node.arg, program.scope_of[function.args])
            if _is_annotated(program, node) or (
                slot not in program.flows and _is_asked(program, slot)
            ):
                found.add(slot)
    return found


def _is_annotated(program: Program, argument: ast.arg) -> bool:
    parts = [] if argument.annotation is None else list(walk(argument.annotation))
    for part in parts:
        if isinstance(part, ast.Name | ast.Attribute) and program.hyperopt(part) in _TRIALS:
            return True
        if isinstance(part, ast.Constant) and str(part.value).rpartition(".")[2] in _TRIALS:
            return True
    return False


def _is_asked(program: Program, slot: Slot) -> bool:
    """Tell whether all that a function asks of a parameter is what Trials have."""
    looks = [program.parent_of.get(use) for use in program.uses.get(slot, ())]
    asked = [look.attr for look in looks if isinstance(look, ast.Attribute)]
    if not asked or any(name in program.methods for name in asked):
        return False
    if any(name in ONLY_TRIALS for name in asked):
        return True
    return slot.name.endswith("trials") and any(name in _LIKELY for name in asked)
