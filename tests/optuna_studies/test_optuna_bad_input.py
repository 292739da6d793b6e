"""What makes a study or its storage unusable: a clear error, and a stored study left as it was."""

from __future__ import annotations

import functools
import math
import sqlite3
import subprocess
import sys

import optuna
import pytest
import studies
from hyperopt import hp, rand, tpe
from studies import PROGRAMS, SPACE

import hyperbridge
from hyperbridge.errors import (
    BackendUnavailableError,
    InvalidArgumentError,
    InvalidSpaceError,
    UnsupportedArgumentError,
)


def loss(point):
    return point["x"] ** 2


def minimise(storage, *, fn=loss, study_name="s", max_evals=9, **kwargs):
    _, trials = studies.minimise(
        storage, fn=fn, study_name=study_name, max_evals=max_evals, **kwargs
    )
    return trials


@pytest.fixture
def path(tmp_path):
    """A database with a study of three trials."""
    path = tmp_path / "study.db"
    minimise(path, max_evals=3)
    return path


def dump(path):
    connection = sqlite3.connect(path)
    try:
        return list(connection.iterdump())
    finally:
        connection.close()


def check_refused(path, error, text, **kwargs):
    """Make a call that is refused before any trial, and see that not a row has changed."""
    before = dump(path)
    evaluated = []
    trials = hyperbridge.Trials()
    with pytest.raises(error, match=text):
        minimise(path, fn=evaluated.append, trials=trials, **kwargs)
    assert evaluated == []
    assert len(trials._dynamic_trials) == 0
    assert dump(path) == before


def without(label):
    return {name: parameter for name, parameter in SPACE.items() if name != label}


@pytest.mark.parametrize(
    ("space", "text"),
    [
        ({**SPACE, "x": hp.uniform("x", 0, 1)}, "'x'.*study_name"),
        ({**SPACE, "x": hp.loguniform("x", 0, 1)}, "'x'.*study_name"),
        ({**SPACE, "x": hp.randint("x", 4)}, "'x'.*study_name"),
        ({**SPACE, "k": hp.choice("k", ["a", "b", "c"])}, "'k'.*study_name"),
        ({**SPACE, "q": hp.quniform("q", 0, 1, 0.2)}, "'q'.*study_name"),
        (without("q"), "'q'.*study_name"),
        ({**SPACE, "more": hp.uniform("more", 0, 1)}, "'more'.*study_name"),
    ],
    ids=["range", "logarithm", "kind", "options", "step", "unknown label", "missing label"],
)
def test_a_study_that_does_not_fit_the_space_is_refused_by_label(path, space, text):
    check_refused(path, InvalidArgumentError, text, space=space)
    assert len(minimise(path, max_evals=4).study.trials) == 4


@pytest.mark.parametrize(
    ("directions", "text"),
    [(["maximize"], "'s'.*maximize"), (["minimize", "minimize"], "'s'.*2 objectives")],
    ids=str,
)
def test_a_study_of_another_kind_is_refused(tmp_path, directions, text):
    path = tmp_path / "study.db"
    study = optuna.create_study(study_name="s", storage=f"sqlite:///{path}", directions=directions)
    study.add_trial(optuna.trial.create_trial(values=[1.0] * len(directions)))
    check_refused(path, InvalidArgumentError, text)
    check_refused(path, InvalidArgumentError, text, algo=study, backend="optuna")
    with pytest.raises(InvalidArgumentError, match=text):
        hyperbridge.from_study(study, SPACE)
    with pytest.raises(InvalidArgumentError, match=text):
        hyperbridge.to_study(hyperbridge.Trials(), SPACE, storage=path, study_name="s")
    assert len(study.trials) == 1


POINT = {"x": 1.0, "k": 0, "n": 0.0, "q": 0.5}


@pytest.mark.parametrize(
    ("point", "text"),
    [
        ({**POINT, "x": 7.0}, "'x'.*between -5 and 5"),
        ({**POINT, "x": float("nan")}, "'x'"),
        ({**POINT, "k": 2}, "'k'.*0 to 1"),
        ({**POINT, "k": "b"}, "'k'.*option 1"),
        ({label: POINT[label] for label in "xkn"}, "'q'.*no value"),
        ([1.0], "must be a dict"),
    ],
    ids=["range", "nan", "index", "option", "missing label", "no dict"],
)
def test_points_that_do_not_fit_are_refused_before_the_study_is_touched(path, point, text):
    text = rf"points_to_evaluate\[1\].*{text}"
    check_refused(path, InvalidArgumentError, text, points_to_evaluate=[POINT, point])
    new = path.with_name("new.db")
    with pytest.raises(InvalidArgumentError, match=text):
        minimise(new, points_to_evaluate=[POINT, point])
    assert not new.exists()


