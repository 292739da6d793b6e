"""Rewrite a search as a Ray Tune experiment with Optuna's samplers.

A flat space becomes a ``param_space``. Another becomes a function of an Optuna trial: Ray's
searcher calls it to choose the parameters, and the objective calls it again with the chosen
ones to get its point.
Source: Ray Tune reference, ``tune.Tuner``, ``tune.TuneConfig``, ``OptunaSearch``, ``Stopper``.
"""

from __future__ import annotations

import ast

from hyperbridge.migrate.ray_results import drop_status, returned, rewrite_returns
from hyperbridge.migrate.ray_tuner import is_only_indexed, searched, tuner_of
from hyperbridge.migrate.rules import (
    driver_state,
    ray_helpers,
    trial_folder,
    unsendable,
    vocabulary,
)
from hyperbridge.migrate.rules.objective import Objective, function_of
from hyperbridge.migrate.syntax import indented
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
    on_workers = True

    def __init__(self, writing: Writing) -> None:
        self._writing = writing
        self._search = writing.search
        self._module = writing.search.module
        self._before: list[str] = []
        self._run = "parent_run"
        found = _flat_space(writing)
        self._flat: Group | None = None
        if found is not None:
            self._flat = found[0]
            writing.imports.update(found[1])

    @staticmethod
    def check(writing: Writing) -> None:
        """Block what this engine cannot do."""
        search = writing.search
        driver_state.check(search)
        trial_folder.check(search)
        unsendable.check(search, [replacement.node for replacement in writing.replacements])
        names = search.module.names
        if names.scope_of[search.call] is names.module or search.code is None:
            return
        used = ", ".join(repr(name) for name in sorted(writing.local_names()))
        if used and _flat_space(writing) is None:
            search.block(
                search.call,
                "a space that is not flat must be a function at the top level, where Ray's"
                f" searcher can pickle it by name, but it uses {used} of the function around it:"
                " move that out of the function",
            )

    def write(self) -> None:
        """Add all edits of the search."""
        search, writing = self._search, self._writing
        results = search.names["study"] = writing.unused("results")
        number = results.removeprefix("results")
        tuner = writing.unused(f"tuner{number}")
        best = writing.unused(f"best_result{number}")
        if writing.tracking is not None:
            self._run = writing.parent_run()
        binding = writing.space_binding
        in_place = binding.node if binding is not None else search.statement
        writing.is_hoisted = isinstance(in_place, ast.stmt) and bool(self._module.indent(in_place))
        writing.imports.update(("from ray import tune", _SEARCHER))
        objective = self._objective()
        space = self._param_space()
        ask = None if self._flat is not None else self._ask_name()
        made = tuner_of(writing, objective, space, ask)
        indent = len(self._module.indent(search.statement))
        lines = [
            *(line[indent:] for line in render(made, indent=indent, prefix=f"{tuner} = ")),
            f"{results} = {tuner}.fit()",
        ]
        if self._needs_best():
            lines.append(f"{best} = {results}.get_best_result()")
        if writing.tracking is not None:
            lines = self._tracked(best, lines)
        self._before += lines
        self._remark()
        self._finish(results, best)

    def _needs_best(self) -> bool:
        writing = self._writing
        tracking = writing.tracking
        return (
            writing.uses_result()
            or (tracking is not None and tracking.is_recorded)
            or bool(writing.uses.evaluations)
            or any("BEST" in replacement.text for replacement in writing.replacements)
        )

    def _remark(self) -> None:
        """Say what is different for a search whose trials ran one after the other."""
        search, settings = self._search, self._search.settings
        if settings.is_spark or settings.parallelism is not None:
            return
        alone = "" if settings.catches else ", and one that raises fails alone"
        search.remark(
            search.call,
            f"trials run side by side here, one per CPU{alone};"
            " TuneConfig(max_concurrent_trials=1) runs them one by one",
        )

    def _ask_name(self) -> str:
        """Write the function that Ray's searcher calls, and return its name."""
        suggest = self._writing.suggest_name()
        adapters = self._writing.shared.adapters
        if (suggest,) not in adapters:
            name = adapters[(suggest,)] = self._writing.unused("ask_for_parameters")
            self._writing.companions.append(
                f"def {name}(trial):\n"
                '    """Ask for a trial\'s parameters; Ray Tune hands them on as its config."""\n'
                f"    {suggest}(trial)\n"
            )
        return adapters[(suggest,)]

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

    def _objective(self) -> Expression:
        """Write the objective as a function of a config; return what runs a trial."""
        objective = self._writing.objective
        function = objective.function
        if isinstance(function, ast.FunctionDef):
            return self._rewrite_function(objective, function)
        if isinstance(function, ast.Lambda):
            if objective.results and objective.results[0].status == "ok":
                drop_status(self._module, function.body)
            body = self._writing.bracketed(function.body)
            argument, lines = objective.argument, []
            if self._flat is None:
                argument = self._config_name(function, argument)
                lines = [f"{objective.argument} = {self._point(argument)}"]
            lines += returned(body, objective)
            return self._logged(self._define("objective", argument, lines))
        definition = function_of(self._module, objective.expr)
        is_ready = objective.returned == "dict" and not objective.fails
        if self._flat is not None and definition is not None and is_ready:
            return self._logged(definition.name)
        point = "config" if self._flat is not None else self._point("config")
        call = self._writing.call_of(objective.expr, point, self._before)
        return self._logged(self._define("run_trial", "config", returned(call, objective)))

    def _rewrite_function(self, objective: Objective, function: ast.FunctionDef) -> Expression:
        writing, module = self._writing, self._module
        rewrite_returns(self._writing, function)
        argument = function.args.args[0]
        lines: list[str] = []
        if self._flat is None:
            config = self._config_name(function, argument.arg)
            module.edits.replace(*module.span(argument), config)
            lines.append(f"{objective.argument} = {self._point(config)}")
        if function.returns is not None and objective.returned == "number":
            module.edits.replace(*module.span(function.returns), "dict")
        tracking = writing.tracking
        starts_runs = tracking is not None and tracking.style == "own"
        if starts_runs:
            lines.insert(0, "mlflow.set_tracking_uri(tracking_uri)")
        if lines:
            writing.insert_first(function, lines)
        return self._adopted(function) if starts_runs else self._logged(function.name)

    @staticmethod
    def _config_name(function: ast.AST, argument: str) -> str:
        """Return what to call the argument of an objective whose point is made of its config."""
        taken = {n.id for n in ast.walk(function) if isinstance(n, ast.Name)}
        return argument if "config" in taken else "config"

    def _adopted(self, function: ast.FunctionDef) -> Expression:
        """Tell an objective that starts MLflow runs on a worker where they belong."""
        module, tracking = self._module, self._writing.tracking
        assert tracking is not None
        argument = function.args.args[0]
        module.edits.insert(module.span(argument)[1], ", tracking_uri, mlflow_parent")
        for call in tracking.starts:
            _, end = module.span(call)
            comma = ", " if call.args or call.keywords else ""
            nested = "" if any(k.arg == "nested" for k in call.keywords) else "nested=True, "
            module.edits.insert(end - 1, f"{comma}{nested}**mlflow_parent")
        parent: list[tuple[str, Expression]] = [
            ('"experiment_id": ', f"{self._run}.info.experiment_id"),
            ('"parent_run_id": ', f"{self._run}.info.run_id"),
        ]
        parts: list[tuple[str, Expression]] = [
            ("", function.name),
            ("tracking_uri=", "mlflow.get_tracking_uri()"),
            ("mlflow_parent=", Group("{", parent, "}")),
        ]
        return Group("tune.with_parameters(", parts, ")")

    def _point(self, config: str) -> str:
        self._writing.imports.add("import optuna")
        return f"{self._writing.suggest_name()}(optuna.trial.FixedTrial({config}))"

    def _logged(self, name: str) -> Expression:
        tracking = self._writing.tracking
        if tracking is None:
            return name
        self._writing.imports.add("import mlflow")
        values = f"{self._values_of()}(config)" if self._is_latent else "config"
        wrap = self._writing.helper(ray_helpers.WRAPPER.replace("VALUES", values))
        return f"{wrap}({name}, {self._run})"

    @property
    def _is_latent(self) -> bool:
        """Whether Ray knows values by something else than themselves."""
        code = self._search.code
        return code is not None and bool(code.latent)

    def _values_of(self) -> str:
        """Write the function for the values of such a trial, and return its name."""
        self._writing.imports.add("import optuna")
        suggest = self._writing.suggest_name()
        return self._writing.helper(ray_helpers.VALUES.replace("SUGGEST", suggest))

    def _tracked(self, best: str, lines: list[str]) -> list[str]:
        tracking = self._writing.tracking
        assert tracking is not None
        if tracking.is_recorded:
            lines = [*lines, f'mlflow.log_metric("best_trial_loss", {best}.metrics["loss"])']
        if tracking.parent is not None:
            return lines
        opening = f"with mlflow.start_run(nested=True) as {self._run}:"
        return [opening, *indented(lines, "    ")]

    def _define(self, name: str, argument: str, lines: list[str]) -> str:
        """Write a function before the search, unless it is there already; return its name."""
        is_top = not self._module.indent(self._search.statement)
        adapters = self._writing.shared.adapters
        if is_top and tuple(lines) in adapters:
            return adapters[tuple(lines)]
        name = self._writing.unused(name)
        self._before += [f"def {name}({argument}):", *indented(lines, "    "), ""]
        if is_top:
            adapters[tuple(lines)] = name
            self._before.append("")
        return name

    def _finish(self, results: str, best: str) -> None:
        writing, module = self._writing, self._module
        config = f"{best}.config"
        for call in writing.uses.evaluations:
            text = config if self._flat is not None else self._point(config)
            module.edits.replace(*module.span(call), text)
        for call in writing.uses.samples:
            writing.imports.add("import optuna")
            text = f"{writing.suggest_name()}(optuna.create_study().ask())"
            module.edits.replace(*module.span(call), text)
        for outer, inner in writing.uses.decodings:
            module.edits.replace(*module.span(outer), module.text(inner))
        for replacement in writing.replacements:
            values = self._values_of() if "VALUES" in replacement.text else ""
            replacement.apply(module, STUDY=results, BEST=best, VALUES=values)
        if self._is_latent and self._writing.uses_result():
            config = f"{self._values_of()}({config})"
        elif self._flat is not None and not is_only_indexed(writing):
            config = searched(writing, self._flat, config)
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
