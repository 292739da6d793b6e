"""What Ray Tune has in place of hyperopt's distributions.

Source: Ray Tune's search space reference.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from hyperbridge.translate.counterparts import Arguments, Lost, Row, has_weights


def _same(first: float, second: float) -> bool:
    return math.isclose(first, second, rel_tol=1e-9, abs_tol=1e-12)


def _moves_ends(distribution: Any) -> bool:
    """Tell whether an end of a quantised range must be moved to a multiple of its step."""
    from hyperbridge.space.distributions import QLogUniform  # what writes code has no use for it

    low, high = distribution.bounds()
    is_log = isinstance(distribution, QLogUniform)
    given = [math.exp(end) if is_log else end for end in (distribution.low, distribution.high)]
    return low < high and not all(map(_same, (low, high), given))


def _has_zero(distribution: Any) -> bool:
    low, high = distribution.bounds()
    return bool(low <= 0 < high)


_ENDS = "Tune's ends must be multiples of q, so the outer values have other probabilities"
_NO_LOGNORMAL = Lost(
    "a function that draws",
    "Tune has no lognormal; its random search calls the function, unseeded, and its other "
    "searchers refuse it",
)

TUNE: Mapping[str, Row] = MappingProxyType({
    "uniform": Row("uniform"),
    "loguniform": Row("loguniform", Arguments.EXP),
    "quniform": Row(
        "quniform",
        Arguments.MULTIPLES,
        step=True,
        lost=(Lost("", _ENDS, _moves_ends, prior="near"),),
    ),
    "qloguniform": Row(
        "qloguniform",
        Arguments.EXP_MULTIPLES,
        step=True,
        lost=(
            Lost("", _ENDS, _moves_ends, prior="near"),
            Lost(
                "",
                "0 is never drawn, because a logarithm has none",
                _has_zero,
                prior="near",
            ),
        ),
    ),
    "quniform as int": Row("qrandint", Arguments.MULTIPLES, step=True),
    "qloguniform as int": Row("lograndint", Arguments.EXP_EXCLUDED),
    "normal": Row("randn", Arguments.MOMENTS),
    "qnormal": Row("qrandn", Arguments.MOMENTS, step=True),
    "lognormal": Row("sample_from", Arguments.DRAW, lost=(_NO_LOGNORMAL,)),
    "qlognormal": Row("sample_from", Arguments.DRAW, lost=(_NO_LOGNORMAL,)),
    "randint": Row("randint"),
    "choice": Row("choice", Arguments.INDICES),
    "categorical": Row(
        "choice",
        Arguments.INDICES,
        lost=(
            Lost(
                "", "Tune's choices have no weights", has_weights, prior="other"
            ),
        ),
    ),
})  # fmt: skip
"""By hyperopt's name of the distribution; the calls are functions of ``ray.tune``. The upper end
of Tune's ``randint`` is not included, as in hyperopt; that of ``qrandint`` is. ``as int`` is for
values that the space casts to int."""
