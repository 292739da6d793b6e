"""The Ray backend on a local cluster with four CPUs."""

from __future__ import annotations

import time
from typing import Any, ClassVar

import pytest
from hyperopt import hp
from hyperopt.base import JOB_STATE_CANCEL, JOB_STATE_DONE

from hyperbridge.backends.ray import Ray
from hyperbridge.surface.spark_trials import SparkTrials
from hyperbridge.surface.trials import Trials
from hyperbridge.testing import BackendContract
from hyperbridge.testing.arguments import ArgumentsContract
from hyperbridge.testing.basis import our_threads, sleep_below_zero

pytest.importorskip("ray")


@pytest.mark.slow
class TestRay(BackendContract):
    parallelism = 2
    long_s = 200  # a new actor alone takes a minute on a busy machine
    sampled: ClassVar[frozenset[str]] = frozenset(
        {
            "test_a_number_is_a_loss",
            "test_a_space_need_not_be_a_dict",
            "test_an_invalid_result_fails_the_trial_and_says_why",
            "test_max_queue_len_changes_nothing_about_the_number_of_trials",
            "test_when_all_trials_fail_the_error_shows_the_first_traceback",
        }
    )
    child_setup: ClassVar[str] = (
        "import ray\n"
        "from ray.tune import RunConfig\n"
        "from hyperbridge.backends.ray import Ray\n"
        'ray.init("local", num_cpus=2, include_dashboard=False, log_to_driver=False)'
    )
    child_backend: ClassVar[str] = 'Ray(run_config=RunConfig(storage_path="results"))'

    @pytest.fixture
    def backend(self, ray_cluster: None, tmp_path_factory: pytest.TempPathFactory) -> Any:
        from ray.tune import RunConfig

        return Ray(run_config=RunConfig(storage_path=str(tmp_path_factory.mktemp("results"))))

    @pytest.fixture
    def minimise(self, backend: Any, request: pytest.FixtureRequest) -> Any:
        """The contract's own; what is about arguments has one actor: each costs CPU seconds."""
        is_about_arguments = hasattr(ArgumentsContract, request.function.__name__)
        return self.fmin_on(backend, 1 if is_about_arguments else self.parallelism)

    def test_a_timeout_cancels_what_runs_and_keeps_what_finished(self, minimise: Any) -> None:
        """The contract's own, with time for a first actor to start: seconds on a busy machine."""
        trials = SparkTrials()
        start = time.monotonic()
        minimise(
            sleep_below_zero(600), hp.uniform("x", -5, -1), max_evals=40, timeout=15,
            trials=trials, points_to_evaluate=[{"x": 1.0}],
        )  # fmt: skip
        assert time.monotonic() - start < 300
        assert trials.losses() in ([1.0], [])  # none when the actors needed longer than that
        assert trials.count_cancelled_trials() >= 1
        assert trials.fmin_cancelled_reason == "fmin run timeout"
        assert our_threads() == []

    @pytest.mark.parametrize("timeout", [2])
    def test_timeout_alone_ends_a_search_without_max_evals(
        self, minimise: Any, timeout: float
    ) -> None:
        """The contract's own; Tune waits five seconds for actors that are starting."""
        trials = Trials()
        start = time.monotonic()
        minimise(lambda p: 0.0, timeout=timeout, trials=trials, return_argmin=False)
        assert timeout <= time.monotonic() - start < timeout + 120
        states = {d["state"] for d in trials._dynamic_trials}
        assert states
        assert states <= {JOB_STATE_DONE, JOB_STATE_CANCEL}
