"""What Tune takes from its process is noticed and put back; no cluster is needed to see it."""

from __future__ import annotations

import logging
import os
import random
import signal
from types import SimpleNamespace
from typing import Any

import pytest

pytest.importorskip("ray")

from ray.tune.tune import _setup_signal_catching

from hyperbridge.backends.ray.environment import (
    interruptible,
    same_random_state,
    tune_environment,
)


def test_ctrl_c_is_noticed_from_the_moment_in_which_tune_listens() -> None:
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGUSR1)]
    with interruptible() as is_interrupted:
        event = _setup_signal_catching()
        assert not is_interrupted()
        signal.raise_signal(signal.SIGINT)  # nobody has asked before
        assert event.is_set()
        assert is_interrupted()
        with pytest.raises(KeyboardInterrupt):  # a second one ends at once
            signal.raise_signal(signal.SIGINT)
        assert is_interrupted()
    assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGUSR1)] == before


def test_ctrl_c_before_tune_listens_and_where_it_may_not_is_the_users() -> None:
    with interruptible(), pytest.raises(KeyboardInterrupt):
        signal.raise_signal(signal.SIGINT)


def test_without_tunes_handler_nothing_is_taken_for_ctrl_c(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TUNE_DISABLE_SIGINT_HANDLER", "1")
    with interruptible() as is_interrupted:
        _setup_signal_catching()
        assert not is_interrupted()
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)


@pytest.mark.parametrize("verbose", [0, 1])
def test_variables_log_levels_and_generators_are_put_back(
    verbose: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hyperbridge.backends.ray.environment.is_remote", lambda: False)
    monkeypatch.setenv("TUNE_MAX_PENDING_TRIALS_PG", "7")
    failures = SimpleNamespace(max_failures=verbose)
    config: Any = SimpleNamespace(verbose=verbose, progress_reporter=None, failure_config=failures)
    before = dict(os.environ), logging.getLogger("ray.tune").level, random.getstate()
    with tune_environment(config), tune_environment(config), same_random_state():
        assert os.environ["TUNE_DISABLE_STRICT_METRIC_CHECKING"] == "1"
        assert os.environ["TUNE_MAX_PENDING_TRIALS_PG"] == "7"
        is_silent = logging.getLogger("ray.tune").level == logging.CRITICAL
        assert is_silent is (verbose == 0)
        random.random()
    assert (dict(os.environ), logging.getLogger("ray.tune").level, random.getstate()) == before
