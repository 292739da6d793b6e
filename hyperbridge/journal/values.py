"""Values as JSON that come back equal and of the same type. See `hyperbridge.journal`.

What JSON has is itself; the rest is an object with one key that begins with ``$``. Reading makes
values of Python's and NumPy's own types alone: nothing in a text is imported, called or unpickled.
"""

from __future__ import annotations

import base64
import functools
import math
from collections import OrderedDict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta, timezone
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any, Final
from uuid import UUID
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import numpy as np

from hyperbridge.journal import arrays

DEEPEST: Final = 100
"""How deep lists and dicts may be nested."""

_LOWEST_INT, _HIGHEST_INT = -(2**63), 2**64 - 1


@dataclass(frozen=True, slots=True, eq=False)
class NotKept:
    """Stands where an object was that plain data cannot hold.

    A pickle has its text instead, so that it loads without this package.

    Attributes:
        type_name: Its type, such as ``sklearn.svm._classes.SVC``.
    """

    type_name: str

    def __repr__(self) -> str:
        return f"<not kept: {self.type_name}>"

    def __reduce__(self) -> tuple[type[str], tuple[str]]:
        return str, (repr(self),)

    def __deepcopy__(self, memo: Any) -> NotKept:
        return self


@dataclass(frozen=True, slots=True)
class Loss:
    """What a value will not have when it comes back.

    Attributes:
        type_name: The type of an object in it.
        kept_as: The plain type that its content is kept as; None when nothing of it is.
    """

    type_name: str
    kept_as: str | None


def encode(value: Any, losses: list[Loss]) -> Any:
    """Return a value in types that ``json.dumps`` writes as they are.

    Args:
        value: Anything. It is not changed, and no method of a class of the user's is called.
        losses: Gets an entry for each object that does not come back as it was.

    Examples:
        >>> encode({"a": (1, np.float64(0.5))}, [])
        {'a': {'$tuple': [1, {'$float64': 0.5}]}}
    """
    return _Encoder(losses).encode(value, 0)


def decode(tagged: dict[str, Any]) -> Any:
    """Return the value of a JSON object whose parts are decoded: the hook of ``json.loads``.

    Raises:
        ValueError: The object has a tag that is not in the format, or another content.

    Examples:
        >>> decode({"$tuple": [1, 2]}), decode({"a": 1})
        ((1, 2), {'a': 1})
    """
    if len(tagged) != 1:
        return tagged
    ((tag, content),) = tagged.items()
    if tag[:1] != "$":
        return tagged
    read = _READERS.get(tag)
    if read is None:
        raise ValueError(f"there is no value of the kind {tag!r}")
    try:
        return read(content)
    except Exception as exc:
        raise ValueError(f"{content!r:.100} is no value of the kind {tag!r} ({exc})") from exc


