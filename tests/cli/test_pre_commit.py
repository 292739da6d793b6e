"""The hooks for pre-commit: what they run exists, and does what it is said to do."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from hyperbridge.cli.main import main

HOOKS = Path(__file__).resolve().parents[2] / ".pre-commit-hooks.yaml"
PROGRAM = """\
from hyperopt import fmin, hp, tpe

best = fmin(lambda x: x, hp.uniform("x", 0, 1), algo=tpe.suggest, max_evals=5)
"""


def hooks() -> dict[str, list[str]]:
    """Return the command of each hook; the file is as plain as this reads it."""
    found: dict[str, list[str]] = {}
    for text in HOOKS.read_text(encoding="utf-8").split("- id: ")[1:]:
        entry = re.search(r"^  entry: (.+)$", text, flags=re.MULTILINE)
        args = re.search(r"^  args: \[(.+)\]$", text, flags=re.MULTILINE)
        assert entry is not None
        assert "  language: python\n" in text
        more = [] if args is None else [word.strip() for word in args[1].split(",")]
        found[text.split()[0]] = [*shlex.split(entry[1]), *more]
    return found


def test_the_hooks_are_the_two_verbs() -> None:
    assert {name: command[:2] for name, command in hooks().items()} == {
        "hyperbridge-scan": ["hyperbridge", "scan"],
        "hyperbridge-migrate": ["hyperbridge", "migrate"],
    }


def test_scan_fails_a_commit_with_hyperopt_and_passes_one_without(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "train.py").write_text(PROGRAM)
    (tmp_path / "other.py").write_text("print(1)\n")
    command = hooks()["hyperbridge-scan"][1:]

    assert main([*command, str(tmp_path / "train.py"), str(tmp_path / "other.py")]) == 1
    assert main([*command, str(tmp_path / "other.py")]) == 0


def test_migrate_changes_the_file_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "train.py"
    path.write_text(PROGRAM)
    command = hooks()["hyperbridge-migrate"][1:]

    assert main([*command, str(path)]) == 0  # pre-commit fails, as the file has changed
    changed = path.read_text()
    assert "hyperopt" not in changed
    assert main([*command, str(path)]) == 0
    assert path.read_text() == changed
