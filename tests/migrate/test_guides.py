"""Every snippet of the migration guides runs, in its guide's order."""

from __future__ import annotations

import ast
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from golden_cases import before

GUIDES = Path(__file__).resolve().parents[2] / "migration_guides"
WRITTEN = {
    "README": (),
    "to_optuna": ("optuna", "hyperopt"),
    "history_and_mlflow": ("optuna", "mlflow", "hyperopt"),
    "names": ("optuna",),
    "what_changes": ("optuna", "hyperopt"),
    "troubleshooting": ("optuna",),
    "to_ray_tune": ("ray", "optuna"),
    "staying_on_spark": ("pyspark", "optuna", "hyperopt"),
}
SLOW = {"to_ray_tune", "staying_on_spark", "history_and_mlflow"}

RUNNER = """
import json, sys, warnings
warnings.simplefilter("ignore")
kind, blocks = json.loads(sys.stdin.read())
if kind == "to_ray_tune":
    import ray
    ray.init(address="local", num_cpus=2, include_dashboard=False, log_to_driver=False,
             _node_ip_address="127.0.0.1")
import types
sys.modules["__main__"] = types.ModuleType("__main__")
namespace = sys.modules["__main__"].__dict__
for language, text in blocks:
    if language == "python":
        exec(compile(text, kind, "exec"), namespace)
        continue
    from hyperbridge.cli.main import main
    for line in text.splitlines():
        if line.startswith("$ hyperbridge "):
            assert main(line.split()[2:]) in (0, 1), line
if kind == "to_ray_tune":
    ray.shutdown()
"""


def blocks_of(guide: str) -> list[tuple[str, str]]:
    text = (GUIDES / f"{guide}.md").read_text(encoding="utf-8")
    return re.findall(r"^```(python|console)\n(.*?)^```$", text, flags=re.DOTALL | re.MULTILINE)


@pytest.mark.parametrize(
    "guide", [pytest.param(g, marks=[pytest.mark.slow] if g in SLOW else []) for g in WRITTEN]
)
def test_the_snippets_of_a_guide_run(guide: str, tmp_path: Path) -> None:
    for package in WRITTEN[guide]:
        pytest.importorskip(package)
    (tmp_path / "train.py").write_text(before("dict_space"))
    blocks = blocks_of(guide)
    assert blocks
    environment = {
        **os.environ,
        "HOME": str(tmp_path),
        "GIT_PYTHON_REFRESH": "quiet",
        "RAY_USAGE_STATS_ENABLED": "0",
        "PYSPARK_PYTHON": sys.executable,
        "PYTHONPATH": str(GUIDES.parent),
    }
    done = subprocess.run(
        [sys.executable, "-c", RUNNER],
        input=json.dumps([guide, blocks]),
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env=environment,
        timeout=240,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-1500:] + done.stderr[-3000:]


def test_the_snippet_of_ray_on_spark_is_the_examples() -> None:
    """It needs a Spark cluster: tests/ray runs the example, which makes the same calls."""
    ((_, snippet),) = blocks_of("ray_on_spark")
    example = (GUIDES.parent / "examples" / "ray_on_spark.py").read_text(encoding="utf-8")

    def calls(text: str) -> set[str]:
        nodes = [node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Call)]
        return {ast.unparse(node.func).rpartition(".")[2] for node in nodes}

    assert {"setup_ray_cluster", "fmin", "shutdown_ray_cluster"} <= calls(snippet)
    assert calls(snippet) - {"get_dataframe"} <= calls(example)


def test_links_between_the_guides_lead_somewhere() -> None:
    for guide in WRITTEN:
        for target in re.findall(r"\]\(([^)#]+\.md)\)", (GUIDES / f"{guide}.md").read_text()):
            assert (GUIDES / target).exists(), f"{guide}: {target}"


def rows_of(guide: str, title: str) -> list[list[str]]:
    """Return the cells of the first table after a heading."""
    text = (GUIDES / f"{guide}.md").read_text(encoding="utf-8")
    after = text[text.index(title) :]
    table = re.search(r"(?:^\|.*\n)+", after, flags=re.MULTILINE)
    assert table is not None
    return [
        [cell.strip() for cell in line.strip().strip("|").split(" | ")]
        for line in table.group().splitlines()[2:]
    ]


def test_every_public_name_of_hyperopt_has_a_counterpart() -> None:
    hyperopt = pytest.importorskip("hyperopt")
    # In a new process: here, other tests may have imported further submodules.
    listing = [sys.executable, "-c", "import hyperopt; print(*dir(hyperopt))"]
    listed = subprocess.run(listing, capture_output=True, text=True, check=True).stdout.split()
    names = {name for name in listed if not name.startswith("_")}
    names |= {f"hp.{name}" for name in dir(hyperopt.hp) if not name.startswith("_")}
    names |= {name for name in dir(hyperopt.Trials) if not name.startswith("_")}
    names |= set(hyperopt.fmin.__code__.co_varnames[: hyperopt.fmin.__code__.co_argcount])
    said = "\n".join(row[0] for row in rows_of("names", "# Every name"))

    missing = {n for n in names if not re.search(rf"(?<!\w){re.escape(n)}(?!\w)", said)}
    assert missing == set()


def strings_in(*folders: Path) -> str:
    """Return all string constants in Python files, those of f-strings in pieces."""
    return "\n".join(
        node.value
        for folder in folders
        for path in sorted(folder.rglob("*.py") if folder.is_dir() else [folder])
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    )


def pieces_of(message: str) -> list[str]:
    """Return the parts of a message that do not depend on the program."""
    pieces = re.split(
        r"; | / |\.\.\.|best\['k'\]|(?: as)? '\w+'|'\w+'|\bnan\b|^\w+Distribution|\b\d+\b",
        message.replace("`", ""),
    )
    return [piece.strip() for piece in pieces if len(piece.strip()) > 4]


def test_the_messages_in_troubleshooting_are_those_of_the_tool() -> None:
    said = strings_in(GUIDES.parent / "hyperbridge" / "migrate")
    messages = [row[0] for row in rows_of("troubleshooting", "## Messages of `migrate`")]

    assert len(messages) > 10
    assert [p for m in messages for p in pieces_of(m) if p not in said] == []


def test_the_messages_of_the_engines_in_troubleshooting_are_theirs() -> None:
    optuna = pytest.importorskip("optuna")
    mlflow = pytest.importorskip("mlflow")
    ray = pytest.importorskip("ray")
    said = strings_in(
        Path(optuna.__file__).parent,
        Path(mlflow.__file__).parent / "tracking" / "fluent.py",
        Path(ray.__file__).parent / "tune" / "execution",
    )
    rows = rows_of("troubleshooting", "## Messages of the migrated program")
    quoted = [m for row in rows for m in re.findall(r"`([^`]+)`", row[0])]

    assert len(quoted) >= 6
    assert [p for m in quoted for p in pieces_of(m.split(": ")[-1]) if p not in said] == []
