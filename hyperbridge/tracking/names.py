"""Bring names and values into a form that MLflow accepts.

Source: mlflow.utils.validation. Names are letters of any script, digits and ``_ - . : / space``,
at most 250 characters, and, read as a path, must not resolve to another path.
"""

from __future__ import annotations

import hashlib
import math
import numbers
import posixpath
import re
import sys
from typing import Any

MAX_NAME_LENGTH = 250
MAX_PARAM_LENGTH = 6000
MAX_TAG_LENGTH = 8000

_CUT = " ..."
_HASH_LENGTH = 6
_REFUSED = re.compile(r"[^\w\-./: ]")


def legal_name(name: str) -> str:
    """Return the nearest name that MLflow accepts for a param, tag or metric.

    A name that had to change ends in a hash of the original, so that two names never become
    one, and the same name becomes the same in every run.

    Examples:
        >>> legal_name("svm/C")
        'svm/C'
        >>> legal_name("x[0]")
        'x_0__f1c89e'
    """
    legal = _REFUSED.sub("_", name)
    if _resolves_elsewhere(legal):
        legal = legal.strip("./").replace("/", "_").strip() or "_"
    if legal == name and len(name) <= MAX_NAME_LENGTH:
        return name
    digest = hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()[:_HASH_LENGTH]
    return f"{legal[: MAX_NAME_LENGTH - _HASH_LENGTH - 1]}_{digest}"


def _resolves_elsewhere(name: str) -> bool:
    return posixpath.normpath(name) != name or name.startswith(("/", "..")) or name == "."


def legal_text(text: str, limit: int) -> str:
    """Return the text, cut with ``" ..."`` where it is longer than ``limit`` characters.

    Examples:
        >>> legal_text("abcdefgh", 7)
        'abc ...'
    """
    text = text.encode("utf-8", "replace").decode("utf-8")  # lone surrogates cannot be sent
    return text if len(text) <= limit else text[: limit - len(_CUT)] + _CUT


def as_number(value: Any) -> float | None:
    """Return a real number as a float; None for anything else, booleans included.

    An integer too large for a float becomes an infinity.
    """
    number: Any = value  # numbers.Real promises no comparison with int
    try:
        if isinstance(value, bool) or not isinstance(value, numbers.Real):
            return None
        return float(number)
    except OverflowError:
        return math.inf if number > 0 else -math.inf
    except Exception:  # noqa: BLE001 - a class of the user's may do anything
        return None


def legal_metric(value: float) -> float:
    """Return the nearest value that MLflow stores: the largest finite float for infinity.

    NaN is stored as it is.

    Examples:
        >>> legal_metric(float("-inf"))
        -1.7976931348623157e+308
    """
    if math.isinf(value):
        return math.copysign(sys.float_info.max, value)
    return value
