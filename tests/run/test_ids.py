"""Ids of trials: none is given twice, whatever the Trials object holds."""

from __future__ import annotations

from typing import Any

import hyperopt
import pytest
from hyperopt import hp, rand
from hyperopt.base import JOB_STATE_DONE, JOB_STATE_ERROR, trials_from_docs
from hyperopt.fmin import generate_trials_to_calculate

from hyperbridge.documents import know_ids, new_ids
from hyperbridge.surface.fmin import fmin
from hyperbridge.surface.trials import Trials

SPACE = {"x": hp.uniform("x", -1, 1)}


def with_ids(ids: list[Any]) -> Any:
    trials = Trials()
    for tid in ids:
        misc = {
            "tid": tid,
            "cmd": None,
            "workdir": None,
            "idxs": {"x": [tid]},
            "vals": {"x": [0.5]},
        }
        result = {"status": "ok", "loss": 0.5}
        document = trials.new_trial_docs([tid], [None], [result], [misc])[0]
        document["state"] = JOB_STATE_ERROR if tid == 4 else JOB_STATE_DONE
        trials._dynamic_trials.append(document)
    trials.refresh()
    return trials


@pytest.mark.parametrize(
    "ids", [[], [0, 1, 2], [4], [1, 4], [3, 4, 5], [10**12], ["a", "b"], ["a", 1], [4, 0, -7]]
)
def test_a_new_id_is_nobodys(ids: list[Any]) -> None:
    trials = with_ids(ids)
    know_ids(trials)
    given = new_ids(trials, 2) + new_ids(trials, 3) + new_ids(trials, 1)
    assert len({*ids, *given}) == len(ids) + 6


def test_without_gaps_ids_are_counted_as_hyperopt_counts_them() -> None:
    trials, theirs = with_ids([0, 1, 2]), hyperopt.Trials()
    theirs.new_trial_ids(3)
    know_ids(trials)
    assert new_ids(trials, 2) == theirs.new_trial_ids(2) == [3, 4]


def test_ids_of_a_subclass_are_its_own() -> None:
    class Named(Trials):
        count = 0

        def new_trial_ids(self, n: int) -> list[str]:
            self.count += n
            return [f"trial {self.count - i}" for i in range(n)]

    trials = Named()
    assert new_ids(trials, 2) == ["trial 2", "trial 1"]


@pytest.mark.parametrize("parallelism", [1, 3])
@pytest.mark.parametrize("ids", [[3, 4, 5], [10**12], [4, 0, 9]])
def test_a_history_with_gaps_loses_no_result(ids: list[int], parallelism: int) -> None:
    trials = with_ids(ids)
    fmin(
        lambda p: p["x"], SPACE, algo=rand.suggest, max_evals=9, trials=trials,
        parallelism=parallelism, show_progressbar=False,
    )  # fmt: skip
    assert len(set(trials.tids)) == len(trials.tids) == 9
    assert None not in trials.losses()


@pytest.mark.parametrize("parallelism", [1, 3])
def test_points_that_were_added_under_ids_of_other_trials_get_their_own(
    parallelism: int, caplog: pytest.LogCaptureFixture
) -> None:
    trials = Trials()
    arguments = {"algo": rand.suggest, "trials": trials, "show_progressbar": False}
    fmin(lambda p: p["x"], SPACE, max_evals=3, **arguments)
    points = generate_trials_to_calculate([{"x": 0.1}, {"x": 0.2}])
    trials._insert_trial_docs(points._dynamic_trials)
    fmin(lambda p: p["x"], SPACE, max_evals=4, parallelism=parallelism, **arguments)
    assert len(set(trials.tids)) == len(trials.tids)
    assert {0.1, 0.2} < set(trials.losses())
    assert all(d["misc"]["idxs"]["x"] == [d["tid"]] == [d["misc"]["tid"]] for d in trials.trials)
    assert "several trials with the ids 0, 1" in caplog.text


@pytest.mark.leaves("was given")
@pytest.mark.parametrize("parallelism", [1, 3])
def test_histories_that_were_put_together_keep_all_their_trials(parallelism: int) -> None:
    documents: list[Any] = []
    for _ in range(2):
        part = hyperopt.Trials()
        fmin(lambda p: p["x"], SPACE, algo=rand.suggest, max_evals=3, trials=part,
             show_progressbar=False)  # fmt: skip
        documents += part._dynamic_trials
    losses = [d["result"]["loss"] for d in documents]
    trials = trials_from_docs(documents)
    fmin(lambda p: p["x"], SPACE, algo=rand.suggest, max_evals=9, trials=trials,
         parallelism=parallelism, show_progressbar=False)  # fmt: skip
    assert trials.losses()[:6] == losses
    assert len(set(trials.tids[6:]) - set(trials.tids[:6])) == 3
    assert all(d["state"] == JOB_STATE_DONE for d in trials.trials)
