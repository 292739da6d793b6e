"""Read the folder of a Ray Tune experiment without Ray, and without running what pickles hold.

Tune keeps the state of all trials in ``experiment_state-*.json``; each trial has a folder with
``params.json``, ``result.json`` (a line for each result) and perhaps ``error.txt``. Source: Ray's
guide "Analyzing Tune Experiment Results", and folders of Ray 2.52 to 2.60. An older Ray's state
is not read, and the trials' folders alone tell.
"""

from __future__ import annotations

import contextlib
import json
import pickle
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

STATE_FILES = "experiment_state-*.json"
_OURS = "hyperbridge"
_FALLBACK = "CLOUDPICKLE_FALLBACK"
_COLOURS = re.compile(r"\x1b\[[0-9;]*m")


@dataclass
class TuneTrial:
    """What a folder has of a trial.

    Attributes:
        folder: The trial's own folder; None when it is gone.
        chosen: The values that the search chose, by name; nested ones with ``/`` between.
        fixed: The names of the other entries of the config.
        status: As Tune says it: ``TERMINATED``, ``ERROR`` or that of one that has not ended.
        results: Its results, in order.
        started, ended: When, in seconds since the epoch; None when it is not known.
        number: Its place in the order of proposal; None when it is not known.
    """

    folder: Path | None
    chosen: dict[str, Any]
    fixed: list[str]
    status: str
    results: list[dict[str, Any]] = field(default_factory=list)
    started: float | None = None
    ended: float | None = None
    number: int | None = None

    def error(self) -> str | None:
        """Return the text of what went wrong."""
        if self.folder is not None:
            with contextlib.suppress(OSError):
                return _COLOURS.sub("", (self.folder / "error.txt").read_text("utf-8", "replace"))
        return None


@dataclass
class TuneFolder:
    """What is in the folder of an experiment.

    Attributes:
        trials: The trials, in order of proposal as far as it is known.
        metric: The metric that Tune was given; None when it is not known.
        is_ours: Whether a call of fmin has made the experiment.
        cut: How many files ended in the middle of a line.
    """

    trials: list[TuneTrial]
    metric: str | None
    is_ours: bool
    cut: int = 0


def is_experiment(path: str) -> bool:
    """Tell whether a folder is that of an experiment."""
    folder = Path(path)
    return folder.is_dir() and (next(folder.glob(STATE_FILES), None) is not None or is_ours(folder))


def is_ours(folder: Path) -> bool:
    """Tell whether a call of fmin has made an experiment."""
    return (folder / _OURS / "search.json").is_file()


def read_folder(path: Path, *, allow_pickle: bool) -> TuneFolder:
    """Read the folder of an experiment.

    Args:
        path: The folder.
        allow_pickle: Whether values that are no plain data are unpickled; otherwise they are texts.
    """
    found = TuneFolder([], None, is_ours(path))
    states = sorted(path.glob(STATE_FILES))
    entries: list[Any] = []
    for file in reversed(states):  # the newest that is whole: a kill may cut one off
        with contextlib.suppress(OSError, ValueError):
            state = json.loads(file.read_text("utf-8"))
            entries = state.get("trial_data") or []
            found.metric = (state.get("runner_data") or {}).get("_metric")
            break
    for entry in entries:
        about, later = (json.loads(part) if isinstance(part, str) else part for part in entry)
        found.trials.append(_trial_of_state(path, about, later, found, allow_pickle=allow_pickle))
    known = {trial.folder for trial in found.trials}
    for file in sorted(path.glob("*/params.json")):
        if file.parent not in known:
            found.trials.append(_trial_of_folder(file.parent, found))
    numbers = [trial.number for trial in found.trials]
    if None not in numbers and len(set(numbers)) == len(numbers):
        found.trials.sort(key=lambda trial: trial.number or 0)
    else:
        found.trials.sort(key=lambda trial: (trial.started is None, trial.started or 0.0))
    return found


