"""Points that a search proposes again: run, skipped, or ended by the result that they have."""

from __future__ import annotations

import functools
from collections import Counter
from typing import Any

import pytest
from hyperopt import hp, tpe
from hyperopt.base import JOB_STATE_DONE

from hyperbridge.documents import assignment_of
from hyperbridge.surface.trials import Trials
from hyperbridge.testing.basis import Basis, without_time

SMALL = hp.choice(
    "kind",
    [{"kind": "a", "q": hp.quniform("q", 0, 2, 1)}, {"kind": "b", "n": hp.randint("n", 3)}],
)
"""Six points."""

ALGORITHM = functools.partial(tpe.suggest, n_startup_jobs=3)


def loss_of(point: Any) -> float:
    """Return the lowest loss for one of the six points."""
    return float(point["q"] if point["kind"] == "a" else point["n"] - 0.5)


def points_of(documents: Any) -> list[Any]:
    return [tuple(sorted(assignment_of(document).items())) for document in documents]


class RepeatsContract(Basis):
    """Points that a search proposes again."""

    about = "repeated points"

    def test_skipping_repeats_finds_every_point_of_a_small_space_once(
        self, minimise: Any, backend: Any, caplog: pytest.LogCaptureFixture
    ) -> None:
        trials = Trials()
        given: dict[str, Any] = {
            "algo": ALGORITHM, "max_evals": 20, "repeats": "skip",
            "points_to_evaluate": [{"kind": 1, "n": 2}],
        }  # fmt: skip
        best = minimise(loss_of, SMALL, trials=trials, **given)
        assert best == {"kind": 1, "n": 0}
        assert len(trials) == 6
        assert set(Counter(points_of(trials.trials)).values()) == {1}
        assert points_of(trials.trials)[0] == (("kind", 1), ("n", 2))
        assert trials.stop_reason == "search_exhausted"
        assert caplog.text.count("all 6 points of the space were evaluated") == 1
        minimise(loss_of, SMALL, trials=trials, **given)  # none is left for another call
        assert len(trials) == 6
        if self.runs_hyperopt_algorithms and self.slots == 1:
            alone = Trials()
            self.fmin_on("local", 1)(loss_of, SMALL, trials=alone, **given)
            assert without_time(alone.trials) == without_time(trials.trials)

    def test_reused_results_are_those_of_the_point(self, minimise: Any) -> None:
        def objective(point: Any) -> Any:
            import os

            mark = os.urandom(8).hex()
            loss = point["q"] if point["kind"] == "a" else point["n"] - 0.5
            if loss > 1:
                return {"status": "fail", "mark": mark, "attachments": {"mark": mark}}
            return {"status": "ok", "loss": loss, "mark": mark, "attachments": {"mark": mark}}

        trials = Trials()
        minimise(objective, SMALL, algo=ALGORITHM, max_evals=20, trials=trials, repeats="reuse")
        assert len(trials) == 20
        assert {document["state"] for document in trials.trials} == {JOB_STATE_DONE}
        by_tid = {document["tid"]: document for document in trials.trials}
        reused = [d for d in trials.trials if "reused_from" in d["misc"]]
        run = [d for d in trials.trials if "reused_from" not in d["misc"]]
        assert len({d["result"]["mark"] for d in run}) == len(run) <= 6 * self.slots
        for document in reused:
            earlier = by_tid[document["misc"]["reused_from"]]
            assert points_of([earlier]) == points_of([document])
            assert earlier["result"] == document["result"]
            kept = trials.trial_attachments(document)["mark"]
            assert kept == earlier["result"]["mark"]
        assert trials.stop_reason == "max_evals"
