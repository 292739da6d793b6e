"""The pruner of a study: Optuna's object for each name that fmin's ``pruner`` takes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


def pruner_of(pruner: Any) -> Any:
    """Return the Optuna pruner of a name, or the pruner itself.

    Args:
        pruner: As fmin's argument; `hyperbridge.pruning.check_pruner` has let it through.

    Examples:
        >>> type(pruner_of("asha")).__name__
        'SuccessiveHalvingPruner'
    """
    if not isinstance(pruner, str):
        return pruner
    from optuna import pruners

    made: dict[str, Callable[[], Any]] = {
        "median": pruners.MedianPruner,
        "percentile": lambda: pruners.PercentilePruner(25.0),
        "asha": pruners.SuccessiveHalvingPruner,
        "hyperband": pruners.HyperbandPruner,
        "patient": lambda: pruners.PatientPruner(pruners.MedianPruner(), patience=3),
    }
    return made[pruner.strip().lower()]()
