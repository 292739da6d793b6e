"""What cannot work is named before the first trial."""

from __future__ import annotations

from typing import Any

import pytest
from hyperopt import hp

from hyperbridge.errors import HyperbridgeError, InvalidArgumentError, InvalidSpaceError
from hyperbridge.surface.trials import Trials
from hyperbridge.testing.basis import SPACE, Basis


class BadInputContract(Basis):
    """What cannot work is named before the first trial."""

    about = "bad input"

    @pytest.mark.parametrize(
        ("arguments", "text"),
        [
            ({"fn": 3}, "callable"),
            ({"max_evals": -1}, "max_evals"),
            ({"max_evals": 1.5}, "max_evals"),
            ({"max_evals": "10"}, "max_evals"),
            ({"max_evals": 0}, "max_evals=0"),
            ({"timeout": 0}, "timeout"),
            ({"timeout": True}, "timeout"),
            ({"loss_threshold": "low"}, "loss_threshold"),
            ({"parallelism": -1}, "parallelism"),
            ({"parallelism": 0}, "parallelism"),
            ({"max_queue_len": 0}, "max_queue_len"),
            ({"algo": "tpe"}, "algo"),
            ({"early_stop_fn": 5}, "early_stop_fn"),
            ({"rstate": 42}, "rstate"),
            ({"points_to_evaluate": {"x": 1}}, "points_to_evaluate"),
            ({"points_to_evaluate": [{"nope": 1}]}, "no value"),
            ({"trials_save_file": "no/such/folder/file"}, "no/such/folder"),
            ({"space": {"x": hp.uniform("x", 1, 0)}}, "x"),
            ({"space": {"x": hp.quniform("x", 0, 1, 0)}}, "x"),
        ],
        ids=lambda value: str(value).partition(" at 0x")[0],  # the same in each process
    )
    def test_an_argument_that_cannot_work_is_named_before_the_first_trial(
        self, minimise: Any, arguments: dict[str, Any], text: str
    ) -> None:
        trials = Trials()
        fn = arguments.get("fn", lambda p: 0.0)
        space = arguments.get("space", SPACE)
        rest = {k: v for k, v in arguments.items() if k not in ("fn", "space")}
        with pytest.raises((InvalidArgumentError, InvalidSpaceError), match=text) as caught:
            minimise(fn, space, **{"max_evals": 2, "trials": trials, **rest})
        assert isinstance(caught.value, HyperbridgeError)
        assert isinstance(caught.value, ValueError)
        assert trials._dynamic_trials == []

    @pytest.mark.parametrize("space", [{}, [], (), 3, "fixed", None], ids=repr)
    def test_an_empty_space_is_refused(self, minimise: Any, space: Any) -> None:
        trials = Trials()
        with pytest.raises(InvalidSpaceError, match="must hold something"):
            minimise(lambda p: 0.0, space, max_evals=2, trials=trials)
        assert trials._dynamic_trials == []

    def test_max_evals_0_without_argmin_returns_none(self, minimise: Any) -> None:
        assert minimise(lambda p: 0.0, max_evals=0, return_argmin=False) is None
