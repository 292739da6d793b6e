"""A call of fmin is a real Ray Tune experiment."""

from __future__ import annotations

import copy
import os
import pickle
import signal
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
import ray
from hyperopt import hp, tpe
from hyperopt.base import JOB_STATE_CANCEL, JOB_STATE_DONE, JOB_STATE_ERROR
from ray.tune import (
    Callback,
    FailureConfig,
    PlacementGroupFactory,
    TuneConfig,
)
from ray.tune.schedulers import ASHAScheduler, FIFOScheduler
from ray.tune.stopper import ExperimentPlateauStopper, Stopper

from hyperbridge import SparkTrials, Trials

SPACE = {"x": hp.uniform("x", -5, 5), "kind": hp.choice("kind", ["a", "b"])}


def test_the_result_grid_and_the_folder_are_tunes_own(minimise: Any, storage: str) -> None:
    def fn(p: Any) -> dict[str, Any]:
        if p["x"] < 0:
            raise ArithmeticError("too low")
        return {"loss": p["x"] ** 2, "status": "ok", "accuracy": 0.5, "model": object}

    trials = SparkTrials()
    minimise(fn, SPACE, max_evals=12, trials=trials)
    grid = trials.result_grid
    assert len(grid) == 12
    failed = [d for d in trials._dynamic_trials if d["state"] == JOB_STATE_ERROR]
    assert failed
    assert grid.num_errors == len(grid.errors) == len(failed)
    assert "too low" in str(grid.errors[0])
    best = grid.get_best_result()
    assert best.metrics["loss"] == trials.best_trial["result"]["loss"]
    assert best.metrics["tid"] == trials.best_trial["tid"]
    assert best.metrics["accuracy"] == 0.5
    assert best.config == {k: v.item() for k, v in trials.argmin.items()}
    table = grid.get_dataframe()
    assert sorted(table["tid"]) == list(range(12))
    assert {"config/x", "config/kind", "status"} <= set(table.columns)
    folder = Path(grid.experiment_path)
    assert folder.parent == Path(storage)
    assert folder.name.startswith("fn_")
    files = {path.name.split(".")[0] for path in Path(best.path).iterdir()}
    assert {"params", "progress", "result", "events"} <= files
    events = next(Path(best.path).glob("events*"))
    assert b"ray/tune/loss" in events.read_bytes()


def test_the_grid_stays_out_of_a_pickle_of_the_trials(minimise: Any) -> None:
    trials = Trials()
    minimise(lambda p: p["x"], SPACE, max_evals=1, trials=trials)
    assert copy.deepcopy(trials.result_grid) is trials.result_grid
    loaded = pickle.loads(pickle.dumps(trials))
    assert loaded.losses() == trials.losses()
    assert loaded.result_grid is None
    assert b"ray.tune" not in pickle.dumps(trials)


def test_nothing_of_tunes_is_printed_and_no_deprecation_is_warned_about(
    minimise: Any, capfd: pytest.CaptureFixture[str], recwarn: pytest.WarningsRecorder
) -> None:
    minimise(lambda p: p["x"], SPACE, max_evals=2, show_progressbar=True)
    captured = capfd.readouterr()
    shown = [line for line in (captured.out + captured.err).splitlines() if line.strip()]
    assert all("trial/s" in line or "best loss" in line for line in shown), shown
    assert not [w for w in recwarn if issubclass(w.category, DeprecationWarning | FutureWarning)]


def test_tunes_own_output_comes_on_request(
    minimise: Any, capfd: pytest.CaptureFixture[str]
) -> None:
    minimise(lambda p: p["x"], SPACE, max_evals=1, run={"verbose": 1})
    assert "View detailed results here" in capfd.readouterr().out


def test_an_actor_runs_one_trial_after_the_other_unless_told_not_to(minimise: Any) -> None:
    def fn(p: Any) -> dict[str, Any]:
        import os
        import threading

        is_main = threading.current_thread() is threading.main_thread()
        return {"loss": 0.0, "status": "ok", "pid": os.getpid(), "main": is_main}

    reused, fresh = Trials(), Trials()
    minimise(fn, SPACE, max_evals=3, trials=reused, parallelism=1)
    minimise(fn, SPACE, max_evals=2, trials=fresh, parallelism=1, ray={"reuse_actors": False})
    assert len({result["pid"] for result in reused.results}) == 1
    assert len({result["pid"] for result in fresh.results}) == 2
    assert all(result["main"] for result in reused.results)


