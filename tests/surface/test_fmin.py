"""fmin's own part: which backend, which Trials, what it returns, what a local run leaves."""

from __future__ import annotations

import pickle
import sys
import threading
from typing import Any

import hyperopt
import numpy as np
import pytest
from hyperopt import hp, rand, tpe
from hyperopt.exceptions import AllTrialsFailed

from hyperbridge import config
from hyperbridge.backends.local import Local
from hyperbridge.errors import (
    ArgumentTypeError,
    HyperbridgeError,
    InvalidArgumentError,
    UnknownBackendError,
    UnsupportedArgumentError,
)
from hyperbridge.surface import originals
from hyperbridge.surface.fmin import fmin
from hyperbridge.surface.spark_trials import SparkTrials
from hyperbridge.surface.trials import Trials

SPACE = hp.uniform("x", -1, 1)


@pytest.fixture(autouse=True)
def _no_tracking(tracking_off: None) -> None:
    """Tracking has tests of its own."""


def search(fn: Any = abs, space: Any = SPACE, **kwargs: Any) -> Any:
    defaults = {
        "algo": rand.suggest, "max_evals": 3, "show_progressbar": False,
        "rstate": np.random.default_rng(0),
    }  # fmt: skip
    return fmin(fn, space, **{**defaults, **kwargs})


# -- what hyperopt raises ----------------------------------------------------------------------


@pytest.mark.parametrize("value", ["a", [1], (1,), 1.5, b"x", object()], ids=type)
@pytest.mark.parametrize(
    "name",
    [
        "fn", "algo", "max_evals", "trials", "rstate", "max_queue_len", "early_stop_fn",
        "trials_save_file",
    ],
)  # fmt: skip
def test_what_caught_hyperopts_error_for_a_wrong_type_still_does(name: str, value: Any) -> None:
    if name == "trials_save_file" and isinstance(value, str | bytes):
        pytest.skip("it is a path")
    given = {"fn": abs, "space": SPACE, "algo": rand.suggest, "max_evals": 3, name: value}
    with pytest.raises((TypeError, AttributeError)) as theirs:
        originals.fmin(**given, verbose=False)
    with pytest.raises(type(theirs.value), match=name) as ours:
        search(**given)
    assert isinstance(ours.value, ArgumentTypeError)


@pytest.mark.parametrize("parallelism", ["4", [4], object()], ids=type)
def test_what_caught_the_error_of_spark_trials_still_does(parallelism: Any) -> None:
    with pytest.raises(TypeError, match="parallelism"):
        SparkTrials(parallelism=parallelism)


# -- which backend ---------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["dask", "", "locally", 3])
def test_an_unknown_backend_is_refused_with_the_list(name: Any) -> None:
    with pytest.raises(InvalidArgumentError) as caught:
        search(backend=name)
    if name != "":
        assert isinstance(caught.value, UnknownBackendError)
        assert "local" in str(caught.value)
        assert "spark" in str(caught.value)


def test_a_backend_class_is_refused_with_the_way_to_make_an_object() -> None:
    from hyperbridge.backends.local import Local

    with pytest.raises(InvalidArgumentError, match=r"Local\(\)"):
        search(backend=Local)


