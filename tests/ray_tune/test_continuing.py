"""An interrupted experiment goes on: finished trials are not run again, nothing is missing."""

from __future__ import annotations

import copy
import pickle
import signal
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hyperopt import hp, rand, tpe
from hyperopt.base import (
    JOB_STATE_CANCEL,
    JOB_STATE_DONE,
    JOB_STATE_ERROR,
    JOB_STATE_NEW,
    JOB_STATE_RUNNING,
)
from pyarrow.fs import LocalFileSystem
from ray import tune
from ray_scripts import PROGRAMS, own_environment, run, started

from hyperbridge import SparkTrials, Trials, fmin, ray_trainable
from hyperbridge.backends.ray.experiment import open_experiment
from hyperbridge.backends.ray.records import Saved, TrialRecords, fill_trials
from hyperbridge.backends.ray.restoring import restore_dispatcher, save_search
from hyperbridge.backends.ray.storage import ExperimentFolder
from hyperbridge.errors import InvalidArgumentError
from hyperbridge.run.dispatch import cancelled
from hyperbridge.run.limits import Limits
from hyperbridge.run.objective import Objective
from hyperbridge.run.run import FminRun
from hyperbridge.run.saving import TrialsFile
from hyperbridge.run.trial_log import TrialLog
from hyperbridge.search.fresh_points import FreshPoints
from hyperbridge.search.hyperopt_algo import HyperoptSearch, next_seed
from hyperbridge.search.known_points import KnownPoints
from hyperbridge.surface.history import open_trials
from hyperbridge.surface.points import draw_again

SPACE = {"x": hp.uniform("x", 0, 1)}


def note_calls(folder: Path) -> Any:
    """An objective that leaves a file for each of its calls."""
    path = str(folder)

    def fn(p: Any) -> float:
        import uuid

        open(f"{path}/{p['x']} {uuid.uuid4().hex}", "w").close()
        return float(p["x"])

    return fn


@pytest.fixture
def calls(tmp_path: Path) -> Path:
    folder = tmp_path / "calls"
    folder.mkdir()
    return folder


def test_a_larger_max_evals_goes_on_where_the_search_stood(minimise: Any, calls: Path) -> None:
    first, second, whole = Trials(), Trials(), Trials()
    fn = note_calls(calls)
    common: dict[str, Any] = {"algo": tpe.suggest, "parallelism": 1}
    minimise(fn, SPACE, max_evals=4, trials=first, run={"name": "n"}, **common)
    minimise(fn, SPACE, max_evals=7, trials=second, run={"name": "n"}, **common)
    assert second.losses()[:4] == first.losses()
    assert len(list(calls.iterdir())) == len(second) == len(second.result_grid) == 7
    minimise(fn, SPACE, max_evals=7, trials=whole, backend="local", **common)
    assert second.losses() == whole.losses()


def test_points_of_ones_own_draw_no_seeds_when_a_search_goes_on(minimise: Any) -> None:
    first, second, whole = Trials(), Trials(), Trials()
    common: dict[str, Any] = {"points_to_evaluate": [{"x": 0.5}, {"x": 0.25}], "parallelism": 1}
    minimise(lambda p: p["x"], SPACE, max_evals=2, trials=first, run={"name": "n"}, **common)
    minimise(lambda p: p["x"], SPACE, max_evals=4, trials=second, run={"name": "n"}, **common)
    minimise(lambda p: p["x"], SPACE, max_evals=4, trials=whole, backend="local", **common)
    assert second.losses() == whole.losses()
    assert len(whole) == 6


def test_a_search_that_is_complete_is_not_run_again(minimise: Any, calls: Path) -> None:
    fn = note_calls(calls)
    minimise(fn, SPACE, max_evals=3, run={"name": "n"})
    trials = Trials()
    best = minimise(fn, SPACE, max_evals=3, trials=trials, run={"name": "n"})
    assert len(list(calls.iterdir())) == 3
    assert len(trials) == len(trials.result_grid) == 3
    assert best == trials.argmin


