"""Make ``Space.approximations`` know every engine; importing this module does it."""

from __future__ import annotations

from hyperbridge.space.approximations import RULES
from hyperbridge.translate.optuna_spaces import optuna_approximations
from hyperbridge.translate.to_ray import ray_approximations

RULES.update(optuna=optuna_approximations, ray=ray_approximations)
