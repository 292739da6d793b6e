"""Histories in Optuna's storages: what was written comes back, what other code wrote is read."""

from __future__ import annotations

import copy
import math
import sqlite3
from datetime import datetime

import numpy as np
import optuna
import pytest
import sqlalchemy.exc
from generated_spaces import spaces
from hyperopt import STATUS_FAIL, STATUS_OK, hp, rand
from hyperopt.base import JOB_STATE_CANCEL, JOB_STATE_ERROR
from hypothesis import given, settings
from hypothesis import strategies as st
from optuna.distributions import (
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)
from optuna.trial import TrialState, create_trial

import hyperbridge
from hyperbridge.documents import misc_of, new_document, pruned_result
from hyperbridge.errors import BackendUnavailableError, InvalidArgumentError
from hyperbridge.history.history import History
from hyperbridge.history.kinds import Options, kind_of_target, read_history, recognise
from hyperbridge.history.optuna_kind import OptunaKind
from hyperbridge.search.optuna.bulk import add_trials
from hyperbridge.search.optuna.carried import carry
from hyperbridge.search.optuna.writing import write_documents
from hyperbridge.translate.from_hyperopt import read_space

SPACE = {
    "x": hp.uniform("x", -5, 5),
    "n": hp.normal("n", 0, 1),
    "q": hp.quniform("q", 0, 10, 1),
    "i": hp.uniformint("i", 0, 9),
    "k": hp.choice("k", ["a", {"z": hp.loguniform("z", -3, 0)}]),
    "p": hp.pchoice("p", [(0, "never"), (0.5, "often"), (0.5, "too")]),
}


@pytest.fixture(autouse=True)
def _quiet():
    optuna.logging.set_verbosity(optuna.logging.WARNING)


def some_trials(n=12):
    trials = hyperbridge.Trials()

    def fn(point):
        if point["i"] == 1:
            return {"status": STATUS_FAIL, "loss": math.nan, "why": "one"}
        return {"loss": point["x"] ** 2, "status": STATUS_OK, "auc": math.nan, "tags": ["a"]}

    hyperbridge.fmin(
        fn, SPACE, algo=rand.suggest, max_evals=n, trials=trials, show_progressbar=False,
        rstate=np.random.default_rng(3), tracking=False,
    )  # fmt: skip
    return trials


def difficult_documents():
    documents = copy.deepcopy(some_trials()._dynamic_trials)
    pruned, cancelled, raised, strange, waiting = documents[-5:]
    pruned["misc"]["reports"] = [[0, 0.75], [3, math.inf]]
    pruned["result"] = pruned_result({0: 0.75, 3: math.inf})
    cancelled.update(state=JOB_STATE_CANCEL, result={"status": "new"}, refresh_time=None)
    cancelled["misc"]["error"] = ("<class 'TimeoutError'>", "too long")
    raised.update(state=JOB_STATE_ERROR, result={"status": "new"}, exp_key="e", owner=["h", 1])
    raised["misc"]["error"] = ("<class 'ValueError'>", "x" * 3000)
    raised["misc"]["traceback"] = "Traceback ...\n" * 300
    raised["misc"]["attempts"] = 2
    strange.update(tid=40, book_time=None, refresh_time=None)
    strange["misc"] = misc_of(40, {k: v[0] for k, v in strange["misc"]["vals"].items() if v}, SPACE)
    strange["misc"]["vals"]["z"] = strange["misc"]["idxs"]["z"] = []
    strange["misc"]["vals"]["k"] = [0]
    strange["result"] = {
        "status": STATUS_OK,
        "loss": -math.inf,
        "model": object,
        "long": "y" * 3000,
    }
    waiting.update(copy.deepcopy(new_document(41, waiting["misc"], None)))
    return documents


