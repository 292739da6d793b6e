"""The objective as it is shipped: a function of the assignment."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from hyperbridge.worker.reporting import let_checkpoints_report


class PointObjective:
    """Builds the point and calls the user's function with it.

    Args:
        fn: The user's objective.
        point_of: Maps an assignment to the point.
    """

    def __init__(self, fn: Callable[[Any], Any], point_of: Callable[[dict[str, Any]], Any]) -> None:
        self.fn = fn
        self.point_of = point_of

    def __call__(
        self,
        tid: int,  # noqa: ARG002 - the other kind of objective needs it
        assignment: dict[str, Any],
    ) -> tuple[Any, dict[str, Any]]:
        """Return what the objective returned, and no attachments."""
        return self.fn(self.point_of(assignment)), {}


class ExpressionObjective:
    """Calls an objective of hyperopt's low-level form with ``expr``, ``memo`` and ``ctrl``.

    hyperopt must be installed where it runs, because the expression is hyperopt's.

    Args:
        fn: The user's objective, or the function of the point when ``low_level`` is False.
        expr: hyperopt's pyll graph.
        low_level: False for an ordinary objective whose space asks for the Ctrl object.
    """

    def __init__(self, fn: Callable[..., Any], expr: Any, *, low_level: bool) -> None:
        self.fn = fn
        self.expr = expr
        self.low_level = low_level

    def __call__(self, tid: int, assignment: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
        """Return what the objective returned, and what it attached through ``ctrl``."""
        from hyperopt.base import Ctrl, Trials

        trials = Trials()
        document = self._document(tid, assignment)
        trials._trials = [document]
        ctrl = let_checkpoints_report(Ctrl(trials, current_trial=document))
        ctrl.inject_results = _refuse_to_inject
        value = evaluate_expression(self.fn, self.expr, assignment, ctrl, low_level=self.low_level)
        prefix = trials.aname(document, "")
        return value, {name[len(prefix) :]: v for name, v in trials.attachments.items()}

    def _document(self, tid: int, assignment: dict[str, Any]) -> dict[str, Any]:
        """Return the trial as the driver has it while it runs: ``ctrl.current_trial``."""
        from hyperopt import pyll
        from hyperopt.base import JOB_STATE_RUNNING
        from hyperopt.utils import coarse_utcnow

        nodes = [node for node in pyll.dfs(self.expr) if node.name == "hyperopt_param"]
        labels = dict.fromkeys([*assignment, *(node.arg["label"].obj for node in nodes)])
        reached = {label: label in assignment for label in labels}
        now = coarse_utcnow()
        return {
            "state": JOB_STATE_RUNNING,
            "tid": tid,
            "spec": None,
            "result": {"status": "new"},
            "misc": {
                "tid": tid,
                "cmd": ("domain_attachment", "FMinIter_Domain"),
                "workdir": None,
                "idxs": {label: [tid] if here else [] for label, here in reached.items()},
                "vals": {
                    label: [assignment[label]] if here else [] for label, here in reached.items()
                },
            },
            "exp_key": None,
            "owner": None,
            "version": 0,
            "book_time": now,
            "refresh_time": now,
        }


def _refuse_to_inject(*args: Any, **kwargs: Any) -> Any:
    raise NotImplementedError(
        "ctrl.inject_results works only where the Trials object is: run fmin with backend 'local'"
    )


def evaluate_expression(
    fn: Callable[..., Any], expr: Any, assignment: dict[str, Any], ctrl: Any, *, low_level: bool
) -> Any:
    """Evaluate a pyll graph the way hyperopt's Domain does, and call the objective.

    Args:
        fn: The objective.
        expr: The graph.
        assignment: Value by label, reached labels only.
        ctrl: Takes the place of literals that are hyperopt's ``Ctrl`` class.
        low_level: True to call ``fn(expr=, memo=, ctrl=)``, False to call it with the point.
    """
    from hyperopt import pyll
    from hyperopt.utils import use_obj_for_literal_in_memo

    unused = pyll.base.GarbageCollected
    memo = {
        node: assignment.get(node.arg["label"].obj, unused)
        for node in pyll.dfs(expr)
        if node.name == "hyperopt_param"
    }
    use_obj_for_literal_in_memo(expr, ctrl, type(ctrl), memo)
    if low_level:
        return fn(expr=expr, memo=memo, ctrl=ctrl)
    return fn(pyll.rec_eval(expr, memo=memo, print_node_on_error=False))
