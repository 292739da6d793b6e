"""trials_save_file: whole at any instant, and continued from."""

from __future__ import annotations

import os
import pickle
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import cloudpickle
import hyperopt
import numpy as np
import pytest
from hyperopt import hp, rand, tpe
from hyperopt.base import JOB_STATE_DONE, JOB_STATE_RUNNING

from hyperbridge.errors import InvalidArgumentError
from hyperbridge.surface.fmin import fmin
from hyperbridge.surface.spark_trials import SparkTrials
from hyperbridge.surface.trials import Trials

ROOT = Path(__file__).resolve().parents[2]
SPACE = hp.uniform("x", -1, 1)


def search(file: Any, fn: Any = abs, **kwargs: Any) -> Any:
    arguments = {"algo": rand.suggest, "max_evals": 4, "rstate": np.random.default_rng(0)}
    return fmin(fn, SPACE, show_progressbar=False, trials_save_file=file, **{**arguments, **kwargs})


def load(file: Path) -> Any:
    return cloudpickle.loads(file.read_bytes())


PROGRAM = Path(__file__).parent / "programs" / "saved_search.py"


@pytest.mark.slow
def test_kill_minus_9_at_any_instant_loses_at_most_the_running_trial(tmp_path: Path) -> None:
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, str(PROGRAM)]
    started_file, file = tmp_path / "started.txt", tmp_path / "trials.pkl"

    def started() -> int:
        return len(started_file.read_text().splitlines()) if started_file.exists() else 0

    known = 0
    for wait_for in (7, 13):
        process = subprocess.Popen([*command, "100000"], cwd=tmp_path, env=environment)
        deadline = time.monotonic() + 60
        try:
            while started() < known + wait_for and time.monotonic() < deadline:
                time.sleep(0.003)
            time.sleep(0.011)
        finally:
            process.send_signal(signal.SIGKILL)
            process.wait()
        total = started()
        saved = load(file)
        done = sum(d["state"] == JOB_STATE_DONE for d in saved.trials)
        assert total > known
        lost_before = 0 if known == 0 else 1
        assert done >= total - 1 - lost_before
        assert len(set(saved.tids)) == len(saved.tids)
        known = total
    n_saved = len(load(file).trials)
    subprocess.run([*command, str(n_saved + 3)], cwd=tmp_path, env=environment, check=True)
    assert len(load(file).trials) == n_saved + 3


def test_a_result_that_cannot_be_pickled_leaves_the_file_as_it_was(tmp_path: Path) -> None:
    file = tmp_path / "trials.pkl"

    def fn(x: float) -> Any:
        extra = {"guard": threading.Lock()} if file.exists() else {}
        return {"loss": x, "status": "ok", **extra}

    with pytest.raises(TypeError, match="pickle"):
        search(file, fn)
    assert len(load(file).trials) == 1
    assert [f.name for f in tmp_path.iterdir()] == ["trials.pkl"]


def test_what_finished_before_an_error_is_in_the_file(tmp_path: Path) -> None:
    file = tmp_path / "trials.pkl"
    seen: list[float] = []

    def fn(x: float) -> float:
        seen.append(x)
        if len(seen) == 3:
            raise ArithmeticError("third")
        return x

    with pytest.raises(ArithmeticError):
        search(file, fn)
    assert load(file).losses() == seen[:2]


def test_a_trial_that_was_running_when_its_driver_died_is_run_again(tmp_path: Path) -> None:
    file = tmp_path / "trials.pkl"
    search(file, max_evals=3)
    trials = load(file)
    lost = trials._dynamic_trials[1]
    lost["state"], lost["result"] = JOB_STATE_RUNNING, {"status": "new"}
    file.write_bytes(cloudpickle.dumps(trials))
    search(file, max_evals=4)
    again = load(file)
    assert [d["state"] for d in again.trials] == [JOB_STATE_DONE] * 4
    assert again.losses()[1] == abs(lost["misc"]["vals"]["x"][0])


@pytest.mark.parametrize("kind", [Trials, hyperopt.Trials, SparkTrials])
def test_an_empty_trials_object_gets_what_is_in_the_file(tmp_path: Path, kind: Any) -> None:
    file, trials = tmp_path / "trials.pkl", kind()
    search(file, max_evals=3)
    search(file, max_evals=4, trials=trials, backend="local")
    assert len(trials.trials) == len(load(file).trials) == 4


def test_trials_that_go_on_from_the_file_may_be_given_too(tmp_path: Path) -> None:
    file, trials = tmp_path / "trials.pkl", Trials()
    search(file, max_evals=3, trials=trials)
    search(file, max_evals=4, trials=trials)
    search(file, max_evals=5, trials=load(file))
    assert len(load(file).trials) == 5


def test_other_trials_than_those_of_the_file_are_refused(tmp_path: Path) -> None:
    file, others = tmp_path / "trials.pkl", Trials()
    search(file, max_evals=3)
    before = file.read_bytes()
    search(None, max_evals=2, trials=others, rstate=np.random.default_rng(9))
    with pytest.raises(InvalidArgumentError, match="lacks 3 of the 3 that are kept"):
        search(file, max_evals=4, trials=others)
    assert file.read_bytes() == before