def without_times(documents, *, types=True):
    """Return documents as texts: so that NaN is NaN, and 1 is not 1.0."""

    def plain(value):
        value = value.item() if hasattr(value, "item") else value
        return value if types else float(value)

    found = []
    for document in documents:
        document = {k: v for k, v in document.items() if k not in ("book_time", "refresh_time")}
        misc = dict(document["misc"])
        misc["vals"] = sorted((k, list(map(plain, v))) for k, v in misc["vals"].items())
        misc["idxs"] = sorted((k, list(map(int, v))) for k, v in misc["idxs"].items())
        parts = {"misc": sorted(misc.items()), "result": sorted(document["result"].items())}
        found.append(repr(sorted({**document, **parts}.items())))
    return found


@pytest.mark.parametrize("name", ["study.db", "study.log"])
@pytest.mark.parametrize("with_space", [True, False])
def test_what_was_written_comes_back_and_what_cannot_is_named(tmp_path, name, with_space):
    documents = difficult_documents()
    history = History(documents, {"ATTACH::0::model": b"m"}, "trials.pkl")
    options = Options(space=read_space(SPACE))
    target = str(tmp_path / name)
    kind_of_target(target).write(history, target, options)
    back = read_history(target, options if with_space else Options())

    expected = copy.deepcopy(documents[:-1])
    del expected[-1]["result"]["model"]
    for ours, theirs in zip(back.documents, expected, strict=True):
        assert all(ours[when] == theirs[when] for when in ("book_time", "refresh_time"))
    for ours, theirs in zip(*map(without_times, (back.documents, expected)), strict=True):
        assert ours == theirs
    assert back.by_state() == {"complete": 7, "pruned": 1, "failed": 2, "cancelled": 1}
    remarks = "\n".join(history.remarks)
    for words in (
        "1 trial that waited or ran had not ended, and is left out",
        "'result.model' of 1 trial is left out",
        "2 trials without times of their own",
        "a study has no attachments: 1",
        "label 'n'",
    ):
        assert words in remarks
    assert (back.space is None) is not with_space  # a normal's range is not in the study


@pytest.mark.parametrize("name", ["study.db", "study.log"])
def test_the_study_of_an_fmin_call_comes_back_as_its_trials(tmp_path, name):
    trials = hyperbridge.Trials()

    def fn(point):
        for step in range(2):
            hyperbridge.report(point["x"] + step, step)
        if point["i"] > 8:
            raise ValueError("too large")
        return {"loss": point["x"], "status": STATUS_OK, "extra": 1}

    hyperbridge.fmin(
        fn, SPACE, algo=rand.suggest, max_evals=10, trials=trials, show_progressbar=False,
        rstate=np.random.default_rng(1), tracking=False, catch_eval_exceptions=True,
        backend=hyperbridge.Optuna(storage=tmp_path / name),
    )  # fmt: skip
    back = read_history(str(tmp_path / name), Options(space=read_space(SPACE)))
    for document in trials._dynamic_trials:
        document["misc"].pop("traceback", None)  # fmin does not keep it in a study
    assert without_times(back.documents) == without_times(trials._dynamic_trials)
    without_space = read_history(trials.study, Options())
    assert without_times(without_space.documents, types=False) == without_times(
        back.documents, types=False
    )
    assert recognise(trials.study).__class__ is OptunaKind


def native(direction="minimize", storage=None):
    study = optuna.create_study(
        direction=direction, storage=storage, sampler=optuna.samplers.RandomSampler(seed=0)
    )
    study.enqueue_trial({"x": 0.5, "kind": "svm"})

    def objective(trial):
        x = trial.suggest_float("x", 0, 1)
        trial.suggest_int("n", 2, 8, step=2)
        trial.suggest_float("one", 1.5, 1.5)
        trial.suggest_int("same", 3, 3)
        trial.suggest_float("lr", 1e-5, 1e-1, log=True)
        trial.suggest_int("width", 1, 1024, log=True)
        if trial.suggest_categorical("kind", ["tree", "svm", None, True]) == "svm":
            trial.suggest_float("gamma", 0.1, 2.1, step=0.5)
        trial.set_user_attr("auc", 0.9)
        trial.set_user_attr("loss", "mine")
        if trial.number == 1:
            raise ArithmeticError
        if trial.number == 2:
            trial.report(0.3, 0)
            trial.report(0.2, 5)
            raise optuna.TrialPruned
        return math.nan if trial.number == 3 else x

    study.optimize(objective, n_trials=6, catch=ArithmeticError)
    study.ask()
    study.enqueue_trial({"x": 0.1})
    return study


