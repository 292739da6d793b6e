"""Load a pickle of hyperopt's Trials, also an old one, and say what to do where one fails.

Loading a pickle runs code, whatever it holds: only files that one trusts should get here.

NumPy 2 has moved what NumPy 1 wrote into its pickles, and the other way round; classes that a
pickle names may not be installed where it is read.
"""

from __future__ import annotations

import importlib
import io
import os
import pickle
from pathlib import Path
from typing import Any, Final

from hyperopt import base

from hyperbridge.errors import InvalidArgumentError
from hyperbridge.files.growing_pickle import DamagedFileError, check
from hyperbridge.files.old_code import CODE, OldCode
from hyperbridge.worker.frames import safe_text

_MOVED: Final = (("numpy.core", "numpy._core"), ("numpy._core", "numpy.core"))
_MOST_NAMES: Final = 20
_COMPRESSED: Final = {
    b"\x1f\x8b": "gzip",
    b"BZ": "bz2",
    b"\xfd7": "lzma",
    b"PK": "zip",
    b"\x28\xb5": "zstd",
    b"\x78\x9c": "zlib (joblib writes it)",
}


class StandIn:
    """An object of a class that is not to be had here; it has its state, if that was a dict.

    Attributes:
        stands_for: The class, as module and name.
    """

    stands_for = ""

    def __new__(cls, *_args: Any, **_kwargs: Any) -> StandIn:  # noqa: D102 - whatever is given
        return object.__new__(cls)

    def __init__(self, *_args: Any, **_kwargs: Any) -> None:
        pass

    def __setstate__(self, state: Any) -> None:
        if isinstance(state, dict):
            self.__dict__.update(state)

    def __setitem__(self, key: Any, value: Any) -> None:
        pass

    def append(self, item: Any) -> None:
        """Take an item, as a list or a set does when it is unpickled."""

    extend = add = append

    def __repr__(self) -> str:
        return f"<a {self.stands_for}, which cannot be imported here>"

    def __reduce__(self) -> Any:
        raise pickle.PicklingError(f"{self.stands_for} cannot be imported here")


class _Sorted(dict):  # type: ignore[type-arg]
    """Stands for ``bson.son.SON``, a dict that knows the order of its keys."""

    def __setstate__(self, _state: Any) -> None:
        pass

    def __reduce__(self) -> Any:
        return dict, (dict(self),)


class _Unpickler(pickle.Unpickler):
    """Finds what has moved; what is not to be had is noted and stood in for."""

    def __init__(self, content: bytes, missing: dict[str, str]) -> None:
        super().__init__(io.BytesIO(content))
        self.missing = missing
        self._old_code = OldCode(
            lambda exc: self._stand_in(CODE, exc)(), lambda value: isinstance(value, StandIn)
        )

    def _stand_in(self, name: str, exc: Exception) -> type[StandIn]:
        """Return the class of what stands for an object that is not to be had, and note it."""
        self.missing[name] = f"{type(exc).__name__}: {safe_text(exc)}"
        return type("StandIn", (StandIn,), {"stands_for": name})

    def _loads(self, content: bytes) -> Any:
        return _Unpickler(content, self.missing).load()

    def find_class(self, module: str, name: str) -> Any:
        if name == "loads" and module in ("pickle", "_pickle"):
            return self._loads  # what a save file adds for each trial
        for old, new in _MOVED:
            if module == old or module.startswith(f"{old}."):
                moved = new + module[len(old) :]
                if old == "numpy.core" or not _has(module):
                    module = moved if _has(moved) else module
                break
        try:
            found = super().find_class(module, name)
        except Exception as exc:  # noqa: BLE001 - whatever importing somebody's module raises
            if (module, name) == ("bson.son", "SON"):
                return _Sorted
            return self._stand_in(f"{module}.{name}", exc)
        return self._old_code.answer(name, found) if module.startswith("cloudpickle.") else found


def _has(module: str) -> bool:
    try:
        importlib.import_module(module)
    except ImportError:
        return False
    return True


