"""Trials pickle and copy whatever study they have been used with."""

from __future__ import annotations

import copy
import pickle

import hyperopt
import optuna
import pytest
from hyperopt import anneal, hp, rand, tpe
from studies import SPACE, minimise

import hyperbridge


class Subclass(hyperopt.Trials):
    """Trials as scripts make their own."""


class WithStudy(hyperopt.Trials):
    """A class that has an attribute of this name already."""

    study = "of the user's"


class WithOwnStudy(hyperopt.Trials):
    def __init__(self):
        super().__init__()
        self.study = "of the object's"


CLASSES = [hyperopt.Trials, hyperbridge.Trials, hyperbridge.SparkTrials, Subclass]

SEARCHES = {
    "tpe": tpe.suggest,
    "rand": rand.suggest,
    "anneal": anneal.suggest,
    "a sampler with a function": lambda: optuna.samplers.TPESampler(gamma=lambda n: 3),
    "hyperopt's TPE": lambda: hyperbridge.HyperoptSampler(seed=0),
    "a study": lambda: optuna.create_study(sampler=optuna.samplers.RandomSampler()),
}

STORAGES = {
    "memory": lambda folder: None,
    "SQLite": lambda folder: f"sqlite:///{folder}/study.db",
    "journal": lambda folder: folder / "study.log",
}


def check(trials):
    plain = pickle.dumps(trials)
    for again in (pickle.loads(plain), copy.deepcopy(trials)):
        assert type(again) is type(trials)
        assert again.losses() == trials.losses()
        assert again.study is None
    assert copy.copy(trials).losses() == trials.losses()
    assert b"optuna.study" not in plain


@pytest.mark.filterwarnings("ignore::hyperbridge.errors.HyperbridgeWarning")
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")
@pytest.mark.parametrize("cls", CLASSES, ids=lambda cls: f"{cls.__module__}.{cls.__name__}")
@pytest.mark.parametrize("algo", SEARCHES.values(), ids=SEARCHES)
def test_trials_of_every_class_pickle_after_every_search(cls, algo):
    if algo not in (tpe.suggest, rand.suggest, anneal.suggest):
        algo = algo()
    trials = cls()
    pickle.loads(pickle.dumps(trials))
    minimise(trials=trials, algo=algo, max_evals=3)
    assert isinstance(trials.study, optuna.Study)
    assert len(trials.study.trials) == 3
    check(trials)
    assert cls().study is None


@pytest.mark.parametrize("cls", CLASSES, ids=lambda cls: f"{cls.__module__}.{cls.__name__}")
@pytest.mark.parametrize("make", STORAGES.values(), ids=STORAGES)
def test_trials_of_every_class_pickle_whatever_storage_the_study_has(cls, make, tmp_path):
    trials = cls()
    storage = make(tmp_path)
    minimise(storage, trials=trials, algo=tpe.suggest, max_evals=3)
    check(trials)
    minimise(storage, trials=pickle.loads(pickle.dumps(trials)), algo=tpe.suggest, max_evals=5)


def test_a_save_file_of_plain_trials_has_no_study(tmp_path):
    file = tmp_path / "trials.pkl"
    minimise(trials=hyperopt.Trials(), algo=tpe.suggest, trials_save_file=str(file))
    assert b"optuna.study" not in file.read_bytes()
    assert len(pickle.loads(file.read_bytes())) == 5


def test_an_attribute_of_the_users_own_stays():
    for trials, own in ((WithStudy(), "of the user's"), (WithOwnStudy(), "of the object's")):
        minimise(trials=trials, max_evals=2)
        assert trials.study == own
        assert pickle.loads(pickle.dumps(trials)).study == own


def test_a_history_carried_over_pickles():
    study = optuna.create_study()
    study.optimize(lambda trial: trial.suggest_float("x", 0, 1), n_trials=2)
    trials = hyperbridge.from_study(study, hp.uniform("x", 0, 1))
    assert trials.study is study
    check(trials)


@pytest.mark.parametrize("algo", [tpe.suggest, rand.suggest], ids=["tpe", "rand"])
@pytest.mark.parametrize("space", [SPACE, SPACE["x"]], ids=["choices", "numbers"])
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")
def test_the_study_of_a_search_pickles_by_itself(algo, space):
    _, trials = minimise(
        fn=lambda point: 0.0, space=space, algo=algo, max_evals=12, trials=hyperopt.Trials()
    )
    study = pickle.loads(pickle.dumps(trials.study))
    assert [t.params for t in study.trials] == [t.params for t in trials.study.trials]
    study.optimize(lambda trial: trial.suggest_float("x", -5, 5), n_trials=2)
