"""The classes that Tune turns into actors: they run trials of a `hyperbridge.worker` runtime.

A class carries no code of this package by reference, because nodes may have neither hyperbridge
nor hyperopt, and nothing of a single run: an actor hears of its trial through ``begin``.
Source: Ray Tune's Trainable class API, and its function API for objectives that report.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import ray.cloudpickle

from hyperbridge.backends.ray.results import TUNES_OWN
from hyperbridge.run.shipping import dumps_by_value
from hyperbridge.worker.runtime import run_shipped

REPORT = "hyperbridge_report"
"""The key of a trial's pickled report in the result that Tune moves; our callback takes it out."""

_INLINE_BYTES = 100_000

TrainableClass = Any
"""A subclass of ``ray.tune.Trainable``; Ray has no types."""


def make_trainable(name: str, *, reports: bool, runtime: bytes | None = None) -> TrainableClass:
    """Return a class of actors.

    Args:
        name: How Tune calls it: the name of the objective.
        reports: True for an objective that calls ``ray.tune.report``: it runs in a thread, as
            Tune's function trainables do. Else it runs in the main thread of the actor.
        runtime: The pickled runtime, for trials that begin without one.
    """
    entry = dumps_by_value(run_shipped, ray.cloudpickle)
    run = _make_runner(entry, runtime, TUNES_OWN)
    made = _make_reporting_class(run) if reports else _make_plain_class(run)
    made.__name__ = made.__qualname__ = name
    made.__module__ = "__main__"  # pickled by value
    return made


def _make_runner(
    entry: bytes, runtime: bytes | None, tunes_own: frozenset[str]
) -> Callable[[dict[str, Any], dict[str, Any]], dict[str, Any]]:
    """Return the function that runs a trial in an actor: config and `begin`'s facts to result."""

    def run(config: dict[str, Any], facts: dict[str, Any]) -> dict[str, Any]:
        import ray
        import ray.cloudpickle

        if facts.get("replay") is not None:  # it ran before the experiment was interrupted
            return dict(facts["replay"])
        key, refs = facts.get("key", "by hand"), facts.get("runtime")
        message = facts.get("message", (0, config, []))
        run_trial = ray.cloudpickle.loads(entry)

        def load() -> bytes:
            return runtime if refs is None else ray.get(refs[0])  # type: ignore[return-value]

        report = run_trial(key, load, message, "ray.cloudpickle")
        if "message" not in facts:
            return metrics_of(report)
        if facts.get("may_retry") and ray.cloudpickle.loads(report)[0] == "raised":
            metrics_of(report)  # raises: Tune starts the trial anew
        placed = [ray.put(report)] if len(report) > _INLINE_BYTES else report
        return {**shown(report), REPORT: placed}

    def shown(report: bytes) -> dict[str, Any]:
        """Return what schedulers and stop rules see before the callback does."""
        import contextlib

        # Tune formats results for its log, and ends the experiment when its metric is missing.
        seen: dict[str, Any] = {"loss": float("nan")}
        if ray.cloudpickle.loads(report)[0] == "returned":
            with contextlib.suppress(Exception):  # the driver judges what is no result
                found = metrics_of(report)
                seen.update((k, v) for k, v in found.items() if is_plain(k, v))
        return seen

    def is_plain(key: Any, value: Any) -> bool:
        import numbers

        if not isinstance(key, str) or key in tunes_own or key.startswith("__"):
            return False
        return isinstance(value, str | bool | numbers.Real)

    def metrics_of(report: bytes) -> dict[str, Any]:
        """Return what a Tuner without our callback gets; a failed trial raises."""
        import ray.cloudpickle

        kind, *parts = ray.cloudpickle.loads(report)
        if kind == "unpicklable":
            raise TypeError(parts[0])
        if kind == "raised":
            packed = parts[3]
            error = None if packed is None else ray.cloudpickle.loads(packed)
            raise error if isinstance(error, Exception) else RuntimeError(parts[2])
        value = ray.cloudpickle.loads(parts[0])
        found = dict(value) if hasattr(value, "keys") else {"loss": float(value)}
        if found.get("loss") is None:  # of a result with status "fail"
            found["loss"] = float("nan")
        return found

    return run


def _make_plain_class(run: Callable[..., dict[str, Any]]) -> TrainableClass:
    from ray import tune

    class Plain(tune.Trainable):  # type: ignore[misc]  # Ray has no types
        def __init__(self, *args: Any, **kwargs: Any) -> None:
            import os

            # An objective finds its files where the script does, as on other backends.
            os.environ.setdefault("RAY_CHDIR_TO_TRIAL_DIR", "0")
            self.facts: dict[str, Any] = {}
            super().__init__(*args, **kwargs)

        def begin(self, facts: dict[str, Any]) -> None:
            self.facts = facts

        def reset_config(self, new_config: dict[str, Any]) -> bool:  # noqa: ARG002
            self.facts = {}
            return True

        def step(self) -> dict[str, Any]:
            return {**run(self.config, self.facts), "done": True}

        def save_checkpoint(self, checkpoint_dir: str) -> None:
            """Keep nothing: Tune asks for a checkpoint at the end of a trial."""

        def load_checkpoint(self, checkpoint: Any) -> None:
            """Do nothing: there is nothing to load."""

    return Plain


def _make_reporting_class(run: Callable[..., dict[str, Any]]) -> TrainableClass:
    from ray import tune
    from ray.tune.trainable import wrap_function

    def notes() -> dict[str, Any]:
        import sys
        import types

        name = "_hyperbridge_trial"
        module = sys.modules.setdefault(name, types.ModuleType(name, "This actor's trial."))
        return module.__dict__

    def stop() -> None:
        notes()["stopping"] = True
        notes()["facts"].pop("may_retry", None)  # what the trial raises now is not its failure

    def body(config: dict[str, Any]) -> None:
        import ray.cloudpickle

        state = notes()
        result = run(config, state["facts"])
        report = result.get(REPORT)
        if state["stopping"] and isinstance(report, bytes):
            kind, *parts = ray.cloudpickle.loads(report)
            if kind == "raised" and "SystemExit" in parts[0]:
                raise SystemExit(0)  # Tune stopped the trial inside its tune.report
        tune.report({**result, "done": True})

    wrapped = wrap_function(body)

    class Reporting(wrapped):  # type: ignore[misc, valid-type]  # Ray has no types
        def __init__(self, *args: Any, **kwargs: Any) -> None:
            import os

            os.environ.setdefault("RAY_CHDIR_TO_TRIAL_DIR", "0")
            notes().update(facts={}, stopping=False)
            super().__init__(*args, **kwargs)

        def begin(self, facts: dict[str, Any]) -> None:
            notes().update(facts=facts, stopping=False)

        def reset_config(self, new_config: dict[str, Any]) -> bool:
            stop()
            return bool(super().reset_config(new_config))

        def cleanup(self) -> None:
            stop()
            super().cleanup()

    return Reporting
