# Databricks notebook source
# MAGIC %md
# MAGIC # Tuning with SparkTrials

# COMMAND ----------

# MAGIC %pip install hyperopt

# COMMAND ----------

import mlflow
import numpy as np
from hyperopt import fmin, tpe, hp, SparkTrials, STATUS_OK, Trials
from hyperopt import STATUS_FAIL

# COMMAND ----------

SEED = 0


def train(C, kernel):
    return (np.log(C) - 1) ** 2 + (kernel == "linear")


def objective(params):
    """Train one."""
    try:
        loss = train(params["C"], params["kernel"])
    except Exception as exc:
        return {"status": STATUS_FAIL, "exception": str(exc)}
    mlflow.log_metric("accuracy", 1 - loss)
    return {"loss": loss, "status": STATUS_OK}

# COMMAND ----------

search_space = {
    "C": hp.lognormal("C", 0, 1.0),
    "kernel": hp.choice("kernel", ["linear", "rbf"]),
}

# COMMAND ----------

algo = tpe.suggest
spark_trials = SparkTrials(parallelism=2)

with mlflow.start_run(run_name="svc"):
    argmin = fmin(
        fn=objective,
        space=search_space,
        algo=algo,
        max_evals=16,
        trials=spark_trials,
        rstate=np.random.default_rng(SEED))

# COMMAND ----------

# MAGIC %md Print the best value

# COMMAND ----------

print("Best value found: ", argmin)
import hyperopt
print(hyperopt.space_eval(search_space, argmin))
best_loss = spark_trials.best_trial["result"]["loss"]
