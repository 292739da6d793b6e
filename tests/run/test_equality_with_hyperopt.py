"""A seed gives, on the local backend, what hyperopt's own fmin gives, bit for bit."""

from __future__ import annotations

import functools
import io
import pickle
import warnings
from typing import Any

import hyperopt
import numpy as np
import pytest
from hyperopt import anneal, hp, mix, rand, tpe
from hyperopt.early_stop import no_progress_loss
from hyperopt.fmin import fmin_pass_expr_memo_ctrl, generate_trials_to_calculate
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hyperbridge.surface import originals
from hyperbridge.surface.fmin import fmin
from hyperbridge.surface.trials import Trials

SPACE = {
    "x": hp.uniform("x", -5, 5),
    "lr": hp.loguniform("lr", -7, 0),
    "model": hp.choice(
        "model",
        [
            {"kind": "tree", "depth": hp.quniform("depth", 1, 9, 1), "n": hp.randint("n", 5)},
            {"kind": "net", "width": hp.qlognormal("width", 2, 1, 4)},
            {"kind": "line", "z": hp.normal("z", 0, 2)},
        ],
    ),
    "sizes": [hp.pchoice("size", [(0.2, 1), (0.8, 2)]), hp.uniformint("k", 2, 6)],
}


def loss(p: Any) -> float:
    model = p["model"]
    extra = model.get("depth", 0) + model.get("width", 3) / 10 + model.get("z", 1)
    return float((p["x"] - 1) ** 2 + p["lr"] + abs(extra) + p["sizes"][0] * p["sizes"][1] / 10)


def own_suggest(new_ids: Any, domain: Any, trials: Any, seed: int) -> Any:
    assert isinstance(trials, hyperopt.Trials)
    finished = sum(r["status"] == "ok" for r in trials.results)
    return rand.suggest(new_ids, domain, trials, seed + finished)


ALGORITHMS: dict[str, Any] = {
    "tpe": tpe.suggest,
    "tpe with options": functools.partial(
        tpe.suggest, n_startup_jobs=4, gamma=0.4, n_EI_candidates=9
    ),
    "rand": rand.suggest,
    "anneal": anneal.suggest,
    "anneal with options": functools.partial(anneal.suggest, avg_best_idx=3.0),
    "mix": functools.partial(
        mix.suggest, p_suggest=[(0.3, rand.suggest), (0.3, anneal.suggest), (0.4, tpe.suggest)]
    ),
    "own": own_suggest,
}


def plain(documents: list[dict[str, Any]]) -> bytes:
    """Return documents as bytes that differ when a value or a type does, time stamps aside."""
    kept = []
    for document in documents:
        copy = {k: v for k, v in document.items() if not k.endswith("_time")}
        copy["misc"] = {k: v for k, v in document["misc"].items() if k != "traceback"}
        kept.append(repr(sorted(copy.items())))
    return "\n".join(kept).encode()


def run(function: Any, trials: Any, fn: Any = loss, space: Any = SPACE, **kwargs: Any) -> Any:
    arguments = {"algo": tpe.suggest, "rstate": np.random.default_rng(11), "verbose": False}
    try:
        return function(fn, space, **{**arguments, "trials": trials, **kwargs})
    except Exception as exc:
        return type(exc).__mro__, str(exc)


def assert_same(fn: Any = loss, space: Any = SPACE, **kwargs: Any) -> Any:
    ours, theirs = Trials(), hyperopt.Trials()
    mine = run(fmin, ours, fn, space, **kwargs)
    other = run(originals.fmin, theirs, fn, space, **kwargs)
    assert repr(mine) == repr(other)
    assert plain(ours._dynamic_trials) == plain(theirs._dynamic_trials)
    assert plain(ours.trials) == plain(theirs.trials)
    assert repr(ours.losses()) == repr(theirs.losses())
    if theirs.trials:
        assert repr(ours.vals) == repr(theirs.vals)
    assert repr(ours.attachments) == repr(theirs.attachments)
    assert ours._ids == theirs._ids
    return ours


@pytest.mark.parametrize("queue_len", [1, 5])
@pytest.mark.parametrize("algo", ALGORITHMS)
def test_each_algorithm_gives_the_same_trials(algo: str, queue_len: int) -> None:
    trials = assert_same(algo=ALGORITHMS[algo], max_evals=32, max_queue_len=queue_len)
    takes_one_id = "anneal" in algo or algo == "mix"  # hyperopt's anneal fails on several
    assert len(trials) == 32 or (takes_one_id and queue_len > 1)


