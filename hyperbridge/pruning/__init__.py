"""Pruners: which trials should stop, from what all trials have reported."""

from __future__ import annotations

from hyperbridge.pruning.choice import check_pruner, make_rule
from hyperbridge.pruning.rules import Ended, Rule

__all__ = ["Ended", "Rule", "check_pruner", "make_rule"]
