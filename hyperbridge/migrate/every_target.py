"""The plan of a program for each engine that it can be rewritten for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from hyperbridge.migrate.edits import Edits
from hyperbridge.migrate.file_plan import FilePlan, PlanOptions, SearchPlan
from hyperbridge.migrate.module import Module
from hyperbridge.migrate.planning import plan_modules
from hyperbridge.migrate.targets import TARGETS

if TYPE_CHECKING:
    from hyperbridge.migrate.plan import Plan
    from hyperbridge.translate.to_source import SpaceCode

NAMES = tuple(sorted({*TARGETS, "ray"}))
"""What ``--to`` takes."""

_DEFAULTS = PlanOptions()


Live = Callable[["Plan"], "dict[int, SpaceCode]"]
"""Gives the code of live spaces, by the line of their call of fmin."""


def plan_for(
    modules: Sequence[Module],
    target: str,
    options: PlanOptions = _DEFAULTS,
    live: Live | None = None,
) -> list[FilePlan]:
    """Plan the migration of parsed files for one engine; the edits are in the modules.

    Args:
        modules: The files.
        target: One of `NAMES`.
        options: What the user chooses.
        live: Asked for spaces that the source does not tell; for Ray alone.
    """
    for module in modules:
        module.edits = Edits(module.source.text)
    if target in TARGETS:
        return plan_modules(modules, target, options)
    from hyperbridge.migrate.plan import plan_module

    found = []
    for module in modules:
        plan = plan_module(module, target)
        if live is not None and plan.untold:
            plan = plan_module(Module(module.source), target, live=live(plan))
        searches = tuple(
            SearchPlan(line, "left" if is_left else "rewritten")
            for line, is_left in plan.searches.items()
        )
        found.append(FilePlan(plan.source, plan.texts, plan.notes, searches))
    return found
