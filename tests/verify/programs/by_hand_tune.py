"""The smaller original below in Ray Tune's terms; its argument names one mistake."""

import sys

from ray import tune

MISTAKE = sys.argv[1] if len(sys.argv) > 1 else ""


def objective(config):
    return {"loss": config["rate"] * config["layers"] + len(config["act"])}


tuner = tune.Tuner(
    objective,
    param_space={
        "rate": (tune.uniform if MISTAKE == "log lost" else tune.loguniform)(1e-4, 1e-1),
        "layers": tune.randint(0, 6 if MISTAKE == "inclusive end" else 5),
        "width": tune.quniform(16, 128, 8 if MISTAKE == "other steps" else 16),
        "act": tune.choice(["tanh", "relu"] if MISTAKE == "swapped" else ["relu", "tanh"]),
    },
    tune_config=tune.TuneConfig(
        metric="loss",
        mode="max" if MISTAKE == "maximises" else "min",
        num_samples=10 if MISTAKE == "fewer trials" else 20,
    ),
)
print(tuner.fit().get_best_result().config)
