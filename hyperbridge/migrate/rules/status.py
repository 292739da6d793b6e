"""``STATUS_OK`` and ``STATUS_FAIL`` that remain become the strings they stand for.

Source: hyperopt.base.
"""

from __future__ import annotations

import ast

from hyperbridge.migrate.module import Module

STRINGS = {
    "STATUS_NEW": '"new"',
    "STATUS_RUNNING": '"running"',
    "STATUS_SUSPENDED": '"suspended"',
    "STATUS_OK": '"ok"',
    "STATUS_FAIL": '"fail"',
}


def rewrite(module: Module) -> None:
    """Replace every use of a status constant."""
    for node in list(module.walk()):
        name = module.hyperopt(node)
        if name in STRINGS and isinstance(node, ast.Name | ast.Attribute):
            module.edits.replace(*module.span(node), STRINGS[name])