def _trial_of_state(
    path: Path,
    about: Mapping[str, Any],
    later: Mapping[str, Any],
    found: TuneFolder,
    *,
    allow_pickle: bool,
) -> TuneTrial:
    folder = path / str(about.get("relative_logdir") or "")
    is_there = bool(about.get("relative_logdir")) and folder.is_dir()
    shown = _flat(_json_in(folder / "params.json") or {}) if is_there else {}
    config = _flat(about.get("config") or {})
    chosen = dict(about.get("evaluated_params") or {}) or config
    values = {
        name: _plain(value, shown.get(name), allow_pickle=allow_pickle)
        for name, value in chosen.items()
    }
    results = _results_in(folder, found) if is_there else []
    last = later.get("last_result") or {}
    if not results and len(last) > 1:
        results = [last]
    tag = str(about.get("experiment_tag") or "").partition("_")[0]
    return TuneTrial(
        folder if is_there else None,
        values,
        [name for name in config if name not in chosen],
        str(about.get("status")),
        results,
        later.get("start_time"),
        later.get("last_result_time") if results else None,
        int(tag) if tag.isdigit() else None,
    )


def _trial_of_folder(folder: Path, found: TuneFolder) -> TuneTrial:
    """Return a trial of which the state of the experiment does not know."""
    results = _results_in(folder, found)
    status = "RUNNING"
    if (folder / "error.txt").is_file():
        status = "ERROR"
    elif results and results[-1].get("done"):
        status = "TERMINATED"
    started = ended = None
    with contextlib.suppress(LookupError, TypeError):
        ended = float(results[-1]["timestamp"])
        started = float(results[0]["timestamp"]) - float(results[0]["time_total_s"])
    config = _flat(_json_in(folder / "params.json") or {})
    return TuneTrial(folder, config, [], status, results, started, ended)


def _results_in(folder: Path, found: TuneFolder) -> list[dict[str, Any]]:
    results = []
    with contextlib.suppress(OSError):
        for line in (folder / "result.json").read_text("utf-8").splitlines():
            try:
                results.append(json.loads(line))
            except ValueError:
                found.cut += 1
                break
    return results


def _json_in(file: Path) -> Any:
    with contextlib.suppress(OSError, ValueError):
        return json.loads(file.read_text("utf-8"))
    return None


def _flat(config: Mapping[str, Any], above: str = "") -> dict[str, Any]:
    """Return the entries of nested dicts, with ``/`` between the names as Tune has them."""
    found: dict[str, Any] = {}
    for key, value in config.items():
        name = f"{above}{key}"
        if isinstance(value, dict) and value and value.get("_type") != _FALLBACK:
            found |= _flat(value, f"{name}/")
        else:
            found[name] = value
    return found


def metric_in(result: Mapping[str, Any], name: str) -> Any:
    """Return a metric of a result by its name, nested ones with ``/`` between; None without it."""
    if name in result:
        return result[name]
    return _flat(result).get(name)


def _plain(value: Any, shown: Any, *, allow_pickle: bool) -> Any:
    """Return a value that Tune may have pickled, or the text that it has shown for it."""
    if not isinstance(value, dict) or value.get("_type") != _FALLBACK:
        return value
    if allow_pickle:
        import cloudpickle

        return cloudpickle.loads(bytes.fromhex(value["value"]))
    return str(shown) if shown is not None else "an object that is pickled"


def saved_records(names: list[str], read: Any) -> Iterator[tuple[int, str, Any, dict[str, Any]]]:
    """Return what a call of fmin has kept of its trials beside Tune's files, in order of the ids.

    Unpickling runs code.

    Args:
        names: The names in the folder that fmin keeps in the experiment's.
        read: Returns the content of one.

    Returns:
        For each trial its id, Tune's id, the document, and the attachments by name.
    """
    entries: dict[int, Any] = {}
    for name in sorted(names, reverse=True):  # .start before .end
        stem, _, kind = name.partition(".")
        if kind in ("start", "end"):
            with contextlib.suppress(EOFError, pickle.UnpicklingError):  # cut off by a kill
                entries[int(stem)] = pickle.loads(read(name))
    for tid, entry in sorted(entries.items()):
        yield (tid, *entry)


def records_in(path: Path) -> list[tuple[int, str, Any, dict[str, Any]]]:
    """Return what a call of fmin has kept in the folder of an experiment. See `saved_records`."""
    inner = path / _OURS
    names = [file.name for file in inner.iterdir()] if inner.is_dir() else []
    return list(saved_records(names, lambda name: (inner / name).read_bytes()))
