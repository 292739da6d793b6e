"""Stands where Ray has its ``setup_worker.py``, and has the worker forked by `warm_python`.

A worker process of Ray's imports Ray twice, and then Ray Tune: two seconds of CPU time. The ones
that are forked run the same code of Ray's with the same arguments and environment. Where a
worker is to be another kind of process, Ray's own script is run.

`in_clusters_of_this_process` has Ray start its workers by this file, and leaves out the process
that reads all workers' logs ten times a second, for drivers that ask for them: ours do not.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path

from warm_servers import OWNER, stand_in

PRELOADED = ("numpy", "pandas", "hyperopt", "ray.tune")


def main(arguments: list[str]) -> None:
    """Have a worker forked, or start it as Ray does.

    Args:
        arguments: What Ray gives to its own script: the worker's script and its arguments.
    """
    options = dict(word[2:].partition("=")[::2] for word in arguments if word.startswith("--"))
    context = json.loads(options.pop("serialized-runtime-env-context", "") or "{}")
    language = options.pop("language", "PYTHON")
    is_plain = (
        language == "PYTHON"
        and context.get("py_executable") in (None, sys.executable)
        and not context.get("command_prefix")
        and not context.get("override_worker_entrypoint")
        and arguments[0].endswith("default_worker.py")
    )
    script = arguments[0]
    if not is_plain:
        own = str(Path(script).with_name("setup_worker.py"))
        os.execv(sys.executable, [sys.executable, own, *arguments])
    for name, text in (context.get("env_vars") or {}).items():  # as Ray does it
        os.environ[name] = re.sub(r"\$\{[A-Z0-9_]+\}", "", os.path.expandvars(text))
    dropped = ("--serialized-runtime-env-context=", "--language=")
    request = {
        "arguments": [word for word in arguments if not word.startswith(dropped)],
        "cwd": os.getcwd(),
        "env": dict(os.environ),
        "without": ["mlflow"],
    }
    owner = os.environ[OWNER]
    # Ray keeps what it finds in its variables at its import: the job, for example.
    settings = sorted(f"{k}={v}" for k, v in os.environ.items() if k.startswith("RAY_"))
    name = hashlib.sha256("\n".join(settings).encode()).hexdigest()[:16]
    stand_in(owner, f"ray{name}", PRELOADED, request)


@contextlib.contextmanager
def in_clusters_of_this_process() -> Iterator[None]:
    """Have clusters that are started here start their workers by this file, and read no logs."""
    import inspect

    import clean_child
    from ray._private import node, services

    start_raylet = services.start_raylet
    signature = inspect.signature(start_raylet)

    def start(*args: object, **kwargs: object) -> object:
        bound = signature.bind(*args, **kwargs)
        bound.arguments["setup_worker_path"] = __file__
        return start_raylet(*bound.args, **bound.kwargs)

    if sys.platform != "linux" or "setup_worker_path" not in signature.parameters:
        yield
        return
    start_log_monitor = node.Node.start_log_monitor
    os.environ[OWNER] = clean_child.Owner.of_this_process().address
    services.start_raylet = start
    node.Node.start_log_monitor = lambda self: None
    try:
        yield
    finally:
        services.start_raylet = start_raylet
        node.Node.start_log_monitor = start_log_monitor
        del os.environ[OWNER]


if __name__ == "__main__":
    main(sys.argv[1:])
