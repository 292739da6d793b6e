"""Run a program where neither hyperopt nor hyperbridge can be imported. Argument: the program."""

import sys
from pathlib import Path
from typing import Any


class Blocker:
    def find_spec(self, name: str, path: Any = None, target: Any = None) -> None:
        if name.partition(".")[0] in ("hyperopt", "hyperbridge"):
            raise ModuleNotFoundError(name)


sys.meta_path.insert(0, Blocker())
exec(compile(Path(sys.argv[1]).read_text(), sys.argv[1], "exec"))
