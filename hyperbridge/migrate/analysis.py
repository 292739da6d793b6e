"""What is known of a program whatever engine it is rewritten for; worked out once for all."""

from __future__ import annotations

import ast
import functools
from collections.abc import Iterator, Sequence

from hyperbridge.migrate.demand import Demand, Randomness
from hyperbridge.migrate.module import Module
from hyperbridge.migrate.notes import Note
from hyperbridge.migrate.program import Program, Slot
from hyperbridge.migrate.reading import Search, find_searches
from hyperbridge.migrate.repeated import Repeated
from hyperbridge.migrate.replaced import Replaced
from hyperbridge.migrate.strays import stray_spaces
from hyperbridge.migrate.tables import follow
from hyperbridge.migrate.trials_places import TrialsPlaces

_ALGORITHMS = ("tpe.suggest", "rand.suggest")
_LEAVE_OUT = "but a trial is asked for it before: leave it out where the space is built"


class Analysis:
    """The files of one program, their searches, and what these are made of.

    Args:
        modules: The files.

    Attributes:
        program: The program.
        searches: Its searches, by file and in the order of the source.
        random: What in it is random.
        demands: What the space of each search comes from; not of those without fn or space.
    """

    def __init__(self, modules: Sequence[Module]) -> None:
        self.program = Program(modules)
        follow(self.program)
        self.searches = find_searches(self.program)
        self.random = Randomness(self.program)
        self.demands: dict[Search, Demand] = {}
        for search in self.searches:
            if "space" in search.arguments and "fn" in search.arguments:
                demand = self.demands[search] = Demand(self.program, self.random)
                demand.space(search.arguments["space"])
        self._trials: dict[tuple[Search, ...], TrialsPlaces] = {}
        self._touched: dict[tuple[Search, ...], set[ast.AST]] = {}

    @functools.cached_property
    def strays(self) -> list[Demand]:
        """What the spaces come from that no search uses."""
        known: set[ast.AST] = set()
        for demand in self.demands.values():
            known |= {*demand.visited, *demand.roles.parameters}
        return stray_spaces(self.program, self.random, known)

    @functools.cached_property
    def algorithms(self) -> list[Slot]:
        """The variables that hold nothing but hyperopt's TPE or random search."""
        return [
            slot
            for slot, flows in self.program.flows.items()
            if slot.scope is not None
            and all(self.program.hyperopt(f.expr) in _ALGORITHMS for f in flows)
        ]

    def trials(self, searches: Sequence[Search]) -> TrialsPlaces:
        """Return what holds the Trials of some searches."""
        key = tuple(searches)
        if key not in self._trials:
            self._trials[key] = TrialsPlaces(self.program, searches)
        return self._trials[key]

    def touched(self, searches: Sequence[Search]) -> set[ast.AST]:
        """Return the code around all that is hyperopt's, or may hold the Trials of some searches.

        The code of no other statement changes with these searches, but for their spaces.
        """
        key = tuple(searches)
        if key not in self._touched:
            program, may = self.program, self.trials(searches).may.found
            found: set[ast.AST] = set()
            program.add_around((search.call for search in searches), found)
            for module in program.modules:
                program.add_around(program.mentions[module], found)
                for call in module.of_kind(ast.Call):
                    if not may.isdisjoint(program.function(call.func)):
                        program.add_around([call], found)
            for slot in may & program.uses.keys():
                program.add_around(program.uses[slot], found)  # type: ignore[index]  # a slot
            self._touched[key] = found
        return self._touched[key]

    @functools.cached_property
    def refusals(self) -> dict[Search, list[Note]]:
        """Why the space of each search cannot be a function of the trial."""
        return {search: list(self._refusals(search)) for search in self.demands}

    @functools.cached_property
    def remarks(self) -> dict[Search, list[Note]]:
        """What to tell of the space of each search that is rewritten."""
        return {search: list(self._remarks(search)) for search in self.demands}

    def note(self, search: Search, node: ast.AST, code: str, text: str) -> Note:
        """Return what a person must know of a search, at a node of its file or at its call."""
        is_here = self.program.home.get(node) is search.module
        line = node.lineno if is_here else search.call.lineno  # type: ignore[attr-defined]  # an expression
        return Note(line, text, True, code)

    def _refusals(self, search: Search) -> Iterator[Note]:
        demand = self.demands[search]
        note = functools.partial(self.note, search)
        for expr, why in demand.roles.unknown:
            yield note(expr, "HB207", why)
        both = demand.roles.units & demand.roles.containers
        for slot in sorted(both, key=lambda s: s.name):
            text = f"{slot.name!r} is a space, and parts of it are spaces of their own"
            yield note(search.call, "HB207", text)
        for label, call in _labels_used_twice(self.program, demand):
            text = f"{label!r} is used by two parameters, which hyperopt refuses"
            yield note(call, "HB216", text)
        repeated = Repeated(self.program, search, demand.roles, demand.visited)
        for use, name in repeated.changed():
            text = f"{name!r} is changed after the space is built from it: change another list"
            yield note(use, "HB217", text)
        for taken in repeated.taken_out():
            yield note(taken, "HB217", f"a parameter is taken out of the space, {_LEAVE_OUT}")
        for entry in Replaced(self.program, demand.roles, demand.visited).found():
            yield note(entry, "HB217", f"a parameter of the space is replaced, {_LEAVE_OUT}")

    def _remarks(self, search: Search) -> Iterator[Note]:
        demand = self.demands[search]
        repeated = Repeated(self.program, search, demand.roles, demand.visited)
        for unsteady in repeated.unsteady():
            what = ast.unparse(unsteady.func)
            text = f"{what} is called again for each trial: call it once, before the space"
            yield self.note(search, unsteady, "HB232", text)


def _labels_used_twice(program: Program, demand: Demand) -> list[tuple[str, ast.Call]]:
    """Return labels that two parameters of one expression have."""
    found: list[tuple[str, ast.Call]] = []
    for expr in demand.visited:
        if not isinstance(expr, ast.Dict | ast.List | ast.Tuple | ast.Call):
            continue
        if program.parent_of.get(expr) in demand.visited:
            continue  # a part of another one
        seen: dict[str, ast.Call] = {}
        for node in _without_conditions(expr):
            if node in demand.roles.parameters and isinstance(node, ast.Call) and node.args:
                label = node.args[0]
                if isinstance(label, ast.Constant) and isinstance(label.value, str):
                    if label.value in seen:
                        found.append((label.value, node))
                    seen[label.value] = node
    return found


def _without_conditions(node: ast.AST) -> Iterator[ast.AST]:
    yield node
    for child in ast.iter_child_nodes(node):
        if not isinstance(child, ast.IfExp):
            yield from _without_conditions(child)
