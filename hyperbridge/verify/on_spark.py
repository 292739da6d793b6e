"""Read the call of ``optimize_on_spark`` that `hyperbridge migrate --to spark` writes.

It asks and tells a study, so that nothing of Optuna's says how many trials it wants, or for how
long. Its arguments do. What it would send to Spark is called here, and only a few times.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable
from dataclasses import dataclass
from types import FrameType
from typing import Any

NAME = "optimize_on_spark"
_TASK = "run_in_task"


@dataclass(frozen=True, slots=True)
class SparkCall:
    """A search whose trials are Spark jobs.

    Attributes:
        frame: The call.
        line: The line of the program that calls.
        n_trials: How many trials it wants; None for any number.
        timeout_s: For how long.
        stops: The rules that may stop it early.
        objective: Takes a point.
        search_space: Takes a trial, and gives a point.
    """

    frame: FrameType
    line: int
    n_trials: int | None
    timeout_s: float | None
    stops: Any
    objective: Callable[[Any], Any]
    search_space: Callable[[Any], Any]


def spark_call() -> SparkCall | None:
    """Return the call that asks a study just now; None when something else asks."""
    frame: FrameType | None = sys._getframe(1)
    while frame is not None and str(frame.f_globals.get("__name__")).startswith(
        "hyperbridge.verify"
    ):
        frame = frame.f_back
    if frame is None or frame.f_code.co_name != NAME or frame.f_back is None:
        return None
    found = frame.f_locals
    if not {"study", "objective", "search_space", "n_trials"} <= set(found):
        return None
    n_trials, timeout = found["n_trials"], found.get("timeout")
    return SparkCall(
        frame,
        frame.f_back.f_lineno,
        None if n_trials == math.inf else int(n_trials),
        None if timeout is None else float(timeout),
        found.get("stops") or None,
        found["objective"],
        found["search_space"],
    )


def stay_here(call: SparkCall, enough: int) -> None:
    """Have a search call its objective here, so many times; further trials get the last result."""
    if _TASK not in call.frame.f_globals:
        return
    results: list[Any] = []

    def run_here(_spark: Any, function: Callable[[Any], Any], point: Any, *_run: Any) -> Any:
        if len(results) < enough:
            results.append(function(point))
        return results[-1]

    call.frame.f_globals[_TASK] = run_here
