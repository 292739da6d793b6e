"""The contract on the backend of another package, as that package's own tests run it."""

from __future__ import annotations

from typing import ClassVar

import pytest

from hyperbridge.testing import BackendContract

_NO_CANCEL = "a thread cannot be cancelled: fmin waits for what runs"


class TestExecutor(BackendContract):
    parallelism = 3
    shares_process = True
    timeout_s = 3
    long_s = 3.5
    child_backend: ClassVar[str] = '"executor"'
    gaps: ClassVar[dict[str, str]] = {
        "test_a_timeout_cancels_what_runs_and_keeps_what_finished": _NO_CANCEL,
        "test_the_loss_threshold_cancels_what_runs": _NO_CANCEL,
        "test_a_timeout_cancels_the_last_trials_too": _NO_CANCEL,
        "test_an_early_stop_cancels_what_runs": _NO_CANCEL,
    }

    @pytest.fixture
    def backend(self) -> str:
        return "executor"

    def test_ctrl_c_reaches_the_user_at_once_and_leaves_nothing_running(self) -> None:
        pytest.skip("its threads are waited for")