def test_limits_and_stop_rules_of_the_later_call_count(minimise: Any) -> None:
    def fn(p: Any) -> float:
        import time

        if p["x"] > 0.5:
            time.sleep(600)
        return float(p["x"])

    points = [{"x": 0.25}, {"x": 0.75}]
    minimise(fn, SPACE, max_evals=0, points_to_evaluate=points[:1], run={"name": "n"})
    trials, start = SparkTrials(), time.monotonic()
    minimise(
        fn, SPACE, max_evals=1, points_to_evaluate=points, trials=trials, run={"name": "n"},
        timeout=10, parallelism=1,
    )  # fmt: skip
    assert time.monotonic() - start < 300
    assert trials.fmin_cancelled_reason == "fmin run timeout"
    assert [d["state"] for d in trials._dynamic_trials] == [JOB_STATE_DONE, JOB_STATE_CANCEL]
    seen: list[float] = []

    def rule(trial_id: str, result: dict[str, Any]) -> bool:
        seen.append(result["loss"])
        return False

    later = Trials()
    minimise(
        lambda p: float(p["x"]), SPACE, max_evals=4, points_to_evaluate=points, trials=later,
        run={"name": "n", "stop": rule}, parallelism=1,
    )  # fmt: skip
    assert set(seen) <= set(later.losses())
    assert len(seen) >= 3


def test_the_errors_of_earlier_trials_are_in_the_grid_too(minimise: Any) -> None:
    def fn(p: Any) -> float:
        if p["x"] > 0.5:
            raise ArithmeticError("too much")
        return float(p["x"])

    for max_evals in (3, 4, 4):
        trials = SparkTrials()
        minimise(
            fn, SPACE, max_evals=max_evals, trials=trials, run={"name": "n"}, parallelism=1,
            points_to_evaluate=[{"x": 0.75}],
        )  # fmt: skip
        assert trials.count_failed_trials() >= 1
        assert trials.result_grid.num_errors == trials.count_failed_trials()
        assert "too much" in str(trials.result_grid.errors[0])


def test_results_and_attachments_of_earlier_trials_are_whole(minimise: Any) -> None:
    def fn(p: Any) -> dict[str, Any]:
        return {"loss": 0.0, "status": "ok", "list": [p["x"]], "attachments": {"note": b"kept"}}

    minimise(fn, SPACE, max_evals=2, run={"name": "n"})
    trials = Trials()
    minimise(fn, SPACE, max_evals=3, trials=trials, run={"name": "n"})
    for document in trials.trials:
        assert document["result"]["list"] == document["misc"]["vals"]["x"]
        assert trials.trial_attachments(document)["note"] == b"kept"


def test_another_space_under_the_same_name_is_refused_by_its_labels(minimise: Any) -> None:
    minimise(lambda p: 0.0, SPACE, max_evals=1, run={"name": "n"})
    with pytest.raises(InvalidArgumentError, match="the saved one has 'x', this one has 'y'"):
        minimise(lambda p: 0.0, {"y": hp.uniform("y", 0, 1)}, max_evals=1, run={"name": "n"})
    with pytest.raises(InvalidArgumentError, match=r"'x' was Uniform\(low=0.0, high=1.0\) and is"):
        minimise(lambda p: 0.0, {"x": hp.uniform("x", 0, 2)}, max_evals=1, run={"name": "n"})
    with pytest.raises(InvalidArgumentError, match="the values beside them"):
        minimise(lambda p: 0.0, {**SPACE, "epochs": 3}, max_evals=1, run={"name": "n"})


def test_an_experiment_of_somebody_else_is_refused(minimise: Any, storage: str) -> None:
    (Path(storage) / "n").mkdir(parents=True)
    (Path(storage) / "n" / "experiment_state-2024.json").write_text("{}")
    with pytest.raises(InvalidArgumentError, match="fmin did not make"):
        minimise(lambda p: 0.0, SPACE, max_evals=1, run={"name": "n"})


def test_the_trials_of_an_experiment_go_on_in_it_and_others_do_not(
    minimise: Any, calls: Path, tmp_path: Path
) -> None:
    fn = note_calls(calls)
    trials = Trials()
    minimise(fn, SPACE, max_evals=2, trials=trials, run={"name": "n"})
    minimise(fn, SPACE, max_evals=4, trials=trials, run={"name": "n"})
    assert len(trials) == len(trials.result_grid) == len(list(calls.iterdir())) == 4
    assert sorted(trials.tids) == [0, 1, 2, 3]
    others = Trials()
    minimise(fn, SPACE, max_evals=2, trials=others, backend="local", rstate=None)
    with pytest.raises(InvalidArgumentError, match="the Trials object has others"):
        minimise(fn, SPACE, max_evals=4, trials=others, run={"name": "n"})


