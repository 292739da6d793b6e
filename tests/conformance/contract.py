"""What every backend keeps: a backend's test class inherits `BackendContract` and says who it is.

A gap is declared once, in ``gaps``, with its reason; it is a strict expected failure, so a
backend that learns it has to strike it out. Objectives are nested functions on purpose: they
travel by value, as those of a script or a notebook do.
"""

from __future__ import annotations

import contextlib
import functools
import os
import random
import signal
import subprocess
import sys
import textwrap
import threading
import time
from pathlib import Path
from typing import Any, ClassVar

import hyperopt
import numpy as np
import pytest
from hyperopt import anneal, hp, mix, rand, tpe
from hyperopt.base import (
    JOB_STATE_CANCEL,
    JOB_STATE_DONE,
    JOB_STATE_ERROR,
    STATUS_FAIL,
    STATUS_OK,
)
from hyperopt.early_stop import no_progress_loss
from hyperopt.exceptions import AllTrialsFailed, InvalidLoss, InvalidResultStatus
from hyperopt.fmin import fmin_pass_expr_memo_ctrl, generate_trials_to_calculate

from hyperbridge.errors import (
    HyperbridgeError,
    InvalidArgumentError,
    InvalidSpaceError,
    ObjectiveNotPicklableError,
)
from hyperbridge.surface.fmin import fmin
from hyperbridge.surface.spark_trials import SparkTrials
from hyperbridge.surface.trials import Trials

ROOT = Path(__file__).resolve().parents[2]

SPACE = {
    "x": hp.uniform("x", -5, 5),
    "kind": hp.choice(
        "kind",
        [
            {"name": "a", "q": hp.quniform("q", 0, 5, 1)},
            {"name": "b", "n": hp.randint("n", 3)},
        ],
    ),
}

TIME_STAMPS = ("book_time", "refresh_time")


def seed(number: int = 0) -> np.random.Generator:
    return np.random.default_rng(number)


def own_suggest(new_ids: Any, domain: Any, trials: Any, seed: int) -> list[Any]:
    """A user's own algorithm: every third point is a copy of the best one so far."""
    documents = rand.suggest(new_ids, domain, trials, seed)
    done = [t for t in trials.trials if t["result"].get("status") == STATUS_OK]
    if done and new_ids[0] % 3 == 2:
        best = min(done, key=lambda t: t["result"]["loss"])
        for document in documents:
            vals = {k: list(v) for k, v in best["misc"]["vals"].items()}
            document["misc"]["vals"] = vals
            document["misc"]["idxs"] = {k: [document["tid"]] * len(v) for k, v in vals.items()}
    return documents


ALGORITHMS: dict[str, Any] = {
    "rand": rand.suggest,
    "tpe": functools.partial(tpe.suggest, n_startup_jobs=5),
    "anneal": anneal.suggest,
    "mix": functools.partial(mix.suggest, p_suggest=[(0.5, rand.suggest), (0.5, anneal.suggest)]),
    "own": own_suggest,
}


def without_time(documents: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{k: v for k, v in d.items() if k not in TIME_STAMPS} for d in documents]


def our_threads() -> list[str]:
    return [t.name for t in threading.enumerate() if t.name.startswith("hyperbridge")]


def sleep_below_zero(seconds: float) -> Any:
    """An objective that returns at once for a positive x and takes long for a negative one."""

    def fn(x: float) -> float:
        import time

        if x < 0:
            time.sleep(seconds)
        return x

    return fn


