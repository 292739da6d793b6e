"""How many trials a Ray cluster has room for, by what one of them asks for."""

from __future__ import annotations

import logging
import numbers
from collections.abc import Mapping
from typing import Any

import ray

from hyperbridge.backends.ray.cluster import is_remote
from hyperbridge.errors import BackendUnavailableError, InvalidArgumentError

logger = logging.getLogger(__name__)

MAX_PARALLELISM = 128
"""Cap on concurrent trials, the same as that of SparkTrials."""

Bundles = list[dict[str, float]]
"""What one trial asks for: resources by name, one dict for each place on a node."""


def bundles_of(resources_per_trial: Any) -> Bundles:
    """Return what one trial asks for.

    Args:
        resources_per_trial: A dict such as ``{"cpu": 2, "gpu": 0.5}``, where other names are
            those of Ray's custom resources; a ``ray.tune.PlacementGroupFactory``; None for one CPU.

    Raises:
        InvalidArgumentError: It is neither, has an amount that cannot be, or asks for nothing.
    """
    if resources_per_trial is None:
        return [{"CPU": 1.0}]
    bundles = getattr(resources_per_trial, "bundles", None)
    if bundles is not None:
        return [dict(bundle) for bundle in bundles]
    if not isinstance(resources_per_trial, Mapping):
        raise InvalidArgumentError(
            'resources_per_trial must be a dict such as {"cpu": 2, "gpu": 0.5} or a '
            f"ray.tune.PlacementGroupFactory, got {resources_per_trial!r}"
        )
    amounts: dict[str, float] = {}
    for name, amount in resources_per_trial.items():
        if (
            isinstance(amount, bool)
            or not isinstance(amount, numbers.Real)
            or not float(amount) >= 0
        ):
            raise InvalidArgumentError(
                f"resources_per_trial[{name!r}] must be a number of at least 0, got {amount!r}"
            )
        known = {"cpu": "CPU", "gpu": "GPU"}.get(str(name).lower(), str(name))
        amounts[known] = float(amount)
    if not any(amounts.values()):  # Ray cannot place an actor that asks for nothing
        raise InvalidArgumentError(
            f"resources_per_trial={resources_per_trial!r} asks for nothing; give a trial a share "
            'of a CPU, such as {"cpu": 0.1}'
        )
    return [amounts]


def count_slots(bundles: Bundles) -> int:
    """Return how many trials the whole cluster has room for; 0 when only nodes to come have.

    Raises:
        BackendUnavailableError: No trial would ever fit, and the cluster does not grow.
    """
    nodes = [dict(node["Resources"]) for node in ray.nodes() if node["Alive"]]
    slots = 0
    asked = ", ".join(_text(bundle) for bundle in bundles)
    while slots < MAX_PARALLELISM and _place(bundles, nodes):
        slots += 1
    if slots == 0 and may_grow():
        logger.warning(
            "No node of the Ray cluster has room for a trial yet (it asks for %s).", asked
        )
    elif slots == 0:
        has = "; ".join(
            _text({k: v for k, v in node["Resources"].items() if ":" not in k})
            for node in ray.nodes()
            if node["Alive"]
        )
        raise BackendUnavailableError(
            f"Backend 'ray': a trial asks for {asked}, which no node of the cluster has "
            f"({has}). Ask for less with Ray(resources_per_trial=...), or use a larger cluster."
        )
    return slots


def _place(bundles: Bundles, nodes: list[dict[str, float]]) -> bool:
    """Take one trial's resources from the nodes, each bundle from one; False if they don't fit."""
    before = [dict(node) for node in nodes]
    for bundle in bundles:
        for node in nodes:
            if all(node.get(name, 0.0) + 1e-9 >= amount for name, amount in bundle.items()):
                for name, amount in bundle.items():
                    node[name] = node.get(name, 0.0) - amount
                break
        else:
            nodes[:] = before
            return False
    return True


def may_grow() -> bool:
    """Tell whether an autoscaler may add nodes: a cluster of Ray's launcher, or of KubeRay."""

    def signs() -> bool:
        import os
        from pathlib import Path

        bootstrap = Path("~/ray_bootstrap_config.yaml").expanduser()
        return bootstrap.exists() or "KUBERAY_GEN_RAY_START_CMD" in os.environ

    return bool(ray.get(ray.remote(num_cpus=0)(signs).remote())) if is_remote() else signs()


def decide_parallelism(requested: int | None, slots: int) -> int:
    """Return how many trials run at once, with a log line for each surprise.

    Args:
        requested: What the user asked for; None or a value below 1 means all slots.
        slots: From `count_slots`; 0 when only nodes to come will have room.
    """
    if requested is None or requested <= 0:
        return max(1, min(slots, MAX_PARALLELISM))
    if requested > MAX_PARALLELISM:
        logger.warning("Parallelism %d is capped at %d.", requested, MAX_PARALLELISM)
    decided = min(requested, MAX_PARALLELISM)
    if decided > slots and not may_grow():
        logger.warning(
            "Parallelism %d is more than the %d trials that the Ray cluster has room for; it is "
            "reduced to %d.",
            requested,
            slots,
            slots,
        )
        decided = slots
    return max(1, decided)


def _text(resources: Mapping[str, float]) -> str:
    shown = {
        name: f"{amount / 2**30:.3g} GiB" if "memory" in name else f"{amount:g}"
        for name, amount in resources.items()
    }
    return "{" + ", ".join(f"{name}: {amount}" for name, amount in sorted(shown.items())) + "}"
