#!/usr/bin/env python
"""A script with functions only."""
from __future__ import annotations

import argparse

import optuna

SEED = 0


def build(low, high):
    def objective(trial):
        """Two lines
        of text."""
        params = search_space(trial)
        return (params["z"] - low) ** 2

    def search_space(trial):
        return {
            "z": trial.suggest_float("z", low, high),
            "n": trial.suggest_int("n", 0, high - 1),
        }

    study = optuna.create_study(sampler=optuna.samplers.TPESampler(seed=SEED))
    study.optimize(objective, n_trials=20)
    return search_space(study.best_trial), study.best_value


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--high", type=int, default=4)
    args = parser.parse_args([])
    return build(1, args.high)


point, best_loss = main()
