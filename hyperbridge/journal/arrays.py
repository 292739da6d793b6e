"""NumPy's arrays and scalars as JSON: raw bytes of a known dtype, or a file of the npy format.

Source: NumPy reference, numpy.lib.format; pickles in such a file are neither written nor read.
"""

from __future__ import annotations

import base64
import io
from collections.abc import Callable
from typing import Any, Final

import numpy as np


def encode(value: Any) -> dict[str, Any] | None:
    """Return an array, or a scalar of NumPy's, as a tagged JSON object; None if it cannot be.

    Args:
        value: No float64 and no int64, which have tags of their own; no array of objects.

    Examples:
        >>> encode(np.float32(0.5))
        {'$numpy': ['<f4', 'AAAAPw==']}
    """
    kind = type(value)
    if kind is np.ndarray:
        return _npy("$array", value)
    if kind is np.str_:
        raw = str.__str__(value).encode("utf-8", "surrogatepass")
        return {"$numpystr": _base64(raw)}
    if kind is np.bytes_:
        return {"$numpybytes": _base64(bytes(value))}
    if kind is np.void and value.dtype.names is not None:
        return _npy("$record", np.array(value))
    is_own = isinstance(value, np.generic) and kind.__module__ == "numpy"
    if is_own and not value.dtype.hasobject and value.dtype.itemsize and kind is not np.record:
        return {"$numpy": [value.dtype.str, _base64(value.tobytes())]}
    return None


def _npy(tag: str, array: Any) -> dict[str, Any] | None:
    buffer = io.BytesIO()
    if array.dtype.metadata is not None:
        return None
    version = None if array.dtype.names is None else (3, 0)  # which has any name
    try:
        np.lib.format.write_array(buffer, array, version=version, allow_pickle=False)
    except ValueError:  # it holds objects
        return None
    return {tag: _base64(buffer.getbuffer())}


def _base64(raw: Any) -> str:
    return base64.b64encode(raw).decode("ascii")


def _bytes(text: str) -> bytes:
    return base64.b64decode(text, validate=True)


def _read_npy(content: str) -> Any:
    return np.lib.format.read_array(io.BytesIO(_bytes(content)), allow_pickle=False)


def _read_scalar(content: list[str]) -> Any:
    dtype, raw = content
    return np.frombuffer(_bytes(raw), np.dtype(dtype))[0]


def _read_objects(content: list[Any]) -> Any:
    shape, parts = content
    array = np.empty(shape, dtype=object)
    if array.size != len(parts):
        raise ValueError(f"{len(parts)} objects for an array of the shape {shape}")
    flat = array.reshape(-1)
    for index, part in enumerate(parts):
        flat[index] = part
    return array


READERS: Final[dict[str, Callable[[Any], Any]]] = {
    "$array": _read_npy,
    "$record": lambda content: _read_npy(content)[()],
    "$numpy": _read_scalar,
    "$numpystr": lambda content: np.str_(_bytes(content).decode("utf-8", "surrogatepass")),
    "$numpybytes": lambda content: np.bytes_(_bytes(content)),
    "$objects": _read_objects,
}
"""By tag: what makes the value of its content."""
