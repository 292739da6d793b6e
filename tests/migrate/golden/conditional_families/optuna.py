import math

import optuna

SEED = 0
KERNELS = ["rbf", "linear"]


def svm(trial):
    return {
        "type": "svm",
        "C": trial.suggest_float("C", math.exp(-3), math.exp(3), log=True),
        "kernel": trial.suggest_categorical("kernel", KERNELS),
    }


def search_space(trial):
    classifier = trial.suggest_categorical("classifier", ["svm", "tree", "bayes"])
    if classifier == "svm":
        return svm(trial)
    if classifier == "tree":
        return {"type": "tree", "depth": trial.suggest_int("depth", 1, 11)}
    return {"type": "bayes", "alpha": trial.suggest_float("alpha", 0, 1)}


def objective(trial):
    params = search_space(trial)
    kind = params.pop("type")
    if kind == "svm":
        loss = math.log(params["C"]) ** 2 + (params["kernel"] != "rbf")
    elif kind == "tree":
        loss = 0.5 + abs(params["depth"] - 6) / 6
    else:
        loss = 0.8 + params["alpha"]
    trial.set_user_attr("kind", kind)
    return loss


study = optuna.create_study(sampler=optuna.samplers.TPESampler(seed=SEED))
study.optimize(objective, n_trials=20)
best = study.best_params
chosen = search_space(study.best_trial)
best_loss = study.best_value
print(chosen["type"], study.best_trial.user_attrs["kind"])
