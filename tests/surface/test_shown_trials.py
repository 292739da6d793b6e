"""Trials as data frames, as a notebook shows them, and in hyperopt's own plots."""

from __future__ import annotations

import builtins
import html.parser
import math
import time
from datetime import timedelta
from typing import Any

import hyperopt
import numpy as np
import pytest
from hyperopt import hp, rand

import hyperbridge
from hyperbridge.documents import misc_of, new_document
from hyperbridge.errors import MissingDependencyError
from hyperbridge.surface.fmin import fmin
from hyperbridge.surface.frames import to_pandas
from hyperbridge.surface.spark_trials import SparkTrials
from hyperbridge.surface.trials import Trials

SPACE = {
    "x": hp.uniform("x", -1, 1),
    "k": hp.choice("k", ["plain", [1, 2], {"q": hp.quniform("q", 0, 5, 1)}]),
}


def objective(point: Any) -> Any:
    if point["x"] < -0.6:
        raise ValueError("too low")
    if point["x"] < -0.3:
        return {"status": "fail", "why": "low"}
    if point["x"] > 0.8:
        return {"status": "ok", "loss": math.nan, "note": "high"}
    hyperbridge.report(point["x"] + 10)
    return {"status": "ok", "loss": point["x"] + 10, "size": 3, "model": objective}


@pytest.fixture(scope="module")
def trials() -> Trials:
    found = Trials()
    fmin(
        objective, SPACE, algo=rand.suggest, max_evals=40, trials=found, backend="local",
        catch_eval_exceptions=True, show_progressbar=False, rstate=np.random.default_rng(0),
    )  # fmt: skip
    return found


# -- data frames -------------------------------------------------------------------------------


def test_a_frame_has_each_trial_as_its_document_says(trials: Trials) -> None:
    frame = trials.to_pandas()
    documents = trials._dynamic_trials
    assert len(frame) == len(documents) == 40
    assert set(frame["state"]) == {"complete", "failed"}
    options = ["plain", (1, 2), "{'q': quniform('q', low=0.0, high=5.0, q=1.0)}"]
    for row, document in zip(frame.to_dict("records"), documents, strict=True):
        vals = document["misc"]["vals"]
        assert row["tid"] == document["tid"]
        assert row["params.x"] == vals["x"][0]
        assert row["params.k"] == vals["k"][0]
        assert row["choice.k"] in (options[vals["k"][0]], list(options[vals["k"][0]]))
        assert [row["params.q"]] == vals["q"] or (math.isnan(row["params.q"]) and not vals["q"])
        loss = document["result"].get("loss", math.nan)
        assert row["loss"] == loss or (math.isnan(row["loss"]) and math.isnan(loss))
        assert row["reports"] == len(document["misc"].get("reports", ()))
        assert row["duration"] == document["refresh_time"] - document["book_time"]
        assert row["started"].tzinfo is not None
        raised = vals["x"][0] < -0.6
        assert (row["error"] == "<class 'ValueError'>: too low") == raised
    assert {str(frame[name].dtype) for name in ("loss", "params.x", "params.q")} == {"float64"}
    entries = {name for name in frame if name.startswith("result.")}
    assert entries == {"result.size", "result.why", "result.note"}


def test_hyperopts_own_trials_become_a_frame_too() -> None:
    own = hyperopt.Trials()
    hyperopt.fmin(
        lambda point: point["x"], SPACE, algo=rand.suggest, max_evals=5, trials=own,
        show_progressbar=False, rstate=np.random.default_rng(0),
    )  # fmt: skip
    frame = to_pandas(own)
    assert list(frame["loss"]) == own.losses()
    assert "choice.k" not in frame
    assert set(map(str, to_pandas(own, space=SPACE)["choice.k"])) <= {
        "plain", "(1, 2)", "[1, 2]", "{'q': quniform('q', low=0.0, high=5.0, q=1.0)}",
    }  # fmt: skip


def test_a_frame_of_waiting_running_and_foreign_trials() -> None:
    found = SparkTrials()
    for tid, state in enumerate((0, 1, 2)):
        document = new_document(tid, misc_of(tid, {"x": 0.5}, ["x"]), None)
        document["state"] = state
        found._dynamic_trials.append(document)
    frame = found.to_pandas()
    assert list(frame["state"]) == ["waiting", "running", "failed"]
    assert frame["duration"].isna().all()
    viewed = hyperopt.Trials(exp_key="other")
    viewed._dynamic_trials = found._dynamic_trials
    assert len(to_pandas(viewed)) == 0
    assert {"tid", "state", "loss", "duration"} <= set(to_pandas(Trials()).columns)
    assert to_pandas(Trials())["duration"].sum() == timedelta(0)


