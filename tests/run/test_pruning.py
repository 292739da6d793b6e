"""What an objective reports, and which trials stop: in this process, against Optuna itself."""

from __future__ import annotations

import contextlib
import math
import os
import pickle
import sys
import threading
import time

import numpy as np
import optuna
import pytest
from hyperopt import hp, rand, tpe
from hyperopt.exceptions import AllTrialsFailed
from hypothesis import given, settings
from hypothesis import strategies as st

import hyperbridge
from hyperbridge import Trials, fmin
from hyperbridge.documents import was_pruned
from hyperbridge.errors import ArgumentTypeError, InvalidArgumentError, UnsupportedArgumentError
from hyperbridge.pruning import make_rule
from hyperbridge.run.observers import Observers
from hyperbridge.search.optuna.pruners import pruner_of
from hyperbridge.testing.pruning import AREA, N_STEPS, make_curve, make_reporting
from hyperbridge.worker.verdicts import Losses, least

optuna.logging.set_verbosity(optuna.logging.WARNING)
pruners = optuna.pruners

PRUNERS = {
    "median": pruners.MedianPruner,
    "a late median": lambda: pruners.MedianPruner(2, 3, 4, n_min_trials=2),
    "percentile": lambda: pruners.PercentilePruner(30.0, 1),
    "halving": pruners.SuccessiveHalvingPruner,
    "halving with rungs left out": lambda: pruners.SuccessiveHalvingPruner(2, 3, 1),
    "halving that waits": lambda: pruners.SuccessiveHalvingPruner(1, 2, 0, 3),
    "hyperband": pruners.HyperbandPruner,
    "hyperband of known length": lambda: pruners.HyperbandPruner(1, N_STEPS, 3),
    "threshold": lambda: pruners.ThresholdPruner(upper=1.1, n_warmup_steps=3, interval_steps=2),
    "a patient median": lambda: pruners.PatientPruner(pruners.MedianPruner(), 2),
    "patient": lambda: pruners.PatientPruner(None, 1, 0.01),
    "patient halving": lambda: pruners.PatientPruner(pruners.SuccessiveHalvingPruner(), 1),
    "none": pruners.NopPruner,
    "wilcoxon": pruners.WilcoxonPruner,
}
SAMPLERS = {
    "random": lambda: optuna.samplers.RandomSampler(seed=3),
    "tpe": lambda: optuna.samplers.TPESampler(seed=3),
}


def reporting(trial):
    x, y = trial.suggest_float("x", -1, 1), trial.suggest_float("y", 0, 3)
    curve = make_curve()
    for step in range(N_STEPS):
        loss = curve(x, y, step)
        trial.report(loss, step)
        if trial.should_prune():
            raise optuna.TrialPruned
    return 9.0 if math.isnan(loss) else loss


def trials_of(study):
    return [(t.state.name, t.intermediate_values, t.params["x"]) for t in study.trials]


@pytest.mark.filterwarnings("ignore::optuna.exceptions.ExperimentalWarning")
@pytest.mark.parametrize("sampler", SAMPLERS)
@pytest.mark.parametrize("name", PRUNERS)
@pytest.mark.parametrize("own", [True, False], ids=["the study's pruner", "fmin's pruner"])
def test_a_study_has_the_very_trials_of_a_native_one(name, sampler, own):
    make, seeded = PRUNERS[name], SAMPLERS[sampler]
    native = optuna.create_study(sampler=seeded(), pruner=make(), study_name="same")
    native.optimize(reporting, n_trials=40)
    study = optuna.create_study(
        sampler=seeded(), pruner=make() if own else pruners.NopPruner(), study_name="same"
    )
    all_pruned = pytest.raises(AllTrialsFailed, match="40 were pruned")
    with all_pruned if "waits" in name else contextlib.nullcontext():
        fmin(
            make_reporting(), AREA, algo=study, max_evals=40, show_progressbar=False,
            pruner=None if own else make(),
        )  # fmt: skip
    expected = trials_of(native)
    np.testing.assert_equal(trials_of(study), expected)  # a NaN equals a NaN
    assert {state for state, *_ in expected} == (
        {"COMPLETE"} if name == "none" else {"PRUNED"} if "waits" in name else
        {"COMPLETE", "PRUNED"}
    )  # fmt: skip
    assert isinstance(study.pruner, type(make() if own else pruners.NopPruner()))