def test_short_trials_use_all_actors_and_none_is_started_for_nothing(minimise: Any) -> None:
    from ray._private import state  # no public function tells without a dashboard

    def fn(p: Any) -> dict[str, Any]:
        import os
        import time

        time.sleep(0.05)
        return {"loss": 0.0, "status": "ok", "pid": os.getpid()}

    before = len(state.actors())
    trials = Trials()
    minimise(fn, SPACE, timeout=25, max_evals=400, trials=trials, parallelism=2)
    assert len({result["pid"] for result in trials.results}) == 2
    assert len(state.actors()) - before == 2


def test_names_callbacks_and_resources_are_the_users(minimise: Any, storage: str) -> None:
    class Watch(Callback):
        seen: list[Any] = []  # noqa: RUF012

        def on_trial_result(self, *, trial: Any, result: Any, **info: Any) -> None:
            self.seen.append((str(trial), dict(result)))

    def fn(p: Any) -> dict[str, Any]:
        import ray

        cpus = ray.get_runtime_context().get_assigned_resources()["CPU"]
        return {"loss": p["x"], "status": "ok", "cpus": cpus}

    trials = Trials()
    minimise(
        fn, SPACE, max_evals=2, trials=trials, parallelism=None,
        run={"name": "mine", "callbacks": [Watch()]},
        ray={
            "resources_per_trial": {"cpu": 2},
            "tune_config": TuneConfig(trial_name_creator=lambda trial: f"no-{trial.trial_id}"),
        },
    )  # fmt: skip
    assert Path(trials.result_grid.experiment_path) == Path(storage) / "mine"
    assert [result["cpus"] for result in trials.results] == [2.0, 2.0]
    assert {name.split("-")[0] for name, _ in Watch.seen} == {"no"}
    assert sorted(result["loss"] for _, result in Watch.seen) == sorted(trials.losses())
    assert not any("hyperbridge_report" in result for _, result in Watch.seen)


class Heard(Callback):
    """Notes what it hears of trials, for the whole class: Tune may copy it."""

    events: ClassVar[list[str]] = []

    def on_trial_complete(self, *, trial: Any, **info: Any) -> None:
        self.events.append("complete")

    def on_trial_error(self, *, trial: Any, **info: Any) -> None:
        self.events.append("error")


class Watching(FIFOScheduler):
    """Runs trials in their order, and notes what it hears."""

    events: ClassVar[list[str]] = []

    def on_trial_complete(self, controller: Any, trial: Any, result: Any) -> None:
        self.events.append("complete")

    def on_trial_error(self, controller: Any, trial: Any) -> None:
        self.events.append("error")


def test_callbacks_and_the_scheduler_hear_of_a_failed_trial_as_such(minimise: Any) -> None:
    def fn(p: Any) -> Any:
        if p["x"] < 0:
            raise ArithmeticError("too low")
        return 1.0 if p["kind"] == "a" else {"status": "ok", "loss": "no number"}

    points = [{"x": 1, "kind": 0}, {"x": -1, "kind": 0}, {"x": 1, "kind": 1}, {"x": 2, "kind": 0}]
    Heard.events.clear()
    Watching.events.clear()
    trials, scheduler = SparkTrials(), Watching()
    minimise(
        fn, SPACE, max_evals=0, trials=trials, points_to_evaluate=points, parallelism=1,
        run={"callbacks": [Heard()]}, ray={"tune_config": TuneConfig(scheduler=scheduler)},
    )  # fmt: skip
    assert Heard.events == Watching.events == ["complete", "error", "error", "complete"]
    assert trials.result_grid.num_errors == trials.count_failed_trials() == 2
    assert "on_trial_complete" not in vars(scheduler), "the user's own was changed"


def test_a_failed_trial_is_never_the_best_of_the_grid(minimise: Any) -> None:
    def fn(p: Any) -> dict[str, Any]:
        return {"loss": p["x"], "status": "ok" if p["x"] > 0 else "fail"}

    trials = Trials()
    minimise(
        fn, SPACE, max_evals=0, trials=trials,
        points_to_evaluate=[{"x": 1, "kind": 0}, {"x": -1, "kind": 0}],
    )  # fmt: skip
    assert trials.result_grid.get_best_result().metrics["loss"] == 1


