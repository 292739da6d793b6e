"""The search spaces of the benchmarks of suggestions."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from hyperopt import hp


def plain(n: int) -> Any:
    """Two floats of five are uniform, one log-uniform, one normal, and one is a choice of four."""
    space: dict[str, Any] = {}
    for i in range(n):
        label = f"p{i:02d}"
        if i % 5 in (0, 3):
            space[label] = hp.uniform(label, -1, 3)
        elif i % 5 == 1:
            space[label] = hp.loguniform(label, -8, 1)
        elif i % 5 == 2:
            space[label] = hp.normal(label, 0, 2)
        else:
            space[label] = hp.choice(label, ["a", "b", "c", "d"])
    return space


def rounded() -> Any:
    """Ten parameters, five of them integers or rounded."""
    return {
        **plain(5),
        "q0": hp.quniform("q0", 1, 100, 1),
        "q1": hp.qloguniform("q1", 0, 6, 1),
        "q2": hp.uniformint("q2", 1, 32),
        "q3": hp.randint("q3", 50),
        "q4": hp.qnormal("q4", 10, 5, 2),
    }


def conditional() -> Any:
    """A choice among three models with parameters of their own."""
    kernels = [{"k": "linear"}, {"k": "rbf", "w": hp.lognormal("rbf_w", 0, 1)}]
    svm = {"C": hp.lognormal("svm_C", 0, 1), "kernel": hp.choice("kernel", kernels)}
    forest = {
        "depth": hp.quniform("rf_depth", 1, 20, 1),
        "n": hp.qloguniform("rf_n", 2, 6, 1),
        "criterion": hp.pchoice("criterion", [(0.3, "gini"), (0.7, "entropy")]),
    }
    network = {
        "lr": hp.loguniform("nn_lr", -9, 0),
        "layers": hp.randint("nn_layers", 1, 5),
        "dropout": hp.uniform("nn_dropout", 0, 0.6),
        "batch": hp.uniformint("nn_batch", 8, 256),
    }
    return hp.choice("model", [svm, forest, network])


SPACES: dict[str, Callable[[], Any]] = {
    "10 parameters": lambda: plain(10),
    "10 with q-distributions": rounded,
    "30 parameters": lambda: plain(30),
    "3-way conditional": conditional,
}


def loss_of(values: dict[str, Any]) -> float:
    """A cheap loss of the values by label, with more than one minimum."""
    total = 0.0
    for label in sorted(values):
        value, place = float(values[label]), (sum(map(ord, label)) % 7) / 3.0
        total += abs(math.tanh(value * 0.3 - place)) + 0.01 * math.sin(5 * value)
    return total
