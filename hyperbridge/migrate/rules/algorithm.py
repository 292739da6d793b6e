"""fmin's ``algo`` becomes a sampler. Source: hyperopt.tpe.suggest; Optuna reference, samplers."""

from __future__ import annotations

import ast

from hyperbridge.migrate.search import Search, is_none

_OPTIONS = {"n_startup_jobs": "n_startup_trials", "n_EI_candidates": "n_ei_candidates"}
_KINDS = {"tpe.suggest": "tpe", "rand.suggest": "random"}
_REPLACED = {"anneal.suggest": "simulated annealing", "atpe.suggest": "adaptive TPE"}


def read(search: Search) -> None:
    """Read which algorithm is used, with its options."""
    algo = search.arguments.get("algo")
    if algo is None or is_none(algo):
        return
    algo = search.look_through(algo)
    if isinstance(algo, ast.Call) and _is_partial(search, algo) and algo.args:
        _read_kind(search, algo.args[0])
        _read_options(search, algo)
    else:
        _read_kind(search, algo)


def _is_partial(search: Search, call: ast.Call) -> bool:
    dotted = search.module.names.dotted(call.func)
    return dotted == "functools.partial" or search.module.hyperopt(call.func) == "partial"


def _read_kind(search: Search, expr: ast.expr) -> None:
    name = search.module.hyperopt(expr)
    if name in _KINDS:
        search.settings.sampler = _KINDS[name]
    elif name in _REPLACED:
        search.remark(expr, f"{_REPLACED[name]} has no counterpart; TPE takes its place")
    else:
        search.block(
            expr,
            "this algorithm is not hyperopt's TPE or random search: write it as a sampler"
            " (subclass optuna.samplers.BaseSampler), or use hyperbridge's backends, which run it",
        )


def _read_options(search: Search, call: ast.Call) -> None:
    for keyword in call.keywords:
        if keyword.arg in _OPTIONS:
            option = (_OPTIONS[keyword.arg], search.module.text(keyword.value))
            search.settings.sampler_options.append(option)
        elif keyword.arg in ("gamma", "prior_weight", "verbose"):
            search.remark(keyword.value, f"{keyword.arg} is dropped: Optuna chooses its own")
        else:
            search.block(call, f"the option {keyword.arg} of the algorithm is not known")
    if len(call.args) > 1:
        search.block(call, "positional arguments of partial are not known")
