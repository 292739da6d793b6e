"""The names that a notebook finds without defining them.

Databricks lists them as display, displayHTML, dbutils, getArgument, sc, spark, sql, sqlContext,
table and udf. Source: ``databricks.sdk.runtime`` of the Databricks SDK for Python.
"""

from __future__ import annotations

import importlib.util
import symtable
from collections.abc import Iterable, Iterator
from typing import Any

from hyperbridge.notebooks.cells import Code
from hyperbridge.optional import is_installed

SPARK_NAMES = frozenset({"sc", "spark", "sql", "sqlContext", "table", "udf"})
"""Names that need a Spark session."""

NOTEBOOK_NAMES = SPARK_NAMES | {"dbutils", "display", "displayHTML", "getArgument"}
"""All names that Databricks defines before a notebook starts."""


def names_needed(codes: Iterable[Code]) -> set[str]:
    """Return the global names that a notebook reads and never defines."""
    read: set[str] = set()
    defined: set[str] = set()
    for code in codes:
        try:
            table = symtable.symtable(code.source, code.cell.filename, "exec")
        except SyntaxError:  # reported when the cell is compiled
            continue
        for scope in _scopes(table):
            for symbol in scope.get_symbols():
                if scope is not table and not symbol.is_global():
                    continue
                if symbol.is_assigned() or symbol.is_imported():
                    defined.add(symbol.get_name())
                if symbol.is_referenced():
                    read.add(symbol.get_name())
    return read - defined


def available(names: set[str]) -> set[str]:
    """Return those of the names that this machine can offer."""
    found = names & NOTEBOOK_NAMES
    return found if is_installed("pyspark") else found - SPARK_NAMES


def why_missing(name: str) -> str:
    """Say why a name is not there."""
    if name in SPARK_NAMES:
        return (
            f"{name!r} is not defined: Databricks defines it before a notebook starts; here it "
            "needs PySpark. Install it with: pip install 'hyperbridge[spark]'"
        )
    if name == "get_ipython":
        return "'get_ipython' is not defined: it exists only in IPython and Jupyter"
    return f"{name!r} is not defined"


def provide(names: set[str], namespace: dict[str, Any], dbutils: Any) -> None:
    """Put some of the `NOTEBOOK_NAMES` into a namespace; those of Spark start a session.

    Args:
        names: From `available`.
        namespace: The notebook's globals.
        dbutils: The object of that name.
    """
    own = {
        "dbutils": dbutils,
        "display": display,
        "displayHTML": display_html,
        "getArgument": dbutils.widgets.getArgument,
    }
    namespace.update({name: value for name, value in own.items() if name in names})
    if names & SPARK_NAMES:
        _provide_spark(names, namespace)


def _provide_spark(names: set[str], namespace: dict[str, Any]) -> None:
    from pyspark import SparkContext
    from pyspark.sql import DataFrame, SparkSession
    from pyspark.sql.functions import udf

    from hyperbridge.backends.spark.worker_python import DriverPython, is_local_master

    session = SparkSession.builder.getOrCreate()
    context = SparkContext._active_spark_context  # none with Spark Connect
    if context is not None and is_local_master(context.master):
        DriverPython(context)  # for the functions of the notebook itself
    found = {"spark": session, "sql": session.sql, "table": session.table, "udf": udf}
    if "sc" in names:
        found["sc"] = session.sparkContext
    if "sqlContext" in names:
        from pyspark.sql import SQLContext

        found["sqlContext"] = SQLContext(session.sparkContext, session)
    namespace.update({name: value for name, value in found.items() if name in names})
    if not hasattr(DataFrame, "display"):  # Databricks' own has it
        DataFrame.display = display


def has_databricks_utils() -> bool:
    """Tell whether Databricks' own ``dbutils`` is here."""
    return is_installed("pyspark") and importlib.util.find_spec("pyspark.dbutils") is not None


def databricks_utils() -> Any:
    """Return Databricks' own ``dbutils``, on its running or a new Spark session; None elsewhere."""
    if not has_databricks_utils():
        return None
    from pyspark.dbutils import DBUtils
    from pyspark.sql import SparkSession

    return DBUtils(SparkSession.builder.getOrCreate())


def display(*values: object, **_options: object) -> None:
    """Print values, a Spark DataFrame by its first rows.

    Args:
        values: What a notebook would show.
        _options: How it would show it; on a terminal there is one way only.
    """
    for value in values:
        show = getattr(value, "show", None)
        if show is not None and type(value).__module__.startswith("pyspark.sql"):
            show()
        else:
            print(value)


def display_html(html: str) -> None:
    """Print a line in the place of HTML."""
    print(f"[displayHTML: {len(html)} characters of HTML, not shown]")


def _scopes(table: symtable.SymbolTable) -> Iterator[symtable.SymbolTable]:
    yield table
    for child in table.get_children():
        yield from _scopes(child)
