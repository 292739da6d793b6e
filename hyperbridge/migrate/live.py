"""Native code for live spaces: the program is run, up to its call of fmin, in a child process."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from hyperbridge.errors import HyperbridgeError
from hyperbridge.translate.source_choices import Categories
from hyperbridge.translate.to_source import SpaceCode


class LiveSpaceError(HyperbridgeError, RuntimeError):
    """The program did not give a space that can be written; the message says why."""


def code_of_call(path: Path, first: int, last: int) -> SpaceCode:
    """Run a program up to a call of fmin, and write its space.

    Earlier calls of fmin run to their end.

    Args:
        path: The program; it is run as a script, from the current directory.
        first: First line of the call.
        last: Last line of the call.

    Raises:
        LiveSpaceError: The program fails before, does not come there, or its space has
            something that has no source.
    """
    answer = _ask({"path": str(path), "first": first, "last": last, "variable": None})
    return _space_code(answer["code"])


def program_of_variable(path: Path, name: str, target: str) -> tuple[str, dict[str, str]]:
    """Run a program up to its first call of fmin, and write the space in a variable.

    Args:
        path: The program.
        name: A name at its top level.
        target: ``optuna``, or ``ray``: then a flat space becomes a ``param_space``.

    Returns:
        The source, and the remarks by label.

    Raises:
        LiveSpaceError: As in `code_of_call`, or there is no such variable.
    """
    answer = _ask({"path": str(path), "first": 0, "last": 0, "variable": name})
    code = _space_code(answer["code"])
    if target == "ray" and answer["param_space"] is not None:
        imports = [*answer["imports"], "from ray import tune"]
        return "\n".join([*imports, "", *answer["param_space"]]) + "\n", code.remarks
    return code.program(f"suggest_{name.removeprefix('suggest_')}"), code.remarks


def _ask(request: dict[str, Any]) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        answer = Path(folder, "answer.json")
        done = subprocess.run(
            [
                sys.executable,
                "-m",
                "hyperbridge.migrate.live_child",
                json.dumps({**request, "answer": str(answer)}),
            ],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
            check=False,
        )
        if not answer.exists():
            lines = done.stderr.strip().splitlines() or [f"exit code {done.returncode}"]
            raise LiveSpaceError(f"{request['path']} failed when it was run: {lines[-1]}")
        content: dict[str, Any] = json.loads(answer.read_text(encoding="utf-8"))
    if "error" in content:
        raise LiveSpaceError(f"{request['path']}: {content['error']}")
    return content


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
        tuple(content["helpers"]),
        content["remarks"],
        categories,
        frozenset(content["latent"]),
    )
