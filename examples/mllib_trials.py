"""An objective that is distributed itself: Spark MLlib, so plain Trials on the driver.

A Spark job cannot be started from inside a Spark task, so an objective that uses MLlib (or any
SparkSession) runs on the driver, one trial after the other, and each trial's own Spark jobs use
the cluster. ``tracking=True`` gives it the same nested MLflow runs that SparkTrials have.

    python examples/mllib_trials.py
"""

import mlflow
import numpy as np
from pyspark.ml.classification import DecisionTreeClassifier
from pyspark.ml.evaluation import MulticlassClassificationEvaluator
from pyspark.ml.linalg import Vectors
from pyspark.sql import SparkSession
from sklearn.datasets import load_iris

from hyperbridge import STATUS_OK, Trials, fmin, hp, pyll, tpe

spark = SparkSession.builder.getOrCreate()
iris = load_iris()
rows = [
    (int(label), Vectors.dense(row.tolist()))
    for label, row in zip(iris.target, iris.data, strict=True)
]
train, test = spark.createDataFrame(rows, ["label", "features"]).randomSplit([0.7, 0.3], seed=1)
train.cache()
test.cache()
evaluator = MulticlassClassificationEvaluator(metricName="accuracy")


def objective(params):
    model = DecisionTreeClassifier(**params).fit(train)
    accuracy = evaluator.evaluate(model.transform(test))
    mlflow.log_metric("n_nodes", model.numNodes)
    return {"loss": -accuracy, "status": STATUS_OK}


space = {
    "maxDepth": pyll.scope.int(hp.quniform("maxDepth", 2, 10, 1)),
    "minInfoGain": hp.uniform("minInfoGain", 0.0, 0.2),
    "impurity": hp.choice("impurity", ["gini", "entropy"]),
}

trials = Trials()
best = fmin(
    objective,
    space,
    algo=tpe.suggest,
    max_evals=6,
    trials=trials,
    rstate=np.random.default_rng(0),
    tracking=True,
)
print("best assignment:", best)
print("best point:", trials.best_values())