def test_a_study_of_other_code_has_plain_values_and_all_its_states():
    study = native()
    history = read_history(study, Options())
    first = history.documents[0]
    assert first["misc"]["vals"]["kind"] == [1]
    assert first["misc"]["vals"]["n"] == [study.trials[0].params["n"]]
    assert first["result"] == {"status": STATUS_OK, "loss": 0.5, "auc": 0.9}
    assert [d["tid"] for d in history.documents] == list(range(6))
    assert history.by_state() == {"complete": 3, "pruned": 1, "failed": 2}
    pruned = history.documents[2]
    assert pruned["misc"]["reports"] == [[0, 0.3], [5, 0.2]]
    assert pruned["result"]["loss"] == 0.2
    study.add_trial(
        create_trial(state=TrialState.FAIL, system_attrs={"STUDY_TELL_WARNING": "is no number"})
    )  # as Optuna 4 notes it
    failed = read_history(study, Options()).documents[-1]
    assert failed["misc"]["error"] == ("", "is no number")
    remarks = "\n".join(history.remarks)
    assert "1 trial is running in the study, and left out" in remarks
    assert "1 trial waits in the study, and is left out" in remarks
    assert "the user attribute 'loss' of 6 trials is left out" in remarks
    assert "no steps of 0.5 that begin at 0.1" in remarks
    space = history.space.parameters
    assert list(map(repr, space["n"].distribution.bounds())) == ["2.0", "8.0"]
    assert [space[name].distribution.bounds() for name in ("one", "same")] == [(1.5, 1.5), (3, 3)]
    assert history.space.decode({"kind": 3}) == {"kind": "True"}
    times = [(d["book_time"], d["refresh_time"]) for d in history.documents]
    assert all(isinstance(start, datetime) and start <= end for start, end in times)


def test_a_space_that_is_given_says_what_does_not_fit():
    study = native()
    space = {
        "x": hp.uniform("x", 0, 1), "n": hp.quniform("n", 2, 8, 2),
        "lr": hp.loguniform("lr", -12, 0), "width": hp.uniformint("width", 1, 1024),
        "kind": hp.choice("kind", ["tree", {"svm": hp.uniform("gamma", 0, 3)}, None, True]),
        "same": hp.randint("same", 9), "one": hp.uniform("one", 1, 2),
    }  # fmt: skip
    history = read_history(study, Options(space=read_space(space)))
    (line,) = (line for line in history.remarks if "does not fit" in line)
    n_svm = sum(t.params.get("kind") == "svm" for t in study.trials)
    assert line.startswith(f"{n_svm} trial")
    fits = [t.number for t in study.trials[:6] if t.params["kind"] != "svm"]
    assert all(type(history.documents[n]["misc"]["vals"]["n"][0]) is float for n in fits)


def test_a_study_that_maximises_is_negated_and_one_of_several_objectives_refused():
    history = read_history(native("maximize"), Options())
    assert history.documents[0]["result"]["loss"] == -0.5
    assert history.documents[2]["misc"]["reports"] == [[0, -0.3], [5, -0.2]]
    assert history.documents[2]["result"]["loss"] == -0.2
    assert "the study maximises: each loss is the negative of its value" in history.remarks
    both = optuna.create_study(study_name="both", directions=["minimize", "maximize"])
    with pytest.raises(InvalidArgumentError, match="'both' has 2 objectives"):
        read_history(both, Options())


