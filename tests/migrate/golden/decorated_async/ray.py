from __future__ import annotations

import asyncio
import functools
import logging
import time
from dataclasses import dataclass

from ray import tune
from ray.tune.search.optuna import OptunaSearch

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


def tune_result(result):
    """Return what Ray Tune takes for a result: a dict with a loss, NaN where it failed."""
    if not isinstance(result, dict):
        return {"loss": result}
    if result.get("status", "ok") != "ok":
        return {**result, "loss": float("nan")}
    return result


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
    def run_trial(config):
        return tune_result(objective(config))

    tuner = tune.Tuner(
        run_trial,
        param_space={"lr": tune.uniform(0, 2), "kind": tune.choice(["a", "b"])},
        tune_config=tune.TuneConfig(
            metric="loss",
            mode="min",
            search_alg=OptunaSearch(seed=SEED),
            num_samples=12,
            reuse_actors=True,
        ),
    )
    results = tuner.fit()
    best_result = results.get_best_result()
    best: dict[str, float] = best_result.config
    print(best)
    return best_result.metrics["loss"]


best_loss = asyncio.run(main())
