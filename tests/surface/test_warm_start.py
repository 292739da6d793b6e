"""warm_start: which trials of an earlier search are taken over, and that they are learnt from."""

from __future__ import annotations

import copy
import functools
import logging
import pickle
from pathlib import Path
from typing import Any

import hyperopt
import numpy as np
import pytest
from hyperopt import hp, rand, tpe
from hyperopt.base import JOB_STATE_DONE, JOB_STATE_NEW

from hyperbridge.errors import ArgumentTypeError, InvalidArgumentError, UnsupportedArgumentError
from hyperbridge.history.history import History
from hyperbridge.surface.fmin import fmin
from hyperbridge.surface.trials import Trials

SPACE = {
    "x": hp.uniform("x", -3, 3),
    "kind": hp.choice(
        "kind", [{"q": hp.quniform("q", 0, 8, 2)}, {"n": hp.randint("n", 5)}, "neither"]
    ),
}
TPE = functools.partial(tpe.suggest, n_startup_jobs=5)


def loss(point: Any) -> float:
    return float(point["x"] ** 2)


def search(fn: Any = loss, space: Any = SPACE, seed: int = 1, **kwargs: Any) -> Any:
    arguments = {
        "algo": rand.suggest, "max_evals": 3, "show_progressbar": False,
        "rstate": np.random.default_rng(seed), "trials": Trials(), "return_argmin": False,
    }  # fmt: skip
    arguments.update(kwargs)
    fmin(fn, space, **arguments)
    return arguments["trials"]


def old_trials(n: int = 12) -> Any:
    return search(trials=hyperopt.Trials(), max_evals=n, seed=7)


def losses(trials: Any) -> list[Any]:
    return [document["result"].get("loss") for document in trials.trials]


def own(trials: Any) -> list[Any]:
    """Return the values of the trials that a search has evaluated itself."""
    return [
        (d["tid"], d["misc"]["vals"]) for d in trials.trials if "warm_started_from" not in d["misc"]
    ]


@pytest.mark.parametrize("fast", ["1", "0"])
def test_tpe_learns_as_from_trials_passed_on(fast: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HYPERBRIDGE_FAST_TPE", fast)
    old = old_trials()
    warm = search(algo=TPE, max_evals=8, warm_start=old)
    passed_on = search(algo=TPE, max_evals=20, trials=copy.deepcopy(old))
    assert own(warm) == [(d["tid"], d["misc"]["vals"]) for d in passed_on.trials[12:]]
    assert losses(warm) == losses(passed_on)
    assert own(warm) != own(search(algo=TPE, max_evals=8))  # it has learnt something


def test_documents_are_kept_whole_under_new_ids(tmp_path: Path) -> None:
    def returns_more(point: Any) -> Any:
        return {"loss": 1.0, "status": "ok", "model": [point["x"]], "attachments": {"a": b"1"}}

    old = search(returns_more, trials=hyperopt.Trials())
    old._dynamic_trials[1]["misc"]["reports"] = [[0, 0.5], [1, 0.25]]
    file = tmp_path / "old.pkl"
    file.write_bytes(pickle.dumps(old))
    trials = search(lambda point: 0.0, trials=search(seed=9), max_evals=5, warm_start=file)
    taken = trials.trials[3:6]
    assert [d["tid"] for d in trials.trials] == list(range(8))
    for new, before in zip(taken, old.trials, strict=True):
        assert new["misc"]["idxs"].keys() == before["misc"]["idxs"].keys()
        assert new["misc"]["vals"] == before["misc"]["vals"]
        assert new["misc"]["tid"] == new["tid"]
        assert all(idxs in ([], [new["tid"]]) for idxs in new["misc"]["idxs"].values())
        for key in ("result", "book_time", "refresh_time", "state"):
            assert new[key] == before[key]
        assert trials.trial_attachments(new)["a"] == b"1"
        assert new["misc"]["warm_started_from"] == str(file)
    assert taken[1]["misc"]["reports"] == [[0, 0.5], [1, 0.25]]


def altered(**values: Any) -> Any:
    """Return a document of the first kind, with some values taken out (None) or exchanged."""
    vals = {"x": [0.5], "kind": [0], "q": [2.0], "n": []}
    for label, value in values.items():
        vals[label] = [] if value is None else [value]
    return document(vals)


def document(vals: Any, state: int = JOB_STATE_DONE, result: Any = None) -> Any:
    misc = {"tid": 0, "cmd": None, "workdir": None, "vals": vals}
    misc["idxs"] = {label: [0] * len(values) for label, values in vals.items()}
    return {
        "state": state, "tid": 0, "spec": None, "misc": misc, "exp_key": "e",
        "result": {"status": "ok", "loss": -1.0} if result is None else result,
        "owner": None, "version": 0, "book_time": None, "refresh_time": None,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        (altered(), None),
        (altered(x=np.float64(3.0), kind=np.int64(0)), None),
        (altered(kind=2, q=None), None),
        (document(altered()["misc"]["vals"], result={"status": "fail", "why": "no"}), None),
        (altered(x=3.5), "'x' is not between -3 and 3"),
        (altered(x="0.5"), "'x' is not between -3 and 3"),
        (altered(x=None), "it has no 'x', which the space needs there"),
        (altered(kind=3), "'kind' is not the index of one of its 3 options"),
        (altered(kind=1), "it has no 'n', which the space needs there"),
        (altered(n=3), "it has 'n', which its choices do not reach in the space"),
        (altered(q=3.0), "'q' is not between 0 and 8, in steps of 2"),
        (altered(z=3.0), "it has 'z', which the space does not have"),
        (document(altered()["misc"]["vals"], JOB_STATE_NEW), "waiting, with no result"),
    ],
)
def test_what_does_not_fit_is_left_out_by_label(
    given: Any, reason: str | None, caplog: pytest.LogCaptureFixture
) -> None:
    trials = search(warm_start=History([given], {}, "somewhere"), max_evals=1)
    warnings = [r.getMessage() for r in caplog.records if r.levelno >= logging.WARNING]
    assert len(trials.trials) == (1 if reason else 2)
    if reason is None:
        assert warnings == []
    else:
        assert warnings == [
            f"warm_start: 1 of the 1 trials of somewhere are left out (1: {reason})"
        ]


