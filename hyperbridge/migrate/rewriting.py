"""One attempt to rewrite the searches of a program for a target."""

from __future__ import annotations

import ast
import functools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from hyperbridge.migrate.analysis import Analysis
from hyperbridge.migrate.demand import Demand, Roles
from hyperbridge.migrate.distributions import Needs
from hyperbridge.migrate.helpers import Library
from hyperbridge.migrate.module import Module
from hyperbridge.migrate.nodes import FUNCTIONS, Function, children, walk
from hyperbridge.migrate.notes import Note
from hyperbridge.migrate.objectives import read_objective
from hyperbridge.migrate.origins import origins
from hyperbridge.migrate.placing import (
    blank_lines_wanted,
    remove_statements,
    replace_with_definition,
)
from hyperbridge.migrate.program import Program, Slot, is_property_decorator
from hyperbridge.migrate.reading import (
    REPLACED,
    SAMPLER_CLASSES,
    SAMPLER_OPTIONS,
    Search,
    is_partial,
)
from hyperbridge.migrate.results import looks_at_documents, needs_indices
from hyperbridge.migrate.scopes import Scope
from hyperbridge.migrate.spaces import SpaceWriter, is_latent
from hyperbridge.migrate.straight_line import last_value
from hyperbridge.migrate.syntax import compose, indented, located, wrapped
from hyperbridge.migrate.units import Unit, UnitFinder, same_cell
from hyperbridge.migrate.words import StudyWords

_STATUS = {
    "STATUS_NEW": '"new"',
    "STATUS_RUNNING": '"running"',
    "STATUS_SUSPENDED": '"suspended"',
    "STATUS_OK": '"ok"',
    "STATUS_FAIL": '"fail"',
    "JOB_STATE_NEW": "0",
    "JOB_STATE_RUNNING": "1",
    "JOB_STATE_DONE": "2",
    "JOB_STATE_ERROR": "3",
    "JOB_STATE_CANCEL": "4",
    "AllTrialsFailed": "ValueError",
}
_GRAPH = ("Apply", "Literal", "SymbolTable")
"""Classes of what hyperopt's spaces are made of."""


@dataclass(slots=True, eq=False)
class Draft:
    """One search while it is written.

    Attributes:
        search: The search.
        roles: What its space comes from.
        best: The slot that holds fmin's result; None when nothing or more than one does.
        decoded: Look-ups by index whose inner part holds the option itself.
        looked_up: Whether anything but what is rewritten looks at the result.
    """

    search: Search
    roles: Roles
    visited: set[ast.AST]
    best: Slot | None = None
    remarks: list[Note] = field(default_factory=list)


class Target(Protocol):
    """A new engine.

    Attributes:
        name: What ``--to`` calls it.
        help: What it is, for the command line.
        imports: What its code imports.
        library: Its helpers.
    """

    name: str
    help: str
    imports: tuple[str, ...]
    library: Library

    def read(self, program: Program, search: Search) -> list[Note]:
        """Return what a person must know of a search before anything is written."""

    def words(self, rewriting: Rewriting) -> StudyWords:
        """Return what rewrites looks at Trials."""

    def values(self, rewriting: Rewriting) -> list[Draft]:
        """Return the searches whose spaces stay values, and become no functions."""

    def rule(self, rewriting: Rewriting, node: ast.AST) -> str | None:
        """Return the text for a node that this engine has a word of its own for."""

    def rewritten(self) -> Iterable[ast.AST]:
        """Return the nodes that `rule` has a text for though nothing of hyperopt's is in them."""

    def remark(self, code: str, text: str) -> str:
        """Return what to tell of a parameter, for what Optuna's users are told."""

    def prepare(self, rewriting: Rewriting) -> None:
        """Look at all searches before one is written."""

    def write(self, rewriting: Rewriting, draft: Draft) -> None:
        """Add the edits of a search."""


