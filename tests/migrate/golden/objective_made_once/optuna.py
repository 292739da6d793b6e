from functools import partial

import optuna

SEED = 0
loaded = []


def load(path):
    loaded.append(path)
    return [(1, 2), (2, 4.1), (3, 5.9)]


class Objective:
    def __init__(self, path):
        self.data = load(path)

    def __call__(self, params):
        return sum((params["w"] * x - y) ** 2 for x, y in self.data)


def train(params, data):
    return {"loss": sum((params["v"] * x - y) ** 2 for x, y in data), "status": "ok"}


objective = Objective("data.csv")


def run_trial(trial):
    params = {"w": trial.suggest_float("w", -4, 4)}
    return objective(params)


study = optuna.create_study(sampler=optuna.samplers.TPESampler(seed=SEED))
study.optimize(run_trial, n_trials=15)
best = study.best_params


def tune():
    objective_2 = partial(train, data=load("more.csv"))

    def run_trial_2(trial):
        params = {"v": trial.suggest_float("v", -4, 4)}
        return objective_2(params)["loss"]

    study_2 = optuna.create_study(sampler=optuna.samplers.TPESampler(seed=SEED))
    study_2.optimize(run_trial_2, n_trials=16)
    return study_2.best_params


more = tune()
assert loaded == ["data.csv", "more.csv"]
best_loss = train({"v": more["v"]}, load("data.csv"))["loss"] + Objective("data.csv")(
    {"w": best["w"]}
)