def test_a_study_of_other_code_goes_to_trials_and_back_with_its_parameters(tmp_path):
    study = native()
    history = read_history(study, Options())
    target = str(tmp_path / "copy.db")
    kind_of_target(target).write(history, target, Options(study="copy"))
    copied = optuna.load_study(study_name="copy", storage=f"sqlite:///{target}")
    for ours, theirs in zip(copied.trials, study.trials, strict=False):
        assert ours.state is theirs.state
        assert ours.value == theirs.value
        assert ours.intermediate_values == theirs.intermediate_values
        for label, value in theirs.params.items():
            given = theirs.distributions[label].to_internal_repr(value)
            assert ours.distributions[label].to_internal_repr(ours.params[label]) == given
    for label in ("x", "n", "lr", "width", "one", "same"):
        was, now = study.trials[0].distributions[label], copied.trials[0].distributions[label]
        assert type(was) is type(now)
        assert (now.low, now.high, now.step, now.log) == pytest.approx(
            (was.low, was.high, was.step, was.log)
        )
    again = read_history(target, Options())
    assert without_times(again.documents) == without_times(history.documents)


def every_kind_of_trial():
    distributions = {
        "f": FloatDistribution(0, 1), "s": FloatDistribution(0, 1, step=0.25),
        "i": IntDistribution(1, 9), "c": CategoricalDistribution(["a", None, 2]),
    }  # fmt: skip
    now = datetime.now()
    made = []
    for n in range(9):
        params = {"f": n / 10, "s": 0.25, "i": n + 1, "c": ["a", None, 2][n % 3]}
        if n == 4:
            del params["i"]
        trial = create_trial(
            state=[TrialState.COMPLETE, TrialState.PRUNED, TrialState.FAIL][n % 3],
            value=[n / 3, math.inf, None][n % 3],
            params=params,
            distributions={name: distributions[name] for name in params},
            user_attrs={"a": [n, {"b": None}], "t": "ü" * n},
            system_attrs={"s": n},
            intermediate_values={0: math.nan, 1: -math.inf, 2: 0.5} if n % 3 else {},
        )
        trial.datetime_start = trial.datetime_complete = now
        made.append(trial)
    return made


def test_trials_added_at_once_are_those_that_optuna_adds_one_by_one(tmp_path, monkeypatch):
    monkeypatch.setattr("hyperbridge.search.optuna.bulk.CHUNK", 4)
    storage = f"sqlite:///{tmp_path / 'study.db'}"
    slow = optuna.create_study(study_name="slow", storage=storage)
    fast = optuna.create_study(study_name="fast", storage=storage)
    for _ in range(2):
        slow.add_trials(every_kind_of_trial())
        add_trials(fast, every_kind_of_trial())

    def contents(name):
        study = optuna.load_study(study_name=name, storage=storage)
        attributes = (
            "number", "state", "values", "params", "distributions", "user_attrs", "system_attrs",
        )  # fmt: skip
        return [
            [repr(getattr(trial, name)) for name in attributes]
            + [repr(sorted(trial.intermediate_values.items()))]
            for trial in study.trials
        ]

    assert contents("fast") == contents("slow")
    assert [t.number for t in fast.trials] == list(range(18))
    fast.optimize(lambda trial: trial.suggest_float("f", 0, 1), n_trials=1)
    assert fast.trials[-1].number == 18


def test_trials_that_cannot_be_added_leave_nothing(tmp_path):
    study = optuna.create_study(storage=f"sqlite:///{tmp_path / 'study.db'}")
    trials = every_kind_of_trial()
    other = create_trial(value=1, params={"f": 1}, distributions={"f": IntDistribution(0, 1)})
    with pytest.raises(ValueError, match="different distribution kind"):
        add_trials(study, [*trials, other])
    bad = create_trial(value=1, user_attrs={"a": 1})
    bad.user_attrs = {"a": object()}
    with pytest.raises(TypeError, match="JSON"):
        add_trials(study, [*trials, bad])
    assert study.trials == []


