"""Whatever an objective returns or raises ends its own trial at most."""

from __future__ import annotations

import dataclasses
import threading
from pathlib import Path
from typing import Any

import cloudpickle
import numpy as np
import pytest
from hyperopt import hp, rand
from hyperopt.base import JOB_STATE_DONE, JOB_STATE_ERROR
from hyperopt.exceptions import InvalidLoss

from hyperbridge.errors import HyperbridgeWarning, ResultNotPicklableError
from hyperbridge.run.observers import Observers
from hyperbridge.surface.fmin import fmin
from hyperbridge.surface.trials import Trials
from hyperbridge.translate.from_hyperopt import read_space
from hyperbridge.worker.frames import cut_traceback, safe_repr, safe_text, set_cause, type_text
from hyperbridge.worker.trial_contexts import TrialContexts

SPACE = hp.uniform("x", -1, 1)


class NoText:
    def __repr__(self) -> str:
        raise RuntimeError("no text")

    __str__ = __repr__


class NoComparison:
    __hash__ = None  # type: ignore[assignment]

    def __eq__(self, other: object) -> bool:
        raise RuntimeError("no comparison")


class NoPickle:
    def __reduce__(self) -> Any:
        raise RuntimeError("no pickle")


class ExitPickle:
    def __reduce__(self) -> Any:
        raise SystemExit(3)


class Tensor:
    def __float__(self) -> float:
        raise RuntimeError("only one element tensors can be converted")


class NoItems(dict):  # type: ignore[type-arg]
    def keys(self) -> Any:
        raise RuntimeError("no keys")

    __iter__ = items = keys


class NoClass:
    @property  # type: ignore[misc]
    def __class__(self) -> Any:
        raise RuntimeError("no class")


class NoTextError(Exception):
    def __str__(self) -> str:
        raise RuntimeError("no text")


@dataclasses.dataclass(frozen=True)
class FrozenError(Exception):
    code: int


class NoTextClass(type):
    def __repr__(cls) -> str:
        raise RuntimeError("no text")


class OfNoTextClassError(Exception, metaclass=NoTextClass):
    pass


def ok(**entries: Any) -> dict[str, Any]:
    return {"status": "ok", "loss": 1.0, **entries}


FAILING: dict[str, Any] = {
    "a tensor as the loss": lambda: ok(loss=Tensor()),
    "a tensor alone": Tensor,
    "a number beyond floats": lambda: 10**400,
    "a loss beyond floats": lambda: ok(loss=10**400),
    "a loss without a text": lambda: ok(loss=NoText()),
    "a complex number": lambda: 1j,
    "an array as the status": lambda: ok(status=np.array(["ok", "ok"])),
    "a status that does not compare": lambda: ok(status=NoComparison()),
    "an object without a text": NoText,
    "a dict that does not list its keys": lambda: NoItems(ok()),
    "an object without a class": NoClass,
    "attachments that are no dict": lambda: ok(attachments=5),
    "an attachment's name without a text": lambda: ok(attachments={NoText(): 1}),
}

KEPT: dict[str, Any] = {
    "a failed tensor": lambda: {"status": "fail", "loss": Tensor()},
    "a failed loss beyond floats": lambda: {"status": "fail", "loss": 10**400},
    "an entry without a text": lambda: ok(extra=NoText()),
    "a key without a text": lambda: ok() | {NoText(): 1},
    "an entry that does not compare": lambda: ok(extra=NoComparison()),
    "an entry that does not pickle": lambda: ok(extra=NoPickle()),
}

RAISED: dict[str, Any] = {
    "without a text": NoTextError("x"),
    "frozen": FrozenError(3),
    "of a class without a text": OfNoTextClassError("x"),
}


def search(value: Any, **kwargs: Any) -> Any:
    """Search with an objective that gives the odd value for a positive x."""
    trials = Trials()

    def fn(x: float) -> Any:
        return value() if x > 0 else x

    fmin(
        fn, SPACE, algo=rand.suggest, max_evals=6, trials=trials, show_progressbar=False,
        rstate=np.random.default_rng(1), **kwargs,
    )  # fmt: skip
    return trials


