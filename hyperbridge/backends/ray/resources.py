"""How many trials a Ray cluster has room for, by what one of them asks for."""

from __future__ import annotations

import logging
import numbers
from collections import Counter
from collections.abc import Mapping
from typing import Any

import ray
from ray import util
from ray.tune import PlacementGroupFactory

from hyperbridge.backends.ray.cluster import is_remote
from hyperbridge.backends.ray.internals import AUTOSCALER_ARGUMENTS
from hyperbridge.errors import BackendUnavailableError, InvalidArgumentError
from hyperbridge.run.capacity import MAX_PARALLELISM

logger = logging.getLogger(__name__)

_PATIENCE_S = 10.0


def request_of(resources_per_trial: Any) -> PlacementGroupFactory:
    """Return what one trial asks for, as Tune takes it.

    Args:
        resources_per_trial: A dict such as ``{"cpu": 2, "gpu": 0.5}``, where other names are
            those of Ray's custom resources; a ``ray.tune.PlacementGroupFactory``; None for one CPU.

    Raises:
        InvalidArgumentError: It is neither, has an amount that cannot be, or asks for nothing.
    """
    if resources_per_trial is None:
        return PlacementGroupFactory([{"CPU": 1.0}])
    if isinstance(resources_per_trial, PlacementGroupFactory):
        return resources_per_trial
    if not isinstance(resources_per_trial, Mapping):
        raise InvalidArgumentError(
            'resources_per_trial must be a dict such as {"cpu": 2, "gpu": 0.5} or a '
            f"ray.tune.PlacementGroupFactory, got {resources_per_trial!r}"
        )
    amounts: dict[str, float] = {}
    for name, amount in resources_per_trial.items():
        is_number = isinstance(amount, numbers.Real) and not isinstance(amount, bool)
        if not is_number or not float(amount) >= 0:
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
    return PlacementGroupFactory([amounts])


def count_slots(request: PlacementGroupFactory) -> int:
    """Return how many trials the nodes that are there have room for; 0 when they have none.

    It counts the places of the hungriest bundle, and how often all bundles go into the cluster as a
    whole. Which node takes what is Ray's to decide, so there may be room for fewer.
    """
    nodes = _nodes()
    together: Counter[str] = Counter()
    for bundle in request.bundles:
        together.update(bundle)
    all_nodes: Counter[str] = Counter()
    for node in nodes:
        all_nodes.update(node)
    pieces = [dict(together)] if request.strategy == "STRICT_PACK" else request.bundles
    slots = min(_times(together, all_nodes), *(_places(piece, nodes) for piece in pieces))
    if request.strategy == "STRICT_SPREAD" and len(pieces) > len(nodes):
        slots = 0
    return slots


def check_room(request: PlacementGroupFactory, slots: int, *, grows: bool) -> None:
    """See whether any trial fits, and say so when it has to wait for a node.

    Args:
        request: What one trial asks for.
        slots: From `count_slots`.
        grows: Whether nodes may come.

    Raises:
        BackendUnavailableError: No trial would ever fit, and the cluster does not grow.
    """
    if slots > 0:
        return
    nodes = _nodes()
    asked = ", ".join(_text(bundle) for bundle in request.bundles)
    if not grows:
        has = "; ".join(_text({k: v for k, v in node.items() if ":" not in k}) for node in nodes)
        raise BackendUnavailableError(
            f"Backend 'ray': a trial asks for {asked}, and the cluster does not have it ({has}). "
            "Ask for less with Ray(resources_per_trial=...), or use a larger cluster."
        )
    logger.warning(
        "Backend 'ray': the cluster has no room for a trial yet (it asks for %s). Trials start "
        "when a node with room joins.",
        asked,
    )


def _places(bundle: Mapping[str, float], nodes: list[dict[str, float]]) -> int:
    return sum(_times(bundle, node) for node in nodes)


