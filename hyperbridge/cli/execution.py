"""Run code as ``__main__``, and keep our own frames out of the tracebacks it ends with."""

from __future__ import annotations

import ast
import asyncio
import inspect
import linecache
import sys
import traceback
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from types import CodeType, TracebackType
from typing import Any, TypeVar

from hyperbridge.notebooks.cells import Cell, Code

T = TypeVar("T")

_FUTURE = annotations.compiler_flag


def run_source(source: bytes, filename: str, namespace: dict[str, Any]) -> None:
    """Compile and run the content of a source file.

    Args:
        source: The content, in the encoding that it declares.
        filename: For tracebacks.
        namespace: The globals.
    """
    with _own_frames_hidden():
        code = _enter(compile, source, filename, "exec", 0, True)
        _enter(exec, code, namespace)


def run_code(code: CodeType, namespace: dict[str, Any]) -> None:
    """Run compiled code in a namespace."""
    with _own_frames_hidden():
        _enter(exec, code, namespace)


def run_cells(codes: Iterable[Code], namespace: dict[str, Any]) -> None:
    """Run a notebook's cells in order.

    All are compiled before the first one runs, so that a syntax error in the last cell shows
    at once and not after hours. If a cell has ``await`` at its top level, all cells run in one
    event loop, as in Jupyter.
    """
    with _own_frames_hidden():
        compiled: list[CodeType] = []
        flags = 0  # "from __future__ import annotations" holds for the cells that follow
        for code in codes:
            _show_source(code.cell)
            compiled.append(_compile_cell(code, flags))
            flags |= compiled[-1].co_flags & _FUTURE
        if not any(each.co_flags & inspect.CO_COROUTINE for each in compiled):
            for each in compiled:
                _enter(exec, each, namespace)
            return
        loop = asyncio.new_event_loop()
        try:
            loop.run_until_complete(_enter_in_loop(compiled, namespace))
        finally:
            _close(loop)


def _close(loop: asyncio.AbstractEventLoop) -> None:
    """Cancel the tasks that cells have left, and close the loop, as `asyncio.run` does."""
    try:
        tasks = asyncio.all_tasks(loop)
        for task in tasks:
            task.cancel()
        if tasks:
            loop.run_until_complete(asyncio.gather(*tasks, return_exceptions=True))
        loop.run_until_complete(loop.shutdown_asyncgens())
    finally:
        loop.close()


def call(function: Callable[..., T], *args: Any) -> T:
    """Call something that may import, and so run, the user's code."""
    with _own_frames_hidden():
        return _enter(function, *args)


def _show_source(cell: Cell) -> None:
    """Let tracebacks and inspect find the lines of a cell, which has no file of its own."""
    if cell.filename.startswith("<"):
        lines = [f"{line}\n" for line in cell.text.splitlines()]
        linecache.cache[cell.filename] = (len(cell.text), None, lines, cell.filename)


def _compile_cell(code: Code, flags: int) -> CodeType:
    source = "\n" * (code.first_line - 1) + code.source
    try:
        flags |= ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
        return _enter(compile, source, code.cell.filename, "exec", flags, True)
    except SyntaxError as exc:
        if exc.text is None and exc.lineno is not None:
            exc.text = linecache.getline(code.cell.filename, exc.lineno)
        raise


def _enter(function: Callable[..., T], *args: Any) -> T:
    """Call the function. What lies above this frame in a traceback is ours, below the user's."""
    return function(*args)


async def _enter_in_loop(cells: Iterable[CodeType], namespace: dict[str, Any]) -> None:
    """Run cells, some of which await; a mark in tracebacks like `_enter`."""
    for cell in cells:
        if cell.co_flags & inspect.CO_COROUTINE:
            await eval(cell, namespace)
        else:
            _enter(exec, cell, namespace)


@contextmanager
def _own_frames_hidden() -> Iterator[None]:
    """Have Python print an exception that ends the process without the frames that are ours.

    The exception goes its normal way, so that exit codes, signals and ``sys.excepthook`` are as
    ever; only the hook is wrapped, when it is too late for the script to see.
    """
    try:
        yield
    except SystemExit:
        raise
    except BaseException:
        hook = sys.excepthook

        def print_without_ours(
            kind: type[BaseException], exc: BaseException, trace: TracebackType | None
        ) -> None:
            exc = exc.with_traceback(_below_entry(trace))
            if hook is sys.__excepthook__ and sys.version_info < (3, 13):
                # Before 3.13 the built-in hook looks for source lines in files only, and a cell
                # of a notebook is not one.
                traceback.print_exception(kind, exc, exc.__traceback__)
            else:
                hook(kind, exc, exc.__traceback__)

        sys.excepthook = print_without_ours
        raise


def _below_entry(trace: TracebackType | None) -> TracebackType | None:
    entry, found = None, trace
    while found is not None:
        if found.tb_frame.f_code in (_enter.__code__, _enter_in_loop.__code__):
            entry = found
        found = found.tb_next
    if entry is None:  # an error of our own: show all of it
        return trace
    found = entry.tb_next
    while found is not None and found.tb_frame.f_globals.get("__name__", "").startswith(
        "importlib"
    ):
        found = found.tb_next
    return found
