"""Tell which modules a worker cannot import, so that what is defined in them travels by value.

pickle sends a function or a class as the name of its module and its own. A worker with the
driver's search path cannot import a script that ``runpy`` executes, the ``__mp_main__`` of a
spawned process, a module that is made in memory or loaded from a path of its own. And it must not
import a module whose top level is still running, as that would start the same search again.
"""

from __future__ import annotations

import sys
import sysconfig
from collections.abc import Callable
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path
from types import FrameType, FunctionType
from typing import Any

_PYTHON = {Path(sysconfig.get_path(name)).resolve() for name in ("stdlib", "platstdlib")}


def is_out_of_reach(name: str, has: Callable[[str], bool] | None = None) -> bool:
    """Tell whether workers cannot import a module that this process has loaded.

    Args:
        name: The module's dotted name.
        has: Asks workers with other files than this machine whether they have a top-level module;
            None when they share this process's files and search path.

    Examples:
        >>> import types
        >>> sys.modules["made_up"] = types.ModuleType("made_up")
        >>> sys.modules["made_up"].f = lambda: 0
        >>> is_out_of_reach("made_up"), is_out_of_reach("json.decoder")
        (True, False)
        >>> del sys.modules["made_up"]
    """
    module = sys.modules.get(name)
    top = name.partition(".")[0]
    if module is None or name == "__main__" or top in sys.stdlib_module_names:
        return False
    if is_installed(module) or _is_made_by_c(module):
        return False
    if _is_running(module):
        return True
    found = _find(top)
    if found is None or found.origin != _origin(sys.modules.get(top)):
        return True
    return has is not None and not has(top)


def is_installed(module: Any) -> bool:
    """Tell whether a module's file is where Python's and other installed packages are.

    Examples:
        >>> import json
        >>> is_installed(json)
        True
    """
    file = getattr(module, "__file__", None)
    return file is not None and any(
        folder in _PYTHON or folder.name in ("site-packages", "dist-packages")
        for folder in Path(file).resolve().parents
    )


def _is_made_by_c(module: Any) -> bool:
    """Tell whether C code made a module in memory, such as Cython's ``_cython_3_1``."""
    if getattr(module, "__spec__", None) is not None or hasattr(module, "__file__"):
        return False
    return not any(type(value) is FunctionType for value in list(vars(module).values()))


def _is_running(module: Any) -> bool:
    """Tell whether the top level of a module is still running, in any thread."""
    for frame in sys._current_frames().values():
        current: FrameType | None = frame
        while current is not None:
            if current.f_code.co_name == "<module>" and current.f_globals is vars(module):
                return True
            current = current.f_back
    return False


def _find(top: str) -> ModuleSpec | None:
    """Find a top-level module as a new interpreter with this search path would."""
    found = PathFinder.find_spec(top)
    if found is not None:
        return found
    for finder in sys.meta_path:  # of packages that are installed in editable mode
        if "editable" in (getattr(finder, "__module__", None) or type(finder).__module__):
            found = finder.find_spec(top, None)
            if found is not None:
                return found
    return None


def _origin(module: Any) -> str | None:
    spec = getattr(module, "__spec__", None)
    return getattr(module, "__file__", None) if spec is None else spec.origin
