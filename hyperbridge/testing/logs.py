"""What objectives print and log: kept for each trial, and not mixed."""

from __future__ import annotations

from typing import Any

from hyperopt.base import JOB_STATE_DONE, JOB_STATE_ERROR

from hyperbridge.surface.trials import Trials
from hyperbridge.testing.basis import Basis


class LogsContract(Basis):
    """What objectives print and log."""

    about = "what objectives print"

    def test_what_an_objective_prints_is_kept_for_its_trial_and_not_mixed(
        self, minimise: Any
    ) -> None:
        def fn(p: Any) -> float:
            import logging
            import sys
            import time

            x = float(p["x"])
            for part in range(3):
                print(f"{x} part {part}")
                time.sleep(0.02)
            print("to stderr", x, file=sys.stderr)
            logger = logging.getLogger("printing_objective")
            logger.warning("logged %s", x)
            if x < 0:
                raise ValueError("negative")
            return x

        trials = Trials()
        minimise(fn, max_evals=6, trials=trials, catch_eval_exceptions=True)
        states = set()
        for document in trials._dynamic_trials:
            x = float(document["misc"]["vals"]["x"][0])
            lines = trials.log(document["tid"]).splitlines()
            assert lines[:4] == [f"{x} part {part}" for part in range(3)] + [f"to stderr {x}"]
            assert all(line.endswith(f"logged {x}") for line in lines[4:])
            assert len(lines) <= 5  # one where the records go to stderr
            states.add(document["state"])
        assert states == {JOB_STATE_DONE, JOB_STATE_ERROR}
