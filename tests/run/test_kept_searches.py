"""Files that keep a search: one at a time, not ended by a full disk, the same trials after it."""

from __future__ import annotations

import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import clean_child
import cloudpickle
import hyperopt
import numpy as np
import pytest
from hyperopt import anneal, hp, rand, tpe
from hyperopt.base import JOB_STATE_CANCEL, JOB_STATE_NEW
from hyperopt.fmin import generate_trials_to_calculate

from hyperbridge.errors import HyperbridgeWarning, InvalidArgumentError, NotSavedError
from hyperbridge.files.locking import FileLock
from hyperbridge.surface.fmin import fmin
from hyperbridge.surface.trials import Trials

PROGRAMS = Path(__file__).parent / "programs"

SPACE = {"x": hp.uniform("x", -5, 5), "kind": hp.choice("kind", [0, hp.quniform("q", 1, 9, 2)])}


class StoppedError(KeyboardInterrupt):
    """What a user's Ctrl-C, or a scheduler's SIGTERM, raises."""


def distance(point: dict[str, Any]) -> float:
    return float(abs(point["x"] - 1) + point["kind"])


def search(file: Path | None, fn: Any = distance, **kwargs: Any) -> Any:
    arguments: dict[str, Any] = {
        "algo": tpe.suggest, "max_evals": 30, "rstate": np.random.default_rng(0),
        "trials_save_file": file or "", **kwargs,
    }  # fmt: skip
    return fmin(fn, SPACE, show_progressbar=False, **arguments)


def load(file: Path) -> Any:
    return cloudpickle.loads(file.read_bytes())


def stopping_at(n: int, error: BaseException) -> Any:
    """Return an objective that raises in its n-th call."""
    calls = 0

    def fn(point: dict[str, Any]) -> float:
        nonlocal calls
        calls += 1
        if calls == n:
            raise error
        return distance(point)

    return fn


@pytest.mark.parametrize(
    ("algo", "queue"),
    [(rand.suggest, 1), (rand.suggest, 4), (tpe.suggest, 1), (tpe.suggest, 4), (anneal.suggest, 1)],
)
@pytest.mark.parametrize("at", [1, 7, 26])
def test_an_interrupted_search_ends_as_one_that_was_not(
    tmp_path: Path, algo: Any, queue: int, at: int
) -> None:
    file, whole = tmp_path / "trials.pkl", Trials()
    search(None, trials=whole, algo=algo, max_queue_len=queue)
    with pytest.raises(KeyboardInterrupt):
        search(file, stopping_at(at, StoppedError()), algo=algo, max_queue_len=queue)
    search(file, algo=algo, max_queue_len=queue)
    found = load(file)
    assert found.tids == whole.tids
    assert found.vals == whole.vals
    assert found.losses() == whole.losses()


@pytest.mark.parametrize("at", [2, 9, 28])
def test_failed_trials_count_as_in_a_search_that_was_not_interrupted(
    tmp_path: Path, at: int
) -> None:
    file, whole = tmp_path / "trials.pkl", Trials()

    def failing(fn: Any) -> Any:
        def objective(point: dict[str, Any]) -> float:
            loss = float(fn(point))
            if abs(point["x"]) > 2:
                raise ArithmeticError("far away")
            return loss

        return objective

    search(None, failing(distance), trials=whole, catch_eval_exceptions=True)
    with pytest.raises(KeyboardInterrupt):
        search(file, failing(stopping_at(at, StoppedError())), catch_eval_exceptions=True)
    search(file, failing(distance), catch_eval_exceptions=True)
    kept = [(d["tid"], d["state"], d["misc"]["vals"]) for d in load(file)._dynamic_trials]
    assert kept == [(d["tid"], d["state"], d["misc"]["vals"]) for d in whole._dynamic_trials]
    assert len({state for _, state, _ in kept}) == 2


def test_an_unseeded_search_goes_on_with_its_own_draws(tmp_path: Path) -> None:
    file, seeds = tmp_path / "trials.pkl", np.random.default_rng(5)
    with pytest.raises(KeyboardInterrupt):
        search(file, stopping_at(9, StoppedError()), rstate=seeds)
    search(file, rstate=None)
    whole = Trials()
    search(None, trials=whole, rstate=np.random.default_rng(5))
    assert load(file).vals == whole.vals


