"""A forked child is what a new Python is; each test runs both."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import clean_child
import pytest

ASKS = (Path(__file__).parent / "programs" / "what_a_process_finds.py").read_text()


@pytest.fixture(params=[False, True], ids=["forked", "fresh"])
def fresh(request: pytest.FixtureRequest) -> bool:
    return bool(request.param)


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
@pytest.mark.parametrize("way", ["code", "script"])
def test_a_forked_child_finds_what_a_new_python_finds(way: str, tmp_path: Path) -> None:
    (tmp_path / "asks.py").write_text(ASKS)
    command = {"code": ["-c", ASKS, "-x", "y"], "script": ["asks.py", "-x", "y"]}[way]
    environment = {**os.environ, "MINE": "1", "PYTHONPATH": str(tmp_path / "more")}
    found = []
    for fresh in (False, True):
        done = clean_child.run(
            command, cwd=tmp_path, env=environment, input="words", check=True, fresh=fresh
        )
        found.append(json.loads(done.stdout))
    forked, new = found
    assert forked.pop("env").items() >= new.pop("env").items()  # and what imports have set
    assert forked == new


def test_exit_codes_and_streams(fresh: bool) -> None:
    def ended(code: str, **options: bool) -> tuple[int, str, str | None]:
        done = clean_child.run(["-c", code], fresh=fresh, **options)
        return done.returncode, done.stdout, done.stderr

    assert ended("print(1)") == (0, "1\n", "")
    assert ended("import sys; print(1); sys.exit('two')", merged=True) == (1, "1\ntwo\n", None)
    assert ended("import os; os._exit(7)") == (7, "", "")
    assert ended("import os; os.kill(os.getpid(), 9)") == (-9, "", "")
    code, _, errors = ended("import atexit\natexit.register(print, 'end')\n1 / 0")
    assert code == 1
    frames = 'Traceback (most recent call last):\n  File "<string>", line 3, in <module>\n'
    assert errors == f"{frames}ZeroDivisionError: division by zero\n"
    with pytest.raises(AssertionError, match="exit code 3"):
        clean_child.run(["-c", "import sys; sys.exit(3)"], check=True, fresh=fresh)


def test_a_module_is_run(fresh: bool, tmp_path: Path) -> None:
    (tmp_path / "tool.py").write_text("import sys; print(__name__, sys.argv[1:], __spec__.name)")
    done = clean_child.run(["-m", "tool", "a"], cwd=tmp_path, fresh=fresh)
    assert done.stdout == "__main__ ['a'] tool\n"


def test_ctrl_c_ends_a_child_by_the_signal_after_its_atexit(fresh: bool) -> None:
    code = (
        "import atexit, time\natexit.register(print, 'end')\nprint('here', flush=True)\n"
        "time.sleep(60)"
    )
    child = clean_child.start(
        ["-c", code], stdout=clean_child.PIPE, stderr=clean_child.PIPE, fresh=fresh
    )
    assert child.stdout is not None
    assert child.stdout.readline() == "here\n"
    assert child.poll() is None
    child.send_signal(signal.SIGINT)
    output, errors = child.communicate(timeout=30)
    assert (child.returncode, output) == (-signal.SIGINT, "end\n")
    assert errors.endswith("KeyboardInterrupt\n")


def test_a_time_limit_ends_the_child_with_what_it_started(fresh: bool) -> None:
    code = "import subprocess, time\nsubprocess.Popen(['sleep', '61.75'])\ntime.sleep(60)\n"
    with pytest.raises(subprocess.TimeoutExpired):
        clean_child.run(["-c", code], timeout=2, fresh=fresh)
    deadline = time.monotonic() + 20
    while "sleep 61.75" in _running() and time.monotonic() < deadline:
        time.sleep(0.1)
    assert "sleep 61.75" not in _running()


def _running() -> str:
    listing = ["ps", "-eo", "args"]
    return subprocess.run(listing, capture_output=True, text=True, check=True).stdout


def test_children_do_not_see_what_others_have_changed() -> None:
    clean_child.run(["-c", "import numpy, json; numpy.random = json.dumps = None"], check=True)
    clean_child.run(["-c", "import numpy, json; assert numpy.random and json.dumps"], check=True)


def test_children_draw_different_numbers() -> None:
    code = "import random, numpy; print(random.random(), numpy.random.uniform())"
    one, two = (clean_child.run(["-c", code], check=True).stdout.split() for _ in range(2))
    assert not {*one} & {*two}
