"""What objectives print: kept apart for each trial, bounded, and shown where it was before."""

from __future__ import annotations

import contextlib
import io
import logging
import pickle
import random
import re
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import hyperopt
import numpy as np
import pytest
import tqdm
from hyperopt import hp, rand
from hyperopt.base import JOB_STATE_CANCEL, JOB_STATE_DONE, JOB_STATE_ERROR

import hyperbridge
from hyperbridge.errors import InvalidArgumentError
from hyperbridge.surface.fmin import fmin
from hyperbridge.surface.trials import Trials
from hyperbridge.worker.prints import Catching, Caught, take_log
from hyperbridge.worker.transcript import FIRST, LAST, Transcript

SPACE = hp.uniform("x", -1, 1)


@pytest.fixture(autouse=True)
def _streams_left_as_found(tracking_off: None) -> Any:
    before = sys.stdout, sys.stderr
    yield
    assert (sys.stdout, sys.stderr) == before


def search(fn: Any, **kwargs: Any) -> Any:
    defaults = {
        "algo": rand.suggest, "max_evals": 4, "show_progressbar": False, "backend": "local",
        "rstate": np.random.default_rng(0), "trials": Trials(),
    }  # fmt: skip
    given = {**defaults, **kwargs}
    fmin(fn, SPACE, **given)
    return given["trials"]


def written(*texts: str) -> str:
    transcript = Transcript()
    for text in texts:
        transcript.write(text)
    return transcript.text()


# -- the text ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        (["a", "\n", "b"], "a\nb"),
        (["a\r\nb\n"], "a\nb\n"),
        (["\r 0%", "\r 50%", "\r100%", "\n", "done"], "100%\ndone"),
        (["loading", "\r       ", "\r", "ready\n"], "ready\n"),
        (
            ["outer\n", "\rinner 1\x1b[A", "\rOUTER\n", "\rinner 2\x1b[A", "\n\n"],
            "OUTER\ninner 2\n",
        ),
        (["\x1b[31mred\x1b[0m\n"], "\x1b[31mred\x1b[0m\n"),
        (["\x1b[2K\rnew\n"], "new\n"),
        (["lone \udc80\n"], "lone \\udc80\n"),
        ([], ""),
    ],
)
def test_a_text_is_what_a_terminal_would_show(texts: list[str], expected: str) -> None:
    assert written(*texts) == expected


def test_however_a_text_is_cut_into_pieces_it_is_the_same() -> None:
    rng = random.Random(0)
    for _ in range(100):
        text = "".join(
            rng.choices(["a", "bc", " ", "\n", "\r", "\r\n", "\nlow\x1b[A", "x" * 300], k=200)
        )
        pieces, at = [], 0
        while at < len(text):
            end = at + rng.randint(1, 50)
            while text[end - 1 : end] in ("\r", "\x1b", "["):  # a control is written at once
                end += 1
            pieces.append(text[at:end])
            at = end
        assert written(*pieces) == written(text)


@pytest.mark.parametrize("piece", ["line of text\n", ".", "x" * 100_000, "\r 5%\n"])
def test_a_long_text_keeps_its_ends_and_says_how_much_was_cut(piece: str) -> None:
    n = 1 + 200_000 // len(piece)
    found = written("begin\n", *[piece] * n, "end\n")
    assert len(found) < FIRST + LAST + 100
    assert found.startswith("begin\n")
    assert found.endswith("end\n")
    first, _, rest = found.partition("\n[... ")
    n_cut, _, last = rest.partition(" characters are left out here ...]\n")
    whole = "begin\n" + piece.replace("\r", "") * n + "end\n"
    assert len(first) + int(n_cut) + len(last) == len(whole)
    assert whole.startswith(first)
    assert whole.endswith(last)


# -- in this process ---------------------------------------------------------------------------


def test_print_logging_and_bars_are_kept_and_still_appear(
    capsys: pytest.CaptureFixture[str],
) -> None:
    handler = logging.StreamHandler(sys.stderr)
    logger = logging.getLogger("tests.trial_logs")
    logger.addHandler(handler)

    def fn(x: float) -> float:
        print("printed", x)
        sys.stdout.writelines(["several ", "pieces\n"])
        logger.error("logged %s", x)
        for _ in tqdm.tqdm(range(3), desc="bar"):
            pass
        return x

    try:
        trials = search(fn)
    finally:
        logger.removeHandler(handler)
    assert handler.stream is sys.stderr
    out, err = capsys.readouterr()
    for document in trials.trials:
        x = document["misc"]["vals"]["x"][0]
        log = trials.log(document["tid"])
        for line in (f"printed {x}\n", "several pieces\n", f"logged {x}\n"):
            assert log.count(line) == 1
            assert line in out + err
        assert log.count("bar:") == 1
        assert "bar: 100%" in log
    assert len({trials.log(tid) for tid in range(4)}) == 4


