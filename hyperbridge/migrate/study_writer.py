"""Write a search as an Optuna study. Source: Optuna reference, ``create_study``, ``optimize``."""

from __future__ import annotations

import ast
from dataclasses import dataclass

from hyperbridge.migrate import tracking
from hyperbridge.migrate.nodes import FUNCTIONS, walk
from hyperbridge.migrate.objectives import Objective, Result
from hyperbridge.migrate.reading import is_trials_call
from hyperbridge.migrate.search_writer import (
    SearchWriter,
    insert_first,
)
from hyperbridge.migrate.syntax import (
    indented,
    operand,
    quoted,
    split_lines,
    wrapped,
)

_OFF_THE_CLUSTER = (
    "trials leave Spark's executors for threads of one machine. To keep them on the cluster:"
    " migrate --to spark; or hyperbridge's SparkTrials with a sampler of Optuna's; or Ray on the"
    " Spark cluster (migration_guides/staying_on_spark.md)"
)


@dataclass(eq=False)
class StudyWriter(SearchWriter):
    """Writes one search; each engine evaluates the trials of its study in its own way."""

    def write(self) -> None:
        """Add all edits."""
        rewriting, search = self.rewriting, self.search
        program = rewriting.program
        statement = program.statement(search.call)
        self._import(statement)
        self.later = self._function_between()
        self._check_place(statement)
        self.tracking = self._tracking()
        study = self._study()
        self._evaluate(study)
        if self._must_raise(statement):
            self.before.append(f"{study}.best_trial  # a ValueError when all trials failed")
        if self.made and not self.definitions:
            self.made = [line for line in self.made if line]
        self.before = [*self.made, *self.definitions, *self.before]
        text = self._result(study)
        rewriting.study_text[search.call] = f"{study}.best_trial"
        self._place(statement, text)

    def _tracking(self) -> tracking.Tracking | None:
        """Return how the search is logged."""
        return tracking.read(self.rewriting.program, self.search, self.objective, block=self.block)

    def _evaluate(self, study: str) -> None:
        """Write what runs the trials of a study."""
        objective = self._objective()
        self._points(study)
        self._optimize(study, objective)

    def _must_raise(self, statement: ast.stmt) -> bool:
        """Tell whether a result is dropped where the program waits for AllTrialsFailed."""
        if not isinstance(statement, ast.Expr) or statement.value is not self.search.call:
            return False
        below: ast.AST = statement
        for above in self.rewriting.program.enclosing(statement):
            if isinstance(above, FUNCTIONS):
                return False
            if isinstance(above, ast.Try) and below in above.body:
                caught = [n for h in above.handlers if h.type for n in walk(h.type)]
                if any(self.rewriting.program.hyperopt(n) == "AllTrialsFailed" for n in caught):
                    return True
            below = above
        return False

    # where

    # the study

    def _study(self) -> str:
        rewriting, search = self.rewriting, self.search
        trials = search.arguments.get("trials")
        sampler = self._sampler()
        created = f"optuna.create_study({'' if sampler is None else f'sampler={sampler}'})"
        if self.fresh is not None:
            assert isinstance(trials, ast.Name)
            slot = rewriting.program.slot(trials)
            assert slot is not None
            study = rewriting.spaces.names[slot]
            self.before.append(f"{study} = {created}")
            return study
        if trials is None or is_trials_call(rewriting.program, trials):
            study = self._free_study()
            self.before.append(f"{study} = {created}")
            return study
        study = rewriting.plain(trials)
        if not isinstance(trials, ast.Name | ast.Attribute):
            name = self._free_study()
            self.before.append(f"{name} = {study}")
            study = name
        elif self._may_be_none(trials):
            name = self._free_study()
            self.before.append(f"{name} = optuna.create_study() if {study} is None else {study}")
            study = name
        kinds = {draft.search.sampler.kind for draft in rewriting.drafts}
        if sampler is None and kinds != {"tpe"}:  # an earlier search may have left its own
            sampler = "optuna.samplers.TPESampler()"
        if sampler is not None:
            self.before.append(f"{study}.sampler = {sampler}")
        self.ran_before = study
        return study

    def _sampler(self) -> str | None:
        options = self._sampler_options()
        if self.search.sampler.chosen is not None:
            return (
                f"{operand(self.rewriting.plain(self.search.sampler.chosen))}({', '.join(options)})"
            )
        name = "TPESampler" if self.search.sampler.kind == "tpe" else "RandomSampler"
        if name == "TPESampler" and not options:
            return None
        return f"optuna.samplers.{name}({', '.join(options)})"

    # the objective

    def _objective(self) -> str:
        objective = self.objective
        function = objective.function
        if isinstance(function, ast.FunctionDef) and self._may_adopt(function):
            self._rewrite_function(objective, function)
            return function.name
        self._refuse_own_runs()
        if isinstance(function, ast.Lambda) and not self._hides(function):
            return self._write_lambda(objective, function)
        return self._adapter(objective)

    def _write_lambda(self, objective: Objective, function: ast.Lambda) -> str:
        name = self.needs.unused("objective")
        argument = function.args.args[0].arg
        lines = split_lines(f"{argument} = {self._point('trial')}")
        body = self._expression(function.body)
        if objective.results:
            lines += self._result_lines(objective.results[0], "trial")
        elif objective.returned == "number":
            lines += split_lines(f"return {body}")
        else:
            keep = self.needs.helper("keep_result")
            lines += split_lines(f"return {keep}(trial, {body})")
        self._define(name, lines)
        return name

    def _adapter(self, objective: Objective) -> str:
        point = self._point("trial")
        call = self._call_of(objective.expr, point)
        call = self._kept(objective, call)
        if (
            "\n" in point
            or len(call) > 50
            or self.search.arguments["space"] in self.draft.roles.roots
        ):
            name = self.needs.unused("run_trial")
            lines = split_lines(f"params = {point}")
            inner = self._kept(objective, self._call_of(objective.expr, "params"))
            if "\n" in point or self.search.arguments["space"] in self.draft.roles.roots:
                lines += split_lines(f"return {inner}")
            else:
                lines = split_lines(f"return {call}")
            self._define(name, lines)
            return name
        return f"lambda trial: {call}"

    def _kept(self, objective: Objective, call: str) -> str:
        """Return the loss of a call of fmin's function, and have the rest kept."""
        if objective.returned == "number":
            return call
        results = objective.results
        if objective.is_read and not any(r.extras or r.status != "ok" for r in results):
            return f'{call}["loss"]'
        return f"{self.needs.helper('keep_result')}(trial, {call})"

    def _define(self, name: str, lines: list[str]) -> None:
        is_top = self._column() == 0
        self.definitions += [f"def {name}(trial):", *indented(lines, "    "), ""]
        if is_top:
            self.definitions.append("")

    def _rewrite_function(self, objective: Objective, function: ast.FunctionDef) -> None:
        rewriting, module = self.rewriting, self.search.module
        newline = module.source.newline
        for result in objective.results:
            assert isinstance(result.node, ast.Return)
            indent = module.indent(result.node)
            lines = wrapped(indented(self._result_lines(result, "trial"), indent))
            text = newline.join(lines)[len(indent) :]
            module.edits.replace(*module.span(result.node), text)
            rewriting.done.add(result.node)
        argument = function.args.args[0]
        name = argument.arg
        module.edits.replace(*module.span(argument), "trial")
        rewriting.done.add(argument)
        if function.returns is not None and objective.results:
            module.edits.replace(*module.span(function.returns), "float")
            rewriting.done.add(function.returns)
        self._adopt_runs('**trial.study.user_attrs["mlflow_parent"]')
        is_read = any(isinstance(n, ast.Name) and n.id == name for n in walk(function))
        if not is_read and not self.draft.roles.parameters:
            return
        lines = split_lines(f"{name} = {self._point('trial')}")
        insert_first(module, function, lines)

    def _result_lines(self, result: Result, trial: str) -> list[str]:
        lines: list[str] = []
        for key, value in result.extras:
            text = self._expression(value)
            lines += split_lines(f"{trial}.set_user_attr({quoted(key)}, {text})")
        if result.status == "fail" or result.loss is None:
            lines.append(f'{trial}.set_user_attr("status", "fail")')
            return [*lines, 'return float("nan")']
        return [*lines, *split_lines(f"return {self._expression(result.loss)}")]

    # running

    def _points(self, study: str) -> None:
        points = self.search.arguments.get("points_to_evaluate")
        self.further = ""
        if points is None:
            return
        if self.rewriting.latent(self.draft.roles):
            raise self.block(
                points, "HB211", "the study holds some values of these points in another form"
            )
        text = self._expression(points)
        self.further = f" + len({text})"
        if isinstance(points, ast.List | ast.Tuple):
            self.further = f" + {len(points.elts)}"
        self.before += [f"for point in {text}:", f"    {study}.enqueue_trial(point)"]

    def _optimize(self, study: str, objective: str) -> None:
        search, plain = self.search, self.rewriting.plain
        hooks: list[str] = []
        logged = self.tracking
        if logged is not None and logged.style == "callback":
            hooks.append(self.needs.helper("log_child_run"))
        if logged is not None and logged.style == "wrapper":
            objective = f"{self.needs.helper('in_child_run')}({objective})"
        hooks += self.stops()
        parts: list[str] = []
        wanted = self._trials_wanted()
        if wanted is not None:
            parts.append(f"n_trials={wanted}")
        if search.timeout is not None:
            parts.append(f"timeout={plain(search.timeout)}")
        at_once = self._at_once()
        if at_once is not None:
            parts.append(f"n_jobs={at_once}")
        elif search.is_spark:
            parts.append("n_jobs=-1")
        if search.catches:
            parts.append("catch=(Exception,)")
        if hooks:
            parts.append(f"callbacks=[{', '.join(hooks)}]")
        if search.shows_progress:
            parts.append("show_progress_bar=True")
        if search.is_spark:
            self.rewriting.note(search.call, "HB225", _OFF_THE_CLUSTER, needs_person=True)
        call = f"{study}.optimize({', '.join([objective, *parts])})"
        if logged is None:
            self.before += split_lines(call)
            return
        run = self._parent_run()
        self.before.append(
            f'{study}.set_user_attr("mlflow_parent", {{"experiment_id": {run}.info.experiment_id,'
            f' "parent_run_id": {run}.info.run_id}})'
        )
        self.needs.imports.add("import mlflow")
        after = f'mlflow.log_metric("best_trial_loss", {study}.best_value)'
        lines = [*split_lines(call), after]
        if logged.parent is None:
            attribute = self.before.pop()
            opened = "mlflow.start_run()"
            if self._may_be_in_run():
                active, found = self.needs.unused("active"), self.needs.unused("found_run")
                either = f"contextlib.nullcontext({active}) if {active} else {opened}"
                self.before += [f"{active} = mlflow.active_run()", f"{found} = {either}"]
                self.needs.imports.add("import contextlib")
                opened = found
            self.before.append(f"with {opened} as {run}:")
            lines = indented([attribute, *lines], "    ")
        self.before += lines

    def _result(self, study: str) -> str:
        if self.search.returns_point:
            return self.rewriting._with(self.search.arguments["space"], f"{study}.best_trial")
        if self.rewriting.latent(self.draft.roles):
            return f"{self.needs.helper('values_of')}({study}.best_trial)"
        return f"{study}.best_params"
