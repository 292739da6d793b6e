"""A search that goes on from an earlier one loses no result, whatever the earlier one left."""

from __future__ import annotations

import copy
from collections import Counter
from pathlib import Path
from typing import Any, ClassVar

import cloudpickle
import hyperopt
import pytest
from hyperopt.base import (
    JOB_STATE_CANCEL,
    JOB_STATE_DONE,
    JOB_STATE_ERROR,
    JOB_STATE_RUNNING,
    trials_from_docs,
)

from hyperbridge.surface.spark_trials import SparkTrials
from hyperbridge.surface.trials import Trials
from hyperbridge.testing.basis import Basis


def uneven(point: Any) -> Any:
    """Of eight points, some fail, some have the status ``fail`` and some a loss."""
    kind = int(abs(point["x"]) * 1e6) % 4
    if kind == 0:
        raise ArithmeticError("by design")
    return {"status": "fail"} if kind == 1 else point["x"]


def earlier() -> Any:
    """Return six trials that a local search left: every state that there is among them."""
    trials = hyperopt.Trials()
    states = [
        JOB_STATE_DONE, JOB_STATE_ERROR, JOB_STATE_RUNNING, JOB_STATE_CANCEL, JOB_STATE_ERROR,
        JOB_STATE_DONE,
    ]  # fmt: skip
    for tid, state in enumerate(states):
        misc = {
            "tid": tid, "cmd": ("domain_attachment", "FMinIter_Domain"), "workdir": None,
            "idxs": {"x": [tid], "kind": [tid], "q": [tid], "n": []},
            "vals": {"x": [tid / 10], "kind": [0], "q": [1.0], "n": []},
        }  # fmt: skip
        result = (
            {"status": "ok", "loss": tid / 10} if state == JOB_STATE_DONE else {"status": "new"}
        )
        document = trials.new_trial_docs([tid], [None], [result], [misc])[0]
        document["state"] = state
        trials._dynamic_trials.append(document)
    trials.refresh()
    return trials


def to_plain(documents: list[Any]) -> Any:
    """What a script does that keeps documents, in a database for example."""
    return trials_from_docs(documents)


def to_own(documents: list[Any]) -> Any:
    trials = Trials()
    trials._insert_trial_docs(documents)
    trials.refresh()
    return trials


def to_spark(documents: list[Any]) -> Any:
    trials = SparkTrials()
    trials._insert_trial_docs(documents)
    trials.refresh()
    return trials


class ResumingContract(Basis):
    about: ClassVar[str] = "resuming a search"

    @staticmethod
    def check(trials: Any, known: list[Any], n_valid: int) -> None:
        documents = trials._dynamic_trials
        assert max(Counter(d["tid"] for d in documents).values()) == 1
        assert {d["state"] for d in documents} <= {
            JOB_STATE_DONE, JOB_STATE_ERROR, JOB_STATE_CANCEL,
        }  # fmt: skip
        assert all(d["misc"]["tid"] == d["tid"] for d in documents)
        by_tid = {d["tid"]: d for d in documents}
        for document in known:
            if document["state"] == JOB_STATE_DONE:
                assert by_tid[document["tid"]]["result"] == document["result"]
        n_failed = sum(d["state"] == JOB_STATE_ERROR for d in documents) - 2
        assert len(trials.trials) + n_failed == n_valid

    @pytest.mark.parametrize("given", [to_plain, to_own, to_spark])
    def test_trials_passed_on_go_on_under_ids_of_their_own(self, minimise: Any, given: Any) -> None:
        known = earlier()._dynamic_trials
        trials = given(copy.deepcopy(known))
        minimise(
            uneven, trials=trials, max_evals=9, catch_eval_exceptions=True, return_argmin=False
        )
        self.check(trials, known, 9)

    @pytest.mark.parametrize("is_spark", [False, True])
    def test_a_save_file_with_failed_trials_goes_on_under_ids_of_their_own(
        self, minimise: Any, tmp_path: Path, is_spark: bool
    ) -> None:
        file, known = tmp_path / "trials.pkl", earlier()._dynamic_trials
        file.write_bytes(cloudpickle.dumps(to_plain(copy.deepcopy(known))))
        minimise(
            uneven, trials=SparkTrials() if is_spark else None, trials_save_file=str(file),
            max_evals=9, catch_eval_exceptions=True, return_argmin=False,
        )  # fmt: skip
        self.check(cloudpickle.loads(file.read_bytes()), known, 9)

    def test_a_warm_start_is_learnt_from_and_not_evaluated(self, minimise: Any) -> None:
        """Two of the six earlier trials have ended; they come on top of ``max_evals``."""
        trials = Trials()
        best = minimise(
            lambda point: 1.0 + point["x"] ** 2,
            trials=trials, max_evals=2, warm_start=earlier(),
        )  # fmt: skip
        assert best == {"x": 0.0, "kind": 0, "q": 1.0}
        taken = [d for d in trials.trials if "warm_started_from" in d["misc"]]
        assert [(d["tid"], d["result"]["loss"]) for d in taken] == [(0, 0.0), (1, 0.5)]
        assert len(trials.trials) == 4
