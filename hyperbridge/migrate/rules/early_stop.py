"""fmin's ``early_stop_fn`` becomes a callback. Source: hyperopt.early_stop.no_progress_loss."""

from __future__ import annotations

import ast

from hyperbridge.migrate.search import Search, is_none


def read(search: Search) -> None:
    """Read the arguments of ``no_progress_loss``; other functions are left to a person."""
    stop = search.arguments.get("early_stop_fn")
    if stop is None or is_none(stop):
        return
    stop = search.look_through(stop)
    if not isinstance(stop, ast.Call) or search.module.hyperopt(stop.func) != "no_progress_loss":
        search.block(
            stop,
            "an early_stop_fn of your own: write it as a callback(study, trial) that calls"
            " study.stop(), or as a Stopper for Ray",
        )
        return
    names = ("iteration_stop_count", "percent_increase")
    given = dict(zip(names, stop.args, strict=False))
    given.update({str(keyword.arg): keyword.value for keyword in stop.keywords})
    texts = {name: search.module.text(value) for name, value in given.items()}
    search.settings.patience = (texts.get(names[0], "20"), texts.get(names[1]))