def test_another_seed_is_taken(tmp_path: Path) -> None:
    file = tmp_path / "trials.pkl"
    search(file, algo=rand.suggest, max_evals=3)
    search(file, algo=rand.suggest, max_evals=6, rstate=np.random.default_rng(77))
    other = Trials()
    search(None, trials=other, algo=rand.suggest, max_evals=3, rstate=np.random.default_rng(77))
    assert load(file).vals["x"][3:] == other.vals["x"]


def test_an_old_random_state_goes_on(tmp_path: Path) -> None:
    file, whole = tmp_path / "trials.pkl", Trials()
    search(None, trials=whole, rstate=np.random.RandomState(3))
    with pytest.raises(KeyboardInterrupt):
        search(file, stopping_at(25, StoppedError()), rstate=np.random.RandomState(3))
    search(file, rstate=np.random.RandomState(3))
    assert load(file).vals == whole.vals


def test_a_loop_with_new_trials_and_one_file_is_one_search_each(tmp_path: Path) -> None:
    file, best = tmp_path / "trials.pkl", []
    for shift in (0.0, 100.0):
        trials = hyperopt.Trials()
        search(file, lambda p, s=shift: p["x"] + s, trials=trials, max_evals=5)
        best.append(min(trials.losses()))
    assert best[1] == best[0] + 100
    assert len(load(file).trials) == 5


def test_a_file_that_somebody_went_on_with_is_drawn_on_from_its_documents(tmp_path: Path) -> None:
    file, whole = tmp_path / "trials.pkl", Trials()
    search(file, max_evals=5)
    trials = load(file)  # as people do who keep the pickle themselves
    search(None, trials=trials, max_evals=9, rstate=np.random.default_rng(1))
    file.write_bytes(cloudpickle.dumps(trials))
    search(file, max_evals=12, algo=rand.suggest)
    search(None, trials=whole, max_evals=12, algo=rand.suggest)
    assert load(file).vals["x"][9:] == whole.vals["x"][9:]


def test_nothing_of_ours_is_left_on_the_users_trials(tmp_path: Path) -> None:
    trials = hyperopt.Trials()
    search(tmp_path / "trials.pkl", trials=trials, max_evals=3)
    assert not any("hyperbridge" in name for name in vars(trials))


def test_during_a_search_the_file_holds_what_hyperopt_would_run(tmp_path: Path) -> None:
    file = tmp_path / "trials.pkl"
    seen: list[list[int]] = []

    def fn(point: dict[str, Any]) -> float:
        if file.exists():
            seen.append([d["state"] for d in load(file)._dynamic_trials])
        return distance(point)

    search(file, fn, max_evals=8, max_queue_len=4)
    states = [state for states in seen for state in states]
    assert JOB_STATE_NEW in states
    assert set(states) <= {JOB_STATE_NEW, 2}
    assert [len(states) for states in seen] == [4, 4, 4, 4, 8, 8, 8]


# -- what programs do with their files and Trials meanwhile --------------------------------------


def move(file: Path) -> None:
    file.rename(file.with_name("moved"))


def replace_by_copy(file: Path) -> None:
    copy = file.with_name("copy")
    copy.write_bytes(file.read_bytes())
    copy.replace(file)


def write_over(file: Path) -> None:
    file.write_bytes(b"a checkpoint of the program's own " * 5_000)


@pytest.mark.parametrize("do", [Path.unlink, move, replace_by_copy, write_over])
def test_a_save_file_that_was_removed_or_replaced_is_written_anew(tmp_path: Path, do: Any) -> None:
    file, seen = tmp_path / "trials.pkl", []

    def fn(point: dict[str, Any]) -> float:
        if seen and seen[-1] == 3:
            do(file)
        seen.append(len(load(file).trials) if file.exists() and len(seen) != 4 else -1)
        return distance(point)

    search(file, fn, max_evals=8)
    assert seen[5:] == [5, 6, 7]
    assert len(load(file).trials) == 8


