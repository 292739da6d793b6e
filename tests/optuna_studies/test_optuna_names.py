"""The name of a stored study that nobody named: the same call finds it, another does not."""

from __future__ import annotations

import dataclasses
import datetime
import enum
import functools
import os
import subprocess
import sys
import time
import types
from pathlib import Path

import numpy as np
import pytest
from hyperopt import hp
from studies import PROGRAMS

from hyperbridge import read_space
from hyperbridge.search.optuna.naming import code_of, default_name

ROOT = Path(__file__).resolve().parents[2]
SPACE = read_space(hp.uniform("x", 0, 1))


def fn(point, *args, **kwargs):
    return 0.0


def name(*args, **kwargs):
    return default_name(functools.partial(fn, *args, **kwargs), SPACE)


@dataclasses.dataclass
class Options:
    depth: int = 1
    names: tuple = ()


class Colour(enum.Enum):
    RED = 1
    BLUE = 2


class Unhashable:
    __hash__ = None

    def __repr__(self):
        return f"Unhashable printed at {time.monotonic_ns()}"


def squared(x):
    return x**2


DIFFERENT = {
    "a number": (1, 2),
    "a number and a text": (1, "1"),
    "an option in a dict": ({"a": {"b": 1}}, {"a": {"b": 2}}),
    "where a list ends": ([[1], [2]], [[1, 2], []]),
    "a set": ({1, 2}, {1, 3}),
    "a set of tuples": ({("a", 1)}, {("a", 2)}),
    "numbers of numpy": (np.int64(5), np.int64(7)),
    "a path": (Path("a"), Path("b")),
    "members of an enum": (Colour.RED, Colour.BLUE),
    "a date": (datetime.date(2026, 1, 1), datetime.date(2026, 1, 2)),
    "a range": (range(3), range(4)),
    "a dataclass": (Options(1), Options(2)),
    "a dataclass in a list": ([Options(names=("a",))], [Options(names=("b",))]),
    "a namespace": (types.SimpleNamespace(a=[1]), types.SimpleNamespace(a=[2])),
    "functions": (squared, lambda x: x**3),
    "partials": (functools.partial(squared, 1), functools.partial(squared, 2)),
    "builtin functions": (min, max),
    "classes": (Options, Colour),
    "classes of objects": (Unhashable(), object()),
    "numbers of many digits": (10**6000, 10**6000 + 1),
    "long texts": ("a" * 10**6, "a" * 10**6 + "b"),
}


@pytest.mark.parametrize(("one", "other"), DIFFERENT.values(), ids=DIFFERENT)
def test_another_option_makes_another_study(one, other):
    assert name(one) == name(one)
    assert name(one) != name(other)
    assert name(option=one) != name(option=other)


SAME = {
    "the order of a dict": ({"a": 1, "b": [2]}, {"b": [2], "a": 1}),
    "a number of numpy's": (np.float64(0.1), 0.1),
    "the way an object prints itself": (Unhashable(), Unhashable()),
    "an array": (np.arange(5), np.arange(6)),
    "a long list": (list(range(10**4)), list(range(10**4 + 1))),
    "an object in a dict": ({"data": object()}, {"data": object()}),
}


@pytest.mark.parametrize(("one", "other"), SAME.values(), ids=SAME)
def test_what_is_no_other_option_goes_on_with_the_study(one, other):
    assert name(one) == name(other)


class Model:
    def __init__(self, depth):
        self.depth = depth

    def __call__(self, point):
        return self.depth

    def train(self, point):
        return self.depth


def test_the_name_is_that_of_the_objective_and_a_hash_of_its_space():
    def inner(point):
        return 0.0

    titles = {
        fn: "fn",
        functools.partial(functools.partial(fn, 1), 2): "fn",
        inner: "test_the_name_is_that_of_the_objective_and_a_hash_of_its_space.inner",
        Model(1): "Model",
        Model(1).train: "Model.train",
        abs: "abs",
        (lambda x: x): "test_the_name_is_that_of_the_objective_and_a_hash_of_its_space.lambda",
    }
    assert {f: default_name(f, SPACE).rpartition("-")[0] for f in titles} == titles
    assert default_name(Model(1), SPACE) == default_name(Model(2), SPACE)
    assert default_name(fn, SPACE) != default_name(fn, read_space(hp.uniform("x", 0, 2)))


def test_changed_code_and_changed_values_that_it_holds_are_noticed():
    def make(offset, seen):
        return lambda x: (x - offset) ** 2 + len(seen)

    assert code_of(make(1, [])) == code_of(make(1, [3]))
    different = [
        make(1, []), make(2, []), lambda x: x, lambda x: -x, lambda x: x + 1, lambda x: x + 2,
        Model(1), Model(2), abs, fn,
        lambda x: x in {"a", "b"}, lambda x: x in {"a", "c"}, lambda x: [y for y in x if y],
        lambda x: [y for y in x if not y],
    ]  # fmt: skip
    assert len({code_of(each) for each in different}) == len(different)
    assert code_of(functools.partial(fn, 1)) == code_of(fn)
    assert code_of(Model(1).train) == code_of(Model(1).train) != code_of(Model(2).train)


def test_a_list_that_holds_itself_has_a_name():
    endless = [1]
    endless.append(endless)
    assert name(endless) == name(endless)


def test_data_that_is_bound_takes_no_time():
    data = list(range(3_000_000))
    start = time.process_time()
    for _ in range(20):
        name([data, {"data": data}])
    assert time.process_time() - start < 1


def test_options_of_a_space_count_also_where_people_do_not_see_them():
    def space(options):
        return read_space({"k": hp.choice("k", options), "deep": deep})

    deep = 0
    for _ in range(15):
        deep = {"below": deep}
    many = [{"n": n} for n in range(30)]
    names = {
        default_name(fn, space(many)),
        default_name(fn, space([*many[:10], {"n": 100}, *many[11:]])),
        default_name(fn, space(["a" * 100 + "b"])),
        default_name(fn, space(["a" * 100 + "c"])),
        default_name(fn, read_space({"k": hp.choice("k", ["a"]), "deep": {"below": deep}})),
    }
    assert len(names) == 5


def test_a_range_that_starts_at_0_is_the_same_however_it_is_written():
    spaces = [read_space(hp.randint("n", 5)), read_space(hp.randint("n", 0, 5))]
    assert len({default_name(fn, space) for space in spaces}) == 1


def test_the_order_of_a_set_is_not_part_of_the_name(tmp_path):
    printed = [
        subprocess.run(
            [sys.executable, PROGRAMS / "names_from_sets.py"], cwd=tmp_path, text=True, check=True,
            stdout=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": str(ROOT), "PYTHONHASHSEED": seed},
        ).stdout
        for seed in "12"
    ]  # fmt: skip
    assert printed[0] == printed[1]
    assert len(set(printed[0].split())) == 3
