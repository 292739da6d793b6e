"""What the parts of the contract have in common: a space, helpers, and what a backend says."""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable
from typing import Any, ClassVar

import numpy as np
import pytest
from hyperopt import anneal, hp, mix, rand, tpe
from hyperopt.base import STATUS_OK

from hyperbridge.surface.fmin import fmin

SPACE = {
    "x": hp.uniform("x", -5, 5),
    "kind": hp.choice(
        "kind",
        [
            {"name": "a", "q": hp.quniform("q", 0, 5, 1)},
            {"name": "b", "n": hp.randint("n", 3)},
        ],
    ),
}

TIME_STAMPS = ("book_time", "refresh_time")


def seed(number: int = 0) -> np.random.Generator:
    return np.random.default_rng(number)


def own_suggest(new_ids: Any, domain: Any, trials: Any, seed: int) -> list[Any]:
    """A user's own algorithm: every third point is a copy of the best one so far."""
    documents: list[Any] = rand.suggest(new_ids, domain, trials, seed)
    done = [t for t in trials.trials if t["result"].get("status") == STATUS_OK]
    if done and new_ids[0] % 3 == 2:
        best = min(done, key=lambda t: t["result"]["loss"])
        for document in documents:
            vals = {k: list(v) for k, v in best["misc"]["vals"].items()}
            document["misc"]["vals"] = vals
            document["misc"]["idxs"] = {k: [document["tid"]] * len(v) for k, v in vals.items()}
    return documents


ALGORITHMS: dict[str, Any] = {
    "rand": rand.suggest,
    "tpe": functools.partial(tpe.suggest, n_startup_jobs=5),
    "anneal": anneal.suggest,
    "mix": functools.partial(mix.suggest, p_suggest=[(0.5, rand.suggest), (0.5, anneal.suggest)]),
    "own": own_suggest,
}


def without_time(documents: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{k: v for k, v in d.items() if k not in TIME_STAMPS} for d in documents]


def our_threads() -> list[str]:
    return [t.name for t in threading.enumerate() if t.name.startswith("hyperbridge")]


def sleep_below_zero(seconds: float) -> Any:
    """An objective that returns at once for a positive x and takes long for a negative one."""

    def fn(x: float) -> float:
        import time

        if x < 0:
            time.sleep(seconds)
        return x

    return fn


def _expected_to_fail(test: Callable[..., None], reason: str) -> Callable[..., None]:
    @functools.wraps(test)
    def marked(*args: Any, **kwargs: Any) -> None:
        test(*args, **kwargs)

    found: Callable[..., None] = pytest.mark.xfail(reason=reason, strict=True)(marked)
    return found


class Basis:
    """What the parts of the contract ask of a backend.

    Attributes:
        about: What a part of the contract is about; a row of the README's table.
        parallelism: Trials at once in these tests.
        shares_process: Trials run in the driver's own process.
        tells_running_trials: Running trials hear of each other, so that a pruner is sharper.
        runs_hyperopt_algorithms: A hyperopt suggest function proposes the trials; else the
            engine's own search does.
        timeout_s: A timeout in which a first trial starts and ends also on a busy machine.
        long_s: How long a trial that is to be cancelled would take.
        interrupted_s: Within how many seconds fmin raises after Ctrl-C.
        gaps: Reason by test name, for what the backend cannot keep.
        sampled: Tests of which the first case alone is in the default run, the others in the long
            one: for a backend that takes seconds to start.
        child_backend: Python source of the ``backend=`` argument in a new process.
    """

    about: ClassVar[str]
    parallelism: ClassVar[int | None] = None
    shares_process: ClassVar[bool] = False
    tells_running_trials: ClassVar[bool] = True
    runs_hyperopt_algorithms: ClassVar[bool] = True
    gaps: ClassVar[dict[str, str]] = {}
    sampled: ClassVar[frozenset[str]] = frozenset()
    timeout_s: ClassVar[float] = 8
    long_s: ClassVar[float] = 60
    interrupted_s: ClassVar[float] = 10
    child_backend: ClassVar[str]
    child_setup: ClassVar[str] = ""

    def __init_subclass__(cls) -> None:
        for name, reason in vars(cls).get("gaps", {}).items():
            setattr(cls, name, _expected_to_fail(getattr(cls, name), reason))

    @pytest.fixture(autouse=True)
    def _no_tracking_unless_asked_for(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("HYPERBRIDGE_TRACKING", "0")

    @pytest.fixture
    def backend(self) -> Any:
        """A backend object or name."""
        raise NotImplementedError

    @pytest.fixture
    def minimise(self, backend: Any) -> Any:
        return self.fmin_on(backend, self.parallelism)

    @staticmethod
    def fmin_on(backend: Any, parallelism: int | None) -> Any:
        """Return fmin on a backend, quiet, with random search unless a test says otherwise."""
        defaults = {
            "algo": rand.suggest,
            "backend": backend,
            "parallelism": parallelism,
            "show_progressbar": False,
            "rstate": seed(),
        }

        def call(fn: Any, space: Any = SPACE, **kwargs: Any) -> Any:
            return fmin(fn, space, **{**defaults, **kwargs})

        return call

    @property
    def slots(self) -> int:
        return self.parallelism or 1

    def needs_own_process(self) -> None:
        if self.shares_process:
            pytest.skip("trials of this backend run in the driver's own process")

    def needs_hyperopt_algorithms(self) -> None:
        if not self.runs_hyperopt_algorithms:
            pytest.skip("this backend brings its own search")
