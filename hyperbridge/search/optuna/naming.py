"""Name a stored study after the call of fmin that it belongs to: its objective and its space.

The same call must find its study again in another process, and another objective must not get
it: the losses of two functions in one study would give a wrong best point.
"""

from __future__ import annotations

import functools
import hashlib
import re
from collections.abc import Iterator
from types import CodeType
from typing import Any

from hyperbridge.space import Space

_PLAIN = (bool, int, float, complex, str, bytes, type(None))
_DEEPEST = 5


def default_name(fn: Any, space: Space) -> str:
    """Name a study so that the same call of fmin finds it again, and no other one.

    What counts is the objective's code (comments and line numbers aside), the plain values that
    it is bound to (by ``functools.partial``, as defaults, or by the function that made it), and
    the space. Data and models that it uses do not count.

    Args:
        fn: The objective.
        space: The search space.

    Examples:
        >>> from hyperbridge.translate.from_hyperopt import read_space
        >>> space = read_space([1])
        >>> default_name(abs, space).startswith("abs-")
        True
        >>> default_name(lambda x: x, space) == default_name(lambda x: -x, space)
        False
    """
    text = re.sub(r" at 0x[0-9a-f]+", "", repr(space))  # an address is another one next time
    parts = "\n".join([text, *_parts(fn, 0)])
    return f"{title_of(fn)}-{hashlib.sha256(parts.encode()).hexdigest()[:8]}"


def title_of(fn: Any) -> str:
    """Return the readable part of the name of an objective's study.

    Examples:
        >>> title_of(functools.partial(lambda x: x, 1))
        'lambda'
    """
    while isinstance(fn, functools.partial):
        fn = fn.func
    return str(getattr(fn, "__name__", type(fn).__name__)).strip("<>")


def _parts(fn: Any, depth: int) -> Iterator[str]:
    """Yield texts that are the same for the same function in every process."""
    if depth > _DEEPEST:
        return
    if isinstance(fn, functools.partial):
        yield from _parts(fn.func, depth + 1)
        yield from _values([*fn.args, *sorted(fn.keywords.items())], depth)
        return
    function = getattr(fn, "__func__", fn)  # of a bound method
    code = getattr(function, "__code__", None)
    if code is None:
        kind = fn if isinstance(fn, type) else type(fn)
        yield f"{kind.__module__}.{kind.__qualname__}"
        call = kind.__dict__.get("__call__")
        if hasattr(call, "__code__"):  # an object that is called
            yield from _parts(call, depth + 1)
            yield from _values(sorted(getattr(fn, "__dict__", {}).items()), depth)
        return
    yield from _code(code)
    yield from _values(function.__defaults__ or (), depth)
    yield from _values(sorted((function.__kwdefaults__ or {}).items()), depth)
    for cell in function.__closure__ or ():
        try:
            content = cell.cell_contents
        except ValueError:  # a name that has no value yet
            continue
        if hasattr(content, "__code__"):
            yield from _parts(content, depth + 1)
        else:
            yield from _values([content], depth)


def _code(code: CodeType) -> Iterator[str]:
    yield code.co_code.hex()
    yield " ".join(code.co_names)
    yield from _values(code.co_consts, 0)


def _values(values: Any, depth: int) -> Iterator[str]:
    """Yield the texts of plain values; of others nothing, as they may differ by process."""
    for value in values:
        if isinstance(value, CodeType):
            yield from _code(value)
        elif isinstance(value, _PLAIN):
            yield repr(value)
        elif isinstance(value, tuple | list) and depth < _DEEPEST:
            yield from _values(value, depth + 1)
        elif isinstance(value, set | frozenset):
            yield from sorted(repr(each) for each in value if isinstance(each, _PLAIN))
        elif isinstance(value, dict) and depth < _DEEPEST:
            yield from _values(value.items(), depth + 1)
