"""Several calls of fmin at work in one storage at the same time."""

from __future__ import annotations

import subprocess
import sys
import threading
import time

import numpy as np
import optuna
import pytest
import sqlalchemy.exc
from hyperopt import hp, rand
from studies import PROGRAMS

import hyperbridge
from hyperbridge.search.optuna.storages import when_tables_are_made

SPACE = {"x": hp.uniform("x", -5, 5)}


def fn(point):
    return point["x"] ** 2


@pytest.mark.parametrize("name", ["study.db", "journal.log"])
def test_two_threads_begin_one_storage_and_share_its_study(tmp_path, name):
    storage = tmp_path / name
    found = [hyperbridge.Trials(), hyperbridge.Trials()]
    together = threading.Barrier(2)

    def search(number):
        together.wait()
        hyperbridge.fmin(
            fn, SPACE, algo=rand.suggest, max_evals=8, trials=found[number],
            backend=hyperbridge.Optuna(storage=storage), show_progressbar=False,
            rstate=np.random.default_rng(number), parallelism=2,
        )  # fmt: skip

    threads = [threading.Thread(target=search, args=(number,)) for number in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(len(trials.losses()) >= 8 for trials in found)
    (study,) = (trials.study for trials in found[:1])
    assert found[1].study.study_name == study.study_name
    states = [trial.state.name for trial in study.get_trials()]
    assert states == ["COMPLETE"] * len(states)
    assert len({trial.params["x"] for trial in study.trials}) == len(states) >= 8


def test_processes_that_make_one_database_do_not_get_in_each_others_way(tmp_path):
    processes = [
        subprocess.Popen(
            [sys.executable, PROGRAMS / "open_study_at_a_time.py", str(tmp_path / "study.db")],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )
        for _ in range(3)
    ]  # fmt: skip
    for process in processes:
        assert process.stdout.readline() == "ready\n"
    begin = time.time() + 0.5
    for process in processes:
        process.stdin.write(f"{begin}\n")
        process.stdin.flush()
    for process in processes:
        _, complaints = process.communicate(timeout=60)
        assert process.returncode == 0, complaints
    assert optuna.get_all_study_names(f"sqlite:///{tmp_path / 'study.db'}") == ["s"]


def test_only_tables_that_somebody_else_made_are_a_reason_to_open_again():
    calls = []

    def create(text):
        calls.append(text)
        if len(calls) == 1 or text == "no such table":
            raise sqlalchemy.exc.OperationalError("CREATE", {}, Exception(text))
        return len(calls)

    assert when_tables_are_made(lambda: create("table studies already exists")) == 2
    with pytest.raises(sqlalchemy.exc.OperationalError):
        when_tables_are_made(lambda: create("no such table"))
    assert len(calls) == 3
