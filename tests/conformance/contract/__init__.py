"""What every backend keeps: a backend's test class inherits `BackendContract` and says who it is.

A gap is declared once, in ``gaps``, with its reason; it is a strict expected failure, so a
backend that learns it has to strike it out. Objectives are nested functions on purpose: they
travel by value, as those of a script or a notebook do.
"""

from __future__ import annotations

import pytest

for _part in ("arguments", "results", "failures", "stops", "state", "bad_input", "resuming"):
    pytest.register_assert_rewrite(f"contract.{_part}")

from contract.arguments import ArgumentsContract  # noqa: E402
from contract.bad_input import BadInputContract  # noqa: E402
from contract.failures import FailuresContract  # noqa: E402
from contract.results import ResultsContract  # noqa: E402
from contract.resuming import ResumingContract  # noqa: E402
from contract.state import StateContract  # noqa: E402
from contract.stops import StopContract  # noqa: E402


class BackendContract(
    ArgumentsContract,
    ResultsContract,
    FailuresContract,
    StopContract,
    StateContract,
    BadInputContract,
    ResumingContract,
):
    """Inherit it, set the class attributes, give the fixture ``backend``."""