def test_another_optuna_gets_its_trials_one_by_one(tmp_path, monkeypatch):
    study = optuna.create_study(storage=f"sqlite:///{tmp_path / 'study.db'}")
    added = []
    monkeypatch.setattr(study, "add_trials", added.extend)
    monkeypatch.delattr("optuna.storages._rdb.models.TrialIntermediateValueModel")
    trials = every_kind_of_trial()
    add_trials(study, trials)
    assert added == trials


def test_without_a_space_the_values_show_one_and_the_trials_come_back(tmp_path):
    target = str(tmp_path / "study.db")
    documents = some_trials(30)._dynamic_trials
    history = History(documents, {}, "t.pkl")
    kind_of_target(target).write(history, target, Options())
    assert any("'q' is taken for hp.quniform('q', 0, 10, 1)" in line for line in history.remarks)
    back = read_history(target, Options())
    assert without_times(back.documents) == without_times(documents)
    study = optuna.load_study(study_name="t", storage=f"sqlite:///{target}")
    assert study.trials[0].distributions["k"] == CategoricalDistribution([0, 1])


def test_a_study_that_is_there_is_left_alone_or_gets_what_it_lacks(tmp_path):
    target, options = str(tmp_path / "study.db"), Options(space=read_space(SPACE))
    documents = some_trials()._dynamic_trials
    kind = kind_of_target(target)
    kind.write(History(documents[:8], {}, "runs/old.pkl"), target, options)
    assert optuna.get_all_study_names(f"sqlite:///{target}") == ["old"]
    with pytest.raises(InvalidArgumentError, match=r"has a study 'old' already. --append adds"):
        kind.write(History(documents, {}, "old.pkl"), target, options)
    more = History(documents, {}, "old.pkl")
    kind.write(more, target, Options(space=options.space, append=True))
    assert "8 trials of 12 are in the study already" in more.remarks
    back = read_history(target, Options())
    assert [d["tid"] for d in back.documents] == list(range(12))
    kind.write(more, target, Options(space=options.space, study="other"))
    with pytest.raises(InvalidArgumentError, match=r"2 studies. Say which with --study: 'old', 'o"):
        read_history(target, Options())
    with pytest.raises(InvalidArgumentError, match=r"no study 'x'. It has 'old', 'other'"):
        read_history(target, Options(study="x"))
    assert len(read_history(target, Options(study="other")).documents) == 12


def test_a_study_that_was_added_to_under_ids_of_its_own_has_no_id_twice(tmp_path):
    study = optuna.create_study()
    documents = some_trials(6)._dynamic_trials
    for skipped in (2, 0):
        write_documents(
            study, documents[skipped:], read_space(SPACE), is_flat=False, source="trials"
        )
    tids = [document["tid"] for document in carry(study, None).documents]
    assert sorted(tids) == list(range(6))
    study.add_trial(create_trial(value=0, params={}, distributions={}))
    study.add_trial(create_trial(value=0, params={}, distributions={}))
    tids = [document["tid"] for document in carry(study, None).documents]
    assert len(set(tids)) == 8


def test_trials_that_do_not_fit_the_space_are_named_and_a_study_without_any_is_not_made(tmp_path):
    target = str(tmp_path / "study.db")
    documents = copy.deepcopy(some_trials(4)._dynamic_trials)
    documents[1]["misc"]["vals"]["x"] = [77.0]
    history = History(documents, {}, "t.pkl")
    kind_of_target(target).write(history, target, Options(space=read_space(SPACE)))
    (line,) = (line for line in history.remarks if "fit" in line)
    assert line.startswith("1 trial does not fit the search space, and is left out: trial 1: label")
    assert [d["tid"] for d in read_history(target, Options()).documents] == [0, 2, 3]
    other = Options(space=read_space({"a": hp.uniform("a", 0, 1)}), study="none")
    with pytest.raises(InvalidArgumentError, match="no trial fits the search space: trial 0"):
        kind_of_target(target).write(history, target, other)
    assert optuna.get_all_study_names(f"sqlite:///{target}") == ["t"]


