"""What it takes to turn one kind of history into another, and to begin a search with one.

``files`` makes a pickle of as many trials, of nine or ten parameters, one of them a choice, and
converts it to each kind that is a file; the goal for a study in SQLite is 60 s for 10,000 trials.
``mlflow`` logs a search to a SQLite store and reads the child runs of its parent run; the goal is
30 s for 1,000. ``warm`` begins a search with such a pickle.

    python benchmarks/convert.py files --trials 10000
    python benchmarks/convert.py mlflow --trials 1000
    python benchmarks/convert.py warm --trials 10000
"""

from __future__ import annotations

import argparse
import os
import pickle
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from hyperopt import hp, rand

import hyperbridge
from hyperbridge.history.convert import convert
from hyperbridge.history.history import History
from hyperbridge.history.kinds import Options

SPACE = {
    **{f"x{i}": hp.uniform(f"x{i}", -3, 3) for i in range(6)},
    "q": hp.quniform("q", 0, 10, 1),
    "rate": hp.loguniform("rate", -9, 0),
    "kind": hp.choice("kind", [{"n": hp.randint("n", 9)}, "other"]),
}
TARGETS = ("study.db", "trials.journal", "trials.json", "trials.csv", "trials.parquet")


def search(n: int, **kwargs: Any) -> Any:
    trials = hyperbridge.Trials()
    hyperbridge.fmin(
        lambda point: {"loss": point["x0"] ** 2, "status": "ok", "note": "text"},
        SPACE, rand.suggest, n, trials=trials, show_progressbar=False,
        rstate=np.random.default_rng(0), **kwargs,
    )  # fmt: skip
    return trials


def timed(source: str, target: str, **options: Any) -> History:
    started, cpu = time.perf_counter(), time.process_time()
    history = convert(source, target, Options(allow_pickle=True, **options))
    wall, cpu = time.perf_counter() - started, time.process_time() - cpu
    size = Path(target.removeprefix("sqlite:///")).stat().st_size / 1e6
    print(f"{source} -> {target}: {wall:.2f} s ({cpu:.2f} s CPU), {size:.1f} MB")
    return history


def files(n: int) -> None:
    Path("trials.pkl").write_bytes(pickle.dumps(search(n)))
    space = hyperbridge.read_space(SPACE)
    for target in TARGETS:
        timed("trials.pkl", f"sqlite:///{target}" if target == "study.db" else target, space=space)
    timed("trials.pkl", "sqlite:///inferred.db")
    for target in TARGETS[:-1]:
        source = f"sqlite:///{target}" if target == "study.db" else target
        again = timed(source, f"from_{target}.pkl", space=space)
        assert len(again.documents) == n, f"{len(again.documents)} of {n} came back"


def mlflow(n: int) -> None:
    os.environ["MLFLOW_TRACKING_URI"] = "sqlite:///mlflow.db"
    import mlflow

    with mlflow.start_run() as run:
        search(n, tracking=True)
    again = timed(
        f"mlflow:{run.info.run_id}", "from_mlflow.pkl", space=hyperbridge.read_space(SPACE)
    )
    assert len(again.documents) == n, f"{len(again.documents)} of {n} came back"


def warm(n: int) -> None:
    Path("trials.pkl").write_bytes(pickle.dumps(search(n)))
    for given in (None, "trials.pkl"):
        started = time.perf_counter()
        search(1, warm_start=given)
        print(f"a search of one trial, warm_start={given!r}: {time.perf_counter() - started:.2f} s")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("what", choices=("files", "mlflow", "warm"))
    parser.add_argument("--trials", type=int, default=10_000)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        {"files": files, "mlflow": mlflow, "warm": warm}[args.what](args.trials)
        os.chdir("/")


if __name__ == "__main__":
    main()
