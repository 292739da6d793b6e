"""Type and message of an exception, from the text of its traceback."""

from __future__ import annotations


def error_of(text: str | None, unknown: str) -> tuple[str, str]:
    r"""Return type and message of an exception from its traceback, as documents have them.

    Args:
        text: The traceback; None without one.
        unknown: The message without one.

    Examples:
        >>> error_of("Traceback (most recent call last):\n  File ...\nValueError: no", "")
        ("<class 'ValueError'>", 'no')
    """
    if not text:
        return "", unknown
    lines = text.rpartition("Traceback (most recent call last):\n")[2].rstrip("\n").split("\n")
    frames = [n for n, line in enumerate(lines) if line.startswith("  File ")]
    if frames:  # what a frame shows is indented, and the exception is not
        del lines[: frames[-1]]
        while len(lines) > 1 and lines[0].startswith(" "):
            del lines[0]
    name, _, message = "\n".join(lines).partition(": ")
    return name if name.startswith("<class") else f"<class '{name}'>", message
