"""List every use of hyperopt in source files, and what each way off it does with the use."""

from __future__ import annotations

import ast
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path

from hyperbridge.migrate.discover import files_under, mentions_hyperopt
from hyperbridge.migrate.module import Module, hyperopt_name
from hyperbridge.migrate.planning import FilePlan, plan_modules
from hyperbridge.migrate.rules import driver_state, options, trials
from hyperbridge.migrate.search import find_searches
from hyperbridge.migrate.sources import UnreadableFileError, read_content, source_of

KINDS = ("import", "space", "fmin", "SparkTrials", "algo", "Trials", "MLflow", "other")
"""What a use can be, in the order in which reports list it."""

WAYS = ("run", "ray", "optuna", "migrate")
"""The ways off hyperopt: run as is, ``--backend ray``, ``--backend optuna``, ``migrate``."""

_SPACES = ("hp", "scope", "pyll", "space_eval", "sample", "as_apply", "pyll_utils")
_ALGORITHMS = ("tpe", "rand", "anneal", "atpe", "mix", "algobase")
_TRIALS = ("Trials", "trials_from_docs", "Domain", "Ctrl", "JOB_STATE", "base")
_NOT_OPTUNA = {
    "anneal": "Optuna has no annealing: choose a sampler",
    "atpe": "Optuna has no adaptive TPE: choose a sampler",
    "mix": "Optuna has no mixture of algorithms: choose a sampler",
}
_NOT_ELSEWHERE = {
    "mongoexp": "MongoTrials is a backend of its own: use Trials, and --backend to spread them",
    "ipy": "IPythonTrials is a backend of its own: use Trials, and --backend to spread them",
    "fmin_pass_expr_memo_ctrl": "the objective works on hyperopt's own graph: let it take a point",
}


@dataclass(frozen=True, slots=True)
class Finding:
    """One use of hyperopt.

    Attributes:
        path: The file.
        line: The line of its text, from 1; of a notebook's code cells put together.
        place: The line for people: ``12``, or ``cell 3 line 2``.
        column: From 1.
        kind: One of `KINDS`.
        name: What is used, in hyperopt's own terms.
        handled: For each of `WAYS`, whether it needs no person.
        advice: What a person must do; empty when nothing.
    """

    path: Path
    line: int
    place: str
    column: int
    kind: str
    name: str
    handled: dict[str, bool]
    advice: tuple[str, ...]


@dataclass(slots=True)
class Report:
    """The result of a scan.

    Attributes:
        findings: By file and line.
        unread: Messages about files that could not be read.
        files: How many files were looked at.
        searches: How many calls of fmin there are.
        migrated: How many of them ``migrate`` rewrites without a person.
    """

    findings: list[Finding] = field(default_factory=list)
    unread: list[str] = field(default_factory=list)
    files: int = 0
    searches: int = 0
    migrated: int = 0


def scan(paths: Iterable[Path]) -> Report:
    """Look for hyperopt in files and folders.

    Args:
        paths: Python files, notebooks, or folders of them.
    """
    report = Report()
    modules: list[Module] = []
    for path in files_under(paths):
        report.files += 1
        try:
            content = read_content(path)
            if mentions_hyperopt(content):
                modules.append(Module(source_of(path, content)))
        except UnreadableFileError as exc:
            report.unread.append(str(exc))
    for module, result in zip(modules, plan_modules(modules, "optuna"), strict=True):
        _scan_file(report, module, result)
    return report


def _scan_file(report: Report, module: Module, result: FilePlan) -> None:
    path = module.source.path
    uses = _uses(module)
    if not uses:
        return
    lost = _lost_on_ray(module)
    report.searches += len(result.searches)
    report.migrated += sum(not is_left for is_left in result.searches.values())
    advice: dict[int, list[str]] = {}
    for note in result.notes:
        if note.needs_person:
            advice.setdefault(note.line, []).append(note.text)
    for node, kind, name in uses:
        line = node.lineno
        is_left = kind != "MLflow" and not _goes(module, node)
        found = _finding(module, node, kind, name, advice.pop(line, []), is_left=is_left)
        if node in lost:
            said = (f"--backend ray, migrate --to ray: {text}" for text in lost[node])
            handled = {**found.handled, "ray": False}
            found = replace(found, handled=handled, advice=(*found.advice, *said))
        report.findings.append(found)
    for line, texts in advice.items():
        report.findings.append(
            Finding(
                path,
                line,
                module.source.place(line),
                1,
                "other",
                "",
                {**dict.fromkeys(WAYS, True), "migrate": False},
                tuple(texts),
            )
        )
    report.findings.sort(key=lambda f: (str(f.path), f.line, f.column))


