"""``fmin(..., report=True)``: the page is an artifact of the parent run, and ends no search."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import mlflow
import numpy as np
import pytest
from hyperopt import STATUS_OK, hp, rand

import hyperbridge
from hyperbridge.errors import (
    ArgumentTypeError,
    MissingDependencyError,
    TrackingWarning,
    UnsupportedArgumentError,
)

pytest.importorskip("plotly")

SPACE = {"x": hp.uniform("x", -3, 3), "kind": hp.choice("kind", ["<svm>", "forest"])}


@pytest.fixture
def store(
    store_in: Callable[[Path], str], tmp_path: Path, mlflow_left_as_found: None
) -> mlflow.MlflowClient:
    mlflow.set_tracking_uri(store_in(tmp_path))
    return mlflow.MlflowClient()


def loss(point: Any) -> Any:
    if point["kind"] == "forest" and point["x"] > 2.5:
        raise ValueError("</script>")
    return {"loss": point["x"] ** 2, "status": STATUS_OK}


def search(**kwargs: Any) -> Any:
    arguments: dict[str, Any] = {
        "algo": rand.suggest, "max_evals": 6, "show_progressbar": False, "tracking": True,
        "rstate": np.random.default_rng(3), "report": True, "trials": hyperbridge.Trials(),
        "catch_eval_exceptions": True,
    }  # fmt: skip
    arguments.update(kwargs)
    hyperbridge.fmin(arguments.pop("fn", loss), SPACE, **arguments)
    return arguments["trials"]


def pages_of(store: mlflow.MlflowClient, folder: Path) -> dict[str, str]:
    """Return the texts of the pages of the parent run, by their names."""
    runs = store.search_runs(["0"])
    (parent,) = [run for run in runs if "mlflow.parentRunId" not in run.data.tags]
    assert parent.info.status == "FINISHED"
    found = {}
    for artifact in store.list_artifacts(parent.info.run_id):
        path = store.download_artifacts(parent.info.run_id, artifact.path, str(folder))
        found[artifact.path] = Path(path).read_text(encoding="utf-8")
    return found


def test_the_page_is_an_artifact_of_the_parent_run(
    store: mlflow.MlflowClient, tmp_path: Path
) -> None:
    with mlflow.start_run():
        trials = search()
        search(max_evals=3)  # another search in the same run has a page of its own
    pages = pages_of(store, tmp_path)
    page = pages.pop("report.html")
    (name,) = pages
    assert name.startswith("report_")
    assert "fmin of loss, backend local" in page
    assert "&lt;svm&gt;" in page  # the options of the space, which fmin knows
    assert f"{min(trials.losses()):.6g}</dd>" in page
    assert "6 complete</span>" in page
    assert "3 complete</span>" in pages[name]


def test_a_page_that_cannot_be_made_ends_no_search(
    store: mlflow.MlflowClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*args: Any, **kwargs: Any) -> str:
        raise RuntimeError("no page today")

    monkeypatch.setattr("hyperbridge.pages.report.report", broken)
    with pytest.warns(TrackingWarning, match="report of the search is not logged.*no page today"):
        trials = search()
    assert len(trials.trials) == 6
    assert pages_of(store, tmp_path) == {}


def test_after_an_error_there_is_a_page_and_after_ctrl_c_none(
    store: mlflow.MlflowClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    def ended(error: type[BaseException]) -> bool:
        def raising(point: Any) -> Any:
            raise error

        with mlflow.start_run() as run, pytest.raises(error):
            search(fn=raising, catch_eval_exceptions=False)
        return [a.path for a in store.list_artifacts(run.info.run_id)] == ["report.html"]

    assert ended(ZeroDivisionError)
    assert not ended(KeyboardInterrupt)


def never(point: Any) -> Any:
    raise AssertionError("a trial began")


@pytest.mark.parametrize(
    ("arguments", "error", "says"),
    [
        ({"tracking": False}, UnsupportedArgumentError, "Give tracking=True too"),
        ({"tracking": None}, UnsupportedArgumentError, "this search has none"),  # a local one
        ({"report": "page.html"}, ArgumentTypeError, "report must be True or False"),
    ],
)
def test_what_cannot_be_kept_is_refused_before_the_first_trial(
    arguments: dict[str, Any], error: type[Exception], says: str
) -> None:
    with pytest.raises(error, match=says):
        search(fn=never, catch_eval_exceptions=False, **arguments)


def test_what_is_missing_is_named_before_the_first_trial(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in [each for each in sys.modules if each.partition(".")[0] == "plotly"]:
        monkeypatch.delitem(sys.modules, module)
    monkeypatch.setitem(sys.modules, "plotly", None)
    says = r"report=True needs Plotly. Install it with: pip install 'hyperbridge\[report\]'"
    with pytest.raises(MissingDependencyError, match=says):
        search(fn=never, catch_eval_exceptions=False)


def test_trials_that_evaluate_by_themselves_have_no_page() -> None:
    trials = hyperbridge.Trials()
    trials.asynchronous = True
    with pytest.raises(UnsupportedArgumentError, match="report has no effect"):
        search(trials=trials, tracking=None)
