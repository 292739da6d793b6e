"""How many trials a classic Spark cluster can run at once, and how many of them are used."""

from __future__ import annotations

import logging
from typing import Any

logger = logging.getLogger(__name__)

MAX_PARALLELISM = 128
"""Cap on concurrent trials, the same as that of hyperopt's SparkTrials."""


def task_slots(context: Any, java_profile: Any = None) -> int:
    """Return the number of tasks that the cluster can run at once, at least 1.

    With dynamic allocation it is what the cluster may grow to; infinity is returned as the
    cap on parallelism.

    Args:
        context: A ``pyspark.SparkContext``.
        java_profile: The JVM's resource profile that the tasks will have, if any. Executors that
            Spark starts for it, with the first task, are not known before: then the cap on
            parallelism is returned.
    """
    conf = context.getConf()
    scala = context._jsc.sc()
    is_dynamic = conf.get("spark.dynamicAllocation.enabled", "false").lower() == "true"
    if java_profile is not None:
        known = 0 if is_dynamic else int(scala.maxNumConcurrentTasks(java_profile))
        return min(known or MAX_PARALLELISM, MAX_PARALLELISM)
    if is_dynamic:
        most = int(conf.get("spark.dynamicAllocation.maxExecutors", str(2**31 - 1)))
        cores = int(conf.get("spark.executor.cores", "1"))
        per_task = int(conf.get("spark.task.cpus", "1"))
        return max(1, min(most * (cores // per_task), MAX_PARALLELISM))
    profile = scala.resourceProfileManager().defaultResourceProfile()
    slots = int(scala.maxNumConcurrentTasks(profile))
    return max(1, slots or int(context.defaultParallelism))


def decide_parallelism(requested: int | None, slots: int) -> int:
    """Return how many trials run at once, with a log line for each surprise.

    Args:
        requested: What the user asked for; None or a value below 1 means all slots.
        slots: From `task_slots`.

    Examples:
        >>> decide_parallelism(2, slots=8)
        2
    """
    if requested is None or requested <= 0:
        decided = min(slots, MAX_PARALLELISM)
        logger.warning(
            "Because the requested parallelism was %s, it will be %d, the number of available "
            "Spark task slots (at most %d). We recommend to set parallelism explicitly, because "
            "the number of slots depends on the size of the cluster.",
            "None" if requested is None else f"not positive ({requested})",
            decided,
            MAX_PARALLELISM,
        )
        return decided
    decided = requested
    if decided > MAX_PARALLELISM:
        logger.warning("Parallelism %d is capped at %d.", decided, MAX_PARALLELISM)
        decided = MAX_PARALLELISM
    if decided > slots:
        logger.warning(
            "Parallelism %d is more than the %d task slots of the cluster; it is reduced to %d.",
            requested,
            slots,
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
