"""What ``migrate`` writes is the same search as what it was written from: no false alarm."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from hyperbridge.verify.compare import Finding

GOLDEN = Path(__file__).parents[1] / "migrate" / "golden"


def cases(target: str) -> list[str]:
    return sorted(path.parent.name for path in GOLDEN.glob(f"*/{target}.py"))


def old_of(case: str) -> Path:
    return next(path for path in (GOLDEN / case).iterdir() if path.stem == "before")


def differences(case: str, target: str, verified: Callable[..., list[Finding]]) -> list[str]:
    """Compare the two programs of a case; they run under names that hide no package."""
    new = Path(f"{case}_on_{target}.py").absolute()
    shutil.copy(GOLDEN / case / f"{target}.py", new)
    found = verified(old_of(case), new, n_draws=40)
    return [f"{each.kind} {each.label}: {each.text}" for each in found if each.is_difference]


def some(target: str) -> list[object]:
    """Return the cases; three of four are in the long run alone."""
    return [
        case if position % 4 == 0 else pytest.param(case, marks=pytest.mark.long)
        for position, case in enumerate(cases(target))
    ]


@pytest.mark.parametrize("case", some("optuna"))
def test_optuna_programs_of_migrate_are_the_same_search(
    case: str, verified: Callable[..., list[Finding]]
) -> None:
    assert differences(case, "optuna", verified) == []


@pytest.mark.parametrize("case", some("ray"))
def test_tune_programs_of_migrate_are_the_same_search(
    case: str, verified: Callable[..., list[Finding]]
) -> None:
    pytest.importorskip("ray")
    assert differences(case, "ray", verified) == []
