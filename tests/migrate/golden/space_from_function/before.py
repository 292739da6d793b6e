#!/usr/bin/env python
"""Tune from the command line."""
import argparse
import json
import sys

import numpy as np
from hyperopt import hp, fmin, tpe, Trials, STATUS_OK

SEED = 0


def get_space():
    return {
        'eta': hp.quniform('eta', 0.025, 0.5, 0.025),
        'max_depth': hp.choice('max_depth', np.arange(1, 14, dtype=int)),
        'min_child_weight': hp.quniform('min_child_weight', 1, 6, 1),
        'subsample': hp.quniform('subsample', 0.5, 1, 0.05),
        'booster': 'gbtree',
    }


def score(params):
    print("Training with params: ", params)
    params['max_depth'] = int(params['max_depth'])
    loss = abs(params['eta'] - 0.3) + abs(params['max_depth'] - 6) / 6 + params['subsample']
    return {'loss': loss, 'status': STATUS_OK}


def optimize(max_evals):
    trials = Trials()
    best = fmin(score, get_space(), algo=tpe.suggest, trials=trials, max_evals=max_evals, rstate=np.random.default_rng(SEED), show_progressbar=False)
    return best, trials.best_trial['result']['loss']


def main(argv=None):
    parser = argparse.ArgumentParser()
    parser.add_argument("--max-evals", type=int, default=20)
    args = parser.parse_args(argv)
    best, loss = optimize(args.max_evals)
    json.dump({"best": {k: float(v) for k, v in best.items()}}, sys.stdout)
    return loss


if __name__ == "__main__":
    best_loss = main([])
