"""fmin's ``points_to_evaluate`` become trials that are queued first. Source: hyperopt.fmin."""

from __future__ import annotations

import ast

from hyperbridge.migrate.search import Search, is_none
from hyperbridge.migrate.values import NotConstantError, evaluate


def read(search: Search) -> None:
    """Read the points; they hold indices of options, as hyperopt's documents do."""
    given = search.arguments.get("points_to_evaluate")
    if given is None or is_none(given):
        return
    try:
        points = evaluate(search.module, given)
        if not all(isinstance(point, dict) for point in points):
            raise NotConstantError("not a list of dicts")
    except (NotConstantError, TypeError):
        search.block(
            given,
            "points_to_evaluate is computed: call study.enqueue_trial(point) for each point, with"
            " the options themselves in place of their indices",
        )
        return
    search.settings.points = list(points)
    if points and search.settings.n_trials is not None:
        search.settings.n_trials = _on_top(search, len(points))


def _on_top(search: Search, count: int) -> str:
    """Return the number of trials with the points, which max_evals does not count."""
    given = search.arguments["max_evals"]
    if isinstance(given, ast.Constant) and isinstance(given.value, int):
        return str(given.value + count)
    text = search.module.text(given)
    if not isinstance(given, ast.Name | ast.Attribute | ast.Subscript | ast.Call):
        text = f"({text})"
    return f"{text} + {count}"


def check(search: Search) -> None:
    """Refuse points that the space does not have, once the space is known."""
    if search.code is None or not search.settings.points:
        return
    given = search.arguments["points_to_evaluate"]
    for point in search.settings.points:
        for label, value in point.items():
            if label in search.code.latent:
                search.block(
                    given,
                    f"the point's {label!r} is not what the study holds for it; see the note there",
                )
            categories = search.code.categories.get(label)
            if categories is not None and value not in range(len(categories.texts)):
                search.block(given, f"the point's {label!r} is no index of an option: {value!r}")
