"""The golden cases: folders with ``before.py``, the expected ``optuna.py`` and ``notes.txt``."""

from __future__ import annotations

from pathlib import Path

from hyperbridge.migrate.planning import FilePlan, plan_sources
from hyperbridge.migrate.sources import source_of

FOLDER = Path(__file__).resolve().parent / "golden"
LEFT_BY_RAY = {"optional_parameter", "history_on_self"}
"""Cases left to a person: their objectives change what the program reads afterwards."""

ON_SPARK = (
    *("databricks_notebook", "databricks_svc", "early_stop", "method_objective", "nested_choices"),
    *("random_timeout", "spark_logging_objective", "spark_nested_runs", "spark_tracked"),
)
"""Cases with an expected ``spark.py``: what is written for Spark is long, and mostly the same."""

CASES = sorted(path.name for path in FOLDER.iterdir() if (path / "before.py").exists())


def before(case: str) -> str:
    return (FOLDER / case / "before.py").read_text(encoding="utf-8")


def migrate(text: str, *, to: str = "optuna", name: str = "before.py") -> FilePlan:
    source = source_of(Path(name), text.encode())
    return plan_sources([source], to)[0]


def notes_of(result: FilePlan) -> str:
    return "".join(
        f"{note.line}: {'to do' if note.needs_person else 'note'}: {note.text}\n"
        for note in result.notes
    )


def write_expectations(to: str = "optuna") -> None:
    """Take the present output as the expected one; to be read before it is committed."""
    for case in ON_SPARK if to == "spark" else CASES:
        result = migrate(before(case), to=to)
        (FOLDER / case / f"{to}.py").write_text(result.new_text, encoding="utf-8")
        (FOLDER / case / f"{to}.notes.txt").write_text(notes_of(result), encoding="utf-8")


if __name__ == "__main__":
    write_expectations("optuna")
    write_expectations("ray")
    write_expectations("spark")
