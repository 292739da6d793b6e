"""Texts of functions and values that are the same in every process, before and after they ran.

They tell whether an objective is the same one as in an earlier process: an address, the order of a
set of strings, or the way an object prints itself must not make it another one.
"""

from __future__ import annotations

import argparse
import dataclasses
import dis
import enum
import functools
import hashlib
import inspect
import os
import sys
import types
from collections.abc import Iterable, Iterator
from datetime import date, time, timedelta
from itertools import islice
from numbers import Number
from types import CellType, CodeType
from typing import Any

_PLAIN = (Number, str, bytes, type(None), range, date, time, timedelta)
_DEEPEST = 5
_LONGEST = 1000
"""Longest text that is kept as it is, and most values in a container that are not yet data."""
_MAKERS = {"__init__", "__new__", "__post_init__", "__setstate__"}
"""Methods that make an object: what they alone set is not changed by calling it."""


def function_texts(fn: Any) -> Iterator[str]:
    """Yield the texts of a function, or of another object that can be called.

    Args:
        fn: It; `hyperbridge.search.optuna.naming.default_name` says what of it counts.

    Examples:
        >>> list(function_texts(abs))
        ['builtins.abs']
    """
    yield from _parts(fn, 0)


def value_texts(value: Any) -> Iterator[str]:
    """Yield the texts of a value that somebody has chosen, with what containers hold.

    Of data, which are containers of more than a thousand values and objects of other classes, it
    is the type alone.

    Args:
        value: Any object.

    Examples:
        >>> list(value_texts({"b": 2, "a": [1.5, object]}))
        ['dict{', "'a' list{ 1.5 builtins.object }", "'b' 2", '}']
    """
    yield from _value(value, 0, mutable=True)


def _parts(fn: Any, depth: int, rebound: frozenset[int] = frozenset()) -> Iterator[str]:
    """Yield the texts of a function.

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
        yield from _values(fn.args, depth, mutable=True)
        yield from _values(sorted(fn.keywords.items()), depth, mutable=True)
        return
    function = getattr(fn, "__func__", fn)  # of a bound method
    code = getattr(function, "__code__", None)
    if code is None:
        yield _name(fn)
        kind = fn if isinstance(fn, type) else type(fn)
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


def _attributes(instance: Any, depth: int, *, mutable: bool = False) -> Iterator[str]:
    """Yield the texts of an object's attributes, without those that its methods set."""
    changing = _changing(type(instance))
    attributes = getattr(instance, "__dict__", {})
    if dataclasses.is_dataclass(instance):  # which may have slots
        names = [field.name for field in dataclasses.fields(instance)]
        attributes = {name: getattr(instance, name, None) for name in names}
    kept = [(name, attributes[name]) for name in sorted(attributes) if name not in changing]
    yield from _values(kept, depth, mutable=mutable)


def _changing(cls: type) -> set[str]:
    """Return the names of the attributes that the methods of a class set."""
    changing: set[str] = set()
    for kind in cls.__mro__:
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
    return changing


def _code(code: CodeType) -> Iterator[str]:
    yield code.co_code.hex()
    yield " ".join(code.co_names)
    yield from _values(code.co_consts, 0)


def _name(obj: Any) -> str:
    """Return the full name of a function or class, for other objects that of the class."""
    named = obj if isinstance(getattr(obj, "__qualname__", None), str) else type(obj)
    return f"{getattr(named, '__module__', None)}.{named.__qualname__}"


def _values(values: Iterable[Any], depth: int, *, mutable: bool = False) -> Iterator[str]:
    """Yield the texts of values.

    Args:
        values: The values.
        depth: How deep they are.
        mutable: Whether what lists, dicts and sets hold counts too.
    """
    for value in values:
        yield from _value(value, depth, mutable=mutable)


def _value(value: Any, depth: int, *, mutable: bool) -> Iterator[str]:
    plain = _plain(value)
    if plain is not None:
        yield plain
    elif isinstance(value, CodeType):
        yield from _code(value)
    elif isinstance(value, list | dict | set) and not mutable:
        return  # the objective may fill it
    elif isinstance(value, tuple | list | dict | set | frozenset):
        if depth < _DEEPEST:
            yield from _container(value, depth + 1, mutable=mutable)
    elif isinstance(value, functools.partial) or hasattr(value, "__code__"):
        yield from _parts(value, depth + 1)
    else:
        yield _name(value)
        is_options = isinstance(value, types.SimpleNamespace | argparse.Namespace)
        if is_options or (dataclasses.is_dataclass(value) and not isinstance(value, type)):
            yield from _attributes(value, depth + 1, mutable=mutable)


def _plain(value: Any) -> str | None:
    """Return the text of a value without parts, None for other values."""
    if isinstance(value, enum.Enum):
        return f"{_name(type(value))}.{value.name}"
    if hasattr(value, "dtype") and getattr(value, "shape", None) == ():  # a scalar of NumPy
        value = value.item()
    if isinstance(value, os.PathLike):
        value = os.fspath(value)
    if isinstance(value, int) and abs(value) >= 2**63:
        return hex(value)  # Python refuses to write thousands of decimal digits
    if not isinstance(value, _PLAIN):
        return None
    if isinstance(value, str | bytes) and len(value) > _LONGEST:
        content = value.encode(errors="surrogatepass") if isinstance(value, str) else value
        return hashlib.sha256(content).hexdigest()
    return repr(value)


def _container(value: Any, depth: int, *, mutable: bool) -> Iterator[str]:
    """Yield the texts of what a container holds; those of dicts and sets in an order of ours."""
    kinds: tuple[type, ...] = (dict, tuple, list, set, frozenset)
    kind = next(kind for kind in kinds if isinstance(value, kind))
    most = _LONGEST if mutable else sys.maxsize - 1
    texts: Iterable[str] = ()
    if len(value) <= most:
        texts = _values(value, depth, mutable=mutable)
        if kind not in (tuple, list):
            items = value.items() if kind is dict else ((item,) for item in value)
            texts = sorted(" ".join(_values(item, depth, mutable=mutable)) for item in items)
    texts = list(islice(texts, most + 1))
    yield f"{kind.__name__}{{"
    if len(value) <= most and len(texts) <= most:  # else it is data
        yield from texts
    yield "}"
