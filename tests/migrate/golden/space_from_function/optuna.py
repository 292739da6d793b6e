#!/usr/bin/env python
"""Tune from the command line."""
import argparse
import json
import sys

import numpy as np
import optuna

SEED = 0


def suggest_option(trial, name, options):
    """Suggest one of some options; the study holds its index."""
    options = list(options)
    return options[trial.suggest_categorical(name, range(len(options)))]


def get_space(trial):
    return {
        'eta': trial.suggest_float('eta', 0.025, 0.5, step=0.025),
        'max_depth': suggest_option(trial, 'max_depth', np.arange(1, 14, dtype=int)),
        'min_child_weight': trial.suggest_float('min_child_weight', 1, 6, step=1),
        'subsample': trial.suggest_float('subsample', 0.5, 1, step=0.05),
        'booster': 'gbtree',
    }


def score(trial):
    params = get_space(trial)
    print("Training with params: ", params)
    params['max_depth'] = int(params['max_depth'])
    loss = abs(params['eta'] - 0.3) + abs(params['max_depth'] - 6) / 6 + params['subsample']
    return loss


def optimize(max_evals):
    study = optuna.create_study(sampler=optuna.samplers.TPESampler(seed=SEED))
    study.optimize(score, n_trials=max_evals)
    best = study.best_params
    return best, study.best_value


def main(argv=None):
    parser = argparse.ArgumentParser()
    parser.add_argument("--max-evals", type=int, default=20)
    args = parser.parse_args(argv)
    best, loss = optimize(args.max_evals)
    json.dump({"best": {k: float(v) for k, v in best.items()}}, sys.stdout)
    return loss


if __name__ == "__main__":
    best_loss = main([])
