"""Run a program of the user's in a process of its own: how it is started, and how it begins."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any


@dataclass(frozen=True, slots=True)
class Ended:
    """How a process has ended.

    Attributes:
        code: Its exit code; None when it was killed because it took too long.
        errors: What it wrote to stderr.
    """

    code: int | None
    errors: str

    @property
    def why(self) -> str:
        """The last line of its errors; empty for none."""
        return next(reversed(self.errors.strip().splitlines()), "")


def run_apart(
    module: str,
    request: dict[str, Any],
    timeout_s: float,
    *,
    environment: Mapping[str, str] | None = None,
    grace_s: float = 0.0,
) -> Ended:
    """Run a module of ours, with a request in JSON, in a session of its own.

    Args:
        module: The module.
        request: What it gets as its argument.
        timeout_s: Seconds after which it is killed, with what it started.
        environment: Its environment variables; None for this process's.
        grace_s: Seconds between SIGTERM and that, for one that has an engine to stop.
    """
    child = subprocess.Popen(
        [sys.executable, "-m", module, json.dumps(request)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",
        start_new_session=True,
        env=None if environment is None else dict(environment),
    )
    try:
        errors = child.communicate(timeout=timeout_s)[1]
    except subprocess.TimeoutExpired:
        if grace_s:
            child.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                child.wait(timeout=grace_s)
        return Ended(None, "")
    finally:
        with contextlib.suppress(ProcessLookupError):  # and what the program has started
            os.killpg(child.pid, signal.SIGKILL)
        child.wait()
    return Ended(child.returncode, errors)


def begin(path: Path, arguments: list[str]) -> dict[str, Any]:
    """Have this process look like one that runs a script; return the script's namespace."""
    module = ModuleType("__main__")
    module.__file__ = str(path)
    sys.modules["__main__"] = module
    sys.argv = [str(path), *arguments]
    sys.path.insert(0, str(path.parent))
    return module.__dict__
