"""What an objective uses of Spark itself, which is on the driver alone and not inside of a task.

Source: PySpark reference, ``SparkSession``, ``pyspark.ml``; Spark's guide, "Broadcast Variables".
"""

from __future__ import annotations

import ast

from hyperbridge.migrate.nodes import walk
from hyperbridge.migrate.program import Program, Slot
from hyperbridge.migrate.reach import in_order, reach_of

_OF_NOTEBOOKS = ("spark", "sc", "sqlContext")
"""The global names that notebooks have without defining them."""

_ON_THE_DRIVER = tuple(
    f"pyspark.{name}" for name in ("SparkContext", "sql.SparkSession", "ml", "mllib", "pandas")
)
_PLAIN = (
    *("toPandas", "toArrow", "to_pandas", "to_numpy", "collect", "count", "first", "head", "take"),
    *("toLocalIterator", "broadcast", "value", "getConf", "get", "defaultParallelism", "item"),
)
"""What gives something that is not of Spark, or that a task may use."""


def used_by(program: Program, objective: ast.expr) -> ast.Name | None:
    """Return the first name of something of Spark's in an objective; None when there is none."""
    reach = reach_of(program.home[objective], objective)
    nodes = set(reach.nodes)
    for function in program.function(objective):
        nodes |= {*walk(function)}
    for name in in_order(node for node in nodes if isinstance(node, ast.Name)):
        if isinstance(name.ctx, ast.Load) and _is_of_spark(program, name, set()):
            return name
    return None


def _is_of_spark(program: Program, expr: ast.AST | None, seen: set[Slot]) -> bool:
    """Tell whether the value of an expression lives in Spark's driver."""
    if isinstance(expr, ast.Call):
        return _is_of_spark(program, expr.func, seen)
    if isinstance(expr, ast.Attribute):
        return expr.attr not in _PLAIN and _is_of_spark(program, expr.value, seen)
    if isinstance(expr, ast.Subscript):
        return _is_of_spark(program, expr.value, seen)
    if not isinstance(expr, ast.Name):
        return False
    if program.dotted(expr).startswith(_ON_THE_DRIVER):
        return True
    slot = program.slot(expr)
    if slot is None:
        return expr.id in _OF_NOTEBOOKS and not program.bindings(expr)
    if slot in seen:
        return False
    return any(
        _is_of_spark(program, flow.expr, {*seen, slot}) for flow in program.flows.get(slot, ())
    )
