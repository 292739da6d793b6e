#!/usr/bin/env python
"""Tune from the command line."""
import argparse
import json
import sys

import numpy as np
import optuna
from ray import cloudpickle, tune
from ray.tune.search.optuna import OptunaSearch

SEED = 0


def suggest_option(trial, name, options):
    """Suggest one of some options; the searcher holds its index."""
    options = list(options)
    return options[trial.suggest_categorical(name, range(len(options)))]


class Picklable:
    """A function that Ray's searcher can save, as it cannot one inside of another."""

    def __init__(self, function):
        self.function = function

    def __call__(self, trial):
        return self.function(trial)

    def __reduce__(self):
        return cloudpickle.loads, (cloudpickle.dumps(self.function),)


def get_space(trial):
    return {
        'eta': trial.suggest_float('eta', 0.025, 0.5, step=0.025),
        'max_depth': suggest_option(trial, 'max_depth', np.arange(1, 14, dtype=int)),
        'min_child_weight': trial.suggest_float('min_child_weight', 1, 6, step=1),
        'subsample': trial.suggest_float('subsample', 0.5, 1, step=0.05),
        'booster': 'gbtree',
    }


def score(config):
    params = get_space(optuna.trial.FixedTrial(config))
    print("Training with params: ", params)
    params['max_depth'] = int(params['max_depth'])
    loss = abs(params['eta'] - 0.3) + abs(params['max_depth'] - 6) / 6 + params['subsample']
    return {'loss': loss}


def optimize(max_evals):
    def ask_for_parameters(trial):
        """Ask for a trial's parameters; Ray Tune hands them on as its config."""
        get_space(trial)

    tuner = tune.Tuner(
        score,
        tune_config=tune.TuneConfig(
            metric="loss",
            mode="min",
            search_alg=OptunaSearch(
                Picklable(ask_for_parameters),
                metric="loss",
                mode="min",
                seed=SEED,
            ),
            num_samples=max_evals,
            reuse_actors=True,
        ),
    )
    results = tuner.fit()
    best_result = results.get_best_result()
    best = best_result.config
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
