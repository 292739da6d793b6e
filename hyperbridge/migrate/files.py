"""Which file of several an import in another one means.

Source: Python reference, "The import system".
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence

from hyperbridge.migrate.module import Module, hyperopt_name


class Files:
    """Several files, and which of them an import in another one means.

    Attributes:
        modules: The files that parse.
    """

    def __init__(self, modules: Sequence[Module]) -> None:
        self.modules = list(modules)
        self._parts = {m: _full(m) for m in self.modules}
        self._imports = {m: dict(self._imports_of(m)) for m in self.modules}
        while sum(map(self._take_handed_on, self.modules)):
            pass  # a file may hand on what another one hands on to it

    def imported_by(self, module: Module) -> set[Module]:
        """Return the files of the program that a file imports something from."""
        return set(self._imports[module].values()) - {module}

    def _imports_of(self, module: Module) -> Iterator[tuple[str, Module]]:
        """Yield the files that a file imports from, each under its name there."""
        for node in module.walk():
            if isinstance(node, ast.ImportFrom):
                dots = "." * node.level
                names = [node.module or "", *(f"{node.module or ''}.{a.name}" for a in node.names)]
            elif isinstance(node, ast.Import):
                dots, names = "", [a.name for a in node.names]
            else:
                continue
            for name in names:
                wanted = name.strip(".")
                other = self.find(module, wanted, len(dots)) if wanted or dots else None
                if other is not None:
                    yield dots + name, other

    def _take_handed_on(self, module: Module) -> int:
        """Note which names of other files are hyperopt's own; return how many are new."""
        known = len(module.names.aliases)
        for prefix, other in self._imports[module].items():
            for name, dotted in other.names.imported_names():
                if hyperopt_name(dotted):
                    module.names.hand_on(f"{prefix}.{name}", dotted)
        return len(module.names.aliases) - known

    def find(self, home: Module, dotted: str, level: int) -> Module | None:
        """Return the file that an import in another one means."""
        wanted = tuple(part for part in dotted.split(".") if part)
        if level:
            parts = list(home.source.path.parent.parts)
            base = tuple(parts[: len(parts) - (level - 1)]) + wanted
            found = [m for m in self.modules if self._parts[m] == base]
            return found[0] if found else None
        if not wanted or len(self.modules) == 1:
            return None
        found = [m for m in self.modules if self._parts[m][-len(wanted) :] == wanted]
        beside = [m for m in found if self._parts[m] == (*home.source.path.parent.parts, *wanted)]
        found = beside or found
        return found[0] if found else None


def _full(module: Module) -> tuple[str, ...]:
    path = module.source.path
    return path.parent.parts if path.stem == "__init__" else (*path.parent.parts, path.stem)
