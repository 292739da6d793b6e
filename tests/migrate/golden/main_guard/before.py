#!/usr/bin/env python
"""A script with functions only."""
from __future__ import annotations

import argparse

import numpy as np
from hyperopt import STATUS_OK, Trials, fmin, hp, space_eval, tpe

SEED = 0


def build(low, high):
    def objective(params):
        """Two lines
        of text."""
        return {"loss": (params["z"] - low) ** 2, "status": STATUS_OK}

    space = {"z": hp.uniform("z", low, high), "n": hp.randint("n", high)}
    trials = Trials()
    best = fmin(objective, space, algo=tpe.suggest, max_evals=20, trials=trials, rstate=np.random.default_rng(SEED), show_progressbar=False)
    return space_eval(space, best), trials.best_trial["result"]["loss"]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--high", type=int, default=4)
    args = parser.parse_args([])
    return build(1, args.high)


point, best_loss = main()
