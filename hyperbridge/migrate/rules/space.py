"""The search space becomes a function that asks a trial for its values."""

from __future__ import annotations

import ast

from hyperbridge.migrate.search import Search
from hyperbridge.migrate.space_parts import UnreadableSpaceError
from hyperbridge.migrate.space_source import read_space_source
from hyperbridge.translate.source_parameters import WIDER_REMARK
from hyperbridge.translate.to_source import SpaceCode, UnwritableError, optuna_code


def read(search: Search, *, live: SpaceCode | None = None) -> None:
    """Read the space from source, and write it; or take the code of the live one.

    Args:
        search: The search.
        live: Code made from the live space, for when the source does not tell.
    """
    given = search.arguments.get("space")
    if given is None:
        return
    module = search.module
    try:
        space = read_space_source(module, given)
        code = optuna_code(space.root, texts=space.texts, taken=space.names)
    except (UnreadableSpaceError, UnwritableError) as exc:
        search.is_untold = True
        if live is not None:
            search.code = live
            search.is_live = True
            search.claimed.update(n for n in ast.walk(given) if isinstance(n, ast.Name))
            for label, remark in live.remarks.items():
                _remark(search, given, label, remark)
            return
        where = exc.node if isinstance(exc, UnreadableSpaceError) else given
        search.block(where, f"{exc}: write the space out, or use --run, which reads the live one")
        return
    search.space = space
    search.code = code
    for label, remark in code.remarks.items():
        _remark(search, _place(search, label) or given, label, remark)
    for expression in (given, *space.expressions):
        search.claimed.update(n for n in ast.walk(expression) if isinstance(n, ast.Name))


def _remark(search: Search, node: ast.AST, label: str, remark: str) -> None:
    if search.settings.sampler == "random":
        remark = remark.removesuffix(WIDER_REMARK)
    search.remark(node, f"{label!r}: {remark}")


def _place(search: Search, label: str) -> ast.AST | None:
    assert search.space is not None
    for expression in search.space.expressions:
        for node in ast.walk(expression):
            if isinstance(node, ast.Constant) and node.value == label:
                return node
    return None
