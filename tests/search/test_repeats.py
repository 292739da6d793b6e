"""Points that are the same, points that are left, and searches that propose none twice."""

from __future__ import annotations

import functools
import itertools
import math
import pickle
from pathlib import Path
from typing import Any

import hyperopt
import numpy as np
import pytest
from hyperopt import anneal, hp, rand, tpe
from hyperopt.base import JOB_STATE_CANCEL, JOB_STATE_DONE, JOB_STATE_ERROR, STATUS_OK
from hyperopt.pyll import scope
from hypothesis import given, settings
from hypothesis import strategies as st

from hyperbridge import Trials, fmin
from hyperbridge.documents import misc_of, new_document
from hyperbridge.errors import InvalidArgumentError, UnsupportedArgumentError
from hyperbridge.search import fresh_points
from hyperbridge.search.known_points import KnownPoints
from hyperbridge.space.finite import outline_of, points_of
from hyperbridge.translate.from_hyperopt import read_space

CUBE = {label: hp.randint(label, 6) for label in "abc"}


def search(fn: Any, space: Any, **kwargs: Any) -> Any:
    arguments = {
        "algo": tpe.suggest, "max_evals": 20, "show_progressbar": False, "return_argmin": False,
        "rstate": np.random.default_rng(0), "trials": Trials(),
    }  # fmt: skip
    arguments.update(kwargs)
    fmin(fn, space, **arguments)
    return arguments["trials"]


def keys_of(space: Any, trials: Any) -> list[Any]:
    known = KnownPoints(read_space(space), trials)
    return [known.key_of(document) for document in trials._dynamic_trials]


def bowl(point: Any) -> float:
    return float((point["a"] - 3) ** 2 + (point["b"] - 2) ** 2 + (point["c"] - 4) ** 2)


@st.composite
def small_spaces(draw: Any, depth: int = 2) -> Any:
    """A space with few points, and labels that are its own."""
    counter = itertools.count()

    def build(level: int) -> Any:
        label = f"l{next(counter)}"
        kinds = ["randint", "offset", "quniform", "qlog", "single", "pchoice", "constant", "int"]
        kind = draw(st.sampled_from(kinds + ["choice", "dict"] * 2 * (level > 0)))
        low = draw(st.integers(-3, 3))
        q = draw(st.sampled_from([0.5, 1, 2, 3]))
        if kind == "randint":
            return hp.randint(label, draw(st.integers(1, 4)))
        if kind == "offset":
            return hp.randint(label, low, low + draw(st.integers(1, 3)))
        if kind == "quniform":
            return hp.quniform(label, low, low + draw(st.sampled_from([0.5, 1, 2.25, 3])), q)
        if kind == "qlog":
            return hp.qloguniform(label, math.log(0.4), math.log(draw(st.integers(1, 6))), q)
        if kind == "single":
            return hp.normal(label, low, 0)
        if kind == "pchoice":
            return hp.pchoice(label, [(0.25, "a"), (0.75, 3)])
        if kind == "int":
            return scope.int(hp.quniform(label, 0, draw(st.integers(1, 3)), 1)) + 1
        if kind == "choice":
            n = draw(st.integers(1, 3))
            return hp.choice(label, [build(level - 1) for _ in range(n)])
        if kind == "dict":
            return {"u": build(level - 1), "v": build(level - 1)}
        return "constant"

    return {"top": build(depth), "z": hp.randint("z", 2)}


@settings(max_examples=60, deadline=None)
@given(small_spaces(), st.integers(0, 1000))
def test_the_listed_points_are_those_that_hyperopt_draws(space: Any, seed: int) -> None:
    model = read_space(space)
    outline = outline_of(model)
    assert outline is not None
    points = points_of(outline, 3000)
    if points is None:
        return
    known = KnownPoints(model, hyperopt.Trials())
    listed = {known.key(point) for point in points}
    assert len(listed) == len(points)
    for point in points:
        model.point(point)  # each can be built, and reaches what it has
        assert model.reached(point) == point
    trials = hyperopt.Trials()
    domain = hyperopt.base.Domain(lambda point: 0, space)
    documents = rand.suggest(list(range(60)), domain, trials, seed)
    assert {known.key_of(document) for document in documents} <= listed


