"""The functions of the quality benchmark, each with its space for hyperopt and for Optuna.

The regret of the mixed functions is measured from 0, which a grid of steps may not reach.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from hyperbridge import hp

_A = np.array(
    [[10, 3, 17, 3.5, 1.7, 8], [0.05, 10, 17, 0.1, 8, 14],
     [3, 3.5, 1.7, 10, 17, 8], [17, 8, 0.05, 10, 0.1, 14]]
)  # fmt: skip
_P = 1e-4 * np.array(
    [[1312, 1696, 5569, 124, 8283, 5886], [2329, 4135, 8307, 3736, 1004, 9991],
     [2348, 1451, 3522, 2883, 3047, 6650], [4047, 8828, 8732, 5743, 1091, 381]]
)  # fmt: skip


def branin(p: dict[str, Any]) -> float:
    x, y = p["x"], p["y"]
    parabola = y - 5.1 / (4 * math.pi**2) * x**2 + 5 / math.pi * x - 6
    return parabola**2 + 10 * (1 - 1 / (8 * math.pi)) * math.cos(x) + 10


def hartmann6(p: dict[str, Any]) -> float:
    x = np.array([p[f"x{i}"] for i in range(6)])
    return -float(np.array([1, 1.2, 3, 3.2]) @ np.exp(-(_A * (x - _P) ** 2).sum(axis=1)))


def ackley5(p: dict[str, Any]) -> float:
    x = np.array([p[f"x{i}"] for i in range(5)])
    radius, waves = math.sqrt((x**2).mean()), np.cos(2 * math.pi * x).mean()
    return float(-20 * math.exp(-0.2 * radius) - math.exp(waves) + 20 + math.e)


def rosenbrock10(p: dict[str, Any]) -> float:
    x = np.array([p[f"x{i}"] for i in range(10)])
    return float((100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2).sum())


def mixed7(p: dict[str, Any]) -> float:
    return (
        (math.log10(p["lr"]) + 2.5) ** 2 / 4
        + (p["momentum"] - 0.7) ** 2
        + ((p["depth"] - 7) / 10) ** 2
        + ((p["batch"] - 96) / 128) ** 2
        + {"linear": 0.8, "rbf": 0.0, "poly": 0.4}[p["kernel"]]
        + {"square": 0.5, "huber": 0.0}[p["loss"]]
        + (math.log(p["alpha"]) + 3) ** 2 / 25
    )


def conditional(p: dict[str, Any]) -> float:
    model = p["model"]
    if model["kind"] == "svm":
        return 0.1 + (math.log10(model["C"]) - 1) ** 2 / 9 + (model["gamma"] - 0.3) ** 2
    if model["kind"] == "forest":
        return (model["trees"] - 120) ** 2 / 40000 + (model["depth"] - 9) ** 2 / 100
    return 0.3 + (model["k"] - 5) ** 2 / 100


def floats(n: int, low: float, high: float) -> dict[str, Any]:
    return {f"x{i}": hp.uniform(f"x{i}", low, high) for i in range(n)}


def native_floats(n: int, low: float, high: float) -> Callable[[Any], dict[str, Any]]:
    return lambda trial: {f"x{i}": trial.suggest_float(f"x{i}", low, high) for i in range(n)}


def native_mixed(trial: Any) -> dict[str, Any]:
    # in alphabetical order, as hyperopt reads a dict: the same seed draws the same points then
    return {
        "alpha": trial.suggest_float("alpha", math.exp(-8), 1.0, log=True),
        "batch": trial.suggest_float("batch", 16, 256, step=16),
        "depth": trial.suggest_int("depth", 1, 20),
        "kernel": trial.suggest_categorical("kernel", ["linear", "rbf", "poly"]),
        "loss": trial.suggest_categorical("loss", ["square", "huber"]),
        "lr": trial.suggest_float("lr", 1e-5, 1.0, log=True),
        "momentum": trial.suggest_float("momentum", 0.0, 1.0),
    }


def native_conditional(trial: Any) -> dict[str, Any]:
    kind = trial.suggest_categorical("model", ["svm", "forest", "knn"])
    if kind == "svm":
        model = {
            "C": trial.suggest_float("C", 1e-3, 1e3, log=True),
            "gamma": trial.suggest_float("gamma", 0.0, 1.0),
        }
    elif kind == "forest":
        model = {
            "trees": trial.suggest_float("trees", 10, 300, step=10),
            "depth": trial.suggest_int("depth", 1, 19),
        }
    else:
        model = {"k": trial.suggest_int("k", 1, 30)}
    return {"model": {"kind": kind, **model}}


def held_out_mixed(p: dict[str, Any]) -> float:
    """A training run: the best rate depends on the optimizer, the best width on the depth."""
    penalty, best_rate = {
        "sgd": (0.15, -1.0), "adam": (0.0, -3.0), "rmsprop": (0.1, -3.5), "adagrad": (0.35, -2.0),
    }[p["optimizer"]]  # fmt: skip
    return (
        penalty
        + (math.log10(p["rate"]) - best_rate) ** 2 / 6
        + (math.log2(p["width"]) - 8 + p["layers"] / 4) ** 2 / 8
        + abs(p["dropout"] - 0.15)
        + {"relu": 0.05, "gelu": 0.0, "tanh": 0.2}[p["activation"]]
        + (0.0 if p["warmup"] else 0.1)
    )


def held_out_conditional(p: dict[str, Any]) -> float:
    """A booster in two forms, one with a choice of its own, behind an optional projection."""
    loss = 0.0
    if p["projection"] is None:
        loss += 0.12
    else:
        loss += (p["projection"]["n"] - 14) ** 2 / 900
    booster = p["booster"]
    if booster["kind"] == "linear":
        return loss + 0.2 + (math.log10(booster["l2"]) + 1) ** 2 / 12
    loss += (math.log10(booster["eta"]) + 1.2) ** 2 / 4 + (booster["leaves"] - 48) ** 2 / 12000
    growth = booster["growth"]
    if growth["by"] == "depth":
        return loss + 0.1 + abs(growth["depth"] - 6) / 20
    return loss + (growth["gain"] - 0.4) ** 2


def native_held_out_mixed(trial: Any) -> dict[str, Any]:
    return {
        "activation": trial.suggest_categorical("activation", ["relu", "gelu", "tanh"]),
        "dropout": trial.suggest_float("dropout", 0.0, 0.6),
        "layers": trial.suggest_int("layers", 1, 8),
        "optimizer": trial.suggest_categorical("optimizer", ["sgd", "adam", "rmsprop", "adagrad"]),
        "rate": trial.suggest_float("rate", 1e-6, 1.0, log=True),
        "warmup": trial.suggest_categorical("warmup", [False, True]),
        "width": trial.suggest_float("width", 16, 1024, step=16),
    }


def native_held_out_conditional(trial: Any) -> dict[str, Any]:
    if trial.suggest_categorical("kind", ["linear", "tree"]) == "linear":
        l2 = trial.suggest_float("l2", 1e-6, 1e2, log=True)
        booster: dict[str, Any] = {"kind": "linear", "l2": l2}
    else:
        booster = {
            "kind": "tree",
            "eta": trial.suggest_float("eta", 1e-4, 1.0, log=True),
            "leaves": trial.suggest_int("leaves", 2, 128),
        }
        if trial.suggest_categorical("by", ["depth", "gain"]) == "depth":
            booster["growth"] = {"by": "depth", "depth": trial.suggest_int("depth", 1, 16)}
        else:
            booster["growth"] = {"by": "gain", "gain": trial.suggest_float("gain", 0.0, 2.0)}
    projected = trial.suggest_categorical("projected", [False, True])
    projection = {"n": trial.suggest_float("n", 2, 64, step=2)} if projected else None
    return {"booster": booster, "projection": projection}


@dataclass(frozen=True)
class Problem:
    """A function to minimise.

    Attributes:
        name: Shown in the table.
        fn: Takes a point.
        optimum: Its lowest value.
        space: The search space, written with hp.
        native: The same space written for an Optuna trial.
        goal: The highest mean regret we may have, as a share of hyperopt's.
        is_held_out: Whether nothing in the package was chosen by looking at it.
    """

    name: str
    fn: Callable[[Any], float]
    optimum: float
    space: Any
    native: Callable[[Any], Any]
    goal: float = 0.5
    is_held_out: bool = False


PROBLEMS = [
    Problem(
        "Branin", branin, 0.397887,
        {"x": hp.uniform("x", -5, 10), "y": hp.uniform("y", 0, 15)},
        lambda t: {"x": t.suggest_float("x", -5, 10), "y": t.suggest_float("y", 0, 15)},
    ),
    Problem("Hartmann6", hartmann6, -3.32237, floats(6, 0, 1), native_floats(6, 0, 1)),
    Problem(
        "Ackley 5-D", ackley5, 0.0,
        floats(5, -32.768, 32.768), native_floats(5, -32.768, 32.768),
    ),
    Problem("Rosenbrock 10-D", rosenbrock10, 0.0, floats(10, -2, 2), native_floats(10, -2, 2)),
    Problem(
        "mixed 7-D", mixed7, 0.0,
        {
            "lr": hp.loguniform("lr", math.log(1e-5), 0),
            "momentum": hp.uniform("momentum", 0, 1),
            "depth": hp.uniformint("depth", 1, 20),
            "batch": hp.quniform("batch", 16, 256, 16),
            "kernel": hp.choice("kernel", ["linear", "rbf", "poly"]),
            "loss": hp.choice("loss", ["square", "huber"]),
            "alpha": hp.loguniform("alpha", -8, 0),
        },
        native_mixed,
    ),
    Problem(
        "conditional", conditional, 0.0,
        {
            "model": hp.choice("model", [
                {"kind": "svm", "C": hp.loguniform("C", math.log(1e-3), math.log(1e3)),
                 "gamma": hp.uniform("gamma", 0, 1)},
                {"kind": "forest", "trees": hp.quniform("trees", 10, 300, 10),
                 "depth": hp.randint("depth", 1, 20)},
                {"kind": "knn", "k": hp.uniformint("k", 1, 30)},
            ]),
        },
        native_conditional,
        goal=1.0,
    ),
    Problem(
        "mixed 7-D, held out", held_out_mixed, 0.0,
        {
            "optimizer": hp.choice("optimizer", ["sgd", "adam", "rmsprop", "adagrad"]),
            "rate": hp.loguniform("rate", math.log(1e-6), 0),
            "width": hp.quniform("width", 16, 1024, 16),
            "layers": hp.uniformint("layers", 1, 8),
            "dropout": hp.uniform("dropout", 0, 0.6),
            "activation": hp.choice("activation", ["relu", "gelu", "tanh"]),
            "warmup": hp.choice("warmup", [False, True]),
        },
        native_held_out_mixed,
        is_held_out=True,
    ),
    Problem(
        "conditional, held out", held_out_conditional, 0.0,
        {
            "booster": hp.choice("kind", [
                {"kind": "linear", "l2": hp.loguniform("l2", math.log(1e-6), math.log(1e2))},
                {"kind": "tree", "eta": hp.loguniform("eta", math.log(1e-4), 0),
                 "leaves": hp.uniformint("leaves", 2, 128),
                 "growth": hp.choice("by", [
                     {"by": "depth", "depth": hp.randint("depth", 1, 17)},
                     {"by": "gain", "gain": hp.uniform("gain", 0, 2)},
                 ])},
            ]),
            "projection": hp.choice("projected", [None, {"n": hp.quniform("n", 2, 64, 2)}]),
        },
        native_held_out_conditional,
        goal=1.0,
        is_held_out=True,
    ),
]  # fmt: skip


def normal_problem(offset: float) -> Problem:
    return Problem(
        f"4 normals, optimum at {offset:g} sigma",
        lambda p: sum((p[f"n{i}"] - offset) ** 2 for i in range(4)),
        0.0,
        {f"n{i}": hp.normal(f"n{i}", 0, 1) for i in range(4)},
        lambda t: {f"n{i}": t.suggest_float(f"n{i}", -5, 5) for i in range(4)},
        goal=1.0,
    )


NORMALS = [normal_problem(offset) for offset in (0.3, 1.5, 3.0)]
