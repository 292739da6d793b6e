"""Search quality: hyperopt's TPE, the Optuna backend, and Optuna code written by hand.

Each row is the mean regret (best loss minus the optimum) after 100 trials over 20 seeds. The
local backend stands for hyperopt: it gives the very same trials, faster. The goals: at most half
of hyperopt's regret (no more than all of it for conditional spaces and for normals whose optimum
lies 0.3, 1.5 and 3 standard deviations off), and within 10% of the code by hand, which for
normals searches a range of 5 standard deviations and is no goal there.

How categories are drawn was decided by looking at the first functions with seeds 0 to 19.
``--held-out`` takes other seeds; the functions called so were written afterwards.

    python benchmarks/quality.py                # about 12 minutes on one core
    python benchmarks/quality.py --held-out
    python benchmarks/quality.py --seeds 5 --only branin
"""

from __future__ import annotations

import argparse
import logging
from typing import Any

import numpy as np
import optuna
from quality_problems import NORMALS, PROBLEMS, Problem

from hyperbridge import fmin, tpe

HELD_OUT_SEED = 1000


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


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--trials", type=int, default=100)
    parser.add_argument("--only", default="", help="part of a problem's name")
    parser.add_argument("--held-out", action="store_true", help=f"seeds from {HELD_OUT_SEED} on")
    options = parser.parse_args()
    selected = [p for p in PROBLEMS + NORMALS if options.only.lower() in p.name.lower()]
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    logging.disable(logging.WARNING)
    first = HELD_OUT_SEED if options.held_out else 0
    title = f"mean regret, seeds {first} to {first + options.seeds - 1}"
    heads = ("hyperopt", "bridged", "by hand", "b/hyperopt", "goal", "b/by hand", "goal")
    print(f"{title:32}" + "".join(f"{head:>11}" for head in heads))
    for problem in selected:
        rows = [
            (
                bridged(problem, "local", seed, options.trials),
                bridged(problem, "optuna", seed, options.trials),
                native(problem, seed, options.trials),
            )
            for seed in range(first, first + options.seeds)
        ]
        theirs, ours, by_hand = (sum(column) / len(rows) for column in zip(*rows, strict=True))
        near = "" if problem in NORMALS else "1.10"
        print(
            f"{problem.name:32}{theirs:11.4f}{ours:11.4f}{by_hand:11.4f}"
            f"{ours / theirs:11.2f}{problem.goal:11.2f}{ours / by_hand:11.2f}{near:>11}",
            flush=True,
        )


if __name__ == "__main__":
    main()
