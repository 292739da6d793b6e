"""List every use of hyperopt in source files, and what each way off it does with the use."""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from hyperbridge.migrate import driver_state, spark_objects
from hyperbridge.migrate.analysis import Analysis
from hyperbridge.migrate.discover import mentions_hyperopt, program_files
from hyperbridge.migrate.edits import Edits
from hyperbridge.migrate.file_plan import FilePlan
from hyperbridge.migrate.module import Module, hyperopt_name
from hyperbridge.migrate.planning import Planning
from hyperbridge.migrate.skips import is_skipped, skipped_statements
from hyperbridge.migrate.sources import UnreadableFileError, source_of
from hyperbridge.migrate.targets import NAMES

KINDS = ("import", "space", "fmin", "SparkTrials", "algo", "Trials", "MLflow", "other")
"""What a use can be, in the order in which reports list it."""

TARGETS = NAMES
"""The engines for which a program can be rewritten."""

BACKENDS = ("spark", "ray", "optuna")
WAYS = ("run", *(f"--backend {name}" for name in BACKENDS), *(f"--to {name}" for name in TARGETS))
"""The ways off hyperopt: run as is, with another backend, and ``migrate`` to each engine."""

CODES = dict(
    zip(
        KINDS, ("HB101", "HB102", "HB103", "HB104", "HB105", "HB106", "HB107", "HB108"), strict=True
    )
)
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
class Advice:
    """What a person must know or do about a use.

    Attributes:
        code: The code of the remark.
        text: What it says.
        ways: The ways off hyperopt that it is about, as in `WAYS`.
        needs_person: Whether somebody must act.
    """

    code: str
    text: str
    ways: tuple[str, ...]
    needs_person: bool = True


@dataclass(frozen=True, slots=True)
class Finding:
    """One use of hyperopt.

    Attributes:
        path: The file.
        line: The line of its text, from 1; of a notebook's code cells put together.
        place: The line for people: ``12``, or ``cell 3 line 2``.
        column: From 1.
        kind: One of `KINDS`.
        name: What is used, in hyperopt's own terms; empty for a line that speaks of it.
        handled: For each of `WAYS`, whether it needs no person.
        advice: What is to be known about it.
    """

    path: Path
    line: int
    place: str
    column: int
    kind: str
    name: str
    handled: dict[str, bool]
    advice: tuple[Advice, ...]

    @property
    def code(self) -> str:
        """The code of its kind."""
        return CODES[self.kind]


@dataclass(slots=True)
class Report:
    """The result of a scan.

    Attributes:
        findings: By file and line.
        unread: Messages about files that could not be read, by their path.
        faults: The files for which a fault of this tool was found.
        files: How many files were looked at.
        searches: How many calls of fmin there are.
        rewritten: For each engine, how many of them ``migrate`` rewrites.
        exact: For each engine, how many of these rewrites are exact.
        skipped: How many lines a comment keeps.
    """

    findings: list[Finding] = field(default_factory=list)
    unread: list[tuple[Path, str]] = field(default_factory=list)
    faults: set[Path] = field(default_factory=set)
    files: int = 0
    searches: int = 0
    rewritten: dict[str, int] = field(default_factory=lambda: dict.fromkeys(TARGETS, 0))
    exact: dict[str, int] = field(default_factory=lambda: dict.fromkeys(TARGETS, 0))
    skipped: int = 0


def scan(paths: Sequence[Path]) -> Report:
    """Look for hyperopt in files and folders.

    Args:
        paths: Python files, notebooks, or folders of them.
    """
    report = Report()
    modules: list[Module] = []

    found = program_files(paths)
    report.files = found.looked_at
    report.unread += found.unread
    for path, content in found.files:
        try:
            modules.append(Module(source_of(path, content)))
        except UnreadableFileError as exc:
            report.unread.append((path, str(exc)))
    plans: dict[str, list[_Planned]] = {}
    planning = Planning(modules)
    for target in TARGETS if modules else ():
        made = planning.plan(target)
        plans[target] = [_Planned(p, m.edits) for p, m in zip(made, modules, strict=True)]
    for number, module in enumerate(modules):
        mine = {target: planned[number] for target, planned in plans.items()}
        try:
            _scan_file(report, module, mine, planning)
        except Exception as exc:  # noqa: BLE001 - a fault of ours must not end the other files
            report.faults.add(module.source.path)
            text = f"internal: please report this: {type(exc).__name__}: {exc}"
            advice = Advice("HB299", text, WAYS)
            report.findings.append(_of_line(module, 1, [advice]))
    report.findings.sort(key=lambda f: (str(f.path), f.line, f.column))
    return report


@dataclass(frozen=True, slots=True)
class _Planned:
    plan: FilePlan
    edits: Edits


