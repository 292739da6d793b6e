"""Find what a notebook needs and cannot have here, before its first cell runs.

A search may take hours; a name that works only on Databricks must not end the program after it.
What is sure to fail is an error. What fails only if it is reached is a note.
"""

from __future__ import annotations

import ast
import builtins
import importlib.util
import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from hyperbridge.cli.dbutils import PARTS
from hyperbridge.cli.dbutils.files import local_path
from hyperbridge.cli.dbutils.flow import find_notebook
from hyperbridge.cli.dbutils.outside import secret_variable
from hyperbridge.cli.notebook_names import why_missing
from hyperbridge.cli.notebook_python import RUNTIME
from hyperbridge.notebooks.cells import Code

_CATCHES = frozenset({"NameError", "Exception", "BaseException"})
_ASKED = ("dbutils", "globals", "locals", "DATABRICKS", "get_ipython", "suppress")
_CATCHES_IMPORTS = _CATCHES - {"NameError"} | {"ImportError", "ModuleNotFoundError"}
_FIND_MODULES = ("sys.path", "addPyFile", "write_file", "shell", "change_directory")
_NAMESPACES = frozenset({"globals", "locals", "vars"})
_EXITS = frozenset({("dbutils", "notebook", "exit"), ("sys", "exit"), ("exit",), ("quit",)})


@dataclass(frozen=True, slots=True)
class Use:
    """A global name as one place of a notebook uses it, or the import of a module.

    Attributes:
        chain: The name and its attributes, ``("dbutils", "fs", "ls")``; for an import ``import``
            and the first part of the module's name.
        where: The place, for messages.
        call: The call that it is the function of, or None.
        is_guarded: Whether the code around it is ready for the name not to be there.
        is_certain: Whether it runs whenever the notebook does.
    """

    chain: tuple[str, ...]
    where: str
    call: ast.Call | None
    is_guarded: bool
    is_certain: bool


def uses_of(codes: Iterable[Code]) -> list[Use]:
    """Return every use of a name that is read, in order."""
    found: list[Use] = []
    for code in codes:
        try:
            tree = ast.parse(code.source)
        except SyntaxError:  # reported when the cell is compiled
            continue
        _Reader(code, found).read(tree, is_guarded=False, is_certain=True)
    ends = [i for i, use in enumerate(found) if use.is_certain and use.chain in _EXITS and use.call]
    if ends:  # what follows never runs
        found[ends[0] + 1 :] = [replace(use, is_certain=False) for use in found[ends[0] + 1 :]]
    return found


def defines_unknown_names(codes: Iterable[Code]) -> bool:
    """Tell whether names may come from where they cannot be seen: a star import, ``exec``."""
    for code in codes:
        try:
            tree = ast.parse(code.source)
        except SyntaxError:
            continue
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom) and node.names[0].name == "*":
                return True
            if isinstance(node, ast.Name) and node.id == "exec":
                return True
            if isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Store):
                if _is_namespace(node.value):
                    return True
            elif isinstance(node, ast.Attribute) and _is_namespace(node.value):
                return True
    return False


def _is_namespace(node: ast.AST) -> bool:
    """Tell whether a node is a call such as ``globals()``."""
    function = node.func if isinstance(node, ast.Call) else None
    return isinstance(function, ast.Name) and function.id in _NAMESPACES


def problems_of(
    uses: Sequence[Use], *, undefined: set[str], is_databricks: bool, directory: Path
) -> Iterator[tuple[Use, str]]:
    """Return the uses that fail here, each with the reason.

    Args:
        uses: From `uses_of`.
        undefined: Names that nothing defines.
        is_databricks: Whether ``dbutils`` is Databricks' own, which has everything.
        directory: The notebook's folder.
    """
    for use in uses:
        name = use.chain[0]
        if use.is_guarded:
            continue
        if name in undefined:
            yield use, why_missing(name)
        elif use.chain == (RUNTIME, "sql") and "spark" in undefined:
            yield use, f"a cell in SQL: {why_missing('spark')}"
        elif name == "dbutils" and not is_databricks:
            reason = _problem_of_dbutils(use, directory)
            if reason is not None:
                yield use, reason


def missing_modules(
    uses: Iterable[Use], codes: Iterable[Code], directory: Path
) -> Iterator[tuple[Use, str]]:
    """Return the imports that are sure to fail, each with the reason.

    Args:
        uses: From `uses_of`.
        codes: The notebook's code. None is sure to fail where the code changes what is found.
        directory: The notebook's folder, where its own modules are.
    """
    if any(word in code.source for code in codes for word in _FIND_MODULES):
        return
    for use in uses:
        if use.chain[0] == "import" and use.is_certain and not use.is_guarded:
            name = use.chain[1]
            here = (directory / name).is_dir() or (directory / f"{name}.py").is_file()
            if not here and name not in sys.modules and importlib.util.find_spec(name) is None:
                yield use, f"no module named {name!r}. Install the package that has it"


def undefined_names(needed: set[str], provided: set[str]) -> set[str]:
    """Return the names that are read, and that neither the notebook nor Python defines."""
    return {
        name
        for name in needed - provided
        if not hasattr(builtins, name) and not (name.startswith("__") and name.endswith("__"))
    }


def widgets_named(uses: Iterable[Use]) -> set[str] | None:
    """Return the names of the widgets that a notebook asks for; None when some are computed."""
    found = set()
    for use in uses:
        if use.chain == (RUNTIME, "sql") or use.chain[-1] == "getAll":
            return None
        if use.chain[:2] == ("dbutils", "widgets") or use.chain == ("getArgument",):
            texts = _constant_texts(use.call)
            if not texts and use.chain[-1] != "removeAll":
                return None
            found.update(texts[:1])
    return found


