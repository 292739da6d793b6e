"""A parsed source with its names, the meaning of hyperopt's names in it, and pending edits."""

from __future__ import annotations

import ast
import bisect
import functools
import io
import re
import tokenize
import warnings
from collections.abc import Iterator
from typing import TypeVar

from hyperbridge.migrate.edits import Edits
from hyperbridge.migrate.nodes import PLACES, walk
from hyperbridge.migrate.scopes import Names
from hyperbridge.migrate.sources import Source, UnreadableFileError

Node = TypeVar("Node", bound=ast.AST)
_HOMES = ("hyperopt", "hyperbridge")
_SUBMODULES = (
    "pyll_utils",
    "pyll.base",
    "pyll.stochastic",
    "pyll",
    "base",
    "fmin",
    "spark",
    "early_stop",
    "exceptions",
    "plotting",
    "utils",
)
_LARGEST = 5_000_000  # what no person has written; it would take minutes
_LINE_END = re.compile(r"\r\n|\r|\n")


@functools.lru_cache(maxsize=4096)
def hyperopt_name(dotted: str | None) -> str | None:
    """Return the short name of something of hyperopt's, whatever module it was taken from.

    Examples:
        >>> hyperopt_name("hyperopt.pyll.base.scope.int")
        'scope.int'
        >>> hyperopt_name("hyperopt.fmin"), hyperopt_name("hyperopt.fmin.fmin")
        ('fmin', 'fmin')
        >>> hyperopt_name("scipy.optimize.fmin") is None
        True
    """
    if dotted is None:
        return None
    home, _, rest = dotted.partition(".")
    if home not in _HOMES:
        return None
    for submodule in _SUBMODULES:
        if rest.startswith(f"{submodule}."):
            return rest[len(submodule) + 1 :]
    return rest


