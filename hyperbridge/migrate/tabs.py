"""Files that are indented with tabs: they are planned with spaces, and get their tabs back."""

from __future__ import annotations

import dataclasses
import re

from hyperbridge.migrate.sources import Cell, Source
from hyperbridge.migrate.syntax import inside_strings

_INDENT = "    "


def has_tabs(source: Source) -> bool:
    """Tell whether the first line that is indented is so with a tab."""
    found = re.search(r"^([ \t]+)\S", source.code, re.MULTILINE)
    return found is not None and found[1].startswith("\t")


def spaced(source: Source) -> Source:
    """Return a file with four spaces for each tab in front of its lines, but inside strings."""
    text, code = "", ""
    cells: list[Cell] = []
    for number, cell in enumerate(source.cells):
        begin = len(text)
        for whole, target in ((source.text, "text"), (source.code, "code")):
            kept = inside_strings(source.code[cell.start : cell.end])
            lines = whole[cell.start : cell.end].split("\n")
            new = "\n".join(
                line if at in kept else _spaced_line(line) for at, line in enumerate(lines)
            )
            gap = whole[cell.end : _next_start(source, number)]
            if target == "text":
                text += new
                end = len(text)
                text += gap
            else:
                code += new + gap
        cells.append(dataclasses.replace(cell, start=begin, end=end))
    return dataclasses.replace(source, text=text, code=code, cells=tuple(cells))


def tabbed(new: str, original: str) -> str:
    """Return the new text of a cell as the original would have it: what is the same keeps all."""
    known = {_spaced_line(line): line for line in original.split("\n")}
    kept = inside_strings(new)
    lines = []
    for number, line in enumerate(new.split("\n")):
        if number in kept:
            lines.append(line)
        elif line in known:
            lines.append(known[line])
        else:
            white = len(line) - len(line.lstrip(" "))
            lines.append("\t" * (white // 4) + line[white // 4 * 4 :])
    return "\n".join(lines)


def _spaced_line(line: str) -> str:
    rest = line.lstrip("\t ")
    return line[: len(line) - len(rest)].replace("\t", _INDENT) + rest


def _next_start(source: Source, number: int) -> int:
    following = source.cells[number + 1 :]
    return following[0].start if following else len(source.text)