def _problem_of_dbutils(use: Use, directory: Path) -> str | None:
    part, function = (*use.chain[1:3], "", "")[:2]
    text = ".".join(use.chain[:3])
    if not part:
        return None
    kind = PARTS.get(part)
    if kind is None or (function and not hasattr(kind, function)):
        return f"{text} works only on Databricks"
    texts = _constant_texts(use.call)
    if part == "fs" and function:
        for path in texts[: 2 if function in ("cp", "mv") else 1]:
            try:
                local_path(path)
            except FileNotFoundError as exc:
                return f"{text}: {exc}"
    if part == "secrets" and len(texts) == 2:
        variable = secret_variable(*texts)
        if variable not in os.environ:
            return f"{text}: set the environment variable {variable} to the secret"
    if (part, function) == ("notebook", "run") and texts and not find_notebook(texts[0], directory):
        return f"{text}: there is no notebook {texts[0]!r} beside this one"
    return None


def _constant_texts(call: ast.Call | None) -> list[str]:
    """Return the arguments of a call that are plain texts, as far as they are."""
    found: list[str] = []
    if call is None:
        return found
    values = [*call.args, *(keyword.value for keyword in call.keywords)]
    for value in values:
        if not isinstance(value, ast.Constant) or not isinstance(value.value, str):
            break
        found.append(value.value)
    return found


class _Reader:
    """Collects the uses in one piece of code."""

    def __init__(self, code: Code, found: list[Use]) -> None:
        self._code = code
        self._found = found

    def read(self, node: ast.AST, *, is_guarded: bool, is_certain: bool) -> None:
        """Read a node and what is in it."""
        state: dict[str, Any] = {"is_guarded": is_guarded, "is_certain": is_certain}
        later = {**state, "is_certain": False}
        if isinstance(node, ast.Call) and self._add(node.func, node, **state):
            self._all([*node.args, *node.keywords], **state)
        elif isinstance(node, ast.Name | ast.Attribute) and self._add(node, None, **state):
            pass
        elif isinstance(node, ast.Import | ast.ImportFrom):
            self._add_import(node, **state)
        elif isinstance(node, ast.Try):
            for part in node.body:
                kinds = _CATCHES_IMPORTS if _is_import(part) else _CATCHES
                caught = is_guarded or any(_catches(each, kinds) for each in node.handlers)
                self.read(part, is_guarded=caught, is_certain=False)
            self._all([*node.handlers, *node.orelse, *node.finalbody], **later)
        elif isinstance(node, ast.If | ast.IfExp | ast.While):
            asks = is_guarded or any(word in ast.unparse(node.test) for word in _ASKED)
            self.read(node.test, **{**state, "is_guarded": asks})
            body = node.body if isinstance(node.body, list) else [node.body]
            other = node.orelse if isinstance(node.orelse, list) else [node.orelse]
            self._all([*body, *other], is_guarded=asks, is_certain=False)
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            defaults = [default for default in node.args.kw_defaults if default is not None]
            self._all([*node.decorator_list, *node.args.defaults, *defaults], **state)
            self._all(node.body, **later)
        elif isinstance(node, ast.Lambda):
            self._all(node.args.defaults, **state)
            self.read(node.body, **later)
        elif isinstance(node, ast.BoolOp):
            self.read(node.values[0], **state)
            self._all(node.values[1:], **later)
        elif isinstance(node, ast.ListComp | ast.SetComp | ast.GeneratorExp | ast.DictComp):
            self.read(node.generators[0].iter, **state)
            self._all(ast.iter_child_nodes(node), **later)
        elif isinstance(node, ast.With | ast.AsyncWith):
            asks = is_guarded or any("suppress" in ast.unparse(item) for item in node.items)
            self._all(node.items, **state)
            self._all(node.body, is_guarded=asks, is_certain=is_certain)
        elif isinstance(node, ast.For | ast.AsyncFor):
            self.read(node.iter, **state)
            self._all([*node.body, *node.orelse], **later)
        else:
            self._all(ast.iter_child_nodes(node), **state)

    def _all(self, nodes: Iterable[ast.AST], *, is_guarded: bool, is_certain: bool) -> None:
        for node in nodes:
            self.read(node, is_guarded=is_guarded, is_certain=is_certain)

    def _add(
        self, node: ast.AST, call: ast.Call | None, *, is_guarded: bool, is_certain: bool
    ) -> bool:
        """Note a name with its attributes; tell whether the node is one that is read."""
        parts: list[str] = []
        while isinstance(node, ast.Attribute):
            parts.append(node.attr)
            node = node.value
        if not isinstance(node, ast.Name) or not isinstance(node.ctx, ast.Load):
            return False
        chain = (node.id, *reversed(parts))
        self._found.append(Use(chain, self._where(node), call, is_guarded, is_certain))
        return True

    def _add_import(
        self, node: ast.Import | ast.ImportFrom, *, is_guarded: bool, is_certain: bool
    ) -> None:
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        else:
            names = [] if node.level or node.module is None else [node.module]
        for name in names:
            chain = ("import", name.partition(".")[0])
            self._found.append(Use(chain, self._where(node), None, is_guarded, is_certain))

    def _where(self, node: ast.expr | ast.stmt) -> str:
        cell = self._code.cell
        return cell.where(self._code.first_line + node.lineno - cell.first_line - 1)


def _is_import(node: ast.AST) -> bool:
    return isinstance(node, ast.Import | ast.ImportFrom)


def _catches(handler: ast.ExceptHandler, caught: frozenset[str]) -> bool:
    if handler.type is None:
        return True
    kinds = handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type]
    return any(isinstance(kind, ast.Name) and kind.id in caught for kind in kinds)
