"""Makes the generated spaces importable, and keeps Optuna quiet."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

optuna = pytest.importorskip("optuna")

sys.path.append(str(Path(__file__).resolve().parent.parent / "space"))


@pytest.fixture(autouse=True)
def _quiet(tracking_off: None) -> None:
    optuna.logging.set_verbosity(optuna.logging.WARNING)
