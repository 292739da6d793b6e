"""hyperopt's own functions, taken before anything is patched, for where we hand over to them."""

from __future__ import annotations

import sys
from typing import Any

import hyperopt
from hyperopt import base
from hyperopt.spark import SparkTrials

# hyperopt.fmin is the function: the submodule hides behind it.
FMIN_MODULE: Any = sys.modules["hyperopt.fmin"]

fmin: Any = FMIN_MODULE.fmin
trials_fmin: Any = base.Trials.fmin
spark_trials: Any = SparkTrials
space_eval: Any = hyperopt.space_eval
