"""The contract that every backend keeps, as tests: for backends of other packages too.

A backend's test class inherits `BackendContract` and says who it is:

    from hyperbridge.testing import BackendContract

    class TestMine(BackendContract):
        parallelism = 2
        child_backend = '"mine"'

        @pytest.fixture
        def backend(self):
            return "mine"

`hyperbridge.testing.basis.Basis` lists the attributes. A gap is declared once, in ``gaps``, with
its reason; it is a strict expected failure, so a backend that learns it has to strike it out.
Objectives are nested functions on purpose: they travel by value, as those of a script or a
notebook do. Needs pytest.
"""

from __future__ import annotations

import pytest

for _part in (
    "arguments",
    "results",
    "failures",
    "stops",
    "state",
    "bad_input",
    "resuming",
    "repeats",
    "pruning",
    "logs",
):
    pytest.register_assert_rewrite(f"hyperbridge.testing.{_part}")

from hyperbridge.testing.arguments import ArgumentsContract  # noqa: E402
from hyperbridge.testing.bad_input import BadInputContract  # noqa: E402
from hyperbridge.testing.failures import FailuresContract  # noqa: E402
from hyperbridge.testing.logs import LogsContract  # noqa: E402
from hyperbridge.testing.pruning import PruningContract  # noqa: E402
from hyperbridge.testing.repeats import RepeatsContract  # noqa: E402
from hyperbridge.testing.results import ResultsContract  # noqa: E402
from hyperbridge.testing.resuming import ResumingContract  # noqa: E402
from hyperbridge.testing.state import StateContract  # noqa: E402
from hyperbridge.testing.stops import StopContract  # noqa: E402

__all__ = ["BackendContract"]


class BackendContract(
    ArgumentsContract,
    ResultsContract,
    FailuresContract,
    StopContract,
    StateContract,
    BadInputContract,
    ResumingContract,
    RepeatsContract,
    PruningContract,
    LogsContract,
):
    """Inherit it, set the class attributes, give the fixture ``backend``."""
