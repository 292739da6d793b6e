"""The Ray backend's public face; the engine is imported when a run needs it."""

from __future__ import annotations

import copy
import dataclasses
from typing import TYPE_CHECKING, Any, ClassVar

from hyperbridge.backends.base import Backend, OpenBackend
from hyperbridge.backends.retries import check_retries
from hyperbridge.errors import InvalidArgumentError
from hyperbridge.optional import Package
from hyperbridge.search import RAY

if TYPE_CHECKING:
    from hyperbridge.run.objective import Objective
    from hyperbridge.search.base import Search
    from hyperbridge.search.hyperopt_algo import SeedSource


class Ray(Backend):
    """Each call of fmin is a Ray Tune experiment; its ResultGrid is ``trials.result_grid``.

    fmin starts Ray if it does not run, and shuts it down at the end. A cluster that the process is
    connected to, or that ``RAY_ADDRESS`` names, is used and left running. To continue an
    interrupted experiment, call fmin again with the same name and storage path. ``Tuner.restore``
    continues it too, without MLflow runs for the trials that are left.

    An objective may call ``ray.tune.report`` for a scheduler or a stop rule. If one of them stops
    a trial, its loss is the last one that it reported, and ``stopped_early`` is 1 in its result
    and among the metrics of its MLflow run. A trial that has reported no loss is cancelled.
    ``FailureConfig(max_failures=...)`` runs a failed trial again, in a new process, whether it was
    lost or raised; it outranks ``retries``.

    Leave Ray's environment variable ``TUNE_FORCE_TRIAL_CLEANUP_S`` at its default of ten minutes.
    With a second or so Tune stops processes in the middle of an experiment that has a scheduler,
    waits for them, and starts others: 100 short trials took 29 processes and 27 seconds instead of
    9 and 10.

    Args:
        resources_per_trial: What one trial takes, such as ``{"cpu": 2, "gpu": 0.5}``, where other
            names are custom resources; or a ``ray.tune.PlacementGroupFactory``. None for one CPU.
        run_config: A ``ray.tune.RunConfig``: name, storage path, callbacks, failures to
            retry, Tune's own output (``verbose=1``). One of Ray Train is accepted too.
        tune_config: A ``ray.tune.TuneConfig``: a scheduler, names of trials. fmin refuses what it
            has an argument for, and any field of the two configs that cannot be passed on to Tune,
            such as Ray Train's ``worker_runtime_env``, before the first trial.
        reuse_actors: False to give every trial a new process, which takes seconds. It outranks
            the field of ``tune_config``.
        reports: Whether the objective calls ``ray.tune.report``; None to find out by reading
            its code and that of what it refers to. An objective that reports runs in a thread of
            its process, any other in the main thread. With a scheduler or a stop rule every
            objective counts as one that reports.
        elastic: Whether nodes may come and go during a search. None, the default, means yes where
            an autoscaler is seen: on clusters of Ray's launcher, of KubeRay and of Ray on Spark,
            and where no node has a CPU yet. True is for nodes that come by other means.
        retries: How often a trial is tried again that was lost with its process or its node; 0
            fails it at once. An exception of the objective's is never tried again.

    On an elastic cluster the number of trials follows what the nodes that are there have room for,
    up to ``parallelism`` and 128, looked at once a second. Half as many trials as there are slots
    wait in Tune's queue, within the same limit, so that an autoscaler sees what to start nodes for.
    When nodes leave, no further trials are started until those that are there fit. With
    ``elastic=False`` the number is decided once: as many as there is room for, or on a cluster with
    an autoscaler as many as were asked for. With parallelism 1 the search is hyperopt's serial
    loop, whatever the cluster does.

    Raises:
        InvalidArgumentError: ``reuse_actors``, ``reports``, ``elastic`` or ``retries`` is no such
            value.

    Examples:
        >>> Ray(resources_per_trial={"cpu": 2}).name
        'ray'
    """

    name: ClassVar[str] = "ray"
    help: ClassVar[str] = "on a Ray cluster, as a Ray Tune experiment"
    package: ClassVar[Package | None] = RAY

    def __init__(
        self,
        *,
        resources_per_trial: Any = None,
        run_config: Any = None,
        tune_config: Any = None,
        reuse_actors: bool = True,
        reports: bool | None = None,
        elastic: bool | None = None,
        retries: int = 1,
    ) -> None:
        if not isinstance(reuse_actors, bool):
            raise InvalidArgumentError(f"reuse_actors must be True or False, got {reuse_actors!r}")
        if not isinstance(reports, bool | None):
            raise InvalidArgumentError(f"reports must be True, False or None, got {reports!r}")
        if not isinstance(elastic, bool | None):
            raise InvalidArgumentError(f"elastic must be True, False or None, got {elastic!r}")
        self.elastic = elastic
        self.retries = check_retries(retries)
        self.reports = reports
        self.resources_per_trial = resources_per_trial
        self.run_config = run_config
        self.tune_config = tune_config
        self.reuse_actors = reuse_actors

    def take_pruner(self, pruner: Any) -> Backend | None:
        """Take a Tune scheduler. See `Backend.take_pruner`."""
        if not any(
            cls.__name__ == "TrialScheduler" and cls.__module__.startswith("ray.tune.")
            for cls in type(pruner).__mro__
        ):
            return None
        from ray.tune import TuneConfig

        config = TuneConfig() if self.tune_config is None else self.tune_config
        if getattr(config, "scheduler", None) is not None:
            raise InvalidArgumentError(
                "pruner and TuneConfig(scheduler=...) both give a scheduler; set one of them"
            )
        adopted = copy.copy(self)
        adopted.tune_config = dataclasses.replace(config, scheduler=pruner)
        return adopted

    def make_search(
        self, algo: Any, objective: Objective, trials: Any, seeds: SeedSource
    ) -> Search:
        """Take a Ray Tune searcher too. See `Backend.make_search`."""
        from hyperbridge.search.choice import is_ray_searcher

        if not is_ray_searcher(algo):
            return super().make_search(algo, objective, trials, seeds)
        from hyperbridge.search.ray_algo import RaySearch

        return RaySearch(algo, objective.space, objective.domain, trials)

    def open(self, objective: Objective, *, trials: Any, parallelism: int | None) -> OpenBackend:
        """Bring the trials of an interrupted experiment, connect to Ray. See `Backend.open`."""
        RAY.require("Backend 'ray'", "tune")
        from hyperbridge.backends.ray.experiment import open_experiment
        from hyperbridge.backends.ray.opened import OpenRay

        experiment = open_experiment(
            objective, trials, tune_config=self.tune_config, run_config=self.run_config
        )
        return OpenRay(self, objective, trials, experiment, parallelism)