def load_trials(
    path: str | os.PathLike[str],
    *,
    missing: dict[str, str] | None = None,
    entry: str | None = None,
    used: list[str] | None = None,
) -> Any:
    """Return the Trials object of a file.

    Args:
        path: A pickle of a Trials object, or of the list of its documents (``trials.trials``),
            which programs save of SparkTrials, as hyperopt's own cannot be pickled.
        missing: Where it notes the classes that cannot be imported here, with the reason; a
            `StandIn` is where their objects were. None: they are an error.
        entry: The key of a Trials object in a dict of several, which programs save that tune
            several models.
        used: Gets the entry, if that is what was read.

    Raises:
        InvalidArgumentError: The file cannot be read, or holds something else; the message says
            what to do.
    """
    shown = repr(os.fspath(path))
    try:
        content = Path(path).read_bytes()
        check(content)
    except OSError as exc:
        raise InvalidArgumentError(f"{shown} cannot be read: {exc}") from exc
    except DamagedFileError as exc:
        raise InvalidArgumentError(f"{shown} is damaged: {exc}. It was left as it is") from exc
    unpickler = _Unpickler(content, {})
    try:
        found = unpickler.load()
    except Exception as exc:
        advice = _advice(content, exc, unpickler.missing)
        raise InvalidArgumentError(
            f"{shown} cannot be read as a pickled Trials object: "
            f"{type(exc).__name__}: {safe_text(exc).rstrip('.')}{advice and f'. {advice}'}"
        ) from exc
    if unpickler.missing and missing is None:
        raise InvalidArgumentError(f"{shown} cannot be read here: {_advice_on(unpickler.missing)}")
    if missing is not None:
        missing.update(unpickler.missing)
    if isinstance(found, dict):
        found = _entry_of(found, entry, shown)
        if entry is not None and used is not None:
            used.append(entry)
    trials = _as_trials(found)
    if trials is None:
        raise InvalidArgumentError(
            f"{shown} holds a {_name_of(found)}, neither a Trials object nor a list of documents "
            "such as trials.trials"
        )
    return trials


def _entry_of(found: dict[Any, Any], entry: str | None, shown: str) -> Any:
    """Return the Trials object of a dict that is meant; a dict without one as it is.

    Raises:
        InvalidArgumentError: Which one is meant is not known; the message has their names.
    """
    entries = {str(key): value for key, value in found.items() if _as_trials(value) is not None}
    if entry in entries:
        return entries[entry]
    if not entries or (len(entries) == 1 and entry is None):
        return next(iter(entries.values()), found)
    names = ", ".join(map(repr, list(entries)[:_MOST_NAMES]))
    more = f" and {len(entries) - _MOST_NAMES} more" if len(entries) > _MOST_NAMES else ""
    raise InvalidArgumentError(
        f"{shown} holds a dict of {len(entries)} Trials: {names}{more}. Say which one, by "
        "--study NAME"
    )


def _as_trials(found: Any) -> Any:
    """Return what a pickle held as a Trials object; None for something else."""
    documents = getattr(found, "_dynamic_trials", None)
    if isinstance(documents, list):
        if not isinstance(found, StandIn):
            return found
        trials = base.Trials(exp_key=getattr(found, "_exp_key", None), refresh=False)
        trials.attachments.update(getattr(found, "attachments", {}))
    elif isinstance(found, list) and all(map(_is_document, found)):
        documents = found
        trials = base.Trials(refresh=False)
    else:
        return None
    trials._dynamic_trials = documents
    trials.refresh()
    return trials


def _is_document(value: Any) -> bool:
    return isinstance(value, dict) and {"tid", "state", "misc", "result"} <= value.keys()


def _name_of(found: Any) -> str:
    return found.stands_for if isinstance(found, StandIn) else type(found).__name__


def _advice(content: bytes, exc: Exception, missing: dict[str, str]) -> str:
    """Return what may be done about an error while a pickle is loaded, or nothing."""
    packed = _COMPRESSED.get(content[:2])
    if packed is not None:
        return f"It is compressed by {packed}: unpack it, or load it there and pickle.dump it"
    if b"joblib.numpy_pickle" in content[:100_000]:
        return "It was written by joblib: joblib.load it, and pickle.dump what that returns"
    if isinstance(exc, EOFError) or "truncated" in str(exc):
        return f"It ends too early, after {len(content)} bytes: it was not written to its end"
    if missing:
        return _advice_on(missing)
    if isinstance(exc, ValueError) and "pickle protocol" in str(exc):
        return "A newer Python has written it: read it with that, or write it with protocol=4"
    return ""


def _advice_on(missing: dict[str, str]) -> str:
    """Return what may be done about classes that cannot be imported."""
    own = [name for name in missing if name.startswith("__main__.")]
    apart = {*own, CODE}
    others = [f"{name} ({why})" for name, why in missing.items() if name not in apart]
    parts = []
    if CODE in missing:
        parts.append(
            "it has functions or classes with the code of another version of Python "
            f"({missing[CODE]}): load it with that version"
        )
    if own:
        names = ", ".join(name.removeprefix("__main__.") for name in own)
        parts.append(
            f"it has objects of {names}, defined in the program that wrote it. Load it in that "
            "program, or define them in __main__ before"
        )
    if others:
        packages = dict.fromkeys(_package_of(name) for name in missing if name not in apart)
        parts.append(
            f"it has objects of {', '.join(others)}. Install what it was written with "
            f"({', '.join(packages)}), in that version, or load it where that is installed"
        )
    return ". ".join(parts)


def _package_of(name: str) -> str:
    top = name.partition(".")[0]
    return {"sklearn": "scikit-learn", "bson": "pymongo", "cv2": "opencv-python"}.get(top, top)
