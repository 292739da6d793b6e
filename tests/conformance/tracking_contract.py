"""What a user finds in MLflow after a search, on every backend, in a real SQLite store."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, ClassVar

import mlflow
import pytest
from hyperopt import hp, rand
from hyperopt.exceptions import AllTrialsFailed
from mlflow.entities import ViewType
from mlflow.tracking import MlflowClient

from hyperbridge.documents import was_pruned
from hyperbridge.surface.fmin import fmin
from hyperbridge.surface.spark_trials import SparkTrials
from hyperbridge.surface.trials import Trials
from hyperbridge.testing import BackendContract
from hyperbridge.testing.basis import SPACE, seed, sleep_below_zero
from hyperbridge.testing.children import interrupted_script, start_child, stop_child, wait_for


class TrackingContract:
    """Inherit it beside `BackendContract`'s class of the same backend; the attributes are those.

    Attributes:
        of: The backend's own contract class, which says everything about it.
    """

    of: ClassVar[type[BackendContract]]
    gaps: ClassVar[dict[str, str]] = {}
    backend_label: ClassVar[str]

    @pytest.fixture
    def backend(self) -> Any:
        raise NotImplementedError

    @pytest.fixture
    def client(self, sqlite_store: str) -> MlflowClient:
        """A client of an empty store whose active experiment is ``tuning``."""
        return MlflowClient(sqlite_store)

    @pytest.fixture
    def minimise(self, backend: Any, client: MlflowClient) -> Any:
        defaults = {
            "algo": rand.suggest, "backend": backend, "parallelism": self.of.parallelism,
            "show_progressbar": False, "rstate": seed(), "tracking": True,
        }  # fmt: skip

        def call(fn: Any, space: Any = SPACE, **kwargs: Any) -> Any:
            return fmin(fn, space, **{**defaults, **kwargs})

        return call

    @staticmethod
    def runs(client: MlflowClient) -> list[Any]:
        experiments = [e.experiment_id for e in client.search_experiments()]
        return list(client.search_runs(experiments, max_results=1000))

    def family(self, client: MlflowClient) -> tuple[Any, list[Any]]:
        """Return the one parent and its children by trial id, and check that there is no more."""
        runs = self.runs(client)
        parents = [r for r in runs if "mlflow.parentRunId" not in r.data.tags]
        assert len(parents) == 1
        children = [
            r for r in runs if r.data.tags.get("mlflow.parentRunId") == parents[0].info.run_id
        ]
        assert len(children) == len(runs) - 1
        return parents[0], sorted(children, key=lambda r: int(r.data.tags["hyperbridge.tid"]))

    def test_one_parent_and_a_finished_child_per_trial_with_params_tags_and_metrics(
        self, minimise: Any, client: MlflowClient
    ) -> None:
        def fn(p: Any) -> Any:
            return {"loss": p["x"] ** 2, "status": "ok", "accuracy": 0.5, "name": "text"}

        trials = Trials()
        minimise(fn, max_evals=4, trials=trials, max_queue_len=1, timeout=600)
        parent, children = self.family(client)
        assert parent.info.status == "FINISHED"
        assert parent.data.params == {
            "max_evals": "4",
            "parallelism": str(self.of.parallelism),
            "actual_parallelism": str(self.of.parallelism or 1),
            "timeout": "600",
            "algo": "hyperopt.rand",
            "max_queue_len": "1",
        }
        assert parent.data.tags["runSource"] == "hyperoptAutoTracking"
        assert parent.data.tags["hyperbridge.backend"] == self.backend_label
        assert "hyperopt_param" in parent.data.tags["space"]
        uuid = parent.data.tags["fmin_uuid"]
        assert re.fullmatch("[0-9a-f]{6}", uuid)
        counts = {k: v for k, v in parent.data.metrics.items() if k.endswith("_count")}
        assert counts == {
            "total_trials_count": 4, "successful_trials_count": 4,
            "failed_trials_count": 0, "cancelled_trials_count": 0,
        }  # fmt: skip
        assert parent.data.metrics["best_trial_loss"] == min(trials.losses())

        assert len(children) == 4
        for child, document in zip(
            children, sorted(trials.trials, key=lambda d: d["tid"]), strict=True
        ):
            vals = {k: v[0] for k, v in document["misc"]["vals"].items() if v}
            assert child.info.status == "FINISHED"
            assert child.info.run_name == f"trial-{document['tid']}"
            assert child.data.params == {k: str(v) for k, v in vals.items()}
            assert child.data.metrics == {"loss": document["result"]["loss"], "accuracy": 0.5}
            assert child.data.tags["fmin_uuid"] == uuid
            assert child.data.tags["runSource"] == "hyperoptAutoTracking"
            assert child.data.tags["trial_status"] == "success"
            assert child.data.tags["hyperbridge.value.kind"]

    def test_a_search_that_goes_on_here_and_elsewhere_is_one_family_of_runs(
        self, minimise: Any, client: MlflowClient, tmp_path: Path
    ) -> None:
        def fn(p: Any) -> float:
            return float(p["x"] ** 2)

        trials, kept = Trials(), {"journal": str(tmp_path / "run.journal")}
        minimise(fn, max_evals=2, **kept)
        minimise(fn, max_evals=4, backend="local", parallelism=1, **kept)
        minimise(fn, max_evals=6, trials=trials, **kept)
        parent, children = self.family(client)
        uuid = parent.data.tags["fmin_uuid"]
        assert parent.info.status == "FINISHED"
        assert [child.info.status for child in children] == ["FINISHED"] * 6
        losses = [d["result"]["loss"] for d in sorted(trials.trials, key=lambda d: d["tid"])]
        assert [child.data.metrics["loss"] for child in children] == losses
        assert {child.data.tags["fmin_uuid"] for child in children} == {uuid}
        evals = {k: v for k, v in parent.data.params.items() if k.startswith("max_evals")}
        assert evals == {"max_evals": "2", f"max_evals_{uuid}": "4", f"max_evals_{uuid}_2": "6"}
        assert parent.data.metrics["total_trials_count"] == 6
        assert parent.data.metrics["best_trial_loss"] == min(losses)

    def test_a_trial_that_takes_the_result_of_another_one_has_no_run_and_is_counted(
        self, minimise: Any, client: MlflowClient
    ) -> None:
        trials = Trials()
        minimise(float, hp.randint("n", 2), max_evals=8, trials=trials, repeats="reuse")
        parent, children = self.family(client)
        reused = [d["tid"] for d in trials.trials if "reused_from" in d["misc"]]
        counts = {k: v for k, v in parent.data.metrics.items() if k.endswith("_count")}
        assert counts == {
            "total_trials_count": 8, "successful_trials_count": 8, "failed_trials_count": 0,
            "cancelled_trials_count": 0, "reused_trials_count": len(reused),
        }  # fmt: skip
        assert reused
        tids = {int(child.data.tags["hyperbridge.tid"]) for child in children}
        assert tids == set(trials.tids) - set(reused)

    def test_what_the_objective_logs_lands_in_its_own_child(
        self, minimise: Any, client: MlflowClient
    ) -> None:
        def fn(x: float) -> float:
            import time

            import mlflow

            mlflow.log_metric("direct", x)
            time.sleep(0.05)
            with mlflow.start_run():
                mlflow.log_metric("resumed", x)
            with mlflow.start_run(nested=True):
                mlflow.set_tag("grandchild", "yes")
            active = mlflow.active_run()
            assert active is not None
            MlflowClientInside = mlflow.MlflowClient
            MlflowClientInside().log_metric(active.info.run_id, "by_client", x)
            mlflow.log_dict({"x": x}, "x.json")
            return x

        minimise(fn, hp.uniform("x", 0, 1), max_evals=5)
        runs = self.runs(client)
        children = [r for r in runs if "hyperbridge.tid" in r.data.tags]
        assert len(children) == 5
        for child in children:
            x = float(child.data.params["x"])
            assert child.data.metrics == {"direct": x, "resumed": x, "by_client": x, "loss": x}
            assert [f.path for f in client.list_artifacts(child.info.run_id)] == ["x.json"]
        grandchildren = [r for r in runs if r.data.tags.get("grandchild") == "yes"]
        assert len({r.data.tags["mlflow.parentRunId"] for r in grandchildren}) == 5
        assert len(runs) == 1 + 5 + 5
        assert {r.info.status for r in runs} == {"FINISHED"}
        assert len({r.info.experiment_id for r in runs}) == 1

    def test_a_nested_run_of_legacy_code_is_the_child_itself(
        self, minimise: Any, client: MlflowClient
    ) -> None:
        def fn(x: float) -> float:
            import mlflow

            with mlflow.start_run(nested=True):
                mlflow.log_metric("inside", x)
            return x

        minimise(fn, hp.uniform("x", 0, 1), max_evals=3)
        _, children = self.family(client)
        assert [c.data.metrics["inside"] for c in children] == [
            float(c.data.params["x"]) for c in children
        ]

    def test_an_active_run_is_the_parent_and_stays_open(
        self, minimise: Any, client: MlflowClient
    ) -> None:
        with mlflow.start_run(run_name="mine") as mine:
            minimise(lambda p: p["x"], max_evals=2)
            minimise(lambda p: p["x"], max_evals=3, rstate=seed(1))
            active = mlflow.active_run()
            assert active is not None
            assert active.info.run_id == mine.info.run_id
            assert client.get_run(mine.info.run_id).info.status == "RUNNING"
        parent, children = self.family(client)
        assert parent.info.run_name == "mine"
        assert parent.info.status == "FINISHED"
        assert len(children) == 5
        later = {c.data.tags["fmin_uuid"] for c in children} - {parent.data.tags["fmin_uuid"]}
        (uuid,) = later
        assert parent.data.params["max_evals"] == "2"
        assert parent.data.params[f"max_evals_{uuid}"] == "3"

    def test_a_failed_trial_is_a_failed_child_with_its_traceback_and_what_it_printed(
        self, minimise: Any, client: MlflowClient, tmp_path: Path
    ) -> None:
        def fn(p: Any) -> float:
            if p["x"] < 0:
                print("x is", float(p["x"]))
                raise ArithmeticError("negative")
            return float(p["x"])

        minimise(fn, max_evals=6, trials=SparkTrials(parallelism=self.of.parallelism or 1),
                 parallelism=None)  # fmt: skip
        parent, children = self.family(client)
        failed = [c for c in children if c.info.status == "FAILED"]
        assert 0 < len(failed) < 6
        assert parent.data.metrics["failed_trials_count"] == len(failed)
        assert parent.info.status == "FINISHED"
        for child in failed:
            assert child.data.tags["trial_status"] == "failure"
            path = client.download_artifacts(child.info.run_id, "traceback.txt", str(tmp_path))
            assert "ArithmeticError: negative" in Path(path).read_text()
            path = client.download_artifacts(child.info.run_id, "log.txt", str(tmp_path))
            assert f"x is {child.data.params['x']}" in Path(path).read_text()
        for child in children:
            if child.info.status == "FINISHED":
                assert client.list_artifacts(child.info.run_id) == []
        assert {c.info.status for c in children} == {"FINISHED", "FAILED"}

    def test_a_lost_attempt_leaves_nothing_behind_and_the_last_one_is_counted(
        self, minimise: Any, client: MlflowClient, tmp_path: Path
    ) -> None:
        if self.of.shares_process:
            pytest.skip("trials of this backend run in the driver's own process")
        folder = tmp_path / "lost"

        def fn(x: float) -> float:
            import os
            import signal

            import mlflow

            is_first = x == 1 and not folder.exists()
            mlflow.log_metric("first" if is_first else "last", x)
            if is_first:
                with mlflow.start_run(nested=True), mlflow.start_run(nested=True):
                    folder.mkdir()
                    os.kill(os.getpid(), signal.SIGKILL)
            return x

        points = [{"x": 1.0}, {"x": 2.0}]
        minimise(fn, hp.uniform("x", 0, 5), max_evals=0, points_to_evaluate=points)
        parent, children = self.family(client)
        assert [c.data.metrics for c in children] == [{"last": x, "loss": x} for x in (1.0, 2.0)]
        assert [c.data.tags.get("hyperbridge.attempt") for c in children] == ["2", None]
        assert {c.info.status for c in children} == {"FINISHED"}
        assert parent.data.metrics["total_trials_count"] == 2
        deleted = client.search_runs(
            [parent.info.experiment_id], run_view_type=ViewType.DELETED_ONLY
        )
        assert len(deleted) == 2, "the attempt's run, and the one nested in it"
        assert {run.info.status for run in deleted} == {"KILLED"}

    def test_nothing_is_left_running_when_fmin_raises(
        self, minimise: Any, client: MlflowClient
    ) -> None:
        def fn(p: Any) -> float:
            raise ArithmeticError("always")

        with pytest.raises(ArithmeticError):
            minimise(fn, max_evals=6, trials=Trials())
        parent, children = self.family(client)
        assert parent.info.status == "FAILED"
        assert children
        assert all(c.info.status in ("FAILED", "KILLED") for c in children)
        assert mlflow.active_run() is None

    def test_a_search_whose_trials_all_failed_is_a_failed_parent(
        self, minimise: Any, client: MlflowClient
    ) -> None:
        def fn(p: Any) -> float:
            raise ArithmeticError("always")

        with pytest.raises(AllTrialsFailed):
            minimise(fn, max_evals=2, trials=SparkTrials())
        parent, children = self.family(client)
        assert parent.info.status == "FAILED"
        assert [c.info.status for c in children] == ["FAILED", "FAILED"]
        assert parent.data.metrics["failed_trials_count"] == 2
        assert "best_trial_loss" not in parent.data.metrics

    def test_nothing_is_left_running_after_a_timeout(
        self, minimise: Any, client: MlflowClient
    ) -> None:
        trials = SparkTrials()
        minimise(
            sleep_below_zero(self.of.long_s), hp.uniform("x", -5, -1), max_evals=40,
            timeout=self.of.timeout_s, trials=trials, points_to_evaluate=[{"x": 1.0}],
            return_argmin=False,
        )  # fmt: skip
        parent, children = self.family(client)
        assert parent.info.status == "FINISHED"
        assert {c.info.status for c in children} <= {"FINISHED", "KILLED"}
        killed = [c for c in children if c.info.status == "KILLED"]
        assert all(c.data.tags["trial_status"] == "cancelled" for c in killed)
        assert parent.data.metrics["cancelled_trials_count"] == len(killed)

    def test_threads_and_programs_of_the_objective_log_into_its_child(
        self, minimise: Any, client: MlflowClient
    ) -> None:
        def fn(x: float) -> float:
            import subprocess
            import sys
            from concurrent.futures import ThreadPoolExecutor
            from multiprocessing.pool import ThreadPool

            import mlflow

            with ThreadPool(2) as pool:
                pool.map(lambda k: mlflow.log_metric(f"fold_{k}", x), [0, 1])
            with ThreadPoolExecutor(1) as executor:
                executor.submit(mlflow.log_metric, "executor", x).result()
            program = f"import mlflow; mlflow.log_metric('program', {float(x)!r})"
            subprocess.run([sys.executable, "-c", program], check=True)
            return x

        minimise(fn, hp.uniform("x", 0, 1), max_evals=2)
        _, children = self.family(client)
        assert len(children) == 2
        for child in children:
            x = float(child.data.params["x"])
            names = ("fold_0", "fold_1", "executor", "program", "loss")
            assert child.data.metrics == dict.fromkeys(names, x)
            assert child.info.status == "FINISHED"

    def test_a_run_of_the_users_keeps_what_is_nested_in_it(
        self, minimise: Any, client: MlflowClient
    ) -> None:
        with mlflow.start_run(run_name="mine") as mine:
            pass
        mine_id = mine.info.run_id

        def fn(x: float) -> float:
            import mlflow

            with mlflow.start_run(run_id=mine_id), mlflow.start_run(nested=True):
                mlflow.log_metric("inside", x)
            mlflow.log_metric("direct", x)
            return x

        minimise(fn, hp.uniform("x", 0, 1), max_evals=2, parallelism=1)
        runs = self.runs(client)
        nested = [r for r in runs if r.data.tags.get("mlflow.parentRunId") == mine_id]
        children = [r for r in runs if "hyperbridge.tid" in r.data.tags]
        assert [set(r.data.metrics) for r in nested] == [{"inside"}] * 2
        assert [set(r.data.metrics) for r in children] == [{"direct", "loss"}] * 2
        assert {r.info.status for r in runs} == {"FINISHED"}
        assert len(runs) == 1 + 1 + 2 + 2

    def test_a_result_with_status_fail_is_a_failed_child(
        self, minimise: Any, client: MlflowClient
    ) -> None:
        def fn(p: Any) -> dict[str, Any]:
            return {"loss": p["x"], "status": "fail" if p["x"] < 0 else "ok"}

        trials = Trials()
        minimise(fn, max_evals=6, trials=trials)
        parent, children = self.family(client)
        n_failed = trials.statuses().count("fail")
        assert 0 < n_failed < 6
        assert parent.data.metrics["failed_trials_count"] == n_failed
        assert parent.data.metrics["successful_trials_count"] == 6 - n_failed
        assert parent.info.status == "FINISHED"
        for child, document in zip(children, trials.trials, strict=True):
            is_ok = document["result"]["status"] == "ok"
            assert child.info.status == ("FINISHED" if is_ok else "FAILED")
            assert child.data.tags["trial_status"] == ("success" if is_ok else "failure")
            assert ("loss" in child.data.metrics) == is_ok

    def test_a_pruned_trial_says_so_and_its_reports_are_the_metric_loss(
        self, minimise: Any, client: MlflowClient
    ) -> None:
        def fn(x: float) -> float:
            import hyperbridge

            for step in range(3):
                hyperbridge.report(x + step, 10 * step)
            return x

        trials = Trials()
        minimise(
            fn, hp.uniform("x", 0, 1), max_evals=14, trials=trials, pruner="median", parallelism=1
        )
        parent, children = self.family(client)
        pruned = [was_pruned(document) for document in trials.trials]
        assert parent.data.metrics["pruned_trials_count"] == sum(pruned) > 0
        assert parent.data.metrics["failed_trials_count"] == 0
        for child, document in zip(children, trials.trials, strict=True):
            history = client.get_metric_history(child.info.run_id, "loss")
            points = sorted((m.step, m.value) for m in history)
            reports = [(step, loss) for step, loss in document["misc"]["reports"]]
            assert child.info.status == "FINISHED"
            assert child.data.params == {"x": str(document["misc"]["vals"]["x"][0])}
            if was_pruned(document):
                assert child.data.tags["trial_status"] == "pruned"
                assert points == reports
            else:
                assert child.data.tags["trial_status"] == "success"
                assert points == sorted([*reports, (20, document["result"]["loss"])])
                assert child.data.metrics == {"loss": document["result"]["loss"]}

    def test_a_run_in_the_result_travels_as_a_plain_run(
        self, minimise: Any, client: MlflowClient, tmp_path: Path
    ) -> None:
        import pickle

        from mlflow.tracking.fluent import ActiveRun

        def fn(x: float) -> dict[str, Any]:
            import mlflow

            with mlflow.start_run() as run:
                mlflow.log_metric("inside", x)
            return {"loss": x, "status": "ok", "run": run, "kept": [{"active": (run,)}]}

        trials = Trials()
        file = tmp_path / "trials.pkl"
        minimise(fn, hp.uniform("x", 0, 1), max_evals=2, trials=trials, trials_save_file=str(file))
        _, children = self.family(client)
        for found in (trials, pickle.loads(pickle.dumps(trials)), pickle.loads(file.read_bytes())):
            for child, result in zip(children, found.results, strict=True):
                (active,) = result["kept"][0]["active"]
                for run in (result["run"], active):
                    assert type(run) is ActiveRun
                    assert run.info.run_id == child.info.run_id
        best = trials.best_trial["result"]["run"].info.run_id
        assert best in {child.info.run_id for child in children}

    def test_traces_are_there_when_the_search_has_ended(
        self, minimise: Any, client: MlflowClient
    ) -> None:
        def fn(x: float) -> float:
            import mlflow

            with mlflow.start_span(name="predict") as span:
                span.set_inputs({"x": float(x)})
            return x

        minimise(fn, hp.uniform("x", 0, 1), max_evals=2)
        _, children = self.family(client)
        traces = client.search_traces(locations=[children[0].info.experiment_id])
        sources = {trace.info.trace_metadata["mlflow.sourceRun"] for trace in traces}
        assert sources == {child.info.run_id for child in children}

    def test_values_that_cannot_be_shown_end_no_search(
        self, minimise: Any, client: MlflowClient
    ) -> None:
        def fn(p: Any) -> dict[str, Any]:
            import numbers

            class Unspeakable:
                def __str__(self) -> str:
                    raise RuntimeError("no text")

                __repr__ = __str__

                def __float__(self) -> float:
                    raise RuntimeError("no number")

            numbers.Real.register(Unspeakable)
            return {"loss": p["x"], "status": "ok", "odd": Unspeakable()}

        trials = Trials()
        minimise(fn, max_evals=2, trials=trials)
        _, children = self.family(client)
        assert [child.info.status for child in children] == ["FINISHED"] * 2
        assert len(trials.losses()) == 2

    def test_no_tracking_means_no_run(self, minimise: Any, client: MlflowClient) -> None:
        minimise(lambda p: 0.0, max_evals=1, tracking=False)
        assert self.runs(client) == []

    @pytest.mark.slow
    def test_nothing_is_left_running_after_ctrl_c(
        self, client: MlflowClient, sqlite_store: str, tmp_path: Path
    ) -> None:
        import signal

        store = f"import mlflow\nmlflow.set_tracking_uri({sqlite_store!r})\n"
        source = interrupted_script(
            self.of, before=store + 'mlflow.set_experiment("tuning")', arguments="tracking=True"
        )
        process = start_child(source, tmp_path)
        try:
            wait_for(tmp_path / "sleeping", process)
            process.send_signal(signal.SIGINT)
            output, _ = process.communicate(timeout=90)
        finally:
            stop_child(process)
        assert "interrupted" in output, output
        parent, children = self.family(client)
        assert parent.info.status == "KILLED"
        assert {c.info.status for c in children} == {"FINISHED", "KILLED"}