def test_two_calls_in_threads_may_have_objectives_of_one_name(minimise: Any) -> None:
    def plain() -> Any:
        def fn(p: Any) -> dict[str, Any]:
            import threading
            import time

            time.sleep(0.5)
            is_main = threading.current_thread() is threading.main_thread()
            return {"loss": 0.0, "status": "ok", "main": is_main}

        return fn

    def reporting() -> Any:
        def fn(p: Any) -> dict[str, Any]:
            import time

            from ray import tune

            time.sleep(0.5)
            return {"loss": 0.0, "status": "ok", "id": tune.get_context().get_trial_id()}

        return fn

    def search(fn: Any) -> Any:
        trials = Trials()
        minimise(fn, SPACE, max_evals=4, trials=trials, parallelism=1, ray={"reuse_actors": False})
        return trials

    with ThreadPoolExecutor(2) as pool:
        first, second = pool.map(search, [plain(), reporting()])
    assert [result["main"] for result in first.results] == [True] * 4
    assert all(result["id"] for result in second.results)


def test_a_large_result_comes_back_whole(minimise: Any) -> None:
    def fn(p: Any) -> dict[str, Any]:
        import numpy as np

        return {"loss": 0.0, "status": "ok", "weights": np.arange(500_000)}

    trials = Trials()
    minimise(fn, SPACE, max_evals=1, trials=trials)
    assert trials.results[0]["weights"][-1] == 499_999
    assert "weights" not in trials.result_grid[0].metrics


def test_a_seed_gives_hyperopts_trials_with_one_trial_at_a_time(minimise: Any) -> None:
    ours, local = Trials(), Trials()
    for trials, extra in ((ours, {"parallelism": 1}), (local, {"backend": "local"})):
        minimise(
            lambda p: p["x"] ** 2 + (p["kind"] == "a"), SPACE, algo=tpe.suggest, max_evals=25,
            trials=trials, rstate=np.random.default_rng(3), **extra,
        )  # fmt: skip
    assert ours.vals == local.vals
    assert ours.losses() == local.losses()


def test_a_scheduler_stops_trials_by_what_they_report(minimise: Any) -> None:
    def fn(p: Any) -> float:
        from ray import tune

        for step in range(8):
            tune.report({"loss": p["x"] + 10 - step})
        return float(p["x"])

    trials = Trials()
    scheduler = ASHAScheduler(max_t=20, grace_period=1, reduction_factor=2)
    minimise(
        fn, {"x": hp.uniform("x", 0, 5)}, max_evals=8, trials=trials, parallelism=2,
        ray={"tune_config": TuneConfig(scheduler=scheduler)},
    )  # fmt: skip
    assert len(trials) == 8
    stopped = [r for r in trials.results if r.get("stopped_early") == 1]
    whole = [d for d in trials.trials if not d["result"].get("stopped_early")]
    assert stopped
    assert len(stopped) < 8
    assert all(d["result"]["loss"] == d["misc"]["vals"]["x"][0] for d in whole)
    assert trials.result_grid.num_errors == 0


def test_a_scheduler_given_as_the_pruner_sees_the_reports(minimise: Any) -> None:
    def fn(x: float) -> float:
        import hyperbridge

        for step in range(20):
            hyperbridge.report(x, step)
        return x

    trials = SparkTrials()
    scheduler = ASHAScheduler(max_t=30, grace_period=1, reduction_factor=2)
    minimise(fn, hp.uniform("x", 0, 1), trials=trials, max_evals=8, parallelism=1, pruner=scheduler)
    stopped = [document for document in trials.trials if "stopped_early" in document["result"]]
    assert 0 < len(stopped) < 8
    for document in stopped:
        assert document["result"]["loss"] == document["misc"]["vals"]["x"][0]
    whole = [document for document in trials.trials if document not in stopped]
    assert all(len(document["misc"]["reports"]) == 20 for document in whole)