class Module:
    """One source file, parsed.

    Attributes:
        source: The file.
        tree: Its syntax tree.
        names: Its scopes.
        edits: What is to be changed in its text.

    Raises:
        UnreadableFileError: It does not parse.
    """

    def __init__(self, source: Source) -> None:
        self.source = source
        if len(source.code) > _LARGEST:
            raise UnreadableFileError(
                f"{source.path}: has {len(source.code) / 1e6:.0f} million characters of code:"
                f" what is larger than {_LARGEST / 1e6:.0f} million is not looked into"
            )
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", SyntaxWarning)  # invalid escapes: not our matter
                self.tree = ast.parse(source.code)
        except (SyntaxError, ValueError, RecursionError, MemoryError) as exc:
            raise UnreadableFileError(_why_not(source, exc)) from exc
        try:
            self.names = Names(self.tree)
        except RecursionError as exc:
            raise UnreadableFileError(f"{source.path}: is nested too deeply to be read") from exc
        self.edits = Edits(source.text)
        ends = [match.end() for match in _LINE_END.finditer(source.code)]
        self._line_starts = [0, *ends]

    @functools.cached_property
    def comments(self) -> dict[int, tuple[bool, str]]:
        """The comments by line, and whether each has the line to itself."""
        found: dict[int, tuple[bool, str]] = {}
        lines = io.StringIO(self.source.code).readline
        try:
            for token in tokenize.generate_tokens(lines):
                if token.type == tokenize.COMMENT:
                    alone = not token.line[: token.start[1]].strip()
                    found[token.start[0]] = (alone, token.string)
        except (tokenize.TokenError, SyntaxError):  # cells of a notebook may end early
            pass
        return found

    def comment(self, line: int) -> str | None:
        """Return the comment on a line; None where there is none."""
        start = self._line_starts[line - 1]
        if "#" not in self.source.code[start : self.line_end(start)]:
            return None
        found = self.comments.get(line)
        return None if found is None else found[1]

    def offset(self, line: int, column: int) -> int:
        """Return the offset in the text for a position of ``ast`` (column in UTF-8 bytes)."""
        start = self._line_starts[line - 1]
        stop = self._line_starts[line] if line < len(self._line_starts) else None
        text = self.source.code[start:stop]
        if text.isascii():
            return start + column
        return start + len(text.encode()[:column].decode())

    def span(self, node: ast.expr | ast.stmt | ast.arg | ast.keyword) -> tuple[int, int]:
        """Return the offsets at which a node begins and ends; decorators are part of a def."""
        assert node.end_lineno is not None
        assert node.end_col_offset is not None
        first: ast.expr | ast.stmt | ast.arg | ast.keyword = node
        decorators = getattr(node, "decorator_list", [])
        begin = self.offset(first.lineno, first.col_offset)
        if decorators:
            begin = self.source.code.rindex(
                "@", 0, self.offset(decorators[0].lineno, decorators[0].col_offset)
            )
        return begin, self.offset(node.end_lineno, node.end_col_offset)

    def inside(self, call: ast.Call) -> tuple[int, int]:
        """Return where that begins and ends which stands between the brackets of a call."""
        opening = self.source.code.index("(", self.span(call.func)[1])
        return opening + 1, self.span(call)[1] - 1

    def text(self, node: ast.expr | ast.stmt | ast.arg) -> str:
        """Return the source of a node with the pending edits inside it."""
        return self.edits.rendered(*self.span(node))

    def original(self, node: ast.expr | ast.stmt | ast.arg) -> str:
        """Return the source of a node as it is in the file."""
        start, end = self.span(node)
        return self.source.text[start:end]

    def line_start(self, offset: int) -> int:
        """Return the offset at which the line around an offset begins."""
        return self._line_starts[bisect.bisect_right(self._line_starts, offset) - 1]

    def line_end(self, offset: int) -> int:
        """Return the offset after the line around an offset, its line ending included."""
        following = bisect.bisect_right(self._line_starts, offset)
        is_last = following == len(self._line_starts)
        return len(self.source.code) if is_last else self._line_starts[following]

    def indent(self, node: ast.stmt | ast.expr) -> str:
        """Return the white space with which the line of a node begins."""
        start = self.span(node)[0]
        line = self.source.code[self.line_start(start) : start]
        return line[: len(line) - len(line.lstrip())]

    def begins_line(self, node: ast.stmt) -> bool:
        """Tell whether nothing but white space stands before a statement on its line."""
        start = self.span(node)[0]
        return not self.source.code[self.line_start(start) : start].strip()

    def hyperopt(self, expr: ast.AST | None) -> str | None:
        """Return hyperopt's name of what an expression refers to; see `hyperopt_name`."""
        if not isinstance(expr, PLACES):
            return None
        return hyperopt_name(self.names.dotted(expr))

    def walk(self) -> Iterator[ast.AST]:
        """Yield every syntax node; see `nodes.walk`."""
        return iter(self._nodes)

    @functools.cached_property
    def _nodes(self) -> list[ast.AST]:
        return walk(self.tree)

    def of_kind(self, kind: type[Node]) -> list[Node]:
        """Return the syntax nodes of one class, in the order of `walk`."""
        return self._by_kind.get(kind, [])  # type: ignore[return-value]  # of this class

    @functools.cached_property
    def _by_kind(self) -> dict[type[ast.AST], list[ast.AST]]:
        found: dict[type[ast.AST], list[ast.AST]] = {}
        for node in self._nodes:
            found.setdefault(node.__class__, []).append(node)
        return found

    @functools.cached_property
    def identifiers(self) -> set[str]:
        """Every name in the module, for finding an unused one; attributes are none."""
        found: set[str] = set()
        for kind, nodes in self._by_kind.items():
            for field in {"id", "arg", "name", "asname", "rest"} & {*kind._fields}:
                names = (getattr(node, field) for node in nodes)
                found.update(*(name.split(".") for name in names if isinstance(name, str)))
        for declared in (self.of_kind(ast.Global), self.of_kind(ast.Nonlocal)):
            found.update(name for node in declared for name in node.names)
        return found


def _why_not(source: Source, exc: BaseException) -> str:
    line = getattr(exc, "lineno", None)
    where = f"{source.path}" if line is None else f"{source.path}:{source.place(line)}"
    reason = getattr(exc, "msg", None) or str(exc) or type(exc).__name__
    if reason.startswith("Missing parentheses in call to 'print'"):
        return f"{where}: is Python 2 code: {reason}"
    return f"{where}: does not parse as Python 3: {reason}"
