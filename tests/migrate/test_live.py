"""Spaces that only the running program knows: ``translate``."""

from __future__ import annotations

import subprocess
from pathlib import Path

import clean_child
import pytest

from hyperbridge.cli.main import main
from hyperbridge.migrate import child_process

pytest.importorskip("hyperopt")

HEAD = "from hyperopt import Trials, fmin, hp, rand, space_eval\n"

LOOP = (
    HEAD
    + """

def part(name):
    return {name: hp.uniform(name, 0, 2)}


class Big:
    size = 3


space = {}
for i in range(3):
    space[f"x{i}"] = hp.uniform(f"x{i}", -i - 1, 1)
space.update(part("y"))
space["model"] = hp.choice("model", [{"kind": "ridge", "a": hp.normal("a", 0, 1)}, {"kind": Big}])


def objective(params):
    return params["x0"] ** 2 + params["y"]


best = fmin(objective, space, algo=rand.suggest, max_evals=4, show_progressbar=False)
print(sorted(best)[-1], len(space_eval(space, best)))
"""
)

BLOCKER = Path(__file__).parent / "programs" / "without_hyperopt.py"


@pytest.fixture(autouse=True)
def _programs_are_forked(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Run programs in children that need not import everything anew, but in a test about them."""
    if "killed" not in request.node.name:
        monkeypatch.setattr(child_process, "subprocess", clean_child.AS_SUBPROCESS)


def test_migrate_rewrites_the_same_program_where_it_builds_the_space(tmp_path: Path) -> None:
    pytest.importorskip("optuna")
    path = tmp_path / "train.py"
    path.write_text(LOOP)

    assert main(["migrate", str(path), "--to", "optuna", "--write"]) == 0
    done = clean_child.run([BLOCKER, path])
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["y", "5"]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("raise RuntimeError('no data')\n", "RuntimeError: no data"),
        ("import sys; sys.exit(3)\n", "exit code 3"),
        ("space['o'] = hp.choice('o', [object()])\n", "object has no source"),
        ("space['q'] = hp.quniform('q', 3, 1, 1)\n", "low"),
    ],
)
def test_a_program_that_gives_no_space_is_named(
    line: str, reason: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "train.py"
    path.write_text(LOOP.replace("\n\ndef objective", f"\n{line}\n\ndef objective"))

    assert main(["translate", f"{path}:space", "--to", "optuna"]) == 1
    error = capsys.readouterr().err
    assert str(path) in error
    assert reason in error


def test_the_program_is_run_up_to_the_call_and_no_further(tmp_path: Path) -> None:
    path = tmp_path / "train.py"
    mark = tmp_path / "mark"
    text = LOOP.replace("    return params", f"    open({str(mark)!r}, 'w')\n    return params")
    path.write_text(text)

    assert main(["translate", f"{path}:space", "--to", "optuna"]) == 0
    assert not mark.exists()


def test_translate_prints_a_function_that_runs(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    optuna = pytest.importorskip("optuna")
    path = tmp_path / "train.py"
    path.write_text(LOOP)

    assert main(["translate", f"{path}:space", "--to", "optuna"]) == 0
    captured = capsys.readouterr()
    namespace = {"Big": int}
    exec(captured.out, namespace)
    point = namespace["suggest_space"](optuna.create_study().ask())
    assert set(point) == {"x0", "x1", "x2", "y", "model"}
    assert "note: 'a': Optuna has no unbounded parameters" in captured.err


def test_translate_prints_a_param_space_for_ray(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "train.py"
    flat = "{'x': hp.loguniform('x', -2, 0), 'n': hp.randint('n', 5), 'k': 3}"
    path.write_text(f"{HEAD}flat = {flat}\n" + LOOP)

    assert main(["translate", f"{path}:flat", "--to", "ray"]) == 0
    assert capsys.readouterr().out == (
        "import math\nfrom ray import tune\n\n"
        'param_space = {"k": 3, "n": tune.randint(0, 5), "x": tune.loguniform(math.exp(-2), 1)}\n'
    )
    assert main(["translate", f"{path}:space", "--to", "ray"]) == 0
    assert "def suggest_space(trial):" in capsys.readouterr().out


def test_translate_names_a_variable_that_is_not_there(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "train.py"
    path.write_text(LOOP)

    assert main(["translate", f"{path}:nothing", "--to", "optuna"]) == 1
    assert "no variable 'nothing'" in capsys.readouterr().err


@pytest.mark.parametrize("given", ["train.py", "no_such_file.py:space", "train.py:not a name"])
def test_translate_wants_a_file_and_a_name(given: str) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["translate", given, "--to", "optuna"])
    assert caught.value.code == 2


def test_a_program_that_takes_too_long_is_killed_and_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "slow.py"
    text = "import subprocess, sys, time\nsubprocess.Popen(['sleep', '987.25'])\ntime.sleep(60)\n"
    path.write_text(text + LOOP)

    arguments = ["translate", f"{path}:space", "--to", "ray", "--run-timeout", "2"]
    assert main(arguments) == 1
    assert "did not come to its call of fmin in 2 s" in capsys.readouterr().err
    running = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True)
    assert "sleep 987.25" not in running.stdout


@pytest.mark.parametrize("option", ["--args=1", "--run-timeout=5"])
def test_how_to_run_a_program_is_refused_without_run(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], option: str
) -> None:
    path = tmp_path / "train.py"
    path.write_text(LOOP)
    with pytest.raises(SystemExit) as exit_info:
        main(["migrate", str(path), "--to", "optuna", option])
    assert exit_info.value.code == 2
    assert "give --run too" in capsys.readouterr().err


def test_a_program_gets_its_arguments(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "train.py"
    path.write_text("import sys\n" + LOOP.replace("range(3)", "range(int(sys.argv[1]))"))
    print_it = ["translate", f"{path}:space", "--to", "optuna"]

    assert main(print_it) == 1
    assert "failed when it was run: IndexError" in capsys.readouterr().err
    assert main([*print_it, "--args", "2"]) == 0
    written = capsys.readouterr().out
    assert '"x1"' in written
    assert '"x2"' not in written
    with pytest.raises(SystemExit):
        main([*print_it, "--args", "'open"])


def test_translate_names_what_is_no_search_space(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "train.py"
    path.write_text("import hyperopt\nclass Tuner: pass\nt = Tuner()\n")

    assert main(["translate", f"{path}:t", "--to", "optuna"]) == 1
    assert "'t' is a Tuner, not a search space" in capsys.readouterr().err
