"""Writes the pickles of an old version into a folder; run by a Python that has that version."""

import pickle
import sys
from pathlib import Path

import hyperopt
import numpy as np
from hyperopt import STATUS_FAIL, STATUS_OK, Trials, fmin, hp, tpe

space = {
    "x": hp.uniform("x", -3, 3),
    "n": hp.quniform("n", 1, 9, 2),
    "m": hp.choice(
        "model",
        [
            {"kind": "svm", "C": hp.loguniform("C", -5, 5)},
            {"kind": "forest", "depth": hp.randint("depth", 8)},
        ],
    ),
}
seen = []


def objective(point):
    loss = point["x"] ** 2 + np.float64(point["n"]) / 10
    if point["m"].get("depth") == 3:
        return {"status": STATUS_FAIL, "why": "depth"}
    result = {"loss": loss, "status": STATUS_OK, "curve": np.arange(3) * loss}
    result["attachments"] = {"note": b"kept"}
    if not seen:
        seen.append(1)
        result["rng"] = np.random.RandomState(1)
    return result


def seed():
    is_new = hyperopt.__version__ >= "0.2.6"
    return np.random.default_rng(3) if is_new else np.random.RandomState(3)


folder = Path(sys.argv[1])
name = f"hyperopt_{hyperopt.__version__}_numpy_{np.__version__}"
trials = Trials()
fmin(objective, space, tpe.suggest, 10, trials=trials, rstate=seed(), show_progressbar=False)
(folder / f"{name}.pkl").write_bytes(pickle.dumps(trials))
fmin(
    objective, space, tpe.suggest, 5, rstate=seed(), show_progressbar=False,
    trials_save_file=str(folder / f"{name}_save_file.pkl"),
)  # fmt: skip


class Own:
    def method(self):
        return 1


def returns_functions(x):
    return {"loss": x, "status": STATUS_OK, "function": lambda y: y + x, "own": Own()}


fmin(
    returns_functions, hp.uniform("x", 0, 1), tpe.suggest, 3, rstate=seed(),
    show_progressbar=False, trials_save_file=str(folder / f"{name}_functions.pkl"),
)  # fmt: skip
