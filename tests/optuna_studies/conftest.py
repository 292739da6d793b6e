"""Keeps Optuna quiet."""

from __future__ import annotations

import pytest

optuna = pytest.importorskip("optuna")


@pytest.fixture(autouse=True)
def _quiet(tracking_off: None) -> None:
    optuna.logging.set_verbosity(optuna.logging.WARNING)
