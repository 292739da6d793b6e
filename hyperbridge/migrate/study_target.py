"""Rewrite a search as an Optuna study. Source: Optuna reference, ``create_study``, ``optimize``."""

from __future__ import annotations

import ast
from dataclasses import dataclass, field

from hyperbridge.migrate import tracking
from hyperbridge.migrate.distributions import Needs
from hyperbridge.migrate.helpers import STUDY
from hyperbridge.migrate.module import Module
from hyperbridge.migrate.notes import Note
from hyperbridge.migrate.objectives import Objective, Result, read_objective
from hyperbridge.migrate.origins import origins
from hyperbridge.migrate.program import FUNCTIONS, Program, Slot
from hyperbridge.migrate.reading import TRIALS, Search, is_none, is_trials_call, seed_of
from hyperbridge.migrate.results import needs_indices
from hyperbridge.migrate.rewriting import Going, Rewriting
from hyperbridge.migrate.syntax import (
    indented,
    is_whole,
    operand,
    quoted,
    reindented,
    split_lines,
    wrapped,
)
from hyperbridge.migrate.words import StudyWords

_PLOTS = {
    "main_plot_history": "plot_optimization_history",
    "main_plot_vars": "plot_slice",
    "main_plot_histogram": "plot_edf",
}
_LATER = (ast.Lambda, ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
_MAYBE = (ast.IfExp, ast.BoolOp)
_OFF_THE_CLUSTER = (
    "trials leave Spark's executors for threads of one machine. To keep them on the cluster:"
    " migrate --to spark; or hyperbridge's SparkTrials with a sampler of Optuna's; or Ray on the"
    " Spark cluster (migration_guides/staying_on_spark.md)"
)


class BlockedError(ValueError):
    """A search cannot be rewritten after all.

    Attributes:
        search: The search.
        note: Why.
    """

    def __init__(self, search: Search, node: ast.AST, code: str, text: str) -> None:
        super().__init__(text)
        self.search = search
        line = getattr(node, "lineno", search.call.lineno)
        self.note = Note(line, text, True, code)


class OptunaTarget:
    """Writes native Optuna code."""

    name = "optuna"
    help = "native Optuna code"
    imports = ("import optuna",)
    library = STUDY

    def read(self, program: Program, search: Search) -> list[Note]:  # noqa: ARG002 - a Target's
        """Return what a person must know before anything is written: nothing of Optuna's."""
        return []

    def words(self, rewriting: Rewriting) -> StudyWords:
        """Return what rewrites looks at Trials."""
        return StudyWords(
            rewriting.program,
            rewriting.is_trials,
            rewriting.plain,
            lambda n: rewriting.needs[rewriting.program.home[n]],
            rewriting.best_of,
            rewriting.may_differ,
        )

    def values(self, rewriting: Rewriting) -> list[Going]:  # noqa: ARG002 - a Target's
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
        by_slot: dict[Slot, list[tuple[Search, ast.stmt | None]]] = {}
        for going in rewriting.going:
            trials = going.search.arguments.get("trials")
            if isinstance(trials, ast.Name):
                slot = rewriting.program.slot(trials)
                if slot is not None:
                    made = made_for(rewriting, going.search, slot)
                    by_slot.setdefault(slot, []).append((going.search, made))
        for slot, found in by_slot.items():
            flows = rewriting.program.flows.get(slot, [])
            made_by = {made for _, made in found if made is not None}
            is_whole = len(made_by) == len(found) and made_by == {f.node for f in flows}
            if not is_whole or not is_local(rewriting, slot):
                continue
            module = found[0][0].module
            needs = rewriting.needs[module]
            free = slot.name != "study" and "study" in needs.taken and slot.name != "trials"
            name = slot.name if free else name_of(rewriting, slot, needs)
            rewriting.spaces.names[slot] = name
            for search, made in found:
                assert made is not None
                self._fresh[search] = made
                rewriting.removed.add(made)

    def needs_indices(self, rewriting: Rewriting, going: Going) -> bool:
        """Tell whether the program looks at the indices of options."""
        return needs_indices(rewriting, going)

    def write(self, rewriting: Rewriting, going: Going) -> None:
        """Add all edits of a search."""
        StudyWriter(self, rewriting, going, self._fresh.get(going.search)).write()


def is_local(rewriting: Rewriting, slot: Slot) -> bool:
    """Tell whether nothing but the code in its own scope may see a variable."""
    program = rewriting.program
    if slot.scope is None or program.is_imported(slot):
        return False
    kinds = {b.kind for b in slot.scope.bindings.get(slot.name, [])}
    is_declared = any(slot.name in scope.outer for scope in set(program.scope_of.values()))
    return kinds == {"assign"} and not is_declared


def name_of(rewriting: Rewriting, slot: Slot, needs: Needs, base: str = "study") -> str:
    """Return ``study`` or the like, also for several scopes of a file."""
    program = rewriting.program
    assert slot.scope is not None
    known = [s for s, name in rewriting.spaces.names.items() if name == base]
    apart = all(
        s.scope is not slot.scope
        and s.scope is not None
        and s.scope not in slot.scope.path()
        and slot.scope not in s.scope.path()
        for s in known
    )
    module = program.home[slot.scope.bindings[slot.name][0].node]
    if known and apart and base not in module.identifiers:
        return base
    return needs.unused(base)


def made_for(rewriting: Rewriting, search: Search, slot: Slot) -> ast.stmt | None:
    """Return the statement that makes a Trials for one search, in a straight line before it."""
    program = rewriting.program
    flows = {f.node: f for f in program.flows.get(slot, [])}
    statement: ast.AST = program.statement(search.call)
    while isinstance(statement, ast.stmt):
        block = program.block(statement)
        for earlier in reversed(block[: block.index(statement)]):
            inside = set(ast.walk(earlier))
            hit = [node for node in flows if node in inside]
            if hit:
                flow = flows[hit[0]]
                is_plain = isinstance(earlier, ast.Assign) and len(earlier.targets) == 1
                is_plain = is_plain or isinstance(earlier, ast.AnnAssign)
                if hit != [earlier] or not is_plain or not is_trials_call(program, flow.expr):
                    return None
                between = [
                    use
                    for use in program.uses.get(slot, ())
                    if (earlier.end_lineno or 0) < use.lineno < search.call.lineno
                    or _is_needed_by(rewriting, search, use)
                ]
                is_begin = search.module.begins_line(earlier)
                return earlier if not between and is_begin else None
        parent = program.parent_of.get(statement)
        if not isinstance(parent, ast.With | ast.Try):
            return None
        statement = parent
    return None


def _is_needed_by(rewriting: Rewriting, search: Search, use: ast.expr) -> bool:
    """Tell whether fmin's other arguments are made from a Trials, as in ``fmin(Loss(trials))``."""
    if use is search.arguments.get("trials"):
        return False
    for above in rewriting.program.enclosing(use):
        if above is search.call:
            return True
        if isinstance(above, ast.Lambda | ast.stmt):
            return False
    return False


@dataclass(eq=False)
class StudyWriter:
    """Writes one search; each engine evaluates the trials of its study in its own way."""

    target: OptunaTarget
    rewriting: Rewriting
    going: Going
    fresh: ast.stmt | None
    before: list[str] = field(default_factory=list)
    definitions: list[str] = field(default_factory=list)
    made: list[str] = field(default_factory=list)
    made_name: str | None = None
    further: str = ""
    ran_before: str | None = None
    magic: str = ""
    later: ast.AST | None = None

    def __post_init__(self) -> None:
        program = self.rewriting.program
        self.needs: Needs = self.rewriting.needs[self.search.module]
        self.objective: Objective = read_objective(program, self.search)
        self.tracking: tracking.Tracking | None = None

    @property
    def search(self) -> Search:
        """The search."""
        return self.going.search

    def block(self, node: ast.AST, code: str, text: str) -> BlockedError:
        """Return the error that leaves the search."""
        return BlockedError(self.search, node, code, text)

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
                caught = [n for h in above.handlers if h.type for n in ast.walk(h.type)]
                if any(self.rewriting.program.hyperopt(n) == "AllTrialsFailed" for n in caught):
                    return True
            below = above
        return False

    # where

    def _import(self, statement: ast.stmt) -> None:
        """Have the engine imported, also where the function around fmin has its own import."""
        for line in self.target.imports:
            name = line.rpartition(" ")[2]
            scope = self.rewriting.program.scope_of[statement].find(name)
            if scope is None or not isinstance(scope.node, FUNCTIONS):
                self.needs.imports.add(line)
                continue
            own = scope.bindings[name]
            if any(b.dotted != name for b in own):
                text = f"{name!r} is a name of the program's own, which the new code needs"
                raise self.block(statement, "HB208", text)
            block = self.rewriting.program.block(statement)
            if not any(b.node in block[: block.index(statement)] for b in own):
                self.before.append(line)

    def _function_between(self) -> ast.AST | None:
        """Return the outermost lambda or comprehension in whose inside fmin is called."""
        found: ast.AST | None = None
        for above in self.rewriting.program.enclosing(self.search.call):
            if isinstance(above, ast.stmt):
                break
            if isinstance(above, _LATER):
                found = above
        return found

    def _check_place(self, statement: ast.stmt) -> None:
        program, module = self.rewriting.program, self.search.module
        call = self.search.call
        self.magic = self._magic(statement)
        if not module.begins_line(statement) and not self.magic:
            raise self.block(
                call, "HB208", "fmin stands on a line with other statements: give it its own"
            )
        for above in program.enclosing(call):
            if above is statement:
                break
            if isinstance(above, _MAYBE) and self.later is None:
                raise self.block(
                    call, "HB208", "fmin is called under a condition: give it its own line"
                )
        if isinstance(statement, ast.While | ast.Match) or (
            isinstance(statement, ast.If) and self._is_elif(statement)
        ):
            raise self.block(call, "HB208", "fmin stands in a condition: give it its own line")
        if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            raise self.block(call, "HB208", "fmin stands in a definition: give it its own line")

    def _magic(self, statement: ast.stmt) -> str:
        """Return the magic before a statement on its line, such as ``%time``; empty for none."""
        source = self.search.module.source
        start = self.search.module.span(statement)[0]
        begin = self.search.module.line_start(start)
        before = source.text[begin:start]
        is_magic = source.document is not None and before.startswith("%")
        return before if is_magic and not before.strip().startswith("%%") else ""

    def _is_elif(self, statement: ast.If) -> bool:
        start = self.search.module.span(statement)[0]
        return self.search.module.source.code.startswith("elif", start)

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
        if sampler is not None:
            self.before.append(f"{study}.sampler = {sampler}")
        self.ran_before = study
        return study

    def _free_study(self, base: str = "study") -> str:
        """Return a name for the study or the like, also for two functions of a file."""
        program, module = self.rewriting.program, self.search.module
        scope = program.scope_of[program.statement(self.search.call)]
        used = self.rewriting.study_scopes.setdefault(module, [])
        name = base
        if name in module.identifiers or any(
            s is scope or s in scope.path() or scope in s.path() for s in used
        ):
            return self.needs.unused(base)
        taken = [s for s, n in self.rewriting.spaces.names.items() if n == base]
        if any(
            s.scope is None or s.scope in scope.path() or scope in s.scope.path() for s in taken
        ):
            return self.needs.unused(base)
        self.needs.taken.add(name)
        used.append(scope)
        return name

    def _may_be_none(self, trials: ast.expr) -> bool:
        program = self.rewriting.program
        slot = program.slot(trials)
        if slot is None or slot.scope is None:
            return False
        if not any(b.kind == "argument" for b in slot.scope.bindings.get(slot.name, ())):
            return False
        return any(is_none(e) for e in origins(program, trials).exprs)

    def _sampler_options(self) -> list[str]:
        """Return the arguments of the sampler, the seed last."""
        sampler = self.search.sampler
        options = [f"{name}={self.rewriting.plain(value)}" for name, value in sampler.options]
        if sampler.seed is not None and sampler.is_drawn:
            options.append(f"seed={self._drawn(sampler.seed)}")
        elif sampler.seed is not None:
            options.append(f"seed={self.rewriting.plain(sampler.seed)}")
        if sampler.kind != "tpe":
            self.needs.helpers.add("exact")
            options = [o for o in options if o.startswith("seed=")]
        return options

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

    def _drawn(self, generator: ast.expr) -> str:
        """Return a seed that is drawn from a generator, or the one that the generator has."""
        plain = self.rewriting.plain
        if isinstance(generator, ast.IfExp):
            body, other = self._drawn(generator.body), self._drawn(generator.orelse)
            return f"{body} if {plain(generator.test)} else {other}"
        if is_none(generator):
            return "None"
        seed = seed_of(self.rewriting.program, generator)
        if seed is not None:
            return plain(seed)
        self.rewriting.note(
            generator,
            "HB224",
            "the seed is drawn from the generator, so it must be a numpy Generator",
        )
        drawn = f"int({operand(plain(generator))}.integers(2**31 - 1))"
        if isinstance(generator, ast.Name | ast.Attribute) and self._may_be_none(generator):
            return f"None if {plain(generator)} is None else {drawn}"
        return drawn

    # the objective

    def _point(self, trial: str) -> str:
        """Return the source of the point of a trial, as an expression."""
        text = self.rewriting.spaces.called(self.search.arguments["space"], trial)
        module = self.search.module
        space = self.search.arguments["space"]
        column = _column_of_line(module, space)
        return reindented(text, column, 0)

    def _objective(self) -> str:
        objective = self.objective
        function = objective.function
        if isinstance(function, ast.FunctionDef) and self._may_adopt(function):
            self._rewrite_function(objective, function)
            return function.name
        if self.tracking is not None and self.tracking.style == "own":
            raise self.block(
                self.tracking.starts[0],
                "HB210",
                "the objective starts MLflow runs of its own, and is used in a way that keeps it"
                " from being rewritten: give start_run the experiment_id and the parent_run_id of"
                " the search by hand",
            )
        if isinstance(function, ast.Lambda) and not self._hides(function):
            return self._write_lambda(objective, function)
        return self._adapter(objective)

    def _hides(self, function: ast.Lambda) -> bool:
        """Tell whether the point cannot be written inside of a lambda's own names."""
        mine = {a.arg for a in ast.walk(function.args) if isinstance(a, ast.arg)}
        names = {n.id for n in ast.walk(self.search.arguments["space"]) if isinstance(n, ast.Name)}
        names |= {
            n.id for n in ast.walk(function.body) if isinstance(n, ast.Name) and n.id == "trial"
        }
        point = self.rewriting.program.slot(self.search.arguments["space"])
        new = {self.rewriting.spaces.names.get(point, "")} if point is not None else set()
        return bool(mine & (names | new)) or "trial" in names

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
            or self.search.arguments["space"] in self.going.roles.roots
        ):
            name = self.needs.unused("run_trial")
            lines = split_lines(f"params = {point}")
            inner = self._kept(objective, self._call_of(objective.expr, "params"))
            if "\n" in point or self.search.arguments["space"] in self.going.roles.roots:
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

    def _column(self) -> int:
        program = self.rewriting.program
        return len(self.search.module.indent(program.statement(self.search.call)))

    def _expression(self, expr: ast.expr) -> str:
        text = self.rewriting.plain(expr)
        text = reindented(text, _column_of_line(self.search.module, expr), 0)
        return f"({text})" if "\n" in text and not is_whole(text) else text

    def _call_of(self, expr: ast.expr, point: str) -> str:
        """Return a call of fmin's function; what makes the function is evaluated once."""
        program = self.rewriting.program
        is_partial = isinstance(expr, ast.Call) and program.dotted(expr.func) == "functools.partial"
        inner = list(ast.iter_child_nodes(expr)) if is_partial else [expr]
        if any(_has_call(part) for part in inner):
            if self.made_name is None:
                self.made_name = self.needs.unused("objective")
                made = split_lines(f"{self.made_name} = {self._expression(expr)}")
                self.made = made + ([""] if self._column() else ["", ""])
            return f"{self.made_name}({point})"
        if is_partial:
            assert isinstance(expr, ast.Call)
            function, *given = (self.rewriting.plain(arg) for arg in expr.args)
            named = [f"{k.arg}={self.rewriting.plain(k.value)}" for k in expr.keywords if k.arg]
            named += [f"**{self.rewriting.plain(k.value)}" for k in expr.keywords if not k.arg]
            return f"{function}({', '.join([*given, point, *named])})"
        return f"{operand(self._expression(expr))}({point})"

    def _may_adopt(self, function: ast.FunctionDef) -> bool:
        """Tell whether an objective can make its point itself."""
        program, rewriting = self.rewriting.program, self.rewriting
        space = self.search.arguments["space"]
        argument = function.args.args[0].arg
        visible = list(program.scope_of[function].path())
        inner = program.scope_of[function.args]
        hidden = set(inner.bindings) - inner.outer
        for node in ast.walk(space):
            if not isinstance(node, ast.Name):
                continue
            slot = program.slot(node)
            name = node.id if slot is None else rewriting.spaces.names.get(slot, node.id)
            if name in hidden or name == argument:
                return False
            if slot is not None and slot.scope not in visible:
                if isinstance(slot.scope.node, _LATER) if slot.scope else False:
                    continue
                return False
            if slot is not None and len(program.flows.get(slot, ())) > 1:
                return False  # it may stand for another one when the objective runs
        if space in self.going.roles.roots and rewriting.spaces.captured([space]):
            return False
        named = {n.id for n in ast.walk(function) if isinstance(n, ast.Name)}
        args = {a.arg for a in ast.walk(function) if isinstance(a, ast.arg)}
        used = {n.search.arguments["fn"] for n in rewriting.going}
        same = [f for f in used if program.slot(f) == program.slot(self.search.arguments["fn"])]
        return "trial" not in named | args and len(same) == 1 and bool(function.body)

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
        self._adopt_runs("trial")
        is_read = any(isinstance(n, ast.Name) and n.id == name for n in ast.walk(function))
        if not is_read and not self.going.roles.parameters:
            return
        lines = split_lines(f"{name} = {self._point('trial')}")
        insert_first(module, function, lines)

    def _adopt_runs(self, trial: str) -> None:
        """Give runs that the objective starts itself their parent, whatever thread it is in."""
        logged = self.tracking
        if logged is None or logged.style != "own":
            return
        module = self.search.module
        for call in logged.starts:
            _, end = module.span(call)
            comma = ", " if call.args or call.keywords else ""
            nested = "" if any(k.arg == "nested" for k in call.keywords) else "nested=True, "
            parent = f'**{trial}.study.user_attrs["mlflow_parent"]'
            module.edits.insert(end - 1, f"{comma}{nested}{parent}")

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
        if self.rewriting.latent(self.going.roles):
            raise self.block(
                points, "HB211", "the study holds some values of these points in another form"
            )
        text = self._expression(points)
        self.further = f" + len({text})"
        if isinstance(points, ast.List | ast.Tuple):
            self.further = f" + {len(points.elts)}"
        self.before += [f"for point in {text}:", f"    {study}.enqueue_trial(point)"]

    def _trials_wanted(self) -> str | None:
        expr = self.search.arguments.get("max_evals")
        if expr is None:
            return None
        text = self._expression(expr)
        if self.further:
            number = expr.value if isinstance(expr, ast.Constant) else None
            if isinstance(number, int) and self.further.removeprefix(" + ").isdigit():
                text = str(number + int(self.further.removeprefix(" + ")))
            else:
                text = f"{operand(text)}{self.further}"
        if self.ran_before is not None:
            text = text if isinstance(expr, ast.BinOp) else operand(text)
            text = f"{text} - len({self.ran_before}.trials)"
        return text

    def stops(self) -> list[str]:
        """Return what may stop the search early."""
        search, hooks = self.search, []
        if search.patience is not None:
            name = self.needs.helper("StopWithoutProgress")
            count, percent = search.patience
            given = "20" if count is None else self.rewriting.plain(count)
            more = "" if percent is None else f", percent={self.rewriting.plain(percent)}"
            hooks.append(f"{name}({given}{more})")
        if search.stop_when is not None:
            name = self.needs.helper("StopWhen")
            hooks.append(f"{name}({self.rewriting.plain(search.stop_when)})")
        if search.loss_threshold is not None:
            name = self.needs.helper("StopAtLoss")
            hooks.append(f"{name}({self.rewriting.plain(search.loss_threshold)})")
        return hooks

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
        if search.parallelism is not None:
            parts.append(f"n_jobs={plain(search.parallelism)}")
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

    def _may_be_in_run(self) -> bool:
        """Tell whether a run may be active here though no ``with`` around the search says so."""
        program, search = self.rewriting.program, self.search
        return program.function_around(search.call) is not None or any(
            isinstance(node, ast.Call) and program.dotted(node.func) == "mlflow.start_run"
            for node in search.module.walk()
            if program.function_around(node) is None
        )

    def _parent_run(self) -> str:
        item = None if self.tracking is None else self.tracking.parent
        if item is None:
            return self.needs.unused("parent_run")
        if isinstance(item.optional_vars, ast.Name):
            return item.optional_vars.id
        parents = self.rewriting.parents
        if item not in parents:
            name = parents[item] = self.needs.unused("parent_run")
            end = self.search.module.span(item.context_expr)[1]
            self.search.module.edits.insert(end, f" as {name}")
        return parents[item]

    def _result(self, study: str) -> str:
        if self.search.returns_point:
            return self.rewriting._with(self.search.arguments["space"], f"{study}.best_trial")
        if self.rewriting.latent(self.going.roles):
            return f"{self.needs.helper('values_of')}({study}.best_trial)"
        return f"{study}.best_params"

    def _place(self, statement: ast.stmt, text: str) -> None:
        rewriting, module = self.rewriting, self.search.module
        newline = module.source.newline
        indent = module.indent(statement)
        if self.later is not None:
            text = self._as_function(text)
        comments = self._comments()
        start, end = module.span(statement)
        is_alone = isinstance(statement, ast.Expr) and statement.value is self.search.call
        is_dropped = is_alone and not module.source.is_last_of_cell(end)
        is_dropped = is_dropped or self._is_only_decoded(statement)
        lines = [*comments, *self.before]
        lines = wrapped(indented(lines, indent))
        while lines and not lines[-1].strip():
            lines.pop()
        joined = newline.join(lines)[len(indent) :]
        if lines and self.before[0].startswith("def "):
            blank = rewriting.blank_before(statement)
            if blank:
                module.edits.insert(module.line_start(start), newline * blank)
        rewriting.call_text[self.search.call] = text
        if self.magic:
            *first, last = self.before
            lines = [*wrapped([*comments, *first]), f"{self.magic}{last}"]
            begin = module.line_start(start)
            rest = "" if is_alone else newline
            module.edits.replace(begin, end if is_alone else start, newline.join(lines) + rest)
            if is_alone:
                rewriting.done.add(statement)
            return
        if is_dropped and self.later is None:
            module.edits.replace(start, end, joined)
            rewriting.done.add(statement)
            return
        separator = f"{newline}{indent}"
        if self.before[-1:] == [""]:
            separator = newline * (3 if not indent else 2) + indent
        module.edits.insert(start, f"{joined}{separator}")

    def _is_only_decoded(self, statement: ast.stmt) -> bool:
        """Tell whether a local result is looked at by rewritten calls of space_eval alone."""
        program = self.rewriting.program
        if (
            not isinstance(statement, ast.Assign | ast.AnnAssign)
            or statement.value is not self.search.call
        ):
            return False
        target = statement.targets[0] if isinstance(statement, ast.Assign) else statement.target
        slot = program.slot(target)
        if slot is None or slot.scope is None or not isinstance(slot.scope.node, FUNCTIONS):
            return False
        if isinstance(statement, ast.Assign) and len(statement.targets) > 1:
            return False
        if len(program.flows.get(slot, ())) != 1:
            return False
        uses = program.uses.get(slot, ())
        loads = [u for u in uses if isinstance(getattr(u, "ctx", None), ast.Load)]
        above = [program.parent_of[use] for use in loads]
        return bool(loads) and all(
            isinstance(call, ast.Call) and program.hyperopt(call.func) == "space_eval"
            for call in above
        )

    def _as_function(self, text: str) -> str:
        """Put the search into a function of its own, which the expression calls."""
        program = self.rewriting.program
        inner = program.scope_of[self.search.call]
        outer = program.scope_of[program.statement(self.search.call)]
        names: dict[str, None] = {}
        for scope in inner.path():
            if scope is outer:
                break
            names.update(dict.fromkeys(scope.bindings))
        used = {n.id for n in ast.walk(self.search.call) if isinstance(n, ast.Name)}
        given = ", ".join(n for n in names if n in used)
        name = self.needs.unused("search")
        body = list(self.before)
        while body and not body[-1]:
            body.pop()
        lines = indented([*body, f"return {text}"], "    ")
        lines = ["" if not line.strip() else line for line in lines]
        self.before = [f"def {name}({given}):", *lines, ""]
        if not self._column():
            self.before.append("")
        return f"{name}({given})"

    def _comments(self) -> list[str]:
        """Return the comments in the call, which is written anew."""
        call = self.search.call
        assert call.end_lineno is not None
        found = []
        for line in range(call.lineno, call.end_lineno + 1):
            comment = self.search.module.comments.get(line)
            is_behind = line == call.end_lineno
            if comment is not None and not is_behind:
                found.append(comment[1])
        return found


