"""Every snippet of the migration guides runs, in its guide's order."""

from __future__ import annotations

import ast
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import clean_child
import pytest
from golden_cases import FOLDER, before

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
    "ray_on_spark": ("pyspark", "ray", "hyperopt"),
    "verify": ("optuna", "hyperopt"),
    "stopping_early": ("sklearn",),
    "nothing_is_lost": ("hyperopt",),
    "evidence": ("optuna", "plotly", "hyperopt"),
}
GENERATED = {"remarks"}
"""The guide that is printed from a table, whose examples are tested with it."""
SLOW = {"verify", "to_ray_tune", "history_and_mlflow"}
LONG = {"staying_on_spark", "ray_on_spark"}
"""Whole clusters of Spark, and of Ray on one."""


def marks_of(guide: str) -> list[pytest.MarkDecorator]:
    marks = [pytest.mark.slow] if guide in SLOW | LONG else []
    return [*marks, pytest.mark.long] if guide in LONG else marks


QUIET = {"spark.ui.enabled": "false", "spark.driver.host": "127.0.0.1"}
# Spark counts GPUs and hands them out, whatever their number stands for.
FIND_GPUS = """#!/bin/sh
echo '{"name": "gpu", "addresses": ["0", "1"]}'
"""
GPUS = {
    "spark.worker.resource.gpu.amount": "2",
    "spark.worker.resource.gpu.discoveryScript": "./find-gpus.sh",
    "spark.executor.resource.gpu.amount": "2",
}
LOOPBACK_ALONE = "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"  # Ray's nodes on Spark would not find its head
TOKEN = {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": "0123456789abcdef" * 4}
SURROUNDINGS = {
    ("ray_on_spark", 0): (
        "2, 1",
        {**QUIET, **{f"spark.executorEnv.{name}": text for name, text in TOKEN.items()}},
    ),
    ("staying_on_spark", 1): ("1, 2", {**QUIET, **GPUS}),
}
"""A reader's cluster: the shape and settings of Spark from a guide's snippet of that number on."""

RUNNER = Path(__file__).parent / "programs" / "snippets_of_a_guide.py"


def blocks_of(guide: str) -> list[tuple[str, str]]:
    text = (GUIDES / f"{guide}.md").read_text(encoding="utf-8")
    return re.findall(r"^```(python|console)\n(.*?)^```$", text, flags=re.DOTALL | re.MULTILINE)


@pytest.mark.parametrize("guide", [pytest.param(g, marks=marks_of(g)) for g in WRITTEN])
def test_the_snippets_of_a_guide_run(guide: str, tmp_path: Path) -> None:
    for package in WRITTEN[guide]:
        pytest.importorskip(package)
    (tmp_path / "train.py").write_text(before("dict_space"))
    (tmp_path / "train_optuna.py").write_text((FOLDER / "dict_space" / "optuna.py").read_text())
    blocks = blocks_of(guide)
    assert blocks
    surroundings = [SURROUNDINGS.get((guide, number)) for number in range(len(blocks))]
    (tmp_path / "find-gpus.sh").write_text(FIND_GPUS)
    (tmp_path / "find-gpus.sh").chmod(0o755)
    environment = {
        **os.environ,
        "HOME": str(tmp_path),
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",  # Spark starts `ray`
        "GIT_PYTHON_REFRESH": "quiet",
        "RAY_USAGE_STATS_ENABLED": "0",
        "PYSPARK_PYTHON": sys.executable,
        "PYTHONPATH": str(GUIDES.parent),
    }
    if guide == "ray_on_spark":
        environment |= {**TOKEN, "HYPERBRIDGE_TRACKING": "0"}
        for name in ("RAY_ADDRESS", LOOPBACK_ALONE):
            environment.pop(name, None)
    done = clean_child.run(
        [RUNNER],
        input=json.dumps([guide, blocks, surroundings]),
        cwd=tmp_path,
        env=environment,
    )
    assert done.returncode == 0, done.stdout[-1500:] + done.stderr[-3000:]


def test_no_snippet_is_exempt() -> None:
    assert set(WRITTEN) | GENERATED == {path.stem for path in GUIDES.glob("*.md")}
    for guide in WRITTEN:
        text = (GUIDES / f"{guide}.md").read_text(encoding="utf-8")
        assert len(blocks_of(guide)) * 2 == len(re.findall(r"^ *```", text, flags=re.MULTILINE))


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
    # In a new process: here, other tests may have imported further submodules, and run searches
    # that give Trials attributes.
    code = (
        "import hyperopt as h; print(*dir(h), *dir(h.Trials), *('hp.' + n for n in dir(h.hp)"
        " if n[0] != '_'))"
    )
    listing = [sys.executable, "-c", code]
    listed = subprocess.run(listing, capture_output=True, text=True, check=True).stdout.split()
    names = {name for name in listed if not name.startswith("_")}
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
        r"; | / |, which |\.\.\.|best\['k'\]|(?: as)? '\w+'|'[\w.]+'"
        r"|\bnan\b|^\w+Distribution|\b\d+\b",
        message.replace("`", ""),
    )
    return [piece.strip() for piece in pieces if len(piece.strip()) > 4]


def messages_in_troubleshooting() -> list[str]:
    text = (GUIDES / "troubleshooting.md").read_text(encoding="utf-8")
    titles = re.findall(r"^\| (about .*) \| what to do \|$", text, flags=re.MULTILINE)
    rows = [row for title in titles for row in rows_of("troubleshooting", f"| {title} |")]
    return [
        message.removeprefix("with `--run`: ") for row in rows for message in row[0].split("; ")
    ]


def test_the_messages_in_troubleshooting_are_those_of_the_tool() -> None:
    said = strings_in(GUIDES.parent / "hyperbridge" / "migrate")
    messages = messages_in_troubleshooting()

    assert len(messages) > 60
    assert [p for m in messages for p in pieces_of(m) if p not in said] == []


def text_of(node: ast.AST) -> str:
    """Return what a program says with an expression, with ... for what depends on its input."""
    if isinstance(node, ast.Constant):
        return str(node.value)
    if isinstance(node, ast.JoinedStr):
        return "".join(text_of(part) for part in node.values)
    return "..."


def to_do_messages() -> set[str]:
    """Return the messages with which migrate leaves something, or skips a file."""
    found = set()
    for path in sorted((GUIDES.parent / "hyperbridge" / "migrate").rglob("*.py")):
        for call in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(call, ast.Call) or not call.args:
                continue
            name = ast.unparse(call.func).rpartition(".")[2]
            is_remark = any(keyword.arg == "needs_person" for keyword in call.keywords)
            if name in ("UnreadableFileError", "LiveSpaceError"):
                found.add(text_of(call.args[0]))
            elif name == "Note" and not is_remark:
                is_person = len(call.args) < 3 or getattr(call.args[2], "value", True) is True
                found.update([text_of(call.args[1])] if is_person else [])
            elif name in ("block", "_note", "BlockedError") and len(call.args) > 2:
                found.add(text_of(call.args[-1]))
            elif name == "block" and len(call.args) > 1 and not is_remark:
                found.add(text_of(call.args[1]))
    return {message for message in found if re.search(r"\w", message)}


def test_every_message_that_asks_for_a_person_is_in_troubleshooting() -> None:
    known = [pieces_of(message) for message in messages_in_troubleshooting()]
    missing = {
        message
        for message in to_do_messages()
        if not any(pieces and all(p in message for p in pieces) for pieces in known)
    }

    assert len(to_do_messages()) > 40
    assert missing == set()


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
