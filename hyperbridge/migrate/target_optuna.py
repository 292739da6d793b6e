"""Rewrite a search as an Optuna study. Source: Optuna reference, ``create_study``, ``optimize``."""

from __future__ import annotations

import ast
import dataclasses

from hyperbridge.migrate.rules import callbacks, tracking, vocabulary
from hyperbridge.migrate.rules.objective import Objective, Result
from hyperbridge.migrate.syntax import indented
from hyperbridge.migrate.writing import Writing
from hyperbridge.translate.source_text import Expression, Group, render

VALUES = '''\
def values_of(trial):
    """Return a trial's values, also those that the study holds as quantiles."""
    held = LATENT
    return {
        name: trial.user_attrs.get(name, value) if name in held else value
        for name, value in trial.params.items()
    }
'''


class OptunaTarget:
    """Writes one search; see `Writing` for what targets share.

    Args:
        writing: The search, with the code that is gathered for its file.
    """

    imports = ("import optuna",)
    words = vocabulary.OPTUNA
    on_workers = False

    def __init__(self, writing: Writing) -> None:
        self._writing = writing
        self._search = writing.search
        self._module = writing.search.module
        self._before: list[str] = []

    @staticmethod
    def check(writing: Writing) -> None:
        """See that the objective can reach the function for the space; else it gets an adapter."""
        objective = writing.objective
        code = writing.search.code
        if code is None:
            return
        for result in objective.results:
            for key, value in result.extras:
                if key in code.latent:
                    writing.search.block(
                        value,
                        f"the result's {key!r} has the name of a parameter whose value the study"
                        " keeps under it: give it another name",
                    )
        if objective.function is None:
            return
        if writing.reaches_space(objective.function):
            return
        if not writing.local_names():
            writing.is_hoisted = True
            return
        writing.objective = dataclasses.replace(objective, function=None)
        if writing.tracking is not None and writing.tracking.style == "own":
            writing.search.block(
                writing.tracking.starts[0],
                "the objective starts MLflow runs of its own, and is used in a way that keeps it"
                " from being rewritten: give start_run the experiment_id and the parent_run_id of"
                " the search by hand",
            )

    def write(self) -> None:
        """Add all edits of the search."""
        search, writing = self._search, self._writing
        study = search.names["study"] = writing.unused("study")
        writing.imports.update(self.imports)
        objective = self._objective()
        self._before += self._create_study(study)
        self._before += self._points(study)
        self._before += self._optimize(study, objective)
        self._finish(study)

    def _create_study(self, study: str) -> list[str]:
        settings = self._search.settings
        options = list(settings.sampler_options)
        if settings.seed is not None:
            options.append(("seed", settings.seed))
        name = "TPESampler" if settings.sampler == "tpe" else "RandomSampler"
        if name == "TPESampler" and not options:  # as it is when nothing is said
            return [f"{study} = optuna.create_study()"]
        parts = [(f"{key}=", value) for key, value in options]
        sampler = Group(f"optuna.samplers.{name}(", parts, ")")
        create = Group(f"{study} = optuna.create_study(", [("sampler=", sampler)], ")")
        return self._lines(create)

    def _lines(self, expression: Group) -> list[str]:
        """Return an expression's lines, broken so that they fit where they will stand."""
        indent = len(self._module.indent(self._search.statement))
        return [line[indent:] for line in render(expression, indent=indent)]

    def _points(self, study: str) -> list[str]:
        lines = []
        for point in self._search.settings.points:
            entries = [
                (f"{label!r}: ".replace("'", '"'), self._writing.point_value(label, value))
                for label, value in point.items()
            ]
            lines += self._lines(Group(f"{study}.enqueue_trial({{", entries, "})"))
        return lines

    def _optimize(self, study: str, objective: str) -> list[str]:
        search, settings = self._search, self._search.settings
        logged = self._writing.tracking
        hooks: list[str] = []
        if logged is not None and logged.style == "callback":
            hooks.append(self._logging(tracking.CALLBACK))
        if logged is not None and logged.style == "wrapper":
            objective = f"{self._logging(tracking.WRAPPER)}({objective})"
        if settings.patience is not None:
            stop = self._writing.helper(callbacks.PATIENCE)
            count, percent = settings.patience
            hooks.append(
                f"{stop}({count})" if percent is None else f"{stop}({count}, percent={percent})"
            )
        if settings.stop_at_loss is not None:
            stop = self._writing.helper(callbacks.THRESHOLD)
            hooks.append(f"{stop}({settings.stop_at_loss})")
        parts = [("", objective)]
        for key, value in (
            ("n_trials", settings.n_trials),
            ("timeout", settings.timeout),
            ("n_jobs", settings.parallelism),
        ):
            if value is not None:
                parts.append((f"{key}=", value))
        if settings.catches:
            parts.append(("catch=", "(Exception,)"))
        if hooks:
            parts.append(("callbacks=", f"[{', '.join(hooks)}]"))
        if settings.show_progress:
            parts.append(("show_progress_bar=", "True"))
        if settings.is_spark:
            search.remark(
                search.call,
                "trials run in threads of one machine; see the guide on staying on Spark for"
                " trials on executors",
            )
        call = Group(f"{study}.optimize(", parts, ")")
        if logged is None:
            return self._lines(call)
        self._writing.imports.add("import mlflow")
        run = self._writing.parent_run()
        parts = [
            ('"experiment_id": ', f"{run}.info.experiment_id"),
            ('"parent_run_id": ', f"{run}.info.run_id"),
        ]
        remembered = Group(
            f"{study}.set_user_attr(", [("", '"mlflow_parent"'), ("", Group("{", parts, "}"))], ")"
        )
        lines = [
            *self._lines(remembered),
            *self._lines(call),
            f'mlflow.log_metric("best_trial_loss", {study}.best_value)',
        ]
        if logged.parent is not None:
            return lines
        return [f"with mlflow.start_run(nested=True) as {run}:", *indented(lines, "    ")]

    def _logging(self, helper: str) -> str:
        """Write a function that logs child runs, and return its name."""
        code = self._search.code
        values = "trial.params"
        if code is not None and code.latent:
            values = f"{self._values_of()}(trial)"
        return self._writing.helper(helper.replace("VALUES", values))

    def _values_of(self) -> str:
        """Write the function for the values of a trial, and return its name."""
        code = self._search.code
        assert code is not None
        parts: list[tuple[str, Expression]] = [("", f'"{label}"') for label in sorted(code.latent)]
        held = "\n".join(render(Group("[", parts, "]"), indent=4, prefix="held = ")).lstrip()
        return self._writing.helper(VALUES.replace("held = LATENT", held))

    def _objective(self) -> str:
        """Write the objective as a function of a trial and return its name."""
        objective = self._writing.objective
        if isinstance(objective.function, ast.FunctionDef):
            self._rewrite_function(objective, objective.function)
            return objective.function.name
        if isinstance(objective.function, ast.Lambda):
            return self._write_lambda(objective, objective.function)
        return self._write_adapter(objective)

    def _rewrite_function(self, objective: Objective, function: ast.FunctionDef) -> None:
        module = self._module
        taken = {n.id for n in ast.walk(function) if isinstance(n, ast.Name)}
        taken |= {a.arg for a in ast.walk(function) if isinstance(a, ast.arg)}
        trial = "trial" if "trial" not in taken else "optuna_trial"
        for result in objective.results:
            assert isinstance(result.node, ast.Return)
            indent = module.indent(result.node)
            lines = self._result_lines(result, trial)
            text = f"{module.source.newline}{indent}".join(lines)
            module.edits.replace(*module.span(result.node), text)
        self._adopt_runs(trial)
        argument = function.args.args[0]
        module.edits.replace(*module.span(argument), trial)
        if function.returns is not None and objective.results:
            module.edits.replace(*module.span(function.returns), "float")
        self._writing.insert_first(
            function, self._writing.point_lines(function, objective.argument, trial)
        )

    def _adopt_runs(self, trial: str) -> None:
        """Give runs that the objective starts itself their parent, whatever thread it is in."""
        logged = self._writing.tracking
        if logged is None or logged.style != "own":
            return
        for call in logged.starts:
            _, end = self._module.span(call)
            comma = ", " if call.args or call.keywords else ""
            nested = "" if any(k.arg == "nested" for k in call.keywords) else "nested=True, "
            parent = f'**{trial}.study.user_attrs["mlflow_parent"]'
            self._module.edits.insert(end - 1, f"{comma}{nested}{parent}")

    def _result_lines(self, result: Result, trial: str) -> list[str]:
        lines = [
            f'{trial}.set_user_attr("{key}", {self._module.text(value)})'
            for key, value in result.extras
        ]
        if result.status == "fail" or result.loss is None:
            return [*lines, 'return float("nan")  # a failed trial']
        return [*lines, f"return {self._writing.bracketed(result.loss)}"]

    def _write_lambda(self, objective: Objective, function: ast.Lambda) -> str:
        name = self._writing.unused("objective")
        lines = self._writing.point_lines(function, objective.argument, "trial")
        if objective.results:
            lines += self._result_lines(objective.results[0], "trial")
        elif objective.returned == "number":
            lines.append(f"return {self._writing.bracketed(function.body)}")
        else:
            lines += self._unpacked(self._writing.bracketed(function.body), objective)
        self._define(name, lines)
        return name

    def _write_adapter(self, objective: Objective) -> str:
        before = self._writing.point_lines(objective.expr, "params", "trial")
        point = "params"
        if len(before) == 1 and before[0].endswith("(trial)"):
            point = before.pop().removeprefix("params = ")
        call = self._writing.call_of(objective.expr, point, self._before)
        if objective.returned == "number":
            lines = [f"return {call}"]
        else:
            lines = self._unpacked(call, objective)
        lines = [*before, *lines]
        known = self._writing.shared.adapters.get(tuple(lines))
        if known is not None:
            return known
        name = self._writing.unused("run_trial")
        if not self._module.indent(self._search.statement):
            self._writing.shared.adapters[tuple(lines)] = name
        self._define(name, lines)
        return name

    def _unpacked(self, call: str, objective: Objective) -> list[str]:
        if objective.returned == "dict" and not objective.has_extras and not objective.fails:
            return [f'return {call}["loss"]']
        lines = [f"result = {call}"]
        if objective.returned == "unknown":
            lines += ["if not isinstance(result, dict):", "    return result"]
        if objective.fails:
            lines += ['if result.get("status", "ok") != "ok":', '    return float("nan")']
        if not objective.has_extras and objective.returned == "dict":
            return [*lines, 'return result["loss"]']
        code = self._search.code  # what the study holds for a normal is not to be lost
        latent = [] if code is None else sorted(code.latent)
        known = [("", f'"{name}"') for name in ("loss", "status", *latent)]
        return [
            *lines,
            "for key, value in result.items():",
            *render(Group("if key not in (", known, "):"), indent=4),
            "        trial.set_user_attr(key, value)",
            'return result["loss"]',
        ]

    def _define(self, name: str, lines: list[str]) -> None:
        is_top = not self._module.indent(self._search.statement)
        self._before += [f"def {name}(trial):", *indented(lines, "    "), ""]
        if is_top:
            self._before.append("")

    def _finish(self, study: str) -> None:
        writing, search = self._writing, self._search
        text = f"{study}.best_params"
        if search.code is not None and search.code.latent and writing.uses_result():
            text = f"{self._values_of()}({study}.best_trial)"
        for call in writing.uses.evaluations:
            self._module.edits.replace(
                *self._module.span(call), f"{writing.suggest_name()}({study}.best_trial)"
            )
        for call in writing.uses.samples:
            asked = "optuna.create_study().ask()"
            self._module.edits.replace(
                *self._module.span(call), f"{writing.suggest_name()}({asked})"
            )
        for outer, inner in writing.uses.decodings:
            self._module.edits.replace(*self._module.span(outer), self._module.text(inner))
        for replacement in writing.replacements:
            values = self._values_of() if "VALUES" in replacement.text else ""
            replacement.apply(self._module, STUDY=study, VALUES=values)
        writing.remove_consumed()
        writing.replace_call(self._before, text)
        writing.place_space()
