from __future__ import annotations

import asyncio
import functools
import logging
import time
from dataclasses import dataclass

import numpy as np
from hyperopt import STATUS_FAIL, STATUS_OK, Trials, fmin, hp, tpe

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


@timed
def objective(params: dict[str, object]) -> dict[str, object]:
    config = Config(**params)
    match config.kind:
        case "a":
            loss = config.lr
        case "b":
            loss = config.lr * 2
        case _:
            return {"status": STATUS_FAIL}
    if (penalty := loss - 1) > 0:
        loss += penalty
    return {"loss": loss, "status": STATUS_OK}


async def main() -> float:
    trials = Trials()
    best: dict[str, float] = fmin(objective, {"lr": hp.uniform("lr", 0, 2), "kind": hp.choice("kind", ["a", "b"])}, algo=tpe.suggest, max_evals=12, trials=trials, rstate=np.random.default_rng(SEED), show_progressbar=False, verbose=False)
    print(best)
    return trials.best_trial["result"]["loss"]


best_loss = asyncio.run(main())
