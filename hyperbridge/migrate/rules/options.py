"""fmin's remaining arguments: kept, said to be without counterpart, or refused by name."""

from __future__ import annotations

import ast

from hyperbridge.migrate.search import Search

_REFUSED = {
    "pass_expr_memo_ctrl": "the objective takes expr, memo and ctrl: rewrite it to take a trial",
    "trials_save_file": "use a study with a storage: create_study(storage=..., study_name=...,"
    " load_if_exists=True)",
}
_HARMLESS = ("allow_trials_fmin", "max_queue_len", "verbose", "return_argmin")


def read(search: Search) -> None:
    """Read what has a counterpart, and note what has none."""
    for name, advice in _REFUSED.items():
        if _is_set(search, name):
            search.block(search.arguments[name], f"{name}: {advice}")
    caught = search.arguments.get("catch_eval_exceptions")
    if isinstance(caught, ast.Constant):
        search.settings.catches |= bool(caught.value)
    elif caught is not None:
        search.block(caught, "catch_eval_exceptions is computed: use optimize(catch=...)")
    shown = search.arguments.get("show_progressbar")
    if isinstance(shown, ast.Constant):
        search.settings.show_progress = bool(shown.value)
    for name in _HARMLESS:
        given = search.arguments.get(name)
        if name == "return_argmin" and _is_set(search, name):
            continue
        if (
            name == "return_argmin"
            and given is not None
            and not isinstance(search.module.names.parent_of[search.call], ast.Expr)
        ):
            search.block(given, "return_argmin=False: fmin's result is used all the same")
    _read_hyperbridge(search)


def _read_hyperbridge(search: Search) -> None:
    """Read the arguments that hyperbridge's own fmin adds."""
    if (parallelism := search.text("parallelism")) is not None:
        search.settings.parallelism = parallelism
    backend = search.arguments.get("backend")
    if backend is not None and not isinstance(backend, ast.Constant):
        search.block(backend, "the backend has options of its own: carry them over by hand")
    elif isinstance(backend, ast.Constant) and backend.value not in (None, "local"):
        search.settings.is_tracked = search.settings.catches = True
        search.settings.was_on_workers = backend.value in ("spark", "ray")
    tracked = search.arguments.get("tracking")
    if isinstance(tracked, ast.Constant) and tracked.value is not None:
        search.settings.is_tracked = bool(tracked.value)
    elif tracked is not None and not isinstance(tracked, ast.Constant):
        search.block(tracked, "tracking is computed: decide whether runs are to be logged")


def _is_set(search: Search, name: str) -> bool:
    value = search.arguments.get(name)
    if value is None:
        return False
    return not (isinstance(value, ast.Constant) and not value.value)