@pytest.mark.parametrize("do", [Path.unlink, move, replace_by_copy, write_over])
def test_a_journal_that_was_removed_or_replaced_is_no_secret(tmp_path: Path, do: Any) -> None:
    file, calls = tmp_path / "run.journal", []

    def fn(point: dict[str, Any]) -> float:
        calls.append(point)
        if len(calls) == 3:
            do(file)
        return distance(point)

    with pytest.warns(HyperbridgeWarning, match="somebody"), pytest.raises(NotSavedError) as info:
        search(None, fn, max_evals=6, journal=file)
    assert len(info.value.trials.trials) == 6


def test_what_a_program_adds_to_its_trials_meanwhile_is_in_the_file(tmp_path: Path) -> None:
    file, seen = tmp_path / "trials.pkl", []

    def annotate(trials: Any, *_: Any) -> Any:
        n = len(trials.trials)
        trials.trials[-1]["result"]["note"] = n
        trials.attachments["count"] = b"%d" % n
        trials.custom = n
        if n == 5:
            trials.attachments["five"] = b"5"
        return False, []

    def fn(point: dict[str, Any]) -> float:
        if file.exists():
            seen.append(load(file))
        return distance(point)

    search(file, fn, max_evals=8, early_stop_fn=annotate)
    last = seen[-1]  # when the seventh had ended, and was not yet annotated
    assert [d["result"].get("note") for d in last.trials] == [1, 2, 3, 4, 5, 6, None]
    assert last.attachments["five"] == b"5"
    assert last.custom == 6


def test_a_model_that_the_journal_lacks_comes_from_the_save_file(tmp_path: Path) -> None:
    file, journal = tmp_path / "trials.pkl", tmp_path / "run.journal"

    def fn(point: dict[str, Any]) -> Any:
        return {"loss": distance(point), "status": "ok", "model": Exception("a model")}

    search(file, fn, max_evals=3, journal=journal)
    behind = file.read_bytes()
    search(file, fn, max_evals=5, journal=journal)
    file.write_bytes(behind)
    search(file, fn, max_evals=6, journal=journal)
    kinds = [type(d["result"]["model"]) for d in load(file).trials]
    assert [kind is Exception for kind in kinds] == [True] * 3 + [False] * 2 + [True]