def test_a_file_that_hyperopt_wrote_is_continued(tmp_path: Path) -> None:
    file = tmp_path / "trials.pkl"
    hyperopt.fmin(
        abs, SPACE, algo=rand.suggest, max_evals=3, verbose=False, trials_save_file=str(file),
        rstate=np.random.default_rng(5),
    )  # fmt: skip
    search(file, max_evals=5)
    assert len(load(file).trials) == 5


@pytest.mark.parametrize("kind", [None, Trials, SparkTrials])
def test_a_file_loads_where_hyperopt_is_and_hyperbridge_is_not(tmp_path: Path, kind: Any) -> None:
    class Unpickler(pickle.Unpickler):
        def find_class(self, module: str, name: str) -> Any:
            assert not module.startswith("hyperbridge")
            return super().find_class(module, name)

    file, given = tmp_path / "trials.pkl", kind() if kind else None
    search(file, max_evals=3, trials=given, backend="local")
    with file.open("rb") as opened:
        trials = Unpickler(opened).load()
    assert type(trials) is hyperopt.Trials
    assert len(trials.losses()) == 3
    seen: list[Any] = []
    search(file, max_evals=4, early_stop_fn=lambda trials: (seen.append(trials), (False, []))[1])
    assert isinstance(seen[0], Trials)
    assert seen[0].losses()[:3] == trials.losses()
    assert given is None or type(pickle.loads(pickle.dumps(given))) is kind


def test_the_files_permissions_are_kept(tmp_path: Path) -> None:
    file = tmp_path / "trials.pkl"
    search(file, max_evals=1)
    file.chmod(0o640)
    search(file, max_evals=2)
    assert file.stat().st_mode & 0o777 == 0o640


@pytest.mark.parametrize("content", [b"", b"no pickle", cloudpickle.dumps([1, 2])])
def test_a_file_that_holds_something_else_is_refused_and_kept(
    tmp_path: Path, content: bytes
) -> None:
    file = tmp_path / "trials.pkl"
    file.write_bytes(content)
    with pytest.raises(InvalidArgumentError, match=r"trials\.pkl"):
        search(file)
    assert file.read_bytes() == content


def test_a_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidArgumentError, match="directory"):
        search(tmp_path)


def test_a_symbolic_link_stays_and_its_target_is_written(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    target, link = tmp_path / "data" / "trials.pkl", tmp_path / "trials.pkl"
    link.symlink_to(target)
    search(str(link), max_evals=2)
    search(str(link), max_evals=4)
    assert link.is_symlink()
    assert len(load(target).trials) == 4


def test_a_place_that_cannot_be_written_is_refused_before_the_first_trial(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(self: Path, **kwargs: Any) -> None:  # the tests may run as root, whom no mode stops
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "touch", refuse)
    seen: list[float] = []
    with pytest.raises(InvalidArgumentError, match=r"trials\.pkl.*Permission denied"):
        search(tmp_path / "trials.pkl", seen.append)
    assert seen == []


@pytest.mark.skipif(not Path("/proc/version").exists(), reason="needs a folder that nobody writes")
def test_a_folder_that_nobody_can_write_is_refused() -> None:
    with pytest.raises(InvalidArgumentError, match="cannot be written"):
        search("/proc/trials.pkl")


@pytest.mark.leaves("file .")  # it makes some that are somebody else's
def test_what_a_killed_process_was_writing_is_removed_and_nothing_else(tmp_path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        process.wait()
    file, host = tmp_path / "trials.pkl", socket.gethostname()
    dead = tmp_path / f".trials.pkl.0123abcd.{process.pid}@{host}"
    own_id = tmp_path / f".trials.pkl.0123abcd.{os.getpid()}@{host}"
    kept = [
        tmp_path / f".trials.pkl.0123abcd.{os.getppid()}@{host}",
        tmp_path / f".trials.pkl.0123abcd.{process.pid}@elsewhere",
        tmp_path / f".other.pkl.0123abcd.{process.pid}@{host}",
        tmp_path / ".trials.pkl",
    ]
    for path in (dead, own_id, *kept):
        path.write_bytes(b"half")
    search(file, max_evals=1)
    assert sorted(tmp_path.iterdir()) == sorted([file, *kept])


def test_a_long_name_is_no_hindrance(tmp_path: Path) -> None:
    file = tmp_path / ("x" * 250)
    search(file, max_evals=1)
    assert [each.name for each in tmp_path.iterdir()] == [file.name]


@pytest.mark.parametrize("algo", [rand.suggest, tpe.suggest])
def test_a_seeded_search_that_goes_on_is_that_of_one_call(tmp_path: Path, algo: Any) -> None:
    file, whole = tmp_path / "trials.pkl", Trials()
    points = [{"x": 0.5}]
    for max_evals in (4, 4, 30):
        search(file, algo=algo, max_evals=max_evals, points_to_evaluate=points)
    fmin(
        abs, SPACE, algo=algo, max_evals=30, trials=whole, points_to_evaluate=points,
        rstate=np.random.default_rng(0), show_progressbar=False,
    )  # fmt: skip
    assert load(file).vals == whole.vals


def test_a_seeded_search_with_a_queue_does_not_draw_its_points_again(tmp_path: Path) -> None:
    file = tmp_path / "trials.pkl"
    for max_evals in (4, 8):
        search(file, max_evals=max_evals, max_queue_len=2)
    values = load(file).vals["x"]
    assert len(set(values)) == len(values) == 8
