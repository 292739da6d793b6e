"""What documents of trials look like: which places they have, and what types are there."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np

from hyperbridge.documents import Document, is_taken_over
from hyperbridge.history.history import state_of

_MOST_BELOW = 40
"""A dict in a result with more keys than this is data, and not looked into."""


def layout_of(documents: Iterable[Document]) -> tuple[dict[str, list[str]], list[str]]:
    """Return the types at each place, and the places that every complete trial has.

    Examples:
        >>> layout_of([{"state": 2, "result": {"status": "ok", "loss": 0.5}}])[0]
        {'result': ['dict'], 'result.loss': ['float'], 'result.status': ['str'], 'state': ['int']}
    """
    types: dict[str, set[str]] = {}
    n_with: Counter[str] = Counter()
    n_complete = 0
    for document in documents:
        places = dict(_places(document))
        for place, name in places.items():
            types.setdefault(place, set()).add(name)
        if state_of(document) == "complete":
            n_complete += 1
            n_with.update(places.keys())
    always = sorted(place for place, n in n_with.items() if n == n_complete)
    return {place: sorted(types[place]) for place in sorted(types)}, always


def reached_by_all(documents: Iterable[Document]) -> list[str]:
    """Return the labels that every trial has a value for."""
    found: set[str] | None = None
    for document in documents:
        if is_taken_over(document):
            continue
        here = {label for label, values in document["misc"]["vals"].items() if len(values)}
        found = here if found is None else found & here
    return sorted(found or ())


def _places(value: Any, place: str = "") -> Iterator[tuple[str, str]]:
    if place:
        yield place, kind_of(value)
    if isinstance(value, dict) and len(value) <= _MOST_BELOW:
        for key, below in value.items():
            yield from _places(below, f"{place}.{key}" if place else str(key))
    elif isinstance(value, list) and len(value) == 1 and place.startswith("misc."):
        yield f"{place}[0]", kind_of(value[0])


def kind_of(value: Any) -> str:
    """Return the name of a value's type; NumPy's numbers count as Python's of their kind.

    Examples:
        >>> import numpy as np
        >>> kind_of(np.float64(0.5)), kind_of(np.int64(3)), kind_of("a")
        ('float', 'int', 'str')
    """
    if isinstance(value, np.generic):
        return type(value.item()).__name__
    return type(value).__name__
