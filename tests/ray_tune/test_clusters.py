"""Clusters that other tests do not share: started by fmin, without our packages, losing a node."""

from __future__ import annotations

import secrets
import signal
import socket
import textwrap
import venv
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("ray")

import ray
from hyperopt.base import JOB_STATE_CANCEL
from ray._private.utils import read_ray_address
from ray.exceptions import AuthenticationError
from ray_scripts import own_environment, run, started

from hyperbridge.backends.ray.cluster import _address, connect
from hyperbridge.errors import BackendUnavailableError

pytestmark = pytest.mark.slow


def test_ray_is_initialised_for_the_call_and_shut_down_after_it(tmp_path: Path) -> None:
    with own_environment(tmp_path) as environment:
        folder = Path(environment["RAY_TMPDIR"]) / "ray"
        folder.mkdir()
        (folder / "ray_current_cluster").write_text("127.0.0.1:9")  # left by one that was killed
        output = run(
            """
            import signal, warnings
            warnings.simplefilter("error", DeprecationWarning)
            import numpy as np
            from hyperopt import hp, rand
            from hyperbridge import SparkTrials, fmin

            trials = SparkTrials(parallelism=1)
            numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGUSR1)
            handlers = [signal.getsignal(n) for n in numbers]
            fmin(lambda x: x, hp.uniform("x", 0, 1), algo=rand.suggest, max_evals=2,
                 trials=trials, show_progressbar=False)
            import ray
            import sys
            print("initialised", ray.is_initialized())
            print("handlers", handlers == [signal.getsignal(n) for n in numbers])
            print("grid", trials.result_grid.experiment_path, len(trials.losses()))
            print("spark", any("pyspark.sql" in name for name in sys.modules))
            """,
            tmp_path,
            {**environment, "HYPERBRIDGE_BACKEND": "ray"},
        )
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
        output = run(
            f"""
            import os, signal
            from hyperbridge.backends.ray.trainable import _make_preparation

            def of_rays(number, frame):
                os.write(2, b"a traceback of Ray's")
                raise SystemExit(0)

            signal.signal(signal.SIGTERM, of_rays)
            _make_preparation()(lambda: {is_busy})
            signal.raise_signal(signal.SIGTERM)
            """,
            tmp_path,
            environment,
        )
    assert output == printed


