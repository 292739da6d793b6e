"""Have an objective take a config of Ray Tune's, and return what Tune takes for a result.

Source: Ray Tune reference, "Training in Tune": a dict with the metric; hyperopt.base.Domain.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from hyperbridge.migrate.module import Module
from hyperbridge.migrate.nodes import FUNCTIONS, walk
from hyperbridge.migrate.objectives import Objective, Result, own_returns
from hyperbridge.migrate.program import Program
from hyperbridge.migrate.search_writer import SearchWriter, insert_first
from hyperbridge.migrate.syntax import indented, quoted, split_lines, wrapped

if TYPE_CHECKING:
    from hyperbridge.migrate.tune_spaces import FlatSpace

FIXED = "optuna.trial.FixedTrial"
_CHANGING = ("pop", "update", "setdefault", "clear", "popitem", "__setitem__")


@dataclass(eq=False)
class TuneObjective(SearchWriter):
    """Writes the objective of one search."""

    flat: FlatSpace | None = None
    space_name: str | None = None
    adapters: dict[tuple[object, ...], str] = field(default_factory=dict)

    def _point(self, trial: str) -> str:
        """Return the source of the point of a trial."""
        if self.flat is not None:
            return trial
        if self.space_name is not None:
            return f"{self.space_name}({trial})"
        return super()._point(trial)

    def _of_config(self, config: str) -> str:
        """Return the source of the point of a config."""
        if self.flat is not None:
            return f"dict({config})" if self._changes_point() else config
        self.needs.imports.add("import optuna")
        return self._point(f"{FIXED}({config})")

    def _define_space(self) -> None:
        """Give a space that stands in the call of fmin a name."""
        space = self.search.arguments["space"]
        if self.flat is not None or space not in self.draft.roles.roots:
            return
        text = super()._point("trial")
        self.space_name = self._define_as("search_space", "trial", split_lines(f"return {text}"))

    def _define_as(self, base: str, argument: str, lines: list[str]) -> str:
        """Write a function before the search, unless it is there already; return its name."""
        module = self.search.module
        key = (module, base, argument, *lines)
        is_top = not self._column() and self.later is None
        if is_top and key in self.adapters:
            return self.adapters[key]
        name = self.needs.unused(base)
        if is_top:
            self.adapters[key] = name
        self.definitions += [f"def {name}({argument}):", *indented(lines, "    "), ""]
        if not self._column():
            self.definitions.append("")
        return name

    # the objective

    def _trainable(self) -> str:
        """Write the objective as a function of a config, and return what runs a trial."""
        objective = self.objective
        function = objective.function
        if isinstance(function, ast.FunctionDef) and self._may_adopt(function):
            return self._adopt(objective, function)
        self._refuse_own_runs()
        if isinstance(function, ast.Lambda) and not self._hides(function):
            return self._of_lambda(objective, function)
        expr = objective.expr
        if self.flat is not None and isinstance(expr, ast.Name) and not self._changes_point():
            found = self.rewriting.program.function(expr)
            is_plain = all(
                isinstance(f, ast.FunctionDef) and not f.decorator_list and f.name == expr.id
                for f in found
            )
            if found and is_plain and _is_ready(objective):
                return self.rewriting.plain(expr)
        call = self._call_of(expr, self._of_config("config"))
        return self._define_as(
            "run_trial", "config", split_lines(f"return {self._result_of(call)}")
        )

    def _result_of(self, call: str) -> str:
        """Return what Tune takes for what a call of fmin's function gives."""
        if self.objective.returned == "number":
            return f'{{"loss": {call}}}'
        if _is_ready(self.objective):
            return call
        return f"{self.needs.helper('tune_result')}({call})"

    def _of_lambda(self, objective: Objective, function: ast.Lambda) -> str:
        argument = function.args.args[0].arg
        config = argument if self.flat is not None else "config"
        lines = []
        if self.flat is None or self._changes_point():
            lines += split_lines(f"{argument} = {self._of_config(config)}")
        if objective.results:
            lines += split_lines(f"return {self._dict_of(objective.results[0])}")
        else:
            lines += split_lines(f"return {self._result_of(self._expression(function.body))}")
        return self._define_as("objective", config, lines)

    def _dict_of(self, result: Result) -> str:
        is_ok = result.status == "ok" and result.loss is not None
        entries = [("loss", self._expression(result.loss) if is_ok and result.loss else _NAN)]
        if not is_ok:
            entries.append(("status", '"fail"'))
        entries += [(k, self._expression(v)) for k, v in result.extras if k != "loss"]
        return "{" + ", ".join(f"{quoted(key)}: {text}" for key, text in entries) + "}"

    def _may_adopt(self, function: ast.FunctionDef) -> bool:
        if self.flat is not None:
            expr = self.search.arguments["fn"]
            program = self.rewriting.program
            used = {g.search.arguments["fn"] for g in self.rewriting.drafts}
            same = [f for f in used if program.slot(f) == program.slot(expr)]
            return len(same) == 1 and bool(function.body)
        if self.space_name is not None:
            here = self.rewriting.program.scope_of[
                self.rewriting.program.statement(self.search.call)
            ]
            if here not in self.rewriting.program.scope_of[function].path():
                return False
        return super()._may_adopt(function)

    def _adopt(self, objective: Objective, function: ast.FunctionDef) -> str:
        rewriting, module = self.rewriting, self.search.module
        self._returns(objective, function)
        argument = function.args.args[0]
        lines: list[str] = []
        if self.flat is None:
            taken = {n.id for n in walk(function) if isinstance(n, ast.Name)}
            taken |= {a.arg for a in walk(function) if isinstance(a, ast.arg)}
            config = argument.arg if "config" in taken else "config"
            module.edits.replace(*module.span(argument), config)
            rewriting.done.add(argument)
            lines += split_lines(f"{argument.arg} = {self._of_config(config)}")
        elif self._changes_point():
            lines.append(f"{argument.arg} = dict({argument.arg})")
        returns = function.returns
        if returns is not None and objective.returned == "number":
            module.edits.replace(*module.span(returns), "dict")
            rewriting.done.add(returns)
        if self.tracking is not None and self.tracking.style == "own":
            lines.insert(0, "mlflow.set_tracking_uri(tracking_uri)")
            module.edits.insert(module.span(argument)[1], ", tracking_uri, mlflow_parent")
            self._adopt_runs("**mlflow_parent")
        if lines:
            insert_first(module, function, lines)
        return function.name

    def _returns(self, objective: Objective, function: ast.FunctionDef) -> None:
        """Have every return give a dict with a loss, NaN where the trial failed."""
        rewriting, module = self.rewriting, self.search.module
        newline = module.source.newline
        results = {result.node: result for result in objective.results}
        for node in own_returns(function):
            if node.value is None:
                continue
            result = results.get(node)
            if result is None:
                indent = module.indent(node)
                text = f'return {{"loss": {self._expression(node.value)}}}'
                lines = wrapped(indented(split_lines(text), indent))
                module.edits.replace(*module.span(node), newline.join(lines)[len(indent) :])
                rewriting.done.add(node)
            elif result.status == "fail" or result.loss is None:
                self._fail(node.value)
            else:
                self._drop_status(node.value)

    def _fail(self, value: ast.expr) -> None:
        module = self.search.module
        for key, entry, _ in _entries(module, value):
            if key == "loss":
                module.edits.replace(*module.span(entry), _NAN)
                self.rewriting.done.add(entry)
                return
        if isinstance(value, ast.Dict):
            module.edits.insert(module.span(value)[0] + 1, f'"loss": {_NAN}, ')
        elif isinstance(value, ast.Call):
            module.edits.insert(module.inside(value)[0], f"loss={_NAN}, ")

    def _drop_status(self, value: ast.expr) -> None:
        """Take ``"status": STATUS_OK`` out of a dict: a result of Ray's has none."""
        module = self.search.module
        entries = list(_entries(module, value))
        for position, (key, entry, (start, end)) in enumerate(entries):
            if key != "status":
                continue
            self.rewriting.done.add(entry)
            if position + 1 < len(entries):
                module.edits.replace(start, entries[position + 1][2][0], "")
            elif position > 0:
                module.edits.replace(entries[position - 1][2][1], end, "")

    def _changes_point(self) -> bool:
        """Tell whether the objective changes its dict, which Tune would report as the config."""
        program = self.rewriting.program
        functions = program.function(self.objective.expr)
        if not functions and isinstance(self.objective.expr, ast.Call):
            inner = self.objective.expr.args[:1]
            functions = program.function(inner[0]) if inner else []
        return not functions or any(_changes(program, function) for function in functions)


