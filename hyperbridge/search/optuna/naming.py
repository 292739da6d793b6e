"""Name a stored study after the call of fmin that it belongs to, and notice changed objectives.

The same call must find its study again in another process, so the texts here are the same in
every process: they contain no address, no order of a set, and no ``repr`` of an object.
"""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import enum
import functools
import hashlib
import inspect
import os
import sys
from collections.abc import Iterator
from datetime import date, time, timedelta
from numbers import Number
from types import CodeType, SimpleNamespace
from typing import Any

from hyperbridge.space import Space
from hyperbridge.space.nodes import (
    Call,
    ComputedDistribution,
    Constant,
    DictNode,
    Node,
    Parameter,
    iterate,
    text_of,
)

_PLAIN = (Number, str, bytes, type(None), range, date, time, timedelta)
_MOST = 1000
"""Most values of a container that count one by one; a longer one is data."""
_DEEPEST = 8


def default_name(fn: Any, space: Space) -> str:
    """Return the name of an objective's study: its qualified name, and a hash of the space.

    Options that ``functools.partial`` binds count as the space does: numbers, texts, and what
    containers, dataclasses and namespaces hold of them. Of data and other objects the type counts.

    Args:
        fn: The objective.
        space: The search space.

    Examples:
        >>> from hyperbridge.translate.from_hyperopt import read_space
        >>> space = read_space([1])
        >>> default_name(abs, space).startswith("abs-")
        True
        >>> default_name(pow, space) == default_name(functools.partial(pow, exp=2), space)
        False
    """
    texts = list(_space_texts(space))
    while isinstance(fn, functools.partial):
        texts += [_text(fn.args), _text(fn.keywords)]
        fn = fn.func
    title = getattr(fn, "__qualname__", type(fn).__qualname__)
    title = title.replace("<locals>.", "").replace("<", "").replace(">", "")
    return f"{title}-{_hash(texts)}"


def code_of(fn: Any) -> str:
    """Return a hash of an objective's code and of the plain values that it holds.

    The objective of an earlier process with another hash has other code, or holds something else
    in its closure or as an attribute of its object. Python's version counts.

    Args:
        fn: The objective.

    Examples:
        >>> code_of(lambda x: x) == code_of(lambda x: x), code_of(lambda x: x) == code_of(abs)
        (True, False)
    """
    while isinstance(fn, functools.partial):
        fn = fn.func
    function = getattr(fn, "__func__", fn)  # of a bound method
    owner = getattr(fn, "__self__", fn)
    is_object = not (isinstance(owner, type) or hasattr(owner, "__code__"))
    held = list(getattr(owner, "__dict__", {}).values()) if is_object else []
    if not hasattr(function, "__code__"):
        function = inspect.getattr_static(type(fn), "__call__", None)
    for cell in getattr(function, "__closure__", None) or ():
        with contextlib.suppress(ValueError):  # a name that has no value yet
            held.append(cell.cell_contents)
    code = getattr(function, "__code__", None)
    plain = [value for value in held if isinstance(value, _PLAIN)]
    return _hash([sys.version[:4], *(_code_texts(code) if code else ()), _text(plain)])


def _code_texts(code: CodeType) -> Iterator[str]:
    yield code.co_code.hex()
    yield " ".join(code.co_names)
    for const in code.co_consts:
        yield from _code_texts(const) if isinstance(const, CodeType) else (_text(const),)


def _hash(texts: list[str]) -> str:
    return hashlib.sha256("\n".join(texts).encode(errors="surrogatepass")).hexdigest()[:8]


def _space_texts(space: Space) -> Iterator[str]:
    """Yield the texts of all nodes of a space; what people read is cut where it is long."""
    numbers: dict[int, int] = {}
    for node in iterate(space.root):
        numbers[id(node)] = len(numbers)
        yield " ".join([type(node).__name__, *(str(numbers[id(n)]) for n in node.children())])
        yield _own_text(node)


def _own_text(node: Node) -> str:
    """Return the text of a node without those below it."""
    if isinstance(node, Constant):
        return _text(node.value)
    if isinstance(node, DictNode):
        return _text(node.keys)
    if isinstance(node, Parameter):
        distribution = node.distribution
        if isinstance(distribution, ComputedDistribution):
            names = [name for name, _ in distribution.arguments]
            return " ".join([node.label, distribution.kind, *names])
        return text_of(node)
    if isinstance(node, Call):
        own = "" if node.is_standard else _text(node.function)
        return " ".join([node.name, *(name for name, _ in node.kwargs), own])
    return ""


def _text(value: Any, depth: int = 0) -> str:
    """Return the text of a plain value, or of one that holds such; of another one its type."""
    if isinstance(value, enum.Enum):
        return f"{type(value).__qualname__}.{value.name}"
    if hasattr(value, "dtype") and getattr(value, "shape", None) == ():  # a scalar of NumPy
        value = value.item()
    if isinstance(value, os.PathLike):
        value = os.fspath(value)
    if isinstance(value, int) and abs(value) >= 2**63:
        return hex(value)  # Python refuses to write thousands of decimal digits
    if isinstance(value, _PLAIN):
        return repr(value)
    if isinstance(value, functools.partial):
        value = [value.func, value.args, value.keywords]
    elif dataclasses.is_dataclass(value) and not isinstance(value, type):
        names = [field.name for field in dataclasses.fields(value)]
        value = [type(value), {name: getattr(value, name, None) for name in names}]
    elif isinstance(value, SimpleNamespace | argparse.Namespace):
        value = vars(value)
    kinds = (dict, list, tuple, set, frozenset)
    kind = next((kind for kind in kinds if isinstance(value, kind)), None)
    if kind is None:
        named = value if isinstance(getattr(value, "__qualname__", None), str) else type(value)
        return f"{getattr(named, '__module__', None)}.{named.__qualname__}"
    if len(value) > _MOST or depth > _DEEPEST:
        return kind.__name__
    items = value.items() if kind is dict else value
    texts = [_text(item, depth + 1) for item in items]
    return f"{kind.__name__}({', '.join(texts if kind in (list, tuple) else sorted(texts))})"
