"""Rewrite a search as a Ray Tune experiment with Optuna's samplers.

A flat space becomes a ``param_space``. Another becomes a function of an Optuna trial: Ray's
searcher calls it to choose the parameters, and the objective calls it again with the chosen ones
to get its point.
Source: Ray Tune reference, ``tune.Tuner``, ``tune.TuneConfig``, ``OptunaSearch``.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable

from hyperbridge.migrate import worker_limits
from hyperbridge.migrate.notes import Note
from hyperbridge.migrate.origins import origins
from hyperbridge.migrate.program import Program, Slot
from hyperbridge.migrate.reading import TRIALS, Search, is_trials_call
from hyperbridge.migrate.rewriting import Draft, Rewriting
from hyperbridge.migrate.search_writer import fresh_slots, name_of
from hyperbridge.migrate.syntax import operand
from hyperbridge.migrate.tune_helpers import TUNE_HELPERS
from hyperbridge.migrate.tune_spaces import FlatSpace, domain, flat_space
from hyperbridge.migrate.tune_words import TuneWords
from hyperbridge.migrate.tune_writer import TuneWriter, tune_name

_PLOTS = {
    "main_plot_history": "plot_history",
    "main_plot_histogram": "plot_histogram",
    "main_plot_vars": "plot_variables",
}
_OF_MODULES = ("__version__", "__name__")
_REMARKS = {
    "HB205": "trials_save_file: Ray keeps each experiment in a folder, where Tuner.restore goes on",
    "HB228": "rounded steps on a logarithmic scale: the searcher holds the number before"
    " rounding, the config the rounded one",
    "HB223": "the searcher's parameters are bounded: it holds a quantile, the config the value;"
    " TPE draws it 1.5 times as wide at first",
}


class RayTarget:
    """Writes native Ray Tune code."""

    imports: tuple[str, ...] = ("from ray import tune",)
    library = TUNE_HELPERS

    def read(self, program: Program, search: Search) -> list[Note]:
        """Return what a person must know of a search whose trials run in other processes."""
        return worker_limits.notes(program, search)

    def words(self, rewriting: Rewriting) -> TuneWords:
        """Return what rewrites looks at Trials."""
        self._words = TuneWords(rewriting)
        self.flat: dict[Search, FlatSpace] = {}
        self.fresh: dict[Search, Slot] = {}
        self.best_text: dict[ast.Call, str] = {}
        self._domains: dict[ast.AST, ast.Call] = {}
        self._lists: set[ast.AST] = set()
        return self._words

    def values(self, rewriting: Rewriting) -> list[Draft]:
        """Return the searches whose spaces stay dicts."""
        program = rewriting.program
        is_sampled = any(
            program.hyperopt(node.func) == "sample"
            for module in program.modules
            for node in module.of_kind(ast.Call)
        )
        found = {} if is_sampled else {g: flat_space(rewriting, g) for g in rewriting.drafts}
        looks = rewriting.looks_at_documents
        kept = [g for g, flat in found.items() if flat and not (flat.constants and looks)]
        changed = True
        while changed:
            others = [g for g in rewriting.drafts if g not in kept]
            shared = [
                g
                for g in kept
                if any(
                    g.roles.touches(o.roles) or g.roles.parameters & o.roles.parameters
                    for o in others
                )
            ]
            kept = [g for g in kept if g not in shared]
            changed = bool(shared)
        for draft in kept:
            flat = found[draft]
            assert flat is not None
            self.flat[draft.search] = flat
            for node, call in flat.domains.items():
                self._domains[node] = call
            self._lists |= flat.lists
        return kept

    def rule(self, rewriting: Rewriting, node: ast.AST) -> str | None:
        """Return the text for what Ray Tune has a word of its own for."""
        program = rewriting.program
        if node in self._domains:
            return self._domain(rewriting, node)
        if node in self._lists:
            return rewriting.spaces._tuple(node, "trial")  # type: ignore[arg-type]  # a list
        if isinstance(node, ast.Call):
            name = program.hyperopt(node.func) or ""
            if name == "space_eval":
                return self._space_eval(rewriting, node)
            if name in _PLOTS and node.args and rewriting.is_trials(node.args[0]):
                helper = rewriting.needs[program.home[node]].helper
                return f"{helper(_PLOTS[name])}({rewriting.plain(node.args[0])})"
            if is_trials_call(program, node):
                return "[]"
        if isinstance(node, ast.Name | ast.Attribute):
            if program.hyperopt(node) == "AllTrialsFailed":
                return "RuntimeError"
            if program.hyperopt(node) in TRIALS and rewriting.is_type(node):
                return self._type(rewriting, node)
            if isinstance(node, ast.Attribute) and program.hyperopt(node) in _OF_MODULES:
                rewriting.needs[program.home[node]].imports.add("import ray")
                return f"ray.{node.attr}"
            if rewriting.is_guarded(node):
                return tune_name(rewriting, program.home[node])
        return None

    def rewritten(self) -> Iterable[ast.AST]:
        """Return what becomes a domain, and constant lists of flat spaces."""
        return (*self._domains, *self._lists)

    @staticmethod
    def _type(rewriting: Rewriting, node: ast.AST) -> str:
        """Return the class of what Trials become."""
        program = rewriting.program
        for above in program.enclosing(node):
            if isinstance(above, ast.Call) and getattr(above.func, "id", "") == "isinstance":
                return f"(list, {tune_name(rewriting, program.home[node])}.ResultGrid)"
        return "list"

    def _domain(self, rewriting: Rewriting, node: ast.AST) -> str:
        call = self._domains[node]
        module = rewriting.program.home[call]
        text = domain(rewriting, call, whole=call is not node, needs=rewriting.needs[module])
        assert text is not None
        if (rewriting.program.hyperopt(call.func) or "").endswith("pchoice"):
            text_of = "the options have no probabilities in the new engine"
            rewriting.spaces.remarks[call] = ("HB233", text_of)
        tune = tune_name(rewriting, module)
        return f"{tune}{text.removeprefix('tune')}"

    def _space_eval(self, rewriting: Rewriting, call: ast.Call) -> str | None:
        given = [*call.args, *(k.value for k in call.keywords)]
        if len(given) < 2:
            return None
        space, point = given[0], given[1]
        flat = self._flat_of(rewriting, space)
        if flat is None and not rewriting._is_space(space):
            return None
        best = self._best_of(rewriting, point)
        if flat is not None:
            if best is not None:
                return best
            first = rewriting.plain(space)
            return f"{{**{operand(first)}, **{operand(rewriting.plain(point))}}}"
        needs = rewriting.needs[rewriting.program.home[call]]
        needs.imports.add("import optuna")
        needs.helpers.add("fixed")
        fixed = rewriting.plain(point) if best is None else best
        return rewriting._with(space, f"optuna.trial.FixedTrial({fixed})")

    def _flat_of(self, rewriting: Rewriting, space: ast.expr) -> FlatSpace | None:
        made = origins(rewriting.program, space).exprs
        for flat in self.flat.values():
            if made and made <= flat.exprs:
                return flat
        return None

    def _best_of(self, rewriting: Rewriting, point: ast.expr) -> str | None:
        """Return the config of the best result where a point is known to be it."""
        is_argmin = isinstance(point, ast.Attribute) and point.attr == "argmin"
        if isinstance(point, ast.Attribute) and is_argmin and rewriting.is_trials(point.value):
            return f"{self._words.best(point.value)}.config"
        return rewriting.result_of(point, self.best_text)

    def remark(self, code: str, text: str) -> str:
        """Return what to tell of a parameter."""
        return _REMARKS.get(code, text)

    def prepare(self, rewriting: Rewriting) -> None:
        """Find the Trials that are made for one search each: the results take their place."""
        program = rewriting.program
        self.empty: set[Search] = set()
        self.adapters: dict[tuple[object, ...], str] = {}

        def accept(search: Search, made: ast.stmt) -> bool:
            self.empty.add(search)
            return not _may_end_before(program, search, made)

        for slot, found in fresh_slots(rewriting, accept):
            needs = rewriting.needs[next(iter(found)).module]
            rewriting.spaces.names[slot] = name_of(rewriting, slot, needs, "results")
            for search, made in found.items():
                self.fresh[search] = slot
                self._words.fresh[slot] = search
                rewriting.removed.add(made)

    def write(self, rewriting: Rewriting, draft: Draft) -> None:
        """Add all edits of a search."""
        fresh = self.fresh.get(draft.search)
        TuneWriter(self, rewriting, draft, self._words, fresh).write()


def _may_end_before(program: Program, search: Search, made: ast.stmt) -> bool:
    """Tell whether the program may go on without results, after an error that it catches."""
    around = set(program.enclosing(made))
    tries = [a for a in program.enclosing(search.call) if isinstance(a, ast.Try)]
    return any(
        not isinstance(handler.body[-1], ast.Raise)
        for found in tries
        if found not in around
        for handler in found.handlers
    )
