"""The examples in docstrings run."""

from __future__ import annotations

import doctest
import importlib
import io
import pkgutil

import hyperbridge

NOT_IMPORTED = ("hyperbridge.__main__", "hyperbridge.auto")
"""Importing these runs the command line, or changes what ``import hyperopt`` means."""


def examples() -> list[doctest.DocTest]:
    """Return the docstrings that hold an example, of all modules."""
    finder = doctest.DocTestFinder(exclude_empty=True)
    found = []
    for module in pkgutil.walk_packages(hyperbridge.__path__, "hyperbridge."):
        if module.name not in NOT_IMPORTED:
            found += finder.find(importlib.import_module(module.name), module.name)
    return [example for example in found if example.examples]


def test_all_examples_run() -> None:
    said = io.StringIO()
    runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS, verbose=False)
    for example in examples():
        runner.run(example, out=said.write)
    assert said.getvalue() == ""


def test_there_are_examples_to_run() -> None:
    assert len(examples()) > 50
