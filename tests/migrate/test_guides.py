"""Every snippet of the migration guides runs, in its guide's order."""

from __future__ import annotations

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
    ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False,
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


def test_links_between_the_guides_lead_somewhere() -> None:
    for guide in WRITTEN:
        for target in re.findall(r"\]\(([^)#]+\.md)\)", (GUIDES / f"{guide}.md").read_text()):
            assert (GUIDES / target).exists(), f"{guide}: {target}"
