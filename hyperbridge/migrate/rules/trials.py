"""``Trials`` and ``SparkTrials`` become the study. Source: hyperopt.base.Trials, hyperopt.spark."""

from __future__ import annotations

import ast

from hyperbridge.migrate.search import TRIALS, Search, is_none

_SPARK_ARGUMENTS = (
    "parallelism",
    "timeout",
    "loss_threshold",
    "spark_session",
    "resource_profile",
)


def read(search: Search) -> None:
    """Read which Trials are used, and SparkTrials' own settings."""
    given = search.arguments.get("trials")
    if given is None or is_none(given):
        return
    made: ast.expr = given
    if isinstance(given, ast.Name):
        binding = search.module.names.only_binding(given)
        if binding is None or binding.value is None:
            search.block(
                given,
                f"where {given.id!r} comes from is not clear: assign Trials() once, just before"
                " fmin, or carry old trials over into a study first",
            )
            return
        search.trials = binding
        search.consumed.append(binding)
        made = binding.value
        search.claimed.add(given)
        _check_loop(search)
    if isinstance(made, ast.Attribute):
        search.block(
            made,
            f"{ast.unparse(made)!r} is no plain variable: assign Trials() to one just before fmin,"
            " then migrate again",
        )
        return
    if not isinstance(made, ast.Call) or search.module.hyperopt(made.func) not in TRIALS:
        search.block(
            made,
            "these trials are neither Trials() nor SparkTrials(): a subclass or saved trials need"
            " a study with a storage, and callbacks in place of overridden methods",
        )
        return
    if search.module.hyperopt(made.func) == "SparkTrials":
        _read_spark(search, made)
    elif made.args or made.keywords:
        search.block(made, "Trials has arguments: use a study_name and a storage")


def _check_loop(search: Search) -> None:
    assert search.trials is not None
    names = search.module.names
    around = set(names.enclosing(search.trials.node))
    for above in names.enclosing(search.call):
        if isinstance(above, ast.For | ast.While | ast.AsyncFor) and above not in around:
            search.block(
                search.call,
                "fmin goes on with the same trials in a loop: create the study once before the"
                " loop, and call study.optimize with the number of further trials",
            )
    if names.scope_of[search.call] is not search.trials.scope:
        search.block(
            search.call, "the trials are made in another scope than the call of fmin: move them"
        )


def _read_spark(search: Search, made: ast.Call) -> None:
    settings = search.settings
    given = dict(zip(_SPARK_ARGUMENTS, made.args, strict=False))
    given.update({str(keyword.arg): keyword.value for keyword in made.keywords})
    settings.is_spark = settings.was_on_workers = settings.is_tracked = True
    settings.catches = True
    parallelism = given.get("parallelism")
    has_number = parallelism is not None and not is_none(parallelism)
    settings.parallelism = search.module.text(parallelism) if parallelism and has_number else "-1"
    if (timeout := given.get("timeout")) is not None and not is_none(timeout):
        settings.timeout = search.module.text(timeout)
    if (threshold := given.get("loss_threshold")) is not None and not is_none(threshold):
        settings.stop_at_loss = search.module.text(threshold)
    if (profile := given.get("resource_profile")) is not None and not is_none(profile):
        search.block(profile, "resource_profile: say what a trial needs in the new engine")
