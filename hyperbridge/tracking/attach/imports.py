"""Call a function right after a module is imported for the first time."""

from __future__ import annotations

import contextlib
import importlib.util
import sys
from collections.abc import Callable, Iterator
from importlib.machinery import ModuleSpec
from typing import Any


class _PostImportFinder:
    """A finder that lets the others find the module and wraps its loader's last step."""

    def __init__(self, module: str, action: Callable[[], None]) -> None:
        self.module = module
        self.action: Callable[[], None] | None = action

    def find_spec(self, fullname: str, path: Any = None, target: Any = None) -> ModuleSpec | None:  # noqa: ARG002 - the signature is importlib's
        if fullname != self.module:
            return None
        self.remove()
        spec = importlib.util.find_spec(fullname)
        if spec is None or not hasattr(spec.loader, "__dict__"):
            return spec
        loader: Any = spec.loader
        execute = loader.exec_module

        def exec_module(module: Any) -> None:
            loader.__dict__.pop("exec_module", None)
            execute(module)
            if self.action is not None:
                self.action()

        loader.__dict__["exec_module"] = exec_module
        return spec

    def remove(self) -> None:
        """Stop looking; an import that is under way is not affected."""
        with contextlib.suppress(ValueError):
            sys.meta_path.remove(self)


@contextlib.contextmanager
def call_after_import(module: str, action: Callable[[], None]) -> Iterator[None]:
    """Call ``action`` at the end of the first import of ``module`` within the context.

    Args:
        module: A top-level module that is not imported yet.
        action: Called on the importing thread.
    """
    finder = _PostImportFinder(module, action)
    sys.meta_path.insert(0, finder)
    try:
        yield
    finally:
        finder.remove()
        finder.action = None
