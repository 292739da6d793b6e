"""Print what a process is given, and what is in it before it has run anything."""

import json
import os
import signal
import sys
import threading

import __main__

print(
    json.dumps(
        {
            "argv": sys.argv,
            "cwd": os.getcwd(),
            "env": dict(os.environ),
            "path": sys.path[:2],
            "stdin": sys.stdin.read(),
            "leads": os.getsid(0) == os.getpid(),
            "threads": [thread.name for thread in threading.enumerate()],
            "signals": [
                str(signal.getsignal(n)) for n in (signal.SIGINT, signal.SIGTERM, signal.SIGCHLD)
            ],
            "names": sorted({*vars(__main__)} - {"__annotations__"}),
            "ours": [name for name in sys.modules if name.startswith("hyper")],
            "files": sorted(os.readlink(f"/proc/self/fd/{n}").partition(":")[0] for n in range(3)),
        }
    )
)
