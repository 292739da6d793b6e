"""The Optuna target: a search becomes a study. Source: Optuna reference, ``Study``."""

from __future__ import annotations

import ast
from collections.abc import Iterable

from hyperbridge.migrate.helpers import STUDY
from hyperbridge.migrate.notes import Note
from hyperbridge.migrate.program import Program
from hyperbridge.migrate.reading import TRIALS, Search, is_trials_call
from hyperbridge.migrate.rewriting import Draft, Rewriting
from hyperbridge.migrate.search_writer import fresh_slots, name_of
from hyperbridge.migrate.study_writer import StudyWriter
from hyperbridge.migrate.words import StudyWords

_PLOTS = {
    "main_plot_history": "plot_optimization_history",
    "main_plot_vars": "plot_slice",
    "main_plot_histogram": "plot_edf",
}


class OptunaTarget:
    """Writes native Optuna code."""

    imports: tuple[str, ...] = ("import optuna",)
    library = STUDY

    def read(self, program: Program, search: Search) -> list[Note]:  # noqa: ARG002 - a Target's
        """Return what a person must know before anything is written: nothing of Optuna's."""
        return []

    def words(self, rewriting: Rewriting) -> StudyWords:
        """Return what rewrites looks at Trials."""
        return StudyWords(rewriting)

    def values(self, rewriting: Rewriting) -> list[Draft]:  # noqa: ARG002 - a Target's
        """Return the searches whose spaces stay values: none."""
        return []

    def rule(self, rewriting: Rewriting, node: ast.AST) -> str | None:
        """Return the text for what Optuna has a word of its own for."""
        program = rewriting.program
        text = None
        name = program.hyperopt(node.func) if isinstance(node, ast.Call) else None
        if isinstance(node, ast.Call) and name in _PLOTS:
            return self._plot(rewriting, node, name)
        if is_trials_call(program, node):
            text = "optuna.create_study()"
        elif isinstance(node, ast.expr) and self._is_type(rewriting, node):
            text = "optuna.Study"
        elif isinstance(node, ast.Attribute) and program.hyperopt(node) in (
            "__version__",
            "__name__",
        ):
            text = f"optuna.{node.attr}"
        elif rewriting.is_guarded(node):
            text = "optuna"
        if text is not None:
            rewriting.needs[program.home[node]].imports.add("import optuna")
        return text

    def rewritten(self) -> Iterable[ast.AST]:
        """Return the nodes that `rule` has a text for beside hyperopt's: none."""
        return ()

    @staticmethod
    def _is_type(rewriting: Rewriting, node: ast.expr) -> bool:
        return rewriting.program.hyperopt(node) in TRIALS and rewriting.is_type(node)

    def remark(self, code: str, text: str) -> str:  # noqa: ARG002 - a Target's
        """Return what to tell of a parameter."""
        return text

    def _plot(self, rewriting: Rewriting, call: ast.Call, name: str) -> str | None:
        if not call.args or not rewriting.is_trials(call.args[0]):
            return None
        module = rewriting.program.home[call]
        rewriting.needs[module].imports.add("import optuna")
        rewriting.note(call, "HB231", f"{name} becomes a plot of Optuna's, which looks otherwise")
        study = rewriting.plain(call.args[0])
        return f"optuna.visualization.matplotlib.{_PLOTS[name]}({study})"

    def prepare(self, rewriting: Rewriting) -> None:
        """Find the Trials that are made for one search each."""
        self._fresh: dict[Search, ast.stmt] = {}
        for slot, found in fresh_slots(rewriting):
            needs = rewriting.needs[next(iter(found)).module]
            free = slot.name != "study" and "study" in needs.taken and slot.name != "trials"
            rewriting.spaces.names[slot] = slot.name if free else name_of(rewriting, slot, needs)
            self._fresh |= found
            rewriting.removed |= {*found.values()}

    def write(self, rewriting: Rewriting, draft: Draft) -> None:
        """Add all edits of a search."""
        StudyWriter(self, rewriting, draft, self._fresh.get(draft.search)).write()
