"""Send NumPy's numbers to workers that may not have NumPy.

hyperopt's algorithms propose NumPy scalars. A worker with NumPy gives the objective the same
types as the driver would; one without gives it plain Python numbers of the same value.
"""

from __future__ import annotations

from typing import Any


def portable(assignment: dict[str, Any]) -> dict[str, Any]:
    """Replace NumPy scalars by pairs of their type's code and their value.

    Examples:
        >>> import numpy as np
        >>> portable({"x": np.float64(0.5), "k": 1})
        {'x': ('<f8', 0.5), 'k': 1}
    """
    return {
        label: (value.dtype.str, value.item()) if _is_scalar(value) else value
        for label, value in assignment.items()
    }


def _is_scalar(value: Any) -> bool:
    return type(value).__module__ == "numpy" and getattr(value, "shape", None) == ()


def restore(assignment: dict[str, Any]) -> dict[str, Any]:
    """Turn the pairs of `portable` back into numbers.

    Examples:
        >>> restore({"x": ("<f8", 0.5), "k": 1})["x"].dtype
        dtype('float64')
    """
    try:
        import numpy
    except ImportError:
        return {k: v[1] if isinstance(v, tuple) else v for k, v in assignment.items()}
    return {
        label: numpy.dtype(value[0]).type(value[1]) if isinstance(value, tuple) else value
        for label, value in assignment.items()
    }
