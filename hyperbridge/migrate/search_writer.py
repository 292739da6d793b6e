"""What the new code of a search has in common, whatever the engine."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from hyperbridge.migrate.distributions import Needs, number
from hyperbridge.migrate.module import Module
from hyperbridge.migrate.nodes import walk
from hyperbridge.migrate.placed_search import LATER, PlacedSearch
from hyperbridge.migrate.program import Slot
from hyperbridge.migrate.reading import Search, is_none, is_trials_call, seed_of
from hyperbridge.migrate.rewriting import Rewriting
from hyperbridge.migrate.syntax import (
    indented,
    is_whole,
    operand,
    reindented,
    split_lines,
    wrapped,
)

_MOST = 128
"""So many trials SparkTrials runs at once, and no more."""


def is_local(rewriting: Rewriting, slot: Slot) -> bool:
    """Tell whether nothing but the code in its own scope may see a variable."""
    program = rewriting.program
    if slot.scope is None or program.is_imported(slot):
        return False
    kinds = {b.kind for b in slot.scope.bindings.get(slot.name, [])}
    return kinds == {"assign"} and slot.name not in program.declared


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
            inside = set(walk(earlier))
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


def fresh_slots(
    rewriting: Rewriting, accept: Callable[[Search, ast.stmt], bool] = lambda _, __: True
) -> Iterator[tuple[Slot, dict[Search, ast.stmt]]]:
    """Yield each variable whose Trials are made for one search each, with what makes them.

    Args:
        rewriting: The rewriting.
        accept: Tells whether a Trials that is made for a search is fresh.
    """
    program = rewriting.program
    by_slot: dict[Slot, dict[Search, ast.stmt | None]] = {}
    for draft in rewriting.drafts:
        trials = draft.search.arguments.get("trials")
        slot = program.slot(trials) if isinstance(trials, ast.Name) else None
        if slot is not None:
            made = made_for(rewriting, draft.search, slot)
            is_fresh = made is not None and accept(draft.search, made)
            by_slot.setdefault(slot, {})[draft.search] = made if is_fresh else None
    for slot, found in by_slot.items():
        fresh = {search: made for search, made in found.items() if made is not None}
        made_by, flows = set(fresh.values()), {f.node for f in program.flows.get(slot, ())}
        if len(made_by) == len(found) and made_by == flows and is_local(rewriting, slot):
            yield slot, fresh


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
class SearchWriter(PlacedSearch):
    """Writes the parts that each engine has."""

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

    def _at_once(self) -> str | None:
        """Return how many trials run at once; None where the engine decides, or one by one.

        SparkTrials takes no number below 1 for one, and runs 128 trials at most.
        """
        given = self.search.parallelism
        if given is None:
            return None
        known = number(self.search.module, given) if self.search.is_spark else None
        if known is not None and known < 1:
            return None
        return self.rewriting.plain(given) if known is None or known <= _MOST else str(_MOST)

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

    def _point(self, trial: str) -> str:
        """Return the source of the point of a trial, as an expression."""
        space = self.search.arguments["space"]
        text = self.rewriting.spaces.called(space, trial)
        return reindented(text, len(self.search.module.indent(space)), 0)

    def _hides(self, function: ast.Lambda) -> bool:
        """Tell whether the point cannot be written inside of a lambda's own names."""
        mine = {a.arg for a in walk(function.args) if isinstance(a, ast.arg)}
        names = {n.id for n in walk(self.search.arguments["space"]) if isinstance(n, ast.Name)}
        names |= {n.id for n in walk(function.body) if isinstance(n, ast.Name) and n.id == "trial"}
        point = self.rewriting.program.slot(self.search.arguments["space"])
        new = {self.rewriting.spaces.names.get(point, "")} if point is not None else set()
        return bool(mine & (names | new)) or "trial" in names

    def _expression(self, expr: ast.expr) -> str:
        text = self.rewriting.plain(expr)
        text = reindented(text, len(self.search.module.indent(expr)), 0)
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
        for node in walk(space):
            if not isinstance(node, ast.Name):
                continue
            slot = program.slot(node)
            name = node.id if slot is None else rewriting.spaces.names.get(slot, node.id)
            if name in hidden or name == argument:
                return False
            if slot is not None and slot.scope not in visible:
                if isinstance(slot.scope.node, LATER) if slot.scope else False:
                    continue
                return False
            if slot is not None and len(program.flows.get(slot, ())) > 1:
                return False  # it may stand for another one when the objective runs
        if space in self.draft.roles.roots and rewriting.spaces.captured([space]):
            return False
        named = {n.id for n in walk(function) if isinstance(n, ast.Name)}
        args = {a.arg for a in walk(function) if isinstance(a, ast.arg)}
        used = {n.search.arguments["fn"] for n in rewriting.drafts}
        same = [f for f in used if program.slot(f) == program.slot(self.search.arguments["fn"])]
        return "trial" not in named | args and len(same) == 1 and bool(function.body)

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
            ran = self.rewriting.words.counted(expr, self.ran_before)
            text = f"{text} - len({ran})"
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

    def _may_be_in_run(self) -> bool:
        """Tell whether a run may be active here though no ``with`` around the search says so."""
        program, search = self.rewriting.program, self.search
        return program.function_around(search.call) is not None or any(
            program.dotted(node.func) == "mlflow.start_run"
            for node in search.module.of_kind(ast.Call)
            if program.function_around(node) is None
        )

    def _refuse_own_runs(self) -> None:
        """Leave a search whose objective starts MLflow runs, where it is not rewritten itself."""
        if self.tracking is not None and self.tracking.style == "own":
            raise self.block(
                self.tracking.starts[0],
                "HB210",
                "the objective starts MLflow runs of its own, and is used in a way that keeps it"
                " from being rewritten: give start_run the experiment_id and the parent_run_id of"
                " the search by hand",
            )

    def _adopt_runs(self, parent: str) -> None:
        """Give runs that the objective starts itself their parent, wherever it runs."""
        module = self.search.module
        for call in () if self.tracking is None else self.tracking.starts:
            comma = ", " if call.args or call.keywords else ""
            nested = "" if any(k.arg == "nested" for k in call.keywords) else "nested=True, "
            module.edits.insert(module.span(call)[1] - 1, f"{comma}{nested}{parent}")

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


def _has_call(node: ast.AST) -> bool:
    """Tell whether something is called when an expression is evaluated."""
    if isinstance(node, ast.Call):
        return True
    parts = [node.args] if isinstance(node, ast.Lambda) else ast.iter_child_nodes(node)
    return any(_has_call(part) for part in parts)
