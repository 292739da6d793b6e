"""What is written for a space gives what ``space_eval`` gives for the same answers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from written_spaces import FixedAnswers, difference, space_source

from hyperbridge.migrate.planning import plan_sources
from hyperbridge.migrate.sources import source_of

pytest.importorskip("hyperopt")
pytest.importorskip("optuna")

HEAD = "from hyperopt import fmin, hp, tpe\nfrom hyperopt.pyll import scope\n\n"
CALL = "\nfmin(lambda point: 0.0, space, algo=tpe.suggest, max_evals=0)\n"
FORMS = {
    "constant": "space = {}\n",
    "function": "def build():\n    return {}\n\n\nspace = build()\n",
    "class": "class Search:\n    space = {}\n\n\nspace = Search.space\n",
    "steps": "space = {{}}\nspace['inner'] = {}\n",
}


def program_of(text: str, form: str) -> str:
    filled = FORMS[form].format(text.replace("\n", "\n    ") if form != "constant" else text)
    return f"{HEAD}{filled}{CALL}"


def check(text: str, form: str, seed: int) -> None:
    from hyperopt import space_eval

    program = program_of(text, form)
    old: dict[str, Any] = {}
    exec(compile(program.removesuffix(CALL), "old", "exec"), old)

    plan = plan_sources([source_of(Path("train.py"), program.encode())])[0]
    to_do = [note.text for note in plan.notes if note.needs_person]
    assert not to_do, (to_do, program)
    assert "hyperopt" not in plan.new_text, plan.new_text
    new: dict[str, Any] = {}
    exec(compile(plan.new_text, "new", "exec"), new)
    build = new["search_space"] if "search_space" in new else new["space"]
    for further in range(3):
        trial = FixedAnswers(seed + further)
        point = build(trial)
        expected = space_eval(old["space"], trial.assignment)
        different = difference(expected, point)
        assert different is None, (different, trial.assignment, plan.new_text)


def _settings(n: int) -> settings:
    return settings(
        max_examples=n, deadline=None, suppress_health_check=list(HealthCheck), database=None
    )


@_settings(40)
@given(space_source(), st.sampled_from(list(FORMS)), st.integers(0, 2**32))
def test_a_point_is_what_hyperopt_would_give(text: str, form: str, seed: int) -> None:
    check(text, form, seed)


@pytest.mark.long
@_settings(2000)
@given(space_source(), st.sampled_from(list(FORMS)), st.integers(0, 2**32))
def test_a_point_is_what_hyperopt_would_give_2000_times(text: str, form: str, seed: int) -> None:
    check(text, form, seed)