def test_a_large_history_becomes_a_frame_in_seconds() -> None:
    labels = [f"x{i}" for i in range(10)]
    found = Trials()
    for tid in range(50_000):
        document = new_document(tid, misc_of(tid, dict.fromkeys(labels, 0.5), labels), None)
        document.update(state=2, result={"status": "ok", "loss": float(tid)})
        found._dynamic_trials.append(document)
    to_pandas(Trials())  # the import
    started = time.process_time()
    assert len(found.to_pandas()) == 50_000
    assert time.process_time() - started < 6  # 0.5 s on a quiet machine


def test_without_pandas_the_message_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    original = builtins.__import__

    def without(name: str, *args: Any, **kwargs: Any) -> Any:
        if name == "pandas":
            raise ModuleNotFoundError("No module named 'pandas'", name="pandas")
        return original(name, *args, **kwargs)

    monkeypatch.setattr("importlib.import_module", without)
    with pytest.raises(MissingDependencyError, match=r"to_pandas needs pandas.*pip install"):
        Trials().to_pandas()


# -- notebooks ---------------------------------------------------------------------------------


class Cells(html.parser.HTMLParser):
    """Gathers the texts and the tags of a page; a tag that is not closed fails."""

    def __init__(self) -> None:
        super().__init__()
        self.texts: list[str] = []
        self.tags: set[str] = set()
        self._open: list[str] = []

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        self.tags.add(tag)
        self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


def shown(trials: Any) -> Cells:
    page = Cells()
    page.feed(trials._repr_html_())
    assert not page._open
    return page


def test_a_notebook_shows_the_states_and_the_best_trials(trials: Trials) -> None:
    page = shown(trials)
    losses = [loss for loss in trials.losses() if loss is not None and loss == loss]
    assert page.texts[0].startswith("Trials: 40 trials: ")
    assert page.texts[1].startswith(f"Best loss {min(losses):.6g} (trial ")
    assert page.texts[2] == "The last search ended by: max_evals"
    assert [text for text in page.texts if text in map("{:.6g}".format, losses)] == [
        f"{loss:.6g}" for loss in sorted(losses)[:5]
    ]
    best = trials.best_values()["k"]
    assert str(best["q"] if isinstance(best, dict) else best).rstrip(".0") in "".join(page.texts)


def test_a_notebook_shows_empty_trials_and_trials_without_a_loss() -> None:
    assert shown(Trials()).texts == ["Trials: 0 trials"]
    assert shown(SparkTrials()).texts == ["SparkTrials: 0 trials"]
    found = Trials()
    found._dynamic_trials.append(new_document(0, misc_of(0, {}, []), None))
    assert shown(found).texts == ["Trials: 1 trial: 1 waiting", "No trial has a loss yet."]


def test_what_a_notebook_shows_is_escaped_and_short() -> None:
    hostile = "<script>alert(1)</script>&\"'"
    found = Trials()
    space = {
        hostile: hp.choice(hostile, [hostile * 9]),
        **{f"x{i}": hp.uniform(f"x{i}", 0, 1) for i in range(40)},
    }
    fmin(
        lambda point: point["x1"], space, algo=rand.suggest, max_evals=20, trials=found,
        backend="local", show_progressbar=False, rstate=np.random.default_rng(0),
    )  # fmt: skip
    page = shown(found)
    assert page.tags == {"div", "table", "thead", "tbody", "tr", "th", "td"}
    assert hostile in "".join(page.texts)
    assert len(found._repr_html_()) < 10_000


@pytest.mark.parametrize("kind", ["history", "histogram", "vars"])
def test_hyperopts_plots_take_our_trials(trials: Trials, kind: str) -> None:
    matplotlib = pytest.importorskip("matplotlib")
    matplotlib.use("Agg")
    from hyperopt import plotting
    from matplotlib import pyplot

    pyplot.close("all")
    try:
        getattr(plotting, f"main_plot_{kind}")(trials, do_show=False)
        axes = pyplot.gcf().axes
        assert axes
        assert any(each.has_data() for each in axes)
    finally:
        pyplot.close("all")
