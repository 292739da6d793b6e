"""MLflow: a parent run for the search and a child run for each trial, as SparkTrials has them.

Source: what the Databricks runtime logs for SparkTrials; MLflow reference, ``mlflow.start_run``.
A plain ``Trials`` logs nothing by itself, so nothing is added for one.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from hyperbridge.migrate.nodes import walk
from hyperbridge.migrate.objectives import Objective
from hyperbridge.migrate.program import Program
from hyperbridge.migrate.reach import in_order, reach_of
from hyperbridge.migrate.reading import Search

_PLACES = (None, "run_id", "experiment_id", "parent_run_id")  # None is **

Block = Callable[[ast.AST, str, str], Exception]


@dataclass(frozen=True, slots=True)
class Tracking:
    """How a search is logged.

    Attributes:
        style: ``callback`` when the objective knows nothing of MLflow, ``wrapper`` when it logs
            to the active run, ``own`` when it starts its runs itself.
        starts: The objective's own calls of ``mlflow.start_run``.
        parent: The ``with mlflow.start_run()`` of this file in which the search stands.
    """

    style: str
    starts: tuple[ast.Call, ...]
    parent: ast.withitem | None


def read(
    program: Program,
    search: Search,
    objective: Objective,
    *,
    block: Block | None = None,
    on_workers: bool = False,
) -> Tracking | None:
    """Return how the search is logged; None when it is not.

    Args:
        program: The program.
        search: The search.
        objective: What it minimises.
        block: Makes the error that says why the search is left; None where it does not matter
            how an objective starts its runs.
        on_workers: Whether trials will run in other processes: these have no active run and no
            tracking URI, so what the objective logs there needs to be told where it belongs.
    """
    calls = _calls(program, search)
    logged = [c for c in calls if program.dotted(c.func).startswith("mlflow.")]
    if not is_recorded(search) and not (on_workers and logged):
        return None
    starts = tuple(c for c in logged if program.dotted(c.func) == "mlflow.start_run")
    if block is not None:
        _check_starts(program, objective, starts, block)
    style = "own" if starts else "wrapper" if logged else "callback"
    return Tracking(style, starts, _parent(program, search))


def _check_starts(
    program: Program, objective: Objective, starts: Iterable[ast.Call], block: Block
) -> None:
    for call in starts:
        function = objective.function
        if function is not None and function not in program.enclosing(call):
            raise block(
                call,
                "HB210",
                "this MLflow run is started in a function that the objective calls: start it in"
                " the objective itself, then migrate again",
            )
        if any(k.arg in _PLACES for k in call.keywords):
            raise block(
                call,
                "HB210",
                "this MLflow run is told where it belongs: give start_run the experiment_id and"
                " the parent_run_id of the search by hand",
            )


def is_recorded(search: Search) -> bool:
    """Tell whether hyperopt or hyperbridge logged the search."""
    return search.is_tracked and (search.module.source.is_databricks or _imports_mlflow(search))


def _calls(program: Program, search: Search) -> list[ast.Call]:
    """Return the calls in an objective and in what it calls, in the order of the source."""
    expr = search.arguments["fn"]
    nodes = {*walk(expr), *reach_of(search.module, expr).nodes}
    for function in program.function(expr):
        nodes |= {*walk(function)}
    return in_order(node for node in nodes if isinstance(node, ast.Call))


def _imports_mlflow(search: Search) -> bool:
    return any(
        binding.dotted is not None and binding.dotted.partition(".")[0] == "mlflow"
        for bindings in search.module.names.module.bindings.values()
        for binding in bindings
    )


def _parent(program: Program, search: Search) -> ast.withitem | None:
    """Return the nearest ``with mlflow.start_run()`` around the search."""
    for above in program.enclosing(search.call):
        for item in above.items if isinstance(above, ast.With) else ():
            call = item.context_expr
            if isinstance(call, ast.Call) and program.dotted(call.func) == "mlflow.start_run":
                return item
    return None
