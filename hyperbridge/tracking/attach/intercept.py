"""Replace what a function does, for everyone who holds it, and put it back.

Swapping the code object reaches callers that no patched attribute reaches: those that bound
the function before (``from mlflow import start_run``), also inside an unpickled objective.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator
from types import FunctionType, SimpleNamespace
from typing import Any

Replacement = Callable[..., Any]
"""Called with the original function, then with the caller's arguments."""


@contextlib.contextmanager
def intercept(function: Any, replacement: Replacement) -> Iterator[Callable[..., Any]]:
    """Have calls of ``function`` run ``replacement`` while any context of this kind is open.

    Contexts are counted per function. The first one's replacement serves all of them, so a
    replacement must find what differs between them by itself, for instance by thread.

    Args:
        function: A plain function without free variables.
        replacement: See `Replacement`.

    Yields:
        The original function, under another identity.

    Raises:
        ValueError: The function has free variables, for example because another library has
            wrapped it.
    """
    state = function.__dict__.setdefault(
        "_hyperbridge", SimpleNamespace(lock=threading.Lock(), users=0, original=None)
    )
    with state.lock:
        if state.users == 0:
            original = FunctionType(
                function.__code__, function.__globals__, function.__name__, function.__defaults__
            )
            original.__kwdefaults__ = function.__kwdefaults__

            def forward(*args: Any, **kwargs: Any) -> Any:
                return replacement(original, *args, **kwargs)

            # The function's globals are those of its module, where code can find our function.
            name = "_hyperbridge_" + function.__qualname__.replace(".", "_")
            function.__globals__[name] = forward
            function.__code__ = eval(f"lambda *args, **kwargs: {name}(*args, **kwargs)").__code__
            state.original = original
        state.users += 1
    try:
        yield state.original
    finally:
        with state.lock:
            state.users -= 1
            if state.users == 0:
                # The global stays: a thread may be between the two functions.
                function.__code__ = state.original.__code__
