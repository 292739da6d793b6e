"""The original in Optuna's terms, as a person writes it; its argument names one mistake."""

import math
import sys
from statistics import NormalDist

import optuna

MISTAKE = sys.argv[1] if len(sys.argv) > 1 else ""


def suggest(trial):
    rate = trial.suggest_float("rate", 1e-4, 1e-1, log=MISTAKE != "log lost")
    dropout = trial.suggest_float("dropout", 0.1, 0.6 if MISTAKE == "wider" else 0.5)
    layers = trial.suggest_int("layers", 0, 5 if MISTAKE == "inclusive end" else 4)
    if MISTAKE == "other steps":
        width = trial.suggest_int("width", 16, 128, step=8)
    elif MISTAKE == "no steps":
        width = trial.suggest_float("width", 16, 128)
    elif MISTAKE == "rounds out of the range":
        width = round(trial.suggest_float("raw", 16, 128) / 48) * 48
        trial.set_user_attr("width", width)
    else:
        width = trial.suggest_int("width", 16, 128, step=16)
    low, high = NormalDist(2.0, 0.5).inv_cdf(0.001), NormalDist(2.0, 0.5).inv_cdf(0.999)
    if MISTAKE == "normal cut":
        low = 2.0
    quantile = trial.suggest_float("shift", 1e-9, 1 - 1e-9)
    shift = NormalDist(2.0, 0.5).inv_cdf(quantile)
    if MISTAKE == "normal cut":
        shift = max(low, min(shift, high))
    trial.set_user_attr("shift", shift)
    depth = trial.suggest_int("depth", 2, 9, log=MISTAKE == "log added")
    kernels = ["poly", "rbf"] if MISTAKE == "options swapped by position" else ["rbf", "poly"]
    if MISTAKE == "condition lost":
        gamma = trial.suggest_float("gamma", math.exp(-5), math.exp(1), log=True)
    kernel = kernels[trial.suggest_categorical("model", [0, 1])]
    if kernel == "rbf" or MISTAKE == "asked always":
        if MISTAKE != "condition lost":
            gamma = trial.suggest_float("gamma", math.exp(-5), math.exp(1), log=True)
        model = {"kernel": "rbf", "gamma": gamma}
    if kernel == "poly":
        degrees = [2, 5, 3] if MISTAKE == "options swapped" else [2, 3, 5]
        if MISTAKE == "option lost":
            degrees = [2, 3]
        model = {"kernel": "poly", "degree": trial.suggest_categorical("degree", degrees)}
    act = trial.suggest_categorical("act", ["relu", "tanh", "gelu"])
    return {
        "rate": rate, "layers": layers, "width": width, "shift": shift, "depth": depth,
        "dropout": 1 - dropout if MISTAKE == "another unit" else dropout, "model": model,
        "act": act,
    }  # fmt: skip


def objective(trial):
    params = suggest(trial)
    loss = params["rate"] + params["dropout"] + params["layers"] + params["width"] / 100
    return loss + params["shift"] + params["depth"] + len(params["model"])


study = optuna.create_study(
    direction="maximize" if MISTAKE == "maximises" else "minimize",
    sampler=(
        optuna.samplers.RandomSampler(seed=0)
        if MISTAKE == "random"
        else optuna.samplers.TPESampler(seed=None if MISTAKE == "no seed" else 0)
    ),
)
if MISTAKE != "no first point":
    study.enqueue_trial(
        {"rate": 0.01, "dropout": 0.2, "layers": 1, "width": 32, "depth": 3, "model": 1,
         "degree": 5 if MISTAKE == "another first point" else 2, "act": "relu"}
    )  # fmt: skip
study.optimize(
    objective,
    n_trials=30 if MISTAKE == "fewer trials" else 31,
    timeout=60 if MISTAKE == "less time" else 600,
)
print(study.best_params)