def test_a_space_is_listed_up_to_a_limit_and_not_at_all_when_it_has_no_end() -> None:
    def listed(space: Any, limit: int) -> Any:
        outline = outline_of(read_space(space))
        return None if outline is None else points_of(outline, limit)

    assert len(listed(CUBE, 216)) == 216
    assert listed(CUBE, 215) is None
    assert listed(hp.randint("n", 10**12), 10**4) is None
    assert listed(hp.quniform("q", 0, 1e300, 1e-3), 10**4) is None
    for endless in (hp.uniform("x", 0, 1), hp.qnormal("x", 0, 1, 1), hp.lognormal("x", 0, 1)):
        assert listed({"n": hp.randint("n", 2), "x": endless}, 10**4) is None
    assert listed(hp.normal("x", 2.5, 0), 10) == [{"x": 2.5}]
    assert listed("a constant", 10) == [{}]
    assert listed(hp.pchoice("p", [(0.0, 1), (1.0, 2)]), 10) == [{"p": 1}]
    computed = hp.randint("n", 1 + hp.randint("m", 3))
    assert listed(computed, 10) is None


@scope.define
def explodes_when_listed(value: Any) -> Any:
    raise AssertionError("called")


def test_listing_calls_no_function_of_the_space() -> None:
    outline = outline_of(read_space(scope.explodes_when_listed(hp.randint("n", 3))))
    assert outline is not None
    assert points_of(outline, 10) == [{"n": 0}, {"n": 1}, {"n": 2}]


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ({"k": 1, "n": 2}, {"k": np.int64(1), "n": np.float64(2)}, True),
        ({"k": 0, "q": 0.3}, {"k": 0, "q": 3 * 0.1}, True),
        ({"k": 0, "q": 0.3}, {"k": 0, "q": 0.3, "n": 1}, True),  # n is not reached
        ({"k": 0, "q": -0.0}, {"k": 0, "q": 0.0}, True),
        ({"k": 0, "q": math.nan}, {"k": 0, "q": np.nan}, True),
        ({"k": 0, "q": 0.3}, {"k": 0, "q": 0.4}, False),
        ({"k": 0, "q": 0.3}, {"k": 0, "q": 0.31}, False),
        ({"k": 0, "q": 1}, {"k": 1, "n": 1}, False),
        ({"k": 0, "q": math.nan}, {"k": 0, "q": 0.0}, False),
    ],
)
def test_what_is_the_same_point(one: Any, other: Any, same: bool) -> None:
    space = read_space(hp.choice("k", [hp.quniform("q", 0, 1, 0.1), hp.randint("n", 5)]))
    known = KnownPoints(space, hyperopt.Trials())
    assert (known.key(one) == known.key(other)) is same


def test_what_cannot_be_compared_is_a_new_point() -> None:
    known = KnownPoints(read_space(hp.uniform("x", 0, 1)), hyperopt.Trials())
    assert known.key({"x": [1, 2]}) is None


def test_what_raised_is_drawn_a_second_time_and_not_a_third() -> None:
    def fragile(point: Any) -> float:
        if point == 3:
            raise OSError("gone")
        return float(point)

    trials = search(
        fragile, hp.randint("n", 5), max_evals=50, repeats="skip", catch_eval_exceptions=True
    )
    documents = trials._dynamic_trials
    values = [int(document["misc"]["vals"]["n"][0]) for document in documents]
    assert sorted(values) == [0, 1, 2, 3, 3, 4]
    assert trials.stop_reason == "search_exhausted"
    states = [d["state"] for d in documents if d["misc"]["vals"]["n"][0] == 3]
    assert states == [JOB_STATE_ERROR, JOB_STATE_ERROR]


