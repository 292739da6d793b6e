"""The figures that Optuna draws of a study, made of a history that need not be Optuna's.

Source: Optuna's reference of ``optuna.visualization``. Optuna sees stand-ins for labels and
texts, so that nothing of a user's meets its formats, its sorting or its cutting of long names;
they are put back, as texts that Plotly shows as they are, when a figure is drawn.
"""

from __future__ import annotations

import html
import importlib
import json
import logging
import re
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

from hyperbridge.documents import Document, loss_of, reports_of, was_pruned
from hyperbridge.history.history import History, state_of
from hyperbridge.pages.columns import Column
from hyperbridge.pages.frame import PLOTLY, figure_text
from hyperbridge.search.optuna import OPTUNA

MOST_COMPARED: Final = 1_000
"""How many trials importances and slices are drawn of."""

MOST_LINES: Final = 300
"""How many trials parallel coordinates and reports are drawn of, a line for each."""

MOST_SLICES: Final = 24
"""How many labels have a slice."""

_LONGEST_OPTION: Final = 24
_LONGEST_NAME: Final = 32

_LOSS: Final = "Loss"
_STAND_IN: Final = re.compile(r"'?hb([pv])(\d{5})x'?")


@dataclass(frozen=True, slots=True)
class Drawing:
    """A figure, or why there is none.

    Attributes:
        figure: Plotly's ``data`` and ``layout``; None when it could not be drawn.
        why_not: A sentence; empty with a figure.
        n: How many trials it is drawn of.
        n_all: How many it could have been drawn of.
    """

    figure: dict[str, Any] | None
    why_not: str = ""
    n: int = 0
    n_all: int = 0


def require(needed_by: str = "A report") -> None:
    """Import what the figures need.

    Args:
        needed_by: What needs it, as the start of a sentence.

    Raises:
        MissingDependencyError: Optuna or Plotly is not installed; the message has the pip line.
    """
    PLOTLY.require(needed_by)
    OPTUNA.require(needed_by)


