"""An import goes down only: the floors of the package, checked by reading the imports."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parent.parent / "hyperbridge"

FLOORS = {
    "errors": 0,
    "optional": 0,
    "config": 0,
    "attached": 1,
    "notebooks": 1,
    "documents": 1,
    "files": 1,
    "journal": 1,
    "space": 1,
    "worker": 1,
    "translate": 2,
    "pruning": 2,
    "search": 2,
    "run": 3,
    "tracking": 3,
    "history": 3,
    "backends": 4,
    "pages": 4,
    "surface": 5,
    "testing": 7,
    "auto": 6,
    "callbacks": 6,
    "cli": 6,
    "migrate": 6,
    "verify": 6,
    "compare": 6,
    "__init__": 6,
    "__main__": 6,
}

# run/ is built on search/'s contract, tracking/ on run/'s observer: neighbours on one floor
# may know each other only where it is said here.
NEIGHBOURS = {
    ("optional", "errors"),
    ("config", "errors"),
    ("documents", "space"),
    ("journal", "documents"),
    ("journal", "files"),
    ("worker", "space"),
    ("files", "worker"),
    ("pruning", "translate"),
    ("search", "translate"),
    ("tracking", "run"),
    ("history", "run"),
    ("history", "tracking"),
    ("cli", "migrate"),
    ("cli", "verify"),
    ("cli", "compare"),
    ("compare", "cli"),
    ("compare", "migrate"),
    ("compare", "verify"),
    ("verify", "migrate"),
    ("verify", "__init__"),
    ("auto", "__init__"),
    ("__main__", "cli"),
    ("cli", "__init__"),
}

ENGINES = {
    "pyspark": ("backends/spark", "cli/doctor", "cli/notebook", "cli/databricks", "surface/spark_"),
    "ray": (
        "backends/ray",
        "search/ray",
        "history/ray",
        "translate/to_ray",
        "worker/tune_reports",
        "surface/ray",
        "cli/doctor",
        "verify/read_tune",
        "compare/watch_tune",
    ),
    "optuna": (
        "backends/optuna",
        "search/optuna",
        "history/optuna",
        "pages/optuna",
        "pruning/from_optuna",
        "worker/optuna_verdict",
        "translate/to_optuna",
        "surface/optuna",
        "surface/stud",
        "cli/doctor",
        "verify/read_optuna",
        "compare/watch_optuna",
    ),
    "mlflow": (
        "tracking/",
        "history/mlflow",
        "cli/doctor",
        "compare/mlflow_runs",
        "compare/new_store",
        "compare/stores",
    ),
}


def modules() -> list[Path]:
    return sorted(PACKAGE.rglob("*.py"))


def name_of(path: Path) -> str:
    return path.relative_to(PACKAGE).as_posix()


def room_of(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imports_of(path: Path) -> list[str]:
    """Return the dotted names that a module imports outside of TYPE_CHECKING blocks."""
    found: list[str] = []

    def visit(node: ast.AST) -> None:
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            for child in node.orelse:
                visit(child)
            return
        if isinstance(node, ast.Import):
            found.extend(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{name_of(path)} uses a relative import"
            found.extend(f"{node.module}.{alias.name}" for alias in node.names)
        for child in ast.iter_child_nodes(node):
            visit(child)

    visit(ast.parse(path.read_text(encoding="utf-8")))
    return found


def upward_imports(path: Path) -> list[str]:
    here = room_of(path)
    wrong = []
    for name in imports_of(path):
        parts = name.split(".")
        if parts[0] != "hyperbridge" or len(parts) == 1:
            continue
        there = parts[1] if parts[1] in FLOORS else "__init__"
        if there == here or (here, there) in NEIGHBOURS:
            continue
        if FLOORS[there] >= FLOORS[here]:
            wrong.append(f"{name_of(path)} (floor {FLOORS[here]}) imports {name}")
    return wrong


def foreign_engines(path: Path) -> list[str]:
    wrong = []
    for name in imports_of(path):
        about = ENGINES.get(name.partition(".")[0])
        if about is not None and not name_of(path).startswith(about):
            wrong.append(f"{name_of(path)} imports {name}")
    return wrong


CIRCLES = [("surface/trials.py", "surface/fmin.py")]
"""Imports that close a circle, each explained where it stands."""


def circles() -> list[set[str]]:
    """Return the groups of modules that import each other, also inside of functions."""
    names = {name_of(path) for path in modules()}

    def module_of(dotted: str) -> str | None:
        parts = dotted.split(".")[1:]
        for known in (parts, parts[:-1]):
            for name in ("/".join(known) + ".py", "/".join([*known, "__init__.py"])):
                if name in names:
                    return name
        return None

    imports = {
        name_of(path): {
            there
            for dotted in imports_of(path)
            if dotted.startswith("hyperbridge.")
            and (there := module_of(dotted)) not in (None, name_of(path))
            and (name_of(path), there) not in CIRCLES
        }
        for path in modules()
    }
    # What nothing left imports, or imports nothing left, is in no circle.
    while True:
        imported = set().union(*imports.values())
        outside = {name for name, there in imports.items() if not there or name not in imported}
        if not outside:
            return [{name, *there} for name, there in imports.items()]
        imports = {n: there - outside for n, there in imports.items() if n not in outside}


def test_no_modules_import_each_other() -> None:
    assert circles() == []


def test_each_room_has_a_floor() -> None:
    assert {room_of(path) for path in modules()} <= set(FLOORS)


def test_imports_go_down_only() -> None:
    assert [line for path in modules() for line in upward_imports(path)] == []


def test_an_engine_is_imported_only_in_modules_about_it() -> None:
    assert [line for path in modules() for line in foreign_engines(path)] == []


def test_no_backend_knows_another() -> None:
    kinds = ("local", "spark", "ray", "optuna")
    for path in (PACKAGE / "backends").rglob("*.py"):
        room = path.relative_to(PACKAGE / "backends").parts[0]
        own = [kind for kind in kinds if room.startswith(kind)]
        if not own:
            continue
        for name in imports_of(path):
            other = name.removeprefix("hyperbridge.backends.")
            if other != name:
                assert not [k for k in kinds if other.startswith(k) and k not in own], name


def test_an_upward_import_would_be_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    room = tmp_path / "hyperbridge" / "space"
    room.mkdir(parents=True)
    module = room / "wrong.py"
    module.write_text("def f():\n    from hyperbridge.run.run import FminRun\n")
    monkeypatch.setattr(f"{__name__}.PACKAGE", tmp_path / "hyperbridge")
    assert upward_imports(module) == [
        "space/wrong.py (floor 1) imports hyperbridge.run.run.FminRun"
    ]
