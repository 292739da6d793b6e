"""Let a local master's workers run the driver's Python.

Without PYSPARK_PYTHON a worker is whatever ``python3`` the PATH finds, often another
installation than the driver's, and every trial fails with an import or a pickle error.
"""

from __future__ import annotations

import os
import sys
import threading
from typing import Any

_lock = threading.Lock()
_holders: dict[int, tuple[int, str]] = {}


def is_local_master(master: str) -> bool:
    """Tell whether a master runs its tasks on the driver's machine and from its files.

    Examples:
        >>> is_local_master("local[4]"), is_local_master("local-cluster[2,1,1024]")
        (True, False)
    """
    return master == "local" or master.startswith("local[")


class DriverPython:
    """Makes ``sys.executable`` the worker's Python of a context, until released.

    Calls of fmin that overlap share the change; the last one to end puts the old value back.
    Nothing happens when the user has set PYSPARK_PYTHON.

    Args:
        context: A ``pyspark.SparkContext`` with a local master.
    """

    def __init__(self, context: Any) -> None:
        self._context = context
        self._held = "PYSPARK_PYTHON" not in os.environ
        if not self._held:
            return
        with _lock:
            count, before = _holders.get(id(context), (0, context.pythonExec))
            _holders[id(context)] = (count + 1, before)
            context.pythonExec = sys.executable

    def release(self) -> None:
        """Put the old value back when nobody else needs the change."""
        if not self._held:
            return
        self._held = False
        with _lock:
            count, before = _holders.pop(id(self._context))
            if count > 1:
                _holders[id(self._context)] = (count - 1, before)
            else:
                self._context.pythonExec = before
