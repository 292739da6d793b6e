"""The examples in docstrings run."""

from __future__ import annotations

import doctest
import importlib
import pkgutil

import pytest

import hyperbridge

MODULES = sorted(
    module.name
    for module in pkgutil.walk_packages(hyperbridge.__path__, "hyperbridge.")
    if module.name not in ("hyperbridge.__main__", "hyperbridge.auto")
)


@pytest.mark.parametrize("name", ["hyperbridge", *MODULES])
def test_examples_of_a_module_run(name: str) -> None:
    module = importlib.import_module(name)
    result = doctest.testmod(module, optionflags=doctest.ELLIPSIS)
    assert result.failed == 0
