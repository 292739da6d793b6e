"""Write numbers, constants and functions of a space as Python source."""

from __future__ import annotations

import inspect
import keyword
import math
import re
from collections.abc import Callable, Iterable
from enum import Enum
from typing import Any

from hyperbridge.errors import HyperbridgeError
from hyperbridge.space.nodes import Constant, DictNode, Node, SequenceNode
from hyperbridge.translate.source_text import Expression, Group

_LOG_CALL = re.compile(r"^(?:np|numpy|math|jnp)\.log\((.*)\)$", re.DOTALL)
_LARGEST_ARRAY = 200


class UnwritableError(HyperbridgeError, ValueError):
    """Something in a space cannot be said in source code; the message says what."""


def number(value: float) -> str:
    """Return the shortest usual spelling of a number.

    Examples:
        >>> number(10.0), number(0.25), number(1e-05)
        ('10', '0.25', '1e-05')
    """
    if float(value).is_integer() and abs(value) < 1e6:
        return str(int(value))
    return repr(float(value))


def exponential(value: float | None, text: str | None) -> tuple[str, set[str]]:
    """Return the source of ``exp`` of a bound, and the imports that it needs.

    Args:
        value: The bound, when it is known.
        text: Its source, where it is computed.

    Examples:
        >>> exponential(math.log(1e-5), "np.log(1e-5)")
        ('1e-5', set())
        >>> exponential(-5.0, "-5")
        ('math.exp(-5)', {'import math'})
    """
    match = _LOG_CALL.match(text) if text is not None else None
    if match is not None and _is_balanced(match[1]):
        return match[1], set()
    if value is not None:
        rounded = float(f"{math.exp(value):.6g}")
        if rounded > 0 and math.isclose(math.log(rounded), value, rel_tol=1e-14, abs_tol=1e-14):
            return number(rounded), set()
    return f"math.exp({text if text is not None else number(value or 0.0)})", {"import math"}


def _is_balanced(text: str) -> bool:
    depth = 0
    for character in text:
        depth += {"(": 1, ")": -1}.get(character, 0)
        if depth < 0:
            return False
    return depth == 0 and "," not in text


def identifier(text: str) -> str:
    """Return a legal lower-case name made from any text.

    Examples:
        >>> identifier("Model type"), identifier("class"), identifier("2nd")
        ('model_type', 'class_', 'x2nd')
    """
    name = re.sub(r"\W+", "_", text).strip("_").lower() or "x"
    if name[0].isdigit():
        name = f"x{name}"
    return f"{name}_" if keyword.iskeyword(name) else name


def plain(value: Any) -> Any:
    """Return a NumPy scalar as the Python one, anything else as it is."""
    is_scalar = type(value).__module__ == "numpy" and getattr(value, "ndim", None) == 0
    return value.item() if is_scalar and hasattr(value, "item") else value


def constant(node: Node, imports: set[str]) -> Expression:
    """Return the source of a node without parameters.

    Args:
        node: A constant, or a container of constants.
        imports: Import statements that are needed are added here.

    Raises:
        UnwritableError: A value has no source, for example an object of a class.
    """
    if isinstance(node, Constant):
        return literal(node.value, imports)
    if isinstance(node, SequenceNode):
        parts = [("", constant(item, imports)) for item in node.items]
        return Group("(", parts, ",)" if len(parts) == 1 else ")")
    if isinstance(node, DictNode):
        pairs = zip(node.keys, node.values, strict=True)
        entries = [(f"{literal(k, imports)}: ", constant(v, imports)) for k, v in pairs]
        return Group("{", entries, "}")
    raise UnwritableError(f"{node!r} is not a constant")


