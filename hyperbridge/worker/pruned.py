"""The exception of a trial that is stopped early, whichever package it is of."""

from __future__ import annotations

import sys
from typing import Any


class TrialPruned(Exception):  # noqa: N818 - the field's name
    """The trial is stopped before its end: the losses that it has reported are poor.

    Where Optuna is loaded, what `report` raises is an ``optuna.TrialPruned`` too.
    """


def pruned(message: str) -> Exception:
    """Return the exception of a stopped trial: Optuna's as well as ours where Optuna is loaded."""
    optuna = sys.modules.get("optuna")
    theirs = getattr(optuna, "TrialPruned", None)
    if theirs is None:
        return TrialPruned(message)
    return type("TrialPruned", (TrialPruned, theirs), {"__module__": __name__})(message)  # type: ignore[no-any-return]


def is_pruned(kind: Any) -> bool:
    """Tell whether an exception's class says that a trial was stopped early.

    Examples:
        >>> is_pruned(TrialPruned), is_pruned(ValueError)
        (True, False)
    """
    return isinstance(kind, type) and any(
        base.__name__ == "TrialPruned"
        and str(base.__module__).partition(".")[0] in ("hyperbridge", "optuna")
        for base in kind.__mro__
    )
