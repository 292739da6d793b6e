"""Turn what an objective returned into a result document, by hyperopt's rules.

A number is a loss; a mapping needs a ``status`` that hyperopt knows and, when that is ``ok``,
a ``loss`` that float() accepts. Everything else a mapping holds is kept.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from hyperopt import exceptions
from hyperopt.base import STATUS_OK, STATUS_STRINGS

from hyperbridge.errors import HyperbridgeError
from hyperbridge.worker.frames import safe_repr, safe_text


class BrokenRuleError(HyperbridgeError):
    """What an objective returned breaks one of hyperopt's rules for a result.

    Attributes:
        recorded_as: The type of hyperopt's own error, as its documents name it.
    """

    recorded_as: str


class InvalidResultError(BrokenRuleError, TypeError, ValueError):
    """The objective returned neither a number nor a mapping.

    hyperopt raises what ``dict()`` says of it: a TypeError or a ValueError.
    """

    recorded_as = str(TypeError)


class MissingStatusError(BrokenRuleError, KeyError):
    """The objective returned a mapping without a ``status``."""

    recorded_as = str(KeyError)

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message
        self.args = ("status",)  # as hyperopt's KeyError has it

    def __str__(self) -> str:
        return self.message

    def __reduce__(self) -> Any:
        return type(self), (self.message,), vars(self)


class InvalidResultStatus(  # noqa: N818 - hyperopt's name
    BrokenRuleError,
    exceptions.InvalidResultStatus,  # type: ignore[misc]
):
    """The objective returned a ``status`` that hyperopt does not have."""

    recorded_as = str(exceptions.InvalidResultStatus)

    def __init__(self, message: str, result: dict[str, Any]) -> None:
        super().__init__(result)
        self.args = (message,)

    def __reduce__(self) -> Any:
        return type(self), (*self.args, self.result), vars(self)


class InvalidLoss(  # noqa: N818 - hyperopt's name
    BrokenRuleError,
    exceptions.InvalidLoss,  # type: ignore[misc]
):
    """The objective returned status ``ok`` without a usable ``loss``."""

    recorded_as = str(exceptions.InvalidLoss)

    def __init__(self, message: str, result: dict[str, Any]) -> None:
        super().__init__(result)
        self.args = (message,)

    def __reduce__(self) -> Any:
        return type(self), (*self.args, self.result), vars(self)


def _keys(result: dict[str, Any]) -> str:
    return ", ".join(safe_repr(key) for key in result) or "no keys"


def _is_status(value: Any) -> bool:
    try:
        return value in STATUS_STRINGS
    except Exception:  # noqa: BLE001 - an array, or an object that compares in its own way
        return False


def to_result(value: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the result dict of a trial and the attachments that were in it.

    Args:
        value: What the objective returned.

    Raises:
        InvalidResultError, MissingStatusError, InvalidResultStatus, InvalidLoss: It
            breaks hyperopt's rules for a result.
        Exception: What an object in it raised, such as a tensor that float() cannot convert.

    Examples:
        >>> to_result(2)
        ({'loss': 2.0, 'status': 'ok'}, {})
    """
    if isinstance(value, (float, int, np.number)):
        return {"loss": float(value), "status": STATUS_OK}, {}
    try:
        result = dict(value)
    except (TypeError, ValueError) as exc:
        error = InvalidResultError(
            f"the objective returned {safe_repr(value)} ({type(value).__name__}); return the loss "
            "as a number, or a dict such as {'loss': 0.1, 'status': STATUS_OK} "
            f"({safe_text(exc)})"
        )
        error.recorded_as = str(type(exc))
        raise error from exc
    if "status" not in result:
        raise MissingStatusError(
            f"the objective returned a dict without 'status' (it has {_keys(result)}); "
            "add 'status': STATUS_OK"
        )
    if not _is_status(result["status"]):
        raise InvalidResultStatus(
            f"the objective returned status {safe_repr(result['status'])}; "
            f"it must be one of {', '.join(STATUS_STRINGS)}",
            result,
        )
    if result["status"] == STATUS_OK:
        try:
            result["loss"] = float(result["loss"])
        except KeyError as exc:
            raise InvalidLoss(
                f"the objective returned status 'ok' without 'loss' (it has {_keys(result)})",
                result,
            ) from exc
        except (TypeError, ValueError) as exc:
            unusable = InvalidLoss(
                f"the objective returned loss {safe_repr(result['loss'])} "
                f"({type(result['loss']).__name__}), which is not a number: {safe_text(exc)}",
                result,
            )
            if isinstance(exc, ValueError):  # the one that hyperopt lets through
                unusable.recorded_as = str(type(exc))
            raise unusable from exc
    attachments = result.pop("attachments", None)
    if attachments is None:
        return result, {}
    if not isinstance(attachments, Mapping):
        raise InvalidResultError(
            "the objective returned 'attachments' that are not a dict by name but a "
            f"{type(attachments).__name__}"
        )
    return result, dict(attachments)
