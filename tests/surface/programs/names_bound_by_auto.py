"""Names of hyperopt's that were imported before hyperbridge.auto, all of which can be bound."""

import warnings

warnings.simplefilter("error")
from hyperopt import SparkTrials, Trials, fmin, hp

trials, space = Trials(), hp.uniform("x", 0, 1)
import hyperbridge
import hyperbridge.auto

assert fmin is hyperbridge.fmin
assert SparkTrials is hyperbridge.SparkTrials
hyperbridge.uninstall()
assert fmin is not hyperbridge.fmin
