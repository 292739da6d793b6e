"""Load a pickle of hyperopt's Trials, also an old one, and say what to do where one fails.

Loading a pickle runs code, whatever it holds: only files that one trusts should get here.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import cloudpickle

from hyperbridge.errors import InvalidArgumentError
from hyperbridge.files.growing_pickle import DamagedFileError, check


def load_trials(path: str | os.PathLike[str]) -> Any:
    """Return the Trials object of a file.

    Args:
        path: A pickle of a Trials object, or of a list of documents.

    Raises:
        InvalidArgumentError: The file cannot be read, or holds something else.
    """
    try:
        content = Path(path).read_bytes()
        check(content)
        found = cloudpickle.loads(content)
    except DamagedFileError as exc:
        raise InvalidArgumentError(
            f"{os.fspath(path)!r} is damaged: {exc}. It was left as it is"
        ) from exc
    except Exception as exc:
        raise InvalidArgumentError(
            f"{os.fspath(path)!r} cannot be read as a pickled Trials object: "
            f"{type(exc).__name__}: {exc}"
        ) from exc
    if not hasattr(found, "_dynamic_trials"):
        raise InvalidArgumentError(
            f"{os.fspath(path)!r} holds a {type(found).__name__}, not a Trials object"
        )
    return found