def test_files_and_databases_of_others_are_not_touched(tmp_path):
    foreign = tmp_path / "mlflow.db"
    with sqlite3.connect(foreign) as connection:
        connection.execute("create table alembic_version (version_num varchar)")
    before = foreign.read_bytes()
    history = History(some_trials(2)._dynamic_trials, {}, "t.pkl")
    options = Options(space=read_space(SPACE))
    for text in (str(foreign), f"sqlite:///{foreign}"):
        with pytest.raises(InvalidArgumentError, match="is a database of other code"):
            kind_of_target(text).write(history, text, options)
    with pytest.raises(InvalidArgumentError, match="has no studies of Optuna's"):
        read_history(f"sqlite:///{foreign}", Options())
    assert foreign.read_bytes() == before
    missing = tmp_path / "missing.db"
    with pytest.raises(InvalidArgumentError, match="has no studies of Optuna's"):
        read_history(f"sqlite:///{missing}", Options())
    assert not missing.exists()
    log = tmp_path / "train.log"
    log.write_text("epoch 1\n")
    with pytest.raises(InvalidArgumentError, match="no history that is known"):
        read_history(str(log), Options())
    with pytest.raises(InvalidArgumentError, match="is a file of other code"):
        kind_of_target(str(log)).write(history, str(log), options)
    assert log.read_text() == "epoch 1\n"
    with pytest.raises(BackendUnavailableError, match=r"me:\*\*\*@"):
        read_history("postgresql+nodriver://me:secret@127.0.0.1:1/db", Options())


@settings(max_examples=25, deadline=None)
@given(spaces(), st.integers(0, 2**31))
def test_the_trials_of_any_space_come_back_with_and_without_it(expression, seed):
    space = read_space(expression)
    rng = np.random.default_rng(seed)
    documents = []
    for tid in range(3):
        try:
            assignment = space.draw(rng)[1]
        except Exception:
            return  # an expression of the space raised
        document = new_document(tid, misc_of(tid, assignment, space.parameters), None)
        document.update(state=2, result={"status": STATUS_OK, "loss": float(tid)})
        documents.append(document)
    study = optuna.create_study()
    write_documents(study, documents, space, is_flat=False, source="trials")
    for given_space in (space, None):
        back = carry(study, given_space).documents
        for ours, theirs in zip(back, documents, strict=True):
            assert {k: v for k, v in ours["misc"]["vals"].items() if v} == {
                k: v for k, v in theirs["misc"]["vals"].items() if v
            }


def test_a_storage_that_fails_is_named_and_keeps_nothing(tmp_path, monkeypatch):
    target, options = str(tmp_path / "study.db"), Options(space=read_space(SPACE))

    def fail(*args, **kwargs):
        raise sqlalchemy.exc.OperationalError("INSERT", {}, Exception("disk is full"))

    monkeypatch.setattr("hyperbridge.search.optuna.bulk._insert", fail)
    history = History(some_trials(3)._dynamic_trials, {}, "t.pkl")
    with pytest.raises(BackendUnavailableError, match="disk is full. No trial was added"):
        kind_of_target(target).write(history, target, options)
    assert optuna.get_all_study_names(f"sqlite:///{target}") == []
    study = optuna.create_study(storage=f"sqlite:///{target}", study_name="s")
    monkeypatch.setattr(type(study), "get_trials", fail)
    with pytest.raises(BackendUnavailableError, match="disk is full. Nothing was read"):
        read_history(target, Options())
