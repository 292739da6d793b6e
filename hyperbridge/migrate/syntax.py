"""Text of a program with parts of its syntax replaced, and new lines laid out as formatters do.

A replacement is put in the place of a whole syntax node; the user's text is never searched.
Source: ruff's formatter, "Black compatibility"; Python reference, "Lexical analysis".
"""

from __future__ import annotations

import ast
import functools
import io
import re
import textwrap
import tokenize
from collections.abc import Callable

from hyperbridge.migrate.module import Module
from hyperbridge.migrate.nodes import children

WIDTH = 88
"""The longest line that is written; the usual limit of formatters."""

Rule = Callable[[ast.AST], "str | None"]
_LONG_STRING = re.compile(r"""\"{3}|'{3}|\\\r?\n|[fF][rR]?["']""")
"""What a text has in it where a string goes over several lines."""
_OPENING, _CLOSING = "([{", ")]}"


def quoted(text: str) -> str:
    r"""Return the source of a string; the only way in which a text becomes source.

    Examples:
        >>> print(quoted('say "x"'), quoted("a\n"), quoted("it's"))
        'say "x"' "a\n" "it's"
    """
    if '"' in text and "'" not in text:
        return repr(text)
    plain = repr(text)
    if plain[0] == '"':
        return plain
    inner = plain[1:-1]
    return '"' + inner.replace("\\'", "'").replace('"', '\\"') + '"'


def compose(module: Module, node: ast.AST, rule: Rule, *, span: tuple[int, int]) -> str:
    """Return the text of a node in which the parts that a rule replaces are replaced.

    Args:
        module: The file.
        node: The syntax node.
        rule: Gives the text for a node in it, or None for what stays.
        span: Where the text begins and ends.
    """
    found: list[tuple[int, int, str]] = []

    def visit(part: ast.AST, delimiter: str | None) -> None:
        text = rule(part)
        if text is not None:
            where = located(module, part, delimiter)
            if delimiter is not None and delimiter in text:
                text = requoted(text, delimiter)
            found.append((*where, text))
            return
        inner = _delimiter(module, part) if isinstance(part, ast.JoinedStr) else delimiter
        for child in children(part):
            visit(child, inner)

    visit(node, None)
    inside = [edit for edit in found if span[0] <= edit[0]]  # a call's arguments, not its function
    return spliced(module.source.text, inside, span)


def spliced(text: str, edits: list[tuple[int, int, str]], span: tuple[int, int]) -> str:
    """Return a part of a text with spans in it replaced."""
    parts: list[str] = []
    position = span[0]
    for start, end, new in sorted(edits):
        parts += (text[position:start], new)
        position = end
    return "".join((*parts, text[position : span[1]]))


class MisplacedError(ValueError):
    """Python does not say where in its text a part of an f-string is."""


def located(module: Module, node: ast.AST, delimiter: str | None) -> tuple[int, int]:
    """Return where a node is, also in an f-string of an older Python.

    Raises:
        MisplacedError: It cannot be told.
    """
    assert isinstance(node, ast.expr | ast.stmt | ast.arg | ast.keyword)
    start, end = module.span(node)
    if delimiter is None:
        return start, end
    wanted = ast.dump(node)
    if _dump(module.source.code[start:end]) == wanted:
        return start, end
    outer = next(a for a in module.names.enclosing(node) if isinstance(a, ast.JoinedStr))
    for above in module.names.enclosing(outer):
        if isinstance(above, ast.JoinedStr):
            outer = above
    first, last = module.span(outer)
    length = end - start
    found = [
        i
        for i in range(first, last - length + 1)
        if _dump(module.source.code[i : i + length]) == wanted
    ]
    if len(found) != 1:
        raise MisplacedError(f"line {node.lineno}: an f-string that is not read")
    return found[0], found[0] + length


def _dump(text: str) -> str | None:
    try:
        return ast.dump(ast.parse(text.strip(), mode="eval").body)
    except (SyntaxError, ValueError):
        return None


def _delimiter(module: Module, node: ast.JoinedStr) -> str:
    start, end = module.span(node)
    text = module.source.code[start:end].lstrip("rRfFbBuU")
    return text[:3] if text[:3] in ('"""', "'''") else text[:1]


def requoted(text: str, delimiter: str) -> str:
    """Return new code with other quotes, for inside an f-string that is delimited by these.

    Raises:
        MisplacedError: It needs both.
    """
    other = "'" if '"' in delimiter else '"'
    if other in text or "\\" in text or "\n" in text:
        raise MisplacedError("an f-string that would need quotes of both kinds")
    return text.replace(delimiter[0], other)