def test_after_sigterm_a_program_has_the_time_it_needs(tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    program.write_text(
        textwrap.dedent("""
            import time
            from hyperopt import Trials, fmin, hp, rand

            def sleep(p):
                print("asleep", flush=True)
                time.sleep(600)
                return p

            trials = Trials()
            try:
                fmin(sleep, hp.uniform("x", 0, 1), rand.suggest, 2, trials=trials,
                     show_progressbar=False)
            finally:
                time.sleep(5)  # Ray would abort the process after three
                print("states", [document["state"] for document in trials._dynamic_trials])
        """)
    )
    with own_environment(tmp_path) as environment:
        command = ["-m", "hyperbridge", "run", "--backend", "ray", str(program)]
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
        output = run(
            """
            from hyperopt import hp, rand
            from hyperbridge import fmin
            from hyperbridge.errors import BackendUnavailableError

            try:
                fmin(lambda x: x, hp.uniform("x", 0, 1), algo=rand.suggest, max_evals=1)
            except BackendUnavailableError as exc:
                print("unavailable:", exc)
            import ray
            print("initialised", ray.is_initialized())
            """,
            tmp_path,
            {
                **environment,
                "HYPERBRIDGE_BACKEND": "ray",
                "RAY_ADDRESS": "local",
                "RAY_TMPDIR": str(tmp_path / ("long" * 30)),
            },
        )
    assert "unavailable: Backend 'ray': Ray could not be started or reached" in output, output
    assert "set RAY_TMPDIR to another folder with a short path" in output
    assert "initialised False" in output


BARE_CLUSTER = """
import sys, time
from ray.cluster_utils import Cluster

cluster = Cluster(initialize_head=True, head_node_args={
    "num_cpus": 0, "include_dashboard": False, "node_ip_address": "127.0.0.1",
    "ray_client_server_port": int(sys.argv[1])})
cluster.add_node(num_cpus=2, node_ip_address="127.0.0.1")
cluster.wait_for_nodes()
print(cluster.address, flush=True)
time.sleep(600)
"""


CLIENT_SCRIPT = """
import os, pathlib, signal, threading, time

import numpy as np
import ray
from hyperopt import hp, tpe
from ray.tune import RunConfig

import hyperbridge
from hyperbridge import Trials, fmin

def plain(p):
    import importlib.util

    names = ("hyperopt", "hyperbridge", "optuna", "ray")
    return {"loss": p["x"], "status": "ok",
            "found": [n for n in names if importlib.util.find_spec(n)]}

def reporting(p):
    from ray import tune

    tune.report({"loss": 9.0})
    return plain(p)

def search(fn, **kwargs):
    trials = Trials()
    kwargs.setdefault("trials", trials)
    kwargs.setdefault("max_evals", 2)
    fmin(fn, {"x": hp.uniform("x", 0, 1), "k": hp.choice("k", [hp.randint("n", 3), 7])},
         algo=tpe.suggest, show_progressbar=False, rstate=np.random.default_rng(0), **kwargs)
    return trials

for fn in (plain, reporting):
    for result in search(fn, parallelism=2).results:
        print("found", result["found"])
print("initialised", ray.is_initialized())
ray.init(logging_level="ERROR")  # from here on it is ours
there = search(plain, max_evals=30, parallelism=1)
here = search(plain, max_evals=30, backend="local")
print("same losses as here", there.losses() == here.losses())
print("grid", len(search(plain, max_evals=3).result_grid))

def raising(p):
    raise ValueError("no luck")

try:
    search(raising, parallelism=2)
except ValueError as exc:
    print("raised", type(exc).__name__, exc)

sleeps = str(pathlib.Path("sleeps").resolve())

def first_sleeps(p):
    try:
        open(sleeps, "x").close()
    except FileExistsError:
        return 0.5
    time.sleep(3000)  # the script does not wait for that

trials = Trials()
search(first_sleeps, trials=trials, parallelism=2, loss_threshold=1)
print("cancelled", sorted(d["state"] for d in trials._dynamic_trials))

began = pathlib.Path("began").resolve()
began.mkdir()

def noted(p):
    n = len(list(began.iterdir()))
    (began / str(p["x"])).touch()
    if n == 2:
        time.sleep(3000)
    return p["x"]

def interrupt():
    while len(list(began.iterdir())) < 3:
        time.sleep(0.1)
    os.kill(os.getpid(), signal.SIGINT)

threading.Thread(target=interrupt, daemon=True).start()
backend = hyperbridge.Ray(run_config=RunConfig(name="again", storage_path=str(began.parent)))
try:
    search(noted, max_evals=6, parallelism=1, backend=backend)
except KeyboardInterrupt as exc:
    print("interrupted", type(exc).__name__)
again = search(noted, max_evals=6, parallelism=1, backend=backend)
print("continued", len(again), "began", len(list(began.iterdir())))
print("alive", sum(node["Alive"] for node in ray.nodes()), "connected", ray.is_initialized())
"""


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
        command = ["-c", BARE_CLUSTER, str(port)]
        with started(command, tmp_path / "nodes", bare, python=python) as nodes:
            assert nodes.stdout is not None
            address = next(line for line in nodes.stdout if line.startswith("127.0.0.1:")).strip()
            output = run(
                """
                import ray
                from hyperopt import hp, tpe
                from hyperbridge import Trials, fmin

                def plain(p):
                    import importlib.util
                    import sys

                    names = ("hyperopt", "hyperbridge", "optuna", "ray")
                    return {"loss": p["x"], "status": "ok", "python": sys.executable,
                            "found": [n for n in names if importlib.util.find_spec(n)]}

                def reporting(p):
                    from ray import tune

                    tune.report({"loss": 9.0})
                    return plain(p)

                space = {"x": hp.uniform("x", 0, 1), "k": hp.choice("k", [hp.randint("n", 3), 7])}
                for fn in (plain, reporting):
                    trials = Trials()
                    fmin(fn, space, algo=tpe.suggest, max_evals=2, trials=trials, parallelism=2,
                         show_progressbar=False)
                    for result in trials.results:
                        print("found", result["found"], result["python"])
                print("initialised", ray.is_initialized())
                ray.init(logging_level="ERROR")
                print("alive", sum(node["Alive"] for node in ray.nodes()))
                """,
                tmp_path,
                {**environment, "RAY_ADDRESS": address, "HYPERBRIDGE_BACKEND": "ray"},
            )
            through_client = run(
                CLIENT_SCRIPT,
                tmp_path,
                {
                    **environment,
                    "RAY_ADDRESS": f"ray://127.0.0.1:{port}",
                    "HYPERBRIDGE_BACKEND": "ray",
                },
            )
            assert nodes.poll() is None
    assert output.count(f"found ['ray'] {python}") == 4, output
    assert "initialised False" in output
    assert "alive 2" in output
    assert through_client.count("found ['ray']") == 4, through_client
    assert "same losses as here True" in through_client
    assert "grid 3" in through_client
    assert "raised ValueError no luck" in through_client
    assert "cancelled [2, 4]" in through_client
    assert "interrupted KeyboardInterrupt" in through_client
    assert "continued 6 began 6" in through_client
    assert "alive 2 connected True" in through_client
    assert "SIGTERM" not in through_client


def test_an_address_where_no_cluster_answers_is_refused(tmp_path: Path) -> None:
    with own_environment(tmp_path) as environment:
        output = run(
            """
            import os
            from hyperopt import hp, rand
            from hyperbridge import fmin
            from hyperbridge.errors import BackendUnavailableError

            for address in ("127.0.0.1:9", "ray://127.0.0.1:9"):
                os.environ["RAY_ADDRESS"] = address
                try:
                    fmin(lambda x: x, hp.uniform("x", 0, 1), algo=rand.suggest, max_evals=1)
                except BackendUnavailableError as exc:
                    print(exc)
            """,
            tmp_path,
            {**environment, "HYPERBRIDGE_BACKEND": "ray"},
        )
    gone, client = output.splitlines()
    assert "RAY_ADDRESS=127.0.0.1:9: no Ray cluster answers there" in gone
    assert "RAY_ADDRESS=ray://127.0.0.1:9: no Ray cluster answers there" in client


def test_a_node_that_goes_away_costs_its_own_trials_alone(tmp_path: Path) -> None:
    with own_environment(tmp_path) as environment:
        output = run(
            """
            import os, threading, time
            import ray
            from hyperopt import hp, rand
            from ray.cluster_utils import Cluster
            from ray.tune import RunConfig
            from hyperbridge import Ray, SparkTrials, fmin

            def fn(x):
                import os, time, ray
                here = ray.get_runtime_context().get_node_id()
                if here == doomed and not os.path.exists(gone):
                    open(ready, "w").close()
                    time.sleep(300)
                time.sleep(0.2)
                return {"loss": x, "status": "ok", "node": here}

            folder = os.getcwd()
            ready, gone = folder + "/ready", folder + "/gone"
            cluster = Cluster(initialize_head=True, connect=True, head_node_args={
                "num_cpus": 1, "include_dashboard": False, "node_ip_address": "127.0.0.1"})
            node = cluster.add_node(num_cpus=1, node_ip_address="127.0.0.1")
            cluster.wait_for_nodes()
            doomed = node.node_id

            def remove():
                while not os.path.exists(ready):
                    time.sleep(0.1)
                open(gone, "w").close()
                cluster.remove_node(node, allow_graceful=False)

            thread = threading.Thread(target=remove)
            thread.start()
            trials = SparkTrials()
            fmin(fn, hp.uniform("x", 0, 1), algo=rand.suggest, max_evals=6, trials=trials,
                 parallelism=2, show_progressbar=False,
                 backend=Ray(run_config=RunConfig(storage_path="results")))
            thread.join()
            print("failed", trials.count_failed_trials(), "done", trials.count_successful_trials())
            print([d["misc"]["error"][1][:80] for d in trials._dynamic_trials if d["state"] == 3])
            ray.shutdown()
            cluster.shutdown()
            """,
            tmp_path,
            environment,
        )
    assert "failed 1 done 5" in output, output
    assert "lost" in output
