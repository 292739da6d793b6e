"""Say which objective a saved search belongs to, so that it is not continued with another one.

The texts are the same for the same program run again, wherever its lines stand. What the objective
calls is not looked into, and no object of the user's is asked for its ``repr`` or anything else.
"""

from __future__ import annotations

import ast
import dis
import functools
import hashlib
import linecache
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import BuiltinFunctionType, CodeType, FunctionType, MethodType
from typing import Any, Final

_PLAIN: Final = (bool, int, float, complex, str, bytes, type(None))
_DEEPEST: Final = 8
_SOURCE: Final = "source"
_COMPILED: Final = f"compiled by {sys.implementation.cache_tag}"


def objective_texts(fn: Any) -> dict[str, str]:
    """Return the name of an objective, and a digest of its code with what is bound to it.

    Bound are the arguments of a partial, the defaults of parameters and the variables of functions
    around it, where they are plain values that cannot change, or functions.

    Args:
        fn: A function, a partial, a method or an object that can be called.

    Returns:
        ``name``, such as ``train.objective``, and ``code``: a digest of the source, or of the
        compiled code for this Python where there is no source, or ``""`` where there is neither.

    Examples:
        >>> objective_texts(abs)
        {'name': 'builtins.abs', 'code': ''}
    """
    texts = _Texts()
    text = texts.of(fn, 0)
    kind = _COMPILED if _COMPILED in texts.kinds else _SOURCE
    digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:32]
    return {"name": _name(fn), "code": f"{kind}:{digest}" if texts.kinds else ""}


def objective_difference(saved: Mapping[str, str], given: Mapping[str, str]) -> str | None:
    """Return how two objectives differ, from their `objective_texts`; None when they do not.

    Code that cannot be compared, such as what two versions of Python have compiled, is not seen
    as different.

    Examples:
        >>> objective_difference({"name": "a.f", "code": ""}, {"name": "a.g", "code": ""})
        'the objective was a.f and is a.g'
    """
    if saved["name"] != given["name"]:
        return f"the objective was {saved['name']} and is {given['name']}"
    codes = saved["code"], given["code"]
    kinds = [code.partition(":")[0] for code in codes]
    if kinds[0] != kinds[1] or codes[0] == codes[1]:
        return None
    return (
        f"the code of the objective {given['name']}, or a value that is bound to it, is not what "
        "it was"
    )


def _name(fn: Any) -> str:
    """Return the name of a callable, with the last part of its module's name."""
    while isinstance(fn, functools.partial):
        fn = fn.func
    named = fn if isinstance(fn, _NAMED) else type(fn)
    module = str(getattr(named, "__module__", None) or "")
    if module == "__main__":
        main = sys.modules["__main__"]
        spec, file = getattr(main, "__spec__", None), getattr(main, "__file__", None)
        module = spec.name if spec is not None else Path(file).stem if file else module
    return f"{module.rpartition('.')[2]}.{named.__qualname__}"


_NAMED: Final = (FunctionType, MethodType, BuiltinFunctionType, type)


