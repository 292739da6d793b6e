"""One call of fmin as a Ray Tune experiment.

Tune runs its own loop; the Run is reached through the hooks. Source: ``ray.tune.run``, which
takes live objects also for an experiment that is continued, where ``Tuner.restore`` does not.
"""

from __future__ import annotations

import logging
import threading
import uuid
from collections.abc import Callable
from typing import Any

import ray
import ray.cloudpickle
from hyperopt.base import JOB_STATE_ERROR
from ray import tune
from ray.tune import ExperimentAnalysis, PlacementGroupFactory, ResultGrid

from hyperbridge.backends.base import OpenBackend
from hyperbridge.backends.ray.bridge import Bridge
from hyperbridge.backends.ray.cluster import connect, disconnect, is_remote, search_path
from hyperbridge.backends.ray.experiment import Experiment, name_of
from hyperbridge.backends.ray.hooks import make_hooks
from hyperbridge.backends.ray.options import METRIC, merge, run_arguments
from hyperbridge.backends.ray.records import TrialRecords
from hyperbridge.backends.ray.reopen import make_recipe
from hyperbridge.backends.ray.reports import needs_reports
from hyperbridge.backends.ray.resources import count_slots, decide_parallelism
from hyperbridge.backends.ray.surroundings import (
    interruptible,
    same_random_state,
    tune_environment,
)
from hyperbridge.backends.ray.trainable import make_trainable
from hyperbridge.documents import Place
from hyperbridge.run.objective import Objective
from hyperbridge.run.run import Run
from hyperbridge.run.shipping import pack_objective, pack_runtime

logger = logging.getLogger(__name__)

_registering = threading.Lock()
"""Tune's registry of trainables is not made for several threads."""


class RaySession(OpenBackend):
    """One call of fmin on Ray.

    Args:
        objective: What the trials evaluate.
        trials: The Trials object; gets the attribute ``result_grid``.
        experiment: Where Tune keeps it.
        request: What a trial asks for.
        reuse_actors: Whether an actor runs one trial after the other.
        reports: Whether the objective reports while it runs; None to find out.
        parallelism: As the user asked for.

    Raises:
        InvalidArgumentError: The storage path cannot be written.
        BackendUnavailableError: Ray cannot be initialised, or a trial would never fit.
        ObjectiveNotPicklableError: The objective cannot be sent to workers.
    """

    def __init__(
        self,
        objective: Objective,
        trials: Any,
        experiment: Experiment,
        *,
        request: PlacementGroupFactory,
        reuse_actors: bool,
        reports: bool | None,
        parallelism: int | None,
    ) -> None:
        self._objective = objective
        self._trials = trials
        self._experiment = experiment
        self.restored = experiment.restored
        self._request = request
        self._reuse_actors = reuse_actors
        self._reports = reports
        self._packed = pack_objective(objective, ray.cloudpickle, where="Ray")
        experiment.folder.create()
        self.kept_in = Place(f"experiment {experiment.folder.path}", is_shared=False)
        self._is_ours = connect()
        try:
            self.parallelism = decide_parallelism(parallelism, count_slots(request))
            experiment.folder.note_space(objective.text())
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Shut Ray down if this session initialised it."""
        if self._is_ours:
            self._is_ours = False
            disconnect()

    def execute(self, run: Run) -> None:
        """Run the experiment. See `OpenBackend.execute`."""
        folder = self._experiment.folder
        records = TrialRecords(folder)
        runtime = pack_runtime(
            self._packed, run.attachments(), ray.cloudpickle, search_path=search_path()
        )
        bridge = Bridge(
            run,
            self._trials,
            records,
            self._experiment.saved,
            key=f"{folder.path} {uuid.uuid4().hex}",
            runtime=ray.put(runtime),
            recipe=make_recipe(folder, self._objective, run, run.search),
        )
        try:
            if bridge.has_work():
                self._fit(bridge)
            elif folder.has_tune_state():
                self._keep_grid(self._grid_of(None), bridge)
        except BaseException as exc:
            run.abort(exc)
            raise
        finally:
            bridge.close()
        if bridge.error is not None:
            raise bridge.error

    def _fit(self, bridge: Bridge) -> None:
        experiment = self._experiment
        fn = self._objective.fn
        reports = needs_reports(fn, self._reports, experiment.tune_config, experiment.run_config)
        trainable = name_of(fn)
        with _registering:
            tune.register_trainable(trainable, make_trainable(trainable, reports=reports))
        is_resumed = experiment.folder.has_tune_state()
        with (
            tune_environment(experiment.run_config),
            interruptible() as is_interrupted,
            same_random_state(),
        ):
            hooks = make_hooks(bridge, experiment.run_config.callbacks or [])
            tune_config, run_config = merge(
                experiment.tune_config,
                experiment.run_config,
                hooks,
                reports=reports,
                reuse_actors=self._reuse_actors,
            )
            bridge.is_interrupted = is_interrupted
            # This writes what Tuner.restore needs; through Ray Client it would do so far away.
            if not is_resumed and not is_remote():
                tune.Tuner(trainable, tune_config=tune_config, run_config=run_config)
            try:
                with hooks.stopper.running():
                    analysis = tune.run(
                        trainable,
                        resources_per_trial=self._request,
                        resume=is_resumed or None,
                        _remote=False,  # else Ray Client takes the loop to another process
                        **run_arguments(tune_config, run_config),
                    )
            except BaseException:
                bridge.kill()
                raise
            interrupted = is_interrupted()
        self._keep_grid(analysis, bridge)
        if interrupted:
            raise KeyboardInterrupt

    def _grid_of(self, trials: list[Any] | None) -> ExperimentAnalysis:
        folder = self._experiment.folder
        return ExperimentAnalysis(folder.path, storage_filesystem=folder.filesystem, trials=trials)

    def _keep_grid(self, analysis: ExperimentAnalysis, bridge: Bridge) -> None:
        """Give the Trials their ``result_grid``, with failed trials as errors of it."""
        if analysis.default_metric is None:
            analysis.default_metric, analysis.default_mode = METRIC, "min"
        saved = self._experiment.saved
        states = {document["tid"]: document["state"] for document in saved.documents}
        failed = {i for i, tid in saved.tids.items() if states[tid] == JOB_STATE_ERROR}
        for trial in analysis.trials:
            if trial.trial_id in failed or trial.trial_id in bridge.failed:
                trial.set_status("ERROR")
        self._trials.result_grid = ExperimentGrid(analysis)


class ExperimentGrid(ResultGrid):  # type: ignore[misc]  # Ray has no types
    """Tune's ResultGrid. It is not pickled along with a Trials object: there it becomes None."""

    def __reduce__(self) -> tuple[Callable[[], None], tuple[()]]:
        return type(None), ()

    def __deepcopy__(self, memo: dict[int, Any]) -> ExperimentGrid:
        return self