def test_a_save_file_and_a_name_go_together_also_when_the_file_is_behind(
    minimise: Any, calls: Path, tmp_path: Path
) -> None:
    fn, file = note_calls(calls), tmp_path / "trials.pkl"
    common: dict[str, Any] = {"trials_save_file": str(file), "run": {"name": "n"}}
    minimise(fn, SPACE, max_evals=2, **common)
    behind = file.read_bytes()
    minimise(fn, SPACE, max_evals=4, **common)
    file.write_bytes(behind)
    best = minimise(fn, SPACE, max_evals=5, **common)
    assert len(list(calls.iterdir())) == 5
    # The fifth has a seed of its own, though the file had two of the four before it.
    assert len({path.name.split()[0] for path in calls.iterdir()}) == 5
    # The file alone continues on another backend.
    assert minimise(fn, SPACE, max_evals=5, backend="local", trials_save_file=str(file)) == best
    assert len(list(calls.iterdir())) == 5


def test_kept_trials_that_were_cut_off_are_run_again(
    minimise: Any, calls: Path, tmp_path: Path
) -> None:
    note, hold, first = note_calls(calls), str(tmp_path / "hold"), str(tmp_path / "first")
    folder = str(calls)
    Path(hold).touch()

    def fn(p: Any) -> float:
        import os
        import time

        loss = note(p)
        if os.path.exists(hold):
            try:
                open(first, "x").close()
            except FileExistsError:
                while os.path.exists(hold):
                    time.sleep(0.1)
            else:
                while len(os.listdir(folder)) < 2:
                    time.sleep(0.1)
                raise ArithmeticError("the first fails while the second runs")
        return float(loss)

    trials = Trials()
    common: dict[str, Any] = {"trials": trials, "run": {"name": "n"}, "max_evals": 4}
    with pytest.raises(ArithmeticError, match="the first fails"):
        minimise(fn, SPACE, **common)
    (cut_off,) = [d for d in trials._dynamic_trials if d["state"] == JOB_STATE_CANCEL]
    Path(hold).unlink()
    minimise(fn, SPACE, rstate=np.random.default_rng(1), **common)
    states = [d["state"] for d in trials._dynamic_trials]
    assert sorted(states) == [JOB_STATE_DONE] * (len(states) - 1) + [JOB_STATE_ERROR]
    assert "error" not in cut_off["misc"]
    (x,) = cut_off["misc"]["vals"]["x"]
    assert [path.name.split()[0] for path in calls.iterdir()].count(str(x)) == 2


def searched(n: int) -> Trials:
    """Trials of a search on this machine, with an attachment each."""
    trials = Trials()
    if n == 0:
        return trials

    def fn(p: Any) -> dict[str, Any]:
        return {"loss": p["x"], "status": "ok", "attachments": {"note": str(p["x"]).encode()}}

    fmin(
        fn, SPACE, algo=rand.suggest, max_evals=n, trials=trials, backend="local", tracking=False,
        show_progressbar=False, rstate=np.random.default_rng(0),
    )  # fmt: skip
    return trials


def with_state(document: Any, state: int) -> Any:
    """The document of a trial as it was before it ended."""
    return {**copy.deepcopy(document), "state": state, "result": {"status": "new"}}


def test_a_cancelled_document_goes_by_its_record() -> None:
    ended = searched(3)._dynamic_trials
    saved = Saved(
        [with_state(ended[0], JOB_STATE_RUNNING), ended[1], with_state(ended[2], JOB_STATE_CANCEL)],
        {0: {}, 1: {}, 2: {}},
    )
    kept = Trials()
    kept._insert_trial_docs([with_state(document, JOB_STATE_CANCEL) for document in ended])
    kept._dynamic_trials[0]["misc"]["error"] = ("TrialCancelledError", "cancelled: by the user")
    fill_trials(kept, saved)
    cut_off, finished_later, timed_out = kept._dynamic_trials
    assert cut_off["state"] == JOB_STATE_NEW
    assert "error" not in cut_off["misc"]
    assert (finished_later["state"], finished_later["result"]) == (2, ended[1]["result"])
    assert timed_out["state"] == JOB_STATE_CANCEL
    assert kept.tids == [0, 1]


