"""Ray Tune without fmin: to_ray, ray_trainable, HyperoptSearcher; and searchers given to fmin."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import cloudpickle
import numpy as np
import pytest
from hyperopt import Trials as HyperoptTrials
from hyperopt import fmin as hyperopt_fmin
from hyperopt import hp, tpe
from ray import tune
from ray.tune import RunConfig, TuneConfig
from ray.tune.search import BasicVariantGenerator, ConcurrencyLimiter, Searcher
from ray.tune.search.hyperopt import HyperOptSearch
from ray.tune.search.optuna import OptunaSearch

from hyperbridge import HyperoptSearcher, Trials, ray_trainable, read_space, to_ray
from hyperbridge.errors import (
    InvalidArgumentError,
    InvalidSpaceError,
    ObjectiveNotPicklableError,
    UnsupportedArgumentError,
)
from hyperbridge.space.losses import losses_of

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
    notes = {loss.label: loss for loss in written.losses}
    assert sorted(notes) == ["log", "outer", "weights", "zero"]
    assert "0 is never drawn" in notes["zero"].why
    assert "no weights" in notes["weights"].why
    assert "quniform('outer'" in notes["outer"].asked
    assert losses_of(read_space(space), "ray") == written.losses
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


def test_a_seed_gives_hyperopts_own_trials() -> None:
    theirs = HyperoptTrials()
    hyperopt_fmin(
        objective, SPACE, algo=tpe.suggest, max_evals=30, trials=theirs,
        rstate=np.random.default_rng(5), show_progressbar=False,
    )  # fmt: skip
    searcher = HyperoptSearcher(SPACE, rstate=np.random.default_rng(5))
    drive(searcher, objective, 30)
    assert searcher.trials.losses() == theirs.losses()
    assert searcher.trials.vals == theirs.vals


@pytest.mark.parametrize("way", ["file", "pickle"])
def test_a_saved_searcher_goes_on_as_if_nothing_had_happened(way: str, tmp_path: Path) -> None:
    whole = HyperoptSearcher(SPACE, rstate=np.random.default_rng(5))
    expected = drive(whole, objective, 30)
    searcher = HyperoptSearcher(SPACE, rstate=np.random.default_rng(5))
    begun = drive(searcher, objective, 25)
    pending = searcher.suggest("t25")
    if way == "file":
        searcher.save(str(tmp_path / "state"))
        restored = HyperoptSearcher(SPACE, rstate=np.random.default_rng(77))
        restored.restore(str(tmp_path / "state"))
    else:
        restored = cloudpickle.loads(cloudpickle.dumps(searcher))
    assert restored.suggest("t25") == pending
    restored.on_trial_complete("t25", {"loss": objective(pending)})
    assert begun + [pending] + drive(restored, objective, 4, first=26) == expected


def test_points_come_first_and_failed_trials_are_kept_as_failed() -> None:
    searcher = HyperoptSearcher(
        SPACE, points_to_evaluate=[{"x": 1.0, "model": 0, "n": 2}], decoded=False
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
        return HyperoptSearcher(SPACE, rstate=np.random.default_rng(0))

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


# -- a searcher of Ray's as algo ---------------------------------------------------------------


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
