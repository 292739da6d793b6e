"""A search with a journal ends, interrupted and gone on with, as it would have otherwise."""

from __future__ import annotations

import itertools
import logging
import pickle
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import hyperopt
import numpy as np
import pytest
from hyperopt import anneal, hp, rand, tpe
from hyperopt.base import JOB_STATE_DONE, JOB_STATE_RUNNING
from same_values import is_same

import hyperbridge
from hyperbridge import Trials, fmin
from hyperbridge.errors import (
    InvalidArgumentError,
    NotSavedError,
    UnsupportedArgumentError,
)
from hyperbridge.journal import file as journal_file
from hyperbridge.journal.contents import Contents
from hyperbridge.journal.file import read_journal
from hyperbridge.surface.keepers import environment_of_child

SPACE = {"x": hp.uniform("x", -5, 5), "kind": hp.choice("kind", [0, hp.quniform("q", 1, 9, 2)])}


class StoppedError(KeyboardInterrupt):
    """What a user's Ctrl-C, or a scheduler's SIGTERM, raises."""


class Plan:
    """What the objective does in which of its calls."""

    calls: Iterator[int]
    raises: dict[int, BaseException]


@pytest.fixture(autouse=True)
def plan() -> type[Plan]:
    Plan.calls, Plan.raises = itertools.count(1), {}
    return Plan


def objective(point: dict[str, Any]) -> Any:
    n = next(Plan.calls)
    if n in Plan.raises:
        raise Plan.raises[n]
    loss = float(abs(point["x"] - 1) + point["kind"])
    hyperbridge.report(loss * 2, 0)
    hyperbridge.report(loss + 1, 1)
    attachments = {"note": f"of {loss}".encode()}
    return {"loss": loss, "status": "ok", "curve": np.arange(3) * loss, "attachments": attachments}


def search(journal: Any, fn: Any = objective, **kwargs: Any) -> Trials:
    """Search on, from call to call with the same journal; return the Trials."""
    trials = kwargs.pop("trials", Trials())
    arguments: dict[str, Any] = {
        "algo": tpe.suggest, "max_evals": 30, "rstate": np.random.default_rng(0), **kwargs,
    }  # fmt: skip
    space = arguments.pop("space", SPACE)
    try:
        fmin(fn, space, trials=trials, journal=journal, show_progressbar=False, **arguments)
    except StoppedError:
        pass
    return trials


def timeless(documents: Any) -> list[Any]:
    """Return documents without what the clock has put into them."""
    found = []
    for document in documents:
        copy = {**document, "misc": dict(document["misc"]), "book_time": None, "refresh_time": None}
        copy["misc"] = {key: copy["misc"][key] for key in sorted(copy["misc"])}
        found.append(copy)
    return found


@pytest.mark.parametrize(
    ("algo", "queue", "at"),
    [
        (rand.suggest, 1, 1),
        (rand.suggest, 4, 7),
        (tpe.suggest, 1, 7),
        (tpe.suggest, 4, 26),
        (anneal.suggest, 1, 26),
    ],
)
def test_an_interrupted_search_ends_as_one_that_was_not(
    tmp_path: Path, plan: type[Plan], algo: Any, queue: int, at: int
) -> None:
    options = {"algo": algo, "max_queue_len": queue, "pruner": "median", "repeats": "skip"}
    whole = search(None, **options)
    plan.calls, plan.raises = itertools.count(1), {at: StoppedError()}
    search(tmp_path / "run.journal", **options)
    plan.raises = {}
    found = search(tmp_path / "run.journal", **options)
    assert is_same(timeless(found._dynamic_trials), timeless(whole._dynamic_trials))
    assert found.attachments == whole.attachments
    kept = read_journal(tmp_path / "run.journal")
    assert [call["closed"]["reason"] for call in kept.calls] == ["user", "max_evals"]
    assert is_same(timeless(kept.documents), timeless(whole._dynamic_trials))
    assert kept.attachments == whole.attachments