@functools.lru_cache(maxsize=512)
def inside_strings(text: str) -> frozenset[int]:
    """Return the lines of some code, from 0, that begin inside of a string."""
    if _LONG_STRING.search(text) is None:
        return frozenset()
    found: set[int] = set()
    depth: list[int] = []
    readable = io.StringIO(f"(\n{text}\n)")
    try:
        for token in tokenize.generate_tokens(readable.readline):
            name = tokenize.tok_name[token.type]
            if name == "STRING":
                found.update(range(token.start[0] + 1, token.end[0] + 1))
            elif name == "FSTRING_START":
                depth.append(token.start[0])
            elif name == "FSTRING_END":
                found.update(range(depth.pop() + 1, token.end[0] + 1))
    except (tokenize.TokenError, SyntaxError, IndentationError):
        pass
    return frozenset(line - 2 for line in found)


def reindented(text: str, before: int, after: int) -> str:
    """Return code whose lines, but the first, stand at another indentation."""
    lines = text.split("\n")
    kept = inside_strings(text)
    shift = after - before
    for number, line in enumerate(lines):
        if number == 0 or number in kept or not line.strip():
            continue
        if shift >= 0:
            lines[number] = " " * shift + line
        else:
            white = len(line) - len(line.lstrip(" "))
            lines[number] = line[min(-shift, white) :]
    return "\n".join(lines)


def split_lines(text: str) -> list[str]:
    """Return the lines of some code without their ends, of whatever kind these are."""
    return [line.removesuffix("\r") for line in text.split("\n")]


def indented(lines: list[str], indent: str) -> list[str]:
    """Return lines with an indentation in front: not the empty ones, nor those inside a string."""
    kept = inside_strings("\n".join(lines))
    return [
        f"{indent}{line}" if line and number not in kept else line
        for number, line in enumerate(lines)
    ]


@functools.lru_cache(maxsize=512)
def is_whole(text: str) -> bool:
    """Tell whether an expression can stand alone, without brackets around it."""
    try:
        node = ast.parse(text.strip(), mode="eval").body
    except SyntaxError:
        return False
    return isinstance(
        node,
        ast.Call
        | ast.Dict
        | ast.List
        | ast.Tuple
        | ast.Subscript
        | ast.Constant
        | ast.Name
        | ast.Attribute
        | ast.ListComp
        | ast.DictComp,
    )


@functools.lru_cache(maxsize=512)
def operand(text: str) -> str:
    """Return an expression so that an operator, a call or a subscript may follow it."""
    try:
        node = ast.parse(text.strip(), mode="eval").body
    except SyntaxError:
        return f"({text})"
    atoms = (ast.Call, ast.Name, ast.Attribute, ast.Subscript, ast.Constant, ast.List, ast.Dict)
    closed = isinstance(node, atoms) or (text.startswith("(") and isinstance(node, ast.Tuple))
    return text if closed and "\n" not in text.split("(")[0] else f"({text})"


def wrapped(lines: list[str], width: int = WIDTH) -> list[str]:
    """Break lines that are too long after their last opening bracket, as formatters do."""
    if all(len(line) <= width for line in lines):
        return lines
    found = _wrapped(lines, width)
    return found if _means_the_same("\n".join(lines), "\n".join(found)) else lines


@functools.lru_cache(maxsize=512)
def _means_the_same(before: str, after: str) -> bool:
    """Tell whether two texts are the same code, where the first one is some."""
    try:
        tree = ast.parse(textwrap.dedent(before))
    except SyntaxError:
        return True  # a part of a statement
    try:
        return ast.dump(tree) == ast.dump(ast.parse(textwrap.dedent(after)))
    except SyntaxError:
        return False


def _wrapped(lines: list[str], width: int) -> list[str]:
    text = "\n".join(lines)
    kept = inside_strings(text)
    found: list[str] = []
    for number, line in enumerate(lines):
        is_open = number + 1 in kept or number in kept
        found += [line] if len(line) <= width or is_open else _broken(line, width)
    return found


@functools.lru_cache(maxsize=256)
def relaid(text: str, original: str, width: int = WIDTH) -> str:
    """Break the lines of a new text that are too long and were not in the original."""
    known = set(original.splitlines())
    lines = text.split("\n")
    long = {i for i, line in enumerate(lines) if len(line) > width and line not in known}
    for begin, end in reversed(_pieces(text, len(lines)) if long else []):
        mine = [number - begin for number in range(begin, end) if number in long]
        if mine:
            lines[begin:end] = _with_broken(lines[begin:end], mine, width)
    return "\n".join(lines)


def _pieces(text: str, count: int) -> list[tuple[int, int]]:
    """Return the lines of each statement at the top level; all lines where that is not told."""
    whole = [(0, count)]
    if "\r" in text.replace("\r\n", ""):  # Python begins a line there
        return whole
    try:
        body = ast.parse(text).body
    except SyntaxError:
        return whole
    found: list[tuple[int, int]] = []
    for node in body:
        heads = [node, *getattr(node, "decorator_list", ())]
        begin, end = min(head.lineno for head in heads) - 1, node.end_lineno or node.lineno
        if found and begin < found[-1][1]:
            begin = found.pop()[0]
        found.append((begin, end))
    return found


