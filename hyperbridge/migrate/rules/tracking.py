"""MLflow: a parent run for the search and a child run for each trial, as SparkTrials has them.

Source: what the Databricks runtime logs for SparkTrials; MLflow reference, ``mlflow.start_run``.
A plain ``Trials`` logs nothing by itself, so nothing is added for one.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass

from hyperbridge.migrate.module import Module
from hyperbridge.migrate.reach import in_order, reach_of
from hyperbridge.migrate.rules.objective import Objective
from hyperbridge.migrate.search import Search

_PLACES = (None, "run_id", "experiment_id", "parent_run_id")  # None is **
CALLBACK = '''\
def log_child_run(study, trial):
    """Log a finished trial as a child run of the search's MLflow run."""
    with mlflow.start_run(
        run_name=f"trial-{trial.number}", nested=True, **study.user_attrs["mlflow_parent"]
    ):
        mlflow.log_params(VALUES)
        if trial.state == optuna.trial.TrialState.COMPLETE:
            mlflow.log_metric("loss", trial.value)
            mlflow.set_tag("trial_status", "success")
        else:
            mlflow.set_tag("trial_status", "failure")
            mlflow.end_run("FAILED")
'''

WRAPPER = '''\
def in_child_run(objective):
    """Run each trial inside a child run of the search's MLflow run."""

    def run_trial(trial):
        parent = trial.study.user_attrs["mlflow_parent"]
        with mlflow.start_run(run_name=f"trial-{trial.number}", nested=True, **parent) as run:
            try:
                loss = objective(trial)
            finally:  # the objective may have logged some of them itself
                logged = mlflow.get_run(run.info.run_id).data.params
                values = VALUES
                mlflow.log_params({k: v for k, v in values.items() if k not in logged})
            mlflow.log_metric("loss", loss)
            return loss

    return run_trial
'''


@dataclass(frozen=True, slots=True)
class Tracking:
    """How a search is logged.

    Attributes:
        style: ``callback`` when the objective knows nothing of MLflow, ``wrapper`` when it logs
            to the active run, ``own`` when it starts its runs itself.
        starts: The objective's own calls of ``mlflow.start_run``.
        parent: The ``with mlflow.start_run()`` of this file in which the search stands.
        is_recorded: Whether hyperopt or hyperbridge logged the search, and not just the objective.
    """

    style: str
    starts: tuple[ast.Call, ...]
    parent: ast.withitem | None
    is_recorded: bool


def read(search: Search, objective: Objective | None, *, on_workers: bool) -> Tracking | None:
    """Return how the search is logged; None when it is not.

    Args:
        search: The search.
        objective: What it minimises.
        on_workers: Whether trials will run in other processes: these have no active run and no
            tracking URI, so what the objective logs there needs to be told where it belongs.
    """
    module = search.module
    calls = [] if objective is None else _calls(search.module, objective.expr)
    logged = [c for c in calls if (module.names.dotted(c.func) or "").startswith("mlflow.")]
    is_recorded = search.settings.is_tracked and (
        module.source.is_databricks or _imports_mlflow(search)
    )
    if not is_recorded and not (on_workers and logged):
        return None
    starts = tuple(c for c in logged if module.names.dotted(c.func) == "mlflow.start_run")
    _check_starts(search, objective, starts)
    style = "own" if starts else "wrapper" if logged or on_workers else "callback"
    parent = _parent(search)
    if not is_recorded and parent is None:
        search.remark(search.call, "the runs of the trials get a parent run")
    return Tracking(style, starts, parent, is_recorded)


def _check_starts(
    search: Search, objective: Objective | None, starts: tuple[ast.Call, ...]
) -> None:
    function = None if objective is None else objective.function
    for call in starts:
        if function is None:
            search.block(
                call,
                "the objective starts MLflow runs of its own, and is used in a way that keeps it"
                " from being rewritten: give start_run the experiment_id and the parent_run_id of"
                " the search by hand",
            )
        elif function not in search.module.names.enclosing(call):
            search.block(
                call,
                "this MLflow run is started in a function that the objective calls: start it in"
                " the objective itself, then migrate again",
            )
        elif any(k.arg in _PLACES for k in call.keywords):
            search.block(
                call,
                "this MLflow run is told where it belongs: give start_run the experiment_id and"
                " the parent_run_id of the search by hand",
            )


def _calls(module: Module, expr: ast.expr) -> list[ast.Call]:
    """Return the calls in an objective and in what it calls, in the order of the source."""
    nodes = {*ast.walk(expr), *reach_of(module, expr).nodes}
    return in_order(node for node in nodes if isinstance(node, ast.Call))


def _imports_mlflow(search: Search) -> bool:
    return any(
        binding.dotted is not None and binding.dotted.partition(".")[0] == "mlflow"
        for bindings in search.module.names.module.bindings.values()
        for binding in bindings
    )


def _parent(search: Search) -> ast.withitem | None:
    """Return the nearest ``with mlflow.start_run()`` around the search."""
    dotted = search.module.names.dotted
    for above in search.module.names.enclosing(search.call):
        for item in above.items if isinstance(above, ast.With) else ():
            call = item.context_expr
            if isinstance(call, ast.Call) and dotted(call.func) == "mlflow.start_run":
                return item
    return None