def _times(bundle: Mapping[str, float], has: Mapping[str, float]) -> int:
    """Return how often a bundle goes into some resources, `MAX_PARALLELISM` at most."""
    asked = [(name, amount) for name, amount in bundle.items() if amount > 0]
    return min(
        [MAX_PARALLELISM, *(int((has.get(name, 0.0) + 1e-9) / amount) for name, amount in asked)]
    )


def await_room(request: PlacementGroupFactory) -> None:
    """Ask Ray for the place of one trial, and say so when it has none within ten seconds."""
    group = util.placement_group(request.bundles, strategy=request.strategy)
    try:
        if not group.wait(timeout_seconds=_PATIENCE_S):
            free = ray.available_resources()
            names = {name for bundle in request.bundles for name in bundle}
            logger.warning(
                "Backend 'ray': no trial can start yet. It asks for %s; the cluster has %s free. "
                "Trials wait in Ray's queue until other work ends or a node joins. If you do not "
                "expect that, ask for less with Ray(resources_per_trial=...).",
                ", ".join(_text(bundle) for bundle in request.bundles),
                _text({name: free.get(name, 0.0) for name in names}),
            )
    finally:
        util.remove_placement_group(group)


def may_grow(nodes: list[dict[str, float]] | None = None) -> bool:
    """Tell whether an autoscaler may add nodes.

    That is so on a cluster of Ray's launcher, on one of KubeRay unless its head runs without an
    autoscaler beside it, where the head's monitor has been given one (Ray on Spark does that), and
    where a head without CPUs waits for its first worker.

    Args:
        nodes: The resources of each node; None for those of the cluster.
    """

    def signs() -> bool:
        import os
        from pathlib import Path

        import ray

        if Path("~/ray_bootstrap_config.yaml").expanduser().exists():
            return True
        command = os.environ.get("KUBERAY_GEN_RAY_START_CMD")
        if command is not None and ("--head" not in command or "--no-monitor" in command):
            return True
        ours, given = AUTOSCALER_ARGUMENTS
        address = ours.format(ray.get_runtime_context().gcs_address)
        for file in Path("/proc").glob("[0-9]*/cmdline"):
            try:
                words = file.read_bytes().decode(errors="replace").split("\0")
            except OSError:  # it has ended
                continue
            if address in words and any(word.startswith(given) for word in words):
                return True
        return False

    if not any(node.get("CPU") for node in (_nodes() if nodes is None else nodes)):
        return True
    if not is_remote():
        return signs()
    on_head = ray.remote(num_cpus=0, resources={"node:__internal_head__": 0.001})
    return bool(ray.get(on_head(signs).remote()))


def decide_parallelism(requested: int | None, slots: int, *, grows: bool, follows: bool) -> int:
    """Return how many trials run at once at most, with a log line for each surprise.

    Args:
        requested: What the user asked for; None or a value below 1 means all slots.
        slots: From `count_slots`.
        grows: Whether nodes may come.
        follows: Whether the number follows them.
    """
    if requested is None or requested <= 0:
        if not follows:
            return max(1, slots)
        logger.warning(
            "Because no parallelism was requested, it follows the Ray cluster: %d trials at once "
            "now, at most %d. We recommend to set parallelism explicitly.",
            slots,
            MAX_PARALLELISM,
        )
        return MAX_PARALLELISM
    if requested > MAX_PARALLELISM:
        logger.warning("Parallelism %d is capped at %d.", requested, MAX_PARALLELISM)
    decided = min(requested, MAX_PARALLELISM)
    if decided > slots and not grows:
        logger.warning(
            "Parallelism %d is more than the %d trials that the Ray cluster has room for; it is "
            "reduced to %d.",
            requested,
            slots,
            slots,
        )
        decided = slots
    return decided


def _nodes() -> list[dict[str, float]]:
    return [dict(node["Resources"]) for node in ray.nodes() if node["Alive"]]


def _text(resources: Mapping[str, float]) -> str:
    shown = {
        name: f"{amount / 2**30:.3g} GiB" if "memory" in name else f"{amount:g}"
        for name, amount in resources.items()
    }
    return "{" + ", ".join(f"{name}: {amount}" for name, amount in sorted(shown.items())) + "}"
