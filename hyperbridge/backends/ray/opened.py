"""One call of fmin as a Ray Tune experiment.

Tune runs its own loop; the FminRun is reached through the hooks. Source: ``ray.tune.run``, which
takes live objects also for an experiment that is continued, where ``Tuner.restore`` does not.
"""

from __future__ import annotations

import logging
import threading
import uuid
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any

import ray
import ray.cloudpickle
from hyperopt.base import JOB_STATE_ERROR
from ray import tune
from ray.tune import ExperimentAnalysis, ResultGrid

from hyperbridge.backends.base import OpenBackend
from hyperbridge.backends.ray.cluster import connect, disconnect, is_remote, search_path
from hyperbridge.backends.ray.dispatcher import TrialDispatcher
from hyperbridge.backends.ray.environment import (
    interruptible,
    same_random_state,
    tune_environment,
)
from hyperbridge.backends.ray.experiment import Experiment
from hyperbridge.backends.ray.hooks import make_hooks
from hyperbridge.backends.ray.internals import run_experiment
from hyperbridge.backends.ray.options import METRIC, merge, rules_of, run_arguments
from hyperbridge.backends.ray.records import TrialRecords
from hyperbridge.backends.ray.reports import needs_reports
from hyperbridge.backends.ray.resources import (
    await_room,
    check_room,
    count_slots,
    decide_parallelism,
    may_grow,
    request_of,
)
from hyperbridge.backends.ray.restoring import RestoredDispatcher, running, save_search
from hyperbridge.backends.ray.trainable import make_trainable, registered_name
from hyperbridge.documents import Place, is_taken_over
from hyperbridge.errors import InvalidArgumentError
from hyperbridge.run.capacity import Capacity, capacity_of, watch_slots
from hyperbridge.run.objective import Objective
from hyperbridge.run.run import FminRun
from hyperbridge.run.shipping import pack_objective, pack_runtime

if TYPE_CHECKING:
    from hyperbridge.backends.ray import Ray

logger = logging.getLogger(__name__)

_registering = threading.Lock()
"""Tune's registry of trainables is not made for several threads."""


