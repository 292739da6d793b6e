"""Native code for live spaces: the program is run, up to its call of fmin, in a child process."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hyperbridge.errors import HyperbridgeError
from hyperbridge.translate.source_choices import Categories
from hyperbridge.translate.to_source import SpaceCode


class LiveSpaceError(HyperbridgeError, RuntimeError):
    """The program did not give a space that can be written; the message says why."""


@dataclass(frozen=True, slots=True)
class Command:
    """How a program is run.

    Attributes:
        path: The program; it is run as a script, from the current directory.
        arguments: Its own arguments.
        timeout_s: Seconds after which it is killed, with what it started.
    """

    path: Path
    arguments: Sequence[str] = ()
    timeout_s: float = 600.0


def program_of_variable(command: Command, name: str, target: str) -> tuple[str, dict[str, str]]:
    """Run a program up to its first call of fmin, and write the space in a variable.

    Args:
        command: The program.
        name: A name at its top level.
        target: ``optuna``, or ``ray``: then a flat space becomes a ``param_space``.

    Returns:
        The source, and the remarks by label.

    Raises:
        LiveSpaceError: The program fails before, does not come there in time, there is no such
            variable, or its space has something that has no source.
    """
    answer = _ask(command, {"variable": name})
    code = _space_code(answer["code"])
    if target == "ray" and answer["param_space"] is not None:
        imports = [*answer["imports"], "from ray import tune"]
        return "\n".join([*imports, "", *answer["param_space"]]) + "\n", code.remarks
    return code.program(f"suggest_{name.removeprefix('suggest_')}"), code.remarks


def _ask(command: Command, request: dict[str, Any]) -> dict[str, Any]:
    path = str(command.path)
    with tempfile.TemporaryDirectory() as folder:
        answer = Path(folder, "answer.json")
        request = {**request, "path": path, "answer": str(answer)}
        request["arguments"] = list(command.arguments)
        code, errors = _run(command, request)
        if not answer.exists():
            lines = errors.strip().splitlines() or [f"exit code {code}"]
            raise LiveSpaceError(f"{path} failed when it was run: {lines[-1]}")
        content: dict[str, Any] = json.loads(answer.read_text(encoding="utf-8"))
    if "error" in content:
        raise LiveSpaceError(f"{path}: {content['error']}")
    return content


def _run(command: Command, request: dict[str, Any]) -> tuple[int, str]:
    """Run the program in a session of its own; return its exit code and its errors."""
    child = subprocess.Popen(
        [sys.executable, "-m", "hyperbridge.migrate.live_child", json.dumps(request)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",
        start_new_session=True,
    )
    try:
        _, errors = child.communicate(timeout=command.timeout_s)
    except subprocess.TimeoutExpired:
        raise LiveSpaceError(
            f"{command.path} did not come to its call of fmin in {command.timeout_s:g} s: give it"
            " more with --run-timeout, or have it load less data for this"
        ) from None
    finally:
        with contextlib.suppress(ProcessLookupError):  # and what the program has started
            os.killpg(child.pid, signal.SIGKILL)
        child.wait()
    return child.returncode, errors


def _space_code(content: dict[str, Any]) -> SpaceCode:
    categories = {
        label: Categories(
            tuple(entry["texts"]),
            tuple(entry["allowed"]),
            entry["are_values"],
            None if entry["integers"] is None else tuple(entry["integers"]),
            entry["whole"],
            entry["remark"],
        )
        for label, entry in content["categories"].items()
    }
    return SpaceCode(
        tuple(content["body"]),
        tuple(content["imports"]),
        frozenset(content["needs"]),
        content["remarks"],
        categories,
        frozenset(content["latent"]),
    )
