"""How a study of Optuna's says what hyperopt's Trials say.

Source: hyperopt.base.Trials; Optuna reference, ``Study``, ``FrozenTrial``.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING

from hyperbridge.migrate.origins import origins
from hyperbridge.migrate.reading import is_trials_call

if TYPE_CHECKING:
    from hyperbridge.migrate.rewriting import Rewriting

_OF_TRIALS = (
    *("trials", "results", "losses", "best_trial", "argmin", "vals", "idxs", "miscs", "tids"),
    *("idxs_vals", "statuses", "average_best_error", "specs", "_dynamic_trials", "_trials"),
    *("refresh", "count_by_state_unsynced", "count_by_state_synced", "_ids", "_exp_key", "aname"),
    *("assert_valid_trial", "asynchronous", "view", "_insert_trial_docs", "parallelism"),
    *("count_total_trials", "count_successful_trials", "count_failed_trials"),
    *("count_cancelled_trials", "__dict__", "__len__", "__iter__", "__getstate__"),
)
_BY_NAME = ("getattr", "hasattr", "setattr", "delattr", "vars", "dir")
REFUSED = {
    "attachments": "attachments have no counterpart: keep them in files, under the trial's number",
    "trial_attachments": "attachments have no counterpart: keep them in files",
    "insert_trial_docs": "documents are put in by hand: use study.add_trial",
    "insert_trial_doc": "documents are put in by hand: use study.add_trial",
    "new_trial_ids": "trials are made by hand: use study.ask and study.tell",
    "new_trial_docs": "trials are made by hand: use study.ask and study.tell",
    "delete_all": "trials are deleted: make a new study",
    "source_trial_docs": "documents are put in by hand: use study.add_trial",
}


LOSSES = '[t["result"].get("loss") for t in {documents}]'
NUMBERS = '[t["tid"] for t in {documents}]'
_OF_DOCUMENTS = {
    **dict.fromkeys(("trials", "_trials", "_dynamic_trials"), "{documents}"),
    "results": '[t["result"] for t in {documents}]',
    "miscs": '[t["misc"] for t in {documents}]',
    "specs": '[t["spec"] for t in {documents}]',
    "_ids": '{{t["tid"] for t in {documents}}}',
    "best_trial": "{best_document}",
    "idxs": "{numbers_by_label}",
    "vals": "{values_by_label}",
    "idxs_vals": "({numbers_by_label}, {values_by_label})",
}
"""What an attribute of Trials becomes, in calls of the helpers that make hyperopt's documents."""
_CALLS = {
    "statuses": '[t["result"]["status"] for t in {documents}]',
    "count_successful_trials": "len({documents})",
    "refresh": "None",
}


