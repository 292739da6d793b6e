"""The user's objective together with its search space, for use here or on a worker."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any

from hyperopt import base, exceptions, pyll

from hyperbridge.documents import Assignment, Document
from hyperbridge.errors import ArgumentTypeError, HyperbridgeError, InvalidSpaceError
from hyperbridge.run.objective_identity import objective_texts
from hyperbridge.search.identity import space_texts
from hyperbridge.space import Space
from hyperbridge.translate.from_hyperopt import read_space
from hyperbridge.worker.frames import safe_repr, safe_text
from hyperbridge.worker.objective import (
    ExpressionObjective,
    PointObjective,
    evaluate_expression,
)
from hyperbridge.worker.reporting import let_checkpoints_report


class InvalidAnnotatedParameter(  # noqa: N818 - hyperopt's name
    HyperbridgeError,
    exceptions.InvalidAnnotatedParameter,  # type: ignore[misc]
):
    """An annotation of the objective is not a search space."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.args = (message,)


class _KeywordObjective:
    """Calls the objective of an annotated space with keywords."""

    def __init__(self, fn: Callable[..., Any]) -> None:
        self.fn = fn

    def __call__(self, point: dict[str, Any]) -> Any:
        return self.fn(**point)


def read_annotated_space(fn: Callable[..., Any]) -> dict[str, Any]:
    """Return the space that an objective's annotations describe (``space="annotated"``).

    Raises:
        InvalidAnnotatedParameter: An annotation is no hyperopt expression, or there is none.
    """
    annotations = {
        name: value
        for name, value in inspect.getfullargspec(fn).annotations.items()
        if name != "return"
    }
    for name, value in annotations.items():
        if not isinstance(value, pyll.Apply):
            raise InvalidAnnotatedParameter(
                f'space="annotated": the annotation of {name!r} is {value!r}; annotate each '
                f'argument with a hyperopt expression, such as {name}: hp.uniform("{name}", 0, 1)'
            )
    if not annotations:
        raise InvalidAnnotatedParameter(
            f'space="annotated": {getattr(fn, "__name__", fn)!r} has no annotated argument'
        )
    return annotations


def _asks_for_ctrl(expr: Any) -> bool:
    return any(isinstance(n, pyll.Literal) and n.obj is base.Ctrl for n in pyll.dfs(expr))


def _with_ends_in_place(expr: Any) -> Any:
    """Return an expression whose ``randint`` nodes have their ends by position.

    hyperopt's TPE forgets the lower end of ``hp.randint("n", low=4, high=12)`` after its random
    trials: it draws values below it, and raises at the next suggestion.
    """
    if not any(_ends_by_name(node) for node in pyll.dfs(expr)):
        return expr
    expr = pyll.clone(expr)
    for node in pyll.dfs(expr):
        if ends := _ends_by_name(node):
            node.pos_args = [*node.pos_args, *ends.values()]
            node.named_args = [pair for pair in node.named_args if pair[0] not in ends]
    return expr


def _ends_by_name(node: Any) -> dict[str, Any]:
    named = dict(node.named_args) if node.name == "randint" else {}
    return {name: named[name] for name in ("low", "high") if name in named}


class Objective:
    """What a trial evaluates.

    Args:
        fn: The user's function.
        space: Anything that hyperopt takes as a space, or ``"annotated"``.
        pass_expr_memo_ctrl: As in hyperopt's fmin; None asks the function's own mark.

    Attributes:
        space: The neutral model of the space.
        expr: hyperopt's pyll graph of it.
        domain: hyperopt's Domain, which suggest functions take; made when it is asked for.
        needs_ctrl: Whether the objective or its space gets hyperopt's ``Ctrl``.

    Raises:
        ArgumentTypeError: ``fn`` is not callable.
        InvalidSpaceError: The space cannot work; the message names the label.
    """

    def __init__(
        self, fn: Callable[..., Any], space: Any, pass_expr_memo_ctrl: bool | None
    ) -> None:
        if not callable(fn):
            raise ArgumentTypeError(
                f"fn must be callable, got {fn!r} ({type(fn).__name__}). "
                "Pass the function itself, not its result."
            )
        self._users_fn = fn
        if isinstance(space, str) and space == "annotated":
            space = read_annotated_space(fn)
            fn = _KeywordObjective(fn)
        self.fn = fn
        self.space: Space = read_space(space)
        self.expr = _with_ends_in_place(pyll.as_apply(space))
        if not self.expr.inputs():
            raise InvalidSpaceError(
                f"space must hold something, got {safe_repr(space)}, which hyperopt cannot search "
                'either. Use a dict such as {"x": hp.uniform("x", 0, 1)}; its values may be '
                "constants."
            )
        self._text: str | None = None
        if pass_expr_memo_ctrl is None:
            pass_expr_memo_ctrl = getattr(fn, "fmin_pass_expr_memo_ctrl", False)
        self.low_level = bool(pass_expr_memo_ctrl)
        self.needs_ctrl = self.low_level or _asks_for_ctrl(self.expr)

    @functools.cached_property
    def domain(self) -> base.Domain:
        """Hyperopt's Domain; made when it is asked for, as it costs more than all the rest."""
        return base.Domain(self.fn, self.expr, pass_expr_memo_ctrl=self.low_level)

    @functools.cached_property
    def space_texts(self) -> dict[str, str]:
        """What tells this space from another one, see `hyperbridge.search.identity`."""
        return space_texts(self.space)

    @functools.cached_property
    def identity(self) -> dict[str, str]:
        """What tells this objective from another one, see `objective_identity`."""
        return objective_texts(self._users_fn)

    def text(self) -> str:
        """Return the text of the space's pyll graph; it may take seconds where options print."""
        if self._text is None:
            self._text = safe_text(self.expr)
        return self._text

    def evaluate(self, assignment: Assignment, document: Document, trials: Any) -> Any:
        """Call the objective in this process, with access to the Trials through ``ctrl``."""
        if not self.needs_ctrl:
            return self.fn(self.space.point(assignment))
        ctrl = let_checkpoints_report(base.Ctrl(trials, current_trial=document))
        return evaluate_expression(self.fn, self.expr, assignment, ctrl, low_level=self.low_level)

    def shipped(self) -> PointObjective | ExpressionObjective:
        """Return what is sent to workers."""
        if self.needs_ctrl:
            return ExpressionObjective(self.fn, self.expr, low_level=self.low_level)
        return PointObjective(self.fn, self.space.point)
