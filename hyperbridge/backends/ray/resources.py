"""How many trials a Ray cluster has room for, by what one of them asks for."""

from __future__ import annotations

import logging
import numbers
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

import ray
from ray.tune import PlacementGroupFactory

from hyperbridge.backends.ray.cluster import is_remote
from hyperbridge.errors import BackendUnavailableError, InvalidArgumentError

logger = logging.getLogger(__name__)

MAX_PARALLELISM = 128
"""Cap on concurrent trials, the same as that of SparkTrials."""

_MOST_TRIES = 10_000

Bundles = list[dict[str, float]]
"""What one trial asks for: resources by name, one dict for each place on a node."""


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
    return PlacementGroupFactory([amounts])


def count_slots(request: PlacementGroupFactory) -> int:
    """Return how many trials the whole cluster has room for; 0 when only nodes to come have.

    Raises:
        BackendUnavailableError: No trial would ever fit, and the cluster does not grow.
    """
    nodes = [dict(node["Resources"]) for node in ray.nodes() if node["Alive"]]
    slots = 0
    bundles: Bundles = [dict(bundle) for bundle in request.bundles]
    asked = ", ".join(_text(bundle) for bundle in bundles)
    while slots < MAX_PARALLELISM and _place(bundles, nodes, request.strategy):
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


def _place(bundles: Bundles, nodes: list[dict[str, float]], strategy: str) -> bool:
    """Take one trial's resources from the nodes; False, and nothing taken, if they don't fit.

    Each bundle is on one node. The strategies that begin with ``STRICT_`` are kept: all bundles
    on one node, or each on another. The others only prefer something.
    """
    if strategy == "STRICT_PACK":
        together: Counter[str] = Counter()
        for bundle in bundles:
            together.update(bundle)
        bundles = [dict(together)]
    order = sorted(bundles, key=lambda bundle: _scarcity(bundle, nodes))
    names = sorted({name for bundle in bundles for name in bundle})
    used: set[int] | None = set() if strategy == "STRICT_SPREAD" else None
    return _place_rest(order, names, nodes, used, iter(range(_MOST_TRIES)))


def _scarcity(bundle: Mapping[str, float], nodes: list[dict[str, float]]) -> tuple[int, float]:
    """Return a key by which the bundles that few nodes can take, and the large ones, come first."""
    return sum(_has_room(node, bundle) for node in nodes), -sum(bundle.values())


def _has_room(node: Mapping[str, float], bundle: Mapping[str, float]) -> bool:
    return all(node.get(name, 0.0) + 1e-9 >= amount for name, amount in bundle.items())


def _place_rest(
    bundles: Bundles,
    names: list[str],
    nodes: list[dict[str, float]],
    used: set[int] | None,
    tries: Iterator[int],
) -> bool:
    """Place bundles one after the other, and go back where that leads to nothing."""
    if not bundles:
        return True
    bundle, seen = bundles[0], set()
    for number, node in enumerate(nodes):
        looks = tuple(node.get(name, 0.0) for name in names)
        if looks in seen or (used is not None and number in used) or not _has_room(node, bundle):
            continue  # a node like one that did not do does not do either
        if next(tries, None) is None:
            return False
        seen.add(looks)
        before = dict(node)
        for name, amount in bundle.items():
            node[name] = node.get(name, 0.0) - amount
        if used is not None:
            used.add(number)
        if _place_rest(bundles[1:], names, nodes, used, tries):
            return True
        nodes[number] = before
        if used is not None:
            used.discard(number)
    return False


def may_grow() -> bool:
    """Tell whether an autoscaler may add nodes.

    That is so on a cluster of Ray's launcher, on one whose head was started with
    ``--autoscaling-config``, as Ray on Spark does for a minimum of workers, and on one of KubeRay
    unless its head runs without an autoscaler beside it (then it has a monitor of its own).
    """

    def signs() -> bool:
        import os
        from pathlib import Path

        import ray

        if Path("~/ray_bootstrap_config.yaml").expanduser().exists():
            return True
        command = os.environ.get("KUBERAY_GEN_RAY_START_CMD")
        if command is not None:
            return "--head" not in command or "--no-monitor" in command
        ours = f"--gcs-address={ray.get_runtime_context().gcs_address}".encode()
        for path in Path("/proc").glob("[0-9]*/cmdline"):
            try:
                words = path.read_bytes()
            except OSError:  # it has ended, or is not ours
                continue
            if b"monitor.py" in words and b"--autoscaling-config" in words and ours in words:
                return True
        return False

    if not is_remote():
        return signs()
    on_head = ray.remote(num_cpus=0, resources={"node:__internal_head__": 0.001})
    return bool(ray.get(on_head(signs).remote()))


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
