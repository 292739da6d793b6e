"""Changes that change nothing of what a program does change nothing of what becomes of it."""

from __future__ import annotations

import textwrap
from pathlib import Path

import pytest
from golden_cases import CASES, before, migrate
from harmless_changes import CHANGES, CannotChangeError, Files
from test_ways_of_writing import HEAD, ONE_FILE, migrated, run

from hyperbridge.migrate.file_plan import FilePlan
from hyperbridge.notebooks.magics import masked

OTHERWISE = {
    (
        "spark_nested_runs",
        "in two files",
    ): "an objective in another file is not given its parent run"
}
"""Changes that do change the verdict, and why; the search is left with a remark."""


def changed(text: str, change: str) -> Files:
    try:
        return CHANGES[change](text)
    except CannotChangeError as exc:
        pytest.skip(f"not harmless here: {exc}")


def some(names: list[str], n: int) -> list[object]:
    """Return every name with every change; all but one of ``n`` are in the long run alone."""
    found = []
    for at, pair in enumerate((name, change) for name in names for change in CHANGES):
        marks = [] if at % n == 0 else [pytest.mark.long]
        if pair in OTHERWISE:
            marks.append(pytest.mark.xfail(strict=True, reason=OTHERWISE[pair]))
        found.append(pytest.param(*pair, marks=marks))
    return found


def code_of(plan: FilePlan) -> str:
    if plan.source.document is None:
        return plan.new_text
    return "\n".join(masked(text) for text in plan.texts)


@pytest.mark.parametrize(("case", "change"), some(list(ONE_FILE), 5))
def test_a_changed_program_means_the_same(case: str, change: str, tmp_path: Path) -> None:
    files = changed(HEAD + textwrap.dedent(ONE_FILE[case]), change)
    plans = migrated(tmp_path, files)
    to_do = [n for plan in plans.values() for n in plan.notes if n.needs_person]
    assert not to_do
    texts = {name.replace(".ipynb", ".py"): code_of(plan) for name, plan in plans.items()}
    run(tmp_path, texts, blocked=True)


@pytest.mark.parametrize(("case", "change"), some(CASES, 11))
def test_a_changed_program_has_the_same_verdict(case: str, change: str, tmp_path: Path) -> None:
    files = changed(before(case), change)
    was = migrate(before(case))
    assert isinstance(was, FilePlan)
    plans = migrated(tmp_path, files)
    states = sorted(search.state for plan in plans.values() for search in plan.searches)
    assert states == sorted(search.state for search in was.searches)
    to_do = [n.text for plan in plans.values() for n in plan.notes if n.needs_person]
    assert len(to_do) == sum(note.needs_person for note in was.notes), to_do
