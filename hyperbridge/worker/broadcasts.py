"""Spark's broadcast variables in processes that Spark did not start."""

from __future__ import annotations

from typing import Any


class PlainBroadcast:
    """Holds the value of a broadcast variable, for an objective that asks for its ``value``.

    Args:
        value: What was broadcast.
    """

    def __init__(self, value: Any) -> None:
        self.value = value