def test_ends_of_randint_by_name_are_those_by_position() -> None:
    by_name = {
        "m": hp.randint("m", low=4, high=12),
        "c": hp.choice("c", [hp.randint("n", 50, high=60), hp.randint("k", low=3)]),
    }
    by_position = {
        "m": hp.randint("m", 4, 12),
        "c": hp.choice("c", [hp.randint("n", 50, 60), hp.randint("k", 3)]),
    }
    found = []
    for space in (by_name, by_position):
        trials = Trials()
        best = run(fmin, trials, lambda p: float(p["m"] - p["c"]), space, max_evals=60)
        found.append((repr(best), plain(trials.trials)))
        assert len(trials) == 60
        assert 4 <= min(trials.vals["m"]) <= max(trials.vals["m"]) < 12
    assert found[0] == found[1]
    theirs = hyperopt.Trials()
    run(originals.fmin, theirs, lambda p: float(p["m"] - p["c"]), by_name, max_evals=60)
    assert len(theirs) < 60 or min(theirs.vals["m"]) < 4
    (drawn,) = (node for node in hyperopt.pyll.dfs(by_name["m"]) if node.name == "randint")
    assert {"low", "high"} <= dict(drawn.named_args).keys()  # the user's own nodes stay


def test_max_queue_len_that_does_not_divide_max_evals() -> None:
    assert_same(max_evals=23, max_queue_len=7)


@pytest.mark.parametrize("queue_len", [1, 3])
def test_early_stop_after_no_progress(queue_len: int) -> None:
    trials = assert_same(max_evals=60, early_stop_fn=no_progress_loss(4), max_queue_len=queue_len)
    assert len(trials) < 60


@pytest.mark.parametrize("queue_len", [1, 4])
def test_losses_that_are_changed_while_the_search_runs(queue_len: int) -> None:
    def relative(trials: Any, *_: Any) -> Any:
        if len(trials) % 5 == 0:
            for document in trials.trials:
                document["result"]["loss"] += document["tid"] % 3 * 10.0
        return False, []

    assert_same(max_evals=45, early_stop_fn=relative, max_queue_len=queue_len)


@pytest.mark.parametrize("queue_len", [1, 4])
def test_a_loss_threshold(queue_len: int) -> None:
    trials = assert_same(max_evals=80, loss_threshold=6.0, max_queue_len=queue_len)
    assert len(trials) < 80


def test_return_argmin_false() -> None:
    assert_same(max_evals=5, return_argmin=False)


def test_failures_that_are_caught() -> None:
    def fragile(p: Any) -> float:
        if p["x"] < -1:
            raise ArithmeticError(f"no root of {p['x']}")
        return loss(p)

    for queue_len in (1, 4):
        trials = assert_same(
            fragile, max_evals=30, catch_eval_exceptions=True, max_queue_len=queue_len
        )
        assert 0 < len(trials.trials) < len(trials._dynamic_trials) == 30


@pytest.mark.parametrize("queue_len", [1, 4])
def test_a_failure_that_is_raised_leaves_the_same_documents(queue_len: int) -> None:
    def fragile(p: Any) -> float:
        if p["x"] > 3:
            raise ArithmeticError("too large")
        return loss(p)

    trials = assert_same(fragile, max_evals=40, max_queue_len=queue_len)
    failed = [d for d in trials._dynamic_trials if "error" in d["misc"]]
    assert failed[0]["misc"]["error"] == ("<class 'ArithmeticError'>", "too large")


def test_failed_status_missing_and_nan_losses() -> None:
    def moody(p: Any) -> dict[str, Any]:
        if p["x"] < -3:
            return {"status": "fail"}
        if p["x"] < -1:
            return {"status": "fail", "loss": -50.0, "why": "x"}
        return {"status": "ok", "loss": float("nan") if p["x"] > 3 else loss(p), "extra": [1]}

    assert_same(moody, max_evals=45)
    assert_same(moody, max_evals=45, max_queue_len=4)
    assert_same(moody, max_evals=45, loss_threshold=-20.0)


def test_attachments_of_results_and_of_ctrl() -> None:
    @fmin_pass_expr_memo_ctrl
    def low_level(expr: Any, memo: Any, ctrl: Any) -> dict[str, Any]:
        point = hyperopt.pyll.rec_eval(expr, memo=memo)
        ctrl.attachments["a"] = b"ctrl"
        return {"status": "ok", "loss": loss(point), "attachments": {"b": b"result"}}

    trials = assert_same(low_level, max_evals=4)
    assert len(trials.attachments) == 8


