"""The plan of a program for each engine that it can be rewritten for."""

from __future__ import annotations

from collections.abc import Sequence

from hyperbridge.migrate.edits import Edits
from hyperbridge.migrate.file_plan import FilePlan, PlanOptions
from hyperbridge.migrate.module import Module
from hyperbridge.migrate.planning import plan_modules
from hyperbridge.migrate.targets import TARGETS

NAMES = tuple(sorted(TARGETS))
"""What ``--to`` takes."""

_DEFAULTS = PlanOptions()


def plan_for(
    modules: Sequence[Module], target: str, options: PlanOptions = _DEFAULTS
) -> list[FilePlan]:
    """Plan the migration of parsed files for one engine; the edits are in the modules.

    Args:
        modules: The files.
        target: One of `NAMES`.
        options: What the user chooses.
    """
    for module in modules:
        module.edits = Edits(module.source.text)
    return plan_modules(modules, target, options)
