"""Every look at Trials gets the study's own word, or the search stays with a remark."""

from __future__ import annotations

from typing import Any

import pytest
from golden_cases import migrate

SEARCH = (
    "from hyperopt import JOB_STATE_DONE, JOB_STATE_ERROR, STATUS_FAIL, STATUS_OK, Trials, fmin,"
    " hp, tpe\n"
    "t = Trials()\n"
    "def objective(p):\n"
    "    if p['n'] > 6:\n"
    "        return {'status': STATUS_FAIL, 'loss': 99.0}\n"
    "    return {'status': STATUS_OK, 'loss': float(p['n'])}\n"
    "fmin(objective, {'n': hp.randint('n', 10), 'k': hp.choice('k', [3, 4])},"
    " algo=tpe.suggest, max_evals=12, trials=t, show_progressbar=False)\n"
)


def names_of(text: str) -> dict[str, Any]:
    optuna = pytest.importorskip("optuna")
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    names: dict[str, Any] = {}
    exec(compile(text, "program", "exec"), names)
    return names


@pytest.mark.parametrize(
    "look",
    [
        "t.idxs_vals[0]['n']",
        "t.idxs['k']",
        "t._ids == set(t.tids)",
        "t.idxs_vals[1]['k'] if t.idxs_vals else ''",
        "[x == (r['loss']) for x, r in zip(t.losses(), t.results)]",
        "t.count_by_state_synced(JOB_STATE_DONE)",
        "t.count_by_state_unsynced(JOB_STATE_DONE)",
        "10 - t.count_by_state_unsynced(JOB_STATE_ERROR)",
        "t.__len__()",
    ],
)
def test_a_look_says_what_hyperopts_says(look: str) -> None:
    """What it says is the same for both where it does not depend on the draws, else its shape."""
    text = f"{SEARCH}found = {look}\n"
    result = migrate(text)
    assert not any(note.needs_person for note in result.notes)
    assert "hyperopt import" not in result.new_text

    old, new = names_of(text)["found"], names_of(result.new_text)["found"]
    if "['k']" in look and "idxs_vals[1]" in look:  # drawn; in the study the options themselves
        assert len(old) == len(new) == 12
    else:
        assert old == new


COUNTED = """
from hyperopt import SparkTrials, fmin, hp, tpe
t = SparkTrials(parallelism=2)
def objective(x):
    if x % 3 == 0:
        raise ValueError(x)
    return x
fmin(objective, hp.randint("n", 30), algo=tpe.suggest, max_evals=12, trials=t)
found = (t.count_total_trials(), t.count_successful_trials(), -t.count_failed_trials())
"""


def test_trials_of_spark_are_counted() -> None:
    result = migrate(COUNTED)
    assert [note.code for note in result.notes] == ["HB225"]

    names = names_of(result.new_text)
    values = [trial.params["n"] for trial in names["study"].trials]
    raised = sum(value % 3 == 0 for value in values)
    assert names["found"] == (12, 12 - raised, -raised)


@pytest.mark.parametrize(
    "look",
    [
        "t.asynchronous",
        "print(t.asynchronous if t.trials else 0)",
        "t._exp_key",
        "t.view()",
        "t.aname(t.trials[0], 'x')",
        "t.losses(3)",
        "list(map(len, [t.losses]))",
        "t.count_by_state_synced(1)",
        "t.nothing_of_theirs",
        "t.trial_attachments",
        "t._trials = []",
        "getattr(t, 'losses')",
        "vars(t)",
        "[x for x in 'ab' if t.asynchronous]",
    ],
)
def test_a_look_that_has_no_counterpart_leaves_the_search(look: str) -> None:
    result = migrate(f"{SEARCH}{look}\n")

    assert not result.is_changed
    assert {note.line for note in result.notes if note.needs_person} == {8}


def test_what_a_variable_holds_besides_trials_is_no_look_at_them() -> None:
    result = migrate(f"{SEARCH}losses = t.losses()\nt = open('log.txt')\nt.readlines()\n")

    assert result.is_changed
    assert "readlines()" in result.new_text


def test_an_attribute_that_the_program_gives_its_trials_stays() -> None:
    assert (
        "study.note = 3\nprint(study.note)"
        in migrate(f"{SEARCH}t.note = 3\nprint(t.note)\n").new_text
    )


def test_trials_without_trials_are_false() -> None:
    text = (
        SEARCH + "def show(trials=None):\n    return 'some' if trials else 'none'\n"
        "found = [show(t), show(), show(Trials()), not t, not Trials().trials]\n"
    )
    new = migrate(text).new_text

    assert (
        names_of(new)["found"] == names_of(text)["found"] == ["some", "none", "none", False, True]
    )


@pytest.mark.parametrize(
    "look", ["t.best_trial['result']['loss']", "max(t.losses())", "len(t)", "t.idxs['x'][1]"]
)
def test_a_space_may_look_at_the_trials_of_an_earlier_search(look: str) -> None:
    text = (
        "from hyperopt import Trials, fmin, hp, tpe\nt = Trials()\n"
        "fmin(lambda p: 1 + p, hp.uniform('x', 0, 1), tpe.suggest, 3, trials=t)\n"
        f"space = {{'y': hp.uniform('y', 0, {look})}}\n"
        "found = fmin(lambda p: p['y'], space, tpe.suggest, 3)\n"
    )
    assert 0 <= names_of(migrate(text).new_text)["found"]["y"] <= 3


def test_losses_leave_out_trials_that_raised() -> None:
    text = (
        SEARCH.replace(
            "        return {'status': STATUS_FAIL, 'loss': 99.0}", "        raise ValueError"
        ).replace("max_evals=12", "max_evals=30, catch_eval_exceptions=True")
        + "found = t.losses(), len(t.tids)\n"
    )
    losses, count = names_of(migrate(text).new_text)["found"]

    assert all(loss is not None and loss <= 6 for loss in losses)
    assert 0 < len(losses) == count < 30