def test_an_objective_that_injects_results_through_ctrl() -> None:
    @fmin_pass_expr_memo_ctrl
    def injecting(expr: Any, memo: Any, ctrl: Any) -> dict[str, Any]:
        point = hyperopt.pyll.rec_eval(expr, memo=memo)
        if ctrl.current_trial["tid"] == 2:
            misc = {"vals": dict(ctrl.current_trial["misc"]["vals"]), "workdir": None, "cmd": None}
            misc["idxs"] = {k: [77] if v else [] for k, v in misc["vals"].items()}
            ctrl.inject_results(
                specs=[None], results=[{"status": "ok", "loss": 0.5}],
                miscs=[{**misc, "tid": 77}], new_tids=[77],
            )  # fmt: skip
        return {"status": "ok", "loss": loss(point)}

    assert_same(injecting, max_evals=8)


def test_points_to_evaluate_with_no_trials() -> None:
    points = [{"x": 1.0, "y": 0}, {"x": -2.0, "y": 1}]
    space = {"x": hp.uniform("x", -5, 5), "y": hp.choice("y", [10, 20])}
    seen: dict[Any, list[Any]] = {}
    for function in (fmin, originals.fmin):
        calls = seen[function] = []

        def fn(p: Any, calls: list[Any] = calls) -> float:
            calls.append(dict(p))
            return float(p["x"] ** 2 + p["y"])

        calls.append(run(function, None, fn, space, max_evals=26, points_to_evaluate=points))
    assert repr(seen[fmin]) == repr(seen[originals.fmin])
    assert len(seen[fmin]) == 2 + 26 + 1


@pytest.mark.parametrize("refreshed", [True, False])
def test_pre_filled_trials(refreshed: bool) -> None:
    space = {"x": hp.uniform("x", -5, 5), "y": hp.choice("y", [10, 20])}
    points = [{"x": 1.0, "y": 0}, {"x": -2.0, "y": 1}]
    results = []
    for function in (fmin, originals.fmin):
        trials = generate_trials_to_calculate(points)
        if refreshed:
            trials.refresh()
        best = run(function, trials, lambda p: float(p["x"] ** 2 + p["y"]), space, max_evals=26)
        results.append((repr(best), plain(trials.trials)))
    assert results[0] == results[1]


def test_trials_that_are_resumed_and_grow() -> None:
    ours, theirs = Trials(), hyperopt.Trials()
    for max_evals in (3, 24, 24, 10, 30):
        mine = run(fmin, ours, max_evals=max_evals)
        other = run(originals.fmin, theirs, max_evals=max_evals)
        assert repr(mine) == repr(other)
        assert plain(ours.trials) == plain(theirs.trials)


def test_trials_that_lost_some_to_failures_are_resumed_alike() -> None:
    def fragile(p: Any) -> float:
        if p["x"] < -1:
            raise ArithmeticError("below")
        return loss(p)

    ours, theirs = Trials(), hyperopt.Trials()
    for max_evals in (10, 30):
        run(fmin, ours, fragile, max_evals=max_evals, catch_eval_exceptions=True)
        run(originals.fmin, theirs, fragile, max_evals=max_evals, catch_eval_exceptions=True)
        assert plain(ours._dynamic_trials) == plain(theirs._dynamic_trials)
        assert ours._ids == theirs._ids


def test_trials_with_an_experiment_key() -> None:
    ours, theirs = Trials(exp_key="mine"), hyperopt.Trials(exp_key="mine")
    assert repr(run(fmin, ours, max_evals=25)) == repr(run(originals.fmin, theirs, max_evals=25))
    assert plain(ours.trials) == plain(theirs.trials)
    assert {d["exp_key"] for d in ours.trials} == {"mine"}


def test_an_old_pickle_of_hyperopts_trials_loads_and_goes_on() -> None:
    theirs = hyperopt.Trials()
    run(originals.fmin, theirs, max_evals=22)
    loaded = pickle.load(io.BytesIO(pickle.dumps(theirs)))
    run(fmin, loaded, max_evals=30)
    run(originals.fmin, theirs, max_evals=30)
    assert type(loaded) is hyperopt.Trials
    assert plain(loaded.trials) == plain(theirs.trials)


def test_the_seed_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HYPEROPT_FMIN_SEED", "123")
    assert_same(max_evals=5, rstate=None)


