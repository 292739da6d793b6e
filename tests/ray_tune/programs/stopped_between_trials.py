"""A worker of ours that is asked to end, as Ray asks. Argument: ``busy`` while a trial runs."""

import os
import signal
import sys
from typing import Any

from hyperbridge.backends.ray.trainable import _make_preparation


def of_rays(number: int, frame: Any) -> None:
    os.write(2, b"a traceback of Ray's")
    raise SystemExit(0)


signal.signal(signal.SIGTERM, of_rays)
_make_preparation()(lambda: sys.argv[1] == "busy")
signal.raise_signal(signal.SIGTERM)
