"""Run a program up to its call of fmin, and write native code for the space in a variable.

Started by `hyperbridge.migrate.live` as a process of its own, because it runs the user's code.
It needs hyperopt, which that code needs too.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from types import FrameType, ModuleType
from typing import Any, NoReturn

from hyperbridge.migrate.sources import read_source
from hyperbridge.translate.source_ray import ray_param_space
from hyperbridge.translate.source_text import Texts, render
from hyperbridge.translate.to_source import UnwritableError, optuna_code


def main(request: dict[str, Any]) -> None:
    """Run the program and answer.

    Args:
        request: ``path`` of the program, ``variable`` that holds the space, ``arguments`` of the
            program, and ``answer``, the file to write to.
    """
    path = Path(request["path"]).resolve()
    answer = Path(request["answer"])
    namespace = _start(path, request["arguments"])

    def stop() -> NoReturn:
        _answer_variable(answer, namespace, request["variable"])
        sys.stdout.flush()
        os._exit(0)  # nothing of the program is to go on

    _replace_fmin(str(path), stop)
    exec(compile(read_source(path).code, str(path), "exec"), namespace)
    _answer_variable(answer, namespace, request["variable"])


def _start(path: Path, arguments: list[str]) -> dict[str, Any]:
    module = ModuleType("__main__")
    module.__file__ = str(path)
    sys.modules["__main__"] = module
    sys.argv = [str(path), *arguments]
    sys.path.insert(0, str(path.parent))
    return module.__dict__


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


def _answer_variable(answer: Path, namespace: dict[str, Any], name: str) -> None:
    from hyperopt.pyll import Apply

    if name in namespace and not isinstance(namespace[name], dict | list | tuple | Apply):
        found = type(namespace[name]).__name__
        article = "an" if found[0] in "aeiouAEIOU" else "a"
        _write(answer, {"error": f"{name!r} is {article} {found}, not a search space"})
    elif name in namespace:
        _answer(answer, namespace[name])
    else:
        _write(answer, {"error": f"there is no variable {name!r} at the top level"})


def _answer(answer: Path, space: Any) -> None:
    from hyperbridge.errors import InvalidSpaceError
    from hyperbridge.translate.from_hyperopt import read_space

    try:
        model = read_space(space)
        code = asdict(optuna_code(model))
        flat = ray_param_space(model.root, Texts())
    except (UnwritableError, InvalidSpaceError) as exc:
        _write(answer, {"error": str(exc)})
    else:
        lines = None if flat is None else render(flat[0], indent=0, prefix="param_space = ")
        imports = [] if flat is None else sorted(flat[1])
        _write(
            answer,
            {
                "code": {**code, **{name: sorted(code[name]) for name in ("latent", "needs")}},
                "param_space": lines,
                "imports": imports,
            },
        )


def _write(answer: Path, content: dict[str, Any]) -> None:
    answer.write_text(json.dumps(content), encoding="utf-8")


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
