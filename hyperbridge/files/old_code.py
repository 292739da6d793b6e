"""Functions that cloudpickle has pickled with their code, under another version of Python.

The code of one version cannot be made in another. Only what is such a function is lost then, not
the pickle. Source: what the reductions of cloudpickle 1.6 to 3.1 name in a pickle.
"""

from __future__ import annotations

import types
from collections.abc import Callable
from typing import Any, Final

CODE: Final = "function of another version of Python"
"""What a stand-in for such a function stands for."""


class OldCode:
    """Answers in cloudpickle's place where code is made.

    Args:
        make_stand_in: Makes an object that stands for a function whose code cannot be made.
        is_stand_in: Tells whether something is one.
    """

    def __init__(
        self, make_stand_in: Callable[[Exception], Any], is_stand_in: Callable[[Any], bool]
    ) -> None:
        self._make = make_stand_in
        self._is = is_stand_in

    def answer(self, name: str, original: Any) -> Any:
        """Return what is called in place of a function of cloudpickle's.

        Args:
            name: Its name.
            original: The function itself.
        """
        if name == "_builtin_type":
            return lambda wanted: self._type(wanted, original)
        if name == "_make_function":
            return lambda code, *rest: self._function(original, code, *rest)
        if name == "_function_setstate":
            return lambda function, state: None if self._is(function) else original(function, state)
        return original

    def _type(self, wanted: str, original: Any) -> Any:
        if wanted == "CodeType":
            return self._code
        if wanted == "FunctionType":
            return lambda code, *rest: self._function(types.FunctionType, code, *rest)
        return original(wanted)

    def _code(self, *args: Any) -> Any:
        try:
            return types.CodeType(*args)
        except (TypeError, ValueError) as exc:
            return self._make(exc)

    def _function(self, original: Any, code: Any, *rest: Any) -> Any:
        return code if self._is(code) else original(code, *rest)