def test_a_save_file_of_another_range_is_warned_of(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    file = tmp_path / "trials.pkl"
    for high in (5, 20):
        fmin(
            abs, hp.uniform("x", 1, high), algo=rand.suggest, max_evals=3, trials_save_file=file,
            show_progressbar=False, rstate=np.random.default_rng(0),
        )  # fmt: skip
    assert (
        "label 'x' was Uniform(low=1.0, high=5.0) and is Uniform(low=1.0, high=20.0)" in caplog.text
    )


@pytest.mark.parametrize("at", [1, 4, 9])
def test_points_that_a_program_makes_anew_are_those_of_the_file(tmp_path: Path, at: int) -> None:
    file, space = tmp_path / "trials.pkl", hp.uniform("x", -5, 5)

    def run(fn: Any, kept: Any) -> Any:
        trials = generate_trials_to_calculate([{"x": 1.0}, {"x": 2.0}])
        fmin(
            fn, space, algo=tpe.suggest, max_evals=10, trials=trials, trials_save_file=kept,
            show_progressbar=False, rstate=np.random.default_rng(0),
        )  # fmt: skip
        return trials

    calls: list[float] = []

    def fn(x: float) -> float:
        calls.append(x)
        if len(calls) == at:
            raise StoppedError
        return abs(x)

    with pytest.raises(StoppedError):
        run(fn, file)
    found, whole = run(abs, file), run(abs, "")
    assert found.vals == whole.vals
    assert found.tids == whole.tids


def test_a_loop_with_points_made_anew_and_one_file_is_one_search_each(tmp_path: Path) -> None:
    file, space = tmp_path / "trials.pkl", hp.uniform("x", -5, 5)
    for shift in (0.0, 100.0):
        trials = generate_trials_to_calculate([{"x": 1.0}, {"x": 2.0}])
        fmin(
            lambda x, s=shift: x + s, space, algo=rand.suggest, max_evals=3, trials=trials,
            trials_save_file=file, show_progressbar=False, rstate=np.random.default_rng(0),
        )  # fmt: skip
        assert trials.losses()[:2] == [1.0 + shift, 2.0 + shift]
        assert load(file).losses() == trials.losses()


def test_another_space_is_said_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    file = tmp_path / "trials.pkl"
    for more in ({}, {"more": hp.uniform("more", 0, 1)}):
        fmin(
            lambda p: p["x"], {"x": hp.uniform("x", 0, 1), **more}, algo=rand.suggest, max_evals=3,
            trials_save_file=file, show_progressbar=False, rstate=np.random.default_rng(0),
        )  # fmt: skip
    assert caplog.text.count("of another search space") == 1
    assert "the space has 'more', which they do not have" in caplog.text


# -- one search at a time ----------------------------------------------------------------------


def test_two_searches_of_one_process_do_not_share_a_file(tmp_path: Path) -> None:
    file = tmp_path / "trials.pkl"
    refused: list[Any] = []

    def fn(point: dict[str, Any]) -> float:
        if not refused:
            with pytest.raises(
                InvalidArgumentError, match="another search of this process"
            ) as info:
                search(file, max_evals=1)
            refused.append(info.value)
        return distance(point)

    search(file, fn, max_evals=2)
    search(file, max_evals=3)
    assert len(load(file).trials) == 3
    assert [each.name for each in tmp_path.iterdir()] == ["trials.pkl"]


HOLDER = """
import os, sys
from hyperbridge.files.locking import FileLock
FileLock(sys.argv[1], "x").acquire()
if len(sys.argv) > 2 and os.fork() == 0:  # a worker that outlives its driver
    sys.stdin.readline()
    os._exit(0)
print("held", flush=True)
sys.stdin.readline()
"""


@pytest.fixture
def holder(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Any]:
    command = ["-c", HOLDER, str(tmp_path / "trials.pkl"), *getattr(request, "param", [])]
    process = clean_child.start(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    yield process
    process.kill()
    process.wait()
    process.stdin.close()
    process.stdout.close()


def test_another_process_is_named(tmp_path: Path, holder: Any) -> None:
    file = tmp_path / "trials.pkl"
    with pytest.raises(
        InvalidArgumentError, match=rf"in use by process {holder.pid} on \S+, since"
    ):
        search(file)
    assert not file.exists()


@pytest.mark.parametrize("holder", [[], ["worker"]], indirect=True)
def test_a_killed_process_holds_nothing(tmp_path: Path, holder: Any) -> None:
    holder.kill()
    holder.wait()
    search(tmp_path / "trials.pkl", max_evals=2)
    assert len(load(tmp_path / "trials.pkl").trials) == 2


def test_many_threads_that_take_turns(tmp_path: Path) -> None:
    path, inside, most = tmp_path / "x", [0], [0]

    def work() -> None:
        for _ in range(50):
            lock = FileLock(path, "x")
            try:
                lock.acquire()
            except InvalidArgumentError:
                continue
            inside[0] += 1
            most[0] = max(most[0], inside[0])
            inside[0] -= 1
            lock.release()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == [1]
    assert list(tmp_path.iterdir()) == []


# -- a disk that is full -----------------------------------------------------------------------


@pytest.mark.skipif(sys.platform == "win32", reason="has no such limit")
@pytest.mark.parametrize(("limit", "n_kept"), [(30_000, 4), (2_000, 0)])
def test_a_file_that_cannot_grow_ends_no_search_and_stays_whole(
    tmp_path: Path, limit: int, n_kept: int
) -> None:
    file = tmp_path / "trials.pkl"
    if n_kept == 0:
        search(file, max_evals=1)
        n_kept = 1
    before = file.read_bytes() if file.exists() else b""
    command = [str(PROGRAMS / "limited_search.py"), str(file), str(limit), "12"]
    done = clean_child.run(command, fresh=True)
    assert done.returncode == 0, done.stderr
    assert "the search has ended, but its trials could not be written" in done.stdout
    assert "in memory 12" in done.stdout
    assert "warnings 1" in done.stdout
    n_found = int(re.search(r"in the file (\d+)", done.stdout)[1])  # type: ignore[index]
    assert n_kept <= n_found < 12
    assert not before or limit > 2_000 or file.read_bytes() == before
    done = clean_child.run([*command[:2], "10000000", "12"], fresh=True)
    assert "in the file 12" in done.stdout
    assert JOB_STATE_CANCEL not in [d["state"] for d in load(file)._dynamic_trials]
