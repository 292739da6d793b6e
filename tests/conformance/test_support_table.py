"""The README's support table says what the suite declares."""

from __future__ import annotations

import pytest
from support_table import render, sections, written

for package in ("pyspark", "ray", "optuna", "mlflow"):
    pytest.importorskip(package)


def test_the_readme_shows_the_gaps_that_the_backends_declare() -> None:
    assert written() == render(), "run: python tests/conformance/support_table.py"


def test_every_declared_gap_is_a_test_of_the_contract() -> None:
    from support_table import backend_classes

    from hyperbridge.testing import BackendContract

    known = {test for tests in sections(BackendContract).values() for test in tests}
    for title, cls in backend_classes().items():
        assert set(cls.gaps) <= known, title
