"""The new engines that programs can be rewritten for; a further one is one more entry."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

from hyperbridge.migrate.rewriting import Target
from hyperbridge.migrate.spark_target import SparkTarget
from hyperbridge.migrate.study_target import OptunaTarget
from hyperbridge.migrate.tune_target import RayTarget

TARGETS: Mapping[str, Callable[[], Target]] = MappingProxyType(
    {"optuna": OptunaTarget, "ray": RayTarget, "spark": SparkTarget}
)

NAMES = tuple(sorted(TARGETS))
"""What ``--to`` takes."""
