#!/usr/bin/env python
"""Tune from the command line."""
import argparse
import json
import sys

from ray import tune
from ray.tune.search.optuna import OptunaSearch

SEED = 0


def score(params):
    print("Training with params: ", params)
    params['max_depth'] = int(params['max_depth'])
    loss = abs(params['eta'] - 0.3) + abs(params['max_depth'] - 6) / 6 + params['subsample']
    return {'loss': loss}


def optimize(max_evals):
    tuner = tune.Tuner(
        score,
        param_space={
            "eta": tune.quniform(0.025, 0.5, 0.025),
            "max_depth": tune.randint(1, 14),
            "min_child_weight": tune.quniform(1, 6, 1),
            "subsample": tune.quniform(0.5, 1, 0.05),
            "booster": "gbtree",
        },
        tune_config=tune.TuneConfig(
            metric="loss",
            mode="min",
            search_alg=OptunaSearch(seed=SEED),
            num_samples=max_evals,
            reuse_actors=True,
        ),
    )
    results = tuner.fit()
    best_result = results.get_best_result()
    best = {
        name: best_result.config[name]
        for name in ["eta", "max_depth", "min_child_weight", "subsample"]
    }
    return best, best_result.metrics["loss"]


def main(argv=None):
    parser = argparse.ArgumentParser()
    parser.add_argument("--max-evals", type=int, default=20)
    args = parser.parse_args(argv)
    best, loss = optimize(args.max_evals)
    json.dump({"best": {k: float(v) for k, v in best.items()}}, sys.stdout)
    return loss


if __name__ == "__main__":
    best_loss = main([])
