"""Ray Tune without fmin: to_ray, ray_trainable, HyperoptSearcher."""

from __future__ import annotations

import functools
import math
from pathlib import Path
from typing import Any

import cloudpickle
import numpy as np
import pytest
from hyperopt import Trials as HyperoptTrials
from hyperopt import fmin as hyperopt_fmin
from hyperopt import hp, rand, tpe
from ray import tune
from ray.tune import RunConfig, TuneConfig

from hyperbridge import HyperoptSearcher, ray_trainable, read_space, to_ray
from hyperbridge.errors import (
    InvalidArgumentError,
    InvalidSpaceError,
    ObjectiveNotPicklableError,
)

SPACE = {
    "x": hp.uniform("x", -5, 5),
    "model": hp.choice(
        "model",
        [{"kind": "a", "n": hp.randint("n", 1, 4)}, {"kind": "b", "c": hp.loguniform("c", -3, 0)}],
    ),
}


pytestmark = pytest.mark.usefixtures("ray_cluster")


def run_config(tmp_path: Path) -> RunConfig:
    return RunConfig(storage_path=str(tmp_path / "results"), verbose=0)


# -- to_ray --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "expression",
    [
        hp.uniform("p", -2, 3),
        hp.loguniform("p", -5, 2),
        hp.quniform("p", 0, 10, 2),
        hp.normal("p", 1, 2),
        hp.qnormal("p", 1, 2, 0.5),
        hp.lognormal("p", 0, 1),
        hp.randint("p", 7),
        hp.choice("p", ["a", "b", "c"]),
        hp.pchoice("p", [(0.5, "a"), (0.5, "b"), (0.0, "c")]),
    ],
    ids=lambda e: str(e).split()[1],
)
def test_tunes_draws_are_values_of_the_parameter_with_the_same_distribution(
    expression: Any,
) -> None:
    space = read_space({"p": expression})
    parameter = space.parameters["p"]
    domain = to_ray({"p": expression})["p"]
    theirs = [domain.sample({}) for _ in range(3000)]
    rng = np.random.default_rng(0)
    ours = [space.draw(rng)[1]["p"] for _ in range(3000)]
    assert all(parameter.distribution.contains(value) for value in theirs)
    assert {type(value) for value in theirs} <= {int, float}
    spread = np.std(ours) + 1e-9
    assert abs(np.mean(theirs) - np.mean(ours)) < 0.12 * spread
    for low in np.quantile(ours, [0.1, 0.5, 0.9]):
        assert abs(np.mean(np.array(theirs) <= low) - np.mean(np.array(ours) <= low)) < 0.05


def test_what_tune_cannot_say_is_noted_by_label() -> None:
    space = {
        "exact": hp.quniform("exact", 0, 10, 5),
        "outer": hp.quniform("outer", 1, 10, 4),
        "zero": hp.qloguniform("zero", -3, 3, 1),
        "weights": hp.pchoice("weights", [(0.9, 0), (0.1, 1)]),
        "log": hp.lognormal("log", 0, 1),
    }
    written = to_ray(space)
    notes = {each.label: each for each in written.approximations}
    assert sorted(notes) == ["log", "outer", "weights", "zero"]
    assert "0 is never drawn" in notes["zero"].why
    assert "no weights" in notes["weights"].why
    assert "quniform('outer'" in notes["outer"].asked
    assert read_space(space).approximations("ray") == written.approximations
    assert isinstance(written, dict)


def test_a_distribution_that_depends_on_a_parameter_is_refused_by_label() -> None:
    space = {"x": hp.uniform("x", 0, hp.uniform("top", 1, 2))}
    with pytest.raises(InvalidSpaceError, match="'x'"):
        to_ray(space)


def test_a_rounded_range_of_one_value_is_that_value() -> None:
    assert to_ray(hp.quniform("x", 3.9, 4.1, 4))["x"].sample({}) == 4.0


# -- ray_trainable ---------------------------------------------------------------------------


def test_a_tuner_with_tunes_random_search_runs_a_hyperopt_objective(tmp_path: Path) -> None:
    def fn(point: Any) -> dict[str, Any]:
        size = point["model"].get("n", 10) + point["model"].get("c", 10)
        return {"loss": point["x"] ** 2, "status": "ok", "size": size}

    tuner = tune.Tuner(
        ray_trainable(fn, SPACE),
        param_space=to_ray(SPACE),
        tune_config=TuneConfig(num_samples=3, metric="loss", mode="min", reuse_actors=True),
        run_config=run_config(tmp_path),
    )
    grid = tuner.fit()
    assert grid.num_errors == 0
    for result in grid:
        assert result.metrics["loss"] == result.config["x"] ** 2
        assert result.metrics["size"] > 10


