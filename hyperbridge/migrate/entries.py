"""Which files of a program are started, and which searches each of them comes to."""

from __future__ import annotations

from collections.abc import Sequence

from hyperbridge.migrate.files import Files
from hyperbridge.migrate.module import Module


def ways_to(modules: Sequence[Module]) -> dict[Module, list[Module]]:
    """Return for each file what may be started to get to its code: itself, or what imports it.

    The file itself comes first, then its importers, the nearest last: a file that nothing imports
    is likelier to be started than one in the middle.
    """
    files = Files(modules)
    importers: dict[Module, list[Module]] = {module: [] for module in modules}
    for module in modules:
        for other in files.imported_by(module):
            importers[other].append(module)
    return {module: [module, *reversed(_above(module, importers))] for module in modules}


def _above(module: Module, importers: dict[Module, list[Module]]) -> list[Module]:
    found: list[Module] = []
    waiting = list(importers[module])
    while waiting:
        current = waiting.pop(0)
        if current not in found and current is not module:
            found.append(current)
            waiting += importers[current]
    return found
