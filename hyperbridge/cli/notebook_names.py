"""The names that a notebook finds without defining them: ``display``, ``spark``, ``dbutils``."""

from __future__ import annotations

import linecache
import re
import symtable
from collections.abc import Iterable, Iterator
from types import TracebackType
from typing import Any

from hyperbridge.cli.cells import Code
from hyperbridge.optional import is_installed

_SPARK = ("spark", "sc", "sqlContext", "dbutils")

_EXPLANATIONS = {
    "dbutils": "{use} exists only on Databricks",
    "get_ipython": "{use} exists only in IPython and Jupyter",
    **dict.fromkeys(
        ("sc", "spark", "sqlContext"),
        "Databricks defines it before a notebook starts; here it needs PySpark. Install it with: "
        "pip install 'hyperbridge[spark]'",
    ),
}


_INSTEAD = {
    "widgets": ". Read the value from sys.argv or an environment variable instead, or catch the "
    "NameError",
    "secrets": ". Read the value from an environment variable instead, or catch the NameError",
    "fs": ". Use pathlib or shutil instead, or catch the NameError",
}
"""What does the work of a part of ``dbutils`` elsewhere."""


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


def provide(names: set[str], namespace: dict[str, Any]) -> None:
    """Put those of the names that this machine can offer into a namespace.

    ``spark``, ``sc`` and ``sqlContext`` start a Spark session, if PySpark is installed;
    ``dbutils`` comes with Databricks' own PySpark and nowhere else.
    """
    if "display" in names:
        namespace["display"] = display
    if "displayHTML" in names:
        namespace["displayHTML"] = display_html
    wanted = [name for name in _SPARK if name in names]
    if not wanted or not is_installed("pyspark"):
        return
    if wanted == ["dbutils"] and _dbutils_class() is None:
        return
    from pyspark.sql import SparkSession

    session = SparkSession.builder.getOrCreate()
    for name in wanted:
        if name == "spark":
            namespace[name] = session
        elif name == "sc":
            namespace[name] = session.sparkContext
        elif name == "sqlContext":
            from pyspark.sql import SQLContext

            namespace[name] = SQLContext(session.sparkContext, session)
        elif (dbutils := _dbutils_class()) is not None:
            namespace[name] = dbutils(session)


def _dbutils_class() -> Any:
    try:
        from pyspark.dbutils import DBUtils
    except ModuleNotFoundError:
        return None
    return DBUtils


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


def explain(exc: NameError, names: set[str]) -> None:
    """Add to a NameError's message what the missing name is, if notebooks define it.

    Args:
        exc: The error, changed in place.
        names: From `names_needed`.
    """
    name = exc.name
    if name not in names or name not in _EXPLANATIONS:
        return
    use = _use_of(name, exc.__traceback__)
    explanation = _EXPLANATIONS[name].format(use=use)
    if name == "dbutils":
        part = next(iter(re.findall(r"\.\s*(\w+)", use)), "")
        explanation += _INSTEAD.get(part, ". Leave it out, or catch the NameError")
    exc.args = (f"name {name!r} is not defined: {explanation}.",)


def _use_of(name: str, trace: TracebackType | None) -> str:
    """Return the name with the attributes that the failing line asks it for."""
    line = ""
    while trace is not None:
        line = linecache.getline(trace.tb_frame.f_code.co_filename, trace.tb_lineno)
        trace = trace.tb_next
    match = re.search(rf"\b{name}(\s*\.\s*\w+)*", line)
    return name if match is None else match[0]


def _scopes(table: symtable.SymbolTable) -> Iterator[symtable.SymbolTable]:
    yield table
    for child in table.get_children():
        yield from _scopes(child)
