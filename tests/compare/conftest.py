"""Compare as the verb does, with children that need not import everything anew."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import clean_child
import pytest

from hyperbridge.cli.main import main
from hyperbridge.compare import stores
from hyperbridge.migrate import child_process

PROGRAMS = Path(__file__).parent / "programs"


@pytest.fixture
def programs() -> Path:
    return PROGRAMS


@pytest.fixture
def compared(
    tmp_path: Path,
    empty_database: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Callable[..., tuple[int, dict[str, Any]]]:
    """Run ``hyperbridge compare --json``; return its exit code and what it printed."""
    pytest.importorskip("mlflow")

    def template(folder: Path) -> Path:
        return Path(shutil.copy(empty_database, folder / "empty.db"))

    monkeypatch.setattr(child_process, "subprocess", clean_child.AS_SUBPROCESS)
    monkeypatch.setattr(stores, "new_template", template)
    monkeypatch.chdir(tmp_path)

    def call(*arguments: str | Path) -> tuple[int, dict[str, Any]]:
        code = main(["compare", "--json", *map(str, arguments)])
        return code, json.loads(capsys.readouterr().out)

    return call
