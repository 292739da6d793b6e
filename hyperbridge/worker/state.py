"""Give each trial the process state that a new process would have.

Workers are reused between trials, so what one objective leaves behind (environment variables,
the working directory, the search path, seeded global generators) would be seen by the next one.
"""

from __future__ import annotations

import contextlib
import os
import random
import sys
from collections.abc import Iterator


@contextlib.contextmanager
def fresh_state() -> Iterator[None]:
    """Undo changes of environment, directory and search path; reseed global generators.

    The generators of `random` and of NumPy are seeded from the operating system first, as in
    a new process, so that neither a seed nor a position in a stream carries over.
    """
    environment = dict(os.environ)
    directory = os.getcwd()
    search_path = list(sys.path)
    random.seed()
    numpy = sys.modules.get("numpy")
    if numpy is not None and hasattr(numpy, "random"):
        numpy.random.seed()
    try:
        yield
    finally:
        sys.path[:] = search_path
        for name in set(os.environ) - set(environment):
            del os.environ[name]
        for name, value in environment.items():
            if os.environ.get(name) != value:
                os.environ[name] = value
        with contextlib.suppress(FileNotFoundError):  # the objective removed it
            os.chdir(directory)