def test_argument_block_and_environment_decide_in_this_order(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    threads: set[str] = set()

    def fn(x: float) -> float:
        threads.add(threading.current_thread().name)
        return x

    monkeypatch.setenv("HYPERBRIDGE_BACKEND", "dask")
    with pytest.raises(UnknownBackendError):
        search(fn)
    with config.settings(backend="local", parallelism=2):
        search(fn)
        assert all(name.startswith("hyperbridge") for name in threads)
        threads.clear()
        search(fn, parallelism=1)
        assert threads == {threading.current_thread().name}
    assert search(fn, backend="LOCAL")


def test_trials_that_evaluate_by_themselves_go_to_hyperopt() -> None:
    class Own(hyperopt.Trials):
        def fmin(self, fn: Any, space: Any, *args: Any, **kwargs: Any) -> str:
            return f"own fmin, max_evals={kwargs['max_evals']}"

    assert search(trials=Own(), max_evals=7) == "own fmin, max_evals=7"
    with pytest.raises(UnsupportedArgumentError, match="Own"):
        search(trials=Own(), backend="local")
    assert set(search(trials=Own(), allow_trials_fmin=False)) == {"x"}


def test_trials_fmin_is_the_same_search() -> None:
    one, two = Trials(), Trials()
    one.fmin(
        abs, SPACE, algo=rand.suggest, max_evals=5, rstate=np.random.default_rng(4),
        show_progressbar=False,
    )  # fmt: skip
    search(trials=two, max_evals=5, rstate=np.random.default_rng(4))
    assert one.losses() == two.losses()


def test_no_algorithm_means_tpe_with_a_log_line(caplog: pytest.LogCaptureFixture) -> None:
    one, two = Trials(), Trials()
    search(algo=None, trials=one, max_evals=25)
    assert "TPE is being used as the default algorithm" in caplog.text
    search(algo=tpe.suggest, trials=two, max_evals=25)
    assert one.losses() == two.losses()


# -- what it returns and raises --------------------------------------------------------------


def test_max_evals_may_be_a_float_that_is_whole_or_infinite() -> None:
    trials = Trials()
    search(max_evals=2.0, trials=trials)
    assert len(trials) == 2
    search(max_evals=float("inf"), timeout=0.2, trials=trials)
    assert len(trials) > 2


def test_an_objective_that_raises_shows_its_own_frame_in_the_traceback() -> None:
    def broken(x: float) -> float:
        return 1 / 0

    with pytest.raises(ZeroDivisionError) as caught:
        search(broken)
    names = [entry.name for entry in caught.traceback]
    assert names[-1] == "broken"
    assert "evaluate" not in names
    assert len(names) <= 2 + 1 + 4, names  # this test and its helper, the objective, fmin's own


def test_the_traceback_in_the_document_begins_in_the_objective() -> None:
    def broken(x: float) -> float:
        return 1 / 0

    trials = Trials()
    for number, backend in enumerate(["local", Local(workers="processes")]):
        search(broken, trials=trials, backend=backend, catch_eval_exceptions=True, max_evals=1,
               return_argmin=False)  # fmt: skip
        lines = trials._dynamic_trials[number]["misc"]["traceback"].splitlines()
        assert lines[0] == "Traceback (most recent call last):"
        assert lines[1].endswith("in broken")
        assert lines[-1] == "ZeroDivisionError: division by zero"


def test_all_trials_failed_by_status_says_how_many() -> None:
    with pytest.raises(AllTrialsFailed, match="None of the 3 trials") as caught:
        search(lambda x: {"status": "fail"})
    assert isinstance(caught.value, HyperbridgeError)


def test_all_failed_by_status_raises_also_without_argmin_as_in_hyperopt() -> None:
    with pytest.raises(AllTrialsFailed):
        search(lambda x: {"status": "fail"}, return_argmin=False)


def test_points_that_were_evaluated_before_are_not_evaluated_again() -> None:
    trials = Trials()
    points = [{"x": 0.5}, {"x": 0.25}]
    search(trials=trials, points_to_evaluate=points, max_evals=2)
    assert len(trials) == 4
    search(trials=trials, points_to_evaluate=points, max_evals=3)
    assert len(trials) == 5
    assert trials.losses().count(0.5) == 1


def test_a_bad_seed_in_the_environment_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HYPEROPT_FMIN_SEED", "twelve")
    with pytest.raises(InvalidArgumentError, match="HYPEROPT_FMIN_SEED"):
        search(rstate=None)


def test_an_annotation_that_is_no_space_is_named() -> None:
    def fn(x, y):  # type: ignore[no-untyped-def]
        return x

    fn.__annotations__ = {"x": hp.uniform("x", 0, 1), "y": int}
    with pytest.raises(hyperopt.exceptions.InvalidAnnotatedParameter, match="'y'"):
        search(fn, "annotated")


def test_an_interrupt_in_the_objective_reaches_the_user_and_keeps_what_finished() -> None:
    seen: list[float] = []

    def fn(x: float) -> float:
        seen.append(x)
        if len(seen) == 3:
            raise KeyboardInterrupt
        return x

    trials = Trials()
    with pytest.raises(KeyboardInterrupt):
        search(fn, trials=trials, max_evals=10)
    assert trials.losses() == seen[:2]
    assert [d["state"] for d in trials._dynamic_trials] == [2, 2, 4]


def test_the_output_is_restored_when_the_objective_raises_under_a_progress_bar() -> None:
    streams = (sys.stdout, sys.stderr)
    with pytest.raises(ZeroDivisionError):
        search(lambda x: 1 / 0, show_progressbar=True)
    assert (sys.stdout, sys.stderr) == streams


# -- the Trials object -----------------------------------------------------------------------


def test_trials_pickle_and_go_on_in_another_life() -> None:
    trials = Trials()
    search(trials=trials)
    revived = pickle.loads(pickle.dumps(trials))
    assert type(revived) is Trials
    assert revived.losses() == trials.losses()
    search(trials=revived, max_evals=5)
    assert len(revived) == 5
    assert len(trials) == 3


def test_best_values_need_the_space_after_a_pickle() -> None:
    space = {"kind": hp.choice("kind", ["a", "b"])}
    trials = Trials()
    search(lambda p: float(p["kind"] == "a"), space, trials=trials, max_evals=6)
    assert trials.best_values() == {"kind": "b"}
    revived = pickle.loads(pickle.dumps(trials))
    with pytest.raises(InvalidArgumentError, match="space"):
        revived.best_values()
    assert revived.best_values(space) == {"kind": "b"}


def test_an_objective_that_keeps_a_reference_to_its_trials_sees_them_grow() -> None:
    trials = Trials()
    lengths: list[int] = []

    def fn(x: float) -> float:
        lengths.append(len(trials))
        return x

    search(fn, trials=trials, max_evals=4)
    assert lengths == [1, 2, 3, 4]