def literal(value: Any, imports: set[str]) -> str:
    """Return the source of a value, which evaluates to an equal one of the same type.

    Args:
        value: Anything.
        imports: Import statements that are needed are added here.

    Raises:
        UnwritableError: The value has no source.

    Examples:
        >>> literal([1.5, float("nan"), range(3)], set())
        '[1.5, float("nan"), range(0, 3)]'
    """
    value = plain(value)
    write = _WRITERS.get(type(value))  # a subclass has a repr of its own, or loses its type
    if write is not None:
        return write(value, imports)
    if isinstance(value, Enum):
        return _member(value, imports)
    if (type(value).__module__, type(value).__name__) == ("numpy", "ndarray"):
        return _array(value, imports)
    if inspect.ismodule(value):
        imports.add(f"import {value.__name__}")
        return value.__name__
    if inspect.isclass(value) or inspect.isroutine(value):
        return _reference(value, imports)
    raise _no_source(value)


def _no_source(value: Any) -> UnwritableError:
    kind = type(value).__name__
    return UnwritableError(f"a {kind} object has no source: give it a name in a module of its own")


def _float(value: float, imports: set[str]) -> str:  # noqa: ARG001 - as all writers
    return repr(value) if math.isfinite(value) else f'float("{value}")'


def _complex(value: complex, imports: set[str]) -> str:
    return f"complex({_float(value.real, imports)}, {_float(value.imag, imports)})"


def _slice(value: slice, imports: set[str]) -> str:
    return f"slice({_listed((value.start, value.stop, value.step), imports)})"


def _listed(values: Iterable[Any], imports: set[str]) -> str:
    return ", ".join(literal(value, imports) for value in values)


def _tuple(value: tuple[Any, ...], imports: set[str]) -> str:
    return f"({_listed(value, imports)}{',' * (len(value) == 1)})"


def _dict(value: dict[Any, Any], imports: set[str]) -> str:
    entries = (f"{literal(k, imports)}: {literal(v, imports)}" for k, v in value.items())
    return f"{{{', '.join(entries)}}}"


def _set(value: set[Any] | frozenset[Any], imports: set[str]) -> str:
    items = ", ".join(sorted(literal(item, imports) for item in value))
    return f"{type(value).__name__}([{items}])"


def _array(value: Any, imports: set[str]) -> str:
    import numpy as np

    if value.dtype.kind not in "biufcSU":
        raise _no_source(value)
    if value.size >= _LARGEST_ARRAY:
        raise UnwritableError(
            f"an array of {value.size} numbers is too long to be written out: give it a name in a "
            "module of its own"
        )
    imports.add("import numpy as np")
    items = value.tolist()
    if np.array(items).dtype == value.dtype:
        return f"np.array({literal(items, imports)})"
    return f'np.array({literal(items, imports)}, dtype="{value.dtype.str.lstrip("=<>|")}")'


def _member(value: Enum, imports: set[str]) -> str:
    kind = type(value)
    name = value.name
    if name is None or getattr(kind, name, None) is not value:  # flags put together
        raise _no_source(value)
    return f"{_reference(kind, imports)}.{name}"


def _as_shown(value: Any, imports: set[str]) -> str:  # noqa: ARG001 - as all writers
    return repr(value)


def quoted(text: str) -> str:
    """Return a string literal in double quotes, as formatters prefer."""
    shown = repr(text)
    if shown.startswith("'") and '"' not in shown:
        return f'"{shown[1:-1]}"'
    return shown


_WRITERS: dict[type, Callable[[Any, set[str]], str]] = {
    **dict.fromkeys((type(None), bool, int, bytes, range), _as_shown),
    str: lambda value, _: quoted(value),
    float: _float,
    complex: _complex,
    slice: _slice,
    list: lambda value, imports: f"[{_listed(value, imports)}]",
    tuple: _tuple,
    dict: _dict,
    set: _set,
    frozenset: _set,
}


def _reference(value: Any, imports: set[str]) -> str:
    module = getattr(value, "__module__", None)
    name: str = getattr(value, "__qualname__", "<unknown>")
    if "<" in name:
        raise UnwritableError(f"{name} is a local function or class: define it in a module")
    if module in (None, "builtins", "__main__"):
        return name
    imports.add(f"import {module}")
    return f"{module}.{name}"
