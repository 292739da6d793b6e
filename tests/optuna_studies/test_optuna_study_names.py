"""Which searches share a study: by the name, the options and the space of an objective."""

from __future__ import annotations

import functools
import logging
import shutil

import optuna
import pytest
from hyperopt import hp
from studies import PROGRAMS, minimise, run_script

SPACE_X = {"x": hp.uniform("x", -5, 5)}


def said(caplog):
    return [r.getMessage() for r in caplog.records if r.levelno == logging.WARNING]


@pytest.mark.parametrize("study_name", [None, "mine"])
def test_changed_code_of_an_objective_goes_on_with_its_study_and_is_said(
    tmp_path, caplog, study_name
):
    storage = f"sqlite:///{tmp_path / 'study.db'}"

    def search(fn, max_evals):
        caplog.clear()
        minimise(storage, fn=fn, space=SPACE_X, max_evals=max_evals, study_name=study_name)
        return [note for note in said(caplog) if "the code of the objective" in note]

    assert search(lambda p: p["x"] ** 2, 2) == []
    assert search(lambda p: p["x"] ** 2, 3) == []
    (note,) = search(lambda p: (p["x"] - 4) ** 2, 5)
    assert search(lambda p: (p["x"] - 4) ** 2, 6) == []
    (name,) = optuna.get_all_study_names(storage)
    assert repr(name) in note
    assert len(optuna.load_study(study_name=name, storage=storage).trials) == 6


def test_another_space_of_an_objective_begins_a_study_and_names_the_earlier_one(tmp_path, caplog):
    storage = f"sqlite:///{tmp_path / 'study.db'}"
    minimise(storage, space=SPACE_X, fn=lambda p: p["x"] ** 2, max_evals=2)
    assert said(caplog) == []
    minimise(storage, space={"x": hp.uniform("x", 0, 1)}, fn=lambda p: p["x"] ** 2, max_evals=3)
    (note,) = said(caplog)
    names = optuna.get_all_study_names(storage)
    assert len(names) == 2
    assert all(repr(name) in note for name in names)


class Counting:
    """Keeps what it saw in all the ways of an object."""

    def __init__(self, offset):
        self.offset = offset
        self.n_calls = 0
        self.seen = []

    @functools.cached_property
    def scale(self):
        return 2.0

    @property
    def weight(self):
        self.n_weighed = self.n_calls
        return 1.0

    def count(self):
        self.n_calls += 1

    def __call__(self, point):
        self.count()
        self.seen.append(point["x"])
        return self.weight * self.scale * (point["x"] - self.offset) ** 2


def filling(offset):
    seen, known, by_value, pair = [], set(), {}, (1, [])

    def fn(point, cache=[]):
        for fill in (seen.append, known.add, pair[1].append, cache.append):
            fill(point["x"])
        by_value[point["x"]] = True
        return (point["x"] - offset) ** 2

    return fn


def rebinding(offset):
    n_calls = n_inner = n_counted = n_read = 0

    def count():
        nonlocal n_counted
        n_counted += 1

    def read():
        return n_read

    def fn(point):
        nonlocal n_calls, n_read
        n_calls += 1
        n_read += 1

        def inner():
            nonlocal n_inner
            n_inner += 1

        inner()
        count()
        return (point["x"] - offset) ** 2 + 0 * (n_counted + read())

    return fn


class Inheriting(Counting):
    pass


def method(offset):
    return Counting(offset).__call__


@pytest.mark.parametrize("make", [Counting, Inheriting, method, filling, rebinding])
def test_an_objective_that_changes_what_it_holds_goes_on_with_its_study(make):
    storage = optuna.storages.InMemoryStorage()
    fn = make(1)
    for objective, max_evals in ((fn, 3), (fn, 5), (make(1), 6)):
        minimise(storage, fn=objective, space=SPACE_X, max_evals=max_evals)
    (study,) = storage.get_all_studies()
    assert len(storage.get_all_trials(study._study_id)) == 6


def test_options_that_a_partial_binds_in_a_dict_make_a_study_of_their_own(tmp_path):
    def fn(options, point):
        return (point["x"] - options["offset"]) ** 2

    space = {"x": hp.uniform("x", -5, 5)}
    for offset in (1, 2, 1):
        _, trials = minimise(
            tmp_path / "study.log", fn=functools.partial(fn, {"offset": offset}), space=space
        )
        assert trials.losses() == [(x - offset) ** 2 for x in trials.vals["x"]]


@pytest.mark.slow
def test_the_name_of_a_study_is_the_same_in_every_process(tmp_path):
    script = shutil.copy(PROGRAMS / "names_of_objectives.py", tmp_path / "script.py")
    first = run_script(script, tmp_path)
    script.write_text(script.read_text().replace("  # a comment", ""))
    second = run_script(script, tmp_path)
    assert first.returncode == 0, first.stderr
    assert first.stdout == second.stdout
    assert len(set(first.stdout.split())) == 7