def test_an_objective_that_prints_nothing_leaves_nothing() -> None:
    trials = search(abs)
    assert trials.attachments == {}
    assert trials.log(0) == ""
    with pytest.raises(InvalidArgumentError, match=r"log\(9\): there is no trial"):
        trials.log(9)


def test_trials_in_threads_are_not_mixed() -> None:
    barrier = threading.Barrier(3, timeout=60)

    def fn(x: float) -> float:
        for part in range(20):
            if part % 7 == 0:
                barrier.wait()
            print(x, part)
            print(x, "error", file=sys.stderr)
        stray = threading.Thread(target=print, args=("a thread of nobody knows which trial",))
        stray.start()
        stray.join()
        return x

    trials = search(fn, max_evals=6, parallelism=3)
    for document in trials.trials:
        x = document["misc"]["vals"]["x"][0]
        expected = [line for part in range(20) for line in (f"{x} {part}", f"{x} error")]
        assert trials.log(document["tid"]).splitlines() == expected


def test_threads_of_a_trial_that_has_the_process_to_itself_are_its_own() -> None:
    release, printed = threading.Event(), threading.Event()
    late: list[threading.Thread] = []

    def outlive() -> None:
        release.wait(60)
        print("too late")
        printed.set()

    def fn(x: float) -> float:
        with ThreadPoolExecutor(1) as pool:
            list(pool.map(print, ["pooled", "pooled"]))
        if not late:
            late.append(threading.Thread(target=outlive))
            late[0].start()
        else:
            release.set()
            printed.wait(60)
        return x

    trials = search(fn, max_evals=2)
    late[0].join()
    assert [trials.log(tid) for tid in (0, 1)] == ["pooled\npooled\n", "pooled\npooled\n"]


def test_threads_of_the_driver_are_no_trials() -> None:
    speak, spoken, stop = threading.Event(), threading.Event(), threading.Event()

    def bystand() -> None:
        while speak.wait(60) and not stop.is_set():
            speak.clear()
            print("something else")
            spoken.set()

    bystander = threading.Thread(target=bystand)
    bystander.start()

    def fn(x: float) -> float:
        spoken.clear()
        speak.set()
        spoken.wait(60)
        return x

    try:
        assert search(fn, max_evals=2).log(0) == ""
    finally:
        stop.set()
        speak.set()
        bystander.join()


def test_an_objective_that_redirects_streams_keeps_its_text_to_itself() -> None:
    def fn(x: float) -> float:
        own = io.StringIO()
        with contextlib.redirect_stdout(own):
            print("for the objective")
        assert own.getvalue() == "for the objective\n"
        print("for all")
        return x

    assert search(fn, max_evals=1).log(0) == "for all\n"


def test_a_stream_that_an_objective_puts_in_place_stays() -> None:
    before = sys.stdout
    kept: list[str] = []

    class Tee:
        def __init__(self, stream: Any) -> None:
            self.stream = stream

        def write(self, text: str) -> int:
            kept.append(text)
            return int(self.stream.write(text))

        def flush(self) -> None:
            self.stream.flush()

    def fn(x: float) -> float:
        if not isinstance(sys.stdout, Tee):
            sys.stdout = Tee(sys.stdout)  # type: ignore[assignment]
        print("once")
        return x

    try:
        trials = search(fn, max_evals=3)
        assert isinstance(sys.stdout, Tee)
    finally:
        sys.stdout = before
    assert [trials.log(tid) for tid in range(3)] == ["once\n"] * 3
    assert kept == ["once", "\n"] * 3