class OptunaFigures:
    """The figures of one history.

    Args:
        history: The trials.
        columns: Its labels.

    Raises:
        MissingDependencyError: Optuna or Plotly is not installed.
    """

    def __init__(self, history: History, columns: Sequence[Column]) -> None:
        require()
        self._documents = history.documents
        self._columns = list(columns)
        self._tids = [document["tid"] for document in self._documents]
        self._texts: list[str] = []
        self._names = _unlike_names([column.label for column in columns])
        self._params: list[dict[str, Any]] = [{} for _ in self._documents]
        self._distributions: list[dict[str, Any]] = [{} for _ in self._documents]
        for number, column in enumerate(self._columns):
            self._add(f"hbp{number:05d}x", column)
        self._complete = [
            at
            for at, document in enumerate(self._documents)
            if (loss := loss_of(document)) is not None and abs(loss) != float("inf")
        ]

    def history(self) -> Drawing:
        """Return losses and the best so far, by trial."""
        if not self._complete:
            return Drawing(None, "No trial has a loss yet.")
        chosen = range(len(self._documents))
        drawing = self._draw("plot_optimization_history", chosen, target_name=_LOSS)
        for trace in _traces(drawing):
            trace["x"] = [self._tids[number] for number in trace.get("x") or ()]
        return drawing

    def importances(self) -> Drawing:
        """Return how much each label matters for a loss among the best tenth."""
        if len(self._complete) < 4 or not self._columns:
            return Drawing(None, "Importances need four complete trials at least.")
        chosen = _some(self._complete, MOST_COMPARED)
        with _quiet():  # Optuna 4 calls it experimental
            evaluator = importlib.import_module("optuna.importance").PedAnovaImportanceEvaluator()
        drawing = self._draw(
            "plot_param_importances", chosen, evaluator=evaluator, target_name=_LOSS
        )
        if drawing.figure is not None:
            axis = {"type": "category", "title": {"text": "Parameter", "standoff": 12}}
            drawing.figure["layout"]["yaxis"] = axis
            drawing.figure["layout"]["xaxis"] = {"title": {"text": "Importance"}}
        for trace in _traces(drawing):
            trace["hovertemplate"] = "%{y}: %{x:.3f}<extra></extra>"
        return drawing

    def parallel(self) -> Drawing:
        """Return a line for each of the best trials, and some of the others, through all labels."""
        if not self._complete or not self._columns:
            return Drawing(None, "No trial has a loss yet.")
        best = sorted(self._complete, key=self._loss)
        chosen = sorted({*best[: MOST_LINES // 3], *_some(best, MOST_LINES - MOST_LINES // 3)})
        names = None
        if int(OPTUNA.require("A report").__version__.partition(".")[0]) < 5:
            # it leaves out a trial that lacks any label: only those that none lacks are asked for
            sets = [set(self._params[at]) for at in chosen]
            names = sorted(set.intersection(*sets))
        chosen.sort(key=self._loss, reverse=True)  # the best ones are drawn last, on top
        drawing = self._draw("plot_parallel_coordinate", chosen, params=names, target_name=_LOSS)
        if drawing.figure is not None and "xaxis" in drawing.figure["layout"]:
            drawing.figure["layout"]["xaxis"]["tickangle"] = -25
        for trace in _traces(drawing):
            for dimension in trace.get("dimensions", ()):  # Optuna 4: ticks that read no markup
                if "ticktext" in dimension:
                    dimension["ticktext"] = list(map(html.unescape, dimension["ticktext"]))
        return drawing

    def slices(self) -> Iterator[tuple[Column, Drawing]]:
        """Yield the losses by the values of each label."""
        chosen = _some(self._complete, MOST_COMPARED)
        present = {name for at in chosen for name in self._params[at]}
        numbers = [n for n in range(len(self._columns)) if f"hbp{n:05d}x" in present][:MOST_SLICES]
        if not numbers:
            return
        names = [f"hbp{number:05d}x" for number in numbers]
        whole = self._draw("plot_slice", chosen, params=names, target_name=_LOSS)
        for position, number in enumerate(numbers, 1):
            if whole.figure is None:
                yield self._columns[number], whole
                continue
            one = _one_of(whole.figure, "" if position == 1 else str(position))
            for trace in one["data"]:
                marks = trace.get("marker", {})
                if isinstance(marks.get("color"), list):
                    marks["color"] = [self._tid_of(chosen[at]) for at in marks["color"]]
            yield self._columns[number], Drawing(one, "", whole.n, whole.n_all)

    def reports(self) -> Drawing:
        """Return what trials reported while they ran."""
        reported = [at for at, document in enumerate(self._documents) if reports_of(document)]
        if not reported:
            return Drawing(None, "No trial has reported a loss while it ran.")
        drawn = (at for at in reported if state_of(self._documents[at]) in ("complete", "pruned"))
        chosen = _some(list(drawn), MOST_LINES)
        drawing = self._draw("plot_intermediate_values", chosen)
        for trace, at in zip(_traces(drawing), chosen, strict=False):
            is_pruned = was_pruned(self._documents[at])
            trace["name"] = f"trial {figure_text(self._tids[at])}{' (pruned)' if is_pruned else ''}"
            trace["opacity"] = 0.75
            if is_pruned:
                trace["line"] = {"dash": "dot", "width": 1.2}
        if drawing.figure is not None:
            drawing.figure["layout"]["yaxis"] = {"title": {"text": "Reported loss"}}
        return drawing

    def _add(self, name: str, column: Column) -> None:
        """Give the trials their values of a label."""
        from optuna import distributions as kinds

        values: dict[int, Any] = column.values
        distribution: Any
        if column.kind == "text":
            options = {text: f"hbv{len(self._texts) + n:05d}x" for n, text in _unlike(values)}
            self._texts += options
            values = {at: options[text] for at, text in values.items()}
            distribution = kinds.CategoricalDistribution(tuple(options.values()))
        else:
            kind = kinds.IntDistribution if column.kind == "int" else kinds.FloatDistribution
            ends = min(values.values()), max(values.values())
            distribution = kind(*ends, log=column.is_log)
        for at, value in values.items():
            self._params[at][name] = value
            self._distributions[at][name] = distribution

    def _loss(self, at: int) -> float:
        loss = loss_of(self._documents[at])
        assert loss is not None  # of complete trials alone
        return loss

    def _tid_of(self, at: int) -> Any:
        tid = self._tids[at]
        return tid if isinstance(tid, int) else at

    def _draw(self, name: str, chosen: Sequence[int], **options: Any) -> Drawing:
        n_all = len(self._complete)
        plot = getattr(importlib.import_module("optuna.visualization"), name)
        with _quiet() as said:
            try:
                figure = plot(self._study(chosen), **options)
            except Exception as exc:  # noqa: BLE001 - a page without one figure is still of use
                return Drawing(None, f"Optuna cannot draw this: {type(exc).__name__}: {exc}")
        plain = json.loads(figure.to_json())
        if not plain["data"]:
            return Drawing(None, " ".join(said) or "There is nothing to draw.")
        plain["layout"].pop("template", None)
        return Drawing(self._put_back(plain), "", len(chosen), n_all)

    def _study(self, chosen: Sequence[int]) -> Any:
        """Return a study in memory with some of the trials, in the order given."""
        import optuna

        study: Any = optuna.create_study(direction="minimize")
        for at in chosen:
            study.add_trial(_frozen(self._documents[at], self._params[at], self._distributions[at]))
        copying = study.get_trials

        def get_trials(deepcopy: bool = True, states: Any = None) -> Any:  # noqa: ARG001
            return copying(deepcopy=False, states=states)  # nobody changes them here

        study.get_trials = get_trials
        return study

    def _put_back(self, value: Any) -> Any:
        """Return a figure with the user's texts in the place of the stand-ins."""
        if isinstance(value, str):
            return _STAND_IN.sub(self._meant, value) if "hb" in value else value
        if isinstance(value, dict):
            return {key: self._put_back(part) for key, part in value.items()}
        if isinstance(value, list):
            return [self._put_back(part) for part in value]
        return value

    def _meant(self, found: re.Match[str]) -> str:
        if found[1] == "p":
            return figure_text(self._names[int(found[2])])
        return figure_text(self._texts[int(found[2])], _LONGEST_OPTION)


def _frozen(document: Document, params: dict[str, Any], distributions: dict[str, Any]) -> Any:
    from optuna.trial import TrialState, create_trial

    loss = loss_of(document)
    if loss is not None:
        state, value = TrialState.COMPLETE, loss
    elif was_pruned(document):
        reported = document["result"].get("loss")
        state, value = TrialState.PRUNED, reported
    else:
        state, value = TrialState.FAIL, None
    return create_trial(
        state=state,
        value=value,
        params=params,
        distributions=distributions,
        intermediate_values=reports_of(document),
    )


def _traces(drawing: Drawing) -> list[dict[str, Any]]:
    traces: list[dict[str, Any]] = [] if drawing.figure is None else drawing.figure["data"]
    return traces


def _some(positions: Sequence[int], most: int) -> list[int]:
    """Return at most so many of some positions, evenly spread, the first and last among them."""
    if len(positions) <= most:
        return list(positions)
    step = (len(positions) - 1) / (most - 1)
    return [positions[round(n * step)] for n in range(most)]


def _unlike(values: dict[int, str]) -> list[tuple[int, str]]:
    return list(enumerate(dict.fromkeys(values.values())))


def _unlike_names(labels: Sequence[str]) -> list[str]:
    """Return short names for labels, no two of them alike, as axes keep them apart by name."""
    seen: set[str] = set()
    names = []
    for label in labels:
        name = label if len(label) <= _LONGEST_NAME else f"{label[: _LONGEST_NAME - 3]}..."
        n = 2
        while name in seen:
            name, n = f"{label[: _LONGEST_NAME - 6]} ({n})", n + 1
        seen.add(name)
        names.append(name)
    return names


def _one_of(figure: dict[str, Any], suffix: str) -> dict[str, Any]:
    """Return one of several plots that stand side by side as a figure of its own."""
    layout = figure["layout"]
    axis = dict(layout.get(f"xaxis{suffix}", {}))
    for key in ("anchor", "domain", "matches"):
        axis.pop(key, None)
    traces = []
    for trace in figure["data"]:
        if trace.get("xaxis", "x") == f"x{suffix}":
            marker = {**trace.get("marker", {}), "showscale": True}
            traces.append({**trace, "xaxis": "x", "yaxis": "y", "marker": marker})
    title = layout.get("yaxis", {}).get("title", {"text": _LOSS})
    return {"data": traces, "layout": {"xaxis": axis, "yaxis": {"title": title}}}


@contextmanager
def _quiet() -> Iterator[list[str]]:
    """Keep what Optuna says instead of printing it."""
    said: list[str] = []
    logger = logging.getLogger("optuna")

    def keep(record: logging.LogRecord) -> bool:
        if record.levelno >= logging.WARNING:
            said.append(record.getMessage())
        return False

    handlers: list[tuple[Any, Callable[..., Any]]] = []
    for handler in logger.handlers:
        handler.addFilter(keep)
        handlers.append((handler, keep))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield said
    finally:
        for handler, each in handlers:
            handler.removeFilter(each)
