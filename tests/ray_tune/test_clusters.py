"""Clusters that other tests do not share: started by fmin, without our packages, losing a node."""

from __future__ import annotations

import secrets
import signal
import socket
import venv
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("ray")

import ray
from hyperopt.base import JOB_STATE_CANCEL
from ray._private.utils import read_ray_address
from ray.exceptions import AuthenticationError
from ray_scripts import PROGRAMS, own_environment, run, started

from hyperbridge.backends.ray.cluster import _address, connect
from hyperbridge.errors import BackendUnavailableError

pytestmark = pytest.mark.slow


def test_ray_is_initialised_for_the_call_and_shut_down_after_it(tmp_path: Path) -> None:
    with own_environment(tmp_path) as environment:
        folder = Path(environment["RAY_TMPDIR"]) / "ray"
        folder.mkdir()
        (folder / "ray_current_cluster").write_text("127.0.0.1:9")  # left by one that was killed
        environment["HYPERBRIDGE_BACKEND"] = "ray"
        output = run("fmin_starts_ray", folder=tmp_path, environment=environment)
    assert "initialised False" in output
    assert "handlers True" in output
    assert f"grid {tmp_path}/ray_results/objective_" in output
    # Nothing else is printed: no warning of Ray's, no note about how it was started.
    assert len(output.splitlines()) == 5, output
    assert output.startswith("Total Trials: 2: 2 succeeded")


def test_a_script_prints_its_own_lines_the_progress_bar_and_the_totals(tmp_path: Path) -> None:
    script = tmp_path / "train.py"
    script.write_text(
        "from hyperopt import SparkTrials, fmin, hp, tpe\n"
        "fmin(lambda x: x, hp.uniform('x', 0, 1), algo=tpe.suggest, max_evals=3,\n"
        "     trials=SparkTrials(parallelism=1))\n"
        "print('done')\n"
    )
    with own_environment(tmp_path) as environment:
        command = ["-m", "hyperbridge", "run", "--backend", "ray", str(script)]
        with started(command, tmp_path, environment) as process:
            output = process.communicate(timeout=540)[0]
    assert process.returncode == 0, output
    lines = [line for line in output.replace("\r", "\n").splitlines() if line.strip()]
    bars = [line for line in lines if "best loss" in line]
    others = [line for line in lines if line not in bars]
    assert others == ["Total Trials: 3: 3 succeeded, 0 failed, 0 cancelled.", "done"], output
    assert "3/3" in bars[-1]


@pytest.mark.parametrize(("is_busy", "printed"), [(False, ""), (True, "a traceback of Ray's")])
def test_a_process_that_is_stopped_between_trials_prints_nothing(
    tmp_path: Path, is_busy: bool, printed: str
) -> None:
    with own_environment(tmp_path) as environment:
        word = "busy" if is_busy else "idle"
        output = run("stopped_between_trials", word, folder=tmp_path, environment=environment)
    assert output == printed


def test_after_sigterm_a_program_has_the_time_it_needs(tmp_path: Path) -> None:
    with own_environment(tmp_path) as environment:
        program = PROGRAMS / "sleeps_until_sigterm.py"
        command = ["-m", "hyperbridge", "run", "--backend", "ray", program]
        with started(command, tmp_path, environment) as process:
            assert process.stdout is not None
            for line in process.stdout:
                if "asleep" in line:
                    break
            process.send_signal(signal.SIGTERM)
            output = process.communicate(timeout=300)[0]
    assert process.returncode == 143, output
    assert "stopped by SIGTERM" in output
    assert "SIGTERM received at" not in output
    assert f"states [{JOB_STATE_CANCEL}" in output


