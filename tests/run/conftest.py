"""Tracking has tests of its own."""

from __future__ import annotations

import pytest


@pytest.fixture(autouse=True)
def _no_tracking(tracking_off: None) -> None:
    """Keep MLflow out."""
