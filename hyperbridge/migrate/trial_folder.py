"""Files that an objective opens by a relative path, which Ray's trials look for elsewhere.

Source: Ray Tune reference, "Training in Tune": a trial's working directory is a folder of its own
unless RAY_CHDIR_TO_TRIAL_DIR is 0.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from hyperbridge.migrate.module import Module
from hyperbridge.migrate.notes import Note
from hyperbridge.migrate.reach import in_order, reach_of
from hyperbridge.migrate.reading import Search
from hyperbridge.migrate.values import NotConstantError, evaluate

_ABSOLUTE = re.compile(r"/|~|\\|[a-zA-Z]+:")  # a drive and an address of a store are, too
_MAKE_ABSOLUTE = ("abspath", "realpath", "resolve", "mkdtemp", "getcwd", "expanduser")
_DEEPEST = 10
_FILE = re.compile(
    r"[\w./-]+\.(csv|tsv|txt|json|jsonl|ya?ml|pkl|pickle|joblib|np[yz]|h5|hdf5|keras|pth?|ckpt"
    r"|parquet|feather|log|png|db|model)"
)


def notes(search: Search) -> Iterator[Note]:
    """Yield a remark on the first file of a search that another folder does not have."""
    expr = search.arguments.get("fn")
    if expr is None or search.was_on_workers:  # executors have their own folders, too
        return
    module = search.module
    calls = [n for n in reach_of(module, expr).nodes if isinstance(n, ast.Call)]
    if any((module.names.dotted(c.func) or "").startswith("mlflow.") for c in calls):
        calls += [n for n in module.walk() if isinstance(n, ast.Call) and _is_store(module, n)]
    for call in in_order(calls):
        name = _relative_path(module, call)
        if name is not None:
            text = (
                f"a trial runs in a folder of its own, where a relative path such as {name} leads"
                " to another file: make it absolute, or set RAY_CHDIR_TO_TRIAL_DIR=0"
            )
            yield Note(call.lineno, text, False, "HB235")
            return


def _is_store(module: Module, call: ast.Call) -> bool:
    return module.names.dotted(call.func) == "mlflow.set_tracking_uri"


def _relative_path(module: Module, call: ast.Call) -> str | None:
    """Return how a call names a file by a relative path, or by one that may be; None for none."""
    func = call.func
    opens = isinstance(func, ast.Name) and func.id == "open" and not module.names.bindings(func)
    if opens and call.args:
        path = call.args[0]
        text = _beginning(module, path)
        is_number = isinstance(path, ast.Constant) and not isinstance(path.value, str)
        return None if is_number or _ABSOLUTE.match(text) else _named(module, path)
    for argument in (*call.args, *(keyword.value for keyword in call.keywords)):
        text = _whole(module, argument)
        if _is_store(module, call):
            text = text.removeprefix("sqlite:///")
        if _FILE.fullmatch(text) and not _ABSOLUTE.match(text):
            return _named(module, argument)
    return None


def _named(module: Module, path: ast.expr) -> str:
    text = _whole(module, path)
    return repr(text) if text else module.original(path)


def _whole(module: Module, expr: ast.expr) -> str:
    try:
        value = evaluate(module, expr)
    except NotConstantError:
        return ""
    return value if isinstance(value, str) else ""


def _beginning(module: Module, expr: ast.expr, depth: int = 0) -> str:
    """Return the part of a path that the source tells."""
    whole = _whole(module, expr)
    inner: ast.expr | None = None
    if isinstance(expr, ast.JoinedStr) and expr.values:
        first = expr.values[0]
        inner = first.value if isinstance(first, ast.FormattedValue) else first
    elif isinstance(expr, ast.BinOp):
        inner = expr.left
    elif isinstance(expr, ast.Call):  # os.path.join and the like
        if ast.unparse(expr.func).rpartition(".")[2] in _MAKE_ABSOLUTE:
            return "/"
        inner = expr.args[0] if expr.args else None
    elif isinstance(expr, ast.Name):
        binding = module.names.only_binding(expr)
        inner = None if binding is None else binding.value
    if whole or inner is None or depth > _DEEPEST:
        return whole
    return _beginning(module, inner, depth + 1)