def test_reports_without_a_scheduler_are_in_the_results_and_the_context_is_there(
    minimise: Any,
) -> None:
    def fn(p: Any) -> dict[str, Any]:
        from ray import tune

        for step in range(3):
            tune.report({"step": step})
        return {"loss": 1.0, "status": "ok", "id": tune.get_context().get_trial_id()}

    trials = Trials()
    minimise(fn, SPACE, max_evals=2, trials=trials)
    assert trials.losses() == [1.0, 1.0]
    grid = trials.result_grid
    assert sorted(r["id"] for r in trials.results) == sorted(r.metrics["trial_id"] for r in grid)
    assert list(grid[0].metrics_dataframe["step"][:3]) == [0, 1, 2]
    assert grid.get_best_result().metrics["loss"] == 1.0


def test_a_stop_rule_sees_what_the_objective_returns(minimise: Any) -> None:
    def fn(p: Any) -> dict[str, Any]:
        return {"loss": 2.0, "status": "ok", "accuracy": p["x"]}

    seen: list[float] = []

    class Enough(Stopper):
        def __call__(self, trial_id: str, result: dict[str, Any]) -> bool:
            seen.append(result["accuracy"])
            return result["accuracy"] > 100

        def stop_all(self) -> bool:
            return False

    trials = Trials()
    minimise(fn, SPACE, max_evals=3, trials=trials, parallelism=1, run={"stop": Enough()})
    assert seen == [document["misc"]["vals"]["x"][0] for document in trials.trials]
    plateau = ExperimentPlateauStopper("loss", std=10.0, top=2)
    trials = Trials()
    minimise(fn, SPACE, max_evals=20, trials=trials, parallelism=1, run={"stop": plateau})
    assert 2 <= len(trials) < 20
    assert (trials.stop_reason, trials.fmin_cancelled) == ("engine", False)


def test_a_rule_that_ends_all_keeps_what_running_trials_have_reported(minimise: Any) -> None:
    def fn(p: Any) -> float:
        import time

        from ray import tune

        tune.report({"loss": 7.0})
        time.sleep(60)
        return 0.0

    class AfterTwo(Stopper):
        def __init__(self) -> None:
            self.seen = 0

        def __call__(self, trial_id: str, result: dict[str, Any]) -> bool:
            self.seen += 1
            return False

        def stop_all(self) -> bool:
            return self.seen >= 2

    for max_evals in (20, 2):  # in the second all have been proposed when the rule fires
        trials = SparkTrials()
        minimise(fn, SPACE, max_evals=max_evals, trials=trials, run={"stop": AfterTwo()})
        assert trials.losses()[:2] == [7.0, 7.0]
        assert trials.results[0]["stopped_early"] == 1


def test_a_placement_and_the_mode_of_a_scheduler_are_the_users(minimise: Any) -> None:
    class Watch(Callback):
        seen: list[Any] = []  # noqa: RUF012

        def on_trial_start(self, *, trial: Any, **info: Any) -> None:
            asked = trial.placement_group_factory
            self.seen.append((asked.strategy, asked.head_bundle_is_empty, asked.bundles))

    asked = PlacementGroupFactory([{}, {"CPU": 1}, {"CPU": 1}], strategy="SPREAD")
    config = TuneConfig(metric="loss", scheduler=ASHAScheduler(mode="min"))
    for _ in range(2):
        minimise(
            lambda p: p["x"], SPACE, max_evals=1, run={"callbacks": [Watch()]},
            ray={"resources_per_trial": asked, "tune_config": config},
        )  # fmt: skip
    assert Watch.seen == [("SPREAD", True, [{"CPU": 1}, {"CPU": 1}])] * 2


def test_a_trial_stopped_before_it_reports_a_loss_is_cancelled(minimise: Any) -> None:
    def fn(p: Any) -> float:
        from ray import tune

        for step in range(100):
            tune.report({"score": step})
        return 0.0

    trials = SparkTrials()
    minimise(
        fn, SPACE, max_evals=1, trials=trials, return_argmin=False,
        run={"stop": {"training_iteration": 2}},
    )  # fmt: skip
    (document,) = trials._dynamic_trials
    assert document["state"] == JOB_STATE_CANCEL
    assert "before it reported a loss" in document["misc"]["error"][1]


def test_a_lost_process_is_retried_when_tune_is_told_to(minimise: Any, tmp_path: Path) -> None:
    folder = str(tmp_path)

    def fn(p: Any) -> float:
        import os
        import signal

        n_before = len([name for name in os.listdir(folder) if name.startswith("call")])
        if n_before < 2:
            open(f"{folder}/call{n_before}", "w").close()
            os.kill(os.getpid(), signal.SIGKILL)
        return 3.0

    trials = Trials()
    minimise(  # once more than by `retries`
        fn, SPACE, max_evals=1, trials=trials, run={"failure_config": FailureConfig(max_failures=2)}
    )
    assert trials.losses() == [3.0]
    assert trials.trials[0]["state"] == JOB_STATE_DONE
    assert trials.trials[0]["misc"]["attempts"] == 3