def test_a_document_that_is_brought_up_to_date_gets_its_attachments() -> None:
    whole = searched(2)
    notes = [whole.trial_attachments(document)["note"] for document in whole.trials]
    saved = Saved(whole._dynamic_trials, {tid: {"note": notes[tid]} for tid in range(2)})
    behind = Trials()
    behind._insert_trial_docs([with_state(whole.trials[0], JOB_STATE_NEW)])
    fill_trials(behind, saved)
    assert [behind.trial_attachments(d)["note"] for d in behind.trials] == notes


@pytest.mark.parametrize("repeats", ["run", "skip", "reuse"])
def test_tuner_restore_knows_what_becomes_of_repeats(storage: str, repeats: str) -> None:
    space = {"n": hp.randint("n", 3)}
    folder = ExperimentFolder(LocalFileSystem(), f"{storage}/n")
    folder.create()
    records = TrialRecords(folder)
    trials = Trials()
    fmin(
        lambda p: float(p["n"]), space, algo=rand.suggest, max_evals=3, trials=trials,
        repeats="skip", show_progressbar=False, rstate=np.random.default_rng(0),
    )  # fmt: skip
    for document in trials.trials:
        records.put(f"trial_{document['tid']}", document, {})
    records.close()
    objective = Objective(len, space, None)
    suggest: Any = HyperoptSearch(rand.suggest, objective.domain, trials, np.random.default_rng(0))
    if repeats == "skip":
        suggest = FreshPoints(
            suggest, objective.space, trials, np.random.default_rng(0), objective.domain.params
        )
    run = FminRun(
        log=TrialLog(trials), search=suggest, limits=Limits(max_evals=6), capacity=1,
        tolerant=True, spark_trials=False,
        known=KnownPoints(objective.space, trials) if repeats == "reuse" else None,
    )  # fmt: skip
    dispatcher = restore_dispatcher(
        save_search(folder, objective, run, None, has_taken_over=False, retries_raised=False)
    )
    left = dispatcher.run.ask()
    if repeats == "run":
        assert left is not None
        dispatcher.run.settle(left, cancelled("the test is over"))
    else:
        assert left is None
        reason = dispatcher.run.stop_reason
        assert reason is not None
        assert reason.rule == ("max_evals" if repeats == "reuse" else "search_exhausted")
    dispatcher.close()


@pytest.mark.parametrize(("n_kept", "n_drawn"), [(None, 4), (0, 4), (2, 2), (4, 0)])
def test_seeds_go_on_after_those_that_the_experiment_has_used(
    storage: str, n_kept: int | None, n_drawn: int
) -> None:
    folder = ExperimentFolder(LocalFileSystem(), f"{storage}/n")
    folder.create()
    folder.note_search(Objective(len, SPACE, None).space, "objective")
    records = TrialRecords(folder)
    for document in searched(4).trials:
        records.put(f"trial_{document['tid']}", document, {})
    records.close()
    file = Path(storage).with_name("trials.pkl")
    file.write_bytes(pickle.dumps(searched(2)))
    given = None if n_kept is None else searched(n_kept)
    earlier = None
    if n_kept is None:
        kept = TrialsFile(file)
        earlier = kept.load()
        kept.release()
    trials, _ = open_trials(given, earlier)
    experiment = open_experiment(
        Objective(len, SPACE, None), trials, tune_config=None,
        run_config=tune.RunConfig(name="n", storage_path=storage),
    )  # fmt: skip
    rstate, expected = np.random.default_rng(0), np.random.default_rng(0)
    draw_again(rstate, trials, earlier, experiment.restored, None, is_given=True)
    for _ in range(n_drawn):
        next_seed(expected)
    assert next_seed(rstate) == next_seed(expected)


