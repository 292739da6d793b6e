"""Turn what was seen of the columns into tables: a row for each aspect, a verdict for each column.

The first column is what the others are held against.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from hyperbridge.compare import curves, structure
from hyperbridge.compare.collect import Column
from hyperbridge.compare.rank_test import ALPHA, fewest_repeats
from hyperbridge.compare.records import FAILED_STATES, SearchRecord
from hyperbridge.compare.verdicts import Test, Verdict

_N_TESTED = {"loss": 4, "time": 6}
"""How many rows of each family are tested: losses and failures, and times."""

_RATIO = 1.25
_LEAST_S = 0.001
_LEAST_START_S = 0.5
_SHOWN_LABELS = 4

Runs = Sequence[SearchRecord]
Number = Callable[[SearchRecord], "float | None"]
Text = Callable[[Runs], str]
Differences = Callable[[Runs, Runs], "list[str] | None"]


@dataclass
class Row:
    """One aspect.

    Attributes:
        key: A short name, for ``--accept`` and programs.
        title: For people.
        cells: What is seen, a text for each column.
        values: The numbers of the repeats behind them, a list for each column; empty where the
            aspect is no number.
        verdicts: One for each column; None for the first, and for one that shows nothing.
    """

    key: str
    title: str
    cells: list[str]
    verdicts: list[Verdict | None]
    values: list[list[float]] = field(default_factory=list)


@dataclass
class Table:
    """One search, in all columns.

    Attributes:
        number: Its place among the searches of the program, from 1.
        runs: The search in each repeat, for each column.
        rows: The aspects.
    """

    number: int
    runs: list[list[SearchRecord]]
    rows: list[Row]


def alpha_of(n_columns: int, family: str) -> float:
    """Return what a p-value must not be above, so that all tests of a family keep to `ALPHA`."""
    return ALPHA / (_N_TESTED[family] * max(1, n_columns - 1))


def default_repeats(n_columns: int) -> int:
    """Return the fewest repeats that can show a difference in each row.

    Examples:
        >>> default_repeats(2), default_repeats(4)
        (5, 6)
    """
    return max(fewest_repeats(alpha_of(n_columns, family)) for family in _N_TESTED)


def judge(columns: Sequence[Column]) -> list[Table]:
    """Return a table for each search, matched by their order in the programs."""
    n_searches = max((len(run.searches) for column in columns for run in column.runs), default=0)
    found = []
    for place in range(n_searches):
        runs = [
            [run.searches[place] for run in column.runs if len(run.searches) > place]
            for column in columns
        ]
        found.append(Table(place + 1, runs, _rows(runs, columns)))
    return found


def _rows(runs: list[list[SearchRecord]], columns: Sequence[Column]) -> list[Row]:
    every = [run for each in runs for run in each]
    worst = max(curves.finite_losses(every), default=0.0)
    n_common = min((len(run.trials) for run in every if run.trials), default=0)
    longest = max((run.wall_s for run in every), default=0.0)
    of_losses, of_times = (alpha_of(len(columns), family) for family in _N_TESTED)
    loss, count = Test(of_losses, show_number), Test(of_losses, "{:g}".format)
    time = Test(of_times, show_seconds, _RATIO, _LEAST_S)
    start = Test(of_times, show_seconds, _RATIO, _LEAST_START_S)

    def structured(key: str, title: str, text: Text, differences: Differences) -> Row:
        return _structure(key, title, runs, text, differences, columns)

    return [
        structured("search", "search", _search_text, _search_differences),
        structured("trials", "trials", _trials_text, _trials_differences),
        _of_losses("best", "best loss", runs, curves.best_loss, loss),
        _of_losses(
            "by-trials", f"mean best loss over {n_common} trials", runs,
            lambda run: curves.mean_height(curves.over_trials(run), n_common, worst), loss,
        ),
        _of_losses(
            "by-time", f"mean best loss over {show_seconds(longest)}", runs,
            lambda run: curves.mean_height(curves.over_time(run), longest, worst), loss,
            is_timed=True,
        ),
        _measured("failed", "failed trials", runs, _n_failed, count),
        _measured("time", "time per trial", runs, lambda r: _per_trial(r.wall_s, r), time),
        _measured("objective", "  in the objective", runs, _mean_of("objective_s"), time),
        _measured("propose", "  proposing points", runs, lambda r: _per_trial(r.search_s, r), time),
        _measured("dispatch", "  dispatch", runs, _mean_of("dispatch_s"), time),
        _measured("tracking", "  tracking", runs, _tracking_s, time),
        _measured("start", "until the first trial", runs, lambda r: r.start_s, start),
        structured("argmin", "best point", _argmin_text, structure.argmin_differences),
        structured("documents", "documents", _layout_text, structure.layout_differences),
        structured("mlflow", "MLflow runs", structure.runs_text, structure.runs_differences),
    ]  # fmt: skip


# -- rows of numbers ---------------------------------------------------------------------------


def _of_losses(
    key: str,
    title: str,
    runs: list[list[SearchRecord]],
    number: Callable[[SearchRecord], float],
    test: Test,
    *,
    is_timed: bool = False,
) -> Row:
    """Return a row about losses; repeats that are the same run count once."""
    row = _measured(key, title, runs, number, test)
    base = runs[0]
    for place, other in enumerate(runs):
        if row.verdicts[place] is None:
            continue
        is_same = [run.losses() for run in base] == [run.losses() for run in other]
        if is_same and not is_timed:
            row.verdicts[place] = Verdict("same", "the same losses, trial by trial")
            continue
        distinct = [_distinct(each) for each in (base, other)]
        if is_timed or all(len(d) == len(r) for d, r in zip(distinct, (base, other), strict=True)):
            continue
        found = test.judge(*([number(run) for run in each] for each in distinct))
        n = min(map(len, distinct))
        if found.word == "not known":
            why = f"{n} different run{'s' if n > 1 else ''} in {len(other)} repeats: {found.why}"
            found = Verdict("not known", why, found.p)
        row.verdicts[place] = found
    return row


def _distinct(runs: Runs) -> list[SearchRecord]:
    """Return the runs without those that have the losses of another, to the last bit."""
    found: dict[tuple[float | None, ...], SearchRecord] = {}
    for run in runs:
        found.setdefault(tuple(run.losses()), run)
    return list(found.values())


def _measured(
    key: str, title: str, runs: list[list[SearchRecord]], number: Number, test: Test
) -> Row:
    values = [[number(run) for run in each] for each in runs]
    known = [[v for v in each if v is not None] for each in values]
    cells = [
        _spread_text(each, test.show) if each else ("not known" if runs[i] else "-")
        for i, each in enumerate(known)
    ]
    verdicts: list[Verdict | None] = [None]
    for base, other in ((known[0], each) for each in known[1:]):
        if base and other:
            verdicts.append(test.judge(base, other))
        elif runs[0] and runs[len(verdicts)]:
            verdicts.append(Verdict("not known", "it cannot be measured in both"))
        else:
            verdicts.append(None)
    return Row(key, title, cells, verdicts, known)


def _spread_text(values: Sequence[float], show: Callable[[float], str]) -> str:
    middle = show(statistics.median(values))
    low, high = show(min(values)), show(max(values))
    return middle if low == high else f"{middle} ({low} to {high})"


def _n_failed(run: SearchRecord) -> float:
    return float(sum(trial.state in FAILED_STATES for trial in run.trials))


def _per_trial(seconds: float | None, run: SearchRecord) -> float | None:
    return None if seconds is None or not run.trials else seconds / len(run.trials)


def _mean_of(name: str) -> Number:
    def mean(run: SearchRecord) -> float | None:
        known = [v for v in (getattr(trial, name) for trial in run.trials) if v is not None]
        return statistics.fmean(known) if known else None

    return mean


def _tracking_s(run: SearchRecord) -> float | None:
    if run.layout is None:  # native code logs by itself
        return None
    of_trials = [trial.tracking_s or 0.0 for trial in run.trials]
    return _per_trial(sum(of_trials) + (run.tracking_s or 0.0), run)


# -- rows of other kinds -----------------------------------------------------------------------


def _structure(
    key: str,
    title: str,
    runs: list[list[SearchRecord]],
    text: Text,
    differences: Differences,
    columns: Sequence[Column],
) -> Row:
    cells = [text(each) if each else "-" for each in runs]
    verdicts: list[Verdict | None] = [None]
    for column, other in zip(columns[1:], runs[1:], strict=True):
        if not runs[0] or not other:
            is_missing = key == "search" and not columns[0].failure and not column.failure
            why = "there is no search at this place"
            verdicts.append(Verdict("different", why) if is_missing else None)
            continue
        found = differences(runs[0], other)
        if found is None:
            verdicts.append(Verdict("not known", "a native study has none"))
        else:
            verdicts.append(Verdict("different" if found else "same", "; ".join(found)))
    return Row(key, title, cells, verdicts)


def _search_text(runs: Runs) -> str:
    at_once = runs[0].parallelism
    return runs[0].algo + ("" if at_once is None else f", {at_once} at once")


def _search_differences(base: Runs, other: Runs) -> list[str]:
    found = []
    if base[0].algo != other[0].algo:
        found.append(f"it searches with {other[0].algo}, not {base[0].algo}")
    was, now = base[0].parallelism, other[0].parallelism
    if was != now and was is not None and now is not None:
        found.append(f"{now} trials at once, not {was}")
    errors = [{run.error for run in each if run.error} for each in (base, other)]
    found += [f"it raises {text}" for text in sorted(errors[1] - errors[0])]
    found += [f"it does not raise {text}" for text in sorted(errors[0] - errors[1])]
    return found


def _trials_text(runs: Runs) -> str:
    return _spread_text([float(len(run.trials)) for run in runs], "{:g}".format)


def _trials_differences(base: Runs, other: Runs) -> list[str]:
    was, now = ([len(run.trials) for run in each] for each in (base, other))
    if min(now) > max(was) or max(now) < min(was):
        return [f"{_trials_text(other)} trials, not {_trials_text(base)}"]
    return []


def _argmin_text(runs: Runs) -> str:
    best = min(runs, key=curves.best_loss)
    pairs = [f"{label}={_short(value)}" for label, value in sorted(best.argmin.items())]
    more = len(pairs) - _SHOWN_LABELS
    shown = ", ".join(pairs[:_SHOWN_LABELS]) + (f" and {more} more" if more > 0 else "")
    return shown or "none"


def _short(text: str) -> str:
    """Return a value's text without NumPy's names, numbers with four digits."""
    inner = text.partition("(")[2].rstrip(")") if text.startswith("np.") else text
    try:
        return f"{float(inner):.4g}"
    except ValueError:
        return inner


def _layout_text(runs: Runs) -> str:
    layout = runs[0].layout
    return "none" if layout is None else f"{len(layout)} places"


def show_number(value: float) -> str:
    """Return a loss as text.

    Examples:
        >>> show_number(0.123456)
        '0.1235'
    """
    return f"{value:.4g}"


def show_seconds(value: float) -> str:
    """Return seconds as text.

    Examples:
        >>> show_seconds(0.0123), show_seconds(75.0), show_seconds(0.0000123)
        ('12.3 ms', '75 s', '0.0123 ms')
    """
    if value < 1:
        return f"{value * 1000:.3g} ms"
    return f"{value:.3g} s" if value < 1000 else f"{value:.0f} s"
