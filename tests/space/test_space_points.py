"""points_to_evaluate: what hyperopt takes passes, what cannot work is named."""

from __future__ import annotations

import numpy as np
import pytest
from hyperopt import hp
from hyperopt.pyll import scope

from hyperbridge.errors import InvalidArgumentError
from hyperbridge.space.points import validate_points
from hyperbridge.translate.from_hyperopt import read_space

SPACE = read_space(
    {
        "model": hp.choice("model", ["svm", {"n": hp.quniform("n", 1, 10, 4)}]),
        "lr": hp.loguniform("lr", np.log(1e-3), 0),
        "k": hp.randint("k", 5),
        "w": hp.normal("w", 0, 1),
    }
)
GOOD = {"model": 0, "lr": 0.1, "k": 2, "w": -3.5}


@pytest.mark.parametrize(
    "change",
    [
        {},
        {"lr": 1e-3},
        {"lr": 1},
        {"lr": np.float64(0.5), "k": np.int64(4)},
        {"model": np.int64(1), "n": 8},
        {"model": 1, "n": 5},
        {"model": 1, "n": 0},
        {"n": 10_000},
        {"n": None},
        {"k": 3.0},
    ],
)
def test_points_that_hyperopt_can_evaluate_pass(change):
    validate_points(SPACE, [GOOD, {**GOOD, **change}])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"model": 2}, "label 'model' has the options 0 to 1, got 2"),
        ({"model": -1}, "label 'model' has the options 0 to 1, got -1"),
        ({"model": 0.0}, "label 'model' needs the index of an option, 0 to 1, got 0.0"),
        ({"model": "svm"}, "label 'model' needs .* got 'svm', which is option 0"),
        ({"model": 1}, "label 'n' has no value, and this point needs one"),
        ({"model": 1, "n": 12}, "label 'n' must be between 0 and 8, got 12"),
        ({"lr": 0}, "label 'lr' must be between 0.001 and 1, got 0"),
        ({"lr": float("nan")}, "label 'lr' must be between"),
        ({"lr": "0.1"}, "label 'lr' needs a number, got '0.1'"),
        ({"lr": None}, "label 'lr' needs a number, got None"),
        ({"k": 5}, "label 'k' must be between 0 and 4, got 5"),
        ({"k": 1.5}, "label 'k' needs an integer, got 1.5"),
        ({"w": float("inf")}, "label 'w' must be finite, got inf"),
        ({"learning_rate": 1}, "the space has no label 'learning_rate'; it has 'k', 'lr'"),
    ],
)
def test_a_point_that_cannot_work_is_refused_with_its_position_and_label(change, message):
    with pytest.raises(InvalidArgumentError, match=r"^points_to_evaluate\[1\]: .*" + message):
        validate_points(SPACE, [GOOD, {**GOOD, **change}])


def test_a_missing_label_is_refused():
    with pytest.raises(InvalidArgumentError, match="label 'lr' has no value"):
        validate_points(SPACE, [{"model": 0, "k": 1, "w": 0}])


@pytest.mark.parametrize("points", [{"x": 1}, "lr", 3, None])
def test_points_that_are_no_list_are_refused(points):
    with pytest.raises(InvalidArgumentError, match="must be a list of dicts"):
        validate_points(SPACE, points)


def test_a_point_that_is_no_dict_is_refused():
    with pytest.raises(InvalidArgumentError, match=r"\[0\]: must be a dict"):
        validate_points(SPACE, [[0, 1]])


def test_bounds_can_be_left_to_the_engine():
    validate_points(SPACE, [{**GOOD, "lr": 7}], check_bounds=False)
    with pytest.raises(InvalidArgumentError, match="needs a number"):
        validate_points(SPACE, [{**GOOD, "lr": "7"}], check_bounds=False)


def test_computed_bounds_are_checked_for_the_point_at_hand():
    space = read_space({"x": hp.uniform("x", 0, hp.uniform("y", 1, 2))})

    validate_points(space, [{"x": 1.5, "y": 1.75}])
    with pytest.raises(InvalidArgumentError, match=r"'x' must be between 0 and 1.25, got 1.5"):
        validate_points(space, [{"x": 1.5, "y": 1.25}])


def test_an_expression_that_raises_for_a_point_is_left_to_its_trial():
    validate_points(read_space({"x": scope.getitem((1, 2), hp.randint("i", 9))}), [{"i": 7}])
