"""Write the helper functions that generated code calls for what Optuna has no ``suggest`` of.

Source: Optuna reference, ``Trial.suggest_float``; Python library, ``statistics.NormalDist``.
"""

from __future__ import annotations

from collections.abc import Collection

from hyperbridge.translate.optuna_table import NORMAL_WIDTH

NORMAL = "suggest_normal"
NORMAL_LOG = "suggest_normal, log"
NORMAL_STEP = "suggest_normal, step"
LOG_STEPS = "suggest_log_steps"
EXACT = "exact"
"""What code may need: `EXACT` for random search, where nothing is drawn wider than it was."""

_LOG_STEPS = '''\
def suggest_log_steps(trial, name, low, high, *, step):
    """Suggest a multiple of a step whose logarithm is about uniform.

    The study holds the number before rounding under the name, and the rounded one as a
    user attribute of the trial.
    """
    value = round(trial.suggest_float(name, low, high, log=True) / step, 0) * step
    trial.set_user_attr(name, value)
    return value
'''


def helpers(needs: Collection[str]) -> list[str]:
    """Return the source of helper functions, with the branches that are needed and no others.

    Args:
        needs: What all the code that calls them needs together.

    Examples:
        >>> print(helpers([NORMAL, EXACT])[0].splitlines()[0])
        def suggest_normal(trial, name, mu, sigma):
    """
    found = [_LOG_STEPS] if LOG_STEPS in needs else []
    return [*found, _suggest_normal(needs)] if NORMAL in needs else found


def imports(needs: Collection[str]) -> set[str]:
    """Return the import statements that helper functions need."""
    found = {"from statistics import NormalDist"} if NORMAL in needs else set()
    return found | {"import math"} if NORMAL_LOG in needs else found


def _suggest_normal(needs: Collection[str]) -> str:
    options = [
        text
        for need, text in ((NORMAL_LOG, "log=False"), (NORMAL_STEP, "step=None"))
        if need in needs
    ]
    signature = ", ".join(["trial", "name", "mu", "sigma", *(["*", *options] if options else [])])
    width, why = f"{NORMAL_WIDTH:g} * sigma", "  # wider: TPE narrows it down"
    if EXACT in needs:
        width, why = "sigma", ""
    lines = [
        f"def suggest_normal({signature}):",
        '    """Suggest a normally distributed number.',
        "",
        "    Optuna's parameters are bounded: the study holds a quantile under the name, and the",
        "    number itself as a user attribute of the trial.",
        '    """',
        "    quantile = trial.suggest_float(name, 1e-9, 1 - 1e-9)",
        f"    value = NormalDist(mu, {width}).inv_cdf(quantile){why}",
    ]
    if NORMAL_LOG in needs:
        lines += ["    if log:", "        value = math.exp(value)"]
    if NORMAL_STEP in needs:
        lines += ["    if step is not None:", "        value = round(value / step, 0) * step"]
    lines += ["    trial.set_user_attr(name, value)", "    return value"]
    return "\n".join(lines) + "\n"
