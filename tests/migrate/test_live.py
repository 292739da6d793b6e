"""Spaces that only the running program knows: ``migrate --run`` and ``translate``."""

from __future__ import annotations

import subprocess
from pathlib import Path

import clean_child
import pytest

from hyperbridge.cli.main import main
from hyperbridge.migrate import live
from hyperbridge.migrate.plan import Plan, plan
from hyperbridge.migrate.sources import source_of
from hyperbridge.translate.from_hyperopt import read_space
from hyperbridge.translate.to_source import optuna_code

hyperopt = pytest.importorskip("hyperopt")

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

BLOCKER = (
    "import sys\n"
    "class Blocker:\n"
    "    def find_spec(self, name, path=None, target=None):\n"
    "        if name.partition('.')[0] in ('hyperopt', 'hyperbridge'):\n"
    "            raise ModuleNotFoundError(name)\n"
    "sys.meta_path.insert(0, Blocker())\n"
    "exec(compile(open(sys.argv[1]).read(), sys.argv[1], 'exec'))\n"
)


@pytest.fixture(autouse=True)
def _programs_are_forked(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Run programs in children that need not import everything anew, but in a test about them."""
    if "killed" not in request.node.name:
        monkeypatch.setattr(live, "subprocess", clean_child.AS_SUBPROCESS)


def migrate(path: Path, text: str) -> int:
    path.write_text(text)
    return main(["migrate", str(path), "--to", "ray", "--run", "--write"])


def test_a_space_built_in_a_loop_is_written_out_and_its_builders_go(tmp_path: Path) -> None:
    pytest.importorskip("optuna")
    path = tmp_path / "train.py"

    assert migrate(path, LOOP) == 0
    text = path.read_text()
    assert "hyperopt" not in text
    assert "def part" not in text
    assert "for i in" not in text
    assert "class Big" in text
    assert 'trial.suggest_float("x2", -3, 1)' in text
    assert "\n\n\n\n" not in text


def test_for_optuna_the_same_program_is_rewritten_where_it_builds_the_space(
    tmp_path: Path,
) -> None:
    pytest.importorskip("optuna")
    path = tmp_path / "train.py"
    path.write_text(LOOP)

    assert main(["migrate", str(path), "--to", "optuna", "--write"]) == 0
    done = clean_child.run(["-c", BLOCKER, path])
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["y", "5"]


def test_what_else_uses_the_builders_keeps_the_search(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "train.py"
    text = LOOP + "\nprint(space['x0'])\n"

    assert migrate(path, text) == 1
    assert path.read_text() == text
    assert "'space' is used here" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("raise RuntimeError('no data')\n", "RuntimeError: no data"),
        ("import sys; sys.exit(3)\n", "exit code 3"),
        ("space['o'] = hp.choice('o', [object()])\n", "object has no source"),
        ("space['q'] = hp.quniform('q', 3, 1, 1)\n", "low"),
    ],
)
def test_a_program_that_gives_no_space_is_named_and_kept(
    line: str, reason: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "train.py"
    text = LOOP.replace("\n\ndef objective", f"\n{line}\n\ndef objective")

    assert migrate(path, text) == 1
    assert path.read_text() == text
    error = capsys.readouterr().err
    assert str(path) in error
    assert reason in error


def test_a_program_that_never_calls_fmin_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "train.py"
    body = HEAD + "space = dict([('x', hp.uniform('x', 0, 1))])\ndef tune():\n"

    assert migrate(path, body + "    return fmin(len, space, algo=rand.suggest)\n") == 1
    assert "without coming to this call of fmin" in capsys.readouterr().err


def test_the_program_is_run_up_to_the_call_and_no_further(tmp_path: Path) -> None:
    path = tmp_path / "train.py"
    mark = tmp_path / "mark"
    text = LOOP.replace("    return params", f"    open({str(mark)!r}, 'w')\n    return params")

    assert migrate(path, text) == 0
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


def test_a_live_space_is_written_for_ray_too(tmp_path: Path) -> None:
    path = tmp_path / "train.py"
    path.write_text(LOOP)

    assert main(["migrate", str(path), "--to", "ray", "--run", "--write"]) == 0
    text = path.read_text()
    compile(text, "train", "exec")
    assert "hyperopt" not in text
    assert "suggest_params(optuna.trial.FixedTrial(config))" in text


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

    arguments = ["migrate", str(path), "--to", "ray", "--run", "--run-timeout", "2"]
    assert main([*arguments, "--write"]) == 1
    assert "did not come to its call of fmin in 2 s" in capsys.readouterr().err
    assert path.read_text() == text + LOOP
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


def test_broken_arguments_show_before_a_file_is_changed(tmp_path: Path) -> None:
    told, untold = tmp_path / "told.py", tmp_path / "untold.py"
    told.write_text(
        "from hyperopt import fmin, hp, rand\n"
        'fmin(lambda x: x, hp.uniform("x", 0, 1), algo=rand.suggest, max_evals=2)\n'
    )
    untold.write_text(LOOP)
    before = told.read_text()
    with pytest.raises(SystemExit):
        main(["migrate", f"{told}", f"{untold}", "--to", "ray", "--write", "--run", "--args='o"])
    assert told.read_text() == before


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


LIVE = optuna_code(read_space({"x": hyperopt.hp.uniform("x", 0, 1)}))
CALL = "best = fmin(lambda p: p['x'], {}, algo=rand.suggest, max_evals=2)\n"


def with_live_spaces(text: str) -> Plan:
    """Plan a migration as ``--run`` does, with the same space for each search without one."""
    source = source_of(Path("train.py"), text.encode())
    lines = [first for first, _ in plan(source, "optuna").untold]
    return plan(source, "optuna", live=dict.fromkeys(lines, LIVE))


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (
            "D = {}\ndef make():\n    D['n'] = 1\n    return {'x': hp.uniform('x', 0, 1)}\n"
            "space = make()\n" + CALL.format("space"),
            "built in make, which does more",
        ),
        (
            "def make():\n    print('made')\n    return {'x': hp.uniform('x', 0, 1)}\n"
            "space = make()\n" + CALL.format("space"),
            "built in make, which does more",
        ),
        (
            "class Model:\n    def __init__(self):\n        self.scale = 3\n"
            "        self.space = {'x': hp.uniform('x', 0, 1)}\n    def run(self):\n        "
            + CALL.format("self.space"),
            "the space comes from 'self.space'",
        ),
        (
            "class Model:\n    def get(self):\n        self.ready = True\n"
            "        return {'x': hp.uniform('x', 0, 1)}\nm = Model()\n" + CALL.format("m.get()"),
            "the space comes from 'm.get()'",
        ),
        (
            "class A: pass\na = A()\n"
            "space, a.n = {k: hp.uniform(k, 0, 1) for k in 'x'}, 3\n" + CALL.format("space"),
            "this statement does more than build the space",
        ),
        (
            "D = {}\ndef make():\n    n = D.setdefault('n', 1)\n"
            "    return {'x': hp.uniform('x', 0, n)}\n" + CALL.format("make()"),
            "built in make, which does more",
        ),
        (
            "def load():\n    open('log', 'a')\n    return 1\n"
            "space = dict([('x', hp.uniform('x', 0, load()))])\n" + CALL.format("space"),
            "this statement does more than build the space",
        ),
        (
            "def part():\n    return {'x': hp.uniform('x', 0, 1)}\n"
            "one = dict(part())\n" + CALL.format("one") + "two = dict(part())\n"
            "print(two)\n" + CALL.format("two"),
            "'two' is used here",
        ),
    ],
)
def test_code_that_does_more_than_build_the_space_keeps_the_search(body: str, reason: str) -> None:
    result = with_live_spaces(HEAD + body)

    assert not result.is_changed
    assert any(reason in note.text for note in result.notes), result.notes


def test_only_what_reaches_the_space_goes() -> None:
    class_with_another = (
        "class Job:\n    def run(self):\n        space = {'a': hp.uniform('a', 0, 1)}\n"
        "        self.n = 3\n        return space\n"
    )
    loop = "    space = {}\n    for name in 'xy':\n        space[name] = hp.uniform(name, 0, 1)\n"
    text = HEAD + class_with_another + "def tune():\n" + loop + "    " + CALL.format("space")
    new = with_live_spaces(text).new_text

    assert class_with_another in new
    assert "for name in" not in new
    assert "fmin" not in new


def test_a_block_that_does_something_by_itself_stays() -> None:
    text = HEAD + "space = {}\nwith open('log', 'w'):\n    for k in 'x':\n"
    text += "        space[k] = hp.uniform(k, 0, 1)\n" + CALL.format("space")
    assert "with open('log', 'w'):\n    pass\n" in with_live_spaces(text).new_text


def test_a_builder_that_calls_itself_goes() -> None:
    text = HEAD + "def make(n):\n    if n > 1:\n        return make(n - 1)\n"
    text += "    return {'x': hp.uniform('x', 0, 1)}\n" + CALL.format("make(3)")
    assert "def make" not in with_live_spaces(text).new_text


def test_two_searches_that_share_their_builders_go_together() -> None:
    text = HEAD + "def part():\n    return {'x': hp.uniform('x', 0, 1)}\n"
    text += CALL.format("dict(part())") + CALL.format("dict(part())")

    assert "hyperopt" not in with_live_spaces(text).new_text
    text = text.replace("algo=rand.suggest", "algo=print", 1)
    result = with_live_spaces(text)
    assert not result.is_changed
    assert "what the search in line 4 keeps" in result.notes[-1].text


def test_translate_names_what_is_no_search_space(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "train.py"
    path.write_text("import hyperopt\nclass Tuner: pass\nt = Tuner()\n")

    assert main(["translate", f"{path}:t", "--to", "optuna"]) == 1
    assert "'t' is a Tuner, not a search space" in capsys.readouterr().err
