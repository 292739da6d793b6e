"""The callbacks of hyperbridge.callbacks, in the training loops that they are for."""

from __future__ import annotations

import sys
import types
from typing import Any

import numpy as np
import pytest
from hyperopt import hp, rand

from hyperbridge import Trials, callbacks, fmin
from hyperbridge.documents import was_pruned

N_ROUNDS = 12


def make_data() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(120, 3))
    return x, x @ [2.0, 1.0, -1.0] + 0.1 * rng.normal(size=120)


def minimise(fn: Any, **kwargs: Any) -> Trials:
    trials = Trials()
    fmin(
        fn, hp.loguniform("rate", -4, 0), algo=rand.suggest, max_evals=14, trials=trials,
        rstate=np.random.default_rng(0), show_progressbar=False, **kwargs,
    )  # fmt: skip
    return trials


def check(trials: Trials, first: int = 0) -> None:
    """See that whole trials have each step, with the losses of the learner, and others stopped."""
    pruned = [document for document in trials.trials if was_pruned(document)]
    assert 0 < len(pruned) < len(trials)
    for document in trials.trials:
        steps = [step for step, _ in document["misc"]["reports"]]
        assert steps == list(range(first, first + len(steps)))
        if document not in pruned:
            assert len(steps) == N_ROUNDS
            losses = [loss for _, loss in document["misc"]["reports"]]
            assert losses == pytest.approx(document["result"]["losses"])


@pytest.mark.parametrize("fitted_by", ["train", "the estimator"])
def test_lightgbm_reports_and_stops(fitted_by: str) -> None:
    lightgbm = pytest.importorskip("lightgbm", exc_type=(ImportError, OSError))
    x, y = make_data()

    def fn(rate: float) -> dict[str, Any]:
        found: dict[str, Any] = {}
        settings = {"learning_rate": rate, "verbose": -1, "num_leaves": 4}
        called = [callbacks.lightgbm("l2"), lightgbm.record_evaluation(found)]
        if fitted_by == "train":
            data, valid = lightgbm.Dataset(x[:80], y[:80]), lightgbm.Dataset(x[80:], y[80:])
            lightgbm.train(
                {**settings, "metric": "l2"}, data, N_ROUNDS,
                valid_sets=[data, valid], valid_names=["mine", "other"], callbacks=called,
            )  # fmt: skip
        else:
            model = lightgbm.LGBMRegressor(n_estimators=N_ROUNDS, **settings)
            model.fit(x[:80], y[:80], eval_set=[(x[80:], y[80:])], callbacks=called)
        losses = [*found.values()][-1]["l2"]  # the first one may be that of the training data
        return {"loss": losses[-1], "status": "ok", "losses": losses}

    check(minimise(fn, pruner="median"))


def test_lightgbm_changes_the_sign_of_what_is_better_when_higher() -> None:
    lightgbm = pytest.importorskip("lightgbm", exc_type=(ImportError, OSError))
    x, y = make_data()

    def fn(rate: float) -> float:
        data = lightgbm.Dataset(x[:80], y[:80] > 0)
        lightgbm.train(
            {"learning_rate": rate, "verbose": -1, "metric": "auc", "objective": "binary"}, data,
            3, valid_sets=[lightgbm.Dataset(x[80:], y[80:] > 0)], callbacks=[callbacks.lightgbm()],
        )  # fmt: skip
        return 0.0

    for document in minimise(fn).trials:
        assert all(-1 <= loss < -0.4 for _, loss in document["misc"]["reports"])


def test_xgboost_reports_and_stops() -> None:
    xgboost = pytest.importorskip("xgboost", exc_type=(ImportError, OSError))
    x, y = make_data()

    def fn(rate: float) -> dict[str, Any]:
        found: dict[str, Any] = {}
        data, valid = xgboost.DMatrix(x[:80], y[:80]), xgboost.DMatrix(x[80:], y[80:])
        xgboost.train(
            {"eta": rate, "max_depth": 2}, data, N_ROUNDS, evals=[(valid, "valid")],
            evals_result=found, callbacks=[callbacks.xgboost("rmse")], verbose_eval=False,
        )  # fmt: skip
        losses = found["valid"]["rmse"]
        return {"loss": losses[-1], "status": "ok", "losses": losses}

    check(minimise(fn, pruner="median"))


def test_keras_reports_what_it_monitors(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keras cannot train without an engine of its own; the class that it calls stands in."""

    class Callback:
        def on_epoch_end(self, epoch: int, logs: Any = None) -> None: ...

    made: Any = types.ModuleType("keras.callbacks")
    made.Callback = Callback
    monkeypatch.setitem(sys.modules, "keras", types.ModuleType("keras"))
    monkeypatch.setitem(sys.modules, "keras.callbacks", made)

    def fn(rate: float) -> dict[str, Any]:
        callback = callbacks.keras("val_accuracy", maximize=True)
        assert isinstance(callback, Callback)
        losses = []
        for epoch in range(N_ROUNDS):
            losses.append(rate - epoch)
            callback.on_epoch_end(epoch, {"loss": 9.0, "val_accuracy": np.float32(-losses[-1])})
        return {"loss": losses[-1], "status": "ok", "losses": losses}

    check(minimise(fn, pruner="median"))


@pytest.mark.parametrize(("name", "data"), [("rmse", None), (None, "train")])
def test_a_metric_that_is_not_evaluated_is_named(name: str | None, data: str | None) -> None:
    lightgbm = pytest.importorskip("lightgbm", exc_type=(ImportError, OSError))
    x, y = make_data()

    def fn(rate: float) -> float:
        lightgbm.train(
            {"learning_rate": rate, "verbose": -1, "metric": "l2"}, lightgbm.Dataset(x, y), 2,
            valid_sets=[lightgbm.Dataset(x, y)], callbacks=[callbacks.lightgbm(name, data)],
        )  # fmt: skip
        return 0.0

    with pytest.raises(ValueError, match=f"{name or data!r}.*is not evaluated; there is .*l2"):
        minimise(fn)
