"""Search with a real Optuna study; also hyperopt's TPE as a sampler of Optuna's."""

from hyperbridge.optional import Package

OPTUNA = Package("optuna", "Optuna", install="hyperbridge[optuna]", oldest="4.0")