def test_what_is_printed_appears_above_the_progress_bar_as_before(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    def fn(x: float) -> float:
        print("line", end=" ")
        print(round(x, 3))
        return x

    shown = {}
    for switch in ("1", "0"):
        monkeypatch.setenv("HYPERBRIDGE_TRIAL_LOGS", switch)
        with contextlib.redirect_stdout(Terminal()) as terminal:
            trials = search(fn, show_progressbar=True)
        shown[switch] = re.findall("line .*", terminal.getvalue())
        assert [bool(trials.log(tid)) for tid in range(4)] == [switch == "1"] * 4
    assert len(shown["1"]) == 4
    assert shown["1"] == shown["0"]


def test_the_switch_takes_yes_and_no_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HYPERBRIDGE_TRIAL_LOGS", "perhaps")
    with pytest.raises(InvalidArgumentError, match="HYPERBRIDGE_TRIAL_LOGS"):
        search(abs)


ENDED = (JOB_STATE_DONE, JOB_STATE_ERROR)


@pytest.mark.parametrize("parallelism", [1, 2])
def test_trials_that_fail_are_pruned_or_interrupted_have_a_log(parallelism: int) -> None:
    seen: list[float] = []
    trials = Trials()

    def fn(x: float) -> float:
        print("x", x)
        seen.append(x)
        if len(seen) == 1:
            raise ValueError("no")
        if len(seen) == 2:
            raise hyperbridge.TrialPruned
        if len(seen) == 3:
            deadline = time.monotonic() + 60
            while sum(d["state"] in ENDED for d in trials._dynamic_trials) < 2:
                assert time.monotonic() < deadline
                time.sleep(0.01)  # another thread's trial has raised, and is about to be told
            raise KeyboardInterrupt
        return x

    with pytest.raises(KeyboardInterrupt):
        search(fn, trials=trials, catch_eval_exceptions=True, max_evals=3, parallelism=parallelism)
    logs = {document["tid"]: trials.log(document["tid"]) for document in trials._dynamic_trials}
    ended = [d for d in trials._dynamic_trials if d["state"] != JOB_STATE_CANCEL]
    assert len(ended) == 2
    for document in ended if parallelism > 1 else trials._dynamic_trials:
        assert logs[document["tid"]] == f"x {document['misc']['vals']['x'][0]}\n"


def test_a_result_that_is_reused_prints_nothing() -> None:
    def fn(x: Any) -> float:
        print("evaluated", x)
        return float(x)

    trials = Trials()
    fmin(
        fn, hp.choice("x", [1, 2]), algo=rand.suggest, max_evals=6, trials=trials, backend="local",
        show_progressbar=False, repeats="reuse", rstate=np.random.default_rng(0),
    )  # fmt: skip
    reused = [d["tid"] for d in trials.trials if "reused_from" in d["misc"]]
    assert len(reused) == 4
    assert not any(trials.log(tid) for tid in reused)
    assert sum(bool(trials.log(d["tid"])) for d in trials.trials) == 2


def test_logs_are_plain_attachments_that_hyperopt_alone_can_load(tmp_path: Path) -> None:
    own = search(lambda x: print("printed") or x, trials=hyperopt.Trials(), max_evals=1)
    loaded = pickle.loads(pickle.dumps(own))
    assert type(loaded) is hyperopt.Trials
    assert loaded.trial_attachments(loaded.trials[0])["hyperbridge.log"] == "printed\n"
    path = str(tmp_path / "trials.pkl")
    search(lambda x: print("printed", x) or x, trials_save_file=path, max_evals=2)
    kept = pickle.loads(Path(path).read_bytes())
    assert kept.trial_attachments(kept.trials[1])["hyperbridge.log"].startswith("printed ")


# -- the routers -------------------------------------------------------------------------------


def test_a_router_is_used_as_its_stream_is(tmp_path: Path) -> None:
    before = sys.stdout
    with (tmp_path / "out").open("w+", encoding="utf-8") as file:
        sys.stdout = file
        try:
            with Caught(owns_threads=True):
                assert sys.stdout is not file
                assert sys.stdout.encoding == "utf-8"
                assert sys.stdout.fileno() == file.fileno()
                assert not sys.stdout.isatty()
                sys.stdout.reconfigure(errors="replace")  # type: ignore[union-attr]
                sys.stdout.buffer.write(b"bytes\n")
                assert print("text", end="") is None
                with pytest.raises(TypeError):
                    sys.stdout.write(b"no text")  # type: ignore[arg-type]
                import cloudpickle

                assert pickle.loads(cloudpickle.dumps(sys.stdout)) is sys.stdout
            assert take_log() == "text"
            assert sys.stdout is file
            assert file.errors == "replace"
        finally:
            sys.stdout = before
        file.seek(0)
        assert file.read() == "bytes\ntext"


def test_a_handler_that_an_objective_makes_works_for_the_next_trial() -> None:
    made: list[logging.Handler] = []
    logger = logging.getLogger("tests.made_in_a_trial")

    def fn(x: float) -> float:
        if not made:
            made.append(logging.StreamHandler())
            logger.addHandler(made[0])
        logger.warning("trial %s", x)
        return x

    try:
        trials = search(fn, max_evals=3)
    finally:
        logger.removeHandler(made[0])
    for document in trials.trials:
        assert trials.log(document["tid"]) == f"trial {document['misc']['vals']['x'][0]}\n"


def test_searches_at_once_leave_the_streams_as_found() -> None:
    barrier = threading.Barrier(2, timeout=60)

    def fn(x: float) -> float:
        barrier.wait()
        print("x", x)
        return x

    with ThreadPoolExecutor(2) as pool:
        found = list(pool.map(lambda bar: search(fn, show_progressbar=bar), (True, False)))
    for trials in found:
        for document in trials.trials:
            assert trials.log(document["tid"]) == f"x {document['misc']['vals']['x'][0]}\n"


def test_without_streams_nothing_breaks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdout", None)
    with Catching(), Caught(owns_threads=True):
        print("nowhere")
    assert take_log() == ""
