"""Unusual ways to say a space: bounds with a star, and annotations of the objective."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from golden_cases import migrate, notes_of

from hyperbridge.migrate.module import Module
from hyperbridge.migrate.plain_forms import plain_form
from hyperbridge.migrate.scan import scan
from hyperbridge.migrate.sources import source_of

HEAD = "from hyperopt import fmin, hp, tpe\n\nlimits = (-3, 4)\n"
CALL = "best = fmin(abs, SPACE, algo=tpe.suggest, max_evals=3)\n"
ANNOTATED = """
def loss(
    x: hp.uniform("x", -1, 1),  # the place
    kind: hp.choice(
        "kind", [1, 2]
    ),
    scale=2,
):
    return x * kind * scale


best = fmin(loss, space="annotated", algo=tpe.suggest, max_evals=3)
"""


def plain_text(text: str) -> str:
    form = plain_form(Module(source_of(Path("tune.py"), text.encode())))
    return text if form is None else form.text


@pytest.mark.parametrize(
    ("space", "written"),
    [
        ("hp.uniform('x', *limits)", "trial.suggest_float('x', limits[0], limits[1])"),
        (
            "hp.quniform('x', *limits, q=1)",
            "trial.suggest_float('x', limits[0], limits[1], step=1)",
        ),
        ("hp.uniform('x', -9, *limits)", "trial.suggest_float('x', -9, limits[0])"),
    ],
)
def test_bounds_with_a_star_are_taken_one_by_one(space: str, written: str) -> None:
    result = migrate(HEAD + CALL.replace("SPACE", space))

    assert "hyperopt" not in result.new_text
    assert written in result.new_text
    assert notes_of(result) == ""


@pytest.mark.parametrize(
    "space",
    ["hp.randint('x', *limits)", "hp.uniform('x', *limits[:2])", "hp.uniform(*['x', *limits])"],
)
def test_where_a_star_may_stand_for_any_number_the_search_is_left(space: str) -> None:
    text = HEAD + CALL.replace("SPACE", space)
    result = migrate(text)

    assert result.new_text == text
    assert [s.codes for s in result.searches] == [("HB209",)]


def test_a_space_in_annotations_is_written_out() -> None:
    result = migrate(HEAD + ANNOTATED)

    assert "hyperopt" not in result.new_text
    assert '        "x": trial.suggest_float("x", -1, 1),' in result.new_text
    assert "    x,  # the place\n" in result.new_text
    assert "loss(**params)" in result.new_text
    assert [s.line for s in result.searches] == [15]


@pytest.mark.parametrize("first", ["def loss(x):\n    return x", "loss = lambda x: x"])
def test_of_two_functions_in_cells_the_last_one_before_the_search_counts(first: str) -> None:
    *function, search = ANNOTATED.rpartition("best = ")
    cells = [first, "".join(function[:-1]), f"best = {search}", "def loss(x):\n    return 0"]
    code = [{"cell_type": "code", "source": c} for c in (HEAD, *cells)]
    result = migrate(json.dumps({"cells": code, "metadata": {}}), name="tune.ipynb")

    assert [s.state for s in result.searches] == ["rewritten"]
    assert result.texts[1] == cells[0]
    assert result.texts[4] == cells[3]
    assert "hp" not in "".join(result.texts)


def test_a_file_without_a_search_keeps_its_form() -> None:
    text = f"{HEAD}width = hp.uniform('x', *limits)\n"
    result = migrate(text)
    assert result.new_text == text


@pytest.mark.parametrize(
    "text",
    [
        ANNOTATED.replace("scale=2", "**others"),
        ANNOTATED.replace('"x", -1, 1)', '"x", -1, 1  # low\n)'),
        ANNOTATED.replace("fmin(loss", "fmin(abs"),
        ANNOTATED.replace("best =", "loss = print\nbest ="),
        ANNOTATED.replace("scale=2,", "scale=2,  # hyperbridge: skip"),
    ],
)
def test_what_is_not_sure_is_left_as_it_is(text: str) -> None:
    result = migrate(HEAD + text)

    assert result.new_text == HEAD + text
    assert [s.state for s in result.searches] == ["left"]


def test_a_search_that_is_left_keeps_the_form_of_the_whole_program() -> None:
    text = HEAD + ANNOTATED + CALL.replace("SPACE", "unknown")
    result = migrate(text)

    assert "def loss(\n    x: hp.uniform" in result.new_text
    assert {s.state for s in result.searches} == {"left"}


def test_the_plain_form_has_as_many_lines() -> None:
    text = HEAD + ANNOTATED + CALL.replace("SPACE", "hp.loguniform('x', *limits)")
    assert plain_text(text).count("\n") == text.count("\n")
    assert plain_text(plain_text(text)) == plain_text(text) != text


@pytest.mark.parametrize("indent", ["\t", "    "])
def test_scan_tells_what_goes_in_a_file_that_is_read_in_another_form(
    indent: str, tmp_path: Path
) -> None:
    body = f"def search():\n{indent}return " + CALL.replace("SPACE", "hp.uniform('x', *limits)")[7:]
    (tmp_path / "tune.py").write_text(HEAD + body)

    for finding in scan([tmp_path]).findings:
        assert all(finding.handled[f"--to {name}"] for name in ("optuna", "ray", "spark"))


STEPS = """from hyperopt import fmin, hp, tpe

params = {"seed": 1}
steps = [{"x": hp.uniform("x", -1, 1)}, {"y": hp.uniform("y", -1, 1)}]


def loss(p):
    return sum(p.values())


for step in steps:
    params = {**params, **step}
    best = fmin(loss, params, algo=tpe.suggest, max_evals=3)
    params = {**params, **best}
"""


def test_a_space_that_is_a_dict_of_values_before_and_after_has_a_name_of_its_own() -> None:
    result = migrate(STEPS)

    assert result.notes == ()
    assert "def search_space(trial, params=params, step=step):" in result.new_text
    assert result.new_text.endswith("    params = {**params, **best}\n")


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('hp.uniform("x"', 'hp.uniform("width"'),
        ('{"x": hp', '{"n": 3, "x": hp'),
        ("    params = {**params, **best}", "    break\n    params = {**params, **best}"),
        ("max_evals=3)\n", "max_evals=3)\n    if best:\n        continue\n"),
        ("    params = {**params, **best}", "    best = {}\n    params = {**params, **best}"),
        ("    params = {**params, **best}", "    params = {}\n    params = {**params, **best}"),
        ("    params = {**params, **best}", "    if best:\n        params = {**params, **best}"),
        ("steps = [", "steps = [load(),"),
        ("fmin(loss, params", "fmin(loss, {**params}"),
    ],
)
def test_searches_in_steps_that_say_something_else_keep_their_form(old: str, new: str) -> None:
    assert STEPS.replace(old, new) != STEPS
    assert plain_text(STEPS.replace(old, new)) == STEPS.replace(old, new)
