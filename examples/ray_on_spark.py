"""The same tuning script on a Ray cluster that runs inside a Spark cluster.

`setup_ray_cluster` starts Ray on the workers of the active SparkSession and sets RAY_ADDRESS; fmin
with backend="ray" finds it there and leaves it alone. This is how Ray runs on Databricks; there
the session exists already, and the settings below that are about one machine are left out.

    python examples/ray_on_spark.py
"""

from __future__ import annotations

import os
import secrets

# Ray's ports ask for a token; the driver and the Spark workers have to know the same one.
os.environ.setdefault("RAY_AUTH_MODE", "token")
os.environ.setdefault("RAY_AUTH_TOKEN", secrets.token_hex(32))

from pyspark.sql import SparkSession
from ray.util.spark import setup_ray_cluster, shutdown_ray_cluster

from hyperbridge import Ray, SparkTrials, fmin, hp, tpe

SPACE = {
    "C": hp.lognormal("C", 0, 1.0),
    "kernel": hp.choice("kernel", ["linear", "rbf"]),
}


def objective(params: dict) -> dict:
    from sklearn.datasets import load_iris
    from sklearn.model_selection import cross_val_score
    from sklearn.svm import SVC

    features, species = load_iris(return_X_y=True)
    accuracy = cross_val_score(SVC(**params), features, species).mean()
    return {"loss": -accuracy, "status": "ok"}


def main() -> None:
    spark = (
        SparkSession.builder.master(os.environ.get("SPARK_MASTER", "local-cluster[1, 2, 1024]"))
        .config("spark.executorEnv.RAY_AUTH_MODE", os.environ["RAY_AUTH_MODE"])
        .config("spark.executorEnv.RAY_AUTH_TOKEN", os.environ["RAY_AUTH_TOKEN"])
        .config("spark.ui.enabled", "false")
        .config("spark.driver.host", "127.0.0.1")
        .getOrCreate()
    )
    setup_ray_cluster(
        max_worker_nodes=1,
        num_cpus_worker_node=2,
        num_gpus_worker_node=0,
        num_cpus_head_node=0,  # trials run on the workers alone
        head_node_options={"include_dashboard": False},
    )
    try:
        trials = SparkTrials(parallelism=2)
        best = fmin(
            objective,
            SPACE,
            algo=tpe.suggest,
            max_evals=8,
            trials=trials,
            backend=Ray(resources_per_trial={"cpu": 1}),
        )
        print("best:", best, trials.best_values())
        print("Ray Tune's results:", trials.result_grid.experiment_path)
    finally:
        shutdown_ray_cluster()
        spark.stop()


if __name__ == "__main__":
    main()