def _scan_file(
    report: Report, module: Module, planned: Mapping[str, _Planned], planning: Planning
) -> None:
    uses = _uses(module)
    advice = {
        line: found
        for line, found in _advice(planned).items()
        if not any(s.lineno <= line <= (s.end_lineno or 0) for s in skipped_statements(module))
    }
    if not uses and not advice:
        return
    lost = _lost_on_workers(planning.alone(module))
    some = next(iter(planned.values())).plan
    report.searches += len(some.searches)
    report.skipped += len(some.skipped)
    for target, each in planned.items():
        rewritten = [s for s in each.plan.searches if s.state == "rewritten"]
        report.rewritten[target] += len(rewritten)
        report.exact[target] += sum(not s.changes for s in rewritten)
        if each.plan.is_faulty:
            report.faults.add(module.source.path)
    for node, kind, name in uses:
        if is_skipped(module, node):
            continue
        stays = [
            target
            for target, each in planned.items()
            if kind != "MLflow" and not _goes(module, node, each.edits)
        ]
        mine = advice.pop(node.lineno, [])
        mine += lost.get(node, [])
        report.findings.append(_finding(module, node, kind, name, mine, stays))
    report.findings += [_of_line(module, line, mine) for line, mine in advice.items()]


def _advice(planned: Mapping[str, _Planned]) -> dict[int, list[Advice]]:
    """Return the remarks of all plans by line; what several of them say stands once."""
    found: dict[tuple[int, str, str, bool], list[str]] = {}
    for target, each in planned.items():
        for note in each.plan.notes:
            if note.code != "HB251":
                key = (note.line, note.code, note.text, note.needs_person)
                found.setdefault(key, []).append(f"--to {target}")
    by_line: dict[int, list[Advice]] = {}
    for (line, code, text, needs_person), ways in found.items():
        by_line.setdefault(line, []).append(Advice(code, text, tuple(ways), needs_person))
    return by_line


def _of_line(module: Module, line: int, advice: list[Advice]) -> Finding:
    """Return what is said of a line in which nothing of hyperopt's stands by name."""
    handled = {way: not any(a.needs_person and way in a.ways for a in advice) for way in WAYS}
    source = module.source
    return Finding(source.path, line, source.place(line), 1, "other", "", handled, tuple(advice))


_ON_WORKERS = ("--backend spark", "--backend ray")


def _lost_on_workers(analysis: Analysis) -> dict[ast.AST, list[Advice]]:
    """Return what the objective of each search does that trials on workers could not."""
    found: dict[ast.AST, list[Advice]] = {}
    for search in analysis.searches:
        texts = driver_state.lost_on_workers(search)
        mine = [Advice("HB113", text, _ON_WORKERS) for text in texts]
        objective = search.arguments.get("fn")
        used = None if objective is None else spark_objects.used_by(analysis.program, objective)
        if used is not None:
            text = (
                f"the objective uses {used.id!r}, a part of Spark, which is on the driver alone and"
                " not where trials run: take plain Trials and the default backend"
            )
            ways = ("run", *_ON_WORKERS) if search.is_spark else _ON_WORKERS
            mine.append(Advice("HB114", text, ways))
        if mine:
            found[search.call.func] = mine
    return found


def _goes(module: Module, node: ast.expr | ast.stmt, edits: Edits) -> bool:
    """Tell whether a use is gone after the planned edits."""
    span = module.span(node)
    if not edits.covers(*span):
        return False
    text = edits.rendered(*span)  # the new one of an import that was shortened
    return text == module.original(node) or not mentions_hyperopt(text.encode())


def _finding(
    module: Module,
    node: ast.expr | ast.stmt,
    kind: str,
    name: str,
    advice: list[Advice],
    stays: list[str],
) -> Finding:
    first = name.partition(".")[0]
    if first in _NOT_OPTUNA:
        text = f"--backend optuna: {_NOT_OPTUNA[first]}"
        advice = [*advice, Advice("HB111", text, ("--backend optuna",))]
    if first in _NOT_ELSEWHERE:
        advice = [*advice, Advice("HB112", _NOT_ELSEWHERE[first], WAYS[1:])]
    handled = {way: not any(a.needs_person and way in a.ways for a in advice) for way in WAYS}
    handled.update(dict.fromkeys((f"--to {target}" for target in stays), False))
    return Finding(
        module.source.path,
        node.lineno,
        module.source.place(node.lineno),
        node.col_offset + 1,
        kind,
        name,
        handled,
        tuple(advice),
    )


def _uses(module: Module) -> list[tuple[ast.expr | ast.stmt, str, str]]:
    """Return every use with its kind and name; names from a star import included."""
    found: list[tuple[ast.expr | ast.stmt, str, str]] = []
    mlflow: list[tuple[ast.expr | ast.stmt, str, str]] = []
    statements: list[ast.Import | ast.ImportFrom] = [*module.of_kind(ast.Import)]
    for statement in (*statements, *module.of_kind(ast.ImportFrom)):
        found += [(statement, "import", name) for name in _imported(statement)]
    for node in (*module.of_kind(ast.Name), *module.of_kind(ast.Attribute)):
        if isinstance(module.names.parent_of.get(node), ast.Attribute):
            continue  # the whole dotted name is looked at
        name = module.hyperopt(node)
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


def _kind(name: str) -> str:
    first = name.partition(".")[0]
    if name in ("fmin", "SparkTrials"):
        return name
    if first in _SPACES or first.startswith("hp_"):
        return "space"
    if first in _ALGORITHMS:
        return "algo"
    return "Trials" if first.startswith(_TRIALS) else "other"