def test_an_annotated_objective() -> None:
    def fn(x, y):  # type: ignore[no-untyped-def]
        return x**2 + y

    fn.__annotations__ = {"x": hp.uniform("x", -5, 5), "y": hp.choice("y", [1, 2])}
    assert_same(fn, "annotated", max_evals=25)


class Recorder(hyperopt.Trials):
    """A user's subclass that counts what the loop calls."""

    def __init__(self) -> None:
        self.calls: list[str] = []
        super().__init__()

    def refresh(self) -> None:
        self.calls.append("refresh")
        super().refresh()

    def insert_trial_docs(self, docs: Any) -> Any:
        self.calls.append(f"insert {[d['tid'] for d in docs]}")
        return super().insert_trial_docs(docs)

    def new_trial_ids(self, n: int) -> Any:
        self.calls.append(f"ids {n}")
        return super().new_trial_ids(n)

    def losses(self, bandit: Any = None) -> Any:
        self.calls.append("losses")
        return super().losses(bandit)


@pytest.mark.parametrize("queue_len", [1, 3])
def test_a_subclass_sees_the_calls_that_it_relies_on_in_hyperopts_order(queue_len: int) -> None:
    ours, theirs = Recorder(), Recorder()
    mine = run(fmin, ours, max_evals=9, max_queue_len=queue_len, loss_threshold=-1.0)
    other = run(originals.fmin, theirs, max_evals=9, max_queue_len=queue_len, loss_threshold=-1.0)
    assert repr(mine) == repr(other)

    def steps(calls: list[str]) -> list[str]:
        return [call for call in calls if call.startswith(("ids", "insert"))]

    assert steps(ours.calls) == steps(theirs.calls)
    text, batches = " ".join(ours.calls), len(steps(ours.calls)) // 2
    assert text.count("] refresh") == batches  # a refresh follows each insertion
    assert all(f"ids {n} refresh insert" in text for n in {1 if queue_len == 1 else 3})
    assert ours.calls.count("losses") >= batches
    after_last_insertion = ours.calls[ours.calls.index(steps(ours.calls)[-1]) + 2 :]
    assert "refresh" in after_last_insertion  # and one each result


def test_a_subclass_whose_losses_differ_decides_the_threshold() -> None:
    class Negated(hyperopt.Trials):
        def losses(self, bandit: Any = None) -> Any:
            return [None if v is None else -v for v in super().losses(bandit)]

    ours, theirs = Negated(), Negated()
    run(fmin, ours, max_evals=20, loss_threshold=-9.0)
    run(originals.fmin, theirs, max_evals=20, loss_threshold=-9.0)
    assert plain(ours.trials) == plain(theirs.trials)
    assert len(ours) < 20


def _spaces() -> st.SearchStrategy[Any]:
    def numbered(parts: list[int]) -> dict[str, Any]:
        return {f"p{i}": _dimension(kind, f"p{i}") for i, kind in enumerate(parts)}

    return st.lists(st.integers(0, 7), min_size=1, max_size=4).map(numbered)


def _dimension(kind: int, label: str) -> Any:
    makers: list[Any] = [
        lambda: hp.uniform(label, -1, 1),
        lambda: hp.quniform(label, 0, 10, 2),
        lambda: hp.loguniform(label, -3, 1),
        lambda: hp.normal(label, 0, 1),
        lambda: hp.randint(label, 6),
        lambda: hp.choice(label, ["a", hp.uniform(label + "u", 0, 1)]),
        lambda: hp.pchoice(label, [(0.3, 1.0), (0.7, hp.qnormal(label + "q", 3, 2, 1))]),
        lambda: hp.uniformint(label, 1, 5),
    ]
    return makers[kind]()


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    space=_spaces(),
    algo=st.sampled_from(sorted(ALGORITHMS)),
    queue_len=st.integers(1, 6),
    max_evals=st.integers(1, 26),
    seed=st.integers(0, 2**32),
)
def test_any_space_algorithm_and_queue_length(
    space: Any, algo: str, queue_len: int, max_evals: int, seed: int
) -> None:
    def fn(p: Any) -> float:
        return float(sum(v for v in p.values() if not isinstance(v, str)))

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        results = []
        for function in (fmin, originals.fmin):
            trials = hyperopt.Trials()
            best = run(
                function, trials, fn, space, algo=ALGORITHMS[algo], max_evals=max_evals,
                max_queue_len=queue_len, rstate=np.random.default_rng(seed),
            )  # fmt: skip
            results.append((repr(best), plain(trials.trials)))
        assert results[0] == results[1]