def test_a_call_that_goes_on_takes_nothing_twice(tmp_path: Path) -> None:
    old, file = old_trials(5), tmp_path / "trials.pkl"

    def go_on(max_evals: int) -> Any:
        search(
            algo=TPE, trials=None, trials_save_file=str(file), warm_start=old, max_evals=max_evals
        )
        return pickle.loads(file.read_bytes())

    first = go_on(4)
    assert (len(first.trials), len(own(first))) == (9, 4)
    again = go_on(7)
    assert (len(again.trials), len(own(again))) == (12, 7)
    whole = search(algo=TPE, warm_start=old, max_evals=7)
    assert own(again) == own(whole)


def test_the_best_may_be_one_that_was_taken_over() -> None:
    old = search(lambda point: -5.0, max_evals=1)
    best = search(warm_start=old).best_trial
    assert best["result"]["loss"] == -5.0
    assert best["misc"]["warm_started_from"] == "Trials"


def test_a_point_that_was_taken_over_is_not_drawn_again() -> None:
    space = hp.randint("n", 4)
    old = search(lambda n: float(n), space, trials=Trials(), max_evals=10)
    known = {d["misc"]["vals"]["n"][0] for d in old.trials}
    fresh = search(lambda n: float(n), space, warm_start=old, repeats="skip", max_evals=4, seed=3)
    assert not known & {vals["n"][0] for _, vals in own(fresh)}


@pytest.mark.parametrize(
    ("given", "error", "text"),
    [
        (3, ArgumentTypeError, "warm_start: an object of type int is no history"),
        ("no_such_file.pkl", InvalidArgumentError, "warm_start: there is no 'no_such_file.pkl'"),
    ],
)
def test_what_is_no_history_is_refused_before_the_first_trial(
    given: Any, error: Any, text: str
) -> None:
    trials = Trials()
    with pytest.raises(error, match=text):
        search(warm_start=given, trials=trials)
    assert trials._dynamic_trials == []


def test_trials_that_evaluate_by_themselves_refuse_it() -> None:
    class Elsewhere(hyperopt.Trials):  # type: ignore[misc]
        asynchronous = True

    with pytest.raises(UnsupportedArgumentError, match="warm_start has no effect"):
        search(warm_start=old_trials(1), trials=Elsewhere())


def test_a_journal_with_other_options_is_not_taken_for_these(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    def search(options: list[str], **kwargs: Any) -> Any:
        trials = Trials()
        fmin(
            lambda p: float(ord(p["k"])), {"k": hp.choice("k", options)}, algo=rand.suggest,
            max_evals=6, trials=trials, show_progressbar=False, rstate=np.random.default_rng(0),
            **kwargs,
        )  # fmt: skip
        return trials

    journal = tmp_path / "old.journal"
    search(["a", "b", "c"], journal=journal)
    assert len(search(["a", "b", "c"], warm_start=str(journal)).trials) == 12
    assert len(search(["c", "b", "a"], warm_start=str(journal)).trials) == 6
    assert "6: its options of 'k' are not those of the space" in caplog.text
