"""Make a program the main one of this process, as Python does with what it is started with.

Source: the Python reference, "Command line and environment".
"""

from __future__ import annotations

import sys
from abc import ABC, abstractmethod
from types import ModuleType


class Program(ABC):
    """Something to run once, as the process's main program."""

    @abstractmethod
    def run(self) -> None:
        """Run it as ``__main__``.

        Raises:
            BaseException: What it raised. Python prints the traceback as if it had been
                started alone.
        """


def new_main(*, file: str | None) -> ModuleType:
    """Return an empty module ``__main__``.

    Args:
        file: Its ``__file__``; None for none, as in Jupyter.
    """
    main = ModuleType("__main__")
    main.__dict__["__builtins__"] = sys.modules["builtins"]
    main.__annotations__ = {}
    if file is not None:
        main.__file__ = file
        main.__dict__["__cached__"] = None
    return main


def take_over(main: ModuleType, argv: list[str], *, path0: str) -> None:
    """Make a module the process's ``__main__``, for good: pickle and atexit look there."""
    sys.modules["__main__"] = main
    sys.argv = argv
    set_path0(path0)


def set_path0(directory: str) -> None:
    """Put a folder where Python has that of the program, at the head of ``sys.path``."""
    # With "python -P" there is no entry of our own program that could be replaced.
    if not getattr(sys.flags, "safe_path", False):
        sys.path[0] = directory
