"""Bring an exception from a worker to the driver as what it is, so that ``except`` finds it.

Pickle calls the class again with ``args``. That fails, or gives another text, for every class
whose ``__init__`` takes something else than it hands on, as many of users' do and hyperopt's own
``InvalidLoss`` does. Such an exception travels in parts.
"""

from __future__ import annotations

import pickle
from collections.abc import Callable
from typing import Any

from hyperbridge.worker.frames import safe_text


def pack_exception(exc: BaseException, dumps: Callable[[Any], bytes]) -> bytes | None:
    """Return an exception for `unpack_exception`; None where its class cannot travel.

    Args:
        exc: The exception.
        dumps: cloudpickle's, or that of an engine's own copy of it.
    """
    for part in (lambda: exc, lambda: _parts_of(exc, dumps)):
        try:
            packed = dumps(part())
            rebuilt = unpack_exception(packed)
        except BaseException:  # noqa: BLE001 - a class of the user's may do anything
            continue
        if rebuilt is not None and safe_text(rebuilt) == safe_text(exc):
            return packed
    return None


def unpack_exception(packed: bytes) -> BaseException | None:
    """Return the exception that `pack_exception` packed; None where it cannot be rebuilt here."""
    try:
        found = pickle.loads(packed)
        if isinstance(found, tuple):
            kind, args, attributes = found
            found = kind.__new__(kind, *args)
            found.args = args
            found.__dict__.update(attributes)
    except BaseException:  # noqa: BLE001 - its module may be missing here
        return None
    return found if isinstance(found, BaseException) else None


def _parts_of(
    exc: BaseException, dumps: Callable[[Any], bytes]
) -> tuple[type, tuple[Any, ...], dict[str, Any]]:
    """Return the class, the arguments, and what can be pickled of the attributes."""
    attributes = {}
    for name, value in vars(exc).items():
        try:
            pickle.loads(dumps(value))
        except BaseException:  # noqa: BLE001 - such as a lock, or an open file
            continue
        attributes[name] = value
    return type(exc), exc.args, attributes
