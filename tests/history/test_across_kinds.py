"""One history through all kinds, and a search that begins with each of them."""

from __future__ import annotations

import functools
import itertools
import pickle
import shutil
from pathlib import Path
from typing import Any

import hyperopt
import mlflow
import numpy as np
import optuna
import pytest
from histories import normal
from hyperopt import hp, rand, tpe

import hyperbridge
from hyperbridge import TrialPruned, report
from hyperbridge.files.pickles import load_trials
from hyperbridge.history.convert import convert
from hyperbridge.history.kinds import Options, read_history
from hyperbridge.surface.fmin import fmin
from hyperbridge.surface.trials import Trials
from hyperbridge.translate.from_hyperopt import read_space

SPACE = {
    "x": hp.uniform("x", -3, 3),
    "rate": hp.loguniform("rate", -9, 0),
    "kind": hp.choice(
        "kind", [{"q": hp.quniform("q", 0, 8, 2)}, {"n": hp.randint("n", 5)}, "neither"]
    ),
}
TPE = functools.partial(tpe.suggest, n_startup_jobs=5)


def objective(point: Any) -> Any:
    report(point["x"], step=1)
    if point["x"] < -2:
        raise ValueError("too low")
    if point["x"] < -1:
        return {"status": "fail", "why": "low"}
    if point["x"] > 2:
        raise TrialPruned
    return {"loss": point["x"] ** 2, "status": "ok", "note": "text"}


def search(fn: Any = objective, **kwargs: Any) -> Any:
    arguments = {
        "algo": TPE, "max_evals": 4, "show_progressbar": False, "return_argmin": False,
        "rstate": np.random.default_rng(1), "catch_eval_exceptions": True, "trials": Trials(),
    }  # fmt: skip
    arguments.update(kwargs)
    fmin(fn, SPACE, **arguments)
    return arguments["trials"]


@pytest.fixture(scope="module")
def old() -> Any:
    trials = search(trials=hyperopt.Trials(), max_evals=30, algo=rand.suggest)
    states = read_history(trials, Options()).by_state()
    assert all(states[state] for state in ("complete", "pruned", "failed"))
    return trials


@pytest.fixture
def at(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, old: Any) -> Path:
    """Work in a folder with the pickle of the old trials."""
    monkeypatch.chdir(tmp_path)
    Path("old.pkl").write_bytes(pickle.dumps(old))
    return tmp_path


def options(**kwargs: Any) -> Options:
    return Options(allow_pickle=True, **kwargs)


def test_a_history_goes_through_all_files_unchanged(at: Path, old: Any) -> None:
    chain = ["old.pkl", "a.journal", "b.json", "c.csv", "d.journal", "e.csv", "new.pkl"]
    for source, target in itertools.pairwise(chain):
        history = convert(source, target, options())
        assert history.remarks == []
    new = load_trials("new.pkl")
    assert normal(new._dynamic_trials) == normal(old._dynamic_trials)
    assert new.argmin == old.argmin
    assert new._ids == {document["tid"] for document in old._dynamic_trials}


def essence(documents: list[Any]) -> list[Any]:
    """Return what each kind keeps: values, state, result, reports, times to the millisecond."""
    return [
        normal([
            d["misc"]["vals"], d["state"], d["result"],
            d["misc"].get("reports"), d["book_time"], d["refresh_time"], d["misc"].get("error"),
        ])
        for d in documents
    ]  # fmt: skip


@pytest.mark.parametrize("space", [read_space(SPACE), None])
def test_a_study_in_between_keeps_what_counts(space: Any, at: Path, old: Any) -> None:
    convert("old.pkl", "sqlite:///study.db", options(space=space))
    convert("sqlite:///study.db", "new.pkl", options(space=space))
    new = load_trials("new.pkl")
    assert essence(new._dynamic_trials) == essence(old._dynamic_trials)


def own(trials: Any) -> list[Any]:
    return [d["misc"]["vals"] for d in trials.trials if "warm_started_from" not in d["misc"]]


