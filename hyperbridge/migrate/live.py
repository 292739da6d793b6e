"""Native code for live spaces: the program is run, up to its call of fmin, in a child process."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hyperbridge.errors import HyperbridgeError
from hyperbridge.migrate.child_process import run_apart


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
    answer = _ask(command, {"variable": name, "target": target})
    return answer["text"], answer["remarks"]


def _ask(command: Command, request: dict[str, Any]) -> dict[str, Any]:
    path = str(command.path)
    with tempfile.TemporaryDirectory() as folder:
        answer = Path(folder, "answer.json")
        request = {**request, "path": path, "answer": str(answer)}
        request["arguments"] = list(command.arguments)
        ended = run_apart("hyperbridge.migrate.live_child", request, command.timeout_s)
        if ended.code is None:
            raise LiveSpaceError(
                f"{path} did not come to its call of fmin in {command.timeout_s:g} s: give it"
                " more with --run-timeout, or have it load less data for this"
            )
        if not answer.exists():
            why = ended.why or f"exit code {ended.code}"
            raise LiveSpaceError(f"{path} failed when it was run: {why}")
        content: dict[str, Any] = json.loads(answer.read_text(encoding="utf-8"))
    if "error" in content:
        raise LiveSpaceError(f"{path}: {content['error']}")
    return content