class StudyWords:
    """Rewrites looks at Trials.

    Args:
        rewriting: The rewriting.
    """

    refused: Mapping[str, str] = REFUSED
    others = "a study has other attributes than Trials"
    nothing = "a study has no such attribute, nor is it in its trials"

    def __init__(self, rewriting: Rewriting) -> None:
        self._rewriting = rewriting
        self._program = rewriting.program
        self._is_trials = rewriting.is_trials
        self._text = rewriting.plain

    def rule(self, node: ast.AST) -> str | None:
        """Return the text for a look at Trials; None for anything else."""
        if isinstance(node, ast.Subscript):
            return self._result_entry(node) or self._best_value(node)
        if isinstance(node, ast.Call):
            return self._call(node)
        if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Load):
            text = self._attribute(node) if self._is_trials(node.value) else None
            if text is not None:
                return text
        if isinstance(node, ast.Name | ast.Attribute) and isinstance(node.ctx, ast.Load):
            return self._iterated(node) or self._truth(node)
        return None

    def missing(self, node: ast.AST) -> str | None:
        """Return why a look at Trials has no counterpart; None when it has one, or is no look.

        A variable that holds a Trials may hold something else elsewhere: only what a Trials has
        is taken for a look at one, unless nothing but a Trials gets there.
        """
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") in _BY_NAME and node.args:
            if self._is_trials(node.args[0]):
                return f"{ast.unparse(node)}: {self.others}"
            return None
        if not isinstance(node, ast.Attribute) or node.attr == "fmin":
            return None
        inner = node.value
        if isinstance(inner, ast.Attribute) and self._is_trials(inner.value):
            return None  # what it is said of is rewritten
        if not self._is_trials(inner):
            return None
        if node.attr in self.refused:
            return self.refused[node.attr]
        made = origins(self._program, inner).exprs
        is_sure = bool(made) and all(
            is_trials_call(self._program, e) or getattr(e, "value", node) is None for e in made
        )
        is_own = node.attr in self._program.attributes
        if node.attr not in _OF_TRIALS and (is_own or not is_sure):
            return None
        if node.attr in ("__class__", "__doc__"):
            return None
        parent = self._program.parent_of.get(node)
        is_called = isinstance(parent, ast.Call) and parent.func is node
        if isinstance(node.ctx, ast.Load) and self.rule(parent if is_called else node):  # type: ignore[arg-type]  # a call
            return None
        return f"{ast.unparse(node)}: {self.nothing}"

    # the engine's own words

    def counted(self, node: ast.AST, study: str) -> str:
        """Return what can be counted, and is true when there are trials."""
        if self._rewriting.catches():
            return self._said("{documents}", node, study)
        return self.all_of(study)

    def may_differ(self) -> bool:
        """Tell whether the losses and trials may be others than those of Trials."""
        return self._rewriting.may_differ()

    def all_of(self, study: str) -> str:
        """Return the trials, with those that raised."""
        return f"{study}.trials"

    def ended(self, study: str) -> str:
        """Return how many trials are over."""
        return f"sum(t.state.is_finished() for t in {study}.trials)"

    def best_loss(self, trials: ast.expr) -> str:
        """Return the loss of the best trial."""
        return f"{self._study(trials)}.best_value"

    def best_entries(self, trials: ast.expr) -> str:
        """Return what the best trial's objective returned besides its loss."""
        return f"{self._study(trials)}.best_trial.user_attrs"

    def best_number(self, trials: ast.expr) -> str | None:
        """Return the number of the best trial."""
        return f"{self._study(trials)}.best_trial.number"

    def best_values(self, look: ast.Attribute) -> str:
        """Return what fmin returned."""
        return self._rewriting.best_of(look, self._study(look.value))

    def losses(self, node: ast.AST, study: str) -> str:
        """Return the losses of all trials."""
        if self.may_differ():
            return self._said(LOSSES, node, study)
        return f"[t.value for t in {study}.trials]"

    def numbers(self, node: ast.AST, study: str) -> str:
        """Return the numbers of all trials."""
        if self.may_differ():
            return self._said(NUMBERS, node, study)
        return f"[t.number for t in {study}.trials]"

    def _study(self, expr: ast.expr) -> str:
        return self._text(expr)

    def _helper(self, node: ast.AST, name: str) -> str:
        return self._rewriting.needs[self._program.home[node]].helper(name)

    def _result_entry(self, node: ast.Subscript) -> str | None:
        """``trials.best_trial["result"][key]``."""
        inner = node.value
        if not (isinstance(inner, ast.Subscript) and _key(inner) == "result"):
            return None
        look = inner.value
        if not (isinstance(look, ast.Attribute) and look.attr == "best_trial"):
            return None
        if not self._is_trials(look.value) or not isinstance(node.ctx, ast.Load):
            return None
        key = _key(node)
        if key == "loss":
            return self.best_loss(look.value)
        if key == "status" or key is None:
            return None
        return f"{self.best_entries(look.value)}[{self._text(node.slice)}]"

    def _best_value(self, node: ast.Subscript) -> str | None:
        """``trials.best_trial["tid"]``."""
        look = node.value
        is_look = isinstance(look, ast.Attribute) and look.attr == "best_trial"
        if not isinstance(look, ast.Attribute) or not is_look or _key(node) != "tid":
            return None
        if not self._is_trials(look.value):
            return None
        return self.best_number(look.value)

    def _attribute(self, node: ast.Attribute) -> str | None:
        study = self._study(node.value)
        if node.attr == "argmin":
            return self.best_values(node)
        if node.attr == "tids":
            return self.numbers(node, study)
        if node.attr in ("trials", "_trials", "_dynamic_trials", "results"):
            with_failed = node.attr == "_dynamic_trials" and self._rewriting.catches()
            parent = self._program.parent_of.get(node)
            if isinstance(parent, ast.Call) and getattr(parent.func, "id", "") == "len":
                return self.all_of(study) if with_failed else self.counted(node, study)
            if with_failed:
                return None
        pattern = _OF_DOCUMENTS.get(node.attr)
        return None if pattern is None else self._said(pattern, node, study)

    def _said(self, pattern: str, node: ast.AST, study: str) -> str:
        """Return a pattern in which ``{documents}`` and the like are calls of that helper."""
        names = re.findall(r"\{(\w+)\}", pattern)
        return pattern.format(**{n: f"{self._helper(node, n)}({study})" for n in names})

    def _call(self, node: ast.Call) -> str | None:
        func = node.func
        if isinstance(func, ast.Name) and func.id in ("min", "max") and len(node.args) == 1:
            inner = node.args[0]
            if func.id == "min" and self._is_losses(inner) and not node.keywords:
                assert isinstance(inner, ast.Call)
                assert isinstance(inner.func, ast.Attribute)
                return self.best_loss(inner.func.value)
        if isinstance(func, ast.Attribute) and func.attr == "get" and node.args:
            return self._result_get(node, func)
        if not isinstance(func, ast.Attribute) or not self._is_trials(func.value):
            return None
        study = self._study(func.value)
        if node.args or node.keywords:
            return self._counted(node, func, study)
        if func.attr == "losses":
            return self.losses(node, study)
        if func.attr == "average_best_error":
            return self.best_loss(func.value)
        if func.attr == "__len__":
            return f"len({self.counted(node, study)})"
        if func.attr == "count_total_trials":
            return f"len({self.all_of(study)})"
        if func.attr == "count_failed_trials":
            return self._raised(node, study)
        pattern = _CALLS.get(func.attr)
        return None if pattern is None else self._said(pattern, node, study)

    def _counted(self, node: ast.Call, func: ast.Attribute, study: str) -> str | None:
        """``trials.count_by_state_synced(JOB_STATE_DONE)``."""
        if func.attr not in ("count_by_state_synced", "count_by_state_unsynced"):
            return None
        name = self._program.hyperopt(node.args[0]) if len(node.args) == 1 else None
        if name == "JOB_STATE_DONE" and not node.keywords:
            return self._said("len({documents})", node, study)
        is_error = name == "JOB_STATE_ERROR" and not node.keywords
        return self._raised(node, study) if is_error else None

    def _raised(self, node: ast.AST, study: str) -> str:
        """Return how many trials raised: those that ended, but for those with a document."""
        text = f"{self.ended(study)} - {self._said('len({documents})', node, study)}"
        parent = self._program.parent_of.get(node)
        return f"({text})" if isinstance(parent, ast.BinOp | ast.UnaryOp | ast.Attribute) else text

    def _result_get(self, node: ast.Call, func: ast.Attribute) -> str | None:
        """``trials.best_trial["result"].get(key)``."""
        inner = func.value
        if not (isinstance(inner, ast.Subscript) and _key(inner) == "result"):
            return None
        look = inner.value
        if not (isinstance(look, ast.Attribute) and look.attr == "best_trial"):
            return None
        key = node.args[0]
        if not self._is_trials(look.value) or not isinstance(key, ast.Constant):
            return None
        if key.value == "loss":
            return self.best_loss(look.value)
        if key.value == "status":
            return None
        given = ", ".join(self._text(arg) for arg in node.args)
        return f"{self.best_entries(look.value)}.get({given})"

    def _is_losses(self, expr: ast.expr) -> bool:
        return (
            isinstance(expr, ast.Call)
            and isinstance(expr.func, ast.Attribute)
            and expr.func.attr == "losses"
            and self._is_trials(expr.func.value)
        )

    def _iterated(self, node: ast.Name | ast.Attribute) -> str | None:
        """``for t in trials``, ``len(trials)``, ``list(trials)``."""
        parent = self._program.parent_of.get(node)
        is_iterated = (isinstance(parent, ast.For | ast.comprehension) and parent.iter is node) or (
            isinstance(parent, ast.Call)
            and getattr(parent.func, "id", "") in ("len", "list", "enumerate", "sorted", "iter")
            and node in parent.args
        )
        if not is_iterated or not self._is_trials(node):
            return None
        study = self._study_of_name(node)
        if isinstance(parent, ast.Call) and getattr(parent.func, "id", "") == "len":
            return self.counted(node, study)
        return self._said("{documents}", node, study)

    def _truth(self, node: ast.Name | ast.Attribute) -> str | None:
        """``if trials:``, which is false for a Trials without trials."""
        parent = self._program.parent_of.get(node)
        is_asked = (isinstance(parent, ast.UnaryOp) and isinstance(parent.op, ast.Not)) or (
            isinstance(parent, ast.If | ast.While | ast.IfExp) and parent.test is node
        )
        if not is_asked or not self._is_trials(node):
            return None
        study = self._study_of_name(node)
        if any(getattr(e, "value", node) is None for e in origins(self._program, node).exprs):
            return f"({study} is not None and {self.counted(node, study)})"
        return self.counted(node, study)

    def _study_of_name(self, node: ast.Name | ast.Attribute) -> str:
        self._inside = node
        try:
            return self._text(node)
        finally:
            self._inside = None

    _inside: ast.AST | None = None

    def is_inside(self, node: ast.AST) -> bool:
        """Tell whether the text of a name is asked for by its own rule."""
        return node is self._inside


def _key(node: ast.Subscript) -> object:
    return node.slice.value if isinstance(node.slice, ast.Constant) else None
