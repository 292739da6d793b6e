import mlflow
import numpy as np
from hyperopt import STATUS_OK, Trials, fmin, hp, tpe

SEED = 0


def objective(params):
    with mlflow.start_run(nested=True):
        mlflow.log_params(params)
        loss = params["alpha"] ** 2
        mlflow.log_metric("mse", loss)
        return {"loss": loss, "status": STATUS_OK}


with mlflow.start_run():
    trials = Trials()
    best = fmin(
        fn=objective,
        space={"alpha": hp.loguniform("alpha", -5, 0)},
        algo=tpe.suggest,
        max_evals=4,
        trials=trials,
        rstate=np.random.default_rng(SEED),
        show_progressbar=False,
    )
    mlflow.log_metric("best_trial_loss", trials.best_trial["result"]["loss"])
best_loss = best["alpha"] ** 2
