"""Remarks for machines: workflow commands of GitHub, and SARIF for code-scanning services.

Source: GitHub Actions reference, "Workflow commands"; OASIS, SARIF 2.1.0.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal
from urllib.parse import quote

from hyperbridge.migrate.remarks import REMARKS

Level = Literal["note", "warning", "error"]
_COMMANDS: dict[Level, str] = {"note": "notice", "warning": "warning", "error": "error"}


@dataclass(frozen=True, slots=True)
class Message:
    """A remark at its place.

    Attributes:
        path: The file.
        code: The remark's.
        level: How much it matters.
        text: What it says.
        line: Of the text, from 1; None when it is about the file.
        column: From 1.
        place: The line for people: ``12``, or ``cell 3 line 2``; empty for none.
    """

    path: Path
    code: str
    level: Level
    text: str
    line: int | None = None
    column: int = 1
    place: str = ""

    @property
    def placed_text(self) -> str:
        """The text, with the place in a notebook, whose lines are those of its cells."""
        in_cell = self.place and self.place != str(self.line)
        return f"{self.text} ({self.place})" if in_cell else self.text


def as_github(messages: Iterable[Message]) -> str:
    """Return workflow commands, which GitHub shows beside the lines of a pull request."""
    lines = []
    for message in messages:
        place = "" if message.line is None else f",line={message.line},col={message.column}"
        head = f"{_COMMANDS[message.level]} file={_property(message.path.as_posix())}{place}"
        title = f"{message.code} {REMARKS[message.code].title}"
        lines.append(f"::{head},title={_property(title)}::{_data(message.placed_text)}\n")
    return "".join(lines)


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")


def as_sarif(messages: Sequence[Message], *, version: str, is_complete: bool) -> str:
    """Return the remarks as SARIF 2.1.0.

    Args:
        messages: The remarks.
        version: Of this tool.
        is_complete: Whether all files could be read.
    """
    used = sorted({message.code for message in messages})
    rules = [
        {
            "id": code,
            "shortDescription": {"text": REMARKS[code].title},
            "fullDescription": {"text": REMARKS[code].what},
            "help": {"text": REMARKS[code].why},
        }
        for code in used
    ]
    driver = {"name": "hyperbridge", "version": version, "rules": rules}
    run = {
        "tool": {"driver": driver},
        "columnKind": "unicodeCodePoints",
        "results": [_result(message, used.index(message.code)) for message in messages],
        "invocations": [{"executionSuccessful": is_complete}],
    }
    log = {
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [run],
    }
    return json.dumps(log, indent=2) + "\n"


def _result(message: Message, index: int) -> dict[str, Any]:
    place: dict[str, Any] = {"artifactLocation": {"uri": quote(message.path.as_posix())}}
    if message.line is not None:
        place["region"] = {"startLine": message.line, "startColumn": message.column}
    return {
        "ruleId": message.code,
        "ruleIndex": index,
        "level": message.level,
        "message": {"text": message.placed_text},
        "locations": [{"physicalLocation": place}],
    }