@pytest.mark.parametrize("name", ["RAY_TMPDIR", "TMPDIR"])
def test_the_remembered_cluster_is_looked_up_where_ray_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    for variable in ("RAY_ADDRESS", "RAY_TMPDIR"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("TMPDIR", str(tmp_path / "unused"))
    monkeypatch.setenv(name, str(tmp_path))
    note = tmp_path / "ray" / "ray_current_cluster"
    note.parent.mkdir()
    with socket.create_server(("127.0.0.1", 0)) as live:
        address = f"127.0.0.1:{live.getsockname()[1]}"
        note.write_text(address)
        assert read_ray_address() == address
        assert _address() is None
    assert _address() == "local"  # nobody listens there any more
    monkeypatch.setenv(name, str(tmp_path / "elsewhere"))
    assert _address() is None


@pytest.mark.parametrize(
    ("error", "advice"),
    [
        (Exception("The current node timed out during startup."), "may be too busy to start Ray"),
        (RuntimeError("Version mismatch: The cluster was started with"), "Install here the Ray"),
        (OSError(28, "No space left on device"), "make room there, or set RAY_TMPDIR"),
        (AuthenticationError("Invalid token"), "Set RAY_AUTH_MODE=token, and RAY_AUTH_TOKEN"),
        (
            ConnectionError("Failed to connect to Ray cluster at 127.0.0.1:6379"),
            r"needs RAY_AUTH_MODE=token here too \(it is disabled\), and RAY_AUTH_TOKEN",
        ),
        (ConnectionError("Could not find any running instance"), "RAY_ADDRESS=local starts one"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_a_ray_that_does_not_start_says_what_to_do(
    error: Exception, advice: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def init(*args: Any, **kwargs: Any) -> None:
        raise error

    ended: list[str] = []
    monkeypatch.setenv("RAY_AUTH_MODE", "disabled")
    monkeypatch.setattr(ray, "init", init)
    monkeypatch.setattr(ray, "is_initialized", lambda: False)
    monkeypatch.setattr(ray, "shutdown", lambda: ended.append("shut down"))
    with pytest.raises(BackendUnavailableError, match=advice) as caught:
        connect()
    assert str(error) in str(caught.value)
    assert caught.value.__cause__ is error
    assert ended == ["shut down"]


def test_a_folder_that_ray_cannot_use_is_an_error_that_says_so(tmp_path: Path) -> None:
    with own_environment(tmp_path) as environment:
        environment |= {
            "HYPERBRIDGE_BACKEND": "ray",
            "RAY_ADDRESS": "local",
            "RAY_TMPDIR": str(tmp_path / ("long" * 30)),
        }
        output = run("ray_that_does_not_start", folder=tmp_path, environment=environment)
    assert "unavailable: Backend 'ray': Ray could not be started or reached" in output, output
    assert "set RAY_TMPDIR to another folder with a short path" in output
    assert "initialised False" in output


def bare_python(folder: Path) -> str:
    """A Python that has everything that this one has, but hyperopt, hyperbridge and Optuna."""
    venv.create(folder, symlinks=True)
    packages = next(folder.glob("lib/python*/site-packages"))
    for entry in Path(ray.__file__).parents[1].iterdir():
        left_out = entry.name.lower().lstrip("_").startswith(("hyper", "optuna"))
        if not left_out and entry.suffix != ".pth":
            (packages / entry.name).symlink_to(entry)
    return str(folder / "bin" / "python")


def test_a_cluster_without_hyperopt_and_hyperbridge_runs_trials_and_stays(tmp_path: Path) -> None:
    python = bare_python(tmp_path / "bare")
    (tmp_path / "nodes").mkdir()
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with own_environment(tmp_path) as environment:
        environment |= {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": secrets.token_hex(32)}
        bare = {k: v for k, v in environment.items() if k != "PYTHONPATH"}
        command = [PROGRAMS / "bare_cluster.py", str(port)]
        with started(command, tmp_path / "nodes", bare, python=python) as nodes:
            assert nodes.stdout is not None
            address = next(line for line in nodes.stdout if line.startswith("127.0.0.1:")).strip()
            environment |= {"RAY_ADDRESS": address, "HYPERBRIDGE_BACKEND": "ray"}
            output = run("joins_a_cluster", folder=tmp_path, environment=environment)
            environment["RAY_ADDRESS"] = f"ray://127.0.0.1:{port}"
            through_client = run("through_ray_client", folder=tmp_path, environment=environment)
            assert nodes.poll() is None
    assert output.count(f"found ['ray'] {python}") == 4, output
    assert "initialised False" in output
    assert "alive 2" in output
    assert through_client.count("found ['ray']") == 4, through_client
    assert "same losses as here True" in through_client
    assert "grid 30" in through_client
    assert "raised ValueError no luck" in through_client
    assert "cancelled [2, 4]" in through_client
    assert "interrupted KeyboardInterrupt" in through_client
    assert "continued 6 began 6" in through_client
    assert "alive 2 connected True" in through_client
    assert "SIGTERM" not in through_client


def test_an_address_where_no_cluster_answers_is_refused(tmp_path: Path) -> None:
    with own_environment(tmp_path) as environment:
        environment["HYPERBRIDGE_BACKEND"] = "ray"
        output = run("nobody_answers", folder=tmp_path, environment=environment)
    gone, client = output.splitlines()
    assert "RAY_ADDRESS=127.0.0.1:9: no Ray cluster answers there" in gone
    assert "RAY_ADDRESS=ray://127.0.0.1:9: no Ray cluster answers there" in client


def test_a_node_that_goes_away_costs_no_trial_and_one_that_comes_gets_some(
    tmp_path: Path,
) -> None:
    with own_environment(tmp_path) as environment:
        output = run("loses_a_node", folder=tmp_path, environment=environment)
    assert "failed 0 done 6" in output, output
    assert "attempts [1, 1, 1, 1, 1, 2]" in output, "the lost trial is tried again, on another node"
    assert "has trials True" in output, output
    assert "sizes [1, 2, 1] running 0" in output, output