class _Encoder:
    """Encodes one value, and knows which containers it is inside of."""

    def __init__(self, losses: list[Loss]) -> None:
        self._losses = losses
        self._inside: set[int] = set()

    def encode(self, value: Any, depth: int) -> Any:
        kind = type(value)
        if kind is float:
            return value if math.isfinite(value) else {"$float": str(value)}
        if kind is str:
            return value if value.isascii() else _text(value)
        if kind is bool or value is None:
            return value
        if kind is int:
            is_short = _LOWEST_INT <= value <= _HIGHEST_INT
            return value if is_short else {"$int": hex(value)}
        if kind is list and len(value) == 1:  # as most are: the value of a label
            write = _WRITERS.get(type(value[0]))
            if write is not None:
                return [write(value[0])]
        if kind in _CONTAINERS:
            return self._guarded(value, depth, functools.partial(self._parts, value, kind))
        write = _WRITERS.get(kind)
        if write is not None:
            return write(value)
        if kind is NotKept:
            return {"$lost": value.type_name}
        if kind is np.ndarray and value.dtype.kind == "O":
            return self._guarded(value, depth, functools.partial(self._objects, value))
        if issubclass(kind, np.ndarray | np.generic):
            found = arrays.encode(value)
            return self._derived(value, kind, depth) if found is None else found
        if kind is datetime:
            return self._datetime(value)
        if kind is time and (value.tzinfo is None or type(value.tzinfo) is timezone):
            return {"$time": value.isoformat()}
        return self._derived(value, kind, depth)

    def _guarded(self, value: Any, depth: int, encode_parts: Callable[[int], Any]) -> Any:
        """Encode a container unless it is in itself, or too deep."""
        if id(value) in self._inside:
            return self._lose(f"{_name(type(value))} (in itself)")
        if depth >= DEEPEST:
            return self._lose(f"{_name(type(value))} (nested deeper than {DEEPEST} levels)")
        self._inside.add(id(value))
        try:
            return encode_parts(depth + 1)
        finally:
            self._inside.discard(id(value))

    def _parts(self, value: Any, kind: type, depth: int) -> Any:
        if kind is dict:
            if all(map(_is_plain_key, value)):
                return {key: self.encode(part, depth) for key, part in value.items()}
            return {"$dict": self._pairs(value.items(), depth)}
        if kind is OrderedDict:
            return {"$ordereddict": self._pairs(value.items(), depth)}
        parts = [self.encode(part, depth) for part in value]
        return parts if kind is list else {f"${kind.__name__}": parts}

    def _pairs(self, items: Iterable[tuple[Any, Any]], depth: int) -> list[list[Any]]:
        return [[self.encode(key, depth), self.encode(part, depth)] for key, part in items]

    def _objects(self, value: Any, depth: int) -> Any:
        parts = [self.encode(part, depth) for part in value.ravel().tolist()]
        return {"$objects": [list(value.shape), parts]}

    def _datetime(self, value: datetime) -> Any:
        zone = value.tzinfo
        if (zone is None or type(zone) is timezone) and not value.fold:
            return {"$datetime": value.isoformat()}
        if zone is None or type(zone) is timezone:
            return {"$datetime": [value.isoformat(), None, value.fold]}
        if type(zone) is ZoneInfo and zone.key is not None:
            return {"$datetime": [value.isoformat(), zone.key, value.fold]}
        try:
            text = value.isoformat()
        except Exception:  # noqa: BLE001 - a time zone of the user's may do anything
            return self._lose(_name(type(zone)))
        self._losses.append(Loss(_name(type(zone)), "timezone"))
        return {"$datetime": text}

    def _derived(self, value: Any, kind: type, depth: int) -> Any:
        """Encode an instance of a class that is derived from a plain one as that, if it is."""
        if issubclass(kind, np.ndarray) and kind not in (np.ndarray, np.ma.MaskedArray):
            self._losses.append(Loss(_name(kind), "ndarray"))
            return self.encode(np.asarray(value), depth)
        for plain, strip in _PLAIN:
            if issubclass(kind, plain):  # isinstance would ask the object
                self._losses.append(Loss(_name(kind), plain.__name__))
                if plain not in _CONTAINERS:
                    return self.encode(strip(value), depth)
                content = strip(value)
                return self._guarded(value, depth, functools.partial(self._parts, content, plain))
        return self._lose(_name(kind))

    def _lose(self, type_name: str) -> Any:
        self._losses.append(Loss(type_name, None))
        return {"$lost": type_name}


def _name(kind: type) -> str:
    try:
        module, name = str(kind.__module__), str(kind.__qualname__)
    except Exception:  # noqa: BLE001 - a metaclass of the user's may do anything
        return type.__repr__(kind)
    return name if module == "builtins" else f"{module}.{name}"


def _text(value: str) -> Any:
    """Return a text as JSON reads it back: two halves of a character would become one."""
    try:
        value.encode()
    except UnicodeEncodeError:
        return {"$text": _base64(value.encode("utf-8", "surrogatepass"))}
    return value


def _is_plain_key(key: Any) -> bool:
    return type(key) is str and key[:1] != "$" and (key.isascii() or _text(key) is key)


