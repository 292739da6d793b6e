"""Run a program once, to its end, and write what its searches came to.

Started by `hyperbridge.compare.collect` as a process of its own, because it runs the user's code.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any

from hyperbridge.cli.programs import load
from hyperbridge.cli.termination import terminable
from hyperbridge.compare.records import ProgramRecord
from hyperbridge.compare.watch_fmin import FminWatcher
from hyperbridge.surface.shim import install
from hyperbridge.surface.watching import watch


class Child:
    """Runs one program.

    Args:
        request: ``program`` with its ``arguments``; ``folder`` for what is noted; ``answer``, the
            file to write to; ``most`` trials of a search, or None; ``repeat``, from 0; ``engines``
            whose native searches are watched; ``tracking_uri`` of a store, or None.
    """

    def __init__(self, request: dict[str, Any]) -> None:
        self._request = request
        self._folder = Path(request["folder"])
        self._record = ProgramRecord()
        self._watcher = FminWatcher(
            most=request["most"],
            repeat=request["repeat"],
            folder=self._folder,
            noted=self._write,
            remark=self._remark,
        )
        self._optuna: Any = None
        self._tune: Any = None

    def run(self) -> None:
        """Run the program, whatever becomes of it."""
        uri = self._request["tracking_uri"]
        self._untouched = self._store()
        if uri is not None:
            from hyperbridge.compare.stores import keep_to

            keep_to(uri, self._folder / "artifacts", self._remark)
        self._watch()
        program = load([self._request["program"], *self._request["arguments"]])
        install()
        began = time.perf_counter()
        try:
            with terminable():
                program.run()
        except SystemExit as exc:
            self._record.ended = "" if not exc.code else f"it exits with {exc.code}"
        except BaseException as exc:  # noqa: BLE001 - the program is the user's
            first = next(iter(str(exc).splitlines()), "")
            self._record.ended = f"{type(exc).__name__}: {first}"
        self._record.wall_s = time.perf_counter() - began
        self._write()
        if uri is not None:
            self._read_runs(uri)
        self._write()

    def _watch(self) -> None:
        watch(self._watcher)
        options: dict[str, Any] = {
            "most": self._request["most"],
            "repeat": self._request["repeat"],
            "is_inside": lambda: self._watcher.is_inside,
        }
        if "optuna" in self._request["engines"]:
            from hyperbridge.compare.watch_optuna import OptunaWatcher

            self._optuna = OptunaWatcher(**options, remark=self._remark)
            self._optuna.install()
        if "ray" in self._request["engines"]:
            from hyperbridge.compare.watch_tune import TuneWatcher

            self._tune = TuneWatcher(**options)
            self._tune.install()

    def _read_runs(self, uri: str) -> None:
        from hyperbridge.compare.mlflow_runs import read_runs

        if self._store() == self._untouched:  # to open it takes a second
            return
        try:
            found = read_runs(uri)
        except Exception as exc:  # noqa: BLE001 - a store may raise anything
            self._remark(f"the MLflow runs cannot be read: {type(exc).__name__}: {exc}")
            return
        with_runs = [each for each in self._record.searches if each.trials]
        for search, runs in zip(with_runs, found, strict=False):
            search.runs = runs

    def _store(self) -> list[tuple[str, int]]:
        """Return the files of the store and when each has changed."""
        files = self._folder.glob("mlflow.db*")
        return sorted((file.name, file.stat().st_mtime_ns) for file in files)

    def _remark(self, line: str) -> None:
        if line not in self._record.remarks:
            self._record.remarks.append(line)

    def _write(self) -> None:
        searches = list(self._watcher.searches)
        if self._optuna is not None:
            searches += self._optuna.searches()
        if self._tune is not None:
            searches += self._tune.found
        self._record.searches = searches
        self._record.write(Path(self._request["answer"]))


if __name__ == "__main__":
    Child(json.loads(sys.argv[1])).run()
