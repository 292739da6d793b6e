"""Take out of a history what stands where an object could not be had, and say so."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

from hyperbridge.documents import new_document
from hyperbridge.history.history import History

AbsentName = Callable[[Any], str | None]
"""Returns what an object stands for; None for an object that stands for itself."""


def leave_out_absent(history: History, absent: AbsentName, why: Callable[[str], str]) -> None:
    """Take out each entry of results, ``misc`` and attachments that holds something absent.

    Args:
        history: Its documents and attachments are changed; a remark says what is left out.
        absent: Tells what is absent.
        why: Returns why something of that name is, as the end of the remark.
    """
    dropped: Counter[tuple[str, str]] = Counter()

    def look(part: Any, key: Any, what: str) -> None:
        name = _name_of_absent(part[key], absent)
        if name is not None:
            del part[key]
            dropped[what, name] += 1

    defaults = new_document(0, {}, None)
    for document in history.documents:
        for name in ("result", "misc"):
            for key in list(document[name]):
                look(document[name], key, f"{name}[{key!r}]")
        for key in list(document):
            if key not in ("result", "misc"):  # such as the "_id" of MongoDB
                look(document, key, f"entry {key!r}")
        for key, value in defaults.items():
            document.setdefault(key, value)
    for name in list(history.attachments):
        look(history.attachments, name, f"attachment {name!r}")
    for (what, name), n in dropped.items():
        of = "" if what.startswith("attachment") else " of 1 trial" if n == 1 else f" of {n} trials"
        history.remark(f"{what}{of} is left out: it holds a {name} ({why(name)})")


def _name_of_absent(value: Any, absent: AbsentName, depth: int = 0) -> str | None:
    name = absent(value)
    if name is not None or depth > 100:
        return name
    parts: Any = ()
    if isinstance(value, dict):
        parts = [*value.keys(), *value.values()]
    elif isinstance(value, (list, tuple, set, frozenset)):
        parts = value
    found = (_name_of_absent(part, absent, depth + 1) for part in parts)
    return next((each for each in found if each is not None), None)
