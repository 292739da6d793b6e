"""Name a stored study after the call of fmin that it belongs to: its objective and its space.

The same call must find its study again in another process, and another objective must not get
it: the losses of two functions in one study would give a wrong best point.
"""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Iterator
from typing import Any

from hyperbridge.search.optuna.fingerprints import function_texts, value_texts
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


def default_name(fn: Any, space: Space) -> str:
    """Name a study so that the same call of fmin finds it again, and no other one.

    What counts is the objective's code (comments and line numbers aside), what it is bound to
    (by ``functools.partial``, as defaults, or by the function that made it), and the space. Bound
    numbers, texts and functions count as they are. What the caller has chosen as an argument of a
    ``functools.partial`` counts with what it holds, in any order: dicts, lists, sets, dataclasses,
    namespaces. Of data and models, such as a DataFrame, an estimator, or a container of more than
    a thousand values, only the type counts. What the objective may change while it runs does not
    count: lists, dicts and sets otherwise, names that it rebinds, attributes that methods of its
    object set.

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
    parts = "\n".join([*_space_texts(space), *function_texts(fn)])
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


def _space_texts(space: Space) -> Iterator[str]:
    """Yield the texts of all nodes of a space; what people read is cut where it is long."""
    numbers: dict[int, int] = {}
    for node in iterate(space.root):
        numbers[id(node)] = len(numbers)
        yield " ".join([type(node).__name__, *(str(numbers[id(n)]) for n in node.children())])
        yield from _own_texts(node)


def _own_texts(node: Node) -> Iterator[str]:
    """Yield the texts of a node without those below it."""
    if isinstance(node, Constant):
        yield from value_texts(node.value)
    elif isinstance(node, DictNode):
        yield from value_texts(node.keys)
    elif isinstance(node, Parameter):
        distribution = node.distribution
        if isinstance(distribution, ComputedDistribution):
            names = [name for name, _ in distribution.arguments]
            yield " ".join([node.label, distribution.kind, *names])
        else:
            yield text_of(node)
    elif isinstance(node, Call):
        yield " ".join([node.name, *(name for name, _ in node.kwargs)])
        if not node.is_standard:
            yield from function_texts(node.function)
