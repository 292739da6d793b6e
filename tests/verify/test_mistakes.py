"""The mistakes that people make by hand are found, and named; what is right is not."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from hyperopt import hp

from hyperbridge.translate.from_hyperopt import read_space
from hyperbridge.verify.compare import Finding
from hyperbridge.verify.evidence import Declared
from hyperbridge.verify.read_hyperopt import declared_of

PROGRAMS = Path(__file__).parent / "programs"

MISTAKES = {
    "log lost": {("rate", "distribution")},
    "log added": {("depth", "distribution")},
    "wider": {("dropout", "support"), (None, "point")},
    "inclusive end": {("layers", "support"), (None, "point")},
    "other steps": {("width", "support"), (None, "point")},
    "no steps": {("width", "support"), (None, "point")},
    "rounds out of the range": {("width", "missing"), ("raw", "extra"), (None, "point")},
    "normal cut": {("shift", "distribution")},
    "condition lost": {(None, "point")},
    "asked always": {(None, "point")},
    "options swapped": {("degree", "options")},
    "options swapped by position": {(None, "point")},
    "option lost": {("degree", "options")},
    "another unit": {(None, "point")},
    "maximises": {(None, "direction")},
    "random": {(None, "sampler")},
    "no seed": {(None, "seed")},
    "no first point": {(None, "points")},
    "another first point": {(None, "points")},
    "fewer trials": {(None, "budget")},
    "less time": {(None, "timeout")},
}
"""The differences that each mistake of by_hand.py makes."""

IN_TUNE = {
    "log lost": {("rate", "distribution")},
    "inclusive end": {("layers", "support"), (None, "point")},
    "other steps": {("width", "support"), (None, "point")},
    "swapped": {("act", "options")},
    "maximises": {(None, "direction")},
    "fewer trials": {(None, "budget")},
}


def differences(findings: list[Finding]) -> set[tuple[str | None, str]]:
    return {(each.label, each.kind) for each in findings if each.is_difference}


def test_a_program_by_hand_that_is_right_is_the_same(
    verified: Callable[..., list[Finding]],
) -> None:
    assert differences(verified(PROGRAMS / "original.py", PROGRAMS / "by_hand.py")) == set()


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_found(mistake: str, verified: Callable[..., list[Finding]]) -> None:
    found = verified(PROGRAMS / "original.py", PROGRAMS / "by_hand.py", mistake)
    assert differences(found) == MISTAKES[mistake]


def test_a_tune_program_that_is_right_is_the_same(verified: Callable[..., list[Finding]]) -> None:
    pytest.importorskip("ray")
    found = verified(PROGRAMS / "original_of_tune.py", PROGRAMS / "by_hand_tune.py")
    assert differences(found) == set()


@pytest.mark.parametrize("mistake", IN_TUNE)
def test_a_mistake_in_a_tune_program_is_found(
    mistake: str, verified: Callable[..., list[Finding]]
) -> None:
    pytest.importorskip("ray")
    found = verified(PROGRAMS / "original_of_tune.py", PROGRAMS / "by_hand_tune.py", mistake)
    assert differences(found) == IN_TUNE[mistake]


def test_steps_do_not_reach_an_end_that_lies_half_way_between_two() -> None:
    space = read_space({"x": hp.quniform("x", -3, 3, 2), "y": hp.quniform("y", 1, 9, 2)})
    assert declared_of(space) == {
        "x": Declared("float", -2, 2, 2),
        "y": Declared("float", 2, 8, 2),
    }
