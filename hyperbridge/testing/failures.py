"""What goes wrong inside of an objective, and what fmin makes of it."""

from __future__ import annotations

import functools
import pickle
import threading
from pathlib import Path
from typing import Any

import pytest
from hyperopt import hp
from hyperopt.base import JOB_STATE_CANCEL, JOB_STATE_DONE, JOB_STATE_ERROR
from hyperopt.exceptions import AllTrialsFailed, InvalidLoss, InvalidResultStatus

from hyperbridge.errors import ObjectiveNotPicklableError
from hyperbridge.surface.spark_trials import SparkTrials
from hyperbridge.surface.trials import Trials
from hyperbridge.testing.basis import Basis, our_threads


class FailuresContract(Basis):
    """What goes wrong inside of an objective, and what fmin makes of it."""

    about = "failures"

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

        def leaves(p: Any) -> float:
            raise SystemExit(3)

        trials = Trials()
        with pytest.raises(SystemExit) as left:  # no Exception: hyperopt does not catch it
            minimise(leaves, max_evals=3, trials=trials, catch_eval_exceptions=True)
        assert left.value.code == 3
        assert {d["state"] for d in trials._dynamic_trials} == {JOB_STATE_CANCEL}
        assert our_threads() == []

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
            ("abc", ValueError, "abc"),
            ({}, KeyError, "status"),
            ({"loss": 1.0}, KeyError, "'loss'"),
            ({"status": "ok"}, InvalidLoss, "loss"),
            ({"status": "ok", "loss": None}, InvalidLoss, "None"),
            ({"status": "ok", "loss": "abc"}, ValueError, "abc"),
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
        (document,) = trials._dynamic_trials
        assert document["misc"]["error"][0] == str(error)
        with pytest.raises(error, match=text) as caught:
            minimise(lambda p: result, max_evals=1, trials=Trials())
        if error.__module__ == "hyperopt.exceptions":
            assert type(caught.value).__name__ == error.__name__
            assert caught.value.result["status"] == result["status"]  # type: ignore[attr-defined]
        again = pickle.loads(pickle.dumps(caught.value))
        assert (type(again), str(again)) == (type(caught.value), str(caught.value))

    def test_an_odd_result_or_exception_fails_its_trial_alone(self, minimise: Any) -> None:
        def odd(kind: int) -> Any:
            class NoText:
                def __repr__(self) -> str:
                    raise RuntimeError("no text")

            class Tensor:
                def __float__(self) -> float:
                    raise RuntimeError("only one element")

            class NoTextError(Exception):
                def __str__(self) -> str:
                    raise RuntimeError("no text")

            if kind == 0:
                raise NoTextError("x")
            results: list[Any] = [
                None,
                NoText(),
                10**400,
                {"status": "ok", "loss": Tensor()},
                {"status": "ok", "loss": NoText()},
                {"status": "fail", "loss": Tensor()},
                {"status": "ok", "loss": 0.5, "extra": NoText(), NoText(): 1},
            ]
            return results[kind]

        trials = SparkTrials()
        kinds = list(range(7))
        minimise(
            odd, hp.choice("kind", kinds), max_evals=0, trials=trials,
            points_to_evaluate=[{"kind": kind} for kind in kinds],
        )  # fmt: skip
        states = {d["misc"]["vals"]["kind"][0]: d["state"] for d in trials._dynamic_trials}
        assert states == {kind: JOB_STATE_DONE if kind > 4 else JOB_STATE_ERROR for kind in kinds}
        assert trials.argmin == {"kind": 6}

    @pytest.mark.parametrize("way", ["exit", "kill"])
    def test_a_trial_lost_with_its_process_is_tried_again_once_and_fails_alone(
        self, minimise: Any, way: str, tmp_path: Path
    ) -> None:
        self.needs_own_process()
        folder = str(tmp_path)

        def deadly(x: float) -> dict[str, Any]:
            import os
            import signal

            n_before = len([name for name in os.listdir(folder) if name.startswith(f"{x} ")])
            open(os.path.join(folder, f"{x} {n_before}"), "w").close()
            if x == 0:
                raise ArithmeticError("zero")
            if x < 0 and (x == -2 or n_before == 0):
                if way == "exit":
                    os._exit(3)
                os.kill(os.getpid(), signal.SIGKILL)
            return {"loss": x, "status": "ok", "attachments": {"attempt": str(n_before + 1)}}

        points = [{"x": x} for x in (1.0, -1.0, 0.0, -2.0, 2.0)]
        trials = SparkTrials()
        minimise(
            deadly, hp.uniform("x", -5, 5), max_evals=0, points_to_evaluate=points, trials=trials
        )
        found = {d["misc"]["vals"]["x"][0]: d for d in trials._dynamic_trials}
        attempts = {x: d["misc"].get("attempts", 1) for x, d in found.items()}
        assert attempts == {1.0: 1, -1.0: 2, 0.0: 1, -2.0: 2, 2.0: 1}
        assert sum(attempts.values()) == len(list(tmp_path.iterdir()))
        assert [x for x, d in found.items() if d["state"] == JOB_STATE_DONE] == [1.0, -1.0, 2.0]
        assert trials.losses() == [1.0, -1.0, 2.0]
        assert "WorkerLost" in found[-2.0]["misc"]["error"][0]
        assert "Arithmetic" in found[0.0]["misc"]["error"][0]
        (document,) = [d for d in trials.trials if d["misc"]["vals"]["x"] == [-1.0]]
        assert trials.trial_attachments(document)["attempt"] == "2"
        assert trials.count_successful_trials() == 3

    @pytest.mark.parametrize("daemon", [False, True])
    def test_a_child_that_outlives_a_dead_objective_holds_nothing_up(
        self, minimise: Any, daemon: bool, tmp_path: Path
    ) -> None:
        self.needs_own_process()
        fmin_is_over, waited_in_vain = tmp_path / "over", tmp_path / "waited"

        def fn(p: Any) -> float:
            import os
            import time

            if p["x"] < 0 and not os.fork():
                if daemon:
                    os.setsid()
                for _ in range(600):
                    if fmin_is_over.exists():
                        os._exit(0)
                    time.sleep(0.2)
                waited_in_vain.touch()
                os._exit(0)
            if p["x"] < 0:
                os._exit(3)
            return float(p["x"])

        trials = SparkTrials()
        points = [{"x": -1.0, "kind": 1, "n": 0}, {"x": 1.0, "kind": 1, "n": 0}]
        minimise(
            fn, max_evals=0, points_to_evaluate=points, trials=trials, trial_timeout=600
        )  # what waits for the limit must not keep the engine from noticing
        fmin_is_over.touch()
        assert not waited_in_vain.exists()
        assert trials.losses() == [1.0]
        assert trials.count_failed_trials() == 1

    def test_a_child_that_comes_back_from_the_objective_reports_nothing(
        self, minimise: Any
    ) -> None:
        self.needs_own_process()

        def fn(p: Any) -> float:
            import os

            is_child = not os.fork()
            return -100.0 if is_child else float(p["x"])

        trials = SparkTrials()
        minimise(fn, max_evals=4, trials=trials)
        assert len(trials) == 4
        assert min(trials.losses()) > -100

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

    @pytest.mark.parametrize("kind", ["hyperopt's", "own", "text made of it", "lock"])
    def test_an_exception_arrives_as_what_it_is(self, minimise: Any, kind: str) -> None:
        class Odd(Exception):
            def __init__(self, one: int, two: int) -> None:
                super().__init__(f"{one} and {two}")

        class Coded(Exception):
            def __init__(self, code: int) -> None:
                super().__init__(f"code {code}")
                self.code = code

        def fn(p: Any) -> float:
            import threading

            from hyperopt.exceptions import InvalidLoss

            if kind == "own":
                raise Odd(1, 2)
            if kind == "text made of it":
                raise Coded(3)
            if kind == "lock":
                error = ArithmeticError("locked")
                error.guard = threading.Lock()  # type: ignore[attr-defined]
                raise error
            raise InvalidLoss({"loss": "low"})

        expected: dict[str, tuple[type[Exception], str]] = {
            "hyperopt's": (InvalidLoss, ""),
            "own": (Odd, "1 and 2"),
            "text made of it": (Coded, "code 3"),
            "lock": (ArithmeticError, "locked"),
        }
        error, text = expected[kind]
        trials = Trials()
        with pytest.raises(error) as caught:
            minimise(fn, max_evals=1, trials=trials)
        assert type(caught.value) is error
        assert str(caught.value) == text
        assert getattr(caught.value, "code", 3) == 3
        if kind == "hyperopt's":
            assert caught.value.result == {"loss": "low"}  # type: ignore[attr-defined]
        assert trials._dynamic_trials[0]["misc"]["error"] == (str(error), text)

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
