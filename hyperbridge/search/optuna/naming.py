"""Name a stored study after the call of fmin that it belongs to: its objective and its space.

The same call must find its study again in another process, and another objective must not get
it: the losses of two functions in one study would give a wrong best point.
"""

from __future__ import annotations

import dis
import functools
import hashlib
import inspect
import re
from collections.abc import Iterator
from types import CellType, CodeType
from typing import Any

from hyperbridge.space import Space

_PLAIN = (bool, int, float, complex, str, bytes, type(None))
_DEEPEST = 5
_MAKERS = {"__init__", "__new__", "__post_init__", "__setstate__"}
"""Methods that make an object: what they alone set is not changed by calling it."""


def default_name(fn: Any, space: Space) -> str:
    """Name a study so that the same call of fmin finds it again, and no other one.

    What counts is the objective's code (comments and line numbers aside), the plain values that
    it is bound to (by ``functools.partial``, as defaults, or by the function that made it), and
    the space. Data and models that it uses do not count, nor does what the objective itself may
    change while it runs: lists, dicts and sets (but for arguments of a ``functools.partial``),
    names that it rebinds, and attributes that methods of its object set.

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


def _parts(fn: Any, depth: int, rebound: frozenset[int] = frozenset()) -> Iterator[str]:
    """Yield texts that are the same for a function in every process, before and after it ran.

    Args:
        fn: A function, or another object that can be called.
        depth: How many functions lead to this one.
        rebound: Identities of the cells that those functions rebind.
    """
    if depth > _DEEPEST:
        return
    if isinstance(fn, functools.partial):
        yield from _parts(fn.func, depth + 1, rebound)
        # the caller chose these for this search: options in a dict make it another objective
        yield from _values([*fn.args, *sorted(fn.keywords.items())], depth, mutable=True)
        return
    function = getattr(fn, "__func__", fn)  # of a bound method
    code = getattr(function, "__code__", None)
    if code is None:
        kind = fn if isinstance(fn, type) else type(fn)
        yield f"{kind.__module__}.{kind.__qualname__}"
        call = inspect.getattr_static(kind, "__call__", None)
        if hasattr(call, "__code__"):  # an object that is called
            yield from _parts(call, depth + 1, rebound)
            yield from _attributes(fn, depth)
        return
    if function is not fn and not isinstance(fn.__self__, type):
        yield from _attributes(fn.__self__, depth)
    yield from _code(code)
    yield from _values(function.__defaults__ or (), depth)
    yield from _values(sorted((function.__kwdefaults__ or {}).items()), depth)
    rebound |= _rebound_cells(function, depth)
    for _, cell, content in _cells(function):
        if hasattr(content, "__code__"):
            yield from _parts(content, depth + 1, rebound)
        elif id(cell) not in rebound:
            yield from _values([content], depth)


def _cells(function: Any) -> Iterator[tuple[str, CellType, Any]]:
    """Yield name, cell and value of what a function uses of the function that made it."""
    for name, cell in zip(function.__code__.co_freevars, function.__closure__ or (), strict=True):
        try:
            yield name, cell, cell.cell_contents
        except ValueError:  # a name that has no value yet
            continue


def _rebound_cells(function: Any, depth: int) -> frozenset[int]:
    """Return the identities of the cells that a function, or one in its cells, rebinds."""
    names = _rebound_names(function.__code__)
    found: frozenset[int] = frozenset()
    for name, cell, content in _cells(function):
        if name in names:
            found |= {id(cell)}
        elif hasattr(content, "__code__") and depth < _DEEPEST:
            found |= _rebound_cells(content, depth + 1)
    return found


def _rebound_names(code: CodeType) -> set[str]:
    """Return the names that code, with the functions within it, declares nonlocal and binds."""
    names = _operands(code, "DEREF")
    for inner in _inner(code):
        names |= _rebound_names(inner)
    return names & set(code.co_freevars)


def _set_attributes(code: CodeType) -> set[str]:
    """Return the names of the attributes that code, with the functions within it, sets."""
    return _operands(code, "ATTR").union(*map(_set_attributes, _inner(code)))


def _operands(code: CodeType, kind: str) -> set[str]:
    """Return the names that code stores or deletes by operations of a kind."""
    wanted = f"STORE_{kind}", f"DELETE_{kind}"
    return {each.argval for each in dis.get_instructions(code) if each.opname in wanted}


def _inner(code: CodeType) -> list[CodeType]:
    return [const for const in code.co_consts if isinstance(const, CodeType)]


def _attributes(instance: Any, depth: int) -> Iterator[str]:
    """Yield the texts of an object's attributes, without those that its methods set."""
    changing: set[str] = set()
    for kind in type(instance).__mro__:
        for name, value in vars(kind).items():
            if isinstance(value, functools.cached_property):
                changing.add(name)  # sets itself, at its first use
            elif name not in _MAKERS:
                methods: tuple[Any, ...] = (value,)
                if isinstance(value, property):
                    methods = value.fget, value.fset
                for method in methods:
                    code = getattr(inspect.unwrap(method), "__code__", None)
                    if isinstance(code, CodeType):
                        changing |= _set_attributes(code)
    attributes = getattr(instance, "__dict__", {})
    kept = [(name, attributes[name]) for name in sorted(attributes) if name not in changing]
    yield from _values(kept, depth)


def _code(code: CodeType) -> Iterator[str]:
    yield code.co_code.hex()
    yield " ".join(code.co_names)
    yield from _values(code.co_consts, 0)


def _values(values: Any, depth: int, *, mutable: bool = False) -> Iterator[str]:
    """Yield the texts of plain values; of others nothing, as they may differ by process.

    Args:
        values: The values.
        depth: How deep they are.
        mutable: Whether what lists, dicts and sets hold counts too.
    """
    for value in values:
        if isinstance(value, CodeType):
            yield from _code(value)
        elif isinstance(value, _PLAIN):
            yield repr(value)
        elif isinstance(value, list | dict | set) and not mutable:
            continue  # the objective may fill it
        elif isinstance(value, tuple | list) and depth < _DEEPEST:
            yield from _values(value, depth + 1, mutable=mutable)
        elif isinstance(value, set | frozenset):
            yield from sorted(repr(each) for each in value if isinstance(each, _PLAIN))
        elif isinstance(value, dict) and depth < _DEEPEST:
            yield from _values(value.items(), depth + 1, mutable=mutable)
