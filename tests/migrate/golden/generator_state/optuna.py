import numpy as np
import optuna


class Config:
    seed = 0
    low = -2.0


SEED = 0
config = Config()
rng = np.random.default_rng(np.random.SeedSequence([config.seed, SEED]).entropy[1])


def objective(trial):
    v = trial.suggest_float("v", config.low, -config.low)
    return (v + 1) ** 2


study = optuna.create_study(
    sampler=optuna.samplers.TPESampler(seed=int(rng.integers(2**31 - 1))),
)
study.optimize(objective, n_trials=15)
best = study.best_params
best_loss = (best["v"] + 1) ** 2
