"""What Optuna says about studies that the user did not make."""

from __future__ import annotations

import logging
import threading

import clean_child
import optuna
import pytest
from hyperopt import hp, rand
from studies import PROGRAMS

import hyperbridge

SPACE = hp.uniform("x", -5, 5)


@pytest.fixture
def lines():
    """What Optuna logs, as users see it without any settings of theirs."""
    found = []

    class Handler(logging.Handler):
        def emit(self, record):
            found.append(record.getMessage())

    handler = Handler()
    optuna.logging.set_verbosity(optuna.logging.INFO)
    logging.getLogger("optuna").addHandler(handler)
    yield found
    logging.getLogger("optuna").removeHandler(handler)


def run(storage):
    done = clean_child.run([PROGRAMS / "two_trials.py", storage], check=True)
    return done.stdout + done.stderr


def test_a_script_with_a_study_in_memory_prints_nothing():
    assert run("") == ""


def test_a_kept_study_is_announced_by_optuna(tmp_path):
    assert "A new study created" in run(str(tmp_path / "study.db"))


def test_a_study_of_the_users_is_announced_while_ours_begins(monkeypatch, lines):
    create = optuna.create_study
    names = ["before", "meanwhile", "after"]

    def slowly(**kwargs):
        thread = threading.Thread(target=lambda: create(study_name="meanwhile"))
        thread.start()
        thread.join()
        return create(**kwargs)

    create(study_name="before")
    monkeypatch.setattr(optuna, "create_study", slowly)
    filters = [list(logger.filters) for logger in loggers()]
    hyperbridge.fmin(
        abs, SPACE, algo=rand.suggest, max_evals=1, backend="optuna", show_progressbar=False
    )
    assert [list(logger.filters) for logger in loggers()] == filters
    create(study_name="after")
    assert lines == [f"A new study created in memory with name: {name}" for name in names]


def loggers():
    names = [name for name in logging.root.manager.loggerDict if name.startswith("optuna")]
    return [logging.getLogger(name) for name in sorted(names)]


def test_a_history_becomes_a_study_in_memory_without_a_line(lines):
    hyperbridge.to_study(hyperbridge.Trials(), SPACE)
    assert lines == []
