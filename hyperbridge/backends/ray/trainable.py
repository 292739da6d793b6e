"""The classes that Tune turns into actors: they run trials of a `hyperbridge.worker` runtime.

A class carries no code of this package by reference, because nodes may have neither hyperbridge
nor hyperopt, and nothing of a single run: an actor hears of its trial through ``begin``.
Source: Ray Tune's Trainable class API, and its function API for objectives that report.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import ray.cloudpickle

from hyperbridge.run.shipping import dumps_by_value
from hyperbridge.worker.metrics import TUNES_OWN, plain_metrics
from hyperbridge.worker.runtime import load_shipped, run_shipped

REPORT = "hyperbridge_report"
"""The key of a trial's pickled report in the result that Tune moves; our callback takes it out."""

_INLINE_BYTES = 100_000

TrainableClass = Any
"""A subclass of ``ray.tune.Trainable``; Ray has no types."""


def registered_name(objective_name: str, *, reports: bool) -> str:
    """Return the name under which Tune knows the trainable of an objective.

    Tune has one registry for a whole process, so the name says all in which two of these classes
    differ: calls of fmin in several threads may share them.
    """
    return f"{objective_name}_reporting" if reports else f"{objective_name}_trial"


def make_trainable(
    objective_name: str, *, reports: bool, runtime: bytes | None = None
) -> TrainableClass:
    """Return a class of actors.

    Args:
        objective_name: The name of the objective, an identifier.
        reports: True for an objective that calls ``ray.tune.report``: it runs in a thread, as
            Tune's function trainables do. Else it runs in the main thread of the actor.
        runtime: The pickled runtime, for trials that begin without one.
    """
    shipped = dumps_by_value((run_shipped, plain_metrics), ray.cloudpickle)
    run = _make_runner(shipped, runtime, TUNES_OWN)
    load = _make_loader(dumps_by_value(load_shipped, ray.cloudpickle))
    made = _make_reporting_class(run, load) if reports else _make_plain_class(run, load)
    made.__name__ = made.__qualname__ = registered_name(objective_name, reports=reports)
    made.__module__ = "__main__"  # pickled by value
    return made


def _make_runner(
    shipped: bytes, runtime: bytes | None, tunes_own: frozenset[str]
) -> Callable[[dict[str, Any], dict[str, Any]], dict[str, Any]]:
    """Return the function that runs a trial in an actor: config and `begin`'s facts to result."""

    def run(config: dict[str, Any], facts: dict[str, Any]) -> dict[str, Any]:
        import contextlib

        import ray
        import ray.cloudpickle

        if facts.get("known") is not None:  # it ran before the experiment was interrupted
            return dict(facts["known"])
        key, refs = facts.get("key", "by hand"), facts.get("runtime")
        message = facts.get("message", (0, config, []))
        run_trial, plain_metrics = ray.cloudpickle.loads(shipped)

        def load() -> bytes:
            return runtime if refs is None else ray.get(refs[0])  # type: ignore[return-value]

        report = run_trial(key, load, message, "ray.cloudpickle")
        if "message" not in facts:
            return metrics_of(report)
        kind = ray.cloudpickle.loads(report)[0]
        if facts.get("may_retry") and kind == "raised":
            metrics_of(report)  # raises: Tune starts the trial anew
        # Schedulers and stop rules see this before the callback does. Tune formats it for its log,
        # and ends the experiment when its metric is missing.
        shown: dict[str, Any] = {"loss": float("nan")}
        if kind == "returned":
            with contextlib.suppress(Exception):  # the driver judges what is not a result
                shown.update(plain_metrics(metrics_of(report), tunes_own))
        placed = [ray.put(report)] if len(report) > _INLINE_BYTES else report
        return {**shown, REPORT: placed}

    def metrics_of(report: bytes) -> dict[str, Any]:
        """Return what a Tuner without our callback gets; a failed trial raises."""
        import ray.cloudpickle

        kind, _, *parts = ray.cloudpickle.loads(report)
        if kind == "unpicklable":
            raise TypeError(parts[0])
        if kind == "pruned":
            return {"loss": float("nan")}
        if kind == "raised":
            packed = parts[3]
            error = None if packed is None else ray.cloudpickle.loads(packed)
            raise error if isinstance(error, Exception) else RuntimeError(parts[2])
        value = ray.cloudpickle.loads(parts[0])
        found = dict(value) if hasattr(value, "keys") else {"loss": float(value)}
        if found.get("loss") is None or found.get("status") == "fail":
            found["loss"] = float("nan")  # no trial to be chosen as the best
        return found

    return run