def _lost_on_ray(module: Module) -> dict[ast.AST, list[str]]:
    """Return what the objective of each search changes where Ray's trials could not."""
    found: dict[ast.AST, list[str]] = {}
    for search in [] if module.names.stars else find_searches(module):
        trials.read(search)
        options.read(search)
        if texts := driver_state.lost_on_ray(search):
            found[search.call.func] = texts
    return found


def _goes(module: Module, node: ast.expr | ast.stmt) -> bool:
    """Tell whether a use is gone after the planned edits."""
    span = module.span(node)
    if not module.edits.covers(*span):
        return False
    text = module.edits.rendered(*span)  # the new one of an import that was shortened
    return text == module.original(node) or not mentions_hyperopt(text.encode())


def _finding(
    module: Module,
    node: ast.expr | ast.stmt,
    kind: str,
    name: str,
    texts: list[str],
    *,
    is_left: bool,
) -> Finding:
    handled = dict.fromkeys(WAYS, True)
    handled["migrate"] = not texts and not is_left
    first = name.partition(".")[0]
    if first in _NOT_OPTUNA:
        handled["optuna"] = False
        texts = [*texts, f"--backend optuna: {_NOT_OPTUNA[first]}"]
    if first in _NOT_ELSEWHERE:
        handled.update(ray=False, optuna=False, migrate=False)
        texts = [*texts, _NOT_ELSEWHERE[first]]
    return Finding(
        module.source.path,
        node.lineno,
        module.source.place(node.lineno),
        node.col_offset + 1,
        kind,
        name,
        handled,
        tuple(texts),
    )


def _uses(module: Module) -> list[tuple[ast.expr | ast.stmt, str, str]]:
    """Return every use with its kind and name; names from a star import included."""
    found: list[tuple[ast.expr | ast.stmt, str, str]] = []
    mlflow: list[tuple[ast.expr | ast.stmt, str, str]] = []
    has_star = any(hyperopt_name(f"{node.module}.x") is not None for node in module.names.stars)
    for node in module.walk():
        if isinstance(node, ast.Import | ast.ImportFrom):
            found += [(node, "import", name) for name in _imported(node)]
        elif isinstance(node, ast.Name | ast.Attribute):
            above = module.names.parent_of.get(node)
            if isinstance(above, ast.Attribute):
                continue  # the whole dotted name is looked at
            name = _name(module, node, has_star=has_star)
            if name:
                found.append((node, _kind(name), name))
            dotted = module.names.dotted(node) or ""
            if dotted.startswith("mlflow."):
                mlflow.append((node, "MLflow", dotted))
    return [*found, *mlflow] if found else []


def _imported(node: ast.Import | ast.ImportFrom) -> list[str]:
    if isinstance(node, ast.ImportFrom):
        is_ours = node.level == 0 and hyperopt_name(f"{node.module}.x") is not None
        names = ", ".join(alias.name for alias in node.names)
        return [f"from {node.module} import {names}"] if is_ours else []
    return [
        f"import {alias.name}"
        for alias in node.names
        if hyperopt_name(f"{alias.name}.x") is not None
    ]


_STAR_NAMES = (
    "hp",
    "fmin",
    "tpe",
    "rand",
    "anneal",
    "Trials",
    "SparkTrials",
    "space_eval",
    "STATUS_OK",
    "STATUS_FAIL",
)


def _name(module: Module, node: ast.expr, *, has_star: bool) -> str | None:
    name = module.hyperopt(node)
    if name is not None or not has_star:
        return name
    root: ast.expr = node
    rest = ""
    while isinstance(root, ast.Attribute):
        rest = f".{root.attr}{rest}"
        root = root.value
    if isinstance(root, ast.Name) and root.id in _STAR_NAMES and not module.names.bindings(root):
        return f"{root.id}{rest}"
    return None


def _kind(name: str) -> str:
    first = name.partition(".")[0]
    if name in ("fmin", "SparkTrials"):
        return name
    if first in _SPACES or first.startswith("hp_"):
        return "space"
    if first in _ALGORITHMS:
        return "algo"
    return "Trials" if first.startswith(_TRIALS) else "other"
