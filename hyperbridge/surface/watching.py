"""Who looks over the shoulder of calls of fmin: nobody, unless `hyperbridge compare` runs them."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from hyperbridge.run.observer import Observer

if TYPE_CHECKING:
    from hyperbridge.surface.call import Call


class Watcher:
    """Changes nothing; a subclass is told of each call of fmin in this process.

    The methods are called on the thread that called fmin, in this order.
    """

    def max_evals(self, asked: int | None) -> int | None:
        """Return how many trials the call may have."""
        return asked

    def random_state(self, given: Any) -> Any:
        """Return the random state that the call is to draw from."""
        return given

    def may_keep(self, file: str | os.PathLike[str]) -> bool:  # noqa: ARG002
        """Tell whether the call may go on with what a file has, and keep its trials there."""
        return True

    def around(self, minimise: Callable[[Call], Any]) -> Callable[[Call], Any]:
        """Return what runs the call, and returns what fmin returns.

        As it is, so that the traceback of an objective has no frame more.
        """
        return minimise

    def observers(self, call: Call, given: list[Observer]) -> list[Observer]:  # noqa: ARG002
        """Return who observes the call's trials."""
        return given


_watcher = Watcher()


def watcher() -> Watcher:
    """Return who watches."""
    return _watcher


def watch(by: Watcher) -> None:
    """Have all calls of fmin in this process watched."""
    global _watcher
    _watcher = by
