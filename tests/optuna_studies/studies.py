"""A search with a study, for the tests of what becomes of the study; and scripts that have one."""

from __future__ import annotations

import os
from pathlib import Path

import clean_child
import numpy as np
from hyperopt import hp, rand

import hyperbridge

ROOT = Path(__file__).resolve().parents[2]
PROGRAMS = Path(__file__).resolve().parent / "programs"

SPACE = {
    "x": hp.uniform("x", -5, 5),
    "k": hp.choice("k", ["a", "b"]),
    "n": hp.normal("n", 0, 1),
    "q": hp.quniform("q", 0, 1, 0.1),
}


def loss(point):
    return {"loss": point["x"] ** 2 + point["q"], "status": "ok", "kind": point["k"]}


def minimise(storage=None, *, fn=loss, space=SPACE, study_name=None, **kwargs):
    trials = kwargs.pop("trials", hyperbridge.Trials())
    backend = hyperbridge.Optuna(storage=storage, study_name=study_name)
    defaults = {
        "algo": rand.suggest,
        "max_evals": 5,
        "backend": backend,
        "rstate": np.random.default_rng(0),
        "show_progressbar": False,
    }
    best = hyperbridge.fmin(fn, space, trials=trials, **{**defaults, **kwargs})
    return best, trials


def contents(trials):
    return [(d["state"], d["result"], d["misc"]["vals"]) for d in trials._dynamic_trials]


def run_script(script, folder):
    return clean_child.run([script], cwd=folder, env={**os.environ, "PYTHONPATH": str(ROOT)})
