import mlflow
import numpy as np
from hyperopt import STATUS_OK, SparkTrials, fmin, hp, tpe

SEED = 0


def objective(params):
    loss = (params["x"] - 1) ** 2
    mlflow.log_metric("squared", loss)
    return {"loss": loss, "status": STATUS_OK}


best = fmin(objective, {"x": hp.uniform("x", -3, 3)}, algo=tpe.suggest, max_evals=6, trials=SparkTrials(2), rstate=np.random.default_rng(SEED), show_progressbar=False)
best_loss = (best["x"] - 1) ** 2