def test_the_journal_has_every_document_as_the_trials_have_it(
    tmp_path: Path, plan: type[Plan]
) -> None:
    plan.raises = {2: ValueError("no"), 5: hyperbridge.TrialPruned()}
    earlier = Trials()
    fmin(
        objective, SPACE, algo=rand.suggest, max_evals=3, trials=earlier, show_progressbar=False,
        rstate=np.random.default_rng(1), catch_eval_exceptions=True,
    )  # fmt: skip
    fmin(
        objective, SPACE, algo=rand.suggest, max_evals=9, trials=earlier, show_progressbar=False,
        rstate=np.random.default_rng(2), catch_eval_exceptions=True, repeats="reuse",
        points_to_evaluate=[{"x": 0.5, "kind": 0}, {"x": 0.5, "kind": 0}],
        journal=tmp_path / "run.journal",
    )  # fmt: skip
    kept = read_journal(tmp_path / "run.journal")
    by_id = {document["tid"]: document for document in kept.documents}
    assert len(by_id) == len(kept.documents) == len(earlier._dynamic_trials)
    for document in earlier._dynamic_trials:
        assert is_same(timeless([by_id[document["tid"]]]), timeless([document]))
        assert is_same(by_id[document["tid"]]["refresh_time"], document["refresh_time"])
    assert kept.attachments == earlier.attachments
    assert any("reused_from" in document["misc"] for document in kept.documents)
    assert any("error" in document["misc"] for document in kept.documents)


def test_trials_that_the_objective_injects_are_kept(tmp_path: Path) -> None:
    @hyperopt.fmin_pass_expr_memo_ctrl
    def fn(expr: Any, memo: Any, ctrl: Any) -> float:
        if len(ctrl.trials._dynamic_trials) < 4:
            (tid,) = ctrl.trials.new_trial_ids(1)
            nothing: dict[str, Any] = {label: [] for label in ctrl.current_trial["misc"]["vals"]}
            misc = {"tid": tid, "cmd": None, "idxs": nothing, "vals": dict(nothing)}
            ctrl.inject_results([None], [{"loss": -1.0, "status": "ok"}], [misc], new_tids=[tid])
        return 1.0

    trials = search(tmp_path / "run.journal", fn, max_evals=6, algo=rand.suggest)
    kept = read_journal(tmp_path / "run.journal")
    injected = [d["tid"] for d in trials._dynamic_trials if d["result"].get("loss") == -1.0]
    assert injected
    assert {d["tid"] for d in kept.documents} == {d["tid"] for d in trials._dynamic_trials}
    assert all(d["state"] == JOB_STATE_DONE for d in kept.documents)


def test_what_runs_is_known_while_it_runs(tmp_path: Path) -> None:
    seen: list[Contents] = []

    def fn(point: dict[str, Any]) -> float:
        hyperbridge.report(0.5, 0)
        seen.append(read_journal(tmp_path / "run.journal"))
        return 0.0

    search(tmp_path / "run.journal", fn, max_evals=2)
    assert [d["state"] for d in seen[1].documents] == [JOB_STATE_DONE, JOB_STATE_RUNNING]


def test_reports_are_known_while_a_trial_runs_that_others_are_compared_with(tmp_path: Path) -> None:
    seen: list[Any] = []

    def fn(point: dict[str, Any]) -> float:
        for step in (0, 1, 5):
            hyperbridge.report(step / 7, step, raises=step == 1)
            reports = read_journal(tmp_path / "run.journal").reports
            seen.append([report[:2] for each in reports.values() for report in each])
        return 0.0

    search(tmp_path / "run.journal", fn, max_evals=2, pruner="median")
    assert seen == [[], [(0, 0.0), (1, 1 / 7)], [(0, 0.0), (1, 1 / 7)]] * 2
    kept = read_journal(tmp_path / "run.journal")
    assert kept.documents[1]["misc"]["reports"] == [[0, 0.0], [1, 1 / 7], [5, 5 / 7]]
    assert kept.reports == {}


def test_the_trials_go_on_that_the_user_has_gone_on_with(tmp_path: Path, plan: type[Plan]) -> None:
    path = tmp_path / "run.journal"
    plan.raises = {4: StoppedError()}
    trials = search(path, max_evals=6)
    plan.raises = {}
    options: dict[str, Any] = {"trials": trials, "algo": tpe.suggest, "show_progressbar": False}
    fmin(objective, SPACE, max_evals=5, rstate=np.random.default_rng(0), **options)
    fmin(objective, SPACE, max_evals=7, journal=path, rstate=np.random.default_rng(9), **options)
    kept = read_journal(path)
    assert is_same(timeless(kept.documents), timeless(trials._dynamic_trials))


def test_trials_without_those_of_the_journal_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "run.journal"
    search(path, max_evals=4)
    before = path.read_bytes()
    others = Trials()
    fmin(
        objective, SPACE, algo=rand.suggest, max_evals=2, trials=others, show_progressbar=False,
        rstate=np.random.default_rng(5),
    )  # fmt: skip
    with pytest.raises(InvalidArgumentError, match="lacks"):
        fmin(objective, SPACE, max_evals=6, trials=others, journal=path)
    assert path.read_bytes() == before


