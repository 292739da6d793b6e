import numpy as np
from hyperopt import STATUS_OK, fmin, hp, space_eval, tpe, Trials

SEED = 0
OPTIMIZERS = ["sgd", "adam"]

space = {
    "model": hp.choice("model", [
        {"type": "mlp", "hidden": hp.choice("hidden", [32, 64]), "lr": hp.loguniform("mlp_lr", np.log(1e-4), np.log(1e-1))},
        {"type": "gbm", "rounds": 10 * hp.randint("rounds", 1, 10), "lr": hp.loguniform("gbm_lr", np.log(1e-2), 0)},
    ]),
    "optimizer": hp.choice("optimizer", OPTIMIZERS),
    "momentum": hp.normal("momentum", 0.9, 0.1),
}


def objective(args):
    model = args["model"]
    if model["type"] == "mlp":
        loss = abs(np.log10(model["lr"]) + 3) + 32 / model["hidden"]
    elif model["type"] == "gbm":
        loss = abs(np.log10(model["lr"]) + 1) + model["rounds"] / 100
    else:
        raise ValueError(model["type"])
    return {"loss": loss + (args["momentum"] - 0.9) ** 2 + (args["optimizer"] == "sgd"), "status": STATUS_OK, "args": args}


trials = Trials()
best = fmin(objective, space, algo=tpe.suggest, max_evals=25, trials=trials, rstate=np.random.default_rng(SEED), show_progressbar=False)
best_params = space_eval(space, best)
print("optimizer", OPTIMIZERS[best["optimizer"]], best_params["model"]["type"])
best_loss = trials.best_trial["result"]["loss"]