@pytest.mark.parametrize(
    "source", ["old.pkl", "a.journal", "a.csv", "a.json", "sqlite:///a.db", "study", "history"]
)
def test_a_search_begins_with_any_kind(
    source: str, at: Path, old: Any, caplog: pytest.LogCaptureFixture
) -> None:
    given: Any = source
    if source == "history":
        given = read_history("old.pkl", options())
    elif source == "study":
        convert("old.pkl", "sqlite:///a.db", options(space=read_space(SPACE)))
        given = optuna.load_study(study_name="old", storage="sqlite:///a.db")
    elif source != "old.pkl":
        convert("old.pkl", source, options(space=read_space(SPACE)))
    trials = search(warm_start=given)
    expected = [d for d in old._dynamic_trials if d["state"] == 2]
    taken = [d for d in trials.trials if "warm_started_from" in d["misc"]]
    assert normal([d["misc"]["vals"] for d in taken]) == normal(
        [d["misc"]["vals"] for d in expected]
    )
    assert [d["result"].get("loss") for d in taken] == [d["result"].get("loss") for d in expected]
    assert normal(own(trials)) == normal(own(search(warm_start=old)))
    assert normal(own(trials)) != normal(own(search()))
    n = len(old._dynamic_trials) - len(expected)
    assert f"{n} of the {len(old._dynamic_trials)} trials" in caplog.text


def test_a_journal_goes_on_with_what_it_has_taken_over(at: Path, old: Any) -> None:
    def go_on(max_evals: int, journal: str) -> Any:
        trials = Trials()
        search(warm_start=old, journal=journal, max_evals=max_evals, trials=trials)
        return trials

    go_on(3, "a.journal")
    again, whole = go_on(8, "a.journal"), go_on(8, "b.journal")
    assert normal(own(again)) == normal(own(whole))
    assert [d["tid"] for d in again.trials] == [d["tid"] for d in whole.trials]


def test_what_was_taken_over_has_no_run_in_mlflow(
    at: Path, old: Any, empty_database: Path, mlflow_left_as_found: None
) -> None:
    shutil.copy(empty_database, at / "mlflow.db")
    mlflow.set_tracking_uri("sqlite:///mlflow.db")
    with mlflow.start_run() as run:
        search(warm_start=old, tracking=True, max_evals=2)
    query = f"tags.mlflow.parentRunId = '{run.info.run_id}'"
    children = mlflow.search_runs(filter_string=query, output_format="list")
    assert len(children) == 2
    first = search(max_evals=6, algo=rand.suggest)
    with mlflow.start_run() as run:
        search(max_evals=6, algo=rand.suggest, tracking=True)
    warm, passed_on = (search(warm_start=s) for s in (f"mlflow:{run.info.run_id}", first))
    assert len(warm.trials) > 4
    assert warm.losses() == passed_on.losses()
    assert normal(own(warm)) == normal(own(passed_on))


def test_a_study_learns_what_a_search_takes_over(at: Path, old: Any) -> None:
    sampler = optuna.samplers.TPESampler(seed=1, n_startup_trials=5)
    trials = search(warm_start=old, algo=sampler, max_evals=2)
    values = [t.value for t in trials.study.trials if t.value is not None]
    taken = [d["result"]["loss"] for d in old.trials if "loss" in d["result"]]
    assert values[: len(taken)] == taken
    assert len(trials.study.trials) == len(trials._dynamic_trials)


def test_a_stored_study_gets_them_once(at: Path, old: Any) -> None:
    backend = hyperbridge.Optuna(storage="sqlite:///s.db", study_name="s")
    n_taken = sum(d["state"] == 2 for d in old._dynamic_trials)
    for max_evals in (2, 5):
        trials = search(warm_start=old, backend=backend, max_evals=max_evals, tracking=False)
        n_ended = sum("warm_started_from" not in d["misc"] for d in trials._dynamic_trials)
        study = optuna.load_study(study_name="s", storage="sqlite:///s.db")
        assert len(study.trials) == len(trials._dynamic_trials) == n_taken + n_ended
        assert len(own(trials)) == max_evals
