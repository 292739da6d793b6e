"""fmin's ``max_evals``, ``timeout`` and ``loss_threshold``. Source: hyperopt.fmin."""

from __future__ import annotations

import ast

from hyperbridge.migrate.search import Search


def read(search: Search) -> None:
    """Read when the search ends."""
    search.settings.n_trials = search.text("max_evals")
    search.settings.stop_at_loss = search.text("loss_threshold")
    if (timeout := search.text("timeout")) is not None:
        search.settings.timeout = timeout
    max_evals = search.arguments.get("max_evals")
    if max_evals is None or search.trials is None:
        return
    for part in ast.walk(max_evals):
        if isinstance(part, ast.Name) and search.trials in search.module.names.bindings(part):
            search.block(
                max_evals,
                "max_evals counts on the trials so far: create the study once, before, and give"
                " study.optimize the number of further trials",
            )
