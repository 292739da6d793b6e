"""Keep exceptions out of Tune's loop.

An exception of the user's functions (search, early stop) or of ours must not travel through Tune,
which would wrap it: it is kept, the experiment is stopped, and the session raises it.
"""

from __future__ import annotations

import functools
import logging
from collections.abc import Callable
from typing import Any, Concatenate, ParamSpec, Protocol, TypeVar

from hyperbridge.run.run import Run

logger = logging.getLogger(__name__)


class Guarded(Protocol):
    """An object whose methods Tune calls.

    Attributes:
        run: Stopped by an exception.
        error: The first exception.
    """

    run: Run
    error: Exception | None


_P = ParamSpec("_P")
_T = TypeVar("_T")
_S = TypeVar("_S", bound=Guarded)
_Method = Callable[Concatenate[_S, _P], _T]


def guarded(default: Callable[[], Any]) -> Callable[[_Method[_S, _P, _T]], _Method[_S, _P, _T]]:
    """Let a method keep what it raises, and return ``default()`` in its place."""

    def decorate(method: _Method[_S, _P, _T]) -> _Method[_S, _P, _T]:
        @functools.wraps(method)
        def call(self: _S, *args: _P.args, **kwargs: _P.kwargs) -> _T:
            try:
                return method(self, *args, **kwargs)
            except Exception as exc:
                logger.debug("the experiment ends because of an exception", exc_info=True)
                self.error = self.error or exc
                self.run.abort(exc)
                return default()  # type: ignore[no-any-return]

        return call  # type: ignore[return-value]  # functools.wraps says less than it does

    return decorate
