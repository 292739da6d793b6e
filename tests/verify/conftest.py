"""Programs run in children of a process that has the engines imported already."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from hyperbridge.verify.collect import Settings, Start, collect
from hyperbridge.verify.compare import Finding, compare
from hyperbridge.verify.evidence import Evidence

pytest.importorskip("hyperopt")
pytest.importorskip("optuna")

PROGRAMS = Path(__file__).parent / "programs"


def _child(request: dict[str, Any], errors: str) -> None:
    from hyperbridge.verify.child import Child

    descriptor = os.open(errors, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, 1)
    os.dup2(descriptor, 2)
    Child(request).run()


@pytest.fixture(scope="session")
def warm() -> Any:
    context = multiprocessing.get_context("forkserver")
    modules = ["hyperopt", "optuna", "hyperbridge.verify.child", "hyperbridge.verify.read_hyperopt"]
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONWARNINGS", "ignore")
        context.set_forkserver_preload([*modules, "hyperbridge.verify.read_tune"])
    return context


@pytest.fixture(scope="session")
def start(warm: Any, tmp_path_factory: pytest.TempPathFactory) -> Start:
    """Run a child of `collect` as a fork."""
    errors = tmp_path_factory.mktemp("errors") / "errors.txt"

    def call(request: dict[str, Any], timeout_s: float) -> tuple[bool, str]:
        child = warm.Process(target=_child, args=(request, str(errors)))
        child.start()
        child.join(timeout_s)
        if child.is_alive():
            child.kill()
            return True, ""
        return False, errors.read_text()

    return call


@pytest.fixture(scope="session")
def originals() -> dict[Path, tuple[Path, Evidence]]:
    """What was seen of the originals, and the folders of their spaces."""
    return {}


@pytest.fixture
def verified(
    start: Start,
    originals: dict[Path, tuple[Path, Evidence]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Callable[..., list[Finding]]:
    """Compare two programs; return what is different, and the remarks."""
    monkeypatch.chdir(tmp_path)

    def call(old: Path, new: Path, *arguments: str, n_draws: int = 150) -> list[Finding]:
        settings = Settings(arguments, n_draws, timeout_s=250, trial_timeout_s=120)
        if old not in originals:
            seen = collect(old, settings, tmp_path, is_original=True, start=start)
            originals[old] = tmp_path, seen
        spaces, before = originals[old]
        after = collect(new, settings, spaces, is_original=False, start=start)
        return compare(before, after)

    return call