def _make_loader(shipped: bytes) -> Callable[[dict[str, Any]], None]:
    """Return the function that loads what a trial needs before it begins: `begin`'s facts to None.

    The time limit of a trial counts from when `begin` has returned.
    """

    def load(facts: dict[str, Any]) -> None:
        import contextlib

        import ray
        import ray.cloudpickle

        refs = facts.get("runtime")
        if refs is not None:
            with contextlib.suppress(Exception):  # the trial itself finds it again, and tells
                load_shipped = ray.cloudpickle.loads(shipped)
                load_shipped(facts["key"], lambda: ray.get(refs[0]), "ray.cloudpickle")

    return load


def _make_preparation() -> Callable[[Callable[[], bool]], None]:
    """Return the function that sets up the process of an actor, in its main thread."""

    def prepare(is_busy: Callable[[], bool]) -> None:
        import os
        import signal
        import threading

        # An objective finds its files where the script does, as on other backends.
        os.environ.setdefault("RAY_CHDIR_TO_TRIAL_DIR", "0")
        if threading.current_thread() is not threading.main_thread():
            return
        rays_own = signal.getsignal(signal.SIGTERM)

        def end(number: int, frame: Any) -> None:
            # Ray raises SystemExit. Outside of a trial nobody catches it, and in some places
            # Python prints a traceback, which Ray would show to the user.
            if not is_busy():
                os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
            rays_own(number, frame)  # type: ignore[operator, misc]  # a function, as seen below

        if callable(rays_own):
            signal.signal(signal.SIGTERM, end)

    return prepare


def _make_plain_class(
    run: Callable[..., dict[str, Any]], load: Callable[[dict[str, Any]], None]
) -> TrainableClass:
    from ray import tune

    prepare = _make_preparation()

    class Plain(tune.Trainable):  # type: ignore[misc]  # Ray has no types
        def __init__(self, *args: Any, **kwargs: Any) -> None:
            self.facts: dict[str, Any] = {}
            self.is_busy = False
            prepare(lambda: self.is_busy)
            super().__init__(*args, **kwargs)

        def begin(self, facts: dict[str, Any]) -> None:
            self.facts = facts
            load(facts)

        def reset_config(self, new_config: dict[str, Any]) -> bool:  # noqa: ARG002
            self.facts = {}
            return True

        def step(self) -> dict[str, Any]:
            self.is_busy = True
            try:
                return {**run(self.config, self.facts), "done": True}
            finally:
                self.is_busy = False

        def save_checkpoint(self, checkpoint_dir: str) -> None:
            """Keep nothing: Tune asks for a checkpoint at the end of a trial."""

        def load_checkpoint(self, checkpoint: Any) -> None:
            """Do nothing: there is nothing to load."""

    return Plain


def _make_reporting_class(
    run: Callable[..., dict[str, Any]], load: Callable[[dict[str, Any]], None]
) -> TrainableClass:
    from ray import tune
    from ray.tune.trainable import wrap_function

    prepare = _make_preparation()

    state: dict[str, Any] = {}  # of the one trial that the process runs

    def stop() -> None:
        state["stopping"] = True
        state["facts"].pop("may_retry", None)  # what the trial raises now is not its failure

    def body(config: dict[str, Any]) -> None:
        import ray.cloudpickle

        result = run(config, state["facts"])
        report = result.get(REPORT)
        if state["stopping"] and isinstance(report, bytes):
            kind, _, *parts = ray.cloudpickle.loads(report)
            if kind == "raised" and "SystemExit" in parts[0]:
                raise SystemExit(0)  # Tune stopped the trial inside its tune.report
        tune.report({**result, "done": True})

    wrapped = wrap_function(body)

    class Reporting(wrapped):  # type: ignore[misc, valid-type]  # Ray has no types
        def __init__(self, *args: Any, **kwargs: Any) -> None:
            state.update(facts={}, stopping=False)
            prepare(lambda: False)
            super().__init__(*args, **kwargs)

        def begin(self, facts: dict[str, Any]) -> None:
            state.update(facts=facts, stopping=False)
            load(facts)

        def reset_config(self, new_config: dict[str, Any]) -> bool:
            stop()
            return bool(super().reset_config(new_config))

        def cleanup(self) -> None:
            stop()
            super().cleanup()

    return Reporting
