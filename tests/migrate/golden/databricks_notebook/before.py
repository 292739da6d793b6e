# Databricks notebook source
# MAGIC %md
# MAGIC # Tuning with hyperopt

# COMMAND ----------

import numpy as np
from hyperopt import STATUS_OK, SparkTrials, fmin, hp, tpe

SEED = 0

# COMMAND ----------

space = {"x": hp.uniform("x", 0, 1)}

# COMMAND ----------

def objective(params):
    return {"loss": params["x"], "status": STATUS_OK}

# COMMAND ----------

best = fmin(objective, space, algo=tpe.suggest, max_evals=6, trials=SparkTrials(parallelism=2), rstate=np.random.default_rng(SEED), show_progressbar=False)

# COMMAND ----------

best_loss = best["x"]
