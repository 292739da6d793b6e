"""What is said of made-up runs: the words, and that chance alone does not decide them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from comparisons import column, search

from hyperbridge.compare.collect import Column
from hyperbridge.compare.curves import mean_height, over_time, over_trials
from hyperbridge.compare.judge import Row, judge
from hyperbridge.compare.records import RunsRecord, SearchRecord
from hyperbridge.compare.text import as_text


def rows(base: list[SearchRecord], other: list[SearchRecord]) -> dict[str, Row]:
    (table,) = judge([column("local", *base), column("ray", *other)])
    return {row.key: row for row in table.rows}


def word(row: Row) -> str:
    verdict = row.verdicts[1]
    assert verdict is not None
    return verdict.word


def test_the_words_about_losses() -> None:
    base = [search([5.0, 1.0 + i / 10]) for i in range(5)]
    far = [search([5.0, 3.0 + i / 10]) for i in range(5)]
    near = [search([5.0, 1.05 + i / 10]) for i in range(5)]
    assert word(rows(base, far)["best"]) == "worse"
    assert word(rows(far, base)["best"]) == "better"
    assert word(rows(base, near)["best"]) == "same"
    verdict = rows(base, near)["best"].verdicts[1]
    assert verdict is not None
    assert "would be found 4 times in 5" in verdict.why
    same = rows(base, base)["best"].verdicts[1]
    assert same is not None
    assert (same.word, same.why) == ("same", "the same losses, trial by trial")


def test_too_few_repeats_show_nothing() -> None:
    base, far = [search([1.0])] * 2, [search([99.0])] * 2
    verdict = rows(base[:1], far[:1])["best"].verdicts[1]
    assert verdict is not None
    assert verdict.word == "not known"
    assert verdict.why == "1 repeat cannot show it: it takes at least 5"


def test_a_run_that_is_repeated_with_its_own_seed_counts_once() -> None:
    base = [search([1.0 + i / 10]) for i in range(5)]
    verdict = rows(base, [search([99.0])] * 5)["best"].verdicts[1]
    assert verdict is not None
    assert verdict.word == "not known"
    assert verdict.why.startswith("1 different run in 5 repeats")


def test_a_column_without_any_loss_is_worse() -> None:
    base = [search([1.0 + i / 10, 2.0]) for i in range(5)]
    none = [search([None, None], argmin={}, types={}, wall_s=2 + i) for i in range(5)]
    found = rows(base, none)
    assert word(found["failed"]) == "worse"
    assert found["best"].cells[1] == "inf"
    assert word(found["argmin"]) == "same"  # there is no best point to be otherwise


def test_a_table_of_equal_columns_seldom_has_a_worse_loss() -> None:
    random = np.random.default_rng(8)
    n_worse = 0
    for _ in range(150):
        equal = [[search([*random.normal(size=4)]) for _ in range(5)] for _ in range(2)]
        found = rows(*equal)
        n_worse += any(word(found[key]) == "worse" for key in ("best", "by-trials", "by-time"))
    assert n_worse <= 0.05 * 150


def test_times_need_a_margin() -> None:
    base = [search([1.0], wall_s=1.0 + i / 1000) for i in range(5)]
    little = [search([1.0], wall_s=1.2 + i / 1000) for i in range(5)]
    much = [search([1.0], wall_s=1.4 + i / 1000) for i in range(5)]
    assert word(rows(base, little)["time"]) == "same"
    assert word(rows(base, much)["time"]) == "worse"
    fast = [search([1.0], wall_s=0.0001 + i / 1e7) for i in range(5)]
    faster = [search([1.0], wall_s=0.0003 + i / 1e7) for i in range(5)]
    assert word(rows(fast, faster)["time"]) == "same"  # three times as long, and nothing


@pytest.mark.parametrize(
    ("row", "changed", "why"),
    [
        ("search", {"algo": "x.Random"}, "it searches with x.Random, not hyperopt.tpe"),
        ("search", {"parallelism": 4}, "4 trials at once, not 1"),
        ("search", {"error": "ValueError: no"}, "it raises ValueError: no"),
        ("argmin", {"types": {"x": "str"}}, "'x' is str, not float"),
        ("argmin", {"argmin": {}, "types": {"y": "int"}, "reached": ["y"]}, "'y' is new"),
        ("documents", {"layout": {"tid": ["str"]}}, "tid is str, not int"),
        ("documents", {"layout": {}, "always": []}, "tid is missing"),
        ("mlflow", {"runs": RunsRecord(n_children=1)}, "there are runs, and were none"),
    ],
)
def test_what_is_otherwise_is_named(row: str, changed: dict[str, Any], why: str) -> None:
    found = rows([search([1.0])], [search([1.0], **changed)])[row].verdicts[1]
    assert found is not None
    assert found.word == "different"
    assert why in found.why


def runs(**changed: Any) -> RunsRecord:
    given: dict[str, Any] = {
        "parent_params": {"max_evals": "2", "algo": "hyperopt.tpe"},
        "parent_names": {"params": ["max_evals"], "tags": ["space"], "metrics": []},
        "parent_status": "FINISHED", "n_children": 2, "statuses": {"FINISHED": 2},
        "names": {"params": {"x": 2, "rare": 1}, "tags": {}, "metrics": {"loss": 2}},
        "values": {"trial_status": {"success": 2}}, "run_names": {"trial-<n>": 2},
        "losses": [1.0, 2.0],
    }  # fmt: skip
    return RunsRecord(**{**given, **changed})


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({}, ""),
        ({"names": {"params": {"x": 2}, "tags": {}, "metrics": {"loss": 2}}}, ""),  # by chance
        ({"parent_params": {"max_evals": "2", "algo": "other"}}, ""),  # it has a row of its own
        ({"parent_params": {"max_evals": "3"}}, "the parent's param max_evals is 3, not 2"),
        ({"names": {"params": {}, "metrics": {"loss": 2}}}, "the children's params lack x"),
        ({"parent_status": "FAILED"}, "the parent's status is FAILED, not FINISHED"),
        ({"n_children": 1}, "there are more or fewer children than trials"),
        ({"losses": [1.0]}, "the children's losses are not the trials'"),
        ({"run_names": {"of MLflow's own": 2}}, "the children are called of MLflow's own"),
        ({"values": {"trial_status": {"ok": 2}}}, "the children's tag trial_status is ok"),
        ({"statuses": {"RUNNING": 1, "FINISHED": 1}}, "children are left RUNNING"),
    ],
)
def test_mlflow_runs_are_compared_by_what_does_not_depend_on_chance(
    changed: dict[str, Any], why: str
) -> None:
    base = search([1.0, 2.0], runs=runs())
    found = rows([base], [search([1.0, 2.0], runs=runs(**changed))])["mlflow"].verdicts[1]
    assert found is not None
    assert found.word == ("different" if why else "same")
    assert why in found.why


def test_the_area_under_the_best_loss() -> None:
    run = search([None, 4.0, 6.0, 2.0])
    assert over_trials(run) == [(2.0, 4.0), (4.0, 2.0)]
    assert mean_height(over_trials(run), 4, 10.0) == (2 * 10 + 2 * 4) / 4
    assert mean_height(over_time(run), 8, 10.0) == (2 * 10 + 2 * 4 + 4 * 2) / 8
    assert mean_height([], 8, 10.0) == 10.0


def test_the_table_has_a_column_for_what_failed() -> None:
    base = column("local", search([1.0]))
    failed = Column("ray", Path("train.py"), "ray", failure="Backend 'ray' needs Ray")
    said = as_text([base, failed], judge([base, failed]), set())
    assert "ray FAILED: Backend 'ray' needs Ray" in said
    assert said.endswith("1 failed")
