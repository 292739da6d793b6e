from __future__ import annotations

import asyncio
import functools
import logging
import time
from dataclasses import dataclass

import optuna

log = logging.getLogger(__name__)
SEED = 0


@dataclass
class Config:
    lr: float
    kind: str


def timed(function):
    @functools.wraps(function)
    def wrapper(*args, **kwargs):
        start = time.perf_counter()
        try:
            return function(*args, **kwargs)
        finally:
            log.info("took %s", time.perf_counter() - start)

    return wrapper


def keep_result(trial, result):
    """Keep what an objective returned with the trial, and return the loss."""
    if not isinstance(result, dict):
        return result
    is_ok = result.get("status", "ok") == "ok"
    for key, value in result.items():
        if not is_ok or key not in ("loss", "status"):
            trial.set_user_attr(key, value)
    return result["loss"] if is_ok else float("nan")


@timed
def objective(params: dict[str, object]) -> dict[str, object]:
    config = Config(**params)
    match config.kind:
        case "a":
            loss = config.lr
        case "b":
            loss = config.lr * 2
        case _:
            return {"status": "fail"}
    if (penalty := loss - 1) > 0:
        loss += penalty
    return {"loss": loss, "status": "ok"}


async def main() -> float:
    def run_trial(trial):
        params = {
            "lr": trial.suggest_float("lr", 0, 2),
            "kind": trial.suggest_categorical("kind", ["a", "b"]),
        }
        return keep_result(trial, objective(params))

    study = optuna.create_study(sampler=optuna.samplers.TPESampler(seed=SEED))
    study.optimize(run_trial, n_trials=12)
    best: dict[str, float] = study.best_params
    print(best)
    return study.best_value


best_loss = asyncio.run(main())
