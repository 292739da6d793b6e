"""What trials report while they run, and which of them stop early."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
from hyperopt import hp
from hyperopt.base import JOB_STATE_DONE, STATUS_FAIL
from hyperopt.fmin import fmin_pass_expr_memo_ctrl

from hyperbridge.documents import was_pruned
from hyperbridge.surface.trials import Trials
from hyperbridge.testing.basis import Basis

N_STEPS = 27
AREA = {"x": hp.uniform("x", -1, 1), "y": hp.uniform("y", 0, 3)}


def make_curve() -> Any:
    """Return the loss by point and step; made here, so that it travels by value."""

    def curve(x: float, y: float, step: int) -> float:
        import math

        if x > 0.9:
            return math.nan
        whole = (x - 0.3) ** 2 + 0.1 * abs(y - 1)
        return whole + (1 + abs(x)) / (step + 1) + 0.05 * math.sin(13 * step * x)

    return curve


def make_reporting(n_steps: int = N_STEPS) -> Any:
    """Return an objective that reports each step."""
    curve = make_curve()

    def fn(p: Any) -> float:
        import hyperbridge

        loss = 0.0
        for step in range(n_steps):
            loss = curve(p["x"], p["y"], step)
            hyperbridge.report(loss, step)
        return 9.0 if loss != loss else loss

    return fn


def native(optuna: Any, pruner: Any, n_trials: int) -> list[tuple[bool, int]]:
    """Return, of a native study's trials, whether they were pruned and how many steps they took."""
    curve = make_curve()

    def objective(trial: Any) -> float:
        x, y = trial.suggest_float("x", -1, 1), trial.suggest_float("y", 0, 3)
        loss = 0.0
        for step in range(N_STEPS):
            loss = curve(x, y, step)
            trial.report(loss, step)
            if trial.should_prune():
                raise optuna.TrialPruned
        return 9.0 if loss != loss else loss

    sampler = optuna.samplers.RandomSampler(seed=3)
    study = optuna.create_study(sampler=sampler, pruner=pruner, study_name="hyperbridge")
    study.optimize(objective, n_trials=n_trials)
    return [(t.state.name == "PRUNED", len(t.intermediate_values)) for t in study.trials]


def make_pruners(optuna: Any) -> dict[str, Any]:
    """Return pruners by name; one of them is a user's own."""

    class Own(optuna.pruners.BasePruner):  # type: ignore[misc]  # Optuna's class
        def prune(self, study: Any, trial: Any) -> bool:
            n_ended = sum(each.state.is_finished() for each in study.get_trials(deepcopy=False))
            return bool(n_ended > 2 and trial.params["x"] > 0 and trial.last_step > 3)

    pruners = optuna.pruners
    return {
        "median": pruners.MedianPruner(n_startup_trials=3, n_warmup_steps=2),
        "asha": pruners.SuccessiveHalvingPruner(min_resource=2, reduction_factor=3),
        "hyperband": pruners.HyperbandPruner(min_resource=1, max_resource=N_STEPS),
        "own": Own(),
    }


