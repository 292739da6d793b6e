"""What an objective uses that is not in another process: open files, locks, parts of Spark.

Source: Python library, "What can be pickled and unpickled?"; PySpark reference, ``Broadcast``.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Set

from hyperbridge.migrate import spark_objects
from hyperbridge.migrate.module import Module
from hyperbridge.migrate.notes import Note
from hyperbridge.migrate.program import Program
from hyperbridge.migrate.reach import in_order, reach_of
from hyperbridge.migrate.reading import Search

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
_SPARK = "a part of Spark"
EXECUTORS = "executors"
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
    yield from held(search, "Ray's processes", cached_function(program, search), seen)


def held(search: Search, where: str, cached: str | None, seen: Set[str]) -> Iterator[Note]:
    """Yield what cannot be sent of what an objective uses.

    Args:
        search: The search.
        where: Where its trials would run.
        cached: See `cached_function`.
        seen: Names that are told already.
    """
    module, reach = search.module, reach_of(search.module, search.arguments["fn"])
    if cached is not None:
        text = f"{cached!r} is cached, which cannot be sent to {where}: move it into another module"
        yield Note(search.call.lineno, text, True, "HB220")
    for owner, what in _owners(module, reach.functions):
        text = (
            f"the objective is a method of {owner!r}, which holds {what}: that cannot be sent to"
            f" {where}; make it a function, or give the class a __getstate__"
        )
        yield Note(search.call.lineno, text, True, "HB220")
    for name in in_order(node for node in reach.nodes if isinstance(node, ast.Name)):
        binding = module.names.only_binding(name)
        if binding is None or reach.is_inside(binding.scope) or name.id in seen:
            continue
        is_opened = isinstance(binding.node, ast.withitem)
        kind = _kind(module, binding.node.context_expr if is_opened else binding.value)  # type: ignore[attr-defined]  # a withitem
        if kind is not None and (kind, where) != (_SPARK, EXECUTORS):
            seen = {*seen, name.id}
            text = (
                f"the objective uses {name.id!r}, {kind}, which cannot be sent to {where}:"
                " make it in the objective"
            )
            yield Note(name.lineno, text, True, "HB220")


def _owners(module: Module, functions: Iterable[ast.AST]) -> Iterator[tuple[str, str]]:
    """Yield the classes whose objects are sent with a method, and what they hold."""
    for owner in dict.fromkeys(module.names.parent_of.get(f) for f in functions):
        if not isinstance(owner, ast.ClassDef):
            continue
        members = {getattr(n, "name", "") for n in owner.body}
        if members & {"__getstate__", "__reduce__", "__reduce_ex__"}:
            continue
        if any((module.names.dotted(b) or "") == "unittest.TestCase" for b in owner.bases):
            yield owner.name, "streams of the test run"
        for node in ast.walk(owner):
            if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Attribute):
                kind = _kind(module, node.value)
                if kind is not None:
                    yield owner.name, f"{kind} in {node.targets[0].attr!r}"


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


def _kind(module: Module, value: ast.expr | None) -> str | None:
    if not isinstance(value, ast.Call):
        return None
    func = value.func
    if isinstance(func, ast.Name) and not module.names.bindings(func):
        return _MADE_BY.get(func.id)
    if isinstance(func, ast.Attribute) and func.attr in _OF_SPARK:
        return _SPARK
    return _MADE_BY.get(module.names.dotted(func) or "")