@pytest.mark.parametrize("parallelism", [1, 3])
@pytest.mark.parametrize("case", FAILING)
def test_a_result_that_cannot_be_used_fails_its_trial_alone(case: str, parallelism: int) -> None:
    trials = search(FAILING[case], catch_eval_exceptions=True, parallelism=parallelism)
    states = {d["misc"]["vals"]["x"][0] > 0: d["state"] for d in trials._dynamic_trials}
    assert states == {True: JOB_STATE_ERROR, False: JOB_STATE_DONE}
    assert len(trials._dynamic_trials) == 6


@pytest.mark.parametrize("case", FAILING)
def test_by_the_rule_of_trials_it_ends_the_search_and_no_trial_stays_running(case: str) -> None:
    with pytest.raises((TypeError, ValueError, RuntimeError, OverflowError, InvalidLoss)):
        search(FAILING[case])


@pytest.mark.parametrize("parallelism", [1, 3])
@pytest.mark.parametrize("case", KEPT)
def test_what_nobody_needs_to_read_is_kept_as_it_is(case: str, parallelism: int) -> None:
    trials = search(KEPT[case], parallelism=parallelism)
    assert {d["state"] for d in trials._dynamic_trials} == {JOB_STATE_DONE}


@pytest.mark.parametrize("parallelism", [1, 3])
@pytest.mark.parametrize("case", RAISED)
def test_an_odd_exception_fails_its_trial_alone(case: str, parallelism: int) -> None:
    def fail() -> Any:
        raise RAISED[case]

    trials = search(fail, catch_eval_exceptions=True, parallelism=parallelism)
    failed = [d for d in trials._dynamic_trials if d["state"] == JOB_STATE_ERROR]
    assert 0 < len(failed) < 6
    assert all(isinstance(text, str) for d in failed for text in d["misc"]["error"])
    with pytest.raises(type(RAISED[case])):
        search(fail)


@pytest.mark.parametrize("value", [NoPickle, ExitPickle, threading.Lock])
@pytest.mark.parametrize("place", ["extra", "attachments"])
def test_what_the_save_file_cannot_hold_fails_its_trial_alone(
    tmp_path: Path, value: Any, place: str
) -> None:
    file = tmp_path / "trials.pkl"

    def result() -> Any:
        return ok(**{place: {"thing": value()}})

    trials = search(result, catch_eval_exceptions=True, trials_save_file=str(file))
    failed = [d for d in trials._dynamic_trials if d["state"] == JOB_STATE_ERROR]
    assert 0 < len(failed) < 6
    assert "trials_save_file" in failed[0]["misc"]["error"][1]
    assert len(cloudpickle.loads(file.read_bytes())._dynamic_trials) == 6
    with pytest.raises(ResultNotPicklableError, match="pickled"):
        search(result, trials_save_file=str(tmp_path / "other.pkl"))


def test_texts_of_anything_are_plain_texts() -> None:
    class Text(str):
        __slots__ = ()

    class Named:
        def __str__(self) -> str:
            return Text("name")

    assert type(safe_text(Named())) is str
    assert "NoText object whose str() raises RuntimeError" in safe_text(NoText())
    assert "NoText object whose repr() raises RuntimeError" in safe_repr(NoText())
    assert safe_repr("x" * 1000).endswith("...")
    assert "OfNoTextClassError" in type_text(OfNoTextClassError())


def test_a_frozen_exception_gets_its_cause_and_its_traceback() -> None:
    with pytest.raises(FrozenError) as caught:
        raise FrozenError(3)
    cause = ValueError("why")
    set_cause(caught.value, cause)
    assert caught.value.__cause__ is cause
    assert cut_traceback(caught.value) is caught.value


class Watcher:
    """An observer that raises at one event."""

    name = "The watcher"

    def __init__(self, event: str) -> None:
        self.event = event
        self.heard: list[str] = []

    def _hear(self, event: str) -> None:
        self.heard.append(event)
        if event == self.event:
            raise NoTextError("x")

    def run_started(self, info: Any) -> None:
        self._hear("run_started")

    def attachment(self) -> Any:
        self._hear("attachment")

    def trial_starting(self, trial: Any) -> Any:
        self._hear("trial_starting")

    def trial_lost(self, trial: Any) -> None:
        pass

    def trial_finished(self, end: Any) -> None:
        self._hear("trial_finished")

    def run_finished(self, end: Any) -> None:
        self._hear("run_finished")


