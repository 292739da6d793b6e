"""Which variables, attributes and expressions hold the Trials of a program's searches."""

from __future__ import annotations

import ast
from collections.abc import Sequence

from hyperbridge.migrate.carriers import Carriers
from hyperbridge.migrate.early_stops import ONLY_TRIALS, trials_of_stop, unseen_trials
from hyperbridge.migrate.origins import origins
from hyperbridge.migrate.program import Program, Slot
from hyperbridge.migrate.reading import Search, is_trials_call

_PICKLES = ("pickle", "joblib", "cloudpickle", "dill")
_LOADS = tuple(f"{home}.{name}" for home in _PICKLES for name in ("load", "loads"))
_SAVES = tuple(f"{home}.{name}" for home in _PICKLES for name in ("dump", "dumps"))


class TrialsPlaces:
    """The places and expressions of a program that hold the Trials of some of its searches.

    Args:
        program: The program.
        searches: The searches.

    Attributes:
        slots: The variables and attributes.
        may: What may have one of them in it.
    """

    def __init__(self, program: Program, searches: Sequence[Search]) -> None:
        self._program = program
        self._given: dict[ast.expr, bool] = {}
        self.slots: set[Slot] = set()
        self._find(searches)

    def gives(self, expr: ast.expr) -> bool:
        """Tell whether an expression gives a Trials."""
        if isinstance(expr, ast.Name | ast.Attribute):
            return self._program.slot(expr) in self.slots
        if expr not in self._given:
            self._given[expr] = self._gives(expr, ())
        return self._given[expr]

    def _find(self, searches: Sequence[Search]) -> None:
        program, found = self._program, self.slots
        for search in searches:
            trials = search.arguments.get("trials")
            if trials is not None:
                found |= origins(program, trials).slots
            if search.stop_when is not None:
                found |= trials_of_stop(program, search.stop_when)
        found |= unseen_trials(program)
        self.may = Carriers(program, self._may_give, known=found)
        flowing = {s: flows for s, flows in program.flows.items() if s in self.may.found}
        changed = True
        while changed:
            changed = False
            for slot, flows in flowing.items():
                if slot not in found and any(
                    self._gives(flow.expr, flow.path)
                    or (not flow.path and self._is_saved(flow.expr, slot))
                    for flow in flows
                ):
                    found.add(slot)
                    changed = True

    def _may_give(self, node: ast.AST) -> bool:
        is_load = isinstance(node, ast.Call) and self._program.dotted(node.func) in _LOADS
        return is_load or is_trials_call(self._program, node)

    def _gives(self, expr: ast.expr, path: tuple[object, ...]) -> bool:
        program = self._program
        if not path and is_trials_call(program, expr):
            return True
        if not path and isinstance(expr, ast.Name | ast.Attribute):
            return program.slot(expr) in self.slots
        if path or isinstance(expr, ast.Call | ast.Subscript | ast.IfExp | ast.BoolOp):
            made = origins(program, expr, path)
            return any(is_trials_call(program, e) for e in made.exprs) or bool(
                made.slots & self.slots
            )
        return False

    def _is_saved(self, expr: ast.expr, slot: Slot) -> bool:
        """Tell whether a variable is read from a file as a Trials that the program has saved."""
        program = self._program
        if not isinstance(expr, ast.Call) or program.dotted(expr.func) not in _LOADS:
            return False
        looks = (program.parent_of.get(use) for use in program.uses.get(slot, ()))
        if not any(isinstance(look, ast.Attribute) and look.attr in ONLY_TRIALS for look in looks):
            return False
        return any(
            program.dotted(call.func) in _SAVES
            and bool(call.args)
            and program.slot(call.args[0]) in self.slots
            for module in program.modules
            for call in module.of_kind(ast.Call)
        )
