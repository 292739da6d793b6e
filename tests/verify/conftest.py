"""Compare two programs as the verb does; what was seen of an original is kept for the session."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import clean_child
import pytest

from hyperbridge.migrate import child_process
from hyperbridge.verify.collect import Settings, collect
from hyperbridge.verify.compare import Finding, compare
from hyperbridge.verify.evidence import Evidence

pytest.importorskip("hyperopt")
pytest.importorskip("optuna")

PROGRAMS = Path(__file__).parent / "programs"


@pytest.fixture(autouse=True)
def _programs_are_forked(monkeypatch: pytest.MonkeyPatch) -> None:
    """Compare in children that need not import everything anew; a command is one that does."""
    monkeypatch.setattr(child_process, "subprocess", clean_child.AS_SUBPROCESS)


@pytest.fixture(scope="session")
def originals() -> dict[Path, tuple[Path, Evidence]]:
    """What was seen of the originals, and the folders of their spaces."""
    return {}


@pytest.fixture
def verified(
    originals: dict[Path, tuple[Path, Evidence]],
    tmp_path: Path,
    tmp_path_factory: pytest.TempPathFactory,
    monkeypatch: pytest.MonkeyPatch,
) -> Callable[..., list[Finding]]:
    """Compare two programs; return what is different, and the remarks."""
    monkeypatch.chdir(tmp_path)

    def call(old: Path, new: Path, *arguments: str, n_draws: int = 150) -> list[Finding]:
        settings = Settings(arguments, n_draws, timeout_s=250, trial_timeout_s=120)
        if old not in originals:
            kept = tmp_path_factory.mktemp("spaces")  # a test's own folder goes with the test
            originals[old] = kept, collect(old, settings, kept, is_original=True)
        spaces, before = originals[old]
        after = collect(new, settings, spaces, is_original=False)
        return compare(before, after)

    return call