def insert_first(module: Module, function: ast.FunctionDef, lines: list[str]) -> None:
    """Insert statements at the beginning of a function, after its docstring."""
    newline = module.source.newline
    first = function.body[0]
    is_text = isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant)
    is_text = is_text and isinstance(first.value.value, str)  # type: ignore[attr-defined]  # an Expr
    if is_text and len(function.body) > 1:
        first = function.body[1]
    start = module.span(first)[0]
    if module.begins_line(first):
        indent = module.indent(first)
        text = newline.join(wrapped(indented(lines, indent))) + newline
        module.edits.insert(module.line_start(start), text)
        return
    indent = module.indent(function) + "    "
    text = newline + newline.join(wrapped(indented(lines, indent))) + newline + indent
    colon = module.source.code.rindex(":", 0, start)
    module.edits.replace(colon + 1, start, text)


def _column_of_line(module: Module, node: ast.expr) -> int:
    """Return the indentation of the line on which a node begins."""
    start = module.span(node)[0]
    line = module.source.code[module.line_start(start) : start]
    return len(line) - len(line.lstrip())


def _has_call(node: ast.AST) -> bool:
    """Tell whether something is called when an expression is evaluated."""
    if isinstance(node, ast.Call):
        return True
    parts = [node.args] if isinstance(node, ast.Lambda) else ast.iter_child_nodes(node)
    return any(_has_call(part) for part in parts)
