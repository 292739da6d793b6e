"""Name a process so that another one can tell later whether it still lives."""

from __future__ import annotations

import os
import socket
from pathlib import Path


def this_process() -> str:
    """Return ``host:pid:start``, which no other process has or will have.

    Examples:
        >>> is_alive(this_process())
        True
    """
    pid = os.getpid()
    return f"{socket.gethostname()}:{pid}:{_started(pid)}"


def host_and_pid(process: str) -> tuple[str, int | None]:
    """Return the parts of a name; the pid is None where it is no such name."""
    host, _, pid = process.rpartition(":")[0].rpartition(":")
    return host, int(pid) if pid.isdecimal() else None


def is_alive(process: str) -> bool | None:
    """Tell whether a process lives; None where that cannot be known: on another machine.

    Args:
        process: From `this_process`.
    """
    host, pid = host_and_pid(process)
    if host != socket.gethostname():
        return None
    if pid is None:
        return False
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        pass
    return f"{host}:{pid}:{_started(pid)}" == process


def _started(pid: int) -> str:
    """Return when a process started, as Linux counts it; elsewhere the ids alone must do."""
    try:
        status = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return ""
    return status.rpartition(")")[2].split()[19]
