"""Where backend, parallelism and tracking come from."""

from __future__ import annotations

import asyncio
import contextvars
import threading

import numpy as np
import pytest

from hyperbridge.config import ENVIRONMENT, resolve, settings
from hyperbridge.errors import InvalidArgumentError


@pytest.fixture(autouse=True)
def no_environment(monkeypatch):
    for variable in ENVIRONMENT.values():
        monkeypatch.delenv(variable, raising=False)


def values(chosen):
    return chosen.backend, chosen.parallelism, chosen.tracking


def test_nothing_set_leaves_everything_to_the_trials_object():
    chosen = resolve()
    assert values(chosen) == (None, None, None)
    assert all(chosen.is_default(name) for name in ENVIRONMENT)


def test_environment_is_read_at_each_call(monkeypatch):
    monkeypatch.setenv("HYPERBRIDGE_BACKEND", "spark")
    monkeypatch.setenv("HYPERBRIDGE_PARALLELISM", " 3 ")
    monkeypatch.setenv("HYPERBRIDGE_TRACKING", "no")
    chosen = resolve()
    assert values(chosen) == ("spark", 3, False)
    assert chosen.sources["tracking"] == "the environment variable HYPERBRIDGE_TRACKING"
    monkeypatch.setenv("HYPERBRIDGE_PARALLELISM", "4")
    assert resolve().parallelism == 4


def test_what_the_environment_says_of_trials_is_read(monkeypatch):
    monkeypatch.setenv("HYPERBRIDGE_PRUNER", "median")
    monkeypatch.setenv("HYPERBRIDGE_TRIAL_TIMEOUT", "2.5")
    monkeypatch.setenv("HYPERBRIDGE_REPEATS", "skip")
    monkeypatch.setenv("HYPERBRIDGE_JOURNAL", "run.journal")
    chosen = resolve()
    assert (chosen.pruner, chosen.trial_timeout, chosen.repeats) == ("median", 2.5, "skip")
    assert chosen.journal == "run.journal"
    with settings(pruner=None, trial_timeout=None):
        assert resolve(repeats="run").repeats == "run"
        assert resolve().trial_timeout is None


def test_block_outranks_environment_and_argument_outranks_block(monkeypatch):
    monkeypatch.setenv("HYPERBRIDGE_BACKEND", "spark")
    monkeypatch.setenv("HYPERBRIDGE_TRACKING", "1")
    with settings(backend="local", parallelism=2, tracking=False):
        assert values(resolve()) == ("local", 2, False)
        assert values(resolve(backend="other", parallelism=5, tracking=True)) == ("other", 5, True)
    assert values(resolve()) == ("spark", None, True)


def test_argument_false_is_a_value(monkeypatch):
    monkeypatch.setenv("HYPERBRIDGE_TRACKING", "1")
    assert resolve(tracking=False).tracking is False


def test_inner_block_changes_only_what_it_mentions():
    with settings(backend="local", parallelism=2):
        with settings(parallelism=4):
            assert values(resolve()) == ("local", 4, None)
        assert values(resolve()) == ("local", 2, None)


def test_none_in_a_block_hides_outer_block_and_environment(monkeypatch):
    monkeypatch.setenv("HYPERBRIDGE_BACKEND", "spark")
    with settings(backend=None):
        assert resolve().backend is None
        assert not resolve().is_default("backend")


def test_block_ends_when_its_body_raises():
    with pytest.raises(KeyError), settings(backend="local"):
        raise KeyError
    assert resolve().backend is None


def test_backend_object_is_passed_through_untouched():
    backend = object()
    with settings(backend=backend):
        assert resolve().backend is backend


def test_another_thread_does_not_see_the_block_unless_given_the_context():
    seen = []
    with settings(backend="local"):
        context = contextvars.copy_context()
        for target in (
            lambda: seen.append(resolve().backend),
            lambda: context.run(lambda: seen.append(resolve().backend)),
        ):
            thread = threading.Thread(target=target)
            thread.start()
            thread.join()
    assert seen == [None, "local"]


def test_two_tasks_do_not_disturb_each_other():
    async def search(name):
        with settings(backend=name):
            await asyncio.sleep(0)
            return resolve().backend

    async def both():
        return await asyncio.gather(search("local"), search("spark"))

    assert asyncio.run(both()) == ["local", "spark"]


@pytest.mark.parametrize("bad", [0, -1, 1.5, "2", True])
def test_parallelism_must_be_a_positive_whole_number(bad):
    with pytest.raises(InvalidArgumentError, match=r"parallelism must be .* the argument"):
        resolve(parallelism=bad)
    with pytest.raises(InvalidArgumentError, match="settings"), settings(parallelism=bad):
        pass


def test_parallelism_may_be_a_numpy_integer():
    assert resolve(parallelism=np.int64(2)).parallelism == 2


def test_tracking_must_be_a_bool():
    with pytest.raises(InvalidArgumentError, match="tracking must be True or False"):
        resolve(tracking="yes")


@pytest.mark.parametrize(
    ("variable", "text"),
    [
        ("HYPERBRIDGE_PARALLELISM", "many"),
        ("HYPERBRIDGE_PARALLELISM", "0"),
        ("HYPERBRIDGE_PARALLELISM", "2.5"),
        ("HYPERBRIDGE_TRACKING", "maybe"),
        ("HYPERBRIDGE_TRIAL_TIMEOUT", "long"),
        ("HYPERBRIDGE_TRIAL_TIMEOUT", "0"),
        ("HYPERBRIDGE_TRIAL_TIMEOUT", "nan"),
        ("HYPERBRIDGE_REPEATS", "again"),
    ],
)
def test_bad_environment_value_is_refused_with_its_variable(monkeypatch, variable, text):
    monkeypatch.setenv(variable, text)
    with pytest.raises(InvalidArgumentError, match=f"'?{text}'?.*{variable}"):
        resolve()


@pytest.mark.parametrize(
    ("text", "expected"),
    [("1", True), ("TRUE", True), ("yes", True), ("On", True)]
    + [("0", False), ("False", False), ("no", False), ("off", False), ("", None)],
)
def test_boolean_words_of_the_environment(monkeypatch, text, expected):
    monkeypatch.setenv("HYPERBRIDGE_TRACKING", text)
    assert resolve().tracking is expected


def test_empty_backend_is_refused():
    with pytest.raises(InvalidArgumentError, match="empty"):
        resolve(backend=" ")
