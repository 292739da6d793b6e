"""The README's notebook lines in a real Jupyter kernel."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

nbclient = pytest.importorskip("nbclient", reason="needs nbclient")
nbformat = pytest.importorskip("nbformat", reason="needs nbformat")
pytest.importorskip("ipykernel", reason="needs ipykernel")

pytestmark = pytest.mark.slow

README = Path(__file__).resolve().parents[2] / "README.md"

OLD_CELLS = """
from hyperopt import SparkTrials, fmin, hp, rand
import numpy as np

def noisy(params):
    print("evaluating", params["x"])
    if params["x"] > 0.9:
        raise ValueError("<too much>")
    return params["x"]

trials = SparkTrials(parallelism=1)
best = fmin(noisy, {"x": hp.uniform("x", 0, 1)}, algo=rand.suggest, max_evals=12, trials=trials,
            rstate=np.random.default_rng(0))
"""

CAPTURED = """%%capture captured
fmin(noisy, {"x": hp.uniform("x", 0, 1)}, algo=rand.suggest, max_evals=12 + 2, trials=trials,
     show_progressbar=False)
"""

WITHOUT_WIDGETS = """
import tqdm.notebook
tqdm.notebook.IProgress = None  # as without ipywidgets
trials = SparkTrials(parallelism=1)
best = fmin(noisy, {"x": hp.uniform("x", 0, 1)}, algo=rand.suggest, max_evals=4, trials=trials)
"""


def lines_of_readme() -> list[str]:
    blocks = re.findall("```python\n(.*?)```", README.read_text(encoding="utf-8"), re.DOTALL)
    auto, example, shown = (
        next(block for block in blocks if marker in block)
        for marker in ("import hyperbridge.auto", "trials.best_values()", "trials.to_pandas()")
    )
    return [auto, example, *shown.strip().splitlines()]


def texts(cell: Any) -> str:
    return "".join(o.get("text", "") for o in cell.outputs if o.output_type == "stream")


def data_of(cell: Any) -> dict[str, str]:
    found: dict[str, str] = {}
    for output in cell.outputs:
        found.update(output.get("data", {}))
    return found


def test_the_readmes_lines_run_in_a_kernel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("IPYTHONDIR", "JUPYTER_DATA_DIR", "JUPYTER_CONFIG_DIR", "JUPYTER_RUNTIME_DIR"):
        monkeypatch.setenv(name, str(tmp_path / name))
    monkeypatch.setenv("HYPERBRIDGE_BACKEND", "local")
    monkeypatch.setenv("HYPERBRIDGE_TRACKING", "0")
    monkeypatch.setenv("JUPYTER_PLATFORM_DIRS", "1")
    auto, example, *shown = lines_of_readme()
    sources = [auto, OLD_CELLS, CAPTURED, "captured.stdout", example, *shown, WITHOUT_WIDGETS]
    notebook = nbformat.v4.new_notebook(cells=list(map(nbformat.v4.new_code_cell, sources)))
    nbclient.NotebookClient(
        notebook, timeout=250, kernel_name="python3", resources={"metadata": {"path": tmp_path}}
    ).execute()
    _, old, captured, caught, readme, *rest, plain = notebook.cells

    assert texts(old).count("evaluating") == 12
    assert "\r" not in texts(old)  # the bar is a widget
    assert "application/vnd.jupyter.widget-view+json" in data_of(old)
    assert "evaluating" not in texts(captured)
    assert data_of(caught)["text/plain"].count("evaluating") >= 2
    assert "kernel" in texts(readme)
    table, frame, log = rest
    assert "SparkTrials: 32 trials: 32 complete" in data_of(table)["text/html"]
    assert "params.kernel" in data_of(frame)["text/html"]
    assert data_of(log)["text/plain"] == "''"  # that objective prints nothing
    assert texts(plain).count("evaluating") == 4
    assert "4/4" in texts(plain)
    assert "best loss: " in texts(plain)
