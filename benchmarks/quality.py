"""Search quality: hyperopt's TPE, the Optuna backend, and Optuna code written by hand.

Each row is the mean regret (best loss minus the optimum) after 100 trials over 20 seeds. The
local backend stands for hyperopt: it gives the very same trials, faster. The last rows put the
optimum of a normal parameter 0.3, 1.5 and 3 standard deviations off.

    python benchmarks/quality.py            # about 10 minutes on one core
    python benchmarks/quality.py --seeds 5
"""

from __future__ import annotations

import argparse
import logging
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import optuna

from hyperbridge import fmin, hp, tpe

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


@dataclass(frozen=True)
class Problem:
    name: str
    fn: Callable[[Any], float]
    optimum: float
    space: Any
    native: Callable[[Any], Any]


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
    ),
]  # fmt: skip


def bridged(problem: Problem, backend: str, seed: int, n: int) -> float:
    losses: list[float] = []

    def objective(point: Any) -> float:
        losses.append(problem.fn(point))
        return losses[-1]

    fmin(
        objective, problem.space, algo=tpe.suggest, max_evals=n, backend=backend, tracking=False,
        rstate=np.random.default_rng(seed), show_progressbar=False,
    )  # fmt: skip
    return min(losses) - problem.optimum


def native(problem: Problem, seed: int, n: int) -> float:
    study = optuna.create_study(sampler=optuna.samplers.TPESampler(seed=seed))
    study.optimize(lambda trial: problem.fn(problem.native(trial)), n_trials=n)
    return float(study.best_value) - problem.optimum


def normal_problem(offset: float) -> Problem:
    return Problem(
        f"4 normals, optimum at {offset:g} sigma",
        lambda p: sum((p[f"n{i}"] - offset) ** 2 for i in range(4)),
        0.0,
        {f"n{i}": hp.normal(f"n{i}", 0, 1) for i in range(4)},
        lambda t: {f"n{i}": t.suggest_float(f"n{i}", -5, 5) for i in range(4)},
    )


NORMALS = [normal_problem(offset) for offset in (0.3, 1.5, 3.0)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--trials", type=int, default=100)
    parser.add_argument("--only", default="", help="part of a problem's name")
    options = parser.parse_args()
    selected = [p for p in PROBLEMS + NORMALS if options.only.lower() in p.name.lower()]
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    logging.disable(logging.WARNING)
    heads = ("hyperopt", "bridged", "by hand", "b/hyperopt", "b/by hand")
    print(f"{'mean regret':32}" + "".join(f"{head:>12}" for head in heads))
    for problem in selected:
        rows = [
            (
                bridged(problem, "local", seed, options.trials),
                bridged(problem, "optuna", seed, options.trials),
                native(problem, seed, options.trials),
            )
            for seed in range(options.seeds)
        ]
        theirs, ours, by_hand = (sum(column) / len(rows) for column in zip(*rows, strict=True))
        print(
            f"{problem.name:32}{theirs:12.4f}{ours:12.4f}{by_hand:12.4f}"
            f"{ours / theirs:12.2f}{ours / by_hand:12.2f}",
            flush=True,
        )


if __name__ == "__main__":
    main()