@settings(max_examples=40, deadline=None, derandomize=True)
@given(
    losses=st.lists(
        st.lists(st.sampled_from([0.0, 0.5, 1.0, 2.0, math.nan, math.inf]), max_size=9), max_size=9
    ),
    first=st.integers(1, 3),
    factor=st.integers(2, 4),
    early=st.integers(0, 1),
)
def test_halving_agrees_with_optunas_on_any_losses(losses, first, factor, early):
    def make():
        return pruners.SuccessiveHalvingPruner(first, factor, early)

    study = optuna.create_study(pruner=make())
    expected = []
    for trial_losses in losses:
        trial, n = study.ask(), 0
        for n, loss in enumerate(trial_losses, start=1):
            trial.report(loss, n)
            if trial.should_prune():
                break
        expected.append(n)
        study.tell(trial, 0.0)
    found = []

    def fn(i):
        for step, loss in enumerate(losses[int(i)], start=1):
            found[-1] = step
            hyperbridge.report(loss, step)
        return 0.0

    def count(i):
        found.append(0)
        return fn(i)

    points = [{"i": i} for i in range(len(losses))]
    with contextlib.suppress(AllTrialsFailed):
        fmin(
            count, hp.quniform("i", 0, 99, 1), algo=rand.suggest, max_evals=0, pruner=make(),
            points_to_evaluate=points, show_progressbar=False, trials=Trials(),
            return_argmin=False,
        )  # fmt: skip
    assert found == expected


def minimise(fn, space=AREA, **kwargs):
    trials = kwargs.setdefault("trials", Trials())
    given = {"algo": rand.suggest, "rstate": np.random.default_rng(0), "show_progressbar": False}
    fmin(fn, space, **{**given, **kwargs})
    return trials


def test_a_search_goes_on_with_what_earlier_trials_reported(tmp_path):
    whole = minimise(make_reporting(), max_evals=30, pruner="asha")
    first = minimise(make_reporting(), max_evals=15, pruner="asha")
    rstate = np.random.default_rng(0)
    for _ in range(15):
        rstate.integers(2**31 - 1)
    again = pickle.loads(pickle.dumps(first))
    minimise(make_reporting(), max_evals=30, pruner="asha", trials=again, rstate=rstate)
    for one, other in zip(whole.trials, again.trials, strict=True):
        np.testing.assert_equal(other["misc"]["vals"], one["misc"]["vals"])
        np.testing.assert_equal(other["misc"]["reports"], one["misc"]["reports"])
    assert sum(map(was_pruned, again.trials)) > sum(map(was_pruned, first.trials)) > 0


def test_tpe_learns_from_pruned_trials_and_the_best_is_none_of_them():
    trials = minimise(make_reporting(), max_evals=60, algo=tpe.suggest, pruner="median")
    pruned = [document for document in trials.trials if was_pruned(document)]
    assert len(pruned) > 10
    assert min(d["result"].get("loss", 9) for d in pruned) != trials.best_trial["result"]["loss"]
    rest = minimise(make_reporting(), max_evals=60, algo=tpe.suggest)
    assert abs(trials.argmin["x"] - rest.argmin["x"]) < 0.3


def test_a_trial_that_raises_optunas_own_exception_is_pruned():
    def fn(p):
        if p["x"] < 0:
            raise optuna.TrialPruned
        return p["x"]

    trials = minimise(fn, max_evals=8)
    for document in trials.trials:
        expected = {"status": "fail", "pruned": True}
        if document["misc"]["vals"]["x"][0] < 0:
            assert document["result"] == expected
            assert "error" not in document["misc"]


def test_what_stops_a_trial_is_caught_by_its_name_in_optuna_too():
    seen = []

    def fn(p):
        try:
            hyperbridge.report(p["x"], 0)
        except optuna.TrialPruned as exc:
            seen.append(exc)
            raise
        return p["x"]

    minimise(fn, max_evals=20, pruner="median")
    assert seen
    assert all(isinstance(exc, hyperbridge.TrialPruned) for exc in seen)


@pytest.mark.parametrize(
    ("loss", "step", "kind", "says"),
    [
        ("low", 0, ValueError, "the loss must be a number, got 'low'"),
        ([1], 0, TypeError, r"the loss must be a number, got \[1\]"),
        (1, -1, ValueError, "step must be at least 0, got -1"),
        (1, 0.5, TypeError, "step must be a whole number, got 0.5"),
    ],
)
def test_a_report_that_is_none_fails_its_trial(loss, step, kind, says):
    with pytest.raises(kind, match=says):
        minimise(lambda p: hyperbridge.report(loss, step), max_evals=1)


