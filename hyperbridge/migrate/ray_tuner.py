"""Write the Tuner of a search, its searcher and stoppers, and what takes fmin's result's place.

Source: Ray Tune reference, ``tune.Tuner``, ``tune.TuneConfig``, ``OptunaSearch``, ``Stopper``.
"""

from __future__ import annotations

import ast

from hyperbridge.migrate.rules import ray_helpers
from hyperbridge.migrate.syntax import indented
from hyperbridge.migrate.writing import Writing
from hyperbridge.translate.source_text import WIDTH, Commented, Expression, Group, flat, render


def tuner_of(
    writing: Writing, objective: Expression, space: Expression | None, ask: str | None
) -> Group:
    """Return the call that makes the Tuner of a search.

    Args:
        writing: The search.
        objective: What runs a trial.
        space: Its ``param_space``; None when the searcher asks a function instead.
        ask: The name of that function; None when there is a ``param_space``.
    """
    settings = writing.search.settings
    parts: list[tuple[str, Expression]] = [("", objective)]
    if space is not None:
        parts.append(("param_space=", space))
    options: list[tuple[str, Expression]] = [
        ("metric=", '"loss"'),
        ("mode=", '"min"'),
        ("search_alg=", _searcher(writing, ask)),
        ("num_samples=", settings.n_trials if settings.n_trials is not None else "-1"),
    ]
    if settings.parallelism not in (None, "-1"):
        options.append(("max_concurrent_trials=", str(settings.parallelism)))
    if settings.timeout is not None:
        options.append(("time_budget_s=", settings.timeout))
    options.append(("reuse_actors=", "True"))
    parts.append(("tune_config=", Group("tune.TuneConfig(", options, ")")))
    stoppers = _stoppers(writing)
    if stoppers:
        stop: Expression = stoppers[0]
        if len(stoppers) > 1:
            writing.imports.add("from ray.tune.stopper import CombinedStopper")
            stop = Group("CombinedStopper(", [("", text) for text in stoppers], ")")
        parts.append(("run_config=", Group("tune.RunConfig(", [("stop=", stop)], ")")))
    return Group("tune.Tuner(", parts, ")")


def _stoppers(writing: Writing) -> list[str]:
    settings = writing.search.settings
    found: list[str] = []
    if settings.patience is not None:
        stop = writing.helper(ray_helpers.PATIENCE)
        count, percent = settings.patience
        more = "" if percent is None else f", percent={percent}"
        found.append(f"{stop}({count}{more})")
    if settings.stop_at_loss is not None:
        stop = writing.helper(ray_helpers.THRESHOLD)
        found.append(f"{stop}({settings.stop_at_loss})")
    return found


def _searcher(writing: Writing, ask: str | None) -> Group:
    settings = writing.search.settings
    parts: list[tuple[str, Expression]] = []
    if ask is not None:
        parts += [("", ask), ("metric=", '"loss"'), ("mode=", '"min"')]
    options = [(f"{key}=", value) for key, value in settings.sampler_options]
    seed = [] if settings.seed is None else [("seed=", settings.seed)]
    if settings.sampler != "tpe" or options:
        writing.imports.add("import optuna")
        name = "TPESampler" if settings.sampler == "tpe" else "RandomSampler"
        sampler = Group(f"optuna.samplers.{name}(", [*options, *seed], ")")
        parts.append(("sampler=", sampler))
    else:  # the searcher's own sampler is TPE
        parts += seed
    points = [
        Group(
            "{",
            [(f'"{label}": ', writing.point_value(label, value)) for label, value in point.items()],
            "}",
        )
        for point in settings.points
    ]
    if points:
        listed = Group("[", [("", point) for point in points], "]")
        parts.append(("points_to_evaluate=", listed))
    return Group("OptunaSearch(", parts, ")")


def is_only_indexed(writing: Writing) -> bool:
    """Tell whether the program asks fmin's result for single parameters and nothing else."""
    best, names = writing.search.best, writing.search.module.names
    if best is None:
        return not writing.uses_result()
    covered = writing.search.module.edits.covers
    return all(
        isinstance(names.parent_of[use], ast.Subscript) or covered(*writing.search.module.span(use))
        for use in names.uses(best)
        if isinstance(use.ctx, ast.Load)
    )


def searched(writing: Writing, space: Group, config: str) -> str:
    """Return an expression for a config without what is the same in each trial."""
    module = writing.search.module
    parts = [
        (prefix, part.expression if isinstance(part, Commented) else part)
        for prefix, part in space.parts
    ]
    names = [
        prefix.removesuffix(": ")
        for prefix, part in parts
        if isinstance(part, Group) and part.opening.startswith("tune.")
    ]
    if len(names) == len(parts):
        return config
    listed = Group("[", [("", name) for name in names], "]")
    each = f"name: {config}[name]"
    start = module.span(writing.search.call)[0]
    before = module.source.code[module.line_start(start) : start]
    line = f"{{{each} for name in {flat(listed)}}}"
    if len(before) + len(line) <= WIDTH and "\n" not in before:
        return line
    indent = module.indent(writing.search.statement) + "    "
    lines = [each, *render(listed, indent=0, prefix="for name in ")]
    inner = module.source.newline.join(indented(lines, indent))
    newline = module.source.newline
    return f"{{{newline}{inner}{newline}{indent[:-4]}}}"