class _Texts:
    """Makes texts of a callable and of the values that are bound to it.

    Attributes:
        kinds: How the code of functions was read: `_SOURCE` and `_COMPILED`.
    """

    def __init__(self) -> None:
        self.kinds: set[str] = set()
        self._seen: dict[FunctionType, int] = {}
        self._functions: dict[str, list[Any]] = {}

    def of(self, value: Any, depth: int) -> str:
        """Return a text of a value; of one that may change, its class alone."""
        kind = type(value)
        if kind in _PLAIN:
            return repr(value)
        if depth > _DEEPEST:
            return kind.__qualname__
        if kind in (tuple, frozenset):
            parts = [self.of(part, depth + 1) for part in value]
            return f"{kind.__name__}({', '.join(parts if kind is tuple else sorted(parts))})"
        if isinstance(value, functools.partial):
            bound = [self.of(each, depth + 1) for each in value.args]
            bound += self._named(value.keywords, depth)
            return f"{self.of(value.func, depth + 1)}({', '.join(bound)})"
        if kind is FunctionType:
            return self._of_function(value, depth)
        if kind is MethodType:
            return f"{type(value.__self__).__qualname__}: {self.of(value.__func__, depth + 1)}"
        if isinstance(value, type):
            return value.__qualname__
        for base in kind.__mro__:
            if type(base.__dict__.get("__call__")) is FunctionType:
                return f"{kind.__qualname__}: {self.of(base.__dict__['__call__'], depth + 1)}"
        return kind.__qualname__

    def _of_function(self, fn: FunctionType, depth: int) -> str:
        if fn in self._seen:
            return f"function {self._seen[fn]}"
        self._seen[fn] = len(self._seen)
        code = fn.__code__
        source = self._source(code)
        self.kinds.add(_COMPILED if source is None else _SOURCE)
        parts = [_compiled(code) if source is None else source]
        parts += [self.of(each, depth + 1) for each in fn.__defaults__ or ()]
        parts += self._named(fn.__kwdefaults__ or {}, depth)
        cells = dict(zip(code.co_freevars, fn.__closure__ or (), strict=True))
        for name in _assigned(code):
            cells.pop(name, None)
        parts += self._named({name: _content(cell) for name, cell in cells.items()}, depth)
        return "; ".join(parts)

    def _named(self, values: Mapping[str, Any], depth: int) -> list[str]:
        return [f"{name}={self.of(each, depth + 1)}" for name, each in sorted(values.items())]

    def _source(self, code: CodeType) -> str | None:
        """Return the source of a function without comments, layout and docstrings, if known."""
        file = code.co_filename
        if file not in self._functions:
            self._functions[file] = _functions_in(file)
        nodes = [n for n in self._functions[file] if _first_line(n) == code.co_firstlineno]
        if code.co_name == "<lambda>":
            names = list(code.co_varnames[: code.co_argcount + code.co_kwonlyargcount])
            nodes = [n for n in nodes if isinstance(n, ast.Lambda) and _arguments(n) == names]
        else:
            nodes = [n for n in nodes if getattr(n, "name", None) == code.co_name]
        texts = {ast.unparse(_without_docstrings(node)) for node in nodes}
        return texts.pop() if len(texts) == 1 else None


def _content(cell: Any) -> Any:
    try:
        return cell.cell_contents
    except ValueError:  # not assigned yet
        return None


def _assigned(code: CodeType) -> Iterator[str]:
    """Return the variables of functions around it that a function, or one in it, assigns."""
    for instruction in dis.get_instructions(code):
        if instruction.opname in ("STORE_DEREF", "DELETE_DEREF"):
            yield str(instruction.argval)
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _assigned(constant)


def _functions_in(filename: str) -> list[Any]:
    """Return the functions of a file; none when it cannot be read."""
    try:
        tree = ast.parse("".join(linecache.getlines(filename)))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return []
    kinds = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda
    return [node for node in ast.walk(tree) if isinstance(node, kinds)]


def _first_line(node: Any) -> int:
    lines: list[int] = [each.lineno for each in (node, *getattr(node, "decorator_list", ()))]
    return min(lines)


def _arguments(node: ast.Lambda) -> list[str]:
    arguments = node.args
    return [each.arg for each in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs)]


def _without_docstrings(node: Any) -> Any:
    for inner in ast.walk(node):
        if isinstance(inner, _DOCUMENTED) and ast.get_docstring(inner, clean=False) is not None:
            inner.body = inner.body[1:] or [ast.Pass()]
    return node


_DOCUMENTED: Final = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)


def _compiled(code: CodeType) -> str:
    """Return a text of compiled code that does not depend on where it stands."""
    constants = [
        _compiled(each) if isinstance(each, CodeType) else _constant(each)
        for each in code.co_consts
    ]
    names = code.co_names, code.co_varnames, code.co_freevars, code.co_cellvars
    return f"{code.co_code.hex()} {constants} {names}"


def _constant(value: Any) -> str:
    if isinstance(value, frozenset | tuple):
        parts = [_constant(each) for each in value]
        return str(sorted(parts) if isinstance(value, frozenset) else parts)
    return repr(value)
