"""What an objective may return, and what becomes of it."""

from __future__ import annotations

import importlib.util
import runpy
import sys
import types
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hyperopt.base import JOB_STATE_DONE, STATUS_FAIL, STATUS_OK

from hyperbridge.surface.trials import Trials
from hyperbridge.testing.basis import Basis

ONLY_HERE = """
class Answer:
    def __init__(self, loss):
        self.loss = loss

def fn(p):
    return {"loss": p["x"], "status": "ok", "answer": Answer(p["x"])}

minimise(fn, max_evals=2, trials=trials)
"""


class ResultsContract(Basis):
    """What an objective may return, and what becomes of it."""

    about = "results"

    def test_extra_keys_of_a_result_are_kept_models_and_arrays_included(
        self, minimise: Any
    ) -> None:
        class Model:
            def __init__(self, x: float) -> None:
                self.x = x

        def fn(p: Any) -> dict[str, Any]:
            import numpy as np

            return {"loss": p["x"], "status": "ok", "model": Model(p["x"]), "curve": np.arange(3)}

        trials = Trials()
        minimise(fn, max_evals=2, trials=trials)
        for document in trials.trials:
            assert document["result"]["model"].x == document["result"]["loss"]
            np.testing.assert_array_equal(document["result"]["curve"], [0, 1, 2])

    @pytest.mark.parametrize("how", ["run_path", "run_path as main", "a file", "a new module"])
    def test_code_that_only_this_process_can_import_travels(
        self, minimise: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, how: str
    ) -> None:
        path = tmp_path / "only_here.py"
        path.write_text(ONLY_HERE)
        trials = Trials()
        names = {"minimise": minimise, "trials": trials}
        if how.startswith("run_path"):
            runpy.run_path(str(path), names, run_name="__main__" if "main" in how else None)
        else:
            if how == "a file":
                spec = importlib.util.spec_from_file_location("only_here", path)
                assert spec is not None
                module = importlib.util.module_from_spec(spec)
            else:
                module = types.ModuleType("only_here")
            monkeypatch.setitem(sys.modules, "only_here", module)
            vars(module).update(names)
            exec(compile(ONLY_HERE, path, "exec"), vars(module))
        assert [str(result["status"]) for result in trials.results] == ["ok", "ok"]
        assert all(result["answer"].loss == result["loss"] for result in trials.results)

    @pytest.mark.parametrize("loss", [3, 2.5, np.float32(1.5), np.int64(4), True])
    def test_a_number_is_a_loss(self, minimise: Any, loss: Any) -> None:
        trials = Trials()
        minimise(lambda p: loss, max_evals=1, trials=trials)
        assert trials.results == [{"loss": float(loss), "status": STATUS_OK}]
        assert type(trials.results[0]["loss"]) is float

    def test_a_trial_with_status_fail_is_kept_and_is_not_the_best(self, minimise: Any) -> None:
        def fn(p: Any) -> dict[str, Any]:
            if p["x"] < 0:
                return {"status": "fail", "why": "negative", "loss": -100.0}
            return {"status": "ok", "loss": p["x"]}

        trials = Trials()
        best = minimise(fn, max_evals=8, trials=trials)
        failed = [d for d in trials.trials if d["result"]["status"] == STATUS_FAIL]
        assert failed
        assert len(failed) < 8
        assert all(d["state"] == JOB_STATE_DONE and d["result"]["why"] for d in failed)
        assert best["x"] >= 0

    def test_a_nan_loss_is_kept_and_is_not_the_best(self, minimise: Any) -> None:
        trials = Trials()
        best = minimise(
            lambda p: float("nan") if p["x"] < 0 else p["x"], max_evals=8, trials=trials
        )
        assert any(np.isnan(loss) for loss in trials.losses())
        assert best["x"] >= 0

    def test_an_objective_may_change_its_parameters_in_place(self, minimise: Any) -> None:
        def greedy(p: Any) -> float:
            x = p.pop("x")
            p["kind"].clear()
            return float(x)

        trials = Trials()
        minimise(greedy, max_evals=3, trials=trials)
        assert trials.losses() == [d["misc"]["vals"]["x"][0] for d in trials.trials]
