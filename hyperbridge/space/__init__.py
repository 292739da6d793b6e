"""The neutral model of a search space: distributions, nodes, and the one walk over them.

All modules but `points` are pickled by value with a `Space`, so that it works on workers
without hyperbridge: they import only the standard library and each other, NumPy when an
expression of the space calls for it.
"""

from __future__ import annotations

from hyperbridge.space.model import MissingLabelError, Space

__all__ = ["MissingLabelError", "Space"]
