"""What is migrated draws what the original draws, and finds as good a loss, on both engines."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from golden_cases import CASES, FOLDER, LEFT_BY_RAY
from program_runs import run

pytest.importorskip("hyperopt")
pytest.importorskip("optuna")

PROGRAMS = [case for case in CASES if "mlflow" not in (FOLDER / case / "optuna.py").read_text()]
"""The cases that run without a store; test_golden runs the others."""

OTHER_ODDS = {
    "class_options": "Optuna and Ray have no probabilities of categories",
    "dataframe_of_results": "the same",
    "random_timeout": "hyperopt rounds the ends of quniform, which gives them other odds",
}
"""Cases that draw from the same values, but some more often."""


SEEDS = list(range(10))
N_DRAWS = 400
FAR = 0.16
"""Two samples of `N_DRAWS` of one distribution are seldom so far apart."""


def engines(*of_loop: pytest.MarkDecorator) -> list[object]:
    needs_ray = pytest.mark.skipif(not _has_ray(), reason="needs Ray Tune")
    return ["optuna", pytest.param("loop", marks=[needs_ray, *of_loop])]


def written_for(engine: str) -> list[str]:
    return [case for case in PROGRAMS if engine == "optuna" or case not in LEFT_BY_RAY]


def _has_ray() -> bool:
    try:
        import ray.tune  # noqa: F401
    except ImportError:
        return False
    return True


@pytest.fixture(scope="module")
def originals(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[float]]:
    return run("before", PROGRAMS, SEEDS, tmp_path_factory.mktemp("before"))["best"]


def worse(ours: dict[str, list[float]], theirs: dict[str, list[float]]) -> dict[str, object]:
    """Return the cases whose mean is above the originals' mean by more than their spread."""
    return {
        case: (np.mean(ours[case]), np.mean(theirs[case]), np.std(theirs[case]))
        for case in theirs
        if np.mean(ours[case]) > np.mean(theirs[case]) + np.std(theirs[case]) + 1e-9
    }


@pytest.mark.slow
@pytest.mark.parametrize("engine", engines(pytest.mark.long))  # the sampler is Optuna's in both
def test_the_best_loss_of_ten_seeds_is_no_worse(
    engine: str, originals: dict[str, list[float]], tmp_path: Path
) -> None:
    cases = written_for(engine)
    ours = run(engine, cases, SEEDS, tmp_path)["best"]

    assert len(ours) >= 25
    assert worse(ours, {case: originals[case] for case in cases}) == {}


def distance(left: list[float], right: list[float]) -> float:
    """Return the largest difference of two distribution functions (Kolmogorov and Smirnov)."""
    assert left
    assert right
    both = np.sort(np.concatenate([left, right]))
    first = np.searchsorted(np.sort(left), both, side="right") / len(left)
    second = np.searchsorted(np.sort(right), both, side="right") / len(right)
    return float(np.abs(first - second).max())


DRAWING = [case for case in PROGRAMS if case != "hyperbridge_surface"]  # that has no hyperopt


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[float]]:
    """The losses of the originals' points at random."""
    return run("before", DRAWING, [0], tmp_path_factory.mktemp("drawn"), draws=N_DRAWS)["drawn"]


@pytest.mark.slow
@pytest.mark.parametrize("engine", engines())
def test_losses_at_random_are_distributed_as_the_originals(
    engine: str, drawn: dict[str, list[float]], tmp_path: Path
) -> None:
    cases = [case for case in written_for(engine) if case in DRAWING]
    ours = run(engine, cases, [0], tmp_path, draws=N_DRAWS)["drawn"]

    far = {
        case: round(distance(ours[case], drawn[case]), 3)
        for case in cases
        if distance(ours[case], drawn[case]) > (FAR if case not in OTHER_ODDS else 0.4)
    }
    assert far == {}


def test_the_comparisons_see_a_difference() -> None:
    """The two tests above would fail for another space and for a worse search."""
    rng = np.random.default_rng(0)
    losses = list(rng.uniform(size=N_DRAWS))
    assert distance(losses, list(rng.uniform(size=N_DRAWS))) < FAR
    assert distance(losses, list(rng.uniform(high=1.3, size=N_DRAWS))) > FAR
    assert worse({"x": [2.0] * 10}, {"x": [0.0, 1.0] * 5})
    assert not worse({"x": [1.0] * 10}, {"x": [0.0, 1.0] * 5})
