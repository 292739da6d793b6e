"""Rewrite a search as a Ray Tune experiment with Optuna's samplers.

A flat space becomes a ``param_space``. Another becomes a function of an Optuna trial: Ray's
searcher calls it to choose the parameters, and the objective calls it again with the chosen
ones to get its point.
Source: Ray Tune reference, ``tune.Tuner``, ``tune.TuneConfig``, ``OptunaSearch``, ``Stopper``.
"""

from __future__ import annotations

import ast

from hyperbridge.migrate.placing import indented
from hyperbridge.migrate.rules import ray_helpers, vocabulary
from hyperbridge.migrate.rules.objective import Objective, function_of, own_returns
from hyperbridge.migrate.writing import Writing
from hyperbridge.translate.source_ray import ray_param_space
from hyperbridge.translate.source_text import Expression, Group, render

_SEARCHER = "from ray.tune.search.optuna import OptunaSearch"


class RayTarget:
    """Writes one search; see `Writing` for what targets share.

    Args:
        writing: The search, with the code that is gathered for its file.
    """

    words = vocabulary.RAY

    def __init__(self, writing: Writing) -> None:
        self._writing = writing
        self._search = writing.search
        self._module = writing.search.module
        self._before: list[str] = []
        found = _flat_space(writing)
        self._flat: Group | None = None
        if found is not None:
            self._flat = found[0]
            writing.imports.update(found[1])

    @staticmethod
    def check(writing: Writing) -> None:
        """Block what this engine cannot do."""
        search, tracked = writing.search, writing.tracking
        names = search.module.names
        if names.scope_of[search.call] is not names.module and _flat_space(writing) is None:
            search.block(
                search.call,
                "a space that is not flat must be a function at the top level, where Ray's"
                " searcher can pickle it by name: move space and search out of the function",
            )
        if tracked is not None and tracked.style == "own":
            search.block(
                tracked.starts[0],
                "the objective starts MLflow runs of its own: on Ray's workers, give start_run"
                " the experiment_id and the parent_run_id by hand",
            )

    def write(self) -> None:
        """Add all edits of the search."""
        search, writing = self._search, self._writing
        results = search.names["study"] = writing.unused("results")
        tuner = writing.unused("tuner" if results == "results" else f"tuner{results[7:]}")
        writing.imports.update(("import optuna", "from ray import tune", _SEARCHER))
        objective = self._objective()
        space = self._param_space()
        lines = [
            *self._lines(Group(f"{tuner} = tune.Tuner(", self._tuner(objective, space), ")")),
            f"{results} = {tuner}.fit()",
        ]
        if writing.tracking is not None:
            lines = self._tracked(results, lines)
        self._before += lines
        self._remarks()
        self._finish(results)

    def _remarks(self) -> None:
        search = self._search
        if search.settings.parallelism in (None, "-1"):
            search.remark(
                search.call,
                "as many trials run at once as there are CPUs; TuneConfig(max_concurrent_trials=1)"
                " runs one after the other",
            )
        if not search.settings.catches:
            search.remark(search.call, "a trial that raises fails alone; the others go on")

    def _tuner(self, objective: str, space: Expression | None) -> list[tuple[str, Expression]]:
        settings = self._search.settings
        parts: list[tuple[str, Expression]] = [("", objective)]
        if space is not None:
            parts.append(("param_space=", space))
        options: list[tuple[str, Expression]] = [
            ("metric=", '"loss"'),
            ("mode=", '"min"'),
            ("search_alg=", self._searcher()),
            ("num_samples=", settings.n_trials if settings.n_trials is not None else "-1"),
        ]
        if settings.parallelism not in (None, "-1"):
            options.append(("max_concurrent_trials=", str(settings.parallelism)))
        if settings.timeout is not None:
            options.append(("time_budget_s=", settings.timeout))
        options.append(("reuse_actors=", "True"))
        parts.append(("tune_config=", Group("tune.TuneConfig(", options, ")")))
        stoppers = self._stoppers()
        if stoppers:
            stop: Expression = stoppers[0]
            if len(stoppers) > 1:
                self._writing.imports.add("from ray.tune.stopper import CombinedStopper")
                stop = Group("CombinedStopper(", [("", text) for text in stoppers], ")")
            parts.append(("run_config=", Group("tune.RunConfig(", [("stop=", stop)], ")")))
        return parts

    def _stoppers(self) -> list[str]:
        settings = self._search.settings
        found: list[str] = []
        if settings.patience is not None:
            self._writing.helpers.append(ray_helpers.PATIENCE)
            count, percent = settings.patience
            more = "" if percent is None else f", percent={percent}"
            found.append(f"StopWithoutProgress({count}{more})")
        if settings.stop_at_loss is not None:
            self._writing.helpers.append(ray_helpers.THRESHOLD)
            found.append(f"StopAtLoss({settings.stop_at_loss})")
        return found

    def _searcher(self) -> Group:
        settings = self._search.settings
        name, options = "RandomSampler", []
        if settings.sampler == "tpe":
            name = "TPESampler"
            options = [
                ("multivariate=", "True"),
                ("constant_liar=", "True"),
                *((f"{key}=", value) for key, value in settings.sampler_options),
            ]
        if settings.seed is not None:
            options.append(("seed=", settings.seed))
        parts: list[tuple[str, Expression]] = []
        if self._flat is None:
            parts += [("", self._ask_name()), ("metric=", '"loss"'), ("mode=", '"min"')]
        parts.append(("sampler=", Group(f"optuna.samplers.{name}(", options, ")")))
        points = [
            Group(
                "{",
                [
                    (f'"{label}": ', self._writing.point_value(label, value))
                    for label, value in point.items()
                ],
                "}",
            )
            for point in settings.points
        ]
        if points:
            listed = Group("[", [("", point) for point in points], "]")
            parts.append(("points_to_evaluate=", listed))
        return Group("OptunaSearch(", parts, ")")

    def _ask_name(self) -> str:
        """Write the function that Ray's searcher calls, and return its name."""
        name = self._writing.unused("ask_for_parameters")
        lines = [
            '"""Ask for the parameters of a trial; Ray Tune passes them on as its config."""',
            f"{self._writing.suggest_name()}(trial)",
        ]
        self._define(name, "trial", lines)
        return name

    def _param_space(self) -> Expression | None:
        """Return what to pass as ``param_space``; a variable keeps its place and its name."""
        binding = self._writing.space_binding
        if self._flat is None or binding is None or not isinstance(binding.node, ast.stmt):
            return self._flat
        start, end = self._module.span(binding.node)
        if not self._module.edits.covers(start, end):
            indent = len(self._module.indent(binding.node))
            lines = render(self._flat, indent=indent, prefix=f"{binding.name} = ")
            text = self._module.source.newline.join(lines)[indent:]
            self._module.edits.replace(start, end, text)
        return binding.name

    def _lines(self, expression: Group) -> list[str]:
        indent = len(self._module.indent(self._search.statement))
        return [line[indent:] for line in render(expression, indent=indent)]

    def _objective(self) -> str:
        """Write the objective as a function of a config and return its name."""
        objective = self._writing.objective
        function = objective.function
        if isinstance(function, ast.FunctionDef):
            self._rewrite_returns(objective, function)
            if self._flat is None:
                point = self._point(objective.argument)
                self._writing.insert_first(function, [f"{objective.argument} = {point}"])
            return self._logged(function.name)
        if isinstance(function, ast.Lambda):
            name = self._writing.unused("objective")
            body = self._writing.bracketed(function.body)
            lines = (
                [] if self._flat else [f"{objective.argument} = {self._point(objective.argument)}"]
            )
            self._define(name, objective.argument, [*lines, *self._returned(body, objective)])
            return self._logged(name)
        definition = function_of(self._module, objective.expr)
        is_ready = objective.returned == "dict" and not objective.fails
        if self._flat is not None and definition is not None and is_ready:
            return self._logged(definition.name)
        name = self._writing.unused("run_trial")
        point = "config" if self._flat is not None else self._point("config")
        call = self._writing.call_of(objective.expr, point)
        self._define(name, "config", self._returned(call, objective))
        return self._logged(name)

    def _point(self, config: str) -> str:
        return f"{self._writing.suggest_name()}(optuna.trial.FixedTrial({config}))"

    def _returned(self, text: str, objective: Objective) -> list[str]:
        if objective.returned == "number":
            return [f'return {{"loss": {text}}}']
        lines = [f"result = {text}"]
        if objective.returned == "unknown":
            lines += ["if not isinstance(result, dict):", '    return {"loss": result}']
        if objective.fails:
            lines.append('return {"loss": float("nan"), **result}')
        elif len(lines) == 1:
            return [f"return {text}"]
        else:
            lines.append("return result")
        return lines

    def _rewrite_returns(self, objective: Objective, function: ast.FunctionDef) -> None:
        """Have every return give a dict with a loss."""
        results = {result.node: result for result in objective.results}
        for node in own_returns(function):
            if node.value is None:
                continue
            result = results.get(node)
            if result is None:
                text = f'{{"loss": {self._writing.bracketed(node.value)}}}'
                self._module.edits.replace(*self._module.span(node.value), text)
            elif result.status == "fail":
                extras = "".join(
                    f', "{key}": {self._module.text(value)}' for key, value in result.extras
                )
                text = f'{{"loss": float("nan"), "status": "fail"{extras}}}'
                self._module.edits.replace(*self._module.span(node.value), text)

    def _logged(self, name: str) -> str:
        if self._writing.tracking is None:
            return name
        self._writing.helpers.append(ray_helpers.WRAPPER)
        self._writing.imports.add("import mlflow")
        return f"in_child_run({name}, parent_run)"

    def _tracked(self, results: str, lines: list[str]) -> list[str]:
        tracking = self._writing.tracking
        assert tracking is not None
        logged = (
            f'mlflow.log_metric("best_trial_loss", {results}.get_best_result().metrics["loss"])'
        )
        if tracking.has_parent:
            return ["parent_run = mlflow.active_run()", *lines, logged]
        opening = "with mlflow.start_run(nested=True) as parent_run:"
        return [opening, *indented([*lines, logged], "    ")]

    def _define(self, name: str, argument: str, lines: list[str]) -> None:
        is_top = not self._module.indent(self._search.statement)
        self._before += [f"def {name}({argument}):", *indented(lines, "    "), ""]
        if is_top:
            self._before.append("")

    def _finish(self, results: str) -> None:
        writing, module = self._writing, self._module
        config = f"{results}.get_best_result().config"
        for call in writing.uses.evaluations:
            text = config if self._flat is not None else self._point(config)
            module.edits.replace(*module.span(call), text)
        for call in writing.uses.samples:
            text = f"{writing.suggest_name()}(optuna.create_study().ask())"
            module.edits.replace(*module.span(call), text)
        for outer, inner in writing.uses.decodings:
            module.edits.replace(*module.span(outer), module.text(inner))
        for replacement in writing.replacements:
            text = replacement.text.replace("STUDY", results)
            module.edits.replace(*module.span(replacement.node), text)
        code = self._search.code
        if code is not None and code.latent:
            lines = [
                f"trial = optuna.trial.FixedTrial({config})",
                f"{writing.suggest_name()}(trial)",
                "values = trial.params.items()",
                "return {name: trial.user_attrs.get(name, value) for name, value in values}",
            ]
            statement = self._search.statement
            if not (isinstance(statement, ast.Expr) and statement.value is self._search.call):
                name = writing.unused("best_values")
                self._before.append("")
                self._define(name, "", lines)
                config = f"{name}()"
        if self._flat is not None and writing.space_binding is not None:
            writing.keep_space()
        writing.remove_consumed()
        writing.replace_call(self._before, config)
        if self._flat is None:
            writing.place_space()


def _flat_space(writing: Writing) -> tuple[Group, set[str]] | None:
    """Return the ``param_space`` of a search with its imports; None when it needs a function."""
    space = writing.search.space
    if space is None or writing.uses.samples:
        return None
    return ray_param_space(space.root, space.texts)