def _with_broken(lines: list[str], long: list[int], width: int) -> list[str]:
    """Return lines of code with some of them broken, if that means the same."""
    text = "\n".join(lines)
    kept, found = inside_strings(text), list(lines)
    for number in reversed(long):
        ending = "\r" if lines[number].endswith("\r") else ""
        line = lines[number].removesuffix("\r")
        if number not in kept and number + 1 not in kept:
            found[number : number + 1] = [f"{new}{ending}" for new in _wrapped([line], width)]
    return found if _means_the_same(text, "\n".join(found)) else lines


def _broken(line: str, width: int) -> list[str]:
    if "#" in line and _has_comment(line):
        return [line]
    pair = _last_pair(line, width)
    if pair is None:
        return [line]
    start, end = pair
    inner = line[start + 1 : end]
    indent = len(line) - len(line.lstrip())
    pad = " " * (indent + 4)
    head, tail = line[: start + 1].rstrip(), " " * indent + line[end:]
    parts = _parts(inner)
    if inner.strip() == "" or _is_comprehension(inner):
        return [head, *_wrapped([pad + inner.strip()], width), tail] if inner.strip() else [line]
    has_comma = inner.rstrip().endswith(",")
    one = pad + inner.strip()
    if (
        not has_comma
        and len(one) <= width
        and len(parts) > 1
        and line[start] == "("
        and _is_call(line, start)
        and not _is_definition(line)
    ):
        return [head, one, tail]
    body: list[str] = []
    for part in parts:
        body += _wrapped([f"{pad}{part.strip()},"], width)
    if len(parts) == 1 and line[start] == "(" and not _is_call(line, start):
        body = _wrapped([pad + inner.strip()], width)
    return [head, *body, *_wrapped([tail], width)]


def _is_definition(line: str) -> bool:
    return line.lstrip().startswith("def ")


def _is_call(line: str, start: int) -> bool:
    return start > 0 and (line[start - 1].isalnum() or line[start - 1] in "_)]")


def _is_comprehension(inner: str) -> bool:
    for whole in (f"f({inner.strip()})", f"{{{inner.strip()}}}"):
        try:
            node = ast.parse(whole, mode="eval").body
        except SyntaxError:
            continue
        made = node.args if isinstance(node, ast.Call) else [node]
        return any(isinstance(a, ast.GeneratorExp | ast.DictComp) for a in made)
    return " for " in inner


def _tokens(line: str) -> list[tokenize.TokenInfo]:
    try:
        return list(tokenize.generate_tokens(io.StringIO(line.strip() + "\n").readline))
    except (tokenize.TokenError, SyntaxError, IndentationError):
        return []


def _has_comment(line: str) -> bool:
    tokens = _tokens(line)
    return not tokens or any(t.type == tokenize.COMMENT for t in tokens)


def _brackets(line: str) -> list[tuple[int, str]]:
    shift = len(line) - len(line.lstrip())
    tokens: list[tuple[int, str]] = []
    try:
        for token in tokenize.generate_tokens(io.StringIO(line.strip() + "\n").readline):
            if token.type == tokenize.OP and token.string in _OPENING + _CLOSING + ",":
                tokens.append((token.start[1] + shift, token.string))
    except (tokenize.TokenError, SyntaxError, IndentationError):
        pass
    return tokens


def _last_pair(line: str, width: int) -> tuple[int, int] | None:
    """Return the last pair of brackets at the outermost level that closes on the line.

    One that opens within the width comes before those behind it.
    """
    stack: list[int] = []
    found: list[tuple[int, int]] = []
    subscripts: set[int] = set()
    for place, text in _brackets(line):
        if text in _OPENING:
            stack.append(place)
            if text == "[" and _is_call(line, place):
                subscripts.add(place)
        elif text in _CLOSING:
            if not stack:
                return None
            start = stack.pop()
            if not stack:
                found.append((start, place))
    if stack or not found:
        return None
    filled = [
        pair for pair in found if line[pair[0] + 1 : pair[1]].strip() and pair[0] not in subscripts
    ]
    near = [pair for pair in filled if pair[0] < width] or filled
    return near[-1] if near else None


def _parts(inner: str) -> list[str]:
    """Return what stands between the commas of the outermost level."""
    depth, begin, parts = 0, 0, []
    for place, text in _brackets(inner.strip()):
        if text in _OPENING:
            depth += 1
        elif text in _CLOSING:
            depth -= 1
        elif depth == 0 and not _in_lambda(inner.strip()[begin:place]):
            parts.append(inner.strip()[begin:place])
            begin = place + 1
    rest = inner.strip()[begin:]
    return [part for part in (*parts, rest) if part.strip()]


def _in_lambda(text: str) -> bool:
    return text.rfind("lambda ") > text.rfind(":")


def literal(value: object) -> str:
    """Return the source of a number, a text, None or a bool."""
    return quoted(value) if isinstance(value, str) else repr(value)
