"""What Optuna has in place of hyperopt's distributions.

Source: Optuna's reference of ``Trial.suggest_float``, ``suggest_int`` and
``suggest_categorical``: uniform floats and integers, both with a step or a logarithm, and
categories without weights. The rest is suggested as another value and computed from it.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from hyperbridge.translate.counterparts import (
    Arguments,
    Lost,
    Row,
    Step,
    has_rarer_ends,
    has_several_values,
    has_weights,
)

NORMAL_WIDTH = 1.5
"""Standard deviations of the normal whose quantile Optuna suggests, per deviation asked for.

With 1 a Parzen estimator cannot resolve the tails: beyond 3 deviations a thousandth of the unit
interval is left. Wider, it is slower near the mean. Mean regret of 60 searches of 100 trials over
four normals, with the optimum 0.3, 1.5 and 3 deviations off:

    hyperopt   .066   .186   .592
    1.5        .017   .044   .489
    2          .031   .056   .256

Written code draws its start-up trials as wide, so 2 would cost it more. benchmarks/quality.py
compares with hyperopt.
"""

_ENDS = "hyperopt's rounding makes the two end values rarer; Optuna has them as often as the others"
_SHOWN = "and the value as a user attribute of the trial"


def _ends(got: str) -> Lost:
    return Lost(got, _ENDS, has_rarer_ends, prior="near")


_BEYOND_FLOATS = Lost(
    "a range of its natural logarithm",
    f"an end is too small or too large for a float; the study shows the logarithm, {_SHOWN}",
)
_LOG_STEPS = Lost(
    "a logarithmic range",
    "Optuna has none with a step; the study shows the value before rounding, and the rounded one "
    "as a user attribute of the trial",
)
_NORMAL = Lost(
    "a range from 0 to 1, the quantile",
    "Optuna has no normal distributions; the study shows the quantile in a normal "
    f"{NORMAL_WIDTH:g} times as wide, {_SHOWN}. Start-up trials of tpe.suggest are drawn from the "
    "distribution asked for",
    prior="other",
)

OPTUNA: Mapping[str, Row] = MappingProxyType({
    "uniform": Row("suggest_float"),
    "loguniform": Row("suggest_float", Arguments.EXP, log=True),
    "loguniform beyond floats": Row("suggest_float", after=(Step.EXP,), lost=(_BEYOND_FLOATS,)),
    "quniform": Row(
        "suggest_float", Arguments.MULTIPLES, step=True, lost=(_ends("a float range with a step"),)
    ),
    "quniform as int": Row(
        "suggest_int", Arguments.MULTIPLES, step=True, lost=(_ends("an integer range with a step"),)
    ),
    "quniform of odd steps": Row(
        "suggest_int",
        Arguments.COUNTS,
        after=(Step.TIMES_Q,),
        lost=(
            Lost(
                "an integer, the number of steps",
                "Optuna's steps must be short decimals; the value is a user attribute of the trial",
            ),
            _ends("an integer, the number of steps"),
        ),
    ),
    "qloguniform": Row(
        "suggest_float", Arguments.EXP, log=True, after=(Step.ROUND,), lost=(_LOG_STEPS,)
    ),
    "qloguniform as int": Row(
        "suggest_int",
        Arguments.EXP,
        log=True,
        lost=(Lost("a logarithmic integer range", _ENDS, has_several_values, prior="other"),),
    ),
    "qloguniform beyond floats": Row(
        "suggest_float", after=(Step.EXP, Step.ROUND), lost=(_BEYOND_FLOATS,)
    ),
    "normal": Row("suggest_float", Arguments.QUANTILES, after=(Step.QUANTILE,), lost=(_NORMAL,)),
    "qnormal": Row(
        "suggest_float", Arguments.QUANTILES, after=(Step.QUANTILE, Step.ROUND), lost=(_NORMAL,)
    ),
    "lognormal": Row(
        "suggest_float", Arguments.QUANTILES, after=(Step.QUANTILE, Step.EXP), lost=(_NORMAL,)
    ),
    "qlognormal": Row(
        "suggest_float",
        Arguments.QUANTILES,
        after=(Step.QUANTILE, Step.EXP, Step.ROUND),
        lost=(_NORMAL,),
    ),
    "randint": Row("suggest_int", Arguments.INCLUDED),
    "randint beyond 2**53": Row(
        "suggest_float",
        Arguments.DISTANCE,
        after=(Step.PLUS_LOW,),
        lost=(
            Lost(
                "a range of the distance from the lowest value",
                "Optuna keeps integers as floats, which are not exact beyond 2**53; the study "
                f"shows the distance, {_SHOWN}",
            ),
        ),
    ),
    "choice": Row("suggest_categorical", Arguments.INDICES),
    "categorical": Row(
        "suggest_categorical",
        Arguments.INDICES,
        lost=(
            Lost(
                "categories without weights",
                "Optuna has no weights; hyperopt's tpe.suggest and rand.suggest keep them here, "
                "Optuna's own samplers do not",
                has_weights,
                prior="other",
            ),
        ),
    ),
})  # fmt: skip
"""By hyperopt's name of the distribution. ``as int`` is for values that the space casts to int,
and the other additions for values that the plain row cannot hold."""
