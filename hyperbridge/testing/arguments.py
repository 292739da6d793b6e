"""Arguments of fmin, in the sense that hyperopt gives them."""

from __future__ import annotations

import contextlib
import functools
import sys
import time
from pathlib import Path
from typing import Any

import cloudpickle
import hyperopt
import numpy as np
import pytest
from hyperopt import hp, pyll, rand, tpe
from hyperopt.base import JOB_STATE_CANCEL, JOB_STATE_DONE, JOB_STATE_RUNNING, STATUS_OK
from hyperopt.early_stop import no_progress_loss
from hyperopt.fmin import fmin_pass_expr_memo_ctrl, generate_trials_to_calculate

from hyperbridge.surface.spark_trials import SparkTrials
from hyperbridge.surface.trials import Trials
from hyperbridge.testing.basis import ALGORITHMS, SPACE, Basis, seed, without_time


class ArgumentsContract(Basis):
    """Arguments of fmin, in the sense that hyperopt gives them."""

    about = "arguments"

    def test_max_evals_is_the_number_of_trials(self, minimise: Any) -> None:
        trials = Trials()
        best = minimise(lambda p: p["x"] ** 2, max_evals=5, trials=trials)
        assert len(trials) == 5
        assert sorted(trials.tids) == [0, 1, 2, 3, 4]
        assert best == trials.argmin
        assert {d["state"] for d in trials.trials} == {JOB_STATE_DONE}

    def test_best_holds_the_index_of_a_choice_and_best_values_the_option(
        self, minimise: Any
    ) -> None:
        trials = Trials()
        best = minimise(lambda p: float(p["kind"]["name"] == "a"), max_evals=6, trials=trials)
        assert best["kind"] == 1
        assert "q" not in best
        assert best["n"] in (0, 1, 2)
        assert trials.best_values()["kind"] == {"name": "b", "n": best["n"]}

    def test_documents_have_the_keys_and_types_of_hyperopt(self, minimise: Any) -> None:
        trials, theirs = Trials(), hyperopt.Trials()
        minimise(lambda p: p["x"] ** 2, max_evals=3, trials=trials)
        hyperopt.fmin(
            lambda p: p["x"] ** 2, SPACE, algo=rand.suggest, max_evals=3, trials=theirs,
            rstate=seed(), verbose=False,
        )  # fmt: skip
        for ours, other in zip(trials.trials, theirs.trials, strict=True):
            assert set(ours) == set(other)
            assert {k: type(v) for k, v in ours.items()} == {k: type(v) for k, v in other.items()}
            assert set(ours["misc"]) == set(other["misc"])
            assert set(ours["misc"]["vals"]) == set(other["misc"]["vals"])
            assert ours["result"].keys() == other["result"].keys()
            assert ours["book_time"] <= ours["refresh_time"]

    def test_return_argmin_false_returns_the_point(self, minimise: Any) -> None:
        trials = Trials()
        point = minimise(lambda p: p["x"] ** 2, max_evals=4, trials=trials, return_argmin=False)
        assert point == hyperopt.space_eval(SPACE, trials.argmin)

    @pytest.mark.parametrize("timeout", [2, 1.5])
    def test_timeout_alone_ends_a_search_without_max_evals(
        self, minimise: Any, timeout: float
    ) -> None:
        def slow(p: Any) -> float:
            import time

            time.sleep(0.1)
            return float(p["x"])

        trials = Trials()
        start = time.monotonic()
        minimise(slow, timeout=timeout, trials=trials, return_argmin=False)
        assert timeout <= time.monotonic() - start < timeout + 20
        states = {d["state"] for d in trials._dynamic_trials}
        assert states
        assert states <= {JOB_STATE_DONE, JOB_STATE_CANCEL}

    def test_a_timeout_longer_than_any_clock_is_no_error(self, minimise: Any) -> None:
        trials = Trials()
        minimise(lambda p: 0.0, timeout=1e15, max_evals=2, trials=trials)
        assert len(trials) == 2

    def test_loss_threshold_ends_the_search(self, minimise: Any) -> None:
        trials = Trials()
        minimise(lambda p: -1.0, max_evals=50, loss_threshold=0.0, trials=trials)
        assert 1 <= len(trials) <= self.slots

    def test_a_loss_equal_to_the_threshold_does_not_end_the_search(self, minimise: Any) -> None:
        trials = Trials()
        minimise(lambda p: 0.0, max_evals=4, loss_threshold=0.0, trials=trials)
        assert len(trials) == 4

    def test_no_progress_loss_ends_the_search(self, minimise: Any) -> None:
        trials = Trials()
        minimise(lambda p: 1.0, max_evals=60, early_stop_fn=no_progress_loss(3), trials=trials)
        assert 3 <= len(trials) <= 4 + self.slots

    def test_early_stop_fn_may_return_a_dict_as_its_arguments(self, minimise: Any) -> None:
        seen: list[tuple[Any, ...]] = []

        def stop(trials: Any, *args: Any) -> tuple[bool, Any]:
            seen.append(args)
            return len(seen) >= 3, {"first": 1, "second": 2}

        minimise(lambda p: 0.0, max_evals=30, early_stop_fn=stop)
        assert seen == [(), ("first", "second"), ("first", "second")]

    def test_early_stop_fn_sees_the_trial_that_has_just_ended_as_the_last(
        self, minimise: Any
    ) -> None:
        losses: list[Any] = []

        def watch(trials: Any, *args: Any) -> tuple[bool, Any]:
            losses.append(trials.trials[-1]["result"]["loss"])
            assert all(d["result"]["status"] == STATUS_OK for d in trials.trials)
            return False, []

        trials = Trials()
        minimise(lambda p: p["x"], max_evals=5, early_stop_fn=watch, trials=trials)
        assert sorted(losses) == sorted(trials.losses())

    def test_points_to_evaluate_come_first_and_on_top_of_max_evals(self, minimise: Any) -> None:
        points = [{"x": 1.5, "kind": 0, "q": 2.0}, {"x": -1.5, "kind": 1, "n": 2}]
        trials = Trials()
        minimise(lambda p: p["x"], max_evals=3, points_to_evaluate=points, trials=trials)
        vals = [{k: v[0] for k, v in d["misc"]["vals"].items() if v} for d in trials.trials]
        assert vals[:2] == points
        assert trials.losses()[:2] == [1.5, -1.5]
        assert len(trials) == 5

    def test_pre_filled_trials_are_evaluated_first(self, minimise: Any) -> None:
        trials = generate_trials_to_calculate([{"x": 0.25}, {"x": 0.75}])
        minimise(lambda x: x, hp.uniform("x", 0, 1), max_evals=2, trials=trials)
        assert trials.losses()[:2] == [0.25, 0.75]
        assert len(trials) == 4

    def test_a_normal_whose_sigma_is_0_has_one_value(self, minimise: Any) -> None:
        space = {"x": hp.normal("x", 1.5, 0), "n": hp.qlognormal("n", 0.5, 0, 1)}
        trials = Trials()
        minimise(lambda p: p["x"] + p["n"], space, max_evals=3, trials=trials)
        assert trials.losses() == [3.5] * 3
        assert trials.vals == {"x": [1.5] * 3, "n": [2.0] * 3}

    def test_a_parameter_that_pyll_clone_has_fixed_keeps_its_value(self, minimise: Any) -> None:
        index = hp.choice("a", [-1, hp.uniform("b", 0, 1)])
        drawn = index.pos_args[0].pos_args[1]
        space = pyll.clone(index, memo={drawn: pyll.as_apply(1)})
        trials = Trials()
        best = minimise(lambda p: p, space, algo=rand.suggest, max_evals=3, trials=trials)
        assert trials.vals["a"] == [1] * 3
        assert trials.losses() == trials.vals["b"]
        assert best == {"a": 1, "b": min(trials.losses())}

    def test_pass_expr_memo_ctrl_reaches_the_objective(self, minimise: Any) -> None:
        def low_level(expr: Any, memo: Any, ctrl: Any) -> dict[str, Any]:
            from hyperopt.pyll import rec_eval

            ctrl.attachments["note"] = b"by ctrl"
            trial = {**ctrl.current_trial, "misc": dict(ctrl.current_trial["misc"])}
            return {"loss": rec_eval(expr, memo=memo)["x"], "status": "ok", "trial": trial}

        marked = fmin_pass_expr_memo_ctrl(functools.wraps(low_level)(low_level))
        for kwargs in ({"pass_expr_memo_ctrl": True, "fn": low_level}, {"fn": marked}):
            trials = Trials()
            minimise(max_evals=2, trials=trials, parallelism=1, **kwargs)
            assert trials.losses() == [d["misc"]["vals"]["x"][0] for d in trials.trials]
            for document in trials.trials:
                assert trials.trial_attachments(document)["note"] == b"by ctrl"
                known = document["result"]["trial"]
                assert known.keys() == document.keys()
                assert known["state"] == JOB_STATE_RUNNING
                assert known["misc"] == document["misc"]

    @pytest.mark.parametrize("kind", [Trials, SparkTrials])
    def test_attachments_of_a_result_are_reachable_on_the_driver(
        self, minimise: Any, kind: Any
    ) -> None:
        def fn(p: Any) -> dict[str, Any]:
            text = repr(p["x"]).encode()
            return {"loss": p["x"], "status": "ok", "attachments": {"x.txt": text}}

        trials = kind()
        minimise(fn, max_evals=3, trials=trials)
        for document in trials.trials:
            assert "attachments" not in document["result"]
            stored = trials.trial_attachments(document)["x.txt"]
            assert float(stored) == document["result"]["loss"]

    @pytest.mark.parametrize("kind", [None, SparkTrials])
    def test_a_second_call_with_the_same_save_file_goes_on(
        self, minimise: Any, kind: Any, tmp_path: Path
    ) -> None:
        file = tmp_path / "trials.pkl"
        first = None if kind is None else kind()
        minimise(lambda p: p["x"], max_evals=3, trials=first, trials_save_file=file)
        before = _load(file)
        vars(before).pop("_hyperbridge_kept")  # as a file that another process has written
        file.write_bytes(cloudpickle.dumps(before))
        again = None if kind is None else kind()
        minimise(
            lambda p: p["x"], max_evals=5, trials=again, trials_save_file=str(file), rstate=seed(1)
        )
        after = _load(file)
        assert len(before) == 3
        assert len(after) == 5
        assert without_time(after.trials[:3]) == without_time(before.trials)
        assert [f.name for f in tmp_path.iterdir()] == ["trials.pkl"]

    def test_a_save_file_can_be_continued_on_the_local_backend_and_back(
        self, minimise: Any, tmp_path: Path
    ) -> None:
        file = tmp_path / "trials.pkl"
        minimise(lambda p: p["x"], max_evals=2, trials_save_file=file, backend="local")
        minimise(lambda p: p["x"], max_evals=4, trials_save_file=file)
        minimise(lambda p: p["x"], max_evals=5, trials_save_file=file, backend="local")
        assert sorted(_load(file).tids) == [0, 1, 2, 3, 4]

    def test_a_custom_progress_factory_sees_every_trial_and_the_best_loss(
        self, minimise: Any
    ) -> None:
        calls: list[Any] = []

        class Bar:
            postfix: Any = None

            def update(self, n: int) -> None:
                calls.append(n)

        bar = Bar()

        @contextlib.contextmanager
        def factory(initial: int, total: int | None) -> Any:
            calls.append(("open", initial, total))
            yield bar
            calls.append("closed")

        trials = Trials()
        minimise(lambda p: p["x"], max_evals=4, trials=trials, show_progressbar=factory)
        assert calls == [("open", 0, 4), 1, 1, 1, 1, "closed"]
        assert bar.postfix == f"best loss: {min(trials.losses())}"

    def test_verbose_false_prints_nothing(
        self, minimise: Any, capsys: pytest.CaptureFixture[str]
    ) -> None:
        minimise(lambda p: p["x"], max_evals=2, verbose=False, show_progressbar=True)
        assert capsys.readouterr().out == ""

    def test_the_progress_bar_counts_to_the_end_and_standard_output_is_restored(
        self, minimise: Any, capsys: pytest.CaptureFixture[str]
    ) -> None:
        streams = (sys.stdout, sys.stderr)
        minimise(lambda p: p["x"], max_evals=3, show_progressbar=True)
        assert (sys.stdout, sys.stderr) == streams
        captured = capsys.readouterr()
        assert "3/3" in captured.out + captured.err
        assert "best loss" in captured.out + captured.err

    def test_an_old_random_state_gives_the_same_trials_each_time(self, minimise: Any) -> None:
        self.needs_hyperopt_algorithms()
        seen = []
        for _ in range(2):
            trials = Trials()
            state = np.random.RandomState(7)
            minimise(lambda p: p["x"], max_evals=3, trials=trials, rstate=state)
            seen.append(sorted(trials.losses()))
        assert seen[0] == seen[1]

    def test_an_annotated_objective_is_called_with_keywords(self, minimise: Any) -> None:
        def fn(x, y):  # type: ignore[no-untyped-def]
            return x + y

        fn.__annotations__ = {"x": hp.uniform("x", -5, 5), "y": hp.choice("y", [10, 20])}
        trials = Trials()
        minimise(fn, "annotated", max_evals=3, trials=trials)
        assert all(5 <= loss <= 25 for loss in trials.losses())

    @pytest.mark.parametrize("algo", ALGORITHMS)
    def test_every_algorithm_of_hyperopt_and_a_custom_one_propose(
        self, minimise: Any, algo: str
    ) -> None:
        self.needs_hyperopt_algorithms()
        trials = Trials()
        minimise(lambda p: p["x"] ** 2, max_evals=7, trials=trials, algo=ALGORITHMS[algo])
        assert len(trials) == 7
        assert len({d["tid"] for d in trials.trials}) == 7

    @pytest.mark.parametrize("queue_len", [2, 5])
    def test_max_queue_len_changes_nothing_about_the_number_of_trials(
        self, minimise: Any, queue_len: int
    ) -> None:
        trials = Trials()
        minimise(lambda p: p["x"], max_evals=7, max_queue_len=queue_len, trials=trials)
        assert sorted(trials.tids) == list(range(7))
        assert {d["state"] for d in trials._dynamic_trials} == {JOB_STATE_DONE}

    def test_trials_grow_over_several_calls(self, minimise: Any) -> None:
        trials = Trials()
        for max_evals in (2, 4, 4, 5):
            minimise(lambda p: p["x"], max_evals=max_evals, trials=trials)
            assert len(trials) == max_evals

    @pytest.mark.parametrize("algo", [rand.suggest, tpe.suggest], ids=["rand", "tpe"])
    def test_a_space_of_constants_is_evaluated_and_its_best_is_empty(
        self, minimise: Any, algo: Any
    ) -> None:
        space = {"model": "svm", "C": 1.0, "layers": [1, (2, {"units": 3})], "none": {}}
        trials = Trials()

        def fn(point: Any) -> float:
            assert point == {"model": "svm", "C": 1.0, "layers": (1, (2, {"units": 3})), "none": {}}
            return float(point["C"])

        best = minimise(fn, space, max_evals=22, trials=trials, algo=algo)
        assert best == {}
        assert trials.losses() == [1.0] * 22
        assert all(d["misc"]["vals"] == {} for d in trials.trials)

    def test_a_range_whose_ends_are_the_same_is_a_constant(self, minimise: Any) -> None:
        space = {
            "u": hp.uniform("u", 0, 0),
            "l": hp.loguniform("l", 0, 0),
            "q": hp.quniform("q", 0, 0, 2),
            "n": hp.uniformint("n", 0, 0),
            "x": hp.uniform("x", 0, 1),
        }
        trials = Trials()
        minimise(lambda p: p["x"] + p["n"], space, max_evals=3, trials=trials)
        assert trials.vals["u"] == trials.vals["q"] == trials.vals["n"] == [0, 0, 0]
        assert trials.vals["l"] == [1, 1, 1]
        assert len(set(trials.vals["x"])) == 3

    @pytest.mark.parametrize(
        "space",
        [
            hp.lognormal("C", 0, 1.0),
            [hp.uniform("a", 0, 1), ("fixed", hp.randint("b", 4))],
            hp.uniform("a", 1, 2) + hp.uniform("b", 3, 4),
        ],
        ids=["scalar", "list", "expression"],
    )
    def test_a_space_need_not_be_a_dict(self, minimise: Any, space: Any) -> None:
        trials = Trials()
        minimise(
            lambda p: {"loss": 0.0, "status": "ok", "point": p},
            space, max_evals=2, trials=trials,
        )  # fmt: skip
        for document in trials.trials:
            vals = {k: v[0] for k, v in document["misc"]["vals"].items() if v}
            expected = hyperopt.space_eval(space, vals)
            assert document["result"]["point"] == expected
            assert type(document["result"]["point"]) is type(expected)

    def test_lambdas_partials_callable_objects_and_bound_methods_are_objectives(
        self, minimise: Any
    ) -> None:
        class Model:
            offset = 3.0

            def __call__(self, p: Any) -> float:
                return float(p["x"] + self.offset)

            def score(self, p: Any) -> float:
                return float(p["x"] - self.offset)

        def shifted(p: Any, by: float) -> float:
            return float(p["x"] + by)

        cases = [
            (Model(), 3.0),
            (Model().score, -3.0),
            (functools.partial(shifted, by=2.0), 2.0),
            (lambda p: p["x"], 0.0),
        ]
        for fn, by in cases:
            trials = Trials()
            minimise(fn, max_evals=1, trials=trials)
            assert trials.losses() == [trials.trials[0]["misc"]["vals"]["x"][0] + by]


def _load(file: Path) -> Any:
    return cloudpickle.loads(file.read_bytes())
