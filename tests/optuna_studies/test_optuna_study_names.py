"""Which searches share a study: by the code, the options and the space of an objective."""

from __future__ import annotations

import functools

import optuna
import pytest
from hyperopt import hp
from studies import minimise, run_script

import hyperbridge


def test_two_objectives_of_one_name_do_not_share_a_study(tmp_path, caplog):
    storage = f"sqlite:///{tmp_path / 'study.db'}"
    space = {"x": hp.uniform("x", -5, 5)}
    minimise(storage, fn=lambda p: p["x"] ** 2, space=space, max_evals=20)
    assert "begins" not in caplog.text
    _, trials = minimise(storage, fn=lambda p: (p["x"] - 4) ** 2, space=space, max_evals=20)
    assert trials.losses() == [(values - 4) ** 2 for values in trials.vals["x"]]
    first, second = optuna.get_all_study_names(storage)
    (note,) = [r.getMessage() for r in caplog.records if "begins" in r.getMessage()]
    assert repr(first) in note
    assert repr(second) in note


def test_the_same_objective_made_again_finds_its_study(tmp_path):
    storage = f"sqlite:///{tmp_path / 'study.db'}"

    def make(offset):
        return lambda p: (p["x"] - offset) ** 2

    for _ in range(2):
        minimise(storage, fn=make(1), max_evals=3)
        minimise(storage, fn=make(2), max_evals=3)
    studies = [optuna.load_study(study_name=n, storage=storage)
               for n in optuna.get_all_study_names(storage)]  # fmt: skip
    assert [len(study.trials) for study in studies] == [3, 3]


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
    for objective, max_evals in ((fn, 3), (fn, 5), (make(1), 6), (make(2), 2)):
        minimise(storage, fn=objective, space={"x": hp.uniform("x", -5, 5)}, max_evals=max_evals)
    assert [len(storage.get_all_trials(each._study_id)) for each in storage.get_all_studies()] == [
        6,
        2,
    ]


def test_options_that_a_partial_binds_in_a_dict_make_a_study_of_their_own(tmp_path):
    def fn(options, point):
        return (point["x"] - options["offset"]) ** 2

    space = {"x": hp.uniform("x", -5, 5)}
    for offset in (1, 2, 1):
        _, trials = minimise(
            tmp_path / "study.log", fn=functools.partial(fn, {"offset": offset}), space=space
        )
        assert trials.losses() == [(x - offset) ** 2 for x in trials.vals["x"]]


def test_no_study_is_said_to_begin_when_the_trials_hold_what_it_has(tmp_path, caplog):
    storage = tmp_path / "study.log"
    space = {"x": hp.uniform("x", -5, 5)}
    minimise(storage, fn=lambda p: p["x"] + 1, space=space, max_evals=1)
    trials = hyperbridge.Trials()
    said = []
    for max_evals in (2, 4):
        caplog.clear()
        minimise(storage, fn=lambda p: p["x"] ** 2, space=space, trials=trials, max_evals=max_evals)
        said.append("begins" in caplog.text)
    assert said == [True, False]
    assert len(trials.study.trials) == 4


NAMED = """
    import functools
    from hyperbridge import hp, read_space
    from hyperbridge.search.optuna.naming import default_name

    class Model:
        def __init__(self, depth):
            self.depth = depth
        def __call__(self, p):
            return p in {"a", "b", "c"} or self.depth

    def train(p, data, *, mode="fast"):
        return max(x in ("q", "r") for x in p)  # a comment

    space = read_space({"x": hp.uniform("x", 0, 1), "o": hp.choice("o", [object(), "b"])})
    print([default_name(fn, space) for fn in (
        train, lambda p: {"s", "t"}, Model(1), Model(2), functools.partial(train, data=object()),
        functools.partial(train, mode="slow"), Model(3).__call__,
    )])
"""


@pytest.mark.slow
def test_the_name_of_a_study_is_the_same_in_every_process(tmp_path):
    first = run_script(NAMED, tmp_path)
    second = run_script(NAMED.replace("# a comment", ""), tmp_path)
    assert first.returncode == 0, first.stderr
    assert first.stdout == second.stdout
    assert len(set(first.stdout.split())) == 7
