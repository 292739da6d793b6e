"""How Ray Tune's results say what hyperopt's Trials say.

Source: hyperopt.base.Trials; Ray Tune reference, ``ResultGrid.get_best_result``, ``Result``.
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from hyperbridge.migrate.words import LOSSES, NUMBERS, REFUSED, StudyWords

if TYPE_CHECKING:
    from hyperbridge.migrate.program import Slot
    from hyperbridge.migrate.reading import Search
    from hyperbridge.migrate.rewriting import Rewriting

_DUMPS = ("dump", "dumps")
_BY_HAND = "trials are made by hand, which Ray's searcher does alone: leave it out"
_REFUSED = {
    **REFUSED,
    "delete_all": "trials are deleted: make a new list of results",
    **dict.fromkeys(("insert_trial_docs", "insert_trial_doc", "source_trial_docs"), _BY_HAND),
    **dict.fromkeys(("new_trial_ids", "new_trial_docs"), _BY_HAND),
}


class TuneWords(StudyWords):
    """Rewrites looks at Trials; they are a ``ResultGrid``, or a list of results.

    Args:
        rewriting: The rewriting.

    Attributes:
        fresh: The variables that hold the ``ResultGrid`` of one search.
    """

    refused = _REFUSED
    others = "results of Ray Tune have other attributes than Trials"
    nothing = "results of Ray Tune have no such attribute"

    def __init__(self, rewriting: Rewriting) -> None:
        super().__init__(rewriting)
        self.fresh: dict[Slot, Search] = {}
        self.best_names: dict[Slot, str] = {}
        self.constants: dict[Slot, str] = {}

    def rule(self, node: ast.AST) -> str | None:
        """Return the text for a look at Trials; None for anything else."""
        if isinstance(node, ast.Name | ast.Attribute) and isinstance(node.ctx, ast.Load):
            saved = self._saved(node)
            if saved is not None:
                return saved
        return super().rule(node)

    def _saved(self, node: ast.Name | ast.Attribute) -> str | None:
        """``pickle.dump(trials, file)``: what raised cannot be pickled."""
        parent = self._program.parent_of.get(node)
        if not isinstance(parent, ast.Call) or node not in parent.args or not self._is_trials(node):
            return None
        name = getattr(parent.func, "attr", getattr(parent.func, "id", ""))
        if name not in _DUMPS or self._program.slot(node) not in self.fresh:
            return None
        return f'[r for r in {self._study_of_name(node)} if "loss" in r.metrics]'

    def may_differ(self) -> bool:
        """Tell whether there may be others: a rule stops trials before they report."""
        return super().may_differ() or self._rewriting.stops()

    def all_of(self, study: str) -> str:
        """Return the trials, with those that raised."""
        return study

    def ended(self, study: str) -> str:
        """Return how many trials are over."""
        return f"len({study})"

    def best(self, trials: ast.expr) -> str:
        """Return the best result."""
        slot = self._program.slot(trials)
        if slot not in self.fresh:
            return f"{self._helper(trials, 'best_of')}({self._study(trials)})"
        if self.sees_best(trials, slot):
            return self.best_names[slot]
        return f"{self._study(trials)}.get_best_result()"

    def sees_best(self, look: ast.expr, slot: Slot | None) -> bool:
        """Tell whether a variable holds the best result where something looks at the Trials."""
        if slot is None or slot not in self.best_names:
            return False
        call = self.fresh[slot].call
        program = self._program
        if program.scope_of[look] is not program.scope_of[call]:
            return False
        return (look.lineno, look.col_offset) > (call.end_lineno or 0, call.end_col_offset or 0)

    def wants_best(self, slot: Slot, search: Search) -> bool:
        """Tell whether something asks for the best result after a search, where it is made."""
        self.fresh[slot], self.best_names[slot] = search, "?"
        found = False
        for use in self._program.uses.get(slot, ()):
            if self.sees_best(use, slot):
                found = found or self._is_best_look(use)
        del self.best_names[slot]
        return found

    def _is_best_look(self, use: ast.expr) -> bool:
        look = self._program.parent_of.get(use)
        if not isinstance(look, ast.Attribute):
            return False
        above = self._program.parent_of.get(look)
        outer = self._program.parent_of.get(above) if above is not None else None
        if look.attr in ("argmin", "average_best_error"):
            return True
        if look.attr == "best_trial":
            entry = outer if isinstance(outer, ast.Subscript) else None
            if isinstance(above, ast.Subscript) and isinstance(outer, ast.Attribute):
                call = self._program.parent_of[outer]
                return isinstance(call, ast.Call) and self._call(call) is not None
            return entry is not None and self._result_entry(entry) is not None
        is_minimum = isinstance(outer, ast.Call) and getattr(outer.func, "id", "") == "min"
        return look.attr == "losses" and is_minimum

    def best_loss(self, trials: ast.expr) -> str:
        """Return the loss of the best trial."""
        return f'{self.best(trials)}.metrics["loss"]'

    def best_entries(self, trials: ast.expr) -> str:
        """Return what the best trial's objective returned."""
        return f"{self.best(trials)}.metrics"

    def best_number(self, trials: ast.expr) -> str | None:
        """Return the number of the best trial, which only its document has."""
        return self._said('{best_document}["tid"]', trials, self._study(trials))

    def best_values(self, look: ast.Attribute) -> str:
        """Return what fmin returned."""
        slot = self._program.slot(look.value)
        config = f"{self.best(look.value)}.config"
        pattern = self.constants.get(slot) if slot is not None else None
        return config if pattern is None else pattern.replace("CONFIG", config)

    def losses(self, node: ast.AST, study: str) -> str:
        """Return the losses of all trials."""
        if self.may_differ() or self._rewriting.may_fail():  # whose loss is NaN there
            return self._said(LOSSES, node, study)
        return f'[r.metrics["loss"] for r in {study} if "loss" in r.metrics]'

    def numbers(self, node: ast.AST, study: str) -> str:
        """Return the numbers of all trials."""
        return self._said(NUMBERS, node, study)
