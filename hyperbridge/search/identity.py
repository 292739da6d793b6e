"""Say what a saved search belongs to, so that it is not continued with another space or algorithm.

The texts are the same in every process: they hold no addresses of objects.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping
from typing import Any

from hyperbridge.search.hyperopt_algo import algo_name
from hyperbridge.space import Space
from hyperbridge.space.nodes import text_of


def space_texts(space: Space) -> dict[str, str]:
    """Return a text of each parameter by its label, and of the whole space under ``""``.

    Examples:
        >>> from hyperopt import hp
        >>> from hyperbridge.translate.from_hyperopt import read_space
        >>> space_texts(read_space({"x": hp.uniform("x", 0, 1)}))["x"]
        "uniform('x', low=0.0, high=1.0)"
    """
    nodes: dict[str, Any] = {**space.parameters, **space.choices, "": space.root}
    return {label: _text(node, text_of) for label, node in nodes.items()}


def algo_text(algo: Any) -> str:
    """Return a text of a suggest function with the arguments that a partial has bound.

    Examples:
        >>> from hyperopt import tpe
        >>> algo_text(functools.partial(tpe.suggest, gamma=0.5))
        'hyperopt.tpe.suggest(gamma=0.5)'
    """
    if not isinstance(algo, functools.partial):
        qualified = getattr(algo, "__qualname__", None)
        return f"{algo_name(algo)}.{qualified}" if qualified else algo_name(algo)
    bound = [_text(value, repr) for value in algo.args]
    bound += [f"{name}={_text(value, repr)}" for name, value in sorted(algo.keywords.items())]
    return f"{algo_text(algo.func)}({', '.join(bound)})"


def difference(saved: Mapping[str, str], given: Mapping[str, str]) -> str | None:
    """Return how two spaces differ, from their `space_texts`; None when they are the same.

    Examples:
        >>> difference({"x": "1", "": "{x}"}, {"y": "1", "": "{y}"})
        "the saved one has label 'x', this one has label 'y'"
    """
    if saved == given:
        return None
    sides = (("the saved one", saved, given), ("this one", given, saved))
    parts = []
    for side, mine, other in sides:
        only = [repr(label) for label in mine if label not in other]
        if only:
            parts.append(f"{side} has label {', '.join(only)}")
    if parts:
        return ", ".join(parts)
    for label in given:
        if label and saved[label] != given[label]:
            return f"the saved one has {saved[label]}, this one has {given[label]}"
    return "the labels are the same, but values beside them are not"


def _text(value: Any, describe: Any) -> str:
    try:
        text = str(describe(value))
    except Exception:  # noqa: BLE001 - the __repr__ of a user's object may raise anything
        text = type(value).__name__
    return re.sub(r" at 0x[0-9a-fA-F]+", "", text)
