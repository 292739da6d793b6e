"""Open a study at the moment that is read from stdin. Argument: its storage."""

import importlib
import sys
import time

from hyperbridge.search.optuna.studies import StudyPlace, open_study

for name in ("alembic.command", "optuna", "sqlalchemy"):
    importlib.import_module(name)  # now, and not then
print("ready", flush=True)
begin = float(sys.stdin.readline())
while time.time() < begin:
    pass
open_study(StudyPlace(sys.argv[1], "s"), None, name=None)
