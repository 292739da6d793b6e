"""The page of a history, read as text."""

from __future__ import annotations

import json
import math
import re
import sys
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from searches import BEGIN, HOSTILE, LOUD, hostile, large
from test_frame import Tags

from hyperbridge.documents import misc_of, new_document
from hyperbridge.errors import MissingDependencyError
from hyperbridge.history.history import History
from hyperbridge.pages.optuna_figures import MOST_COMPARED, MOST_LINES
from hyperbridge.pages.report import report
from hyperbridge.pages.timeline import timeline_of

pytest.importorskip("plotly")


def figures_of(page: str) -> dict[str, dict[str, Any]]:
    """Return the figures of a page by title."""
    found = re.findall(
        r'<figure class="drawing"><h3>(.*?)</h3>.*?<script type="application/json">(.*?)</script>',
        page,
        re.DOTALL,
    )
    return {title: json.loads(text) for title, text in found}


def small(losses: Sequence[float | None], **labels: Sequence[Any]) -> History:
    """Return a history with a trial for each loss; None for one that failed."""
    documents = []
    for tid, loss in enumerate(losses):
        point = {label: values[tid] for label, values in labels.items() if values[tid] is not None}
        document = new_document(tid, misc_of(tid, point, list(labels)), None)
        began = BEGIN + timedelta(seconds=10 * tid)
        document.update(book_time=began, refresh_time=began + timedelta(seconds=8))
        if loss is None:
            document.update(state=3)
            document["misc"]["error"] = ("<class 'KeyError'>", "'gone'")
        else:
            document.update(state=2, result={"status": "ok", "loss": loss})
        documents.append(document)
    return History(documents, {}, "small.csv")


@pytest.fixture(scope="module")
def hostile_page() -> str:
    return report(hostile(), now=datetime(2026, 1, 2, tzinfo=timezone.utc))


def test_nothing_of_the_users_is_markup(hostile_page: str) -> None:
    tags = Tags(hostile_page)
    assert "img" not in tags.tags
    assert not [name for name, _ in tags.attributes if name.startswith("on")]
    # Plotly's and the page's own; a figure each for history, importances, parallel coordinates,
    # reports, the timeline and the five labels
    assert tags.tags.count("script") == 2 + 5 + len(HOSTILE)
    assert LOUD not in hostile_page


def test_all_parts_are_there(hostile_page: str) -> None:
    titles = re.findall(r"<h2 [^>]*>(.*?)</h2>", hostile_page)
    assert titles == [
        *("Summary", "History", "Parameters", "Reports", "Timeline", "Best trials", "Failures"),
        "Remarks",
    ]
    for state in ("complete", "pruned", "failed", "cancelled"):
        assert re.search(rf"\d+ {state}</span>", hostile_page)
    assert "<details><summary>" in hostile_page
    assert "What the objective got" in hostile_page


def test_figures_have_the_users_labels_as_texts(hostile_page: str) -> None:
    figures = figures_of(hostile_page)
    bars = figures["Importance for the loss"]["data"][0]["y"]
    assert len(bars) == 5
    assert any(bar.startswith("&lt;img src=") for bar in bars)
    assert any(bar.startswith("%&#123;x}") for bar in bars)
    texts = json.dumps(figures)
    assert "<img" not in texts
    assert "hbp0" not in texts  # no stand-in is left
    assert "hbv0" not in texts


def test_the_choice_is_shown_by_its_options(hostile_page: str) -> None:
    figure = figures_of(hostile_page)[
        "Loss by x&lt;/script&gt;&lt;script&gt;window.hacked=1&lt;/script&gt;"
    ]
    categories = figure["layout"]["xaxis"]["categoryarray"]
    assert len(categories) == 3
    assert any("plain" in each for each in categories)


def test_points_are_the_losses_of_the_trials_by_id() -> None:
    history = small([0.5, None, 0.25, 0.75, 0.3], x=[1.5, 2.5, 3.5, 4.5, 5.5])
    for document in history.documents:
        document["tid"] = document["misc"]["tid"] = document["tid"] * 10 + 7
    figures = figures_of(report(history))
    loss, best, *_ = figures["Optimisation history"]["data"]
    assert loss["x"] == [7, 27, 37, 47]
    assert loss["y"] == [0.5, 0.25, 0.75, 0.3]
    assert best["y"] == [0.5, 0.5, 0.25, 0.25, 0.25]
    (slices,) = figures["Loss by x"]["data"]
    assert slices["x"] == [1.5, 3.5, 4.5, 5.5]
    assert slices["marker"]["color"] == [7, 27, 37, 47]


