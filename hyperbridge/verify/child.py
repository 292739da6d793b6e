"""Run a program up to its searches, and write what was seen.

Started by `hyperbridge.verify.collect` as a process of its own, because it runs the user's code.
A search is written when it is seen, so that what comes behind it may fail or take too long.
"""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import cloudpickle

from hyperbridge.migrate.child_process import begin
from hyperbridge.migrate.sources import read_source
from hyperbridge.space.model import Space
from hyperbridge.verify.evidence import Evidence, Search, to_json
from hyperbridge.verify.original import Original


class Child:
    """Runs one program.

    Args:
        request: ``path`` of the program and its ``arguments``; ``answer``, the file to write to;
            ``spaces``, the folder of the original's spaces; ``writes_spaces``, whether this
            program is the original; ``engines``, what it may use; ``n_draws``; ``trial_timeout_s``.
    """

    def __init__(self, request: dict[str, Any]) -> None:
        self._request = request
        self._evidence = Evidence()
        self._spaces = Path(request["spaces"])

    def run(self) -> None:
        """Run the program to its end, or until a search needs results that there are none of."""
        path = Path(self._request["path"]).resolve()
        namespace = begin(path, self._request["arguments"])
        engines = self._request["engines"]
        ended = ""
        stop: tuple[type[BaseException], ...] = ()
        optuna = None
        if "hyperopt" in engines:
            self._install_hyperopt()
        if "optuna" in engines:
            from hyperbridge.verify.read_optuna import OptunaReader

            optuna = OptunaReader(
                self._found, self._original, self._request["n_draws"],
                self._request["trial_timeout_s"],
            )  # fmt: skip
            optuna.install()
        if "ray" in engines:
            from hyperbridge.verify.read_tune import TuneReader, TuneSeenError

            stop = (TuneSeenError,)
            TuneReader(
                self._found, self._original, optuna, self._request["n_draws"],
                self._request["trial_timeout_s"],
            ).install()  # fmt: skip
        self._write()
        try:
            exec(compile(read_source(path).code, str(path), "exec"), namespace)
        except stop:
            ended = "a search of Ray Tune is not run, and what follows needs its results"
        except SystemExit as exc:
            ended = "" if not exc.code else f"it exits with {exc.code}"
        except Exception as exc:  # noqa: BLE001 - the program is the user's
            ended = f"{type(exc).__name__}: {exc}"
        finally:
            if optuna is not None:
                optuna.finish(ended=not ended)
        self._evidence = replace(self._evidence, ended=ended)
        self._write()

    def _install_hyperopt(self) -> None:
        from hyperbridge.verify.read_hyperopt import HyperoptReader, save

        def found(search: Search, space: Space) -> None:
            if self._request["writes_spaces"]:
                save(space, self._spaces / f"{len(self._evidence.searches)}.pkl")
            self._found(search)

        HyperoptReader(found, self._request["n_draws"]).install()

    def _original(self) -> Original | None:
        """Return the space of the original's search that comes at this place, or None."""
        path = self._spaces / f"{len(self._evidence.searches)}.pkl"
        if self._request["writes_spaces"] or not path.exists():
            return None
        try:
            return Original(cloudpickle.loads(path.read_bytes()))
        except Exception:  # noqa: BLE001 - a constant of the user's may raise anything
            return None

    def _found(self, search: Search) -> None:
        self._evidence = replace(self._evidence, searches=(*self._evidence.searches, search))
        self._write()

    def _write(self) -> None:
        answer = Path(self._request["answer"])
        aside = answer.with_suffix(".aside")
        aside.write_text(json.dumps(to_json(self._evidence)), encoding="utf-8")
        aside.replace(answer)


if __name__ == "__main__":
    Child(json.loads(sys.argv[1])).run()