class OpenRay(OpenBackend):
    """One call of fmin on Ray.

    Args:
        settings: The user's backend object.
        objective: What the trials evaluate.
        trials: The Trials object; gets the attribute ``result_grid``.
        experiment: Where Tune keeps it.
        parallelism: As the user asked for.

    Raises:
        InvalidArgumentError: The storage path cannot be written, or an argument cannot work.
        BackendUnavailableError: Ray cannot be started or reached, or a trial would never fit.
        ObjectiveNotPicklableError: The objective cannot be sent to workers.
    """

    stops_trials = True

    def __init__(
        self,
        settings: Ray,
        objective: Objective,
        trials: Any,
        experiment: Experiment,
        parallelism: int | None,
    ) -> None:
        most = experiment.tune_config.max_concurrent_trials or None
        if parallelism is not None and most is not None and parallelism != most:
            raise InvalidArgumentError(
                f"parallelism={parallelism} and TuneConfig(max_concurrent_trials={most}) say "
                "different things; set one of them"
            )
        self._settings = settings
        self._objective = objective
        self._trials = trials
        self._experiment = experiment
        self.restored = experiment.restored
        self.reports_to_tune = experiment.tune_config.scheduler is not None
        self._request = request_of(settings.resources_per_trial)
        self._packed = pack_objective(objective, ray.cloudpickle, where="Ray")
        experiment.folder.create()
        self.kept_in = Place(f"experiment {experiment.folder.path}", is_shared=False)
        self._is_ours = connect()
        # Through Ray Client this process is no node, and no node may reach it.
        self.report_host = None if is_remote() else ray.util.get_node_ip_address()
        try:
            slots = count_slots(self._request)
            grows = bool(settings.elastic) or may_grow()
            check_room(self._request, slots, grows=grows)
            follows = grows and settings.elastic is not False
            self._limit = decide_parallelism(
                most or parallelism, slots, grows=grows, follows=follows
            )
            # With a limit of 1 the search is hyperopt's serial loop on any cluster.
            self.is_elastic = follows and self._limit > 1
            at_first = capacity_of(self._limit, slots) if self.is_elastic else Capacity(self._limit)
            self.parallelism, self.in_line = at_first.parallelism, at_first.in_line
            if slots > 0:
                await_room(self._request)
            experiment.folder.note_search(objective.space, experiment.objective_name)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Shut Ray down if this call has started it."""
        if self._is_ours:
            self._is_ours = False
            disconnect()

    def follow(self, resize: Callable[[Capacity], None]) -> AbstractContextManager[None]:
        """Follow the nodes. See `OpenBackend.follow`."""
        if not self.is_elastic:
            return super().follow(resize)
        return watch_slots(
            lambda: count_slots(self._request), self._limit, resize, name="hyperbridge-ray-slots"
        )

    def execute(self, run: FminRun) -> None:
        """Run the experiment. See `OpenBackend.execute`."""
        folder = self._experiment.folder
        records = TrialRecords(folder)
        runtime = pack_runtime(
            self._packed, run.attachments(), ray.cloudpickle, search_path=search_path()
        )
        rules = rules_of(self._experiment.run_config.stop)
        # Without a rule of the user's, Tune tries again what was lost, and no failure.
        retries_raised = self._experiment.run_config.failure_config.max_failures != 0
        saved_search = save_search(
            folder,
            self._objective,
            run,
            rules,
            has_taken_over=any(map(is_taken_over, self._trials._dynamic_trials)),
            retries_raised=retries_raised,
        )
        dispatcher = running[folder.path] = TrialDispatcher(
            run,
            self._trials,
            records,
            self._experiment.saved,
            key=f"{folder.path} {uuid.uuid4().hex}",
            runtime=ray.put(runtime),
            rules=rules,
            in_pickles=RestoredDispatcher(saved_search),
            retries_raised=retries_raised,
        )
        try:
            if dispatcher.has_work():
                self._fit(dispatcher)
            elif folder.has_tune_state():
                self._keep_grid(self._grid_of(None), dispatcher)
        except BaseException as exc:
            run.abort(exc)
            raise
        finally:
            dispatcher.close()
        if dispatcher.error is not None:
            raise dispatcher.error

    def _fit(self, dispatcher: TrialDispatcher) -> None:
        experiment = self._experiment
        reports = needs_reports(
            self._objective.fn,
            self._settings.reports,
            experiment.tune_config,
            experiment.run_config,
        )
        name = experiment.objective_name
        trainable = registered_name(name, reports=reports)
        with _registering:
            for kind in (True, False):  # an experiment that is continued may have trials of both
                tune.register_trainable(
                    registered_name(name, reports=kind), make_trainable(name, reports=kind)
                )
        is_resumed = experiment.folder.has_tune_state()
        with (
            tune_environment(experiment.run_config),
            interruptible() as is_interrupted,
            same_random_state(),
        ):
            hooks = make_hooks(dispatcher, experiment.run_config.callbacks or [])
            tune_config, run_config = merge(
                experiment.tune_config,
                experiment.run_config,
                hooks,
                reports=reports,
                reuse_actors=self._settings.reuse_actors,
                retries=self._settings.retries,
            )
            dispatcher.is_interrupted = is_interrupted
            # This writes what Tuner.restore needs; through Ray Client it would do so far away.
            if not is_resumed and not is_remote():
                tune.Tuner(trainable, tune_config=tune_config, run_config=run_config)
            try:
                analysis = run_experiment(
                    trainable,
                    resources_per_trial=self._request,
                    resume=is_resumed or None,
                    **run_arguments(tune_config, run_config),
                )
            except BaseException:
                dispatcher.kill()
                raise
            interrupted = is_interrupted()
        self._keep_grid(analysis, dispatcher)
        if interrupted:
            raise KeyboardInterrupt

    def _grid_of(self, trials: list[Any] | None) -> ExperimentAnalysis:
        folder = self._experiment.folder
        return ExperimentAnalysis(folder.path, storage_filesystem=folder.filesystem, trials=trials)

    def _keep_grid(self, analysis: ExperimentAnalysis, dispatcher: TrialDispatcher) -> None:
        """Give the Trials their ``result_grid``, with failed trials as errors of it."""
        if analysis.default_metric is None:
            analysis.default_metric, analysis.default_mode = METRIC, "min"
        saved = self._experiment.saved
        states = {document["tid"]: document["state"] for document in saved.documents}
        failed = {i for i, tid in saved.tids.items() if states[tid] == JOB_STATE_ERROR}
        for trial in analysis.trials:
            if trial.trial_id in failed or trial.trial_id in dispatcher.failed:
                trial.set_status("ERROR")
        self._trials.result_grid = ExperimentGrid(analysis)


class ExperimentGrid(ResultGrid):  # type: ignore[misc]  # Ray has no types
    """Tune's ResultGrid. It is not pickled along with a Trials object: there it becomes None."""

    def __reduce__(self) -> tuple[Callable[[], None], tuple[()]]:
        return type(None), ()

    def __deepcopy__(self, memo: dict[int, Any]) -> ExperimentGrid:
        return self