_NAN = 'float("nan")'


def _is_ready(objective: Objective) -> bool:
    """Tell whether all that an objective returns is what Tune takes for a result."""
    return objective.is_read and all(r.status == "ok" and r.loss for r in objective.results)


def _entries(module: Module, value: ast.expr) -> list[tuple[str, ast.expr, tuple[int, int]]]:
    if isinstance(value, ast.Dict):
        return [
            (str(key.value), entry, (module.span(key)[0], module.span(entry)[1]))
            for key, entry in zip(value.keys, value.values, strict=True)
            if isinstance(key, ast.Constant)
        ]
    assert isinstance(value, ast.Call)
    return [(str(k.arg), k.value, module.span(k)) for k in value.keywords]


def _changes(program: Program, function: ast.AST) -> bool:
    """Tell whether a function may change the dict that it gets."""
    assert isinstance(function, FUNCTIONS)
    names = program.parameters(function)
    if program.is_method(function):
        names = names[1:]
    if not names:
        return True
    name = names[0]
    uses = [n for n in walk(function) if isinstance(n, ast.Name) and n.id == name]
    return any(_is_changed(program, use) for use in uses)


def _is_changed(program: Program, use: ast.Name) -> bool:
    parent = program.parent_of.get(use)
    if isinstance(parent, ast.Subscript) and parent.value is use:
        return not isinstance(parent.ctx, ast.Load)
    if isinstance(parent, ast.Attribute):
        return parent.attr in _CHANGING
    if isinstance(parent, ast.Call) and use in parent.args:
        return bool(program.function(parent.func))
    is_bound = isinstance(parent, ast.Assign | ast.NamedExpr | ast.AnnAssign)
    return isinstance(parent, ast.AugAssign) or (is_bound and isinstance(use.ctx, ast.Load))