# -- another search --------------------------------------------------------------------------


def other_objective(point: dict[str, Any]) -> float:
    return 1.0


def test_the_journal_of_another_space_is_refused_with_the_difference(tmp_path: Path) -> None:
    path = tmp_path / "run.journal"
    search(path, max_evals=2)
    before = path.read_bytes()
    wider = {**SPACE, "x": hp.uniform("x", -5, 50)}
    message = r"label 'x' was Uniform\(low=-5.0, high=5.0\) and is Uniform\(low=-5.0, high=50.0\)"
    with pytest.raises(InvalidArgumentError, match=message) as info:
        search(path, space=wider)
    assert "if_different='continue'" in str(info.value)
    with pytest.raises(InvalidArgumentError, match="the saved one has 'x'"):
        search(path, space={"y": hp.uniform("y", 0, 1), "kind": SPACE["kind"]})
    assert path.read_bytes() == before


def test_the_journal_of_another_objective_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "run.journal"
    search(path, max_evals=2)
    message = r"was test_journal_keeper\.objective and is test_journal_keeper\.other_objective"
    with pytest.raises(InvalidArgumentError, match=message):
        search(path, other_objective)


def test_another_search_goes_on_where_the_user_says_so(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "run.journal"
    search(path, max_evals=2)
    journal = hyperbridge.Journal(path, if_different="continue")
    wider = {**SPACE, "x": hp.uniform("x", -5, 50)}
    with caplog.at_level(logging.WARNING):
        trials = search(journal, other_objective, space=wider, max_evals=4)
    assert len(trials.trials) == 4
    assert "is of another search (label 'x' was Uniform" in caplog.text
    caplog.clear()
    search(path, other_objective, space=wider, max_evals=5)  # now it is that one's
    assert "another search" not in caplog.text


# -- what it cannot hold, and full disks -------------------------------------------------------


class Model:
    pass


def test_an_object_is_marked_with_one_warning_for_its_key(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    def fn(point: dict[str, Any]) -> Any:
        return {"loss": 0.5, "status": "ok", "model": Model(), "attachments": {"best": Model()}}

    path = tmp_path / "run.journal"
    with caplog.at_level(logging.WARNING):
        trials = search(path, fn, max_evals=3)
    assert type(trials.results[0]["model"]) is Model
    messages = [record.getMessage() for record in caplog.records]
    lines = [message for message in messages if "plain data" in message]
    assert [line.partition(" has a ")[0].partition(": ")[2] for line in lines] == [
        "result['model']", "attachments['best']",
    ]  # fmt: skip
    assert all("trials_save_file" in line and "return its path" in line for line in lines)
    again = search(path, fn, max_evals=4)
    assert repr(again.results[0]["model"]) == f"<not kept: {__name__}.Model>"
    assert again.losses() == [0.5] * 4
    assert pickle.loads(pickle.dumps(again.results[0]))["model"] == f"<not kept: {__name__}.Model>"


def test_a_full_disk_ends_no_search_and_the_trials_are_in_the_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "run.journal"
    search(path, max_evals=3)
    whole = path.read_bytes()

    def full(fd: int, data: Any) -> int:
        raise OSError(28, "No space left on device")

    def fn(point: dict[str, Any]) -> Any:
        monkeypatch.setattr(journal_file.os, "write", full)
        return objective(point)

    journal = hyperbridge.Journal(path, if_different="continue")
    trials = Trials()
    with (
        pytest.warns(hyperbridge.errors.HyperbridgeWarning, match="journal .* cannot be written"),
        pytest.raises(NotSavedError, match="No space left on device") as info,
    ):
        fmin(fn, SPACE, max_evals=6, trials=trials, journal=journal, show_progressbar=False)
    assert info.value.trials is trials
    assert len(trials.losses()) == 6
    assert path.read_bytes().startswith(whole)
    assert len(read_journal(path).documents) == 4  # the one that was running
    monkeypatch.undo()
    assert len(search(journal, max_evals=7).losses()) == 7


@pytest.mark.parametrize("n_full", [1, 5])
def test_what_is_missing_is_written_once_there_is_room(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, n_full: int
) -> None:
    path = tmp_path / "run.journal"
    write, n = journal_file.os.write, itertools.count()

    def sometimes_full(fd: int, data: Any) -> int:
        if 4 <= next(n) < 4 + n_full:
            write(fd, bytes(data)[:10])
            raise OSError(28, "No space left on device")
        return write(fd, data)

    monkeypatch.setattr(journal_file.os, "write", sometimes_full)
    with pytest.warns(hyperbridge.errors.HyperbridgeWarning, match="cannot be written"):
        trials = search(path, max_evals=6)
    kept = read_journal(path)
    assert is_same(timeless(kept.documents), timeless(trials._dynamic_trials))


# -- where the journal is --------------------------------------------------------------------


def test_the_n_th_search_of_a_process_has_a_file_of_its_own_where_a_setting_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HYPERBRIDGE_JOURNAL", str(tmp_path / "run.journal"))
    search(None, max_evals=2)
    search(None, max_evals=3)
    with hyperbridge.settings(journal=None):
        search(None, max_evals=1)
    with hyperbridge.settings(journal=hyperbridge.Journal(tmp_path / "other")):
        search(None, max_evals=4)
        search(None, max_evals=5)
        search(tmp_path / "own.journal", max_evals=6)
    found = {path.name: len(read_journal(path).documents) for path in tmp_path.iterdir()}
    assert found == {
        "run.journal": 2, "run.2.journal": 3, "other": 4, "other.2": 5, "own.journal": 6,
    }  # fmt: skip


def test_a_search_inside_of_a_trial_has_none_of_a_setting(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def inner(point: dict[str, Any]) -> float:
        return min(search(None, max_evals=2).losses())

    with hyperbridge.settings(journal=tmp_path / "run.journal"):
        search(None, inner, max_evals=2)
    assert [path.name for path in tmp_path.iterdir()] == ["run.journal"]


def test_a_notebook_that_another_one_runs_has_files_of_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert environment_of_child("prepare") == {}
    monkeypatch.setenv("HYPERBRIDGE_JOURNAL", str(tmp_path / "run.journal"))
    names = [
        Path(environment_of_child(name)["HYPERBRIDGE_JOURNAL"]).name
        for name in ("prepare", "train", "prepare")
    ]
    assert names == ["run.prepare.journal", "run.train.journal", "run.prepare-2.journal"]


def test_what_to_do_with_another_search_can_be_set_for_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "run.journal"
    search(path, max_evals=2)
    monkeypatch.setenv("HYPERBRIDGE_JOURNAL_IF_DIFFERENT", "continue")
    assert len(search(path, other_objective, max_evals=3).trials) == 3
    with pytest.raises(InvalidArgumentError, match="another search"):
        search(hyperbridge.Journal(path, "refuse"))
    monkeypatch.setenv("HYPERBRIDGE_JOURNAL_IF_DIFFERENT", "perhaps")
    with pytest.raises(InvalidArgumentError, match="must be one of 'refuse', 'continue'"):
        search(path)


@pytest.mark.parametrize("journal", [7, "", ["run.journal"]])
def test_what_is_no_path_is_refused(journal: Any) -> None:
    with pytest.raises(InvalidArgumentError, match="journal must"):
        search(journal)


def test_a_class_of_trials_with_its_own_fmin_refuses_it(tmp_path: Path) -> None:
    class Own(hyperopt.Trials):  # type: ignore[misc]
        def fmin(self, *args: Any, **kwargs: Any) -> None:
            raise AssertionError

    with pytest.raises(UnsupportedArgumentError, match=r"journal \(set by the argument journal\)"):
        fmin(objective, SPACE, trials=Own(), journal=tmp_path / "run.journal")


def test_both_ways_of_keeping_a_search_go_together(tmp_path: Path, plan: type[Plan]) -> None:
    both = {"trials_save_file": tmp_path / "trials.pkl", "max_evals": 8}
    whole = search(None, max_evals=8)
    plan.calls, plan.raises = itertools.count(1), {4: StoppedError()}
    search(tmp_path / "run.journal", **both)
    plan.raises = {}
    (tmp_path / "trials.pkl").unlink()
    found = search(tmp_path / "run.journal", **both)
    assert is_same(timeless(found._dynamic_trials), timeless(whole._dynamic_trials))
    assert len(search(None, **{**both, "max_evals": 9, "trials": found}).trials) == 9
    search(tmp_path / "run.journal", **{**both, "max_evals": 10, "trials": found})
    kept = read_journal(tmp_path / "run.journal")
    assert is_same(timeless(kept.documents), timeless(found._dynamic_trials))
