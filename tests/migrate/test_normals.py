"""``--normals``: a normal by its quantiles, as it was, or a plain range between two of them."""

from __future__ import annotations

from pathlib import Path
from statistics import NormalDist
from typing import Any

import pytest

from hyperbridge.cli.main import main
from hyperbridge.migrate.file_plan import PlanOptions
from hyperbridge.migrate.planning import plan_sources
from hyperbridge.migrate.sources import source_of

HEAD = "import numpy as np\nfrom hyperopt import fmin, hp, tpe\n\n"
CALL = "best = fmin(lambda p: p['x'], {{'x': {0}}}, algo=tpe.suggest, max_evals=5)\n"


def bounded(space: str, head: str = "") -> str:
    source = source_of(Path("train.py"), (HEAD + head + CALL.format(space)).encode())
    (plan,) = plan_sources([source], "optuna", PlanOptions(bounds_normals=True))
    assert [note.code for note in plan.notes] == ["HB238"]
    assert [search.changes for search in plan.searches] == [("HB238",)]
    return plan.new_text


def test_the_quantiles_are_the_stated_ones() -> None:
    assert NormalDist().cdf(3.09) == pytest.approx(0.999, abs=1e-6)


@pytest.mark.parametrize(
    ("space", "written"),
    [
        ("hp.normal('x', 1, 2)", "trial.suggest_float('x', -5.18, 7.18)"),
        ("hp.lognormal('x', 0, 1)", "trial.suggest_float('x', 0.045502, 21.9771, log=True)"),
        ("hp.lognormal('x', np.log(10), 1)", "suggest_float('x', 0.45502, 219.771, log=True)"),
        ("hp.qnormal('x', 5, 2, 0.5)", "suggest_rounded(trial, 'x', -1.18, 11.18, 0.5)"),
        ("hp.qlognormal('x', 0, 1, 1)", "suggest_log_steps(trial, 'x', 0.045502, 21.9771, step=1)"),
        ("hp.normal('x', m - 1, s)", "suggest_float('x', (m - 1) - 3.09 * s, (m - 1) + 3.09 * s)"),
        ("hp.lognormal('x', m, s)", "suggest_float('x', math.exp(m - 3.09 * s), math.exp("),
    ],
)
def test_a_range_is_written_where_the_normal_was(space: str, written: str) -> None:
    text = bounded(space, "m, s = tuple(map(float, '12'))\n")
    squeezed = "".join(text.split())
    assert "".join(written.split()) in squeezed
    assert "NormalDist" not in text


def test_the_study_holds_the_values_themselves() -> None:
    assert "best = study.best_params" in bounded("hp.normal('x', 0, 1)")
    assert "best = values_of(study.best_trial)" in bounded("hp.qlognormal('x', 0, 1, 1)")


def test_what_is_written_runs(tmp_path: Path) -> None:
    pytest.importorskip("optuna")
    names: dict[str, Any] = {}
    exec(bounded("hp.qnormal('x', 5, 2, 0.5)"), names)
    assert len(names["study"].trials) == 5
    assert all(-1 <= t.params["x"] <= 11 for t in names["study"].trials)
    assert all((2 * t.params["x"]).is_integer() for t in names["study"].trials)


def test_without_the_option_a_normal_stays_one(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "train.py"
    path.write_text(HEAD + CALL.format("hp.normal('x', 0, 1)"))

    assert main(["migrate", str(path), "--to", "optuna"]) == 0
    without = capsys.readouterr()
    assert main(["migrate", str(path), "--to", "optuna", "--normals", "exact"]) == 0
    assert capsys.readouterr() == without
    assert "HB223 note" in without.err
    assert main(["migrate", str(path), "--to", "spark", "--normals", "bounded"]) == 0
    assert "suggest_float('x', -3.09, 3.09)" in capsys.readouterr().out


def test_ray_has_normals_of_its_own(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["migrate", "train.py", "--to", "ray", "--normals", "bounded"])
    assert caught.value.code == 2
    assert "Ray Tune has normals of its own" in capsys.readouterr().err
