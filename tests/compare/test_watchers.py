"""What is changed for a repeat, and what is read of native searches, without a program."""

from __future__ import annotations

import time
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from hyperbridge.compare.seeds import shift_seeds, shifted_seed
from hyperbridge.compare.watch_fmin import shifted


def test_a_repeat_draws_otherwise_and_always_the_same() -> None:
    for make in (np.random.default_rng, np.random.RandomState):
        first = make(7)
        assert shifted(first, 0) is first
        one, again, other = (shifted(make(7), r).normal(size=3).tolist() for r in (1, 1, 2))
        assert one == again
        assert one != other
        assert type(shifted(make(7), 1)) is type(make(7))
    shared = np.random.default_rng(7)  # by two searches of a program
    assert shifted(shared, 1).normal() != shifted(shared, 1).normal()


def test_seeds_that_a_program_writes_down_are_shifted() -> None:
    class Sampler:
        def __init__(self, n: int, seed: int | None = None) -> None:
            self.seed = seed

    shift_seeds([Sampler], 0)
    assert Sampler(1, seed=5).seed == 5
    shift_seeds([Sampler], 3)
    assert Sampler(1, seed=5).seed == Sampler(1, 5).seed == shifted_seed(5, 3) != 5
    assert Sampler(1).seed is None


def test_a_search_of_tune_is_capped_and_read(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("ray")
    pytest.importorskip("optuna")
    from ray import tune
    from ray.tune.search.hyperopt import HyperOptSearch
    from ray.tune.search.optuna import OptunaSearch

    from hyperbridge.compare.watch_tune import TuneWatcher

    given: dict[str, Any] = {}
    now = time.time()

    def result(score: float | None, seconds: float, error: Any = None) -> SimpleNamespace:
        metrics = {"timestamp": now + 5 + seconds, "time_total_s": seconds}
        metrics |= {} if score is None else {"score": score}
        return SimpleNamespace(metrics=metrics, error=error, config={"x": score, "n": 2})

    results = [result(1.0, 1.0), result(3.0, 2.0), result(None, 1.0), result(9.0, 1.0, "failed")]
    monkeypatch.setattr(tune.Tuner, "__init__", lambda self, *_, **kwargs: given.update(kwargs))
    monkeypatch.setattr(tune.Tuner, "fit", lambda self: results)
    monkeypatch.setattr(tune, "run", tune.run)
    for kind in (OptunaSearch, HyperOptSearch):
        monkeypatch.setattr(kind, "__init__", kind.__init__)
    watcher = TuneWatcher(most=4, repeat=1, is_inside=lambda: False)
    watcher.install()
    config = tune.TuneConfig(
        num_samples=10, metric="score", mode="max", search_alg=OptunaSearch(seed=5)
    )
    assert tune.Tuner(print, tune_config=config).fit() is results
    assert given["tune_config"].num_samples == 4
    assert config.search_alg._seed == shifted_seed(5, 1)
    (found,) = watcher.found
    assert (found.engine, found.algo) == ("ray", "OptunaSearch")
    assert found.losses() == [-1.0, -3.0, None, None]
    assert [trial.state for trial in found.trials] == ["complete"] * 2 + ["failed"] * 2
    assert [trial.objective_s for trial in found.trials] == [1.0, 2.0, 1.0, 1.0]
    assert found.start_s == pytest.approx(5, abs=0.5)  # the engine's, before the first trial
    assert [round(trial.at_s or 0) for trial in found.trials] == [1, 2, 1, 1]
    assert found.argmin == {"x": "3.0", "n": "2"}
    assert found.types == {"x": "float", "n": "int"}
