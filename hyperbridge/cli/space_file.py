"""A search space that a user names: ``train.py:space`` or ``package.module:space``."""

from __future__ import annotations

import contextlib
import importlib
import importlib.util
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any, NoReturn

from hyperbridge.errors import InvalidArgumentError
from hyperbridge.space import Space
from hyperbridge.worker.frames import safe_text


class _ReachedFminError(BaseException):
    """The program has come to its call of fmin; no ``except Exception`` of it is to see this."""


def is_space_name(text: str) -> bool:
    """Tell whether a text has the form ``FILE:NAME``."""
    program, _, name = text.rpartition(":")
    return bool(program) and name.isidentifier()


def load_space(text: str) -> Space:
    """Import a program and return the space that a name of it holds, or a function returns.

    The program is imported, not run as ``__main__``, and left at its first call of fmin. What it
    prints goes to stderr.

    Args:
        text: ``FILE.py:NAME`` or ``MODULE:NAME``.

    Raises:
        InvalidArgumentError: There is no such program or name, or it is no space; the message
            has the names of those that are.
    """
    if not is_space_name(text):
        raise InvalidArgumentError(f"give FILE:NAME, for example train.py:space, not {text!r}")
    program, _, name = text.rpartition(":")
    namespace = _import(program)
    if name not in namespace:
        known = ", ".join(_spaces_in(namespace)) or "none at its top level"
        raise InvalidArgumentError(f"{program} has no {name!r}. Spaces in it: {known}")
    value = namespace[name]
    if callable(value) and not _is_expression(value):
        try:
            value = value()
        except Exception as exc:
            raise InvalidArgumentError(
                f"{text}: {name}() raised {type(exc).__name__}: {safe_text(exc)}"
            ) from exc
    return _read(value, text)


def _read(value: Any, text: str) -> Space:
    from hyperbridge.translate.from_hyperopt import read_space

    if not isinstance(value, dict | list | tuple) and not _is_expression(value):
        raise InvalidArgumentError(f"{text} is of type {type(value).__name__}, not a search space")
    space = read_space(value)
    if not space.parameters:
        raise InvalidArgumentError(f"{text} is no search space: it has no label")
    return space


def _import(program: str) -> dict[str, Any]:
    path = Path(program)
    if path.suffix == ".py" or path.is_file():
        if not path.is_file():
            raise InvalidArgumentError(f"there is no file {program!r}")
        sys.path.insert(0, str(path.resolve().parent))
        name = path.stem
        if name in sys.modules or name in sys.builtin_module_names:  # it must not replace those
            name = f"_space_of_{name}"
        spec = importlib.util.spec_from_file_location(name, path.resolve())
        if spec is None or spec.loader is None:
            raise InvalidArgumentError(f"{program!r} is no Python file")
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = module
        with _left_at_fmin(program):
            spec.loader.exec_module(module)
        return vars(module)
    sys.path.insert(0, os.getcwd())
    with _left_at_fmin(program):
        return vars(importlib.import_module(program))
    raise InvalidArgumentError(
        f"{program} calls fmin where it is imported, before its names can be read. Give its file, "
        f"{program.replace('.', '/')}.py"
    )


@contextlib.contextmanager
def _left_at_fmin(program: str) -> Iterator[None]:
    """Leave the block at a call of fmin.

    Raises:
        InvalidArgumentError: The program raised something.
    """
    import hyperopt

    import hyperbridge

    def stop(*_args: Any, **_kwargs: Any) -> NoReturn:
        raise _ReachedFminError

    owners: list[ModuleType] = [hyperopt, sys.modules["hyperopt.fmin"], hyperbridge]
    originals = [getattr(owner, "fmin") for owner in owners]  # noqa: B009 - mypy
    for owner in owners:
        owner.__dict__["fmin"] = stop
    try:
        with contextlib.redirect_stdout(sys.stderr):
            yield
    except _ReachedFminError:
        pass
    except (Exception, SystemExit) as exc:
        raise InvalidArgumentError(
            f"{program} cannot be imported: {type(exc).__name__}: {safe_text(exc)}"
        ) from exc
    finally:
        for owner, original in zip(owners, originals, strict=True):
            owner.__dict__["fmin"] = original


def _is_expression(value: Any) -> bool:
    return hasattr(value, "pos_args") and hasattr(value, "named_args")


def _spaces_in(namespace: dict[str, Any]) -> list[str]:
    """Return the names that hold something with an hp expression in it."""
    return [
        name for name, value in namespace.items() if not name.startswith("_") and _has_label(value)
    ]


def _has_label(value: Any, depth: int = 0) -> bool:
    if _is_expression(value):
        return True
    if isinstance(value, dict):
        value = list(value.values())
    return (
        isinstance(value, (list, tuple))
        and depth < 10
        and any(_has_label(part, depth + 1) for part in value)
    )
