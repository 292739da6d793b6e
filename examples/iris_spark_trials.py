"""The classic notebook: tune the C of a support vector classifier on iris.

It is ordinary hyperopt code. Run it unchanged with

    hyperbridge run examples/iris_spark_trials.py

It searches twice: on the driver with plain Trials, then on Spark with SparkTrials inside an
MLflow run, whose children are the trials.
"""

import mlflow
from hyperopt import STATUS_OK, SparkTrials, Trials, fmin, hp, tpe
from sklearn.datasets import load_iris
from sklearn.model_selection import cross_val_score
from sklearn.svm import SVC

features, species = load_iris(return_X_y=True)


def objective(C):
    # accuracy is to be as high as possible, and fmin minimises
    accuracy = cross_val_score(SVC(C=C), features, species).mean()
    return {"loss": -accuracy, "status": STATUS_OK}


search_space = hp.lognormal("C", 0, 1.0)

best = fmin(objective, search_space, algo=tpe.suggest, max_evals=16, trials=Trials())
print("one after the other:", best)

with mlflow.start_run() as run:
    best = fmin(objective, search_space, algo=tpe.suggest, max_evals=16, trials=SparkTrials())
print("on Spark:", best)

client = mlflow.MlflowClient()
children = client.search_runs(
    [run.info.experiment_id], f"tags.`mlflow.parentRunId` = '{run.info.run_id}'"
)
losses = [child.data.metrics["loss"] for child in children]
print(f"MLflow run {run.info.run_id}: {len(children)} child runs, best loss {min(losses):.4f}")
