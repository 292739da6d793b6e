"""The space that trials show: the labels, kinds and ranges, and what is said about each."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hyperbridge.documents import assignment_of, misc_of, new_document
from hyperbridge.errors import InvalidArgumentError
from hyperbridge.history.history import History
from hyperbridge.history.inference import space_of
from hyperbridge.space import Space
from hyperbridge.space.points import validate_points


def history_of(*assignments: dict[str, Any]) -> History:
    labels = list(dict.fromkeys(label for each in assignments for label in each))
    documents = [new_document(i, misc_of(i, a, labels), None) for i, a in enumerate(assignments)]
    return History(documents, {}, "here")


def test_kinds_and_ranges_are_those_of_the_values() -> None:
    history = history_of(
        {"i": 3, "x": 0.5, "log": 1e-5, "q": 4.0, "same": 2.5},
        {"i": np.int64(7), "x": np.float64(-2.0), "log": 10.0, "q": 8.0, "same": 2.5},
    )
    shown = {label: p.distribution for label, p in space_of(history).parameters.items()}
    assert shown["i"].bounds() == (3, 7)
    assert shown["x"].bounds() == (-2.0, 0.5)
    assert shown["log"].bounds() == pytest.approx((1e-5, 10.0))
    assert shown["q"].bounds() == (4.0, 8.0)
    assert shown["same"].is_single
    assert history.remarks == [
        "no space is known: 'i' is taken for hp.randint('i', 3, 8), from 2 values",
        "no space is known: 'x' is taken for hp.uniform('x', -2, 0.5), from 2 values",
        "no space is known: 'log' is taken for hp.loguniform('log', log(1e-05), log(10)), "
        "from 2 values",
        "no space is known: 'q' is taken for hp.quniform('q', 4, 8, 1), from 2 values",
        "no space is known: 'same' is taken for the constant 2.5, from 2 values",
    ]


def test_a_choice_is_seen_by_what_it_decides() -> None:
    history = history_of(
        {"model": 0, "C": 0.5, "t": 1.5},
        {"model": 1, "depth": 4, "t": 1.0, "deep": 1, "extra": 0.25},
        {"model": 1, "depth": 2, "t": 2.5, "deep": 0},
        {"model": 3, "t": 2.5},
    )
    space = space_of(history)
    assert set(space.choices) == {"deep", "model"}
    assert len(space.choices["model"].options) == 4
    for document in history.documents:
        assignment = assignment_of(document)
        assert space.reached(assignment) == assignment
    assert history.remarks[0] == (
        "no space is known: 'model' is taken for a choice of 4 options, which decides whether "
        "there is 'C', 'depth', 'deep', from 4 values"
    )


def test_a_label_that_is_missing_for_no_reason_is_said() -> None:
    history = history_of({"x": 0.5, "y": 1.5}, {"x": 0.25})
    assert set(space_of(history).parameters) == {"x", "y"}
    assert history.remarks[1].endswith(
        "from 1 values; 1 trials lack it, for no reason that the other labels show"
    )


def test_a_known_space_is_taken() -> None:
    history = history_of({"x": 0.5})
    history.space = known = space_of(history_of({"x": 7}))
    assert space_of(history) is known
    assert history.remarks == []


@pytest.mark.parametrize("value", ["adam", None, True, float("nan")])
def test_what_is_no_number_needs_a_space(value: Any) -> None:
    with pytest.raises(InvalidArgumentError, match="label 'x': .* is no number"):
        space_of(history_of({"x": value}))


def conditional(index: int, x: float, depth: int) -> dict[str, Any]:
    inside = {"a": x} if index == 0 else {"depth": depth} if index == 1 else {}
    return {"kind": index, "x": x, **inside}


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.builds(
            conditional,
            st.integers(0, 2),
            st.floats(-1e6, 1e6) | st.floats(1e-9, 1e9),
            st.integers(-3, 60),
        ),
        min_size=1,
        max_size=12,
    )
)
def test_trials_fit_the_space_that_they_show(assignments: list[dict[str, Any]]) -> None:
    history = history_of(*assignments)
    space: Space = space_of(history)
    validate_points(space, assignments)
    for assignment in assignments:
        assert space.reached(assignment) == assignment
    assert len(history.remarks) == len(space.parameters)