def test_what_was_cancelled_was_not_evaluated() -> None:
    trials = hyperopt.Trials()
    for tid, state in enumerate([JOB_STATE_CANCEL, JOB_STATE_CANCEL, JOB_STATE_DONE]):
        document = new_document(tid, misc_of(tid, {"n": tid // 2}, ["n"]), None)
        document.update(state=state, result={"status": STATUS_OK, "loss": 1.0})
        trials.insert_trial_docs([document])
    trials.refresh()
    search(float, hp.randint("n", 3), max_evals=50, repeats="skip", trials=trials)
    values = [int(d["misc"]["vals"]["n"][0]) for d in trials.trials]
    assert sorted(values) == [0, 1, 2]


@pytest.mark.parametrize(
    ("algo", "queue"),
    [(tpe.suggest, 1), (tpe.suggest, 7), (rand.suggest, 7), (anneal.suggest, 1)],
)
@pytest.mark.parametrize("parallelism", [1, 4])
def test_no_point_is_evaluated_twice(algo: Any, queue: int, parallelism: int) -> None:
    trials = search(
        bowl, CUBE, algo=algo, max_evals=120, max_queue_len=queue, repeats="skip",
        parallelism=parallelism, points_to_evaluate=[{"a": 1, "b": 1, "c": 1}],
    )  # fmt: skip
    keys = keys_of(CUBE, trials)
    assert len(keys) == len(set(keys)) == 121
    if queue == 1:
        assert [document["tid"] for document in trials.trials] == list(range(121))
    assert trials.stop_reason == "max_evals"


@pytest.mark.parametrize("fast", ["1", "0"])
def test_the_same_seed_gives_the_same_trials(fast: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def documents() -> list[Any]:
        found = search(bowl, CUBE, max_evals=50, repeats="skip").trials
        return [{k: v for k, v in d.items() if not k.endswith("time")} for d in found]

    first = documents()
    assert any("redrawn" in document["misc"] for document in first)
    monkeypatch.setenv("HYPERBRIDGE_FAST_TPE", fast)
    assert documents() == first


def test_a_search_that_is_continued_from_a_file_goes_on_as_if_it_had_not_stopped(
    tmp_path: Path,
) -> None:
    whole = search(bowl, CUBE, max_evals=60, repeats="skip")
    file = str(tmp_path / "trials.pkl")
    for n in (25, 45, 60):
        search(bowl, CUBE, max_evals=n, repeats="skip", trials=None, trials_save_file=file)
    parts = pickle.loads(Path(file).read_bytes())
    assert keys_of(CUBE, parts) == keys_of(CUBE, whole)


def test_run_is_what_it_was() -> None:
    plain, said = search(bowl, CUBE, max_evals=60), search(bowl, CUBE, max_evals=60, repeats="run")
    assert keys_of(CUBE, plain) == keys_of(CUBE, said)
    assert len(set(keys_of(CUBE, plain))) < 60


def test_an_algorithm_of_ones_own_may_return_several_trials_or_fewer(
    caplog: pytest.LogCaptureFixture,
) -> None:
    asked: list[list[int]] = []

    def stubborn(new_ids: Any, domain: Any, trials: Any, seed: int) -> Any:
        asked.append(list(new_ids))
        documents = rand.suggest(new_ids[:3], domain, trials, seed)
        for document in documents[:2]:  # two of three are always the same point
            document["misc"]["vals"]["n"] = [4]
        return documents

    trials = search(
        float, hp.randint("n", 9), algo=stubborn, max_queue_len=5, max_evals=40, repeats="skip"
    )
    values = [int(d["misc"]["vals"]["n"][0]) for d in trials.trials]
    assert sorted(values) == list(range(9))
    assert max(map(len, asked)) == 5
    assert asked[1] == asked[0][1:2]  # only for what was a repeat it is asked again
    assert caplog.text.count("all 9 points of the space were evaluated") == 1


def test_an_algorithm_that_insists_gets_random_points_beside_it_until_none_is_found(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fresh_points, "MOST_LISTED", 5)
    monkeypatch.setattr(fresh_points, "MOST_DRAWS", 200)

    def constant(new_ids: Any, domain: Any, trials: Any, seed: int) -> Any:
        documents = rand.suggest(new_ids, domain, trials, seed)
        for document in documents:
            document["misc"]["vals"]["n"] = [4]
        return documents

    trials = search(float, hp.randint("n", 9), algo=constant, max_evals=40, repeats="skip")
    values = [int(d["misc"]["vals"]["n"][0]) for d in trials.trials]
    assert sorted(values) == list(range(9))
    assert values[0] == 4
    assert "200 random draws were all known points" in caplog.text
    trials = search(
        float, hp.uniform("n", 0, 1), algo=functools.partial(constant), max_evals=9, repeats="skip"
    )
    assert len(set(keys_of(hp.uniform("n", 0, 1), trials))) == 9


def test_reuse_calls_the_objective_once_for_each_point() -> None:
    calls: list[Any] = []

    def fn(point: Any) -> float:
        calls.append(tuple(sorted(point.items())))
        return bowl(point)

    trials = search(fn, CUBE, max_evals=100, repeats="reuse")
    plain = search(bowl, CUBE, max_evals=100)
    assert len(calls) == len(set(calls)) < 80
    assert trials.losses() == plain.losses()  # the search learns from them as if they were run
    n_reused = sum("reused_from" in document["misc"] for document in trials.trials)
    assert n_reused == 100 - len(calls)
    assert b"hyperbridge" not in pickle.dumps(trials.trials)


def test_reuse_runs_what_has_no_result_yet() -> None:
    calls: list[int] = []

    def fragile(point: Any) -> float:
        calls.append(int(point))
        if point == 1 and calls.count(1) < 3:
            raise OSError("gone")
        return float(point)

    trials = search(
        fragile, hp.randint("n", 2), max_evals=20, repeats="reuse", catch_eval_exceptions=True
    )
    assert (calls.count(0), calls.count(1)) == (1, 3)
    states = [document["state"] for document in trials._dynamic_trials]
    assert states.count(JOB_STATE_ERROR) == 2


def test_reuse_without_an_end_ends(caplog: pytest.LogCaptureFixture) -> None:
    trials = search(float, hp.randint("n", 3), algo=rand.suggest, max_evals=None, repeats="reuse")
    assert 1000 <= len(trials) < 1010
    assert trials.stop_reason == "search_exhausted"
    assert "max_evals is not set" in caplog.text


@pytest.mark.parametrize("stop", ["early", "threshold"])
def test_a_reused_result_counts_for_what_ends_a_search(stop: str) -> None:
    trials = search(float, hp.randint("n", 3), algo=rand.suggest, max_evals=6)
    n_before = len(trials)
    arguments: dict[str, Any] = {
        "early": {"early_stop_fn": lambda t, *a: (len(t) >= n_before + 2, a)},
        "threshold": {"loss_threshold": 0.5},
    }[stop]
    search(
        float, hp.randint("n", 3), algo=rand.suggest, max_evals=50, trials=trials,
        repeats="reuse", **arguments,
    )  # fmt: skip
    assert len(trials) == n_before + (2 if stop == "early" else 1)
    assert trials.stop_reason == ("early_stop_fn" if stop == "early" else "loss_threshold")


def test_the_searches_of_other_packages_are_refused_by_name_where_they_cannot_do_it() -> None:
    class Simple:
        name = "simple"
        kept_in = None

    with pytest.raises(UnsupportedArgumentError, match="'simple' cannot take a proposal back"):
        fresh_points.FreshPoints(Simple(), read_space(CUBE), Trials(), None, [])  # type: ignore[arg-type]


@pytest.mark.parametrize("value", ["twice", 3, True])
def test_other_values_are_refused(value: Any) -> None:
    with pytest.raises(InvalidArgumentError, match="repeats must be one of 'run', 'skip', 'reuse'"):
        search(bowl, CUBE, repeats=value)