def test_a_failing_objective_is_an_error_of_the_tuner(tmp_path: Path) -> None:
    def fn(x: float) -> float:
        raise ArithmeticError("always so")

    tuner = tune.Tuner(
        ray_trainable(fn, hp.uniform("x", 0, 1)),
        param_space=to_ray(hp.uniform("x", 0, 1)),
        run_config=run_config(tmp_path),
    )
    grid = tuner.fit()
    assert "always so" in str(grid.errors[0])


def test_a_result_with_status_fail_is_a_trial_without_a_loss(tmp_path: Path) -> None:
    tuner = tune.Tuner(
        ray_trainable(lambda x: {"status": "fail", "why": "no data"}, hp.uniform("x", 0, 1)),
        param_space=to_ray(hp.uniform("x", 0, 1)),
        tune_config=TuneConfig(metric="loss", mode="min"),
        run_config=run_config(tmp_path),
    )
    (result,) = tuner.fit()
    assert result.error is None
    assert math.isnan(result.metrics["loss"])
    assert result.metrics["why"] == "no data"


@pytest.mark.parametrize("reports", [None, True])
def test_a_scheduler_sees_what_a_class_of_the_users_reports(
    tmp_path: Path, reports: bool | None
) -> None:
    class Training:
        def fit(self, x: float) -> float:
            report = tune.report if reports is None else getattr(tune, "re" + "port")
            for step in range(8):
                report({"loss": x + 8 - step})
            return x

    grid = tune.Tuner(
        ray_trainable(lambda x: Training().fit(x), hp.uniform("x", 0, 1), reports=reports),
        param_space=to_ray(hp.uniform("x", 0, 1)),
        tune_config=TuneConfig(metric="loss", mode="min", reuse_actors=True),
        run_config=RunConfig(
            storage_path=str(tmp_path / "results"), verbose=0, stop={"training_iteration": 3}
        ),
    ).fit()
    assert [result.metrics["training_iteration"] for result in grid] == [3]


def test_an_objective_that_cannot_be_pickled_is_found_when_the_trainable_is_made() -> None:
    import threading

    lock = threading.Lock()
    with pytest.raises(ObjectiveNotPicklableError, match="'lock'"):
        ray_trainable(lambda x: float(lock.locked()), hp.uniform("x", 0, 1))


# -- HyperoptSearcher ------------------------------------------------------------------------


def drive(searcher: Any, fn: Any, n: int, first: int = 0) -> list[Any]:
    """Do what a Tuner with one trial at a time does."""
    configs = []
    for number in range(first, first + n):
        config = searcher.suggest(f"t{number}")
        configs.append(config)
        searcher.on_trial_complete(f"t{number}", {"loss": fn(config)})
    return configs


def objective(point: Any) -> float:
    return float(point["x"] ** 2 + (point["model"]["kind"] == "a"))


GOAL: dict[str, Any] = {"metric": "loss", "mode": "min"}


def test_a_seed_gives_hyperopts_own_trials() -> None:
    theirs = HyperoptTrials()
    hyperopt_fmin(
        objective, SPACE, algo=tpe.suggest, max_evals=30, trials=theirs,
        rstate=np.random.default_rng(5), show_progressbar=False,
    )  # fmt: skip
    searcher = HyperoptSearcher(SPACE, rstate=np.random.default_rng(5), **GOAL)
    drive(searcher, objective, 30)
    assert searcher.trials.losses() == theirs.losses()
    assert searcher.trials.vals == theirs.vals


@pytest.mark.parametrize("way", ["file", "pickle"])
def test_a_saved_searcher_goes_on_as_if_nothing_had_happened(way: str, tmp_path: Path) -> None:
    whole = HyperoptSearcher(SPACE, rstate=np.random.default_rng(5), **GOAL)
    expected = drive(whole, objective, 30)
    searcher = HyperoptSearcher(SPACE, rstate=np.random.default_rng(5), **GOAL)
    begun = drive(searcher, objective, 25)
    pending = searcher.suggest("t25")
    if way == "file":
        searcher.save(str(tmp_path / "state"))
        restored = HyperoptSearcher(SPACE, rstate=np.random.default_rng(77), **GOAL)
        restored.restore(str(tmp_path / "state"))
    else:
        restored = cloudpickle.loads(cloudpickle.dumps(searcher))
    assert restored.suggest("t25") == pending
    restored.on_trial_complete("t25", {"loss": objective(pending)})
    assert begun + [pending] + drive(restored, objective, 4, first=26) == expected


