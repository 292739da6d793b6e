"""A search that `migrate --to spark` wrote is read by its call, and nothing is sent to Spark."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from hyperbridge.migrate.planning import plan_sources
from hyperbridge.migrate.sources import source_of
from hyperbridge.verify.compare import Finding

pytest.importorskip("pyspark")

OLD = """\
import numpy as np
from hyperopt import SparkTrials, fmin, hp, tpe
from hyperopt.early_stop import no_progress_loss

space = {
    "rate": hp.loguniform("rate", -5, 0),
    "steps": hp.quniform("steps", 1, 9, 2),
    "kind": hp.choice("kind", [{"name": "a", "x": hp.uniform("x", 0, 1)}, {"name": "b"}]),
}


def objective(p):
    return p["rate"]


trials = SparkTrials(parallelism=2, timeout=60)
best = fmin(objective, space, algo=tpe.suggest, max_evals=8, trials=trials,
            rstate=np.random.default_rng(0), early_stop_fn=no_progress_loss(5))
print(len(trials.trials))
"""
CHANGES = {
    "nothing": ("", "", set()),
    "fewer trials": ("n_trials=8", "n_trials=7", {(None, "budget")}),
    "more time": ("timeout=60", "timeout=600", {(None, "timeout")}),
    "more patience": ("Progress(5)", "Progress(50)", {(None, "stops")}),
    "another end": ('"steps", 2, 8', '"steps", 0, 8', {("steps", "support")}),
    "a lost logarithm": (", log=True", "", {("rate", "distribution")}),
    "no seed": ("seed=0", "", {(None, "seed")}),
    "maximises": ("create_study(", 'create_study(direction="maximize", ', {(None, "direction")}),
}


@pytest.mark.parametrize("change", CHANGES)
def test_what_is_written_for_spark(
    change: str, tmp_path: Path, verified: Callable[..., list[Finding]]
) -> None:
    old = tmp_path / "old.py"
    old.write_text(OLD)
    (plan,) = plan_sources([source_of(old, OLD.encode())], "spark")
    was, now, expected = CHANGES[change]
    session = "SparkSession.builder.getOrCreate()"
    assert was in plan.new_text
    assert session in plan.new_text
    text = plan.new_text.replace(session, "SimpleNamespace(addTag=len, interruptTag=len)")
    new = tmp_path / "new.py"
    new.write_text("from types import SimpleNamespace\n" + text.replace(was, now))

    found = verified(old, new)
    assert {(each.label, each.kind) for each in found if each.is_difference} == expected
    assert not any("number of its trials" in each.text for each in found)
