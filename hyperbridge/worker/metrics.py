"""Tell what of a result an engine's own tables can show.

It runs on workers, so it is shipped by value like everything in this folder.
"""

from __future__ import annotations

import numbers
from typing import Any

TUNES_OWN = frozenset({
    "checkpoint_dir_name", "config", "date", "done", "episodes_this_iter", "episodes_total",
    "experiment_tag", "hostname", "iterations_since_restore", "node_ip", "pid", "should_checkpoint",
    "time_since_restore", "time_this_iter_s", "time_total_s", "timestamp",
    "timesteps_since_restore", "timesteps_this_iter", "timesteps_total", "training_iteration",
    "trial_id",
})  # fmt: skip
"""Keys of a result that Ray Tune fills in, or acts on."""


def plain_metrics(result: Any, reserved: frozenset[str]) -> dict[str, Any]:
    """Return the numbers, flags and texts of a result whose keys nobody else uses.

    Args:
        result: A mapping; of anything else nothing can be shown.
        reserved: Keys with a meaning of their own; those that begin with ``__`` have one too.

    Examples:
        >>> plain_metrics({"loss": 0.5, "done": True, "model": object()}, frozenset({"done"}))
        {'loss': 0.5}
    """
    if not hasattr(result, "keys"):
        return {}
    return {
        key: value
        for key, value in dict(result).items()
        if isinstance(key, str)
        and key not in reserved
        and not key.startswith("__")
        and _is_plain(value)
    }


def _is_plain(value: Any) -> bool:
    if isinstance(value, str | bool):
        return True
    try:
        return isinstance(value, numbers.Real) and isinstance(float(value), float)
    except Exception:  # noqa: BLE001 - too large, or a number of the user's own kind
        return False
