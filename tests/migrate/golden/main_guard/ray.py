#!/usr/bin/env python
"""A script with functions only."""
from __future__ import annotations

import argparse

from ray import tune
from ray.tune.search.optuna import OptunaSearch

SEED = 0


def build(low, high):
    def objective(params):
        """Two lines
        of text."""
        return {"loss": (params["z"] - low) ** 2}

    space = {"z": tune.uniform(low, high), "n": tune.randint(0, high)}
    tuner = tune.Tuner(
        objective,
        param_space=space,
        tune_config=tune.TuneConfig(
            metric="loss",
            mode="min",
            search_alg=OptunaSearch(seed=SEED),
            num_samples=20,
            reuse_actors=True,
        ),
    )
    results = tuner.fit()
    best_result = results.get_best_result()
    return best_result.config, best_result.metrics["loss"]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--high", type=int, default=4)
    args = parser.parse_args([])
    return build(1, args.high)


point, best_loss = main()
