"""What progress looks like: on a terminal, in a file, and by a factory of the user's own."""

from __future__ import annotations

import contextlib
import io
import re
import sys
from typing import Any

import numpy as np
import pytest
from hyperopt import hp, rand

import hyperbridge
from hyperbridge.run import displays
from hyperbridge.run.displays import Standing, make_display
from hyperbridge.surface.fmin import fmin
from hyperbridge.surface.trials import Trials

SPACE = {"x": hp.uniform("x", 0, 1), "kind": hp.choice("kind", ["rbf", "linear"])}


@pytest.fixture(autouse=True)
def _no_tracking(tracking_off: None) -> None:
    """Tracking has tests of its own."""


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def objective(point: Any) -> float:
    if point["x"] < 0.3:
        raise ValueError("low")
    if point["x"] > 0.8:
        raise hyperbridge.TrialPruned
    print("printed", point["kind"])
    return float(point["x"])


def shown(stream: io.StringIO, **kwargs: Any) -> tuple[str, Trials]:
    trials = Trials()
    defaults = {
        "algo": rand.suggest, "max_evals": 12, "backend": "local", "trials": trials,
        "catch_eval_exceptions": True, "rstate": np.random.default_rng(0),
    }  # fmt: skip
    with contextlib.redirect_stdout(stream):
        fmin(objective, SPACE, **{**defaults, **kwargs})
    return stream.getvalue(), trials


def counts(trials: Trials) -> tuple[int, int]:
    states = trials.to_pandas()["state"].value_counts()
    return int(states["failed"]), int(states["pruned"])


def test_a_terminal_shows_hyperopts_bar_and_how_the_search_stands(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(displays._Bar, "_width", lambda self: 200)
    output, trials = shown(Terminal())
    first, *_, last = output.replace("\n", "\r").rstrip("\r").split("\r")[1:]
    assert first.startswith("  0%|")
    assert "best loss=?" in first
    failed, pruned = counts(trials)
    best = trials.best_trial
    x, kind = best["misc"]["vals"]["x"][0], ["rbf", "linear"][best["misc"]["vals"]["kind"][0]]
    assert re.search(r"12/12 \[\d\d:\d\d<\d\d:\d\d,", last)
    tail = f", best loss: {x}, {failed} failed, {pruned} pruned, kind={kind} x={x:.6g}]"
    assert last.endswith(tail)
    assert output.count("printed") == 12 - failed - pruned


def test_a_terminal_shows_how_many_trials_run_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(displays, "_REFRESH_S", 0.0)
    output, _ = shown(Terminal(), parallelism=3)
    assert "best loss: ?, 1 running" in output
    assert "3 running" in output


def test_a_file_gets_whole_lines_and_few_of_them() -> None:
    output, trials = shown(io.StringIO())
    failed, pruned = counts(trials)
    lines = [line for line in output.splitlines() if not line.startswith("printed")]
    assert "\r" not in output
    assert len(lines) == 2
    assert re.fullmatch(r"  0%\| 0/12 \[00:00<\?, \?trial/s, best loss: \?\]", lines[0])
    best = min(loss for loss in trials.losses() if loss is not None)
    assert lines[1].startswith("100%| 12/12 [")
    assert f", best loss: {best}, {failed} failed, {pruned} pruned, " in lines[1]
    assert output.count("printed") == 12 - failed - pruned


def test_lines_come_at_a_bounded_rate(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    monkeypatch.setattr(displays.time, "monotonic", lambda: now[0])
    with contextlib.redirect_stdout(io.StringIO()) as stream, make_display(0, 3600) as _:
        pass
    assert stream.getvalue().count("\n") == 1
    display = make_display(5, None)
    with contextlib.redirect_stdout(io.StringIO()) as stream, display:
        for _ in range(36_000):  # ten hours
            now[0] += 1
            display.ended(Standing(0.5))
    lines = stream.getvalue().splitlines()
    assert 30 < len(lines) < 100
    assert lines[1].startswith("15trial [00:10,")
    assert lines[-1].startswith("36005trial [10:00:00,")


def test_the_width_of_a_terminal_decides_what_is_left_out() -> None:
    standing = Standing(0.123456789012, {"x": "0.5", "long_label": "a" * 40}, 3, 2, 1)
    texts = [standing.text(width) for width in range(30, 150)]
    assert all(len(text) <= width for width, text in enumerate(texts, 30))
    assert texts[0] == "best loss: 0.123457, 2 failed"
    assert texts[-1] == (
        "best loss: 0.123456789012, 2 failed, 1 pruned, 3 running, x=0.5 long_label=" + "a" * 40
    )
    assert sum("…" in text for text in texts) > 10


def test_a_factory_of_the_users_own_sees_hyperopts_protocol_alone() -> None:
    seen: list[Any] = []

    class Bar:
        def update(self, n: int) -> None:
            seen.append((n, vars(self).get("postfix")))

    @contextlib.contextmanager
    def factory(initial: int, total: int) -> Any:
        seen.append((initial, total))
        yield Bar()
        seen.append("closed")

    _, trials = shown(Terminal(), show_progressbar=factory)
    assert seen[0] == (0, 12)
    assert seen[-1] == "closed"
    assert [n for n, _ in seen[1:-1]] == [1] * 12
    best = min(loss for loss in trials.losses() if loss is not None)
    assert seen[-2][1] == f"best loss: {best}"


def test_standard_output_is_restored_after_bars_in_several_threads() -> None:
    from concurrent.futures import ThreadPoolExecutor

    terminal = Terminal()
    with contextlib.redirect_stdout(terminal):
        with ThreadPoolExecutor(3) as pool:
            list(pool.map(lambda _: fmin(
                lambda point: point["x"], SPACE, algo=rand.suggest, max_evals=5, backend="local",
            ), range(3)))  # fmt: skip
        assert sys.stdout is terminal
    assert terminal.getvalue().count("5/5") >= 3
