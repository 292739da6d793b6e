"""Run the command line as users do: in a process of its own."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import clean_child
import pytest

import hyperbridge

ROOT = Path(hyperbridge.__file__).parents[1]


class Shell:
    """Starts processes in a directory of their own.

    Set `forks` to False for new ones, where what Python itself does is compared.
    """

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.forks = True

    def write(self, name: str, text: str) -> Path:
        path = self.directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return path

    def run(self, *args, **env) -> subprocess.CompletedProcess:
        """Run ``hyperbridge run`` with the arguments."""
        return self.start("-m", "hyperbridge", "run", *args, **env)

    def python(self, *args, **env) -> subprocess.CompletedProcess:
        """Run plain Python with the arguments."""
        return self.start(*args, **env)

    def start(self, *args, **env) -> subprocess.CompletedProcess:
        kept = {k: v for k, v in os.environ.items() if not k.startswith("HYPERBRIDGE_")}
        return clean_child.run(
            args,
            cwd=self.directory,
            env={**kept, "PYTHONPATH": str(ROOT), **env},
            timeout=180,  # a Spark session starts slowly on a busy machine
            fresh=not self.forks,
        )


@pytest.fixture
def shell(tmp_path) -> Shell:
    return Shell(tmp_path)
