"""Write one search as a ``Tuner``, its searcher, its stoppers and what its result becomes.

Source: Ray Tune reference, ``tune.Tuner``, ``tune.TuneConfig``, ``OptunaSearch``, ``Stopper``.
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from hyperbridge.migrate import tracking
from hyperbridge.migrate.module import Module
from hyperbridge.migrate.nodes import FUNCTIONS, walk
from hyperbridge.migrate.program import Slot
from hyperbridge.migrate.reach import reach_of
from hyperbridge.migrate.reading import is_trials_call
from hyperbridge.migrate.rewriting import Draft, Rewriting
from hyperbridge.migrate.syntax import indented, operand, split_lines
from hyperbridge.migrate.tune_objectives import TuneObjective
from hyperbridge.translate.source_text import WIDTH, Expression, Group, render

if TYPE_CHECKING:
    from hyperbridge.migrate.tune_target import RayTarget
    from hyperbridge.migrate.tune_words import TuneWords

_SEARCHER = "from ray.tune.search.optuna import OptunaSearch"


def tune_name(rewriting: Rewriting, module: Module) -> str:
    """Return what Ray Tune is called in a file, and have it imported."""
    needs = rewriting.needs[module]
    if "tune" not in needs.named:
        bindings = module.names.module.bindings.get("tune", [])
        is_own = "tune" in module.identifiers and not any(b.dotted == "ray.tune" for b in bindings)
        needs.named["tune"] = needs.unused("ray_tune") if is_own else "tune"
    name = needs.named["tune"]
    needs.imports.add("from ray import tune" + ("" if name == "tune" else f" as {name}"))
    return name


class TuneWriter(TuneObjective):
    """Writes one search.

    Args:
        target: The target.
        rewriting: The rewriting.
        draft: The search.
        words: What rewrites looks at its Trials.
        slot: The variable of Trials that are made for this search; None for others.
    """

    def __init__(
        self,
        target: RayTarget,
        rewriting: Rewriting,
        draft: Draft,
        words: TuneWords,
        slot: Slot | None,
    ) -> None:
        super().__init__(target, rewriting, draft, None)
        self._tune_target = target
        self._words = words
        self._slot = slot
        self.flat = target.flat.get(draft.search)
        self.adapters = target.adapters
        self.tune = tune_name(rewriting, self.search.module)

    def write(self) -> None:
        """Add all edits of the search."""
        rewriting, search = self.rewriting, self.search
        statement = rewriting.program.statement(search.call)
        self.needs.imports.add(_SEARCHER)
        self.later = self._function_between()
        self._check_place(statement)
        self.tracking = tracking.read(
            rewriting.program, search, self.objective, block=self.block, on_workers=True
        )
        self._check_looks()
        self._check_labels()
        if self.flat is None and rewriting.latent(self.draft.roles):
            self.needs.helpers.add("fixed")
        self._define_space()
        results = self._results()
        trainable = self._trainable()
        run = "" if self.tracking is None else self._parent_run()
        lines = self._tuner(trainable, run)
        lines.append(f"{results} = {self.tuner}.fit()")
        best = self._best(statement, results, lines)
        text = self._text(best)
        if self.tracking is not None:
            lines = self._tracked(lines, run, best)
        if self.made and not self.definitions:
            self.made = [line for line in self.made if line]
        self.before = [*self.made, *self.definitions, *lines]
        self._remark()
        self._place(statement, text)

    def _check_looks(self) -> None:
        """Block an objective that looks at the trials so far."""
        expr = self.search.arguments["fn"]
        nodes = set(reach_of(self.search.module, expr).nodes)
        for function in self.rewriting.program.function(expr):
            nodes |= set(walk(function))
        for node in nodes:
            is_name = isinstance(node, ast.Name | ast.Attribute) and isinstance(node.ctx, ast.Load)
            if is_name and self.rewriting.is_trials(node):  # type: ignore[arg-type]  # a name
                raise self.block(
                    node,
                    "HB220",
                    "the objective looks at the trials so far, which Ray's trials do not see:"
                    " leave that to a stopper or to the code after the search",
                )

    def _check_labels(self) -> None:
        """Block labels of which Ray's searcher would make a config inside of the config."""
        for call in self.draft.roles.parameters if self.flat is None else ():
            label = call.args[0] if call.args else call
            if any("/" in str(getattr(node, "value", "")) for node in walk(label)):
                raise self.block(
                    call,
                    "HB209",
                    "a label has a slash, of which Ray's searcher makes a nested config: give it"
                    " another name",
                )

    # results

    def _results(self) -> str:
        """Return the name of the variable of the results, and say what becomes of Trials."""
        rewriting, search = self.rewriting, self.search
        trials = search.arguments.get("trials")
        self.holder: str | None = None
        if self._slot is not None:
            results = rewriting.spaces.names[self._slot]
        else:
            results = self._free_study("results")
        number = results.removeprefix("results")
        self.tuner = (
            self._free_study("tuner") if not number else self.needs.unused(f"tuner{number}")
        )
        self.best_name = (
            self._free_study("best_result")
            if not number
            else self.needs.unused(f"best_result{number}")
        )
        is_new = trials is None or is_trials_call(rewriting.program, trials)
        if self._slot is None and trials is not None and not is_new:
            self.holder = rewriting.plain(trials)
            self._optional = self._may_be_none(trials)
            if not isinstance(trials, ast.Name | ast.Attribute) or self._optional:
                name = self.needs.unused("earlier")
                text = self.holder
                if self._optional:
                    text = f"[] if {text} is None else {text}"
                self.made += [f"{name} = {text}"]
                self.holder = name
            if search not in self._tune_target.empty:
                rewriting.note(
                    search.call,
                    "HB237",
                    "the searcher begins anew: results of an earlier search with these trials"
                    " count, but it does not learn from them",
                )
        return results

    def _best(self, statement: ast.stmt, results: str, lines: list[str]) -> str:
        """Have the best result in a variable where something asks for it; return how to get it."""
        if self.holder is not None:
            lines.append(f'{self.holder}.extend(r for r in {results} if "loss" in r.metrics)')
            text = f"{self.needs.helper('best_of')}({self.holder})"
        else:
            text = f"{results}.get_best_result()"
        is_alone = isinstance(statement, ast.Expr) and statement.value is self.search.call
        is_alone = is_alone and not self.search.module.source.is_last_of_cell(
            self.search.module.span(statement)[1]
        )
        asked = not is_alone or (self.tracking is not None and tracking.is_recorded(self.search))
        if self._slot is not None and self.later is None and not self.magic:
            single = [s for s in self._tune_target.fresh.values() if s == self._slot]
            if len(single) == 1:
                wanted = self._words.wants_best(self._slot, self.search)
                asked = asked or wanted
                if asked:
                    self._words.best_names[self._slot] = self.best_name
        if not asked or self.magic:
            return text
        lines.append(f"{self.best_name} = {text}")
        return self.best_name

    def _text(self, best: str) -> str:
        """Return what fmin's result becomes."""
        search, config = self.search, f"{best}.config"
        if self.later is None:
            self._tune_target.best_text[search.call] = config
        if search.returns_point:
            if self.flat is not None:
                return config
            return self._of_config(config)
        pattern = self._without_constants()
        if self._slot is not None and pattern is not None:
            self._words.constants[self._slot] = pattern
        if pattern is None or self._is_only_indexed():
            return config
        return pattern.replace("CONFIG", config)

    def _without_constants(self) -> str | None:
        """Return an expression for a config without what is the same in each trial."""
        if self.flat is None or not self.flat.constants:
            return None
        names = self.flat.labels
        if all(isinstance(label, ast.Constant) for label in names.values()):
            return self._picked(list(names))
        space = self.rewriting.plain(self.search.arguments["space"])
        domain = f"isinstance({operand(space)}[name], {self.tune}.search.sample.Domain)"
        return f"{{name: value for name, value in CONFIG.items() if {domain}}}"

    def _picked(self, names: list[str]) -> str:
        """Return an expression for some entries of a config, laid out where it is long."""
        line = f"{{name: CONFIG[name] for name in [{', '.join(names)}]}}"
        module, call = self.search.module, self.search.call
        start = module.span(call)[0]
        room = WIDTH - (start - module.line_start(start)) - len(self.best_name)
        if len(line) <= room:
            return line
        indent = " " * (self._column() + 4)
        listed = Group("[", [("", name) for name in names], "]")
        lines = ["name: CONFIG[name]", *render(listed, indent=0, prefix="for name in ")]
        newline = module.source.newline
        inner = newline.join(f"{indent}{line}" for line in lines)
        return f"{{{newline}{inner}{newline}{indent[:-4]}}}"

    def _is_only_indexed(self) -> bool:
        """Tell whether the program asks fmin's result for single parameters and nothing else."""
        program, call = self.rewriting.program, self.search.call
        parent = program.parent_of[call]
        if isinstance(parent, ast.Subscript) and parent.value is call:
            return True
        if isinstance(parent, ast.Expr):
            return not self.search.module.source.is_last_of_cell(self.search.module.span(parent)[1])
        if not isinstance(parent, ast.Assign) or len(parent.targets) > 1:
            return False
        slot = program.slot(parent.targets[0])
        if slot is None or slot.scope is None or program.is_imported(slot):
            return False
        for use in program.uses.get(slot, ()):
            above = program.parent_of[use]
            is_entry = isinstance(above, ast.Subscript) and above.value is use
            is_decoded = (
                isinstance(above, ast.Call) and program.hyperopt(above.func) == "space_eval"
            )
            if isinstance(getattr(use, "ctx", None), ast.Load) and not is_entry and not is_decoded:
                return False
        return True

    # the tuner

    def _tuner(self, trainable: str, run: str) -> list[str]:
        search, plain, tune = self.search, self._expression, self.tune
        logged = self.tracking
        runs: Expression = trainable
        if logged is not None and logged.style == "own":
            runs = self._with_parent(trainable, run)
        elif logged is not None:
            runs = f"{self.needs.helper('in_child_run')}({trainable}, {run})"
        parts: list[tuple[str, Expression]] = [("", runs)]
        if self.flat is not None:
            parts.append(("param_space=", self._expression(self.search.arguments["space"])))
        options: list[tuple[str, Expression]] = [
            ("metric=", '"loss"'),
            ("mode=", '"min"'),
            ("search_alg=", self._searcher()),
            ("num_samples=", self._samples()),
        ]
        at_once = self._at_once()
        if at_once is not None and at_once != "0":
            options.append(("max_concurrent_trials=", at_once))
        if search.timeout is not None:
            options.append(("time_budget_s=", plain(search.timeout)))
        options.append(("reuse_actors=", "True"))
        parts.append(("tune_config=", Group(f"{tune}.TuneConfig(", options, ")")))
        stoppers = self.stops()
        if stoppers:
            stop: Expression = stoppers[0]
            if len(stoppers) > 1:
                self.needs.imports.add("from ray.tune.stopper import CombinedStopper")
                stop = Group("CombinedStopper(", [("", text) for text in stoppers], ")")
            parts.append(("run_config=", Group(f"{tune}.RunConfig(", [("stop=", stop)], ")")))
        made = Group(f"{tune}.Tuner(", parts, ")")
        lines = render(made, indent=self._column(), prefix=f"{self.tuner} = ")
        return split_lines("\n".join(line[self._column() :] for line in lines))

    def _with_parent(self, trainable: str, run: str) -> Group:
        self.needs.imports.add("import mlflow")
        parent: list[tuple[str, Expression]] = [
            ('"experiment_id": ', f"{run}.info.experiment_id"),
            ('"parent_run_id": ', f"{run}.info.run_id"),
        ]
        parts: list[tuple[str, Expression]] = [
            ("", trainable),
            ("tracking_uri=", "mlflow.get_tracking_uri()"),
            ("mlflow_parent=", Group("{", parent, "}")),
        ]
        return Group(f"{self.tune}.with_parameters(", parts, ")")

    def _searcher(self) -> Group:
        parts: list[tuple[str, Expression]] = []
        if self.flat is None:
            parts += [("", self._ask()), ("metric=", '"loss"'), ("mode=", '"min"')]
        options = [("", option) for option in self._sampler_options()]
        chosen = self.search.sampler.chosen
        if chosen is not None:
            head = f"{operand(self.rewriting.plain(chosen))}("
            parts.append(("sampler=", Group(head, options, ")")))
        elif self.search.sampler.kind != "tpe" or self.search.sampler.options:
            self.needs.imports.add("import optuna")
            name = "TPESampler" if self.search.sampler.kind == "tpe" else "RandomSampler"
            parts.append(("sampler=", Group(f"optuna.samplers.{name}(", options, ")")))
        else:  # the searcher's own sampler is TPE
            parts += options
        points = self.search.arguments.get("points_to_evaluate")
        if points is not None:
            if self.rewriting.latent(self.draft.roles):
                raise self.block(
                    points,
                    "HB211",
                    "the searcher holds some values of these points in another form",
                )
            text = self._expression(points)
            is_list = isinstance(points, ast.List)
            parts.append(("points_to_evaluate=", text if is_list else f"list({text})"))
        return Group("OptunaSearch(", parts, ")")

    def _ask(self) -> str:
        """Write the function that Ray's searcher calls, and return how it is handed over."""
        lines = ['"""Ask for a trial\'s parameters; Ray Tune hands them on as its config."""']
        lines += split_lines(self._point("trial"))
        if self.rewriting.latent(self.draft.roles):
            lines.append(f"return {self.needs.helper('values_of')}(trial)")
        name = self._define_as("ask_for_parameters", "trial", lines)
        program = self.rewriting.program
        scope = program.scope_of[program.statement(self.search.call)]
        if isinstance(scope.node, FUNCTIONS) or self.later is not None:
            return f"{self.needs.helper('Picklable')}({name})"
        return name

    def _samples(self) -> str:
        points = self.search.arguments.get("points_to_evaluate")
        self.further = ""
        if points is not None:
            is_listed = isinstance(points, ast.List | ast.Tuple)
            count = len(points.elts) if isinstance(points, ast.List | ast.Tuple) else 0
            self.further = f" + {count}" if is_listed else f" + len({self._expression(points)})"
        wanted = self._trials_wanted()
        if wanted is None:
            return "-1"
        if self.holder is None or self.search in self._tune_target.empty:
            return wanted
        return f"max({wanted} - len({self.holder}), 0)"

    def _tracked(self, lines: list[str], run: str, best: str) -> list[str]:
        assert self.tracking is not None
        self.needs.imports.add("import mlflow")
        if tracking.is_recorded(self.search):
            lines = [*lines, f'mlflow.log_metric("best_trial_loss", {best}.metrics["loss"])']
        if self.tracking.parent is not None:
            return lines
        opening = f"with mlflow.start_run(nested=True) as {run}:"
        return [opening, *indented(lines, "    ")]

    def _remark(self) -> None:
        """Say what is different for a search whose trials ran one after the other."""
        search = self.search
        if search.is_spark or search.parallelism is not None:
            return
        alone = "" if search.catches else ", and one that raises fails alone"
        self.rewriting.note(
            search.call,
            "HB236",
            f"trials run side by side here, one per CPU{alone};"
            " TuneConfig(max_concurrent_trials=1) runs them one by one",
        )
