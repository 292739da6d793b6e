"""What an objective uses that is not in another process: open files, locks, parts of Spark.

Source: Python library, "What can be pickled and unpickled?"; PySpark reference, ``Broadcast``.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from hyperbridge.migrate import spark_objects
from hyperbridge.migrate.module import Module
from hyperbridge.migrate.notes import Note
from hyperbridge.migrate.program import Program
from hyperbridge.migrate.reach import in_order, reach_of
from hyperbridge.migrate.reading import Search
from hyperbridge.migrate.scopes import Binding

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


def notes(program: Program, search: Search) -> Iterator[Note]:
    """Yield what keeps an objective from getting to the processes of Ray."""
    module, seen = search.module, set[str]()
    expr = search.arguments["fn"]
    used = spark_objects.used_by(program, expr)
    if used is not None:
        seen.add(used.id)
        line = used.lineno if program.home[used] is module else search.call.lineno
        text = (
            f"the objective uses {used.id!r}, a part of Spark, which is on the driver alone and not"
            " in Ray's processes: collect the data before the search, and fit on one machine"
        )
        yield Note(line, text, True, "HB218")
    cached = cached_function(program, search)
    if cached is not None:
        text = (
            f"{cached!r} is cached, which cannot be sent to Ray's processes: put it into a module"
            " of its own"
        )
        yield Note(search.call.lineno, text, True, "HB220")
    reach = reach_of(module, expr)
    for name in in_order(node for node in reach.nodes if isinstance(node, ast.Name)):
        binding = module.names.only_binding(name)
        if binding is None or reach.is_inside(binding.scope) or name.id in seen:
            continue
        kind = _kind(module, binding)
        if kind is not None:
            seen.add(name.id)
            text = (
                f"the objective uses {name.id!r}, {kind}, which cannot be sent to Ray's processes:"
                " make it in the objective"
            )
            yield Note(name.lineno, text, True, "HB220")


def cached_function(program: Program, search: Search) -> str | None:
    """Return the name of a cached function that would have to be sent with an objective.

    What ``functools.lru_cache`` gives is sent by its name alone, and the file that is run as a
    program has none where the trials run. An objective that is a method takes its class along.
    """
    module = search.module
    is_run = not any(module in program.imported_by(other) for other in program.modules)
    if search.was_on_workers or not is_run:
        return None
    sent = list(reach_of(module, search.arguments["fn"]).functions)
    owners = {module.names.parent_of.get(function) for function in sent}
    sent += [n for o in owners if isinstance(o, ast.ClassDef) for n in o.body]  # type: ignore[misc]  # those with decorators
    for function in sent:
        for decorator in getattr(function, "decorator_list", ()):
            func = decorator.func if isinstance(decorator, ast.Call) else decorator
            if module.names.dotted(func) in ("functools.lru_cache", "functools.cache"):
                return str(getattr(function, "name", ""))
    return None


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