def test_points_come_first_and_failed_trials_are_kept_as_failed() -> None:
    searcher = HyperoptSearcher(
        SPACE, points_to_evaluate=[{"x": 1.0, "model": 0, "n": 2}], decoded=False, **GOAL
    )
    assert searcher.suggest("a") == {"x": 1.0, "model": 0, "n": 2}
    searcher.on_trial_complete("a", error=True)
    searcher.suggest("b")
    searcher.on_trial_complete("b", {"loss": math.nan})
    searcher.suggest("c")
    searcher.on_trial_complete("c", {"loss": 2})
    states = [d["state"] for d in searcher.trials._dynamic_trials]
    assert states == [3, 2, 2]
    assert searcher.trials.best_trial["tid"] == 2


def test_max_is_minimised_with_its_sign_turned() -> None:
    searcher = HyperoptSearcher({"x": hp.uniform("x", 0, 1)}, metric="score", mode="max")
    searcher.suggest("a")
    searcher.on_trial_complete("a", {"score": 3.0})
    assert searcher.trials.losses() == [-3.0]


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ({"mode": "least"}, InvalidArgumentError),
        ({"metric": ["a", "b"], "mode": "min"}, InvalidArgumentError),
        ({"rstate": 4}, InvalidArgumentError),
        ({"points_to_evaluate": [{"nope": 1}]}, InvalidArgumentError),
        ({"space": hp.uniform("x", 0, 1)}, InvalidSpaceError),
        ({"space": {"x": hp.uniform("x", 1, 0)}}, InvalidSpaceError),
    ],
    ids=lambda value: str(value).partition(" at 0x")[0],  # the same in each process
)
def test_what_a_searcher_cannot_work_with_is_refused(arguments: Any, error: Any) -> None:
    with pytest.raises(error):
        HyperoptSearcher(**{"space": SPACE, **arguments})


def test_the_class_is_a_class_and_a_searcher_of_rays() -> None:
    searcher = HyperoptSearcher(SPACE, **GOAL)
    assert isinstance(searcher, HyperoptSearcher)
    assert isinstance(searcher, tune.search.Searcher)


@pytest.mark.parametrize(
    ("own", "told"),
    [
        ({}, {"metric": "acc", "mode": "max"}),
        ({"mode": "max"}, {"metric": "acc", "mode": None}),
        ({"metric": "acc"}, {"metric": None, "mode": "max"}),
        ({"metric": "acc", "mode": "max"}, {"metric": "acc", "mode": "max"}),
        ({"metric": "acc", "mode": "max"}, {"metric": None, "mode": None}),
    ],
)
def test_metric_and_mode_may_come_from_the_tune_config(own: Any, told: Any) -> None:
    searcher = HyperoptSearcher(SPACE, **own)
    assert searcher.set_search_properties(told["metric"], told["mode"], {"epochs": 3}) is False
    assert (searcher.metric, searcher.mode) == ("acc", "max")
    searcher.suggest("a")
    searcher.on_trial_complete("a", {"acc": 3.0, "loss": 1.0})
    assert searcher.trials.losses() == [-3.0]


@pytest.mark.parametrize(
    ("own", "told", "named"),
    [
        ({"mode": "min"}, ("acc", "max"), r"TuneConfig\(mode='max'\) contradicts mode='min'"),
        ({"metric": "loss"}, ("acc", "max"), r"metric='acc'\) contradicts metric='loss'"),
    ],
)
def test_a_tune_config_that_says_something_else_is_refused(own: Any, told: Any, named: str) -> None:
    with pytest.raises(InvalidArgumentError, match=named):
        HyperoptSearcher(SPACE, **own).set_search_properties(*told, {})


@pytest.mark.parametrize("own", [{}, {"metric": "acc"}, {"mode": "max"}])
def test_a_searcher_that_does_not_know_its_direction_proposes_nothing(own: Any) -> None:
    missing = " and ".join(name for name in ("metric", "mode") if name not in own)
    with pytest.raises(InvalidArgumentError, match=f"does not know its {missing}"):
        HyperoptSearcher(SPACE, **own).suggest("a")


def test_a_tuner_finds_the_largest_value_when_its_config_maximises(tmp_path: Path) -> None:
    def train(config: Any) -> None:
        tune.report({"acc": -((config["x"] - 2) ** 2)})

    searcher = HyperoptSearcher({"x": hp.uniform("x", -5, 5)}, rstate=np.random.default_rng(0))
    grid = tune.Tuner(
        train,
        param_space={"epochs": 3},
        tune_config=TuneConfig(
            metric="acc", mode="max", search_alg=searcher, num_samples=3, reuse_actors=True
        ),
        run_config=run_config(tmp_path),
    ).fit()
    assert grid.num_errors == 0
    best = grid.get_best_result()
    assert -best.metrics["acc"] == min(searcher.trials.losses())


