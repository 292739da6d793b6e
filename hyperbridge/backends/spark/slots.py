"""How many trials a classic Spark cluster can run at once, now and ever, and how many are used.

Source: the settings ``spark.dynamicAllocation.*`` in Spark's documentation, and what a Databricks
cluster says of itself in ``spark.databricks.clusterUsageTags.*``.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from hyperbridge.backends.spark.worker_python import is_local_master
from hyperbridge.run.capacity import MAX_PARALLELISM

logger = logging.getLogger(__name__)

_DYNAMIC = "spark.dynamicAllocation"
_DATABRICKS = "spark.databricks.clusterUsageTags"


@dataclass(frozen=True, slots=True)
class Cluster:
    """The size of a cluster, in tasks of one trial each.

    Attributes:
        slots: Tasks that it can run at once now; 0 when its executors are still to come.
        most: Tasks that it can run at once when it has grown as far as is known, at least 1.
        is_elastic: Whether executors may come and go.
    """

    slots: int
    most: int
    is_elastic: bool


def count_slots(context: Any, java_profile: Any = None) -> int:
    """Return the number of tasks that the executors that are there can run at once.

    Args:
        context: A ``pyspark.SparkContext``.
        java_profile: The JVM's resource profile that the tasks will have, if any. Executors that
            Spark starts for it, with the first task, are not there before.
    """
    scala = context._jsc.sc()
    profile = java_profile
    if profile is None:
        profile = scala.resourceProfileManager().defaultResourceProfile()
    return int(scala.maxNumConcurrentTasks(profile))


def look_at(context: Any, java_profile: Any = None, *, elastic: bool | None = None) -> Cluster:
    """Return the size of a cluster.

    Args:
        context: A ``pyspark.SparkContext``.
        java_profile: As for `count_slots`.
        elastic: Whether executors may come and go; None asks the settings of the cluster.
    """
    settings = dict(context.getConf().getAll())
    slots = count_slots(context, java_profile)
    executors = 0
    if f"{_DATABRICKS}.clusterScalingType" in settings:
        executors = context._jsc.sc().getExecutorMemoryStatus().size() - 1  # the driver is in it
    most = most_slots(
        settings, context.master, slots, executors, has_profile=java_profile is not None
    )
    if is_local_master(context.master):
        if elastic:
            logger.warning(
                "Spark(elastic=True): the master is %s, whose slots are the threads of this "
                "machine; it stays as it is.",
                context.master,
            )
        elastic = False
    elif elastic is None:
        elastic = most is not None
    if elastic and most is None:
        most = MAX_PARALLELISM
    if most is None:  # the executors for a profile may be still to come, as may be the first ones
        most = slots or (MAX_PARALLELISM if java_profile else int(context.defaultParallelism))
    return Cluster(slots, max(1, min(most, MAX_PARALLELISM)), elastic)


def most_slots(
    settings: Mapping[str, str],
    master: str,
    slots: int,
    executors: int,
    *,
    has_profile: bool = False,
) -> int | None:
    """Return how many tasks a cluster can run at once that grows by itself, 128 at most.

    Args:
        settings: The settings of Spark.
        master: The URL of the master.
        slots: Tasks that its executors can run at once now.
        executors: How many they are.
        has_profile: Whether the tasks have a resource profile, which says in the place of the
            settings how many of them an executor takes.

    Returns:
        None when the settings do not say that it grows.

    Examples:
        >>> most_slots({"spark.dynamicAllocation.enabled": "true"}, "yarn", 4, 4)
        128
        >>> kept_in_tags = {"clusterScalingType": "autoscaling", "clusterMaxWorkers": "6"}
        >>> tags = {f"spark.databricks.clusterUsageTags.{k}": v for k, v in kept_in_tags.items()}
        >>> most_slots(tags, "spark://10.0.0.1:7077", 8, 2)  # four tasks on each worker
        24
    """
    if is_local_master(master):
        return None
    is_standalone = master.startswith(("spark://", "local-cluster"))
    if settings.get(f"{_DYNAMIC}.enabled", "false").lower() == "true":
        workers = _number(settings, f"{_DYNAMIC}.maxExecutors")
        # Without the setting an executor has one core, but on a standalone cluster all of a worker.
        cores = _number(settings, "spark.executor.cores") or (None if is_standalone else 1)
        each = None if cores is None else cores // _cpus(settings)
    elif settings.get(f"{_DATABRICKS}.clusterScalingType", "").lower() == "autoscaling":
        workers = _number(settings, f"{_DATABRICKS}.clusterMaxWorkers")
        each = -(-slots // executors) if slots > 0 and executors > 0 else None
    else:
        return None
    most = MAX_PARALLELISM
    if workers is not None and each is not None and not has_profile:
        most = min(most, max(1, workers * each))
    in_all = _number(settings, "spark.cores.max") if is_standalone else None
    if in_all is not None and not has_profile:
        most = min(most, max(1, in_all // _cpus(settings)))
    return most


def _cpus(settings: Mapping[str, str]) -> int:
    return _number(settings, "spark.task.cpus") or 1


def _number(settings: Mapping[str, str], name: str) -> int | None:
    """Return the value of a setting that is a positive number, else None."""
    text = settings.get(name, "").strip()
    return int(text) if text.isdecimal() and int(text) > 0 else None


def decide_parallelism(requested: int | None, slots: int, *, now: int | None = None) -> int:
    """Return how many trials run at once at most, with a log line for each surprise.

    Args:
        requested: What the user asked for; None or a value below 1 means all slots.
        slots: Task slots that the cluster has, or can ever have.
        now: The number that an elastic cluster has now; None for any other.

    Examples:
        >>> decide_parallelism(2, slots=8)
        2
    """
    if requested is None or requested <= 0:
        decided = min(slots, MAX_PARALLELISM)
        what = "the number of available Spark task slots"
        if now is not None:
            what = f"what the cluster can grow to; it has {now} Spark task slots now"
        logger.warning(
            "Because the requested parallelism was %s, it will be %s%d, %s (at most %d). We "
            "recommend to set parallelism explicitly, because the number of slots depends on the "
            "size of the cluster.",
            "None" if requested is None else f"not positive ({requested})",
            "" if now is None else "up to ",
            decided,
            what,
            MAX_PARALLELISM,
        )
        return decided
    decided = requested
    if decided > MAX_PARALLELISM:
        logger.warning("Parallelism %d is capped at %d.", decided, MAX_PARALLELISM)
        decided = MAX_PARALLELISM
    if decided > slots:
        logger.warning(
            "Parallelism %d is more than the %d task slots %s; it is reduced to %d.",
            requested,
            slots,
            "of the cluster" if now is None else "that the cluster can grow to",
            slots,
        )
        decided = slots
    return decided


def warn_if_random(parallelism: int, max_evals: int | None) -> None:
    """Warn when all trials start before the first one ends, so that nothing is learnt.

    Args:
        parallelism: Trials at once.
        max_evals: Trials in all; None for no limit.
    """
    if max_evals is not None and 1 < max_evals <= parallelism:
        logger.warning(
            "parallelism (%d) >= max_evals (%s): all trials start before the first one ends, so "
            "the search is random. Use a parallelism well below max_evals.",
            parallelism,
            max_evals,
        )
