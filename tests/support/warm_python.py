"""A Python that has imported what is slow to import, and forks a clean child for each program.

Its arguments are a socket file of its owner's, the socket file that it makes, and what it
imports. For each connection to its own it forks a child, which reads there what to run, and with
which streams; the child's process id and exit code are told there. When the owner has ended, and
so closed the first one, this ends too.
"""

from __future__ import annotations

import atexit
import contextlib
import fcntl
import gc
import importlib
import json
import os
import select
import signal
import socket
import sys
import types
from typing import Any

FORGOTTEN = ("hyperopt", "hyperbridge")
"""What children import themselves all the same: programs patch it, or it must not be there."""

BREADTH = 1 << 16
MOST_DESCRIPTORS = 16


def preload(names: list[str]) -> dict[str, str]:
    """Import what is installed, and take it out of the garbage collector's sight.

    Returns the variables that packages set when they are imported.
    """
    before = dict(os.environ)
    for name in names:
        with contextlib.suppress(ImportError):
            importlib.import_module(name)
    _forget(FORGOTTEN)
    gc.collect()
    gc.freeze()
    return {name: text for name, text in os.environ.items() if before.get(name) != text}


def _forget(packages: tuple[str, ...]) -> None:
    for name in [name for name in sys.modules if name.partition(".")[0] in packages]:
        del sys.modules[name]


def serve(
    owner: socket.socket, orders: socket.socket, by_imports: dict[str, str]
) -> dict[str, Any]:
    """Fork children until the owner has ended; return in a child, with what it is to run."""
    wakes, wake = socket.socketpair()
    wakes.setblocking(False)
    wake.setblocking(False)
    signal.set_wakeup_fd(wake.fileno(), warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    children: dict[int, socket.socket] = {}
    while True:
        readable, _, _ = select.select([owner, orders, wakes], [], [])
        if owner in readable:
            os._exit(0)
        if wakes in readable:
            with contextlib.suppress(BlockingIOError):
                wakes.recv(BREADTH)
            _report(children)
        if orders not in readable:
            continue
        line, _ = orders.accept()
        pid = os.fork()
        if pid:
            children[pid] = line
            continue
        signal.set_wakeup_fd(-1)
        for each in (owner, orders, wakes, wake, *children.values()):
            each.close()
        with line:
            return _become(line, by_imports)


def _report(children: dict[int, socket.socket]) -> None:
    """Tell the exit codes of the children that have ended."""
    while children:
        pid, status = os.waitpid(-1, os.WNOHANG)
        if not pid:
            return
        line = children.pop(pid, None)
        if line is not None:
            with line, contextlib.suppress(OSError):
                line.send(f"{os.waitstatus_to_exitcode(status)}\n".encode())


def _become(line: socket.socket, by_imports: dict[str, str]) -> dict[str, Any]:
    """Take on what a new process is given: streams, a folder, an environment, signals."""
    _, received, _, _ = socket.recv_fds(line, 1, MOST_DESCRIPTORS)
    with line.makefile("rb") as file:
        request: dict[str, Any] = json.loads(file.read(int(file.readline())))
    if request.get("leads_session", True):
        os.setsid()
    with contextlib.suppress(OSError):  # from now on signals to its session reach it
        line.send(f"{os.getpid()}\n".encode())
    numbers = request.get("descriptors", [0, 1, 2])
    moved = [fcntl.fcntl(each, fcntl.F_DUPFD, max(numbers) + 1) for each in received]
    for each in received:
        os.close(each)
    for number, each in zip(numbers, moved, strict=True):
        os.dup2(each, number, inheritable=True)
        os.close(each)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    os.chdir(request["cwd"])
    os.environ.clear()
    os.environ.update({**by_imports, **request["env"]})
    if "PYTHONUNBUFFERED" in os.environ:
        sys.stdout.reconfigure(write_through=True)  # type: ignore[union-attr]
    if "ray" in sys.modules:
        _heed_variables_of_ray()
    if "numpy" in sys.modules:
        sys.modules["numpy"].random.seed()
    _forget(tuple(request["without"]))
    importlib.invalidate_caches()
    sys.excepthook = _without_frames_of_ours
    return request


def _heed_variables_of_ray() -> None:
    """Have Ray read its settings, its token and HOME again, which it keeps from its import on."""
    from ray import _raylet

    results = os.path.join(os.path.expanduser("~"), "ray_results")
    for name, module in [*sys.modules.items()]:
        if name.startswith("ray.") and "DEFAULT_STORAGE_PATH" in vars(module):
            module.DEFAULT_STORAGE_PATH = results  # type: ignore[attr-defined]

    with contextlib.suppress(AttributeError):  # older ones have no token
        _raylet.Config.initialize("")
        _raylet.AuthenticationTokenLoader.instance().reset_cache()


def _without_frames_of_ours(kind: Any, value: Any, trace: Any) -> None:
    while trace is not None and trace.tb_frame.f_code.co_filename == __file__:
        trace = trace.tb_next
    sys.__excepthook__(kind, value.with_traceback(trace), trace)


def run(arguments: list[str]) -> None:
    """Run what stands behind ``python`` on a command line: ``-c``, ``-m`` or a script."""
    main = types.ModuleType("__main__")
    main.__dict__["__builtins__"] = sys.modules["builtins"]
    sys.modules["__main__"] = main
    paths = os.environ.get("PYTHONPATH", "")
    sys.path[:0] = [os.path.abspath(path) for path in paths.split(os.pathsep) if path]
    sys.orig_argv[1:] = arguments
    how, *rest = arguments
    if how == "-m":
        import runpy

        sys.argv = rest
        sys.path.insert(0, os.getcwd())
        runpy.run_module(rest[0], run_name="__main__", alter_sys=True)
        return
    if how == "-c":
        code, name = rest[0], "<string>"
        sys.argv = ["-c", *rest[1:]]
        sys.path.insert(0, "")
    else:
        with open(how, "rb") as file:
            code, name = file.read(), how
        main.__file__ = os.path.abspath(how)
        main.__dict__["__cached__"] = None
        sys.argv = arguments
        sys.path.insert(0, os.path.dirname(os.path.abspath(how)))
    exec(compile(code, name, "exec", dont_inherit=True), main.__dict__)


def _leave(raised: list[BaseException]) -> None:
    """End as Python does, but do not tidy up hundreds of modules, which takes a second.

    This is the last of the functions that run at exit.
    """
    for file in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError, AttributeError):
            file.flush()
    exc = raised[0] if raised else SystemExit()
    if isinstance(exc, KeyboardInterrupt):
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        os.kill(os.getpid(), signal.SIGINT)
    code = exc.code if isinstance(exc, SystemExit) else 1
    os._exit(code if isinstance(code, int) else int(code is not None))


if __name__ == "__main__":
    _kept = sys.modules["__main__"]  # else its names would be cleared
    with socket.socket(socket.AF_UNIX) as _owner, socket.socket(socket.AF_UNIX) as _orders:
        _owner.connect(sys.argv[1])
        del sys.path[0]  # the folder of this file
        _by_imports = preload(sys.argv[3:])
        _orders.bind(f"{sys.argv[2]}.draft")
        _orders.listen()
        os.rename(f"{sys.argv[2]}.draft", sys.argv[2])  # whoever sees it is answered
        _request = serve(_owner, _orders, _by_imports)
    _raised: list[BaseException] = []
    atexit.register(_leave, _raised)  # before the program's functions, so that it is the last
    try:
        run(_request["arguments"])
    except BaseException as exc:
        _raised.append(exc)
        raise
