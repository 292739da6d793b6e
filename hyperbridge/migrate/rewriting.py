"""What the code of a program becomes when some of its searches are rewritten for a target."""

from __future__ import annotations

import ast
import functools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from hyperbridge.migrate.analysis import Analysis
from hyperbridge.migrate.demand import Demand, Roles
from hyperbridge.migrate.distributions import Needs
from hyperbridge.migrate.helpers import Library
from hyperbridge.migrate.module import Module
from hyperbridge.migrate.nodes import walk
from hyperbridge.migrate.notes import Note
from hyperbridge.migrate.objectives import read_objective
from hyperbridge.migrate.origins import origins
from hyperbridge.migrate.placing import (
    blank_lines_wanted,
)
from hyperbridge.migrate.program import Program
from hyperbridge.migrate.reading import (
    REPLACED,
    SAMPLER_CLASSES,
    SAMPLER_OPTIONS,
    Search,
    is_partial,
)
from hyperbridge.migrate.results import looks_at_documents
from hyperbridge.migrate.scopes import Scope
from hyperbridge.migrate.spaces import SpaceWriter, is_latent
from hyperbridge.migrate.straight_line import last_value
from hyperbridge.migrate.syntax import compose
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
        visited: What of the program is evaluated with a trial at hand.
    """

    search: Search
    roles: Roles
    visited: set[ast.AST]


class Target(Protocol):
    """A new engine.

    Attributes:
        imports: What its code imports.
        library: Its helpers.
    """

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
    """The rewriting of some searches: what becomes of each place, and the text for each node.

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
        self.analysis = analysis
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

    def blank_before(self, statement: ast.stmt) -> int:
        """Return how many blank lines are missing before a definition put before a statement."""
        module = self.program.home[statement]
        return blank_lines_wanted(module, statement, self.removed)


def is_constant(text: str) -> bool:
    """Tell whether a source names one of hyperopt's constants, such as ``STATUS_OK``."""
    return text.rpartition(".")[2] in _STATUS