def test_steps_may_be_left_out_numpys_or_said_twice(caplog):
    def fn(p):
        hyperbridge.report(np.float32(3))
        hyperbridge.report(2, np.int64(5))
        hyperbridge.report(7, 5.0)
        hyperbridge.report(1)
        return 0.0

    (document,) = minimise(fn, max_evals=1).trials
    assert document["misc"]["reports"] == [[0, 3.0], [5, 2.0], [6, 1.0]]
    assert "step 5 was reported before" in caplog.text


def test_outside_of_a_search_nothing_happens():
    hyperbridge.report("no number", -1)
    assert hyperbridge.should_prune() is False


def test_a_thread_of_the_objective_reports_for_its_trial():
    def fn(p):
        thread = threading.Thread(target=hyperbridge.report, args=(p["x"], 0))
        thread.start()
        thread.join()
        return p["x"]

    (document,) = minimise(fn, max_evals=1).trials
    assert len(document["misc"]["reports"]) == 1


def test_trials_in_threads_hear_of_each_other_while_they_run():
    """Each waits for the others at a step: the pruner sees the losses of trials that still run."""
    barrier = threading.Barrier(4, timeout=60)
    n_steps: dict[float, int] = {}

    def fn(p):
        for step in range(1, 4):
            n_steps[p["x"]] = step
            if step == 1:
                barrier.wait()
            hyperbridge.report(p["x"], step)
            if step == 1:
                done.wait(0.2 * 10 * (p["x"] > min(n_steps)))
        done.set()
        return p["x"]

    done = threading.Event()
    trials = minimise(
        fn, max_evals=4, parallelism=4,
        pruner=pruners.SuccessiveHalvingPruner(min_resource=1, reduction_factor=2),
    )  # fmt: skip
    assert sum(map(was_pruned, trials.trials)) >= 1


@pytest.mark.parametrize(
    ("pruner", "kind", "says"),
    [
        ("medium", InvalidArgumentError, "'median', 'percentile', 'asha', 'hyperband', 'patient'"),
        (pruners.MedianPruner, ArgumentTypeError, r"pass an object, such as MedianPruner\(\)"),
        (3, ArgumentTypeError, "got 3"),
        (" ", InvalidArgumentError, "must not be an empty string"),
    ],
)
def test_what_is_no_pruner_is_refused_before_the_first_trial(pruner, kind, says):
    calls = []
    with pytest.raises(kind, match=says):
        minimise(calls.append, max_evals=1, pruner=pruner)
    assert calls == []


def test_a_tune_scheduler_needs_ray():
    schedulers = pytest.importorskip("ray.tune.schedulers")
    with pytest.raises(
        UnsupportedArgumentError,
        match=r"AsyncHyperBandScheduler: a Ray Tune scheduler needs backend='ray'",
    ):
        minimise(abs, max_evals=1, pruner=schedulers.ASHAScheduler(), backend="local")


def test_the_environment_and_settings_give_a_pruner(monkeypatch):
    monkeypatch.setenv("HYPERBRIDGE_PRUNER", "median")
    assert any(map(was_pruned, minimise(make_reporting(), max_evals=12).trials))
    with hyperbridge.settings(pruner=None):
        assert not any(map(was_pruned, minimise(make_reporting(), max_evals=12).trials))


def test_a_point_that_was_pruned_is_not_run_again_where_results_are_reused(monkeypatch):
    began_ms, ends = int(time.time() * 1000), []
    monkeypatch.setattr(Observers, "trial_finished", lambda _, end: ends.append(end))
    space = hp.choice("x", [0.1, 0.2, 0.7, 0.8, 0.9])
    trials = minimise(
        lambda x: hyperbridge.report(x, 0) or x, space, max_evals=30, pruner="median",
        repeats="reuse", rstate=np.random.default_rng(3),
    )  # fmt: skip
    reused = [document for document in trials.trials if "reused_from" in document["misc"]]
    by_id = {document["tid"]: document for document in trials.trials}
    assert any(map(was_pruned, reused))
    for document in reused:
        assert document["result"] == by_id[document["misc"]["reused_from"]]["result"]
    assert all(at_ms >= began_ms for end in ends for *_, at_ms in end.reports)