def test_a_trial_over_its_limit_is_an_error_of_the_grid_and_not_tried_again(minimise: Any) -> None:
    def fn(p: Any) -> float:
        import time

        from ray import tune

        tune.report({"loss": 1.0})
        while p["x"] < 0:
            time.sleep(1)
        return 2.0

    trials = Trials()
    points = [{"x": -1.0, "kind": 0}, {"x": 1.0, "kind": 0}]
    minimise(
        fn, SPACE, max_evals=0, points_to_evaluate=points, trials=trials, parallelism=1,
        trial_timeout=3, run={"failure_config": FailureConfig(max_failures=-1)},
    )  # fmt: skip
    assert [d["state"] for d in trials._dynamic_trials] == [JOB_STATE_ERROR, JOB_STATE_DONE]
    assert "attempts" not in trials._dynamic_trials[0]["misc"]
    hung, fine = trials.result_grid
    assert "longer than its limit of 3 s" in str(hung.error)
    assert fine.error is None


def test_a_trial_that_raises_is_retried_as_often_as_tune_is_told_to(
    minimise: Any, tmp_path: Path
) -> None:
    folder = str(tmp_path)

    def fn(p: Any) -> float:
        import os

        n_before = len([name for name in os.listdir(folder) if name.startswith("call")])
        open(f"{folder}/call{n_before}", "w").close()
        if n_before < 3:
            raise ArithmeticError(f"call {n_before}")
        return 3.0

    failures = FailureConfig(max_failures=1)
    trials = SparkTrials()
    minimise(fn, SPACE, max_evals=2, trials=trials, parallelism=1, run={"failure_config": failures})
    first, second = trials._dynamic_trials
    assert "call 1" in first["misc"]["error"][1]
    assert second["result"]["loss"] == 3.0
    assert [d["misc"]["attempts"] for d in (first, second)] == [2, 2]
    assert [result.error is None for result in trials.result_grid] == [False, True]


def test_a_cluster_that_was_there_is_left_alone(minimise: Any) -> None:
    minimise(lambda p: p["x"], SPACE, max_evals=1)
    assert ray.is_initialized()
    assert ray.cluster_resources()["CPU"] == 4


def test_environment_and_handlers_are_left_as_found(minimise: Any) -> None:
    import logging

    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGUSR1)
    before = dict(os.environ), [signal.getsignal(n) for n in numbers]
    level = logging.getLogger("ray.tune").level
    minimise(lambda p: p["x"], SPACE, max_evals=1)
    assert (dict(os.environ), [signal.getsignal(n) for n in numbers]) == before
    assert logging.getLogger("ray.tune").level == level


class Interrupts(Callback):  # type: ignore[misc]  # Ray has no types
    def setup(self, **info: Any) -> None:
        os.kill(os.getpid(), signal.SIGINT)


def test_ctrl_c_while_a_callback_is_set_up_reaches_the_user(minimise: Any) -> None:
    trials = Trials()
    with pytest.raises(KeyboardInterrupt):
        minimise(
            lambda p: p["x"], SPACE, max_evals=2, trials=trials, run={"callbacks": [Interrupts()]}
        )
    assert {document["state"] for document in trials._dynamic_trials} <= {JOB_STATE_CANCEL}


def test_an_objective_reads_files_beside_the_script(
    minimise: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fn(p: Any) -> dict[str, Any]:
        import os

        return {"loss": 0.0, "status": "ok", "folder": os.getcwd()}

    trials = Trials()
    minimise(fn, SPACE, max_evals=1, trials=trials)
    assert trials.results[0]["folder"] == os.getcwd()


def test_modules_that_the_script_can_import_are_found_by_workers(
    minimise: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "my_objective.py").write_text("def fn(p):\n    return 5.0\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    import my_objective  # type: ignore[import-not-found]

    trials = Trials()
    minimise(my_objective.fn, SPACE, max_evals=1, trials=trials)
    assert trials.losses() == [5.0]
