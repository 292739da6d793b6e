"""Run hyperopt code on Spark, Ray Tune or Optuna, with the same MLflow runs.

``from hyperbridge import fmin, hp, tpe, Trials, SparkTrials`` takes the place of the same line
with hyperopt: every public name of hyperopt is here. ``fmin``, ``Trials`` and ``SparkTrials``
are ours, the rest is hyperopt's own.

Examples:
    >>> from hyperbridge import Trials, fmin, hp, rand
    >>> trials = Trials()
    >>> best = fmin(lambda x: x**2, hp.uniform("x", -1, 1), algo=rand.suggest, max_evals=5,
    ...             trials=trials, show_progressbar=False)
    >>> sorted(best), len(trials)
    (['x'], 5)
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from hyperopt import (
        JOB_STATE_DONE,
        JOB_STATE_ERROR,
        JOB_STATE_NEW,
        JOB_STATE_RUNNING,
        JOB_STATES,
        STATUS_FAIL,
        STATUS_NEW,
        STATUS_OK,
        STATUS_RUNNING,
        STATUS_STRINGS,
        STATUS_SUSPENDED,
        Ctrl,
        Domain,
        FMinIter,
        algobase,
        anneal,
        atpe,
        atpe_models,
        base,
        exceptions,
        fmin_pass_expr_memo_ctrl,
        hp,
        mix,
        partial,
        progress,
        pyll,
        pyll_utils,
        rand,
        space_eval,
        std_out_err_redirect_tqdm,
        tpe,
        trials_from_docs,
        utils,
        vectorize,
    )

    from hyperbridge import callbacks, errors
    from hyperbridge.backends.local import Local
    from hyperbridge.backends.optuna import Optuna
    from hyperbridge.backends.ray import Ray
    from hyperbridge.backends.spark import Spark
    from hyperbridge.config import settings
    from hyperbridge.journal.choice import Journal
    from hyperbridge.search.optuna.hyperopt_sampler import HyperoptSampler as HyperoptSampler
    from hyperbridge.search.ray_searcher import HyperoptSearcher as HyperoptSearcher
    from hyperbridge.surface import spark_trials as spark
    from hyperbridge.surface.fmin import fmin
    from hyperbridge.surface.frames import to_pandas
    from hyperbridge.surface.optuna_tools import (
        from_study,
        optuna_objective,
        to_optuna,
        to_study,
    )
    from hyperbridge.surface.ray_tools import ray_trainable, to_ray
    from hyperbridge.surface.shim import install, uninstall
    from hyperbridge.surface.spark_trials import SparkTrials
    from hyperbridge.surface.trials import Trials
    from hyperbridge.translate.from_hyperopt import read_space
    from hyperbridge.worker.pruned import TrialPruned
    from hyperbridge.worker.reporting import report, should_prune

    __version__: str

__all__ = [
    "JOB_STATES",
    "JOB_STATE_DONE",
    "JOB_STATE_ERROR",
    "JOB_STATE_NEW",
    "JOB_STATE_RUNNING",
    "STATUS_FAIL",
    "STATUS_NEW",
    "STATUS_OK",
    "STATUS_RUNNING",
    "STATUS_STRINGS",
    "STATUS_SUSPENDED",
    "Ctrl",
    "Domain",
    "FMinIter",
    "Journal",
    "Local",
    "Optuna",
    "Ray",
    "Spark",
    "SparkTrials",
    "TrialPruned",
    "Trials",
    "__version__",
    "algobase",
    "anneal",
    "atpe",
    "atpe_models",
    "base",
    "callbacks",
    "errors",
    "exceptions",
    "fmin",
    "fmin_pass_expr_memo_ctrl",
    "from_study",
    "hp",
    "install",
    "mix",
    "optuna_objective",
    "partial",
    "progress",
    "pyll",
    "pyll_utils",
    "rand",
    "ray_trainable",
    "read_space",
    "report",
    "settings",
    "should_prune",
    "space_eval",
    "spark",
    "std_out_err_redirect_tqdm",
    "to_optuna",
    "to_pandas",
    "to_ray",
    "to_study",
    "tpe",
    "trials_from_docs",
    "uninstall",
    "utils",
    "vectorize",
]


def __getattr__(name: str) -> Any:
    from hyperbridge.surface.names import find

    value = find(name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