@settings(max_examples=100, deadline=None, derandomize=True)
@given(
    st.dictionaries(
        st.integers(0, 30), st.sampled_from([0.0, 0.5, 1.0, 2.0, math.nan, math.inf, -math.inf])
    )
)
def test_losses_know_their_least_up_to_each_step_whatever_the_order(reported):
    losses = Losses(reported.items())
    assert dict(losses) == reported
    assert losses.steps == sorted(reported)
    for n in range(1, len(reported) + 1):
        expected = least(reported[step] for step in losses.steps[:n])
        np.testing.assert_equal(losses.least_to(n), expected)


@pytest.mark.parametrize("pruner", ["median", "asha", "patient"])
def test_a_report_costs_the_same_at_any_step(pruner):
    """Counted are the lines that run, as times are not the same twice."""

    def lines_of_a_report(n_before):
        counts = []

        def fn(x):
            for step in range(n_before):
                hyperbridge.report(1.0, step, raises=False)
            for step in range(n_before, n_before + 2):
                counts.append(0)

                def count(*_):
                    counts[-1] += 1
                    return count

                sys.settrace(count)
                try:
                    hyperbridge.report(1.0, step, raises=False)
                    hyperbridge.should_prune()
                finally:
                    sys.settrace(before)
            return x

        before = sys.gettrace()
        minimise(fn, hp.uniform("x", 0, 1), max_evals=7, pruner=pruner)
        return counts[-1]

    assert lines_of_a_report(1000) < 3 * lines_of_a_report(10)  # there are more rungs


@pytest.mark.filterwarnings("error::RuntimeWarning")
def test_infinite_losses_are_compared_without_a_warning():
    def fn(p):
        hyperbridge.report(math.inf if p["x"] > 0 else p["x"], 0)
        return p["x"]

    trials = minimise(fn, max_evals=20, pruner="median")
    assert len(trials) == 20


def test_a_trial_is_counted_at_its_rung_before_its_next_report():
    """The better trial reports once, and goes on until the other one has ended."""
    first, ended = threading.Event(), threading.Event()

    def fn(x):
        if x == 0.1:
            hyperbridge.report(x, 1)
            first.set()
            assert ended.wait(60)
        else:
            assert first.wait(60)
            try:
                hyperbridge.report(x, 1)
            finally:
                ended.set()
        return x

    trials = minimise(
        fn, hp.choice("x", [0.1, 0.9]), max_evals=0, parallelism=2,
        points_to_evaluate=[{"x": 0}, {"x": 1}], pruner=pruners.SuccessiveHalvingPruner(1, 2),
    )  # fmt: skip
    assert [was_pruned(document) for document in trials.trials] == [False, True]


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_process_that_the_objective_forks_reports_nothing_and_is_not_stopped():
    def fn(p):
        child = os.fork()
        if child == 0:
            try:
                for step in range(5):
                    hyperbridge.report(99.0, step)
                os._exit(int(hyperbridge.should_prune()))
            finally:
                os._exit(3)
        exit_codes.append(os.waitpid(child, 0)[1])
        hyperbridge.report(0.5, 0)
        return 0.5

    exit_codes: list[int] = []
    trials = minimise(fn, max_evals=8, pruner="median")
    assert exit_codes == [0] * 8
    assert not any(map(was_pruned, trials.trials))


def test_a_loss_that_no_text_can_hold_is_refused_as_any_other():
    with pytest.raises(ValueError, match="the loss must be a number"):
        minimise(lambda p: hyperbridge.report("\ud800", 0), max_evals=1)


def test_earlier_documents_of_any_kind_do_not_end_a_search_with_a_pruner():
    earlier = minimise(make_reporting(), max_evals=8)
    odd = earlier.trials[0]
    odd["misc"]["vals"]["x"] = [0.1, 0.2]
    odd["misc"]["idxs"]["x"] = [0, 0]
    trials = minimise(make_reporting(), max_evals=20, trials=earlier, pruner="median")
    assert len(trials) == 20
    assert any(map(was_pruned, trials.trials))


@pytest.mark.parametrize("name", ["median", "percentile", "asha", "hyperband", "patient"])
def test_a_name_means_the_same_with_and_without_optuna(name):
    space = hyperbridge.read_space(AREA)

    def facts(rule):
        inner = vars(rule).get("_inner")
        plain = {key: value for key, value in vars(rule).items() if key != "_inner"}
        return type(rule), plain, None if inner is None else facts(inner)

    assert facts(make_rule(name, space)) == facts(make_rule(pruner_of(name), space))
