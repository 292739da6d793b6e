"""Write the helper functions that generated code calls for what Optuna has no ``suggest`` of.

Source: Optuna reference, ``Trial.suggest_float``; Python library, ``statistics.NormalDist``.
"""

from __future__ import annotations

from collections.abc import Collection

from hyperbridge.translate.counterparts import EDGE
from hyperbridge.translate.optuna_table import NORMAL_WIDTH

NORMAL = "suggest_normal"
NORMAL_LOG = "suggest_normal, log"
NORMAL_STEP = "suggest_normal, step"
LOG_STEPS = "suggest_log_steps"
EXACT = "exact"
"""For random search, where nothing is drawn wider than it was."""
FIXED = "fixed"
"""For a FixedTrial, which holds the value itself."""

_LOG_STEPS = '''\
def suggest_log_steps(trial, name, low, high, *, step):
    """Suggest a multiple of a step whose logarithm is about uniform.

    The study holds the number before rounding under the name, and the rounded one as a
    user attribute of the trial.
    """
{fixed}\
    value = round(trial.suggest_float(name, low, high, log=True) / step, 0) * step
    trial.set_user_attr({key}, value)
    return value
'''
_FIXED_STEPS = """\
    if isinstance(trial, optuna.trial.FixedTrial):  # it holds the rounded number
        return trial.suggest_float(name, 0, high + step)
"""


def helpers(needs: Collection[str]) -> list[str]:
    """Return the source of helper functions, with the branches that are needed and no others.

    Args:
        needs: What all the code that calls them needs together.

    Examples:
        >>> print(helpers([NORMAL, EXACT])[0].splitlines()[0])
        def suggest_normal(trial, name, mu, sigma):
    """
    found = [log_steps(needs)] if LOG_STEPS in needs else []
    return [*found, normal(needs)] if NORMAL in needs else found


def imports(needs: Collection[str]) -> set[str]:
    """Return the import statements that helper functions need."""
    found = {"from statistics import NormalDist"} if NORMAL in needs else set()
    return found | {"import math"} if NORMAL_LOG in needs else found


def log_steps(needs: Collection[str], key: str = "name") -> str:
    """Return the source of ``suggest_log_steps``.

    Args:
        needs: What is needed.
        key: The source of the user attribute's name.
    """
    return _LOG_STEPS.format(key=key, fixed=_FIXED_STEPS if FIXED in needs else "")


def normal(needs: Collection[str], key: str = "name") -> str:
    """Return the source of ``suggest_normal``; see `log_steps`."""
    options = [
        text
        for need, text in ((NORMAL_LOG, "log=False"), (NORMAL_STEP, "step=None"))
        if need in needs
    ]
    signature = ", ".join(["trial", "name", "mu", "sigma", *(["*", *options] if options else [])])
    edge = f"{EDGE:.0e}".replace("e-0", "e-")
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
    ]
    if FIXED in needs:
        lines += [
            "    if isinstance(trial, optuna.trial.FixedTrial):  # it holds the number itself",
            "        return trial.suggest_float(name, -1e300, 1e300)",
        ]
    lines += [
        f"    quantile = trial.suggest_float(name, {edge}, 1 - {edge})",
        f"    value = NormalDist(mu, {width}).inv_cdf(quantile){why}",
    ]
    if NORMAL_LOG in needs:
        lines += ["    if log:", "        value = math.exp(value)"]
    if NORMAL_STEP in needs:
        lines += ["    if step is not None:", "        value = round(value / step, 0) * step"]
    lines += [f"    trial.set_user_attr({key}, value)", "    return value"]
    return "\n".join(lines) + "\n"
