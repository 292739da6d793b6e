"""Run a program up to its call of fmin, and write native code for the space in a variable.

Started by `hyperbridge.migrate.live` as a process of its own, because it runs the user's code.
It needs hyperopt, which that code needs too.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any, NoReturn

from hyperbridge.migrate.child_process import begin
from hyperbridge.migrate.sources import read_source
from hyperbridge.translate.source_ray import ray_param_space
from hyperbridge.translate.to_source import UnwritableError, optuna_program


def main(request: dict[str, Any]) -> None:
    """Run the program and answer.

    Args:
        request: ``path`` of the program, ``variable`` that holds the space, ``target``,
            ``arguments`` of the program, and ``answer``, the file to write to.
    """
    path = Path(request["path"]).resolve()
    namespace = begin(path, request["arguments"])

    def answer() -> None:
        content = _answer(namespace, request["variable"], request["target"])
        Path(request["answer"]).write_text(json.dumps(content), encoding="utf-8")

    def stop() -> NoReturn:
        answer()
        sys.stdout.flush()
        os._exit(0)  # nothing of the program is to go on

    _replace_fmin(str(path), stop)
    exec(compile(read_source(path).code, str(path), "exec"), namespace)
    answer()


def _replace_fmin(filename: str, stop: Callable[[], NoReturn]) -> None:
    import hyperopt

    import hyperbridge

    submodule = sys.modules["hyperopt.fmin"]
    for owner in (hyperopt, submodule, hyperbridge):
        original = owner.__dict__.get("fmin") or getattr(owner, "fmin")  # noqa: B009

        def fmin(fn: Any, space: Any, *args: Any, _call: Any = original, **kwargs: Any) -> Any:
            if _is_called_from(filename, sys._getframe(1)):
                stop()
            return _call(fn, space, *args, **kwargs)

        owner.__dict__["fmin"] = fmin


def _is_called_from(filename: str, frame: FrameType | None) -> bool:
    """Tell whether a frame, or one that it was called from, is of a file."""
    while frame is not None:
        if frame.f_code.co_filename == filename:
            return True
        frame = frame.f_back
    return False


def _answer(namespace: dict[str, Any], name: str, target: str) -> dict[str, Any]:
    from hyperopt.pyll import Apply

    from hyperbridge.errors import InvalidSpaceError
    from hyperbridge.translate.from_hyperopt import read_space

    if name not in namespace:
        return {"error": f"there is no variable {name!r} at the top level"}
    space = namespace[name]
    if not isinstance(space, dict | list | tuple | Apply):
        found = type(space).__name__
        article = "an" if found[0] in "aeiouAEIOU" else "a"
        return {"error": f"{name!r} is {article} {found}, not a search space"}
    try:
        root = read_space(space).root
        text, remarks = optuna_program(root, f"suggest_{name.removeprefix('suggest_')}")
    except (UnwritableError, InvalidSpaceError) as exc:
        return {"error": str(exc)}
    flat = ray_param_space(root) if target == "ray" else None
    return {"text": text if flat is None else flat, "remarks": remarks}


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
