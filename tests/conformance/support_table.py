"""The support table of the README, from the contract's parts and the gaps that backends declare.

``python tests/conformance/support_table.py`` writes it into the README anew.
"""

from __future__ import annotations

import inspect
import os
import sys
from pathlib import Path
from typing import Any

README = Path(__file__).resolve().parents[2] / "README.md"
BEGIN, END = "<!-- support table: begin -->", "<!-- support table: end -->"


def sections(contract: type) -> dict[str, list[str]]:
    """Return the names of the contract's tests by what its parts are about."""
    return {
        part.about: [name for name in vars(part) if name.startswith("test_")]
        for part in contract.__bases__
    }


def reason_against(cls: Any, test: str) -> str | None:
    """Return why a backend does not pass a test, None when it does."""
    if test in cls.gaps:
        return str(cls.gaps[test])
    source = inspect.getsource(getattr(cls, test))
    if cls.shares_process and "needs_own_process()" in source:
        return "trials run in the driver's own process, so it is not about this backend"
    if not cls.runs_hyperopt_algorithms and "needs_hyperopt_algorithms()" in source:
        return "the backend brings its own search, so it is not about this backend"
    if "tells_running_trials" in source and (cls.parallelism or 1) < 2:
        return "one trial runs at a time, so it is not about this backend"
    if "tells_running_trials" in source and not cls.tells_running_trials:
        return "no connection leads to the driver, so a trial knows of those that ended before it"
    return None


def backend_classes() -> dict[str, type]:
    """Return the backends' classes by the title of their column."""
    environment = dict(os.environ)
    try:
        import connect_suite
        import test_local
        import test_local_processes
        import test_local_threads
        import test_optuna
        import test_ray
        import test_spark
    finally:  # the suite of Spark Connect prepares its own process
        os.environ.clear()
        os.environ.update(environment)
    return {
        "local": test_local.TestLocal,
        "local, threads": test_local_threads.TestLocalThreads,
        "local, processes": test_local_processes.TestLocalProcesses,
        "spark": test_spark.TestSpark,
        "spark, Connect": connect_suite.TestSparkConnect,
        "optuna, threads": test_optuna.TestOptunaThreads,
        "optuna, processes": test_optuna.TestOptunaProcesses,
        "ray": test_ray.TestRay,
    }


def render() -> str:
    """Return the table in Markdown, with a note for each gap."""
    from hyperbridge.testing import BackendContract

    classes = backend_classes()
    notes: dict[str, list[str]] = {}
    lines = [
        f"| tests about | {' | '.join(classes)} |",
        f"| --- |{' --- |' * len(classes)}",
    ]
    for section, tests in sections(BackendContract).items():
        cells = [_cell(cls, tests, notes) for cls in classes.values()]
        lines.append(f"| {section} ({len(tests)}) | {' | '.join(cells)} |")
    lines.append("")
    for number, (reason, missing) in enumerate(notes.items(), start=1):
        listed = ", ".join(name.removeprefix("test_").replace("_", " ") for name in missing)
        lines.append(f"{number}. {reason[0].upper()}{reason[1:]}: {listed}.")
    return "\n".join(lines)


def _cell(cls: Any, tests: list[str], notes: dict[str, list[str]]) -> str:
    marks = set()
    n_passed = len(tests)
    for test in tests:
        reason = reason_against(cls, test)
        if reason is None:
            continue
        n_passed -= 1
        missing = notes.setdefault(reason, [])
        if test not in missing:
            missing.append(test)
        marks.add(list(notes).index(reason) + 1)
    return " ".join([str(n_passed), *(f"({mark})" for mark in sorted(marks))])


def written() -> str:
    """Return the table as the README has it."""
    return README.read_text(encoding="utf-8").split(BEGIN)[1].split(END)[0].strip()


def write() -> None:
    """Put the table into the README."""
    text = README.read_text(encoding="utf-8")
    before, after = text.split(BEGIN)[0], text.split(END)[1]
    README.write_text(f"{before}{BEGIN}\n{render()}\n{END}{after}", encoding="utf-8")


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parent))
    write()
