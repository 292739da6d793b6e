"""HyperoptSampler is hyperopt's algorithm in a plain Optuna study."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hyperopt import Trials, hp, rand, tpe
from hyperopt import fmin as hyperopts_fmin

optuna = pytest.importorskip("optuna")

from hyperbridge.errors import InvalidArgumentError  # noqa: E402
from hyperbridge.search.optuna.hyperopt_sampler import HyperoptSampler  # noqa: E402


@pytest.fixture(autouse=True)
def _quiet() -> Any:
    before = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    yield
    optuna.logging.set_verbosity(before)


def tried_by_hyperopt(
    objective: Any, space: Any, n: int, *, seed: int = 0, algo: Any = tpe.suggest
) -> list[dict[str, float]]:
    trials = Trials()
    hyperopts_fmin(
        objective,
        space,
        algo=algo,
        max_evals=n,
        trials=trials,
        rstate=np.random.default_rng(seed),
        show_progressbar=False,
        verbose=False,
    )
    return [
        {label: float(given[0]) for label, given in misc["vals"].items() if given}
        for misc in trials.miscs
    ]


def tried_by_optuna(study: Any) -> list[dict[str, float]]:
    return [
        {
            name: float(trial.distributions[name].to_internal_repr(value))
            for name, value in trial.params.items()
        }
        for trial in study.trials
    ]


def study_with(**options: Any) -> Any:
    return optuna.create_study(sampler=HyperoptSampler(**options))


def bowl(point: dict[str, float]) -> float:
    return sum((value - 1.3) ** 2 for value in point.values())


def test_floats_are_tried_in_the_same_bits_as_by_hyperopt() -> None:
    labels = ["c", "b", "a"]  # hyperopt draws in reverse alphabetical order

    def objective(trial: Any) -> float:
        return bowl({label: trial.suggest_float(label, -5, 10) for label in labels})

    study = study_with(seed=3)
    study.optimize(objective, n_trials=70)
    space = {label: hp.uniform(label, -5, 10) for label in labels}
    expected = tried_by_hyperopt(lambda p: bowl({k: p[k] for k in labels}), space, 70, seed=3)
    assert [{k: t[k] for k in "abc"} for t in tried_by_optuna(study)] == expected


def test_steps_integers_and_choices_are_tried_in_the_same_bits_as_by_hyperopt() -> None:
    def objective(trial: Any) -> float:
        step = trial.suggest_float("z", -4, 8, step=0.5)
        whole = trial.suggest_int("y", 1, 30)
        return abs(step - whole / 4) + len(trial.suggest_categorical("x", ["aa", "b", "ccc"]))

    study = study_with(seed=4)
    study.optimize(objective, n_trials=60)
    space = {
        "x": hp.choice("x", ["aa", "b", "ccc"]),
        "y": hp.uniformint("y", 1, 30),
        "z": hp.quniform("z", -4, 8, 0.5),
    }
    expected = tried_by_hyperopt(
        lambda p: abs(p["z"] - p["y"] / 4) + len(p["x"]), space, 60, seed=4
    )
    assert [{k: t[k] for k in "xyz"} for t in tried_by_optuna(study)] == expected


def test_a_conditional_search_with_logarithms_is_that_of_hyperopt_but_for_rounding() -> None:
    def objective(trial: Any) -> float:
        if trial.suggest_categorical("kind", ["left", "right"]) == "left":
            return abs(np.log(trial.suggest_float("l", 1e-4, 1.0, log=True)) + 4)
        return abs(trial.suggest_int("r", 1, 200, log=True) - 20) / 10

    def theirs(point: Any) -> float:
        if point[0] == "left":
            return abs(np.log(point[1]) + 4)
        return abs(point[1] - 20) / 10

    space = hp.choice(
        "kind",
        [
            ("left", hp.loguniform("l", np.log(1e-4), 0.0)),
            ("right", hp.qloguniform("r", 0.0, np.log(200), 1)),
        ],
    )
    study = study_with(seed=5)
    study.optimize(objective, n_trials=60)
    expected = tried_by_hyperopt(theirs, space, 60, seed=5)
    for ours, reference in zip(tried_by_optuna(study), expected, strict=True):
        assert ours == pytest.approx(reference, rel=1e-12)


def test_start_up_trials_are_those_of_random_search() -> None:
    study = study_with(seed=6, n_startup_trials=1000)
    study.optimize(lambda trial: trial.suggest_float("x", 0, 1), n_trials=50)
    expected = tried_by_hyperopt(lambda x: x, hp.uniform("x", 0, 1), 50, seed=6, algo=rand.suggest)
    assert tried_by_optuna(study) == expected


def objective_of_two(trial: Any) -> float:
    x = trial.suggest_float("x", -5, 5)
    return (x - 2) ** 2 + (trial.suggest_int("n", 0, 40, step=4) - 12) ** 2


def test_a_resumed_study_goes_on_as_if_it_had_not_stopped(tmp_path: Path) -> None:
    whole = study_with(seed=7)
    whole.optimize(objective_of_two, n_trials=50)
    storage = f"sqlite:///{tmp_path / 'study.db'}"
    for n in (30, 20):
        part = optuna.create_study(
            study_name="s", storage=storage, sampler=HyperoptSampler(seed=7), load_if_exists=True
        )
        part.optimize(objective_of_two, n_trials=n)
    assert [t.params for t in part.trials] == [t.params for t in whole.trials]


def test_a_pickled_sampler_goes_on() -> None:
    whole, stopped = study_with(seed=8), study_with(seed=8)
    whole.optimize(objective_of_two, n_trials=40)
    stopped.optimize(objective_of_two, n_trials=25)
    stopped.sampler = pickle.loads(pickle.dumps(stopped.sampler))
    stopped.optimize(objective_of_two, n_trials=15)
    assert [t.params for t in stopped.trials] == [t.params for t in whole.trials]


def test_maximising_tries_what_minimising_the_opposite_tries() -> None:
    down = study_with(seed=9)
    down.optimize(objective_of_two, n_trials=40)
    up = optuna.create_study(direction="maximize", sampler=HyperoptSampler(seed=9))
    up.optimize(lambda trial: -objective_of_two(trial), n_trials=40)
    assert [t.params for t in up.trials] == [t.params for t in down.trials]


def test_failed_and_pruned_trials_are_no_obstacle() -> None:
    def objective(trial: Any) -> float:
        loss = objective_of_two(trial)
        if trial.number % 5 == 1:
            raise ZeroDivisionError
        if trial.number % 5 == 2:
            raise optuna.TrialPruned
        return loss if trial.number % 5 != 3 else float("nan")

    study = study_with(seed=10)
    study.optimize(objective, n_trials=80, catch=(ZeroDivisionError,))
    assert len(study.trials) == 80
    assert study.best_value < 4


def test_threads_get_random_numbers_of_their_own() -> None:
    study = study_with(seed=11)
    study.optimize(objective_of_two, n_trials=60, n_jobs=3)
    assert len({trial.params["x"] for trial in study.trials}) == 60
    assert study.sampler._suggestions[study] == {}


def test_a_thread_that_begins_does_not_disturb_a_trial_of_another(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    study = study_with(seed=11)
    get_trials = study.get_trials

    def while_another_thread_begins(*args: Any, **kwargs: Any) -> Any:
        study.sampler.reseed_rng()  # as Optuna does there
        return get_trials(*args, **kwargs)

    monkeypatch.setattr(study, "get_trials", while_another_thread_begins)
    study.optimize(objective_of_two, n_trials=3)
    assert len(study.trials) == 3


def test_values_stay_inside_of_the_range_and_on_the_grid() -> None:
    study = study_with(seed=12)
    for _ in range(60):
        trial = study.ask()
        step = trial.suggest_float("step", 0.3, 1.9, step=0.4)
        whole = trial.suggest_int("whole", 3, 11, step=4)
        log = trial.suggest_float("log", 1e-8, 1e-3, log=True)
        log_whole = trial.suggest_int("log_whole", 1, 7, log=True)
        assert min(abs(step - (0.3 + 0.4 * i)) for i in range(5)) < 1e-9
        assert whole in (3, 7, 11)
        assert isinstance(whole, int)
        assert 1e-8 <= log <= 1e-3
        assert log_whole in range(1, 8)
        study.tell(trial, step + whole + log + log_whole)


def test_a_range_may_change_between_trials() -> None:
    study = study_with(seed=13, n_startup_trials=5)
    study.optimize(lambda trial: trial.suggest_float("x", 0, 10 + trial.number), n_trials=15)
    study.optimize(lambda trial: trial.suggest_float("x", 100, 101), n_trials=10)
    assert all(100 <= trial.params["x"] <= 101 for trial in study.trials[-10:])


def test_two_studies_may_share_a_sampler() -> None:
    sampler = HyperoptSampler(seed=14)
    one = optuna.create_study(sampler=sampler)
    other = optuna.create_study(sampler=sampler)
    for _ in range(3):
        first, second = one.ask(), other.ask()
        assert first.suggest_float("x", 0, 1) == second.suggest_float("x", 0, 1)
        one.tell(first, 0.0)
        other.tell(second, 0.0)


def test_several_objectives_are_refused() -> None:
    study = optuna.create_study(directions=["minimize"] * 2, sampler=HyperoptSampler())
    with pytest.raises(InvalidArgumentError, match="one objective"):
        study.optimize(lambda trial: (trial.suggest_float("x", 0, 1), 0.0), n_trials=1)


@pytest.mark.parametrize(
    "options", [{"n_ei_candidates": 0}, {"prior_weight": 0.0}, {"gamma": -0.1}], ids=str
)
def test_an_option_out_of_range_is_refused(options: dict[str, Any]) -> None:
    with pytest.raises(InvalidArgumentError, match=next(iter(options))):
        HyperoptSampler(**options)
