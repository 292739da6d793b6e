"""A searcher of Ray's, or an Optuna sampler, given to fmin as algo."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hyperopt import hp
from hyperopt.base import JOB_STATE_DONE, JOB_STATE_ERROR
from ray import tune
from ray.tune.search import BasicVariantGenerator, ConcurrencyLimiter, Repeater, Searcher
from ray.tune.search.hyperopt import HyperOptSearch
from ray.tune.search.optuna import OptunaSearch

from hyperbridge import HyperoptSearcher, Trials
from hyperbridge.documents import assignment_of, new_ids
from hyperbridge.errors import (
    InvalidArgumentError,
    InvalidSpaceError,
    UnsupportedArgumentError,
)
from hyperbridge.run.objective import Objective
from hyperbridge.search.fresh_points import FreshPoints
from hyperbridge.search.ray_algo import RaySearch
from hyperbridge.surface.points import insert_points

SPACE = {
    "x": hp.uniform("x", -5, 5),
    "model": hp.choice(
        "model",
        [{"kind": "a", "n": hp.randint("n", 1, 4)}, {"kind": "b", "c": hp.loguniform("c", -3, 0)}],
    ),
}


@pytest.mark.parametrize(
    "searcher",
    [OptunaSearch(seed=1), HyperOptSearch(random_state_seed=1)],
    ids=lambda searcher: type(searcher).__name__,
)
def test_a_searcher_of_rays_proposes_the_points_of_fmin(minimise: Any, searcher: Any) -> None:
    trials = Trials()
    best = minimise(
        lambda p: p["x"] ** 2 + (p["model"]["kind"] == "a"), SPACE, max_evals=12, trials=trials,
        algo=searcher, parallelism=1,
    )  # fmt: skip
    assert len(trials) == 12
    for document in trials.trials:
        model = document["misc"]["vals"]["model"][0]
        assert bool(document["misc"]["vals"]["n"]) == (model == 0)
    assert best == trials.argmin


def test_a_label_that_the_searcher_cannot_take_is_named(minimise: Any) -> None:
    space = {"x": hp.uniform("x", 0, 1), "width": hp.normal("width", 0, 1)}
    with pytest.raises(InvalidSpaceError, match="'width'"):
        minimise(lambda p: 0.0, space, max_evals=1, algo=OptunaSearch())


def test_what_the_searcher_gets_in_another_form_is_said_by_label(
    minimise: Any, caplog: pytest.LogCaptureFixture
) -> None:
    space = {"w": hp.pchoice("w", [(0.9, "a"), (0.1, "b")])}
    minimise(lambda p: 0.0, space, max_evals=1, algo=OptunaSearch(seed=1))
    assert "OptunaSearch gets some parameters in another form:\n  w: choice([0, 1])" in caplog.text


def test_a_searcher_is_shown_the_trials_that_it_has_not_suggested(minimise: Any) -> None:
    points = [{"x": 0.5, "model": 0, "n": 2}, {"x": -1.0, "model": 1, "c": 0.5}]
    for max_evals in (2, 4):
        searcher, trials = OptunaSearch(seed=1), Trials()
        minimise(
            lambda p: p["x"] ** 2, SPACE, max_evals=max_evals, trials=trials, algo=searcher,
            points_to_evaluate=points, run={"name": "n"}, parallelism=1,
        )  # fmt: skip
        assert len(trials) == max_evals + 2
        told = [trial.value for trial in searcher._ot_study.trials]
        assert sorted(told) == pytest.approx(sorted(trials.losses()))
    minimise(
        lambda p: p["x"] ** 2, SPACE, max_evals=8, trials=trials, algo=searcher, parallelism=1,
    )  # fmt: skip
    told = [trial.value for trial in searcher._ot_study.trials]  # each of them once
    assert sorted(told) == pytest.approx(sorted(trials.losses()))
    assert len(told) == 8


@pytest.mark.parametrize("points", [[], [{"x": 0.5, "model": 0, "n": 2}]])
def test_a_seeded_searcher_goes_on_after_its_points_of_an_earlier_call(points: Any) -> None:
    def search(searcher: Any, trials: Any, n: int) -> None:
        objective = Objective(len, SPACE, None)
        search = RaySearch(searcher, objective.space, objective.domain, trials)
        for _ in range(n):
            (document,) = search.propose(new_ids(trials, 1))
            trials.insert_trial_docs([document])
            document = trials._dynamic_trials[-1]
            x = document["misc"]["vals"]["x"][0]
            document.update(state=JOB_STATE_DONE, result={"status": "ok", "loss": x**2})
            if document["tid"] == 2:
                document.update(state=JOB_STATE_ERROR, result={"status": "new"})
            trials.refresh()
            search.observe(document)

    def begun() -> Any:
        trials = Trials()
        insert_points(trials, points, Objective(len, SPACE, None).domain.params)
        for document in trials._dynamic_trials:
            document.update(state=JOB_STATE_DONE, result={"status": "ok", "loss": 0.25})
        trials.refresh()
        return trials

    whole, parts = begun(), begun()
    search(OptunaSearch(seed=3), whole, 16)
    for searcher, n in ((OptunaSearch(seed=3), 6), (again := OptunaSearch(seed=3), 10)):
        search(searcher, parts, n)
    ours, theirs = (
        [document["misc"]["vals"]["x"][0] for document in each._dynamic_trials]
        for each in (parts, whole)
    )
    assert len(set(ours)) == len(ours)
    assert len(again._ot_study.trials) == 16 + len(points)
    if not points:  # shown in another order, they give other models, not other draws
        assert ours == theirs


def test_a_searcher_that_takes_no_points_says_so_once(
    minimise: Any, caplog: pytest.LogCaptureFixture
) -> None:
    points = [{"x": x, "model": 0, "n": 2} for x in (0.5, 0.25)]
    searcher, trials = Stubborn(), Trials()
    minimise(
        lambda p: p["x"], SPACE, max_evals=3, trials=trials, algo=searcher, parallelism=1,
        points_to_evaluate=points,
    )  # fmt: skip
    assert trials.losses() == [0.5, 0.25, 0.5, 0.5, 0.5]
    assert sorted(trials.tids) == list(range(5))
    assert searcher.told == [0.5] * 3
    assert caplog.text.count("is not told of trials that it has not suggested") == 1


def test_a_searcher_that_maximises_finds_the_least_loss(minimise: Any) -> None:
    searcher = OptunaSearch({"x": tune.uniform(-5, 5)}, metric="score", mode="max", seed=0)
    trials = Trials()
    minimise(
        lambda x: x**2, hp.uniform("x", -5, 5), max_evals=4, trials=trials, algo=searcher,
        parallelism=1,
    )  # fmt: skip
    assert [t.value for t in searcher._ot_study.trials] == [-loss for loss in trials.losses()]


def test_a_searcher_with_several_metrics_is_refused(minimise: Any) -> None:
    searcher = OptunaSearch(
        {"x": tune.uniform(-5, 5)}, metric=["loss", "time"], mode=["min", "min"]
    )
    with pytest.raises(InvalidArgumentError, match="several metrics"):
        minimise(lambda x: x, hp.uniform("x", -5, 5), max_evals=1, algo=searcher)


@pytest.mark.parametrize(
    "searcher",
    [
        OptunaSearch(metric="loss", mode="max"),
        HyperOptSearch(mode="max"),
        ConcurrencyLimiter(OptunaSearch(mode="max"), max_concurrent=1),
    ],
    ids=["optuna", "hyperopt", "limited"],
)
def test_a_searcher_that_maximises_the_loss_is_refused(searcher: Any) -> None:
    with pytest.raises(InvalidArgumentError, match="fmin minimises the loss"):
        open_search(searcher)


def test_our_own_searcher_proposes_values_by_label_or_is_refused() -> None:
    with pytest.raises(InvalidArgumentError, match=r"algo=tpe\.suggest"):
        open_search(HyperoptSearcher(SPACE))
    search = open_search(HyperoptSearcher(SPACE, decoded=False))
    (document,) = search.propose([0])
    assert document["misc"]["vals"]["model"][0] in (0, 1)


def test_a_searcher_waits_for_no_trial_that_was_drawn_again() -> None:
    space = hp.choice("k", ["x", hp.randint("n", 1, 4)])
    objective, trials = Objective(len, space, None), Trials()
    inner = OptunaSearch(seed=1)
    limited = ConcurrencyLimiter(inner, max_concurrent=1)
    search = FreshPoints(
        RaySearch(limited, objective.space, objective.domain, trials), objective.space, trials,
        np.random.default_rng(0), objective.domain.params,
    )  # fmt: skip
    while documents := search.propose(new_ids(trials, 1)):
        trials.insert_trial_docs(documents)
        document = trials._dynamic_trials[-1]
        document.update(state=JOB_STATE_DONE, result={"status": "ok", "loss": 1.0})
        search.observe(document)
        assert not limited.live_trials
    points = [assignment_of(document) for document in trials._dynamic_trials]
    assert sorted(points, key=str) == [{"k": 0}, *({"k": 1, "n": n} for n in (1, 2, 3))]
    states = [trial.state.name for trial in inner._ot_study.trials]
    assert "RUNNING" not in states
    assert states.count("FAIL") > 0  # it has drawn some again


def test_a_repeater_and_skipping_repeats_contradict_each_other() -> None:
    search = open_search(Repeater(OptunaSearch(), repeat=2))
    with pytest.raises(UnsupportedArgumentError, match="Repeater, which proposes each point"):
        search.expect_withdrawals()


def test_a_space_of_constants_needs_no_searcher() -> None:
    objective, trials = Objective(len, {"model": "svm", "C": 1.0}, None), Trials()
    search = RaySearch(OptunaSearch(), objective.space, objective.domain, trials)
    (document,) = search.propose([0])
    assert document["misc"]["vals"] == {}
    document.update(state=JOB_STATE_DONE, result={"status": "ok", "loss": 0.0})
    search.observe(document)


def open_search(searcher: Any) -> RaySearch:
    objective, trials = Objective(len, SPACE, None), Trials()
    return RaySearch(searcher, objective.space, objective.domain, trials)


class Stubborn(Searcher):
    """Has a space of its own, floats for everything, and waits for each trial's end."""

    def __init__(self) -> None:
        super().__init__("loss", "min")
        self.told: list[Any] = []
        self.is_waiting = False

    def suggest(self, trial_id: str) -> Any:
        if len(self.told) >= 3:
            return self.FINISHED
        if self.is_waiting:
            return None
        self.is_waiting = True
        return {"x": 0.5, "model": 0.7, "n": 2.2, "c": 0.1}

    def on_trial_complete(self, trial_id: str, result: Any = None, error: bool = False) -> None:
        self.is_waiting = False
        self.told.append(error if result is None else result["loss"])