class PruningContract(Basis):
    """What trials report while they run, and which of them stop early."""

    about = "pruning"

    @pytest.mark.parametrize("name", ["median", "asha", "hyperband", "own"])
    def test_a_pruner_stops_the_trials_that_it_stops_in_a_native_study(
        self, backend: Any, name: str
    ) -> None:
        optuna = pytest.importorskip("optuna")
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        trials = Trials()
        self.fmin_on(backend, 1)(
            make_reporting(),
            AREA,
            max_evals=14,
            trials=trials,
            algo=optuna.samplers.RandomSampler(seed=3),
            pruner=make_pruners(optuna)[name],
        )
        found = [(was_pruned(d), len(d["misc"]["reports"])) for d in trials.trials]
        expected = native(optuna, make_pruners(optuna)[name], 14)
        assert found == expected
        assert 1 < sum(pruned for pruned, _ in found) < 14
        for document in trials.trials:
            assert document["state"] == JOB_STATE_DONE
            if was_pruned(document):
                last = document["misc"]["reports"][-1][1]
                assert document["result"]["status"] == STATUS_FAIL
                assert math.isnan(last) or document["result"]["loss"] == last
        assert not was_pruned(trials.best_trial)

    def test_reports_are_kept_and_an_objective_may_clean_up_before_it_stops(
        self, backend: Any
    ) -> None:
        def fn(p: Any) -> dict[str, Any]:
            import hyperbridge

            for step in range(4):
                hyperbridge.report(abs(p["x"]) + 1 / (step + 1), step, raises=False)
                if hyperbridge.should_prune():
                    return {"status": "fail", "cleaned": step}
            return {"status": "ok", "loss": abs(p["x"])}

        trials = Trials()
        minimise = self.fmin_on(backend, 1)
        minimise(fn, AREA, max_evals=5, trials=trials)
        assert all(result["status"] == "ok" for result in trials.results)
        for document in trials.trials:
            x = abs(document["misc"]["vals"]["x"][0])
            assert document["misc"]["reports"] == [[s, x + 1 / (s + 1)] for s in range(4)]
        minimise(fn, AREA, max_evals=16, trials=trials, pruner="median")
        cleaned = [result for result in trials.results if "cleaned" in result]
        assert cleaned
        assert not any(map(was_pruned, trials.trials))

    def test_checkpoints_of_hyperopt_are_reports(self, backend: Any) -> None:
        @fmin_pass_expr_memo_ctrl  # type: ignore[untyped-decorator]  # hyperopt has no types
        def fn(expr: Any, memo: Any, ctrl: Any) -> dict[str, Any]:
            (x,) = memo.values()
            for step in range(3):
                ctrl.checkpoint({"status": "running", "loss": x + 1 / (step + 1)})
            return {"status": "ok", "loss": x}

        trials = Trials()
        self.fmin_on(backend, 1)(
            fn, hp.uniform("x", 0, 1), max_evals=16, trials=trials, pruner="median"
        )
        n_reports = [len(document["misc"]["reports"]) for document in trials.trials]
        pruned = [was_pruned(document) for document in trials.trials]
        assert n_reports == [1 if each else 3 for each in pruned]
        assert any(pruned)
        assert trials.best_trial["result"] == {"status": "ok", "loss": min(
            d["misc"]["vals"]["x"][0] for d in trials.trials
        )}  # fmt: skip

    def test_running_trials_hear_of_each_other(self, backend: Any, tmp_path: Path) -> None:
        """One trial reports and does not end; only the channel can stop the other one."""
        if not self.tells_running_trials or self.slots < 2:
            pytest.skip("trials of this backend hear of those that ended before them alone")
        folder = str(tmp_path)

        def fn(x: float) -> float:
            import os
            import time

            import hyperbridge

            def wait_for(found: Any) -> None:
                deadline = time.monotonic() + 90
                while not found() and time.monotonic() < deadline:
                    time.sleep(0.02)

            def is_there(name: str) -> bool:
                return os.path.exists(os.path.join(folder, name))

            open(os.path.join(folder, f"x{x!r}"), "w").close()
            wait_for(lambda: len([n for n in os.listdir(folder) if n[0] == "x"]) == 2)
            is_best = x == min(float(n[1:]) for n in os.listdir(folder) if n[0] == "x")
            try:
                if not is_best:
                    wait_for(lambda: is_there("reported"))
                for step in range(1, 200):
                    hyperbridge.report(x, step)
                    time.sleep(0.01)
                    if is_best and step == 30:
                        open(os.path.join(folder, "reported"), "w").close()
                        wait_for(lambda: is_there("ended"))
            finally:
                open(os.path.join(folder, "ended"), "w").close()
            return x

        trials = Trials()
        from_one = pytest.importorskip("optuna.pruners").SuccessiveHalvingPruner(1, 2)
        self.fmin_on(backend, 2)(
            fn, hp.uniform("x", 0, 1), max_evals=2, trials=trials, pruner=from_one
        )
        best, other = sorted(trials.trials, key=lambda d: d["misc"]["vals"]["x"][0])
        assert was_pruned(other)
        assert not was_pruned(best)
        assert len(best["misc"]["reports"]) == 199