def _base64(raw: Any) -> str:
    return base64.b64encode(raw).decode("ascii")


def _bytes(text: str) -> bytes:
    return base64.b64decode(text, validate=True)


def _float64(value: Any) -> Any:
    number = float(value)
    return {"$float64": number if math.isfinite(number) else str(number)}


def _as_time(content: Any) -> datetime:
    if isinstance(content, str):
        return datetime.fromisoformat(content)
    text, zone, fold = content
    value = datetime.fromisoformat(text).replace(fold=fold)
    if zone is None:
        return value
    try:
        return value.replace(tzinfo=ZoneInfo(zone))
    except (ZoneInfoNotFoundError, OSError):  # the offset is known, if not the zone's rules
        return value


def _as_ints(content: list[Any], n: int) -> list[int]:
    if len(content) != n or not all(type(part) is int for part in content):
        raise ValueError(f"{content!r:.100} are not {n} whole numbers")
    return content


_CONTAINERS: Final = {dict, list, tuple, set, frozenset, OrderedDict}

_PATH: Final = type(Path())

_WRITERS: Final[dict[type, Callable[[Any], Any]]] = {
    np.float64: _float64,
    np.int64: lambda value: {"$int64": int(value)},
    bytes: lambda value: {"$bytes": _base64(value)},
    bytearray: lambda value: {"$bytearray": _base64(value)},
    complex: lambda value: {"$complex": [str(value.real), str(value.imag)]},
    date: lambda value: {"$date": value.isoformat()},
    timedelta: lambda value: {"$timedelta": [value.days, value.seconds, value.microseconds]},
    Decimal: lambda value: {"$decimal": str(value)},
    Fraction: lambda value: {"$fraction": [hex(value.numerator), hex(value.denominator)]},
    UUID: lambda value: {"$uuid": str(value)},
    range: lambda value: {"$range": [hex(each) for each in (value.start, value.stop, value.step)]},
    _PATH: lambda value: {"$path": _text(str(value))},
}

_PLAIN: Final[tuple[tuple[type, Callable[[Any], Any]], ...]] = (
    (dict, lambda value: dict(dict.items(value))),
    (list, lambda value: list(list.__iter__(value))),
    (tuple, lambda value: tuple(tuple.__iter__(value))),
    (set, lambda value: set(set.__iter__(value))),
    (frozenset, lambda value: frozenset(frozenset.__iter__(value))),
    (str, str.__str__),
    (bytes, lambda value: bytes(memoryview(value))),
    (int, int.__int__),
    (float, float.__float__),
    (complex, complex.__pos__),
    (
        datetime,
        lambda value: datetime.combine(datetime.date(value), datetime.timetz(value)),
    ),
    (date, lambda value: date.fromordinal(date.toordinal(value))),
)
"""The plain classes that others derive from, each with what takes the content out of one."""

_READERS: Final[dict[str, Callable[[Any], Any]]] = {
    "$float": float,
    "$float64": np.float64,
    "$int64": np.int64,
    "$int": lambda content: int(content, 16),
    "$text": lambda content: _bytes(content).decode("utf-8", "surrogatepass"),
    "$bytes": _bytes,
    "$bytearray": lambda content: bytearray(_bytes(content)),
    "$complex": lambda content: complex(*map(float, content)),
    "$tuple": tuple,
    "$set": set,
    "$frozenset": frozenset,
    "$dict": dict,
    "$ordereddict": OrderedDict,
    "$datetime": _as_time,
    "$date": date.fromisoformat,
    "$time": time.fromisoformat,
    "$timedelta": lambda content: timedelta(*_as_ints(content, 3)),
    "$decimal": Decimal,
    "$fraction": lambda content: Fraction(*(int(each, 16) for each in content)),
    "$uuid": UUID,
    "$range": lambda content: range(*(int(each, 16) for each in content)),
    "$path": Path,
    "$lost": NotKept,
    **arrays.READERS,
}
