"""The Optuna backend: its own search, and trials in threads or in processes of this machine."""

from __future__ import annotations

from typing import ClassVar

import pytest

from hyperbridge.backends.optuna import Optuna
from hyperbridge.testing import BackendContract

pytest.importorskip("optuna")

_NO_CANCEL = "a thread cannot be cancelled: fmin waits for what runs"


class TestOptunaThreads(BackendContract):
    parallelism = 3
    shares_process = True
    runs_hyperopt_algorithms = False
    timeout_s = 3
    long_s = 3.5
    child_backend: ClassVar[str] = '"optuna"'
    gaps: ClassVar[dict[str, str]] = {
        "test_a_timeout_cancels_what_runs_and_keeps_what_finished": _NO_CANCEL,
        "test_the_loss_threshold_cancels_what_runs": _NO_CANCEL,
        "test_a_timeout_cancels_the_last_trials_too": _NO_CANCEL,
        "test_an_early_stop_cancels_what_runs": _NO_CANCEL,
    }

    @pytest.fixture
    def backend(self) -> str:
        return "optuna"


class TestOptunaProcesses(BackendContract):
    parallelism = 3
    runs_hyperopt_algorithms = False
    child_setup: ClassVar[str] = "from hyperbridge.backends.optuna import Optuna"
    child_backend: ClassVar[str] = 'Optuna(workers="processes")'

    @pytest.fixture
    def backend(self) -> Optuna:
        return Optuna(workers="processes")
