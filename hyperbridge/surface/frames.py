"""Trials as a pandas DataFrame. Source: pandas reference, ``DataFrame`` and ``to_datetime``."""

from __future__ import annotations

from typing import Any

from hyperbridge.history.columns import columns_of
from hyperbridge.optional import PANDAS
from hyperbridge.space import Space
from hyperbridge.translate.from_hyperopt import read_space


def documents_in(trials: Any) -> list[dict[str, Any]]:
    """Return all documents of a Trials object, also of trials that failed; in order."""
    key = trials._exp_key
    return [each for each in trials._dynamic_trials if key is None or each.get("exp_key") == key]


def space_in(trials: Any) -> Space | None:
    """Return the search space of the last fmin call with a Trials object; None if unknown."""
    found: Space | None = getattr(trials, "_space", None)
    return found


def to_pandas(trials: Any, *, space: Any = None) -> Any:
    """Return a ``pandas.DataFrame`` with a row for each trial, in the order of proposal.

    The columns are:

    - ``tid``; ``state``: complete, pruned, failed, cancelled, running or waiting; ``status`` and
      ``loss`` of the result. A pruned trial has the last loss that it reported.
    - ``params.<label>``: the value, a choice as its index; nothing where it was not reached.
    - ``choice.<label>``: the option of a choice, where the space is known; of an option with
      labels of its own a short text.
    - ``started``, ``ended`` (UTC) and ``duration``.
    - ``attempts``, more than 1 after a trial was lost and started again; ``reports``, how many
      losses it has reported; ``error``, the type and text of what it raised.
    - ``result.<key>`` for what else the results hold, as far as it is numbers, texts or booleans.

    ``hyperbridge convert`` writes tables with the same names.

    Args:
        trials: A Trials object, hyperopt's own too.
        space: The search space; None for that of the last fmin call on this object, which is
            known in the process of that call, and not for hyperopt's own Trials.

    Raises:
        MissingDependencyError: pandas is not installed.
        InvalidSpaceError: ``space`` is no space.

    Examples:
        >>> from hyperbridge import Trials, fmin, hp, rand
        >>> trials = Trials()
        >>> best = fmin(abs, hp.uniform("x", -1, 1), algo=rand.suggest, max_evals=3,
        ...             trials=trials, show_progressbar=False)
        >>> frame = to_pandas(trials)
        >>> len(frame), bool(frame["params.x"][frame["loss"].idxmin()] == best["x"])
        (3, True)
    """
    pandas = PANDAS.require("to_pandas")
    model = space_in(trials) if space is None else read_space(space)
    columns: dict[str, Any] = {}
    for name, values in columns_of(documents_in(trials), model).items():
        columns[name] = values
        if name == "loss":
            columns[name] = pandas.Series(values, dtype=float)
        if name in ("started", "ended"):
            columns[name] = pandas.to_datetime(pandas.Series(values, dtype=object), utc=True)
        if name == "ended":
            columns["duration"] = columns["ended"] - columns["started"]
    return pandas.DataFrame(columns)
