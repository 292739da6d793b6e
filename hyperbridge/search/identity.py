"""Say what a saved search belongs to, so that it is not continued with another space or algorithm.

The texts are the same in every process, and no object of the user's is asked for its ``repr``.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import Any

from hyperbridge.search.hyperopt_algo import algo_name
from hyperbridge.space import Space
from hyperbridge.space.nodes import (
    Call,
    Choice,
    ComputedDistribution,
    Constant,
    DictNode,
    Node,
    Parameter,
    iterate,
)

_PLAIN = (bool, int, float, complex, str, bytes, type(None))


def space_texts(space: Space) -> dict[str, str]:
    """Return a text of each parameter by its label, and of the whole space under ``""``.

    Examples:
        >>> from hyperopt import hp
        >>> from hyperbridge.translate.from_hyperopt import read_space
        >>> space_texts(read_space({"x": hp.uniform("x", 0, 1)}))["x"]
        'Uniform(low=0.0, high=1.0)'
    """
    texts: dict[int, str] = {}
    for node in iterate(space.root):
        texts[id(node)] = _node_text(node, texts)
    labelled: dict[str, Node] = {**space.parameters, **space.choices, "": space.root}
    return {label: texts[id(node)] for label, node in labelled.items()}


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
    bound = [_value_text(value) for value in algo.args]
    bound += [f"{name}={_value_text(value)}" for name, value in sorted(algo.keywords.items())]
    return f"{algo_text(algo.func)}({', '.join(bound)})"


def difference(saved: Mapping[str, str], given: Mapping[str, str]) -> str | None:
    """Return how two spaces differ, from their `space_texts`; None when they are the same.

    Examples:
        >>> difference({"x": "1", "": "{x}"}, {"y": "1", "": "{y}"})
        "the saved one has 'x', this one has 'y'"
    """
    if saved == given:
        return None
    sides = (("the saved one", saved, given), ("this one", given, saved))
    parts = []
    for side, mine, other in sides:
        only = [repr(label) for label in mine if label not in other]
        if only:
            parts.append(f"{side} has {', '.join(only)}")
    if parts:
        return ", ".join(parts)
    for label in given:
        if label and saved[label] != given[label]:
            return f"label {label!r} was {saved[label]} and is {given[label]}"
    return "the labels are the same, but not the values beside them"


def _node_text(node: Node, texts: Mapping[int, str]) -> str:
    inside = ", ".join(texts[id(child)] for child in node.children())
    if isinstance(node, Constant):
        return _value_text(node.value)
    if isinstance(node, Parameter) and not isinstance(node.distribution, ComputedDistribution):
        return repr(node.distribution)
    if isinstance(node, Parameter | Choice):
        return f"{type(node).__name__}({inside})"
    if isinstance(node, DictNode):
        return f"{list(map(_value_text, node.keys))}({inside})"
    return f"{node.name if isinstance(node, Call) else ''}({inside})"


def _value_text(value: Any) -> str:
    if type(value) in _PLAIN:
        return repr(value)
    named = value if hasattr(value, "__qualname__") else type(value)
    return f"{named.__module__}.{named.__qualname__}"