def test_a_result_without_the_metric_is_warned_about_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    searcher = HyperoptSearcher(SPACE, metric="acc", mode="max")
    for trial_id in "abc":
        searcher.suggest(trial_id)
    for trial_id in "ab":
        searcher.on_trial_complete(trial_id, {"accuracy": 1.0})
    searcher.on_trial_complete("c", error=True)
    assert [d["state"] for d in searcher.trials._dynamic_trials] == [3, 3, 3]
    assert caplog.text.count("did not report 'acc'") == 1


@pytest.mark.parametrize(
    ("other", "named"),
    [
        ({"space": {"y": hp.uniform("y", 0, 1)}}, "'y'"),
        ({"space": {**SPACE, "x": hp.uniform("x", -5, 6)}}, r"label 'x' was .* is .*high=6.0"),
        ({"metric": "acc"}, "metric='acc'"),
        ({"mode": "max"}, "mode='max'"),
        ({"algo": rand.suggest}, "hyperopt.rand.suggest"),
        ({"algo": functools.partial(tpe.suggest, gamma=0.5)}, "gamma=0.5"),
    ],
    ids=["labels", "bounds", "metric", "mode", "algorithm", "argument"],
)
def test_a_state_of_another_search_is_refused(other: Any, named: str, tmp_path: Path) -> None:
    searcher = HyperoptSearcher(SPACE, **GOAL)
    drive(searcher, objective, 2)
    searcher.save(tmp_path / "state")
    another = HyperoptSearcher(**{"space": SPACE, **GOAL, **other})
    with pytest.raises(InvalidArgumentError, match=named):
        another.restore(tmp_path / "state")
    assert len(another.trials) == 0


def test_a_state_brings_the_metric_and_the_mode_with_it(tmp_path: Path) -> None:
    searcher = HyperoptSearcher(SPACE, metric="acc", mode="max")
    searcher.suggest("a")
    searcher.on_trial_complete("a", {"acc": 3.0})
    searcher.save(tmp_path / "state")
    restored = HyperoptSearcher(SPACE)
    restored.restore(tmp_path / "state")
    restored.suggest("b")
    restored.on_trial_complete("b", {"acc": 4.0})
    assert restored.trials.losses() == [-3.0, -4.0]


def test_a_tuner_of_ones_own_gets_points_of_the_space(tmp_path: Path) -> None:
    def train(config: Any) -> None:
        tune.report({"score": -objective_of(config), "epochs": config["epochs"]})

    def objective_of(config: Any) -> float:
        return float(config["x"] ** 2 + (config["model"]["kind"] == "a"))

    searcher = HyperoptSearcher(SPACE, metric="score", mode="max", rstate=np.random.default_rng(1))
    tuner = tune.Tuner(
        train,
        param_space={"epochs": 3},
        tune_config=TuneConfig(search_alg=searcher, num_samples=6, reuse_actors=True),
        run_config=run_config(tmp_path),
    )
    grid = tuner.fit()
    assert len(searcher.trials) == 6
    assert {result.metrics["epochs"] for result in grid} == {3}
    best = grid.get_best_result("score", "max")
    assert -best.metrics["score"] == min(searcher.trials.losses())


def test_tuner_restore_goes_on_with_the_searcher_as_it_was(tmp_path: Path) -> None:
    repaired = tmp_path / "repaired"

    def train(config: Any) -> None:
        if not repaired.exists() and config["x"] < 0:
            raise ArithmeticError("not yet")
        tune.report({"loss": config["x"]})

    def searcher() -> Any:
        return HyperoptSearcher(SPACE, rstate=np.random.default_rng(0), **GOAL)

    xs = [config["x"] for config in drive(searcher(), lambda point: 0.0, 4)]
    assert min(xs) < 0 < max(xs)
    tuner = tune.Tuner(
        train,
        tune_config=TuneConfig(
            search_alg=searcher(), num_samples=4, max_concurrent_trials=1, reuse_actors=True
        ),
        run_config=run_config(tmp_path),
    )
    grid = tuner.fit()
    assert grid.num_errors == sum(x < 0 for x in xs)
    repaired.touch()
    restored = tune.Tuner.restore(grid.experiment_path, train, restart_errored=True)
    grid = restored.fit()
    assert grid.num_errors == 0
    assert sorted(result.metrics["loss"] for result in grid) == sorted(xs)