def test_a_searcher_that_waits_and_ends_is_waited_for_and_ends_the_search(minimise: Any) -> None:
    searcher, trials = Stubborn(), Trials()
    minimise(lambda p: p["x"], SPACE, max_evals=10, trials=trials, algo=searcher)
    assert searcher.told == [0.5, 0.5, 0.5]
    assert [d["misc"]["vals"]["model"] for d in trials.trials] == [[1]] * 3
    assert [d["misc"]["vals"]["n"] for d in trials.trials] == [[]] * 3


def test_a_limiter_around_a_searcher_is_kept(minimise: Any) -> None:
    trials = Trials()
    limited = ConcurrencyLimiter(OptunaSearch(seed=1), max_concurrent=1)
    minimise(lambda p: p["x"], SPACE, max_evals=3, trials=trials, algo=limited, max_queue_len=3)
    assert len(trials) == 3
    coin = {"side": hp.choice("side", ["heads", "tails"])}
    flipping = ConcurrencyLimiter(OptunaSearch(seed=1), max_concurrent=1)
    for n in (1, 2):  # the same points again, and each is waited for
        minimise(lambda p: 0.0, coin, max_evals=4, algo=flipping)
        assert len(flipping.searcher._ot_study.trials) == 4 * n
    inner = OptunaSearch(metric="score", mode="max", seed=1)
    minimise(
        lambda p: p["x"], SPACE, max_evals=3,
        algo=ConcurrencyLimiter(inner, max_concurrent=1),
    )  # fmt: skip
    assert [t.state.name for t in inner._ot_study.trials] == ["COMPLETE"] * 3


def test_a_searcher_needs_the_ray_backend(minimise: Any) -> None:
    with pytest.raises(UnsupportedArgumentError, match="backend='ray'"):
        minimise(lambda p: 0.0, SPACE, max_evals=1, algo=OptunaSearch(), backend="local")
    with pytest.raises(InvalidArgumentError, match="algo must be"):
        minimise(lambda p: 0.0, SPACE, max_evals=1, algo=BasicVariantGenerator())


def test_an_optuna_sampler_on_ray_is_a_study_with_rays_workers(minimise: Any) -> None:
    import optuna

    trials = Trials()
    minimise(
        lambda p: p["x"] ** 2, SPACE, max_evals=6, trials=trials,
        algo=optuna.samplers.TPESampler(seed=0),
    )  # fmt: skip
    assert len(trials.study.trials) == len(trials) == len(trials.result_grid) == 6