def interrupted_search(folder: Path, number: signal.Signals) -> None:
    """Run the program until five trials are done and two hang, and send it a signal then."""
    (folder / "hold").write_text("")
    with (
        own_environment(folder) as environment,
        started([PROGRAMS / "hanging_search.py"], folder, environment) as process,
    ):
        deadline = time.monotonic() + 400
        while len(list((folder / "calls").iterdir())) < 7:
            assert process.poll() is None, process.communicate()
            assert time.monotonic() < deadline
            time.sleep(0.1)
        time.sleep(1)  # the records of the five are written
        process.send_signal(number)
        process.wait(300)
    (folder / "hold").unlink()


@pytest.mark.slow
@pytest.mark.parametrize(
    "number",
    [signal.SIGKILL, pytest.param(signal.SIGINT, marks=pytest.mark.long)],
    ids=lambda n: n.name,
)
def test_a_killed_search_goes_on_and_ends_with_all_trials(
    tmp_path: Path, calls: Path, number: signal.Signals
) -> None:
    interrupted_search(tmp_path, number)
    with own_environment(tmp_path) as environment:
        output = run("hanging_search", folder=tmp_path, environment=environment)
    assert "tids [0, 1, 2, 3, 4, 5, 6, 7] grid 8" in output, output
    # Five ended the first time and are not run again; the two that hung are.
    values = [path.name.split()[0] for path in calls.iterdir()]
    assert len(set(values)) == 8
    assert len(values) == 10


@pytest.mark.slow
def test_tuner_restore_finishes_a_killed_search_and_fmin_then_has_all_trials(
    tmp_path: Path, calls: Path, minimise: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    interrupted_search(tmp_path, signal.SIGKILL)
    monkeypatch.chdir(tmp_path)
    folder = str(calls)

    def fn(p: Any) -> float:
        import uuid

        open(f"{folder}/{p['x']} {uuid.uuid4().hex}", "w").close()
        return float(p["x"])

    tuner = tune.Tuner.restore(str(tmp_path / "results" / "n"), ray_trainable(fn, SPACE))
    grid = tuner.fit()
    assert len(grid) == 8
    assert grid.num_errors == 0
    assert len(list(calls.iterdir())) == 10
    trials = Trials()
    minimise(
        fn, SPACE, max_evals=7, trials=trials, algo=rand.suggest, rstate=np.random.default_rng(0),
        points_to_evaluate=[{"x": 0.5}],
        run={"name": "n", "storage_path": str(tmp_path / "results")},
    )  # fmt: skip
    assert sorted(trials.tids) == list(range(8))
    assert {d["state"] for d in trials.trials} == {JOB_STATE_DONE}
    assert len(list(calls.iterdir())) == 10


@pytest.mark.parametrize("name", [None, "mine"], ids=["another experiment", "the same experiment"])
def test_cancelled_trials_count_as_little_as_in_hyperopt(
    minimise: Any, tmp_path: Path, name: str | None
) -> None:
    """hyperopt's SparkTrials leave cancelled documents as they are and propose others for them."""
    may_end = str(tmp_path / "may end")

    def fn(p: Any) -> float:
        import os
        import time

        if p["x"] != 0.5:
            while not os.path.exists(may_end):
                time.sleep(0.1)
        return float(p["x"])

    def search(max_evals: int, **kwargs: Any) -> None:
        minimise(
            fn, SPACE, max_evals=max_evals, trials=trials, run={"name": name}, max_queue_len=4,
            rstate=np.random.default_rng(max_evals), **kwargs,
        )  # fmt: skip

    trials = SparkTrials()
    search(8, points_to_evaluate=[{"x": 0.5}], loss_threshold=0.6)
    first = copy.deepcopy(trials._dynamic_trials)
    n_cancelled = len(first) - 1
    assert (trials.losses(), trials.count_cancelled_trials()) == ([0.5], n_cancelled)
    assert [d for d in first if d["book_time"] is None], "no trial was left in the queue"
    Path(may_end).touch()
    trials.loss_threshold = None
    search(6)
    assert trials.count_successful_trials() == len(trials.trials) == 6
    assert trials.count_cancelled_trials() == n_cancelled
    assert trials.count_total_trials() == 6 + n_cancelled
    tids = [document["tid"] for document in trials._dynamic_trials]
    assert tids == sorted(set(tids))
    assert trials._dynamic_trials[: len(first)] == first
    assert len(trials.result_grid) >= 5
