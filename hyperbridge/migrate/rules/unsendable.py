"""What an objective uses that is not in another process: open files, locks, the trials so far.

Source: Python library, "What can be pickled and unpickled?"; PySpark reference, ``Broadcast``.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable

from hyperbridge.migrate.module import Module
from hyperbridge.migrate.reach import in_order, reach_of
from hyperbridge.migrate.scopes import Binding
from hyperbridge.migrate.search import Search

_MADE_BY = {
    "open": "an open file",
    "io.open": "an open file",
    "gzip.open": "an open file",
    "csv.writer": "an open file",
    "csv.DictWriter": "an open file",
    "sqlite3.connect": "a connection",
    "socket.socket": "a connection",
    "threading.Lock": "a lock",
    "threading.RLock": "a lock",
    "queue.Queue": "a queue of threads",
    "queue.SimpleQueue": "a queue of threads",
}
_OF_SPARK = ("getOrCreate", "broadcast", "accumulator")


def check(search: Search, questions: Iterable[ast.expr]) -> None:
    """Block a search whose objective would not get to the processes of Ray.

    Args:
        search: The search.
        questions: Where the program asks its Trials for something.
    """
    expr = search.arguments.get("fn")
    if expr is None:
        return
    module, seen = search.module, set[str]()
    reach = reach_of(module, expr)
    for question in questions:
        if question in reach.nodes:
            search.block(
                question,
                "the objective asks for the trials so far, which Ray's trials do not see: leave"
                " that to a callback or a stopper, or migrate to Optuna",
            )
    for name in in_order(node for node in reach.nodes if isinstance(node, ast.Name)):
        binding = module.names.only_binding(name)
        if binding is None or reach.is_inside(binding.scope) or name.id in seen:
            continue
        kind = _kind(module, binding)
        if kind is not None:
            seen.add(name.id)
            search.block(
                name,
                f"the objective uses {name.id!r}, {kind}, which cannot be sent to Ray's processes:"
                " make it in the objective",
            )


def _kind(module: Module, binding: Binding) -> str | None:
    value = binding.value
    if isinstance(binding.node, ast.withitem):
        value = binding.node.context_expr
    if not isinstance(value, ast.Call):
        return None
    func = value.func
    if isinstance(func, ast.Name) and not module.names.bindings(func):
        return _MADE_BY.get(func.id)
    if isinstance(func, ast.Attribute) and func.attr in _OF_SPARK:
        return "a part of Spark"
    return _MADE_BY.get(module.names.dotted(func) or "")
