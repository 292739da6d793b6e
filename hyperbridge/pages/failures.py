"""The failures of a history, each kind once, with the traceback of its first trial."""

from __future__ import annotations

from typing import Any, Final

from hyperbridge.documents import Document
from hyperbridge.history.history import History, state_of
from hyperbridge.pages import frame
from hyperbridge.pages.frame import Html
from hyperbridge.worker.frames import safe_text

MOST_KINDS: Final = 100
"""How many kinds of failure are shown."""

_MOST_TIDS: Final = 30


def failures_section(history: History) -> Html:
    """Return the failures, the most frequent first: what was raised, in which trials, and where."""
    groups: dict[tuple[str, str], list[Document]] = {}
    for document in history.documents:
        if state_of(document) == "failed":
            groups.setdefault(_reason(document), []).append(document)
    if not groups:
        return frame.paragraph("No trial failed.", "empty")
    ordered = sorted(groups.items(), key=lambda each: -len(each[1]))
    parts = [_group(*reason, documents) for reason, documents in ordered[:MOST_KINDS]]
    if len(ordered) > MOST_KINDS:
        text = f"{len(ordered):,} kinds of failure; the {MOST_KINDS} most frequent are shown."
        parts.append(frame.paragraph(text, "note"))
    return frame.join(parts)


def _group(name: str, message: str, documents: list[Document]) -> Html:
    tids = [safe_text(document["tid"]) for document in documents]
    listed = ", ".join(tids[:_MOST_TIDS]) + (", ..." if len(tids) > _MOST_TIDS else "")
    which = f"trial {listed}" if len(tids) == 1 else f"{len(tids):,} trials: {listed}"
    line = message.strip().splitlines()[0] if message.strip() else "no message"
    summary = frame.join([frame.badge(name, "bad"), _cut(line), Html(" "), f"({which})"])
    return frame.folded(summary, frame.preformatted(_traceback(documents[0]) or message or name))


def _reason(document: Document) -> tuple[str, str]:
    """Return the name of what was raised, and its message."""
    error: Any = document["misc"].get("error")
    if isinstance(error, (list, tuple)) and len(error) == 2:
        name = safe_text(error[0])
        if name.startswith("<class '") and name.endswith("'>"):
            name = name[len("<class '") : -len("'>")]
        return name.removeprefix("builtins.") or "failed", _last_line(safe_text(error[1]))
    result = document["result"]
    status = safe_text(result.get("status", "unknown"))
    return f"status {status}", safe_text(result.get("failure", result.get("error", "")))


def _last_line(text: str) -> str:
    """Return the message of an error; SparkTrials' documents have its traceback there."""
    if text.startswith("Traceback ("):
        lines = [line for line in text.splitlines() if line.strip()]
        return lines[-1].partition(": ")[2] or lines[-1]
    return text


def _traceback(document: Document) -> str:
    misc = document["misc"]
    kept = misc.get("traceback")
    if kept:
        return safe_text(kept)
    error = misc.get("error")
    return safe_text(error[1]) if isinstance(error, (list, tuple)) and len(error) == 2 else ""


def _cut(text: str) -> str:
    return text if len(text) <= 300 else f"{text[:297]}..."
