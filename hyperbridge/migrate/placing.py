"""Put new code into a file with the blank lines that formatters expect, and take old code out."""

from __future__ import annotations

import ast
import re
from collections.abc import Collection, Iterable

from hyperbridge.migrate.module import Module
from hyperbridge.migrate.nodes import block_of
from hyperbridge.migrate.syntax import indented

_COMMENT = re.compile(r"^\s*#(?! (COMMAND|MAGIC|Databricks|%%))")


def replace_with_definition(
    module: Module,
    node: ast.stmt,
    lines: list[str],
    *,
    begin: ast.stmt | None = None,
    removed: Collection[ast.stmt] = (),
) -> None:
    """Replace a statement by a function or class, comments above it kept with it.

    Args:
        module: The module.
        node: The statement.
        lines: The function's or the class's.
        begin: The first statement that is replaced with it; the same one when it is None.
        removed: Statements that will be gone.
    """
    start, end = module.span(node if begin is None else begin)[0], module.span(node)[1]
    indent = module.indent(node)
    newline = module.source.newline
    blank = 1 if indent else 2
    text = newline.join(indented(lines, indent))[len(indent) :]
    above = _above(module, start)
    first = node if begin is None else begin
    block = block_of(module.names.parent_of[first], first)
    earlier = block[: block.index(first)]
    opens_block = module.source.code[: module.line_start(above)].rstrip().endswith(":")
    opens_block |= bool(indent) and bool(earlier) and all(s in removed for s in earlier)
    missing = 0 if opens_block else blank - _blank_lines_before(module, above)
    if above < module.line_start(start):
        if missing > 0:
            module.edits.insert(above, newline * missing)
    elif missing > 0:
        module.edits.insert(module.line_start(start), newline * missing)
    following = module.source.code[end:]
    module.edits.forget_blank_lines(
        module.line_start(end + len(following) - len(following.lstrip()))
    )
    text += newline * max(_missing_after(module, end, blank), 0)
    module.edits.replace(start, end, text)


def insert_definitions(module: Module, before: ast.stmt, definitions: list[str]) -> None:
    """Insert functions or classes at the top level, before a statement."""
    if not definitions:
        return
    newline = module.source.newline
    start = module.line_start(_above(module, module.span(before)[0]))
    module.edits.forget_blank_lines(start)
    blocks = [newline.join(d.rstrip("\n").split("\n")) for d in definitions]
    missing = max(2 - _blank_lines_before(module, start), 0)
    text = newline * missing + (newline * 3).join(blocks) + newline * 3
    module.edits.insert(start, text, first=True)


def blank_lines_wanted(module: Module, before: ast.stmt, removed: Collection[ast.stmt] = ()) -> int:
    """Return how many blank lines are missing before a definition put before a statement.

    Args:
        module: The module.
        before: The statement.
        removed: Statements that will be gone; what stands before them counts.
    """
    block = block_of(module.names.parent_of[before], before)
    position = block.index(before)
    while position > 0 and block[position - 1] in removed:
        position -= 1
    before = block[position]
    start = module.line_start(module.span(before)[0])
    if not module.indent(before):
        return max(2 - _blank_lines_before(module, start), 0)
    previous = module.source.code[:start].rstrip()
    return 0 if previous.endswith(":") or _blank_lines_before(module, start) else 1


def _above(module: Module, start: int) -> int:
    """Return the start of the comment lines that stand directly above an offset."""
    begin = module.line_start(start)
    while begin > 0:
        previous = module.line_start(begin - 1)
        in_cell = any(c.start <= previous and begin <= c.end for c in module.source.cells)
        if not in_cell or not _COMMENT.match(module.source.code[previous:begin]):
            break
        begin = previous
    return begin


def _blank_lines_before(module: Module, start: int) -> int:
    begin = module.line_start(start)
    cell = next(c for c in module.source.cells if c.start <= begin <= c.end)
    before = module.source.code[cell.start : begin]
    if not before.strip() or before.rstrip().endswith(("----------", "source")):
        return 2
    return before[len(before.rstrip()) :].count("\n") - 1


def _missing_after(module: Module, end: int, blank: int) -> int:
    cell = next(c for c in module.source.cells if c.start <= end <= c.end)
    after = module.source.code[end : cell.end]
    if not after.strip() or after.strip().startswith("# COMMAND"):
        return 0
    found = after[: len(after) - len(after.lstrip())].count("\n") - 1
    return blank - found if found >= 0 else 0


def remove_statements(module: Module, nodes: Iterable[ast.stmt]) -> None:
    """Remove statements with their lines; a block that would be empty gets a ``pass``."""
    removed = set(nodes)
    for node in sorted(removed, key=lambda n: n.lineno):
        parent = module.names.parent_of[node]
        if any(above in removed for above in module.names.enclosing(node)):
            continue
        block = block_of(parent, node)
        is_empty = not isinstance(parent, ast.Module) and all(n in removed for n in block)
        if is_empty and node is block[0]:
            module.edits.replace(*module.span(node), "pass")
            continue
        position = block.index(node)
        if position > 0 and _goes_with(module, block[position - 1], node, removed):
            continue  # taken out together with the one before
        last = node
        for following in block[position + 1 :]:
            if not _goes_with(module, last, following, removed):
                break
            last = following
        _remove(module, node, last)


def _goes_with(
    module: Module, first: ast.stmt, second: ast.stmt, removed: Collection[ast.stmt]
) -> bool:
    """Tell whether two statements are removed with all that is between them, which is nothing."""
    start, end = module.span(first)[1], module.span(second)[0]
    if any(start <= cell.end < end for cell in module.source.cells):
        return False  # each in a cell of its own
    between = module.source.code[start:end]
    return first in removed and second in removed and not between.strip() and "\n" in between


def _remove(module: Module, node: ast.stmt, last: ast.stmt) -> None:
    start, end = module.span(node)[0], module.span(last)[1]
    code = module.source.code
    cell = next(c for c in module.source.cells if c.start <= start <= c.end)
    line_start = max(module.line_start(start), cell.start)
    line_end = min(module.line_end(end), cell.end)
    before, after = code[line_start:start], code[end:line_end]
    if not before.strip() and (not after.strip() or after.lstrip().startswith("#")):
        module.edits.replace(line_start, _without_gap(module, line_start, line_end), "")
    elif after.lstrip().startswith(";"):
        following = end + after.index(";") + 1
        following += len(code[following:]) - len(code[following:].lstrip(" \t"))
        module.edits.replace(start, following, "")
    else:
        begin = code.rindex(";", line_start, start) if ";" in before else start
        module.edits.replace(begin, end, "")


def _without_gap(module: Module, line_start: int, line_end: int) -> int:
    """Extend a removal over the blank lines after it when there are as many before it."""
    code = module.source.code
    if code[:line_start].strip() and not re.search(r"\n\s*\n$", code[:line_start]):
        return line_end
    match = re.match(r"(?:[ \t]*\r?\n)+", code[line_end:])
    end = line_end if match is None else line_end + match.end()
    cell = next(c for c in module.source.cells if c.start <= line_start <= c.end)
    return min(end, cell.end)
