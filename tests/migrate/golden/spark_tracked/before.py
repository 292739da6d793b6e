import mlflow
import numpy as np
from hyperopt import STATUS_OK, SparkTrials, fmin, hp, tpe

SEED = 0


def objective(params):
    loss = (params["x"] - 1) ** 2
    return {"loss": loss, "status": STATUS_OK}


spark_trials = SparkTrials(parallelism=2, timeout=120)
with mlflow.start_run(run_name="tuning") as run:
    best = fmin(
        fn=objective,
        space={"x": hp.uniform("x", -3, 3)},
        algo=tpe.suggest,
        max_evals=8,
        trials=spark_trials,
        rstate=np.random.default_rng(SEED),
        show_progressbar=False,
    )
    mlflow.log_param("best_x", best["x"])
best_loss = spark_trials.best_trial["result"]["loss"]
