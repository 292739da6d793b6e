"""trials_save_file: whole at any instant, and continued from."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from pathlib import Path
from typing import Any

import cloudpickle
import hyperopt
import numpy as np
import pytest
from hyperopt import hp, rand
from hyperopt.base import JOB_STATE_DONE, JOB_STATE_RUNNING

from hyperbridge.errors import InvalidArgumentError
from hyperbridge.surface.fmin import fmin
from hyperbridge.surface.trials import Trials

ROOT = Path(__file__).resolve().parents[2]
SPACE = hp.uniform("x", -1, 1)


def search(file: Any, fn: Any = abs, **kwargs: Any) -> Any:
    arguments = {"algo": rand.suggest, "max_evals": 4, "rstate": np.random.default_rng(0)}
    return fmin(fn, SPACE, show_progressbar=False, trials_save_file=file, **{**arguments, **kwargs})


def load(file: Path) -> Any:
    return cloudpickle.loads(file.read_bytes())


SEARCH = textwrap.dedent(
    """
    import sys, time
    import numpy as np
    from hyperopt import hp, rand
    from hyperbridge.surface.fmin import fmin

    def objective(x):
        with open("started.txt", "a") as file:
            file.write(f"{x!r}\\n")
        time.sleep(0.01)
        return {"loss": x, "status": "ok", "ballast": np.zeros(20_000)}

    fmin(objective, hp.uniform("x", -1, 1), algo=rand.suggest, max_evals=int(sys.argv[1]),
         trials_save_file="trials.pkl", show_progressbar=False, rstate=np.random.default_rng(1))
    """
)


@pytest.mark.slow
def test_kill_minus_9_at_any_instant_loses_at_most_the_running_trial(tmp_path: Path) -> None:
    script = tmp_path / "search.py"
    script.write_text(SEARCH)
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, str(script)]
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


def test_trials_that_the_user_made_begin_anew_as_in_hyperopt(tmp_path: Path) -> None:
    file = tmp_path / "trials.pkl"
    search(file, max_evals=3)
    search(file, max_evals=1, trials=Trials())
    assert len(load(file).trials) == 1


def test_a_file_that_hyperopt_wrote_is_continued(tmp_path: Path) -> None:
    file = tmp_path / "trials.pkl"
    hyperopt.fmin(
        abs, SPACE, algo=rand.suggest, max_evals=3, verbose=False, trials_save_file=str(file),
        rstate=np.random.default_rng(5),
    )  # fmt: skip
    search(file, max_evals=5)
    assert len(load(file).trials) == 5


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