class Rewriting:
    """The rewriting of some searches; its edits are in the modules.

    Args:
        analysis: The program.
        searches: Those that go.
        target: The new engine.

    Raises:
        BlockedError: One of them cannot be rewritten after all.
    """

    def __init__(
        self,
        analysis: Analysis,
        searches: Sequence[Search],
        target: Target,
    ) -> None:
        self._analysis = analysis
        self.searches = searches
        program = self.program = analysis.program
        self.target = target
        self.random = analysis.random
        self.roles = Roles()
        self.drafts: list[Draft] = []
        for search in searches:
            demand = analysis.demands[search]
            self.drafts.append(Draft(search, demand.roles, demand.visited))
            self.roles.add(demand.roles)
        self.strays: list[Demand] = []
        self.needs = {m: Needs(taken=set(m.identifiers)) for m in program.modules}
        self.spaces = SpaceWriter(program, self.roles, self.needs)
        self.notes: dict[Module, list[Note]] = {m: [] for m in program.modules}
        self.noted: list[tuple[ast.AST, Note]] = []
        self.kept: set[ast.AST] = set()
        self.call_text: dict[ast.Call, str] = {}
        self.removed: set[ast.stmt] = set()
        self.done: set[ast.AST] = set()
        self.study_text: dict[ast.Call, str] = {}
        self.decoded: dict[ast.expr, ast.expr] = {}
        self.parents: dict[ast.withitem, str] = {}
        self.study_scopes: dict[Module, list[Scope]] = {}
        self.trials = analysis.trials(searches)
        self.words = target.words(self)
        self.spaces.looks = self._look

    @functools.cached_property
    def looks_at_documents(self) -> bool:
        """Whether the program asks its Trials for values by label."""
        return looks_at_documents(self)

    # what is what

    def is_trials(self, expr: ast.expr) -> bool:
        """Tell whether an expression gives a Trials."""
        return self.trials.gives(expr)

    def may_differ(self) -> bool:
        """Tell whether a study may say another loss of a trial than Trials, or has more trials."""
        for draft in self.drafts:
            objective = read_objective(self.program, draft.search)
            is_plain = objective.returned == "number" or (
                objective.is_read
                and not any(
                    r.status != "ok" and (r.loss is not None or "loss" in dict(r.extras))
                    for r in objective.results
                )
            )
            if draft.search.catches or not is_plain:
                return True
        return False

    def stops(self) -> bool:
        """Tell whether something may end a search before all of its trials are over."""
        searches = [draft.search for draft in self.drafts]
        limits = [(s.patience, s.stop_when, s.loss_threshold, s.timeout) for s in searches]
        return any(each is not None for limit in limits for each in limit)

    def may_fail(self) -> bool:
        """Tell whether an objective says of some trials that they have failed."""
        found = (read_objective(self.program, draft.search) for draft in self.drafts)
        return any(r.status != "ok" for objective in found for r in objective.results)

    def catches(self) -> bool:
        """Tell whether trials of some search may fail while the others go on."""
        return any(draft.search.catches for draft in self.drafts)

    def latent(self, roles: Roles) -> bool:
        """Tell whether the study holds a parameter of a space in another form."""
        is_bounded = any(needs.bounds_normals for needs in self.needs.values())
        return any(
            is_latent(self.program, call, bounds_normals=is_bounded) for call in roles.parameters
        )

    def best_of(self, node: ast.AST, study: str) -> str:
        """Return the source of what fmin returned, for a study."""
        if any(self.latent(draft.roles) for draft in self.drafts):
            name = self.needs[self.program.home[node]].helper("values_of")
            return f"{name}({study}.best_trial)"
        return f"{study}.best_params"

    # text outside of a space

    def plain(self, node: ast.AST) -> str:
        """Return the source of a node outside of a space, with all that is rewritten in it."""
        module = self.program.home[node]
        assert isinstance(node, ast.expr | ast.stmt)
        return compose(module, node, self.rule, span=module.span(node))

    def rule(self, node: ast.AST) -> str | None:
        """Return the text for a node outside of a space; None for what stays."""
        if node in self.decoded:
            return self.plain(self.decoded[node])
        own = self.target.rule(self, node)
        if own is not None:
            return own
        if isinstance(node, ast.Call):
            if node in self.call_text:
                return self.call_text[node]
            name = self.program.hyperopt(node.func)
            if name == "space_eval":
                return self._space_eval(node)
            if name == "sample" and node.args:
                return self._sample(node)
            if is_partial(self.program, node) and node not in self.kept:
                return self._partial_sampler(node)
        if isinstance(node, ast.Name | ast.Attribute) and isinstance(node.ctx, ast.Load):
            name = self.program.hyperopt(node)
            if name in _STATUS:
                return _STATUS[name]
            if name in SAMPLER_CLASSES and node not in self.kept:
                return self._sampler_class(node, name)
            if name in _GRAPH and self.is_type(node):
                return "object"
        text = self._look(node)
        if text is not None:
            return text
        if isinstance(node, ast.Name) and self.program.slot(node) in self.spaces.names:
            slot = self.program.slot(node)
            assert slot is not None
            return self.spaces.names[slot]
        return self.spaces.flow_rule(node, "trial")

    def keep(self, searches: Iterable[Search]) -> None:
        """Have the algorithms of searches that are left stay what hyperopt takes."""
        for search in searches:
            algo = search.arguments.get("algo")
            found = set() if algo is None else {algo, *origins(self.program, algo).exprs}
            self.kept.update(node for expr in found for node in walk(expr))

    def adopt(self, strays: Sequence[Demand]) -> None:
        """Have spaces that no search uses become functions of the trial, too."""
        self.strays += strays
        for stray in strays:
            self.roles.add(stray.roles)

    def is_type(self, node: ast.expr) -> bool:
        """Tell whether a class stands for its objects: in an annotation, or in isinstance."""
        below: ast.AST = node
        for above in self.program.enclosing(node):
            if isinstance(above, ast.arg | ast.AnnAssign) and below is above.annotation:
                return True
            if isinstance(above, ast.FunctionDef | ast.AsyncFunctionDef):
                return below is above.returns
            if isinstance(above, ast.Call):
                return getattr(above.func, "id", "") == "isinstance" and below is not above.func
            if isinstance(above, ast.stmt):
                return False
            below = above
        return False

    def _sampler_class(self, node: ast.expr, name: str) -> str:
        """Return Optuna's class for an algorithm that the program holds as a value."""
        self.needs[self.program.home[node]].imports.add("import optuna")
        if name in REPLACED:
            text = f"{REPLACED[name]} has no counterpart; TPE takes its place"
            self.note(node, "HB222", text)
        return f"optuna.samplers.{SAMPLER_CLASSES[name]}"

    def _partial_sampler(self, call: ast.Call) -> str | None:
        """Return a partial of a sampler's class for one of an algorithm."""
        name = self.program.hyperopt(call.args[0])
        if name not in SAMPLER_CLASSES or len(call.args) > 1:
            return None
        options = [
            f"{SAMPLER_OPTIONS[k.arg]}={self.plain(k.value)}"
            for k in call.keywords
            if k.arg in SAMPLER_OPTIONS and name == "tpe.suggest"
        ]
        dropped = [str(k.arg) for k in call.keywords if k.arg not in SAMPLER_OPTIONS]
        if dropped and name not in REPLACED:
            verb = "is" if len(dropped) == 1 else "are"
            self.note(
                call,
                "HB221",
                f"{', '.join(dropped)} {verb} dropped: the new sampler chooses its own",
            )
        sampler = self._sampler_class(call.args[0], name)
        if not options:
            return sampler
        if self.program.hyperopt(call.func):  # hyperopt's own name for it
            self.needs[self.program.home[call]].imports.add("import functools")
            head = "functools.partial"
        else:
            head = self.plain(call.func)
        return f"{head}({', '.join([sampler, *options])})"

    def _look(self, node: ast.AST) -> str | None:
        return None if self.words.is_inside(node) else self.words.rule(node)

    def is_guarded(self, node: ast.AST) -> bool:
        """Tell whether a name is hyperopt's module, or None where it is not installed."""
        if not isinstance(node, ast.Name) or self.program.hyperopt(node) != "":
            return False
        parent = self.program.parent_of.get(node)
        return len(self.program.bindings(node)) > 1 and not isinstance(parent, ast.Attribute)

    def _space_eval(self, call: ast.Call) -> str | None:
        given = [*call.args, *(k.value for k in call.keywords)]
        if len(given) < 2:
            return None
        space, point = given[0], given[1]
        if not self._is_space(space):
            return None
        module = self.program.home[call]
        self.needs[module].imports.add("import optuna")
        fixed = self._point_of(point)
        if fixed is None:
            self.needs[module].helpers.add("fixed")
            fixed = f"optuna.trial.FixedTrial({self.plain(point)})"
        return self._with(space, fixed)

    def _point_of(self, point: ast.expr) -> str | None:
        """Return the trial of a study that a point is the best one of; None when it is not told."""
        if (
            isinstance(point, ast.Attribute)
            and point.attr == "argmin"
            and self.is_trials(point.value)
        ):
            return f"{self.plain(point.value)}.best_trial"
        return self.result_of(point, self.study_text)

    def result_of(self, point: ast.expr, texts: Mapping[ast.Call, str]) -> str | None:
        """Return the text of the search whose result an expression is known to be."""
        if isinstance(point, ast.Call) and point in self.call_text:
            return texts.get(point)
        if isinstance(point, ast.Name):
            flow = last_value(self.program, point)
            if isinstance(flow, ast.Call) and flow in texts:
                return texts[flow] if self._still_holds(flow, point) else None
        return None

    def _still_holds(self, call: ast.Call, use: ast.expr) -> bool:
        """Tell whether the study's variable is the same where the result is used."""
        return self.program.scope_of[call] in self.program.scope_of[use].path()

    def _is_space(self, expr: ast.expr) -> bool:
        slot = self.program.slot(expr)
        if slot is not None:
            spaces = self.roles.units | self.roles.holders
            if slot in spaces:
                return True
            found = origins(self.program, expr)
            known = set().union(*(draft.visited for draft in self.drafts))
            return bool(found.slots & spaces) and found.exprs <= known
        return expr in self.roles.roots or self._asks(expr)

    def _asks(self, expr: ast.expr) -> bool:
        for node in walk(expr):
            if isinstance(node, ast.Call) and any(
                f in self.roles.builders | self.roles.givers
                for f in self.program.function(node.func)
            ):
                return True
            slot = self.program.slot(node)
            if (
                slot is not None
                and slot in self.roles.units | self.roles.holders | self.roles.containers
            ):
                return True
        return False

    def _with(self, space: ast.expr, trial: str) -> str:
        """Return the value of a space for a trial that is an expression."""
        text = self.spaces.called(space, "trial")
        if isinstance(space, ast.Name | ast.Attribute):
            return f"{text.removesuffix('(trial)')}({trial})"
        if text.endswith("(trial)") and isinstance(space, ast.Subscript | ast.Call):
            head = text.removesuffix("(trial)")
            if "trial" not in head:
                return f"{head}({trial})"
        return f"(lambda trial: {text})({trial})"

    def _sample(self, call: ast.Call) -> str | None:
        if not self._is_space(call.args[0]):
            return None
        self.needs[self.program.home[call]].imports.add("import optuna")
        return self._with(call.args[0], "optuna.create_study().ask()")

    def note(self, node: ast.AST, code: str, text: str, *, needs_person: bool = False) -> None:
        """Tell a person something."""
        module = self.program.home[node]
        note = Note(getattr(node, "lineno", 1), text, needs_person, code)
        if note not in self.notes[module]:
            self.notes[module].append(note)
            self.noted.append((node, note))

    def notes_on(self, draft: Draft) -> list[Note]:
        """Return the remarks on a search, with those of its file that may be on any of them."""
        mine = {*draft.visited, *draft.roles.parameters, *walk(draft.search.call)}
        others = {n for stray in self.strays for n in (*stray.visited, *stray.roles.parameters)}
        for other in self.drafts:
            others |= {*other.visited, *other.roles.parameters, *walk(other.search.call)}
        home = self.program.home
        return [
            note
            for node, note in self.noted
            if node in mine or (node not in others and home[node] is draft.search.module)
        ]

    # writing

    def write(self) -> None:
        """Add all edits."""
        self._choose_indices()
        self._keep_values()
        self._name_spaces()
        self._drop_consumed()
        self.target.prepare(self)
        units = self._units()
        for draft in self.drafts:
            self.target.write(self, draft)
        for unit in units:
            self._write_unit(unit)
        self._touched = self._touched_code()
        for module in self.program.modules:
            self._visit(module.tree, None)
            remove_statements(module, [s for s in self.removed if self.program.home[s] is module])
        for call, (code, remark) in self.spaces.remarks.items():
            label = call.args[0] if call.args else call
            shown = repr(label.value) if isinstance(label, ast.Constant) else "a parameter"
            self.note(call, code, f"{shown}: {self.target.remark(code, remark)}")

    def _touched_code(self) -> set[ast.AST]:
        """Return the statements in which anything may be rewritten, and all around them."""
        program = self.program
        found = set(self._analysis.touched(self.searches))
        roles = self.roles
        program.add_around((*roles.roots, *roles.builders, *self.decoded), found)
        program.add_around(self.target.rewritten(), found)
        for slot in self.spaces.names:
            program.add_around(program.uses.get(slot, ()), found)
        return found

    def _choose_indices(self) -> None:
        """Decide for each choice whether the study holds its options or their indices."""
        by_index = self.spaces.by_index
        choices: dict[ast.Call, list[Draft]] = {}
        for draft in self.drafts:
            for call in draft.roles.parameters:
                if (self.program.hyperopt(call.func) or "").endswith("choice"):
                    choices.setdefault(call, []).append(draft)
                    if self.spaces.plain_options(call) is None:
                        by_index.add(call)
        for draft in self.drafts:
            mine = {c for c, users in choices.items() if draft in users}
            if mine and needs_indices(self, draft):
                by_index |= mine
                self.spaces.needs_index |= mine
        for stray in self.strays:
            for call in stray.roles.parameters:
                is_choice = (self.program.hyperopt(call.func) or "").endswith("choice")
                if is_choice and self.spaces.plain_options(call) is None:
                    by_index.add(call)

    def _keep_values(self) -> None:
        """Leave the spaces that stay values out of what becomes functions of the trial."""
        kept = self.target.values(self)
        if kept:
            self.roles = self.spaces.roles = Roles()
            for draft in self.drafts:
                if draft not in kept:
                    self.roles.add(draft.roles)
            for stray in self.strays:
                self.roles.add(stray.roles)

    def _drop_consumed(self) -> None:
        """Drop variables that only served arguments of fmin which are written otherwise now."""
        program = self.program
        gone: dict[Slot, set[ast.expr]] = {}
        for draft in self.drafts:
            sampler, patience = draft.search.sampler, draft.search.patience or ()
            written = [sampler.seed, sampler.chosen, *(v for _, v in sampler.options), *patience]
            staying = {node for expr in written if expr is not None for node in walk(expr)}
            for name in ("algo", "rstate", "early_stop_fn"):
                expr = draft.search.arguments.get(name)
                if name == "rstate" and draft.search.sampler.is_drawn:
                    continue
                if name == "early_stop_fn" and draft.search.stop_when is not None:
                    continue
                for node in [] if expr is None else walk(expr):
                    slot = program.slot(node)
                    if isinstance(node, ast.Name) and slot is not None and node not in staying:
                        gone.setdefault(slot, set()).add(node)
        for slot, flows in program.flows.items():
            if slot.scope is not None and all(
                program.hyperopt(flow.expr) in ("tpe.suggest", "rand.suggest") for flow in flows
            ):
                gone.setdefault(slot, set())
        for slot, nodes in gone.items():
            loads = {
                use
                for use in program.uses.get(slot, ())
                if isinstance(getattr(use, "ctx", None), ast.Load)
            }
            flows = program.flows.get(slot, [])
            plain = all(
                isinstance(f.node, ast.Assign) and len(f.node.targets) == 1 and not f.path
                for f in flows
            )
            if slot.scope is None or not flows or not plain or loads - nodes:
                continue
            if program.is_imported_idly(slot):
                continue
            in_function = isinstance(slot.scope.node, FUNCTIONS)
            ours = any(program.hyperopt(part) for flow in flows for part in walk(flow.expr))
            if in_function or ours:
                self.removed.update(f.node for f in flows)  # type: ignore[misc]  # statements

    def _name_spaces(self) -> None:
        """Give the variable ``space`` a name that says what it is as a function."""
        for slot in self.roles.units:
            if slot.name != "space" or slot.scope is None or self.program.is_imported(slot):
                continue
            bindings = slot.scope.bindings.get(slot.name, [])
            if any(b.kind == "argument" for b in bindings) or slot.name in self.program.declared:
                continue
            module = self.program.home[bindings[0].node]
            if (
                "search_space" not in module.identifiers
                or "search_space" in self.needs[module].named
            ):
                self.needs[module].named["search_space"] = "search_space"
                self.needs[module].taken.add("search_space")
                self.spaces.names[slot] = "search_space"

    def _units(self) -> list[Unit]:
        finder = self._finder = UnitFinder(self.program, self.spaces)
        found: list[Unit] = []
        for slot in self.roles.units - self.roles.local:
            found += finder.units(slot)
        for unit in found:
            self.done.update(unit.members)
        return sorted(found, key=lambda u: (u.members[0].lineno, u.members[0].col_offset))

    def _write_unit(self, unit: Unit) -> None:
        program = self.program
        last = unit.members[-1]
        module = program.home[last]
        trial = self._trial_name(unit.members)
        lines = self._finder.definition(unit, trial)
        parent = program.parent_of[last]
        name = self.spaces.names.get(unit.slot, unit.slot.name)
        if isinstance(parent, ast.ClassDef):
            lines.insert(0, "@staticmethod")
        elif unit.slot.scope is None:
            lines += ["", f"{module.original(unit.target)} = {name}"]
        first = unit.members[0]
        block = program.block(first)
        span = block[block.index(first) : block.index(last) + 1]
        joined = all(member in unit.members for member in span) and same_cell(module, first, last)
        if joined:
            replace_with_definition(module, last, lines, begin=first, removed=self.removed)
        else:
            self.removed.update(unit.members[:-1])
            replace_with_definition(module, last, lines, removed=self.removed)

    def _trial_name(self, nodes: Iterable[ast.AST]) -> str:
        names = {n.id for node in nodes for n in walk(node) if isinstance(n, ast.Name)}
        return "trial" if "trial" not in names else "optuna_trial"

    def _visit(self, node: ast.AST, trial: str | None) -> None:
        """Edit what is rewritten under a node."""
        if node in self.done or node in self.removed:
            return
        if trial is None and isinstance(node, ast.stmt) and node not in self._touched:
            return
        module = self.program.home.get(node)
        if module is not None:
            text = None
            if trial is not None:
                text = self.spaces._rule(node, trial)
            if text is None:
                text = self.rule(node)
            if text is not None:
                assert isinstance(node, ast.expr | ast.stmt)
                module.edits.replace(*located(module, node, None), text)
                return
        if isinstance(node, ast.Return) and trial is not None and self._branch_return(node, trial):
            return
        if isinstance(node, FUNCTIONS) and node in self.roles.builders:
            self._visit_builder(node)
            return
        if isinstance(node, ast.JoinedStr):
            self._visit_text(node, trial)
            return
        if isinstance(node, ast.FunctionDef):
            self._take_out_of_scope(node)
        for child in children(node):
            self._visit(child, trial)

    def _take_out_of_scope(self, function: ast.FunctionDef) -> None:
        """Remove hyperopt's decorator from a function that spaces call by its own name now."""
        module = self.program.home[function]
        known = set().union(*(draft.visited for draft in self.drafts))
        for decorator in function.decorator_list:
            func = decorator.func if isinstance(decorator, ast.Call) else decorator
            if not (self.program.hyperopt(func) or "").startswith("scope.define"):
                continue
            calls = [
                n
                for m in self.program.modules
                for n in m.walk()
                if isinstance(n, ast.Call) and m.hyperopt(n.func) == f"scope.{function.name}"
            ]
            if all(call in known for call in calls):
                start = module.line_start(module.span(decorator)[0])
                module.edits.replace(start, module.line_end(start), "")
                self.done.add(decorator)

    def _branch_return(self, node: ast.Return, trial: str) -> bool:
        """Write the choice that a function of the trial returns as plain ifs."""
        function = self.program.function_around(node)
        if node.value is None or function not in self.roles.builders or function is None:
            return False
        module = self.program.home[node]
        if not module.begins_line(node):
            return False
        taken = {n.id for n in walk(function) if isinstance(n, ast.Name)}
        taken |= {a.arg for a in walk(function) if isinstance(a, ast.arg)}
        lines = self.spaces.branches(node.value, trial, taken | {trial})
        if lines is None:
            return False
        indent = module.indent(node)
        text = module.source.newline.join(wrapped(indented(lines, indent)))[len(indent) :]
        module.edits.replace(*module.span(node), text)
        return True

    def _visit_text(self, node: ast.JoinedStr, trial: str | None) -> None:
        module = self.program.home[node]

        def rule(part: ast.AST) -> str | None:
            text = None if trial is None else self.spaces._rule(part, trial)
            return self.rule(part) if text is None else text

        text = compose(module, node, rule, span=module.span(node))
        if text != module.original(node):
            module.edits.replace(*module.span(node), text)

    def _visit_builder(self, function: Function) -> None:
        """Have a function take the trial, and ask it."""
        module = self.program.home[function]
        trial = self._trial_name([function])
        scope = self.program.scope_of[function.args]
        mine = {s for s in (*self.program.flows, *self.program.stores) if s.scope is scope}
        later = (self.roles.units | self.roles.holders) - self.roles.local
        direct = mine - later
        before = set(self.spaces.direct)
        self.spaces.direct |= direct
        arguments = function.args
        names = [*arguments.posonlyargs, *arguments.args]
        is_method = self.program.is_method(function)
        if isinstance(function, ast.Lambda):
            place = module.offset(function.lineno, function.col_offset) + len("lambda")
            comma = "," if _has_arguments(arguments) else ""
            module.edits.insert(place, f" {trial}{comma}")
        else:
            for decorator in function.decorator_list:
                if is_property_decorator(decorator):
                    start = module.line_start(module.span(decorator)[0])
                    module.edits.replace(start, module.line_end(start), "")
                elif getattr(decorator, "id", "") not in ("staticmethod", "classmethod"):
                    self._visit(decorator, None)
            if is_method and names:
                place = module.span(names[0])[1]
                module.edits.insert(place, f", {trial}")
            else:
                head = module.offset(function.lineno, function.col_offset)
                place = module.source.code.index("(", head) + 1
                comma = ", " if _has_arguments(arguments) else ""
                inside = module.source.code[place:]
                lead = inside[: len(inside) - len(inside.lstrip())]
                text = f"{lead}{trial}," if "\n" in lead else f"{trial}{comma}"
                module.edits.insert(place, text)
        body = [function.body] if isinstance(function, ast.Lambda) else function.body
        given = [a for a in walk(arguments) if isinstance(a, ast.arg)]
        notes = [a.annotation for a in given] + [getattr(function, "returns", None)]
        for annotation in notes:
            if annotation is not None:
                self._visit(annotation, None)
        for default in (*arguments.defaults, *arguments.kw_defaults):
            if default is not None:
                self._visit(default, None)
        for part in body:
            self._visit(part, trial)
        self.spaces.direct = before

    # where fmin stands

    def blank_before(self, statement: ast.stmt) -> int:
        """Return how many blank lines are missing before a definition put before a statement."""
        module = self.program.home[statement]
        return blank_lines_wanted(module, statement, self.removed)


def is_constant(text: str) -> bool:
    """Tell whether a source names one of hyperopt's constants, such as ``STATUS_OK``."""
    return text.rpartition(".")[2] in _STATUS


def _has_arguments(arguments: ast.arguments) -> bool:
    return bool(
        arguments.posonlyargs
        or arguments.args
        or arguments.vararg
        or arguments.kwonlyargs
        or arguments.kwarg
    )
