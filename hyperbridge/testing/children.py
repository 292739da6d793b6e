"""Scripts in processes of their own."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import hyperbridge

if TYPE_CHECKING:
    from hyperbridge.testing.basis import Basis

INTERRUPTED = """
import os, threading, time
import numpy as np
from hyperopt import hp, rand
from hyperbridge.surface.fmin import fmin
from hyperbridge.surface.spark_trials import SparkTrials
{setup}

def objective(x):
    if x > 0.5:
        return x
    while not os.path.exists("finished"):
        time.sleep(0.05)
    open("sleeping", "w").close()
    for _ in range(1000):
        time.sleep(0.1)

def note_the_first(trials, *args):
    open("finished", "w").close()
    return False, args

if __name__ == "__main__":
    trials = SparkTrials()
    try:
{before}
        fmin(objective, hp.uniform("x", 0, 1), algo=rand.suggest, max_evals=50, trials=trials,
             rstate=np.random.default_rng(1), show_progressbar=False, backend={backend},
             parallelism={parallelism}, points_to_evaluate=[{{"x": 0.9}}],
             early_stop_fn=note_the_first, {arguments})
    except KeyboardInterrupt:
        print("interrupted at", time.time(), flush=True)
{after}
"""


def interrupted_script(
    backend: type[Basis], *, before: str = "", arguments: str = "", after: str = ""
) -> str:
    """Return a script to send SIGINT to when there is a file ``sleeping``.

    By then a trial has finished, and another will take minutes.

    Args:
        backend: The test class of the backend.
        before: Statements before the call of fmin.
        arguments: More arguments of fmin.
        after: Statements after the call of fmin.
    """
    return INTERRUPTED.format(
        setup=backend.child_setup,
        backend=backend.child_backend,
        parallelism=backend.parallelism,
        before=textwrap.indent(before, " " * 8),
        arguments=arguments,
        after=textwrap.indent(after, " " * 4),
    )


def start_child(source: str, folder: Path, **kwargs: Any) -> subprocess.Popen[str]:
    """Start a script in a process of its own, in its own group, with our package on the path."""
    script = folder / "script.py"
    script.write_text(source)
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join([str(Path(hyperbridge.__file__).parents[1]), *sys.path]),
        "HYPERBRIDGE_TRACKING": "0",
        "SPARK_LOCAL_IP": "127.0.0.1",
    }
    options: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
    return subprocess.Popen(
        [sys.executable, str(script)], cwd=folder, env=environment, text=True,
        start_new_session=True, **{**options, **kwargs},
    )  # fmt: skip


def stop_child(process: subprocess.Popen[str]) -> None:
    """End a child and what it started."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def wait_for(path: Path, process: subprocess.Popen[str], timeout_s: float = 90) -> None:
    """Wait until a file appears."""
    deadline = time.monotonic() + timeout_s
    while not path.exists():
        if process.poll() is not None or time.monotonic() > deadline:
            output = process.communicate(timeout=10)[0] if process.poll() is not None else ""
            raise AssertionError(f"{path.name} did not appear: {output}")
        time.sleep(0.05)
