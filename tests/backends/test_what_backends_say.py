"""What a backend's class says of itself is what the package and its README promise."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import hyperbridge
from hyperbridge import backends
from hyperbridge.errors import InvalidArgumentError
from hyperbridge.optional import MLFLOW, Package

tomllib = pytest.importorskip("tomllib")  # Python 3.11

ROOT = Path(__file__).resolve().parents[2]
OURS = backends.ours()


def extras() -> dict[str, list[str]]:
    project: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    return project["optional-dependencies"]  # type: ignore[no-any-return]


@pytest.mark.parametrize(
    "package", [MLFLOW, *(kind.package for kind in OURS.values() if kind.package is not None)]
)
def test_its_extra_installs_its_package_in_the_oldest_version_tried(package: Package) -> None:
    extra = package.install.removeprefix("hyperbridge[").removesuffix("]")
    (requirement,) = extras()[extra]
    name, oldest = requirement.split(">=")
    assert name.partition("[")[0] == package.name
    assert oldest == package.oldest


@pytest.mark.parametrize("name", OURS)
def test_it_has_a_row_in_the_readme(name: str) -> None:
    kind = OURS[name]
    rows = [line for line in (ROOT / "README.md").read_text().splitlines() if line[:3] == "| `"]
    (row,) = [row for row in rows if row.startswith(f"| `{name}`")]
    assert f"`{kind.__name__}(" in row
    assert kind.package is None or f"`{kind.package.install}`" in row


@pytest.mark.parametrize("name", OURS)
def test_its_help_is_one_line(name: str) -> None:
    assert 0 < len(OURS[name].help) <= 60
    assert "\n" not in OURS[name].help


@pytest.mark.parametrize("kind", ["Local", "Optuna", "Ray", "Spark"])
@pytest.mark.parametrize("retries", [-1, 1.5, "2", True, None])
def test_retries_that_are_no_number_are_refused_when_the_backend_is_made(
    kind: str, retries: Any
) -> None:
    with pytest.raises(InvalidArgumentError, match="retries must be a whole number of at least 0"):
        getattr(hyperbridge, kind)(retries=retries)
