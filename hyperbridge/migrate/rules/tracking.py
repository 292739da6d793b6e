"""MLflow: a parent run for the search and a child run for each trial, as SparkTrials has them.

Source: what the Databricks runtime logs for SparkTrials; MLflow reference, ``mlflow.start_run``.
A plain ``Trials`` logs nothing by itself, so nothing is added for one.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass

from hyperbridge.migrate.module import Module
from hyperbridge.migrate.rules.objective import Objective, function_of
from hyperbridge.migrate.search import Search

CALLBACK = '''\
def log_child_run(study, trial):
    """Log a finished trial as a child run of the search's MLflow run."""
    with mlflow.start_run(
        run_name=f"trial-{trial.number}",
        nested=True,
        parent_run_id=study.user_attrs["mlflow_run_id"],
    ):
        mlflow.log_params(trial.params)
        if trial.value is not None:
            mlflow.log_metric("loss", trial.value)
        finished = trial.state == optuna.trial.TrialState.COMPLETE
        mlflow.set_tag("trial_status", "success" if finished else "failure")
'''

WRAPPER = '''\
def in_child_run(objective):
    """Run each trial inside a child run of the search's MLflow run."""

    def run_trial(trial):
        with mlflow.start_run(
            run_name=f"trial-{trial.number}",
            nested=True,
            parent_run_id=trial.study.user_attrs["mlflow_run_id"],
        ):
            loss = objective(trial)
            mlflow.log_params(trial.params)
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
        has_parent: Whether the search stands in a ``with mlflow.start_run()`` of this file.
    """

    style: str
    starts: tuple[ast.Call, ...]
    has_parent: bool


def read(search: Search, objective: Objective | None) -> Tracking | None:
    """Return how the search is logged; None when it is not."""
    module = search.module
    if not search.settings.is_tracked:
        return None
    if not module.source.is_databricks and not _imports_mlflow(search):
        return None
    calls = [] if objective is None else _calls(search.module, objective.expr, set())
    logged = [c for c in calls if (module.names.dotted(c.func) or "").startswith("mlflow.")]
    starts = tuple(c for c in logged if module.names.dotted(c.func) == "mlflow.start_run")
    if starts and (objective is None or objective.function is None):
        search.block(
            starts[0],
            "the objective starts MLflow runs of its own, and is used in a way that keeps it from"
            " being rewritten: give start_run the parent_run_id of the search by hand",
        )
    style = "own" if starts else "wrapper" if logged else "callback"
    return Tracking(style, starts, _has_parent(search))


def _calls(module: Module, root: ast.AST, seen: set[ast.AST]) -> list[ast.Call]:
    """Return the calls in an objective and in the functions of this file that it calls."""
    found: list[ast.Call] = []
    for node in ast.walk(root):
        if isinstance(node, ast.Call):
            found.append(node)
        if isinstance(node, ast.Name):
            function = function_of(module, node)
            if function is not None and function not in seen:
                seen.add(function)
                found += _calls(module, function, seen)
    return found


def _imports_mlflow(search: Search) -> bool:
    return any(
        binding.dotted is not None and binding.dotted.partition(".")[0] == "mlflow"
        for bindings in search.module.names.module.bindings.values()
        for binding in bindings
    )


def _has_parent(search: Search) -> bool:
    for above in search.module.names.enclosing(search.call):
        if isinstance(above, ast.With):
            for item in above.items:
                call = item.context_expr
                dotted = search.module.names.dotted
                if isinstance(call, ast.Call) and dotted(call.func) == "mlflow.start_run":
                    return True
    return False