EVENTS = ["run_started", "attachment", "trial_starting", "trial_finished", "run_finished"]


@pytest.mark.parametrize("event", EVENTS)
def test_an_observer_that_raises_is_one_warning_and_ends_no_search(
    event: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    watcher = Watcher(event)
    monkeypatch.setattr("hyperbridge.surface.call.make_tracker", lambda: watcher)
    with pytest.warns(HyperbridgeWarning, match="The watcher failed") as caught:
        trials = search(lambda: 1.0, tracking=True)
    assert len(caught) == 1
    assert len(trials.losses()) == 6
    assert watcher.heard.count("trial_finished") == (0 if event == "run_started" else 6)
    assert watcher.heard.count("run_finished") == (0 if event == "run_started" else 1)


@pytest.mark.parametrize("event", EVENTS)
def test_under_a_filter_that_raises_for_warnings_the_search_ends_first(
    event: str, monkeypatch: pytest.MonkeyPatch, recwarn: pytest.WarningsRecorder
) -> None:
    import warnings

    monkeypatch.setattr("hyperbridge.surface.call.make_tracker", lambda: Watcher(event))
    seen: list[float] = []
    with warnings.catch_warnings():
        warnings.simplefilter("error", HyperbridgeWarning)
        with pytest.raises(HyperbridgeWarning, match="The watcher failed"):
            search(lambda: seen.append(1.0) or 1.0, tracking=True)
    assert len(seen) > 1


def test_a_progress_factory_that_raises_ends_no_search() -> None:
    import contextlib

    class Bar:
        def update(self, n: int) -> None:
            raise OSError("the terminal is closed")

    @contextlib.contextmanager
    def factory(initial: int, total: int) -> Any:
        yield Bar()

    trials = Trials()
    with pytest.warns(HyperbridgeWarning, match="progress bar failed"):
        fmin(abs, SPACE, algo=rand.suggest, max_evals=3, trials=trials, show_progressbar=factory)
    assert len(trials.losses()) == 3


def test_what_surrounds_an_objective_cannot_make_its_trial_fail(
    caplog: pytest.LogCaptureFixture,
) -> None:
    class Leaves:
        def __enter__(self) -> None: ...

        def __exit__(self, *exc: Any) -> None:
            raise OSError("away")

    def enters(token: bytes, *, shared_process: bool) -> Any:
        raise OSError("not there")

    left: list[Any] = []

    class Good:
        def __enter__(self) -> None: ...

        def __exit__(self, *exc: Any) -> None:
            left.append(exc[1])

    parts = [lambda token, shared_process: Good(), enters, lambda token, shared_process: Leaves()]
    error = FrozenError(1)
    with pytest.raises(FrozenError), TrialContexts(parts, [b"", b"", b""], shared_process=True):
        raise error
    assert left == [error]
    assert "not there" in caplog.text
    assert "away" in caplog.text
    with TrialContexts([None, enters], [b"x", None], shared_process=True):
        pass


def test_no_observer_is_called_that_has_not_started() -> None:
    watcher = Watcher("run_started")
    observers = Observers([watcher])
    observers.run_started(None)  # type: ignore[arg-type]
    assert observers.trial_starting(None) == []  # type: ignore[arg-type]
    assert watcher.heard == ["run_started"]


def test_the_text_of_a_space_is_made_for_those_who_want_it_alone() -> None:
    texts: list[int] = []

    class Option:
        def __repr__(self) -> str:
            texts.append(1)
            raise RuntimeError("no text")

    trials = Trials()
    space = {"x": SPACE, "option": hp.choice("option", [Option(), Option()])}
    arguments = {"algo": rand.suggest, "max_evals": 3, "show_progressbar": False}
    fmin(lambda p: p["x"], space, trials=trials, **arguments)
    assert len(trials.losses()) == 3
    assert texts == []


def test_an_index_that_a_choice_does_not_have_is_not_decoded_nor_an_option_without_a_text() -> None:
    space = read_space({"a": hp.choice("a", ["x", NoText()]), "b": hp.choice("b", [1, 2])})
    assert space.decode({"a": 0, "b": 7}) == {"a": "x"}
    assert space.decode({"a": 1, "b": -1}) == {}
    assert space.decode({"a": "x", "b": 1}) == {"b": "2"}
