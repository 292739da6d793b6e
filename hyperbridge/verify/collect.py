"""Run a program in a child process, and return what it was seen to search."""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from hyperbridge.errors import HyperbridgeError
from hyperbridge.migrate.child_process import run_apart
from hyperbridge.verify.evidence import Evidence, from_json

_MOST_FILES = 500
"""So many files of a package are looked into."""

_WORDS = {
    "hyperopt": re.compile(r"\b(hyperopt|hyperbridge)\b"),
    "optuna": re.compile(r"\boptuna\b", re.IGNORECASE),
    "ray": re.compile(r"\bray\b"),
}


class ProgramFailedError(HyperbridgeError, RuntimeError):
    """A program showed no search; the message says why."""


@dataclass(frozen=True, slots=True)
class Settings:
    """How programs are run.

    Attributes:
        arguments: Arguments of both programs.
        n_draws: How many points are drawn from each search.
        timeout_s: Seconds after which a program is killed, with what it started.
        trial_timeout_s: Seconds that one call of an objective may take.
    """

    arguments: Sequence[str] = ()
    n_draws: int = 300
    timeout_s: float = 600.0
    trial_timeout_s: float = 60.0


def collect(path: Path, settings: Settings, spaces: Path, *, is_original: bool) -> Evidence:
    """Run a program, and return what was seen.

    Args:
        path: The program: a script or a notebook. It runs in the current directory.
        settings: How.
        spaces: A folder through which the original's spaces come to the other program.
        is_original: Whether this is the original.

    Raises:
        ProgramFailedError: It showed no search.
    """
    answer = spaces / ("old.json" if is_original else "new.json")
    request = {
        "path": str(path),
        "arguments": list(settings.arguments),
        "answer": str(answer),
        "spaces": str(spaces),
        "writes_spaces": is_original,
        "engines": engines_of(path),
        "n_draws": settings.n_draws,
        "trial_timeout_s": settings.trial_timeout_s,
    }
    ended = run_apart("hyperbridge.verify.child", request, settings.timeout_s)
    evidence = Evidence()
    if answer.exists():
        evidence = from_json(json.loads(answer.read_text(encoding="utf-8")))
    if ended.code is None:
        evidence = replace(evidence, ended=f"it did not end in {settings.timeout_s:g} s")
    if not evidence.searches:
        why = evidence.ended or ended.why or "it calls no search that is known here"
        raise ProgramFailedError(f"{path}: no search was seen: {why}")
    return evidence


def engines_of(path: Path) -> list[str]:
    """Return what the program, or a module or package beside it, speaks of."""
    beside = {each.stem: [each] for each in path.parent.glob("*.py")}
    for each in path.parent.iterdir():
        if each.is_dir() and each.name.isidentifier():
            files = itertools.islice(each.rglob("*.py"), _MOST_FILES)
            beside.setdefault(each.name, []).extend(files)
    texts, waiting, seen = [], [path], {path}
    while waiting:
        text = waiting.pop().read_text(encoding="utf-8", errors="replace")
        texts.append(text)
        words = set(re.findall(r"\w+", text))
        further = [file for name in words & beside.keys() for file in beside[name]]
        waiting += [file for file in further if file not in seen]
        seen.update(further)
    found = [name for name, word in _WORDS.items() if any(word.search(text) for text in texts)]
    return [*found, "optuna"] if found == ["ray"] else found
