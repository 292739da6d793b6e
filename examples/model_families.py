"""Three model families in one conditional space, on Spark, with MLflow logging on the workers.

    hyperbridge run examples/model_families.py

The objective logs a metric and an artifact of its own, which land in the trial's child run,
gives up on a model that it does not want with STATUS_FAIL, and the search stops early when the
loss no longer improves.
"""

import time

import mlflow
import numpy as np
from hyperopt import STATUS_FAIL, STATUS_OK, SparkTrials, fmin, hp, space_eval, tpe
from hyperopt.early_stop import no_progress_loss
from hyperopt.pyll import scope

space = hp.choice(
    "family",
    [
        {
            "family": "svm",
            "C": hp.lognormal("svm_C", 0, 1),
            "kernel": hp.choice("kernel", ["rbf", "linear"]),
        },
        {"family": "tree", "max_depth": scope.int(hp.quniform("max_depth", 1, 12, 1))},
        {"family": "logistic", "C": hp.loguniform("logistic_C", np.log(1e-3), np.log(1e3))},
    ],
)


def build(params):
    from sklearn.linear_model import LogisticRegression
    from sklearn.svm import SVC
    from sklearn.tree import DecisionTreeClassifier

    params = dict(params)
    family = params.pop("family")
    models = {"svm": SVC, "tree": DecisionTreeClassifier, "logistic": LogisticRegression}
    return models[family](**params)


def objective(params):
    from sklearn.datasets import load_wine
    from sklearn.metrics import confusion_matrix, f1_score
    from sklearn.model_selection import cross_val_predict
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    if params.get("max_depth", 2) < 2:
        return {"status": STATUS_FAIL, "reason": "a stump is not worth fitting"}
    features, cultivar = load_wine(return_X_y=True)
    started = time.perf_counter()
    model = make_pipeline(StandardScaler(), build(params))
    predicted = cross_val_predict(model, features, cultivar)
    score = f1_score(cultivar, predicted, average="macro")
    mlflow.log_metric("f1_macro", score)
    mlflow.log_text(str(confusion_matrix(cultivar, predicted)), "confusion_matrix.txt")
    return {"loss": 1 - score, "status": STATUS_OK, "fit_seconds": time.perf_counter() - started}


trials = SparkTrials(parallelism=2)
best = fmin(
    objective,
    space,
    algo=tpe.suggest,
    max_evals=30,
    trials=trials,
    early_stop_fn=no_progress_loss(10),
    rstate=np.random.default_rng(1),
)
print("best:", space_eval(space, best))
print(
    f"{trials.count_total_trials()} trials, "
    f"{sum(status == STATUS_FAIL for status in trials.statuses())} given up, "
    f"best loss {min(loss for loss in trials.losses() if loss is not None):.4f}"
)