@pytest.mark.parametrize(
    ("arguments", "error", "text"),
    [
        ({"algo": functools.partial(tpe.suggest, n=3)}, UnsupportedArgumentError, "'n'.*gamma"),
        ({"algo": functools.partial(rand.suggest, n=3)}, UnsupportedArgumentError, "'n'"),
        ({"algo": functools.partial(tpe.suggest, gamma="a")}, InvalidArgumentError, "'gamma'"),
        ({"algo": functools.partial(tpe.suggest, gamma=math.inf)}, InvalidArgumentError, "'gamma'"),
        (
            {"algo": functools.partial(tpe.suggest, n_startup_jobs=math.nan)},
            InvalidArgumentError,
            "'n_startup_jobs'.*a number, got nan",
        ),
        (
            {"algo": functools.partial(tpe.suggest, n_EI_candidates=0.5)},
            InvalidArgumentError,
            "'n_EI_candidates'",
        ),
        ({"space": {"x": hp.uniform("x", 1, 0)}}, InvalidSpaceError, "'x'"),
        ({"max_evals": -1}, InvalidArgumentError, "max_evals"),
        ({"study_name": ""}, InvalidArgumentError, "study_name"),
    ],
    ids=lambda value: "" if isinstance(value, type | str) else next(iter(value)),
)
def test_arguments_that_cannot_work_leave_the_study_alone(path, arguments, error, text):
    check_refused(path, error, text, **arguments)


@pytest.mark.parametrize("directions", [["maximize"], ["minimize", "minimize"]], ids=len)
def test_a_given_study_that_cannot_hold_losses_is_refused_with_what_to_do(directions):
    study = optuna.create_study(directions=directions)
    with pytest.raises(
        InvalidArgumentError, match="direction='minimize'.*the negative of"
    ) as caught:
        studies.minimise(algo=study)
    assert "study_name" not in str(caught.value)
    assert study.trials == []
    with pytest.raises(InvalidArgumentError, match="negated values"):
        hyperbridge.from_study(study, SPACE)


def test_a_given_study_of_another_space_is_refused_with_what_to_do():
    study = optuna.create_study()
    study.optimize(lambda trial: trial.suggest_float("other", 0, 1), n_trials=1)
    with pytest.raises(InvalidArgumentError, match=r"'other'.*Give a study of this search space"):
        studies.minimise(algo=study)


def test_a_study_and_a_storage_at_once_are_refused():
    with pytest.raises(InvalidArgumentError, match="own storage"):
        minimise("journal.log", algo=optuna.create_study())


@pytest.mark.parametrize(
    "storage", ["sqlite:////no/such/folder/x.db", "nosuchdb://user:secret@host/x"]
)
def test_a_storage_that_cannot_be_opened_is_named_without_its_password(storage):
    with pytest.raises(BackendUnavailableError, match=storage[:8]) as caught:
        minimise(storage)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("name", ["other.db", "other.log"])
def test_a_file_that_is_no_storage_is_named_and_left_alone(tmp_path, name):
    path = tmp_path / name
    path.write_text("not a storage\n" * 99)
    with pytest.raises(BackendUnavailableError, match=name):
        minimise(path)
    assert path.read_text() == "not a storage\n" * 99


@pytest.mark.parametrize("storage", ["no/such/folder/journal.log", "", 7, ".", ":memory:"])
def test_a_storage_that_makes_no_sense_is_refused(storage):
    with pytest.raises(InvalidArgumentError, match="storage"):
        minimise(storage)


def test_what_a_sampler_refuses_reaches_the_user():
    with pytest.raises(ValueError, match="BruteForceSampler"):
        minimise(None, algo=optuna.samplers.BruteForceSampler(), space={"x": hp.uniform("x", 0, 1)})


@pytest.mark.slow
def test_a_database_that_another_process_has_locked_is_an_error_before_the_first_trial(path):
    before = dump(path)
    evaluated = []
    command = [sys.executable, PROGRAMS / "lock_database.py", path, "60", "BEGIN EXCLUSIVE"]
    locker = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    try:
        assert locker.stdout.readline().strip() == b"locked"
        with pytest.raises(BackendUnavailableError, match="study.db.*locked"):
            minimise(path, fn=evaluated.append)
    finally:
        locker.communicate(timeout=30)
    assert evaluated == []
    assert dump(path) == before
    assert len(minimise(path, max_evals=4)) == 4