class BackendContract:
    """Inherit it, set the class attributes, give the fixture ``backend``.

    Attributes:
        parallelism: Trials at once in these tests.
        shares_process: Trials run in the driver's own process.
        runs_hyperopt_algorithms: A hyperopt suggest function proposes the trials; else the
            engine's own search does.
        timeout_s: A timeout in which a first trial starts and ends also on a busy machine.
        long_s: How long a trial that is to be cancelled would take.
        interrupted_s: Within how many seconds fmin raises after Ctrl-C.
        gaps: Reason by test name, for what the backend cannot keep.
        child_backend: Python source of the ``backend=`` argument in a new process.
    """

    parallelism: ClassVar[int | None] = None
    shares_process: ClassVar[bool] = False
    runs_hyperopt_algorithms: ClassVar[bool] = True
    gaps: ClassVar[dict[str, str]] = {}
    timeout_s: ClassVar[float] = 8
    long_s: ClassVar[float] = 60
    interrupted_s: ClassVar[float] = 10
    child_backend: ClassVar[str]
    child_setup: ClassVar[str] = ""

    @pytest.fixture
    def backend(self) -> Any:
        """A backend object or name."""
        raise NotImplementedError

    @pytest.fixture
    def minimise(self, backend: Any) -> Any:
        """fmin on this backend, quiet, with random search unless the test says otherwise."""
        defaults = {
            "algo": rand.suggest,
            "backend": backend,
            "parallelism": self.parallelism,
            "show_progressbar": False,
            "rstate": seed(),
        }

        def call(fn: Any, space: Any = SPACE, **kwargs: Any) -> Any:
            return fmin(fn, space, **{**defaults, **kwargs})

        return call

    @property
    def slots(self) -> int:
        return self.parallelism or 1

    def needs_own_process(self) -> None:
        if self.shares_process:
            pytest.skip("trials of this backend run in the driver's own process")

    def needs_hyperopt_algorithms(self) -> None:
        if not self.runs_hyperopt_algorithms:
            pytest.skip("this backend brings its own search")

    # -- arguments -------------------------------------------------------------------------

    def test_max_evals_is_the_number_of_trials(self, minimise: Any) -> None:
        trials = Trials()
        best = minimise(lambda p: p["x"] ** 2, max_evals=5, trials=trials)
        assert len(trials) == 5
        assert sorted(trials.tids) == [0, 1, 2, 3, 4]
        assert best == trials.argmin
        assert {d["state"] for d in trials.trials} == {JOB_STATE_DONE}

    def test_best_holds_the_index_of_a_choice_and_best_values_the_option(
        self, minimise: Any
    ) -> None:
        trials = Trials()
        best = minimise(lambda p: float(p["kind"]["name"] == "a"), max_evals=6, trials=trials)
        assert best["kind"] == 1
        assert "q" not in best
        assert best["n"] in (0, 1, 2)
        assert trials.best_values()["kind"] == {"name": "b", "n": best["n"]}

    def test_documents_have_the_keys_and_types_of_hyperopt(self, minimise: Any) -> None:
        trials, theirs = Trials(), hyperopt.Trials()
        minimise(lambda p: p["x"] ** 2, max_evals=3, trials=trials)
        hyperopt.fmin(
            lambda p: p["x"] ** 2, SPACE, algo=rand.suggest, max_evals=3, trials=theirs,
            rstate=seed(), verbose=False,
        )  # fmt: skip
        for ours, other in zip(trials.trials, theirs.trials, strict=True):
            assert set(ours) == set(other)
            assert {k: type(v) for k, v in ours.items()} == {k: type(v) for k, v in other.items()}
            assert set(ours["misc"]) == set(other["misc"])
            assert set(ours["misc"]["vals"]) == set(other["misc"]["vals"])
            assert ours["result"].keys() == other["result"].keys()
            assert ours["book_time"] <= ours["refresh_time"]

    def test_return_argmin_false_returns_the_point(self, minimise: Any) -> None:
        trials = Trials()
        point = minimise(lambda p: p["x"] ** 2, max_evals=4, trials=trials, return_argmin=False)
        assert point == hyperopt.space_eval(SPACE, trials.argmin)

    @pytest.mark.parametrize("timeout", [2, 1.5])
    def test_timeout_alone_ends_a_search_without_max_evals(
        self, minimise: Any, timeout: float
    ) -> None:
        def slow(p: Any) -> float:
            import time

            time.sleep(0.1)
            return float(p["x"])

        trials = Trials()
        start = time.monotonic()
        minimise(slow, timeout=timeout, trials=trials, return_argmin=False)
        assert timeout <= time.monotonic() - start < timeout + 20
        states = {d["state"] for d in trials._dynamic_trials}
        assert states
        assert states <= {JOB_STATE_DONE, JOB_STATE_CANCEL}

    def test_a_timeout_longer_than_any_clock_is_no_error(self, minimise: Any) -> None:
        trials = Trials()
        minimise(lambda p: 0.0, timeout=1e15, max_evals=2, trials=trials)
        assert len(trials) == 2

    def test_loss_threshold_ends_the_search(self, minimise: Any) -> None:
        trials = Trials()
        minimise(lambda p: -1.0, max_evals=50, loss_threshold=0.0, trials=trials)
        assert 1 <= len(trials) <= self.slots

    def test_a_loss_equal_to_the_threshold_does_not_end_the_search(self, minimise: Any) -> None:
        trials = Trials()
        minimise(lambda p: 0.0, max_evals=4, loss_threshold=0.0, trials=trials)
        assert len(trials) == 4

    def test_no_progress_loss_ends_the_search(self, minimise: Any) -> None:
        trials = Trials()
        minimise(lambda p: 1.0, max_evals=60, early_stop_fn=no_progress_loss(3), trials=trials)
        assert 3 <= len(trials) <= 4 + self.slots

    def test_early_stop_fn_may_return_a_dict_as_its_arguments(self, minimise: Any) -> None:
        seen: list[tuple[Any, ...]] = []

        def stop(trials: Any, *args: Any) -> tuple[bool, Any]:
            seen.append(args)
            return len(seen) >= 3, {"first": 1, "second": 2}

        minimise(lambda p: 0.0, max_evals=30, early_stop_fn=stop)
        assert seen == [(), ("first", "second"), ("first", "second")]

    def test_early_stop_fn_sees_the_trial_that_has_just_ended_as_the_last(
        self, minimise: Any
    ) -> None:
        losses: list[Any] = []

        def watch(trials: Any, *args: Any) -> tuple[bool, Any]:
            losses.append(trials.trials[-1]["result"]["loss"])
            assert all(d["result"]["status"] == STATUS_OK for d in trials.trials)
            return False, []

        trials = Trials()
        minimise(lambda p: p["x"], max_evals=5, early_stop_fn=watch, trials=trials)
        assert sorted(losses) == sorted(trials.losses())

    def test_points_to_evaluate_come_first_and_on_top_of_max_evals(self, minimise: Any) -> None:
        points = [{"x": 1.5, "kind": 0, "q": 2.0}, {"x": -1.5, "kind": 1, "n": 2}]
        trials = Trials()
        minimise(lambda p: p["x"], max_evals=3, points_to_evaluate=points, trials=trials)
        vals = [{k: v[0] for k, v in d["misc"]["vals"].items() if v} for d in trials.trials]
        assert vals[:2] == points
        assert trials.losses()[:2] == [1.5, -1.5]
        assert len(trials) == 5

    def test_pre_filled_trials_are_evaluated_first(self, minimise: Any) -> None:
        trials = generate_trials_to_calculate([{"x": 0.25}, {"x": 0.75}])
        minimise(lambda x: x, hp.uniform("x", 0, 1), max_evals=2, trials=trials)
        assert trials.losses()[:2] == [0.25, 0.75]
        assert len(trials) == 4

    def test_pass_expr_memo_ctrl_reaches_the_objective(self, minimise: Any) -> None:
        def low_level(expr: Any, memo: Any, ctrl: Any) -> dict[str, Any]:
            from hyperopt.pyll import rec_eval

            ctrl.attachments["note"] = b"by ctrl"
            return {"loss": rec_eval(expr, memo=memo)["x"], "status": "ok"}

        marked = fmin_pass_expr_memo_ctrl(functools.wraps(low_level)(low_level))
        for kwargs in ({"pass_expr_memo_ctrl": True, "fn": low_level}, {"fn": marked}):
            trials = Trials()
            minimise(max_evals=2, trials=trials, parallelism=1, **kwargs)
            assert trials.losses() == [d["misc"]["vals"]["x"][0] for d in trials.trials]
            for document in trials.trials:
                assert trials.trial_attachments(document)["note"] == b"by ctrl"

    @pytest.mark.parametrize("kind", [Trials, SparkTrials])
    def test_attachments_of_a_result_are_reachable_on_the_driver(
        self, minimise: Any, kind: Any
    ) -> None:
        def fn(p: Any) -> dict[str, Any]:
            text = repr(p["x"]).encode()
            return {"loss": p["x"], "status": "ok", "attachments": {"x.txt": text}}

        trials = kind()
        minimise(fn, max_evals=3, trials=trials)
        for document in trials.trials:
            assert "attachments" not in document["result"]
            stored = trials.trial_attachments(document)["x.txt"]
            assert float(stored) == document["result"]["loss"]

    @pytest.mark.parametrize("kind", [None, SparkTrials])
    def test_a_second_call_with_the_same_save_file_goes_on(
        self, minimise: Any, kind: Any, tmp_path: Path
    ) -> None:
        file = tmp_path / "trials.pkl"
        first = None if kind is None else kind()
        minimise(lambda p: p["x"], max_evals=3, trials=first, trials_save_file=file)
        before = _load(file)
        again = None if kind is None else kind()
        minimise(
            lambda p: p["x"], max_evals=5, trials=again, trials_save_file=str(file), rstate=seed(1)
        )
        after = _load(file)
        assert len(before) == 3
        assert len(after) == 5
        assert without_time(after.trials[:3]) == without_time(before.trials)
        assert [f.name for f in tmp_path.iterdir()] == ["trials.pkl"]

    def test_a_save_file_can_be_continued_on_the_local_backend_and_back(
        self, minimise: Any, tmp_path: Path
    ) -> None:
        file = tmp_path / "trials.pkl"
        minimise(lambda p: p["x"], max_evals=2, trials_save_file=file, backend="local")
        minimise(lambda p: p["x"], max_evals=4, trials_save_file=file)
        minimise(lambda p: p["x"], max_evals=5, trials_save_file=file, backend="local")
        assert sorted(_load(file).tids) == [0, 1, 2, 3, 4]

    def test_a_custom_progress_factory_sees_every_trial_and_the_best_loss(
        self, minimise: Any
    ) -> None:
        calls: list[Any] = []

        class Bar:
            postfix: Any = None

            def update(self, n: int) -> None:
                calls.append(n)

        bar = Bar()

        @contextlib.contextmanager
        def factory(initial: int, total: int | None) -> Any:
            calls.append(("open", initial, total))
            yield bar
            calls.append("closed")

        trials = Trials()
        minimise(lambda p: p["x"], max_evals=4, trials=trials, show_progressbar=factory)
        assert calls == [("open", 0, 4), 1, 1, 1, 1, "closed"]
        assert bar.postfix == f"best loss: {min(trials.losses())}"

    def test_verbose_false_prints_nothing(
        self, minimise: Any, capsys: pytest.CaptureFixture[str]
    ) -> None:
        minimise(lambda p: p["x"], max_evals=2, verbose=False, show_progressbar=True)
        assert capsys.readouterr().out == ""

    def test_the_progress_bar_counts_to_the_end_and_standard_output_is_restored(
        self, minimise: Any, capsys: pytest.CaptureFixture[str]
    ) -> None:
        streams = (sys.stdout, sys.stderr)
        minimise(lambda p: p["x"], max_evals=3, show_progressbar=True)
        assert (sys.stdout, sys.stderr) == streams
        captured = capsys.readouterr()
        assert "3/3" in captured.out + captured.err
        assert "best loss" in captured.out + captured.err

    def test_an_old_random_state_gives_the_same_trials_each_time(self, minimise: Any) -> None:
        self.needs_hyperopt_algorithms()
        seen = []
        for _ in range(2):
            trials = Trials()
            state = np.random.RandomState(7)
            minimise(lambda p: p["x"], max_evals=3, trials=trials, rstate=state)
            seen.append(sorted(trials.losses()))
        assert seen[0] == seen[1]

    def test_an_annotated_objective_is_called_with_keywords(self, minimise: Any) -> None:
        def fn(x, y):  # type: ignore[no-untyped-def]
            return x + y

        fn.__annotations__ = {"x": hp.uniform("x", -5, 5), "y": hp.choice("y", [10, 20])}
        trials = Trials()
        minimise(fn, "annotated", max_evals=3, trials=trials)
        assert all(5 <= loss <= 25 for loss in trials.losses())

    @pytest.mark.parametrize("algo", ALGORITHMS)
    def test_every_algorithm_of_hyperopt_and_a_custom_one_propose(
        self, minimise: Any, algo: str
    ) -> None:
        self.needs_hyperopt_algorithms()
        trials = Trials()
        minimise(lambda p: p["x"] ** 2, max_evals=7, trials=trials, algo=ALGORITHMS[algo])
        assert len(trials) == 7
        assert len({d["tid"] for d in trials.trials}) == 7

    @pytest.mark.parametrize("queue_len", [2, 5])
    def test_max_queue_len_changes_nothing_about_the_number_of_trials(
        self, minimise: Any, queue_len: int
    ) -> None:
        trials = Trials()
        minimise(lambda p: p["x"], max_evals=7, max_queue_len=queue_len, trials=trials)
        assert sorted(trials.tids) == list(range(7))
        assert {d["state"] for d in trials._dynamic_trials} == {JOB_STATE_DONE}

    def test_trials_grow_over_several_calls(self, minimise: Any) -> None:
        trials = Trials()
        for max_evals in (2, 4, 4, 5):
            minimise(lambda p: p["x"], max_evals=max_evals, trials=trials)
            assert len(trials) == max_evals

    @pytest.mark.parametrize(
        "space",
        [
            hp.lognormal("C", 0, 1.0),
            [hp.uniform("a", 0, 1), ("fixed", hp.randint("b", 4))],
            hp.uniform("a", 1, 2) + hp.uniform("b", 3, 4),
        ],
        ids=["scalar", "list", "expression"],
    )
    def test_a_space_need_not_be_a_dict(self, minimise: Any, space: Any) -> None:
        trials = Trials()
        minimise(
            lambda p: {"loss": 0.0, "status": "ok", "point": p},
            space, max_evals=2, trials=trials,
        )  # fmt: skip
        for document in trials.trials:
            vals = {k: v[0] for k, v in document["misc"]["vals"].items() if v}
            expected = hyperopt.space_eval(space, vals)
            assert document["result"]["point"] == expected
            assert type(document["result"]["point"]) is type(expected)

    def test_lambdas_partials_callable_objects_and_bound_methods_are_objectives(
        self, minimise: Any
    ) -> None:
        class Model:
            offset = 3.0

            def __call__(self, p: Any) -> float:
                return p["x"] + self.offset

            def score(self, p: Any) -> float:
                return p["x"] - self.offset

        def shifted(p: Any, by: float) -> float:
            return p["x"] + by

        cases = [
            (Model(), 3.0),
            (Model().score, -3.0),
            (functools.partial(shifted, by=2.0), 2.0),
            (lambda p: p["x"], 0.0),
        ]
        for fn, by in cases:
            trials = Trials()
            minimise(fn, max_evals=1, trials=trials)
            assert trials.losses() == [trials.trials[0]["misc"]["vals"]["x"][0] + by]

    # -- results ---------------------------------------------------------------------------

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

    # -- failures --------------------------------------------------------------------------

    def test_by_the_rule_of_spark_trials_a_raising_objective_fails_its_trial_alone(
        self, minimise: Any
    ) -> None:
        def fn(p: Any) -> float:
            if p["x"] < 0:
                raise ArithmeticError(f"x is {p['x']}")
            return float(p["x"])

        trials = SparkTrials(parallelism=self.slots)
        best = minimise(fn, max_evals=8, trials=trials, parallelism=None)
        failed = [d for d in trials._dynamic_trials if d["state"] == JOB_STATE_ERROR]
        assert failed
        assert trials.count_failed_trials() == len(failed)
        assert trials.count_successful_trials() == 8 - len(failed) == len(trials.trials)
        assert best["x"] >= 0
        for document in failed:
            message = f"x is {document['misc']['vals']['x'][0]}"
            kind, text = document["misc"]["error"]
            assert kind == "<class 'ArithmeticError'>"
            assert message in text
            assert "Traceback" in text
            assert "in fn" in document["misc"]["traceback"]
            assert document["result"] == {"status": "new"}

    def test_by_the_rule_of_trials_fmin_raises_what_the_objective_raised(
        self, minimise: Any
    ) -> None:
        def fn(p: Any) -> float:
            if p["x"] < 0:
                raise ArithmeticError("negative")
            return float(p["x"])

        trials = Trials()
        with pytest.raises(ArithmeticError, match="^negative$"):
            minimise(fn, max_evals=30, trials=trials)
        failed = [d for d in trials._dynamic_trials if d["state"] == JOB_STATE_ERROR]
        assert failed[0]["misc"]["error"] == ("<class 'ArithmeticError'>", "negative")
        assert "in fn" in failed[0]["misc"]["traceback"]
        assert all(d["state"] != JOB_STATE_ERROR for d in trials.trials)
        assert our_threads() == []

    def test_catch_eval_exceptions_keeps_a_search_on_plain_trials_going(
        self, minimise: Any
    ) -> None:
        def fn(p: Any) -> float:
            if p["x"] < 0:
                raise ArithmeticError("negative")
            return float(p["x"])

        trials = Trials()
        minimise(fn, max_evals=8, trials=trials, catch_eval_exceptions=True)
        states = [d["state"] for d in trials._dynamic_trials]
        assert len(states) == 8
        assert 0 < states.count(JOB_STATE_ERROR) < 8
        assert len(trials.trials) == states.count(JOB_STATE_DONE)

    @pytest.mark.parametrize("return_argmin", [True, False])
    def test_when_all_trials_fail_the_error_shows_the_first_traceback(
        self, minimise: Any, return_argmin: bool
    ) -> None:
        def broken(p: Any) -> float:
            raise ArithmeticError("always so")

        call = functools.partial(
            minimise, broken, max_evals=3, trials=SparkTrials(), return_argmin=return_argmin
        )
        if not return_argmin:
            assert call() is None
            return
        with pytest.raises(AllTrialsFailed, match="always so") as caught:
            call()
        assert "in broken" in str(caught.value)

    @pytest.mark.parametrize(
        ("result", "error", "text"),
        [
            (None, TypeError, "None"),
            ({}, KeyError, "status"),
            ({"loss": 1.0}, KeyError, "'loss'"),
            ({"status": "ok"}, InvalidLoss, "loss"),
            ({"status": "ok", "loss": None}, InvalidLoss, "None"),
            ({"status": "ok", "loss": "abc"}, InvalidLoss, "abc"),
            ({"status": "bogus", "loss": 1.0}, InvalidResultStatus, "bogus"),
            ({"status": "ok", "loss": 1.0, "attachments": [1]}, TypeError, "attachments"),
        ],
    )
    def test_an_invalid_result_fails_the_trial_and_says_why(
        self, minimise: Any, result: Any, error: type[Exception], text: str
    ) -> None:
        trials = SparkTrials()
        with pytest.raises(AllTrialsFailed, match=text):
            minimise(lambda p: result, max_evals=1, trials=trials)
        assert trials.count_failed_trials() == 1
        with pytest.raises(error, match=text):
            minimise(lambda p: result, max_evals=1, trials=Trials())

    @pytest.mark.parametrize("way", ["exit", "kill"])
    def test_an_objective_that_kills_its_process_fails_its_trial_alone(
        self, minimise: Any, way: str
    ) -> None:
        self.needs_own_process()

        def deadly(p: Any) -> float:
            import os
            import signal

            if p["x"] < 0:
                if way == "exit":
                    os._exit(3)
                os.kill(os.getpid(), signal.SIGKILL)
            return float(p["x"])

        trials = SparkTrials()
        minimise(deadly, max_evals=6, trials=trials)
        doomed = [d for d in trials._dynamic_trials if d["misc"]["vals"]["x"][0] < 0]
        assert 0 < len(doomed) < 6
        assert [d["tid"] for d in trials._dynamic_trials if d["state"] == JOB_STATE_ERROR] == [
            d["tid"] for d in doomed
        ]
        assert all("WorkerLost" in d["misc"]["error"][0] for d in doomed)
        assert trials.count_successful_trials() == 6 - len(doomed)

    def test_sys_exit_in_an_objective_fails_its_trial_or_leaves_as_in_hyperopt(
        self, minimise: Any
    ) -> None:
        def leave(p: Any) -> float:
            import sys

            if p["x"] < 0:
                sys.exit(3)
            return float(p["x"])

        trials = SparkTrials()
        if self.shares_process:
            with pytest.raises(SystemExit):
                minimise(leave, max_evals=8, trials=trials)
            return
        minimise(leave, max_evals=8, trials=trials)
        assert trials.count_total_trials() == 8
        assert 0 < trials.count_failed_trials() < 8

    def test_a_result_that_cannot_be_sent_back_names_the_key(self, minimise: Any) -> None:
        self.needs_own_process()

        def fn(p: Any) -> dict[str, Any]:
            import threading

            return {"loss": 1.0, "status": "ok", "guard": threading.Lock()}

        with pytest.raises(AllTrialsFailed, match=r"result\['guard'\], a lock"):
            minimise(fn, max_evals=1, trials=SparkTrials())

    def test_an_exception_that_cannot_be_rebuilt_still_shows_its_text(self, minimise: Any) -> None:
        class Odd(Exception):
            def __init__(self, one: int, two: int) -> None:
                super().__init__(f"{one} and {two}")

        def fn(p: Any) -> float:
            raise Odd(1, 2)

        with pytest.raises(Exception, match="1 and 2"):
            minimise(fn, max_evals=1)

    def test_an_objective_that_prints_a_lot_ends_like_any_other(
        self, minimise: Any, capfd: pytest.CaptureFixture[str]
    ) -> None:
        def noisy(p: Any) -> float:
            line = "x" * 1023
            for _ in range(50 * 1024):
                print(line)
            return float(p["x"])

        trials = Trials()
        minimise(noisy, max_evals=1, trials=trials)
        assert len(trials.losses()) == 1

    @pytest.mark.parametrize("thing", ["lock", "file"])
    def test_an_objective_that_cannot_be_pickled_names_the_variable_before_the_first_trial(
        self, minimise: Any, thing: str, tmp_path: Path
    ) -> None:
        self.needs_own_process()
        with (tmp_path / "log.txt").open("w") as file:
            guard: Any = threading.Lock() if thing == "lock" else file

            def fn(p: Any) -> float:
                return 0.0 if guard else 1.0

            trials = SparkTrials()
            with pytest.raises(ObjectiveNotPicklableError, match="'guard'") as caught:
                minimise(fn, max_evals=2, trials=trials)
        assert isinstance(caught.value, TypeError)
        assert "inside the objective" in str(caught.value)
        assert trials._dynamic_trials == []

    # -- stop ------------------------------------------------------------------------------

    def test_a_timeout_cancels_what_runs_and_keeps_what_finished(self, minimise: Any) -> None:
        trials = SparkTrials()
        start = time.monotonic()
        minimise(
            sleep_below_zero(self.long_s), hp.uniform("x", -1e6, 1), max_evals=40,
            timeout=self.timeout_s, trials=trials, points_to_evaluate=[{"x": 1.0}],
        )  # fmt: skip
        assert time.monotonic() - start < self.timeout_s + self.long_s - 1
        assert trials.losses()[:1] == [1.0]
        assert trials.count_successful_trials() == 1
        assert trials.count_cancelled_trials() >= 1
        assert trials.fmin_cancelled_reason == "fmin run timeout"
        cancelled = [d for d in trials._dynamic_trials if d["state"] == JOB_STATE_CANCEL]
        assert any("timeout" in d["misc"].get("error", ("", ""))[1] for d in cancelled)
        assert our_threads() == []

    def test_a_timeout_cancels_the_last_trials_too(self, minimise: Any) -> None:
        trials = SparkTrials()
        start = time.monotonic()
        with pytest.raises(AllTrialsFailed):
            minimise(
                sleep_below_zero(self.long_s), hp.uniform("x", -1e6, 1), max_evals=1, timeout=1,
                trials=trials,
            )  # fmt: skip
        assert time.monotonic() - start < 1 + self.long_s - 1
        assert trials.count_cancelled_trials() == 1

    def test_an_early_stop_cancels_what_runs(self, minimise: Any) -> None:
        trials = SparkTrials()
        start = time.monotonic()
        minimise(
            sleep_below_zero(self.long_s), hp.uniform("x", -1e6, 1), max_evals=40, trials=trials,
            points_to_evaluate=[{"x": 1.0}], early_stop_fn=lambda t, *a: (True, a),
        )  # fmt: skip
        assert time.monotonic() - start < self.long_s - 1
        assert trials.count_successful_trials() == 1
        assert trials.fmin_cancelled_reason == "early stopping condition"
        assert our_threads() == []

    def test_the_loss_threshold_cancels_what_runs(self, minimise: Any) -> None:
        trials = SparkTrials(loss_threshold=2.0)
        start = time.monotonic()
        minimise(
            sleep_below_zero(self.long_s), hp.uniform("x", -1e6, 1), max_evals=40, trials=trials,
            points_to_evaluate=[{"x": 1.0}],
        )  # fmt: skip
        assert time.monotonic() - start < self.long_s - 1
        assert trials.count_successful_trials() == 1

    def test_what_early_stop_fn_raises_reaches_the_user(self, minimise: Any) -> None:
        def broken(trials: Any, *args: Any) -> Any:
            raise LookupError("no such trial")

        trials = Trials()
        with pytest.raises(LookupError, match="no such trial"):
            minimise(lambda p: p["x"], max_evals=20, early_stop_fn=broken, trials=trials)
        assert any(d["state"] == JOB_STATE_DONE for d in trials.trials)
        assert our_threads() == []

    def test_an_early_stop_fn_that_returns_no_pair_is_refused(self, minimise: Any) -> None:
        with pytest.raises(InvalidArgumentError, match="early_stop_fn must return"):
            minimise(lambda p: p["x"], max_evals=5, early_stop_fn=lambda t, *a: True)

    def test_what_the_algorithm_raises_reaches_the_user(self, minimise: Any) -> None:
        self.needs_hyperopt_algorithms()

        def broken(new_ids: Any, domain: Any, trials: Any, seed: int) -> Any:
            if new_ids[0] >= 3:
                raise LookupError("out of ideas")
            return rand.suggest(new_ids, domain, trials, seed)

        trials = Trials()
        with pytest.raises(LookupError, match="out of ideas"):
            minimise(lambda p: p["x"], max_evals=20, algo=broken, trials=trials)
        assert not any(d["state"] not in (JOB_STATE_DONE, JOB_STATE_CANCEL)
                       for d in trials._dynamic_trials)  # fmt: skip
        assert our_threads() == []

    def test_an_algorithm_without_further_points_ends_the_search(self, minimise: Any) -> None:
        self.needs_hyperopt_algorithms()

        def three(new_ids: Any, domain: Any, trials: Any, seed: int) -> Any:
            return rand.suggest(new_ids, domain, trials, seed) if new_ids[0] < 3 else []

        trials = Trials()
        minimise(lambda p: p["x"], algo=three, trials=trials, max_evals=20)
        assert len(trials) == 3

    @pytest.mark.slow
    def test_ctrl_c_reaches_the_user_at_once_and_leaves_nothing_running(
        self, tmp_path: Path
    ) -> None:
        script = tmp_path / "interrupted.py"
        script.write_text(INTERRUPTED.format(
            setup=self.child_setup, backend=self.child_backend, parallelism=self.parallelism
        ))  # fmt: skip
        process = start_child(script, tmp_path)
        try:
            wait_for(tmp_path / "sleeping", process)
            sent = time.time()
            process.send_signal(signal.SIGINT)
            output, _ = process.communicate(timeout=60)
        finally:
            stop_child(process)
        assert "interrupted at" in output, output
        assert process.returncode == 0, output
        caught = float(output.split("interrupted at ")[1].split()[0])
        assert caught - sent < self.interrupted_s
        assert time.time() - sent < 50
        assert "states [2, 4]" in output
        assert "threads []" in output
        assert "jobs []" in output

    # -- state and threads -----------------------------------------------------------------

    def test_the_drivers_state_is_left_as_found(self, minimise: Any) -> None:
        environment, directory = dict(os.environ), os.getcwd()
        random.seed(1)
        np.random.seed(2)
        states = random.getstate(), np.random.get_state()[1].tolist()
        handlers = signal.getsignal(signal.SIGINT)
        minimise(lambda p: p["x"], max_evals=2)
        assert dict(os.environ) == environment
        assert os.getcwd() == directory
        assert random.getstate() == states[0]
        assert np.random.get_state()[1].tolist() == states[1]
        assert signal.getsignal(signal.SIGINT) is handlers
        assert our_threads() == []

    def test_a_trial_does_not_see_what_an_earlier_one_left_in_the_process(
        self, minimise: Any
    ) -> None:
        self.needs_own_process()
        counter = {"n": 0}
        calls = 0

        def messy(p: Any) -> dict[str, Any]:
            import os
            import random
            import sys

            import numpy as np

            nonlocal calls
            calls += 1
            counter["n"] += 1
            path = "/left/behind" in sys.path
            seen = (os.environ.get("LEFT_BEHIND"), os.getcwd(), calls, counter["n"], path)
            draws = (random.random(), float(np.random.rand()))
            os.environ["LEFT_BEHIND"] = "1"
            os.chdir("/")
            sys.path.insert(0, "/left/behind")
            random.seed(5)
            np.random.seed(5)
            return {"loss": 0.0, "status": "ok", "seen": seen, "draws": draws, "pid": os.getpid()}

        trials = Trials()
        minimise(messy, max_evals=5, trials=trials, parallelism=1)
        first = trials.results[0]["seen"]
        assert first[0] is None
        assert first[1] != "/"
        assert first[2:] == (1, 1, False)
        assert [r["seen"] for r in trials.results] == [first] * 5
        assert len({r["draws"] for r in trials.results}) == 5
        assert os.getpid() not in {r["pid"] for r in trials.results}
        assert (calls, counter) == (0, {"n": 0})

    def test_two_searches_in_two_threads_keep_their_trials_apart(self, minimise: Any) -> None:
        found: dict[str, Any] = {}

        def search(name: str, offset: float) -> None:
            trials = Trials()
            minimise(
                lambda p: p["x"] + offset, max_evals=6, trials=trials, rstate=seed(3),
                show_progressbar=True,
            )  # fmt: skip
            found[name] = trials

        streams = (sys.stdout, sys.stderr)
        threads = [
            threading.Thread(target=search, args=(str(offset), offset)) for offset in (0.0, 100.0)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        assert (sys.stdout, sys.stderr) == streams
        for name, trials in found.items():
            assert sorted(trials.tids) == list(range(6))
            for document in trials.trials:
                x = document["misc"]["vals"]["x"][0]
                assert document["result"]["loss"] == x + float(name)
        assert set(found) == {"0.0", "100.0"}

    # -- bad input -------------------------------------------------------------------------

    @pytest.mark.parametrize(
        ("arguments", "text"),
        [
            ({"fn": 3}, "callable"),
            ({"max_evals": -1}, "max_evals"),
            ({"max_evals": 1.5}, "max_evals"),
            ({"max_evals": "10"}, "max_evals"),
            ({"max_evals": 0}, "max_evals=0"),
            ({"timeout": 0}, "timeout"),
            ({"timeout": True}, "timeout"),
            ({"loss_threshold": "low"}, "loss_threshold"),
            ({"parallelism": -1}, "parallelism"),
            ({"parallelism": 0}, "parallelism"),
            ({"max_queue_len": 0}, "max_queue_len"),
            ({"algo": "tpe"}, "algo"),
            ({"early_stop_fn": 5}, "early_stop_fn"),
            ({"rstate": 42}, "rstate"),
            ({"points_to_evaluate": {"x": 1}}, "points_to_evaluate"),
            ({"points_to_evaluate": [{"nope": 1}]}, "nope"),
            ({"trials_save_file": "no/such/folder/file"}, "no/such/folder"),
            ({"space": {"x": hp.uniform("x", 1, 0)}}, "x"),
            ({"space": {"x": hp.quniform("x", 0, 1, 0)}}, "x"),
        ],
        ids=lambda value: str(value).partition(" at 0x")[0],  # the same in each process
    )
    def test_an_argument_that_cannot_work_is_named_before_the_first_trial(
        self, minimise: Any, arguments: dict[str, Any], text: str
    ) -> None:
        trials = Trials()
        fn = arguments.get("fn", lambda p: 0.0)
        space = arguments.get("space", SPACE)
        rest = {k: v for k, v in arguments.items() if k not in ("fn", "space")}
        with pytest.raises((InvalidArgumentError, InvalidSpaceError), match=text) as caught:
            minimise(fn, space, **{"max_evals": 2, "trials": trials, **rest})
        assert isinstance(caught.value, HyperbridgeError)
        assert isinstance(caught.value, ValueError)
        assert trials._dynamic_trials == []

    def test_a_space_without_parameters_is_refused(self, minimise: Any) -> None:
        trials = Trials()
        with pytest.raises(InvalidSpaceError, match="no parameters"):
            minimise(lambda p: float(p["fixed"]), {"fixed": 3}, max_evals=2, trials=trials)
        assert trials._dynamic_trials == []

    def test_max_evals_0_without_argmin_returns_none(self, minimise: Any) -> None:
        assert minimise(lambda p: 0.0, max_evals=0, return_argmin=False) is None


def _load(file: Path) -> Any:
    import cloudpickle

    return cloudpickle.loads(file.read_bytes())


def start_child(script: Path, folder: Path, **kwargs: Any) -> subprocess.Popen[str]:
    """Start a script in a process of its own, in its own group, with our package on the path."""
    environment = {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        "HYPERBRIDGE_TRACKING": "0",
        "SPARK_LOCAL_IP": "127.0.0.1",
    }
    options: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
    return subprocess.Popen(
        [sys.executable, str(script)], cwd=folder, env=environment, text=True,
        start_new_session=True, **{**options, **kwargs},
    )  # fmt: skip


def stop_child(process: subprocess.Popen[str]) -> None:
    """End a child and what it started."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def wait_for(path: Path, process: subprocess.Popen[str], timeout_s: float = 90) -> None:
    """Wait until a file appears."""
    deadline = time.monotonic() + timeout_s
    while not path.exists():
        if process.poll() is not None or time.monotonic() > deadline:
            output = process.communicate(timeout=10)[0] if process.poll() is not None else ""
            raise AssertionError(f"{path.name} did not appear: {output}")
        time.sleep(0.05)


INTERRUPTED = textwrap.dedent(
    """
    import threading, time
    import numpy as np
    from hyperopt import hp, rand
    from hyperbridge.surface.fmin import fmin
    from hyperbridge.surface.spark_trials import SparkTrials
    {setup}

    def objective(x):
        if x > 0.5:
            return x
        open("sleeping", "w").close()
        for _ in range(1000):
            time.sleep(0.1)

    if __name__ == "__main__":
        trials = SparkTrials()
        rstate = np.random.default_rng(1)  # the first point is above 0.5, the third below
        try:
            fmin(objective, hp.uniform("x", 0, 1), algo=rand.suggest, max_evals=50, trials=trials,
                 rstate=rstate, show_progressbar=False, backend={backend},
                 parallelism={parallelism})
        except KeyboardInterrupt:
            print("interrupted at", time.time(), flush=True)
        print("states", sorted({{d["state"] for d in trials._dynamic_trials}}))
        print("reason", trials.fmin_cancelled_reason)
        print("threads", [t.name for t in threading.enumerate()
                          if t.name.startswith("hyperbridge")])
        jobs = []
        try:
            context = spark.sparkContext
            jobs = list(context.statusTracker().getActiveJobsIds())
        except NameError:
            pass
        print("jobs", jobs, flush=True)
    """
)