@pytest.mark.parametrize(
    ("history", "says"),
    [
        (History([], {}, "empty"), "No trial has a loss"),
        (small([None, None], x=[1.5, 2.5]), "KeyError"),
        (small([0.5], x=[1.5]), "four complete trials"),
        (small([math.nan] * 3, x=[1.5] * 3), "No trial has a loss"),
        (small([math.inf, 0.5, -math.inf, 1, 2, 3], x=[1.5, 2.5, 1, 1, 2, 2]), "-inf"),
        (small([1.0] * 6, x=[2.0] * 6), "small.csv"),  # one value of all
        (small([1, 2, 3, 4, 5], name=["a", "b", "<i>", "", "a"]), "&lt;i&gt;"),
        (small([1, 2, 3, 4, 5], flag=[True, False, None, None, True]), "True"),
        (small([1, 2, 3, 4, 5], n=[10**30, -5, 3, 1, 0]), "1e+30"),
        (small([1, 2, 3, 4, 5], x=[1e-9, 1e-3, 1, None, 10.5], deep=[None] * 5), "1e-09"),
    ],
    ids=[
        "empty", "all_failed", "one", "nan", "infinite", "constant", "texts", "booleans", "huge",
        "partly",
    ],
)  # fmt: skip
def test_any_history_has_a_page(history: History, says: str) -> None:
    page = report(history)
    assert says in page.partition("<script>")[0]
    figures_of(page)  # JSON that a browser reads has no NaN


def test_labels_that_are_cut_stay_apart() -> None:
    long = "a" * 50
    labels = {f"{long}{n}": [n + k / 10 for k in range(6)] for n in range(3)}
    figures = figures_of(report(small([1, 2, 3, 4, 5, 6], **labels)))
    assert len(set(figures["Importance for the loss"]["data"][0]["y"])) == 3


def test_the_history_is_not_changed() -> None:
    history = small([1, 2, 3, 4, 5], x=[1.5, 2, 3, 4, 5])
    report(history)
    assert history.space is None
    assert history.remarks == []


def test_a_large_page_is_limited_and_says_so() -> None:
    page = report(large(1_400, n_labels=4))
    figures = figures_of(page)
    n = sum(len(trace["x"]) for trace in figures["Loss by parameter_0"]["data"])
    assert n == MOST_COMPARED
    assert len(figures["Reported losses"]["data"]) == MOST_LINES
    assert f"Drawn of {MOST_COMPARED:,} of 1,330 complete trials" in page
    assert f"Drawn of {MOST_LINES} of 1,330 trials that reported" in page
    assert len(page.encode()) < 8e6


def test_each_kind_of_failure_is_shown_once_with_its_trials() -> None:
    page = report(small([None] * 40 + [0.5], x=[1.0] * 41))
    assert page.count("KeyError</span>") == 1
    assert "40 trials: 0, 1, 2" in page


def test_trials_that_run_together_have_rows_of_their_own() -> None:
    history = small([1, 2, 3, 4], x=[1, 2, 3, 4])
    first, second, third, fourth = history.documents
    for document, began, ended in ((first, 0, 9), (second, 1, 5), (third, 5, 8), (fourth, 9, 10)):
        document["book_time"] = BEGIN + timedelta(seconds=began)
        document["refresh_time"] = BEGIN + timedelta(seconds=ended)
    found = timeline_of(history)
    assert found is not None
    assert found.figure["data"][0]["y"] == ["slot 1", "slot 2", "slot 2", "slot 1"]
    for document in history.documents:
        document["owner"] = ["host<b>", 4711]
    found = timeline_of(history)
    assert found is not None
    assert (found.n_rows, found.has_owners) == (1, True)
    assert found.figure["data"][0]["y"] == ["host&lt;b&gt; 4711"] * 4


def test_times_with_and_without_a_zone_stand_together() -> None:
    history = small([1, 2], x=[1, 2])
    zone = timezone(timedelta(hours=2))
    late = history.documents[1]
    for name in ("book_time", "refresh_time"):
        late[name] = (late[name] + timedelta(hours=2)).replace(tzinfo=zone)
    found = timeline_of(history)
    assert found is not None
    assert found.figure["data"][0]["base"][1] == "2026-03-01T08:00:10.000"


def test_a_space_that_is_known_is_not_inferred() -> None:
    history = hostile(20)
    assert "no space is known" not in report(history)
    assert "no space is known" in report(replace(history, space=None))


@pytest.mark.parametrize(("name", "extra"), [("plotly", "report"), ("optuna", "optuna")])
def test_what_is_missing_is_named(name: str, extra: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in [each for each in sys.modules if each.partition(".")[0] == name]:
        monkeypatch.delitem(sys.modules, module)
    monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(MissingDependencyError, match=rf"pip install 'hyperbridge\[{extra}\]'"):
        report(small([1, 2], x=[1, 2]))
