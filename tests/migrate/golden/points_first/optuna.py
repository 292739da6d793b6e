import numpy as np
import optuna

SEED = 0
LAYERS = ["small", "large"]


def suggest_option(trial, name, options):
    """Suggest one of some options; the study holds its index."""
    options = list(options)
    return options[trial.suggest_categorical(name, range(len(options)))]


def search_space(trial):
    return {
        "lr": trial.suggest_float("lr", 1e-4, 1, log=True),
        "layers": suggest_option(trial, "layers", LAYERS),
        "n": trial.suggest_int("n", 1, 9),
    }


def loss_of(point):
    return abs(np.log10(point["lr"]) + 2) + (point["layers"] == "small") + point["n"] / 10


study = optuna.create_study(sampler=optuna.samplers.TPESampler(seed=SEED))
for point in [{"lr": 0.01, "layers": 1, "n": 2.0}, {"lr": 0.5, "layers": 0, "n": 9}]:
    study.enqueue_trial(point)
study.optimize(lambda trial: loss_of(search_space(trial)), n_trials=17)
best = study.best_params
print(LAYERS[best["layers"]])
best_loss = loss_of({"lr": best["lr"], "layers": LAYERS[best["layers"]], "n": best["n"]})
