"""What is made faster, what is left to hyperopt, and what the log says about it."""

from __future__ import annotations

import functools
import logging
from typing import Any

import hyperopt
import numpy as np
import pytest
from hyperopt import Domain, Trials, anneal, hp, rand, tpe
from hyperopt.pyll import scope
from tpe_replay import identical, past_documents, trials_of

from hyperbridge.search import fast as fast_module
from hyperbridge.search.fast import FastSuggest, accelerate

SPACE = hp.uniform("x", 0, 1)


def accelerated(algo: Any, space: Any = SPACE) -> FastSuggest | None:
    return accelerate(algo, Domain(lambda _: 0.0, space), Trials())


@pytest.mark.parametrize(
    "algo", [tpe.suggest, rand.suggest, functools.partial(tpe.suggest, gamma=0.5, verbose=False)]
)
def test_tpe_and_rand_are_made_faster(algo: Any) -> None:
    assert accelerated(algo) is not None


@pytest.mark.parametrize(
    ("algo", "reason"),
    [
        (anneal.suggest, "neither tpe.suggest nor rand.suggest"),
        (functools.partial(tpe.suggest, [3]), "positional"),
        (functools.partial(tpe.suggest, gama=1), "unexpected keyword argument"),
        (functools.partial(tpe.suggest, gamma=-1), "out of range"),
        (functools.partial(tpe.suggest, prior_weight=0), "out of range"),
        (functools.partial(tpe.suggest, prior_weight=np.float32(1)), "not a finite number"),
        (functools.partial(tpe.suggest, n_EI_candidates=0), "n_EI_candidates=0"),
        (functools.partial(tpe.suggest, n_EI_candidates=24.0), "n_EI_candidates=24.0"),
        (functools.partial(rand.suggest, gamma=1), "neither"),
    ],
)
def test_an_algorithm_that_is_left_alone_is_named_in_the_log(
    algo: Any, reason: str, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG, logger="hyperbridge"):
        assert accelerated(algo) is None
    (record,) = caplog.records
    assert reason in record.getMessage()


@pytest.mark.parametrize(
    ("space", "reason"),
    [
        (hp.randint("x", 5, high=10), "by keyword"),
        (hp.randint("x", 5.0), "not integers"),
        (hp.uniform("x", 0, np.float32(1)), "float32"),
        (hp.uniform("x", 0, 2**60), "not an exact float"),
        (hp.uniform("x", 0, -1), "not less than"),
        (hp.normal("x", 0, 0), "not positive"),
        (hp.quniform("x", 0, 1, -1), "not positive"),
        (hp.pchoice("x", [(1.5, 0), (-0.5, 1)]), "probabilities"),
    ],
)
def test_a_space_that_is_left_alone_is_named_in_the_log(
    space: Any, reason: str, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG, logger="hyperbridge"):
        assert accelerated(tpe.suggest, space) is None
    (record,) = caplog.records
    assert reason in record.getMessage()


def test_a_label_inside_of_the_arguments_of_another_is_left_to_hyperopt() -> None:
    try:
        domain = Domain(lambda _: 0.0, hp.uniform("x", 0, hp.uniform("y", 1, 2)))
    except Exception:
        pytest.skip("this hyperopt does not accept such a space")
    assert accelerate(tpe.suggest, domain, Trials()) is None


def test_the_environment_switches_it_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HYPERBRIDGE_FAST_TPE", "0")
    assert accelerated(tpe.suggest) is None
    monkeypatch.setenv("HYPERBRIDGE_FAST_TPE", "1")
    assert accelerated(tpe.suggest) is not None


def test_a_hyperopt_that_was_never_compared_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hyperopt, "__version__", "9.0")
    assert accelerated(tpe.suggest) is None


def test_a_function_that_took_the_place_of_suggest_is_called(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(tpe, "suggest", lambda *args: [])
    assert accelerated(tpe.suggest) is None


def test_another_domain_or_another_trials_object_is_left_to_hyperopt() -> None:
    domain, other = Domain(lambda _: 0.0, SPACE), Domain(lambda _: 0.0, hp.normal("z", 0, 1))
    trials, filled = trials_of([]), trials_of(past_documents(other, 30))
    fast = accelerate(tpe.suggest, domain, trials)
    assert fast is not None
    expected = tpe.suggest([30], other, filled, 3)
    assert identical(fast([30], other, filled, 3), expected)


def test_ids_that_are_not_integers_are_left_to_hyperopt() -> None:
    domain, trials = Domain(lambda _: 0.0, SPACE), Trials()
    fast = accelerate(rand.suggest, domain, trials)
    assert fast is not None
    assert identical(fast(["a"], domain, trials, 3), rand.suggest(["a"], domain, trials, 3))


def test_functions_that_a_condition_calls_are_called() -> None:
    @scope.define
    def hyperbridge_test_parity(value: float) -> int:
        return int(value) % 2

    try:
        number = hp.quniform("n", 0, 9, 1)
        space = scope.switch(scope.hyperbridge_test_parity(number), 0, hp.uniform("odd", 0, 1))
        domain = Domain(lambda _: 0.0, space)
        trials = trials_of(past_documents(domain, 40))
        fast = accelerate(tpe.suggest, domain, trials)
        assert fast is not None
        for seed in range(20):
            expected = tpe.suggest([40], domain, trials, seed)
            assert identical(fast([40], domain, trials, seed), expected)
    finally:
        scope.undefine("hyperbridge_test_parity")


def test_tpe_says_what_hyperopt_says_about_the_best_loss(
    caplog: pytest.LogCaptureFixture,
) -> None:
    domain = Domain(lambda _: 0.0, SPACE)
    trials = trials_of(past_documents(domain, 22))
    fast = accelerate(tpe.suggest, domain, trials)
    silent = accelerate(functools.partial(tpe.suggest, verbose=False), domain, trials)
    assert fast is not None
    assert silent is not None
    with caplog.at_level(logging.INFO, logger="hyperopt.tpe"):
        silent([22], domain, trials, 0)
        assert caplog.messages == []
        fast([22], domain, trials, 0)
        ours = caplog.messages[-1]
        tpe.suggest([22], domain, trials, 0)
    assert ours == caplog.messages[-1]


def test_both_ways_of_computing_a_power_must_agree(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fast_module, "arithmetic_is_uniform", lambda: False)
    assert accelerated(tpe.suggest) is None
