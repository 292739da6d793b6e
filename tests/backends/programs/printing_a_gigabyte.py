"""A search on Spark with one trial that prints a gigabyte, and one that prints nothing."""

from hyperopt import hp, rand

from hyperbridge.surface.fmin import fmin
from hyperbridge.surface.spark_trials import SparkTrials


def objective(x):
    if x < 0:
        block = "x" * (1 << 20)
        for _ in range(1 << 10):
            print(block)
    return x


if __name__ == "__main__":
    trials = SparkTrials(parallelism=2)
    fmin(
        objective,
        hp.uniform("x", -1, 1),
        algo=rand.suggest,
        max_evals=2,
        trials=trials,
        show_progressbar=False,
        tracking=False,
        points_to_evaluate=[{"x": -0.5}, {"x": 0.5}],
    )
    assert trials.losses()[:2] == [-0.5, 0.5], trials.losses()
