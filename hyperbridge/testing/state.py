"""What a search leaves behind, in the driver and in the processes of trials."""

from __future__ import annotations

import os
import random
import signal
import sys
import threading
from typing import Any

import numpy as np
import pytest

from hyperbridge.surface.trials import Trials
from hyperbridge.testing.basis import Basis, our_threads, seed


def _numpy_state() -> list[int]:
    state: Any = np.random.get_state()
    return list(state[1])


class StateContract(Basis):
    """What a search leaves behind, in the driver and in the processes of trials."""

    about = "state and threads"

    def test_the_drivers_state_is_left_as_found(self, minimise: Any) -> None:
        environment, directory = dict(os.environ), os.getcwd()
        random.seed(1)
        np.random.seed(2)
        states = random.getstate(), _numpy_state()
        handlers = signal.getsignal(signal.SIGINT)
        minimise(lambda p: p["x"], max_evals=2)
        assert dict(os.environ) == environment
        assert os.getcwd() == directory
        assert random.getstate() == states[0]
        assert _numpy_state() == states[1]
        assert signal.getsignal(signal.SIGINT) is handlers
        assert our_threads() == []

    def test_a_trial_does_not_see_what_an_earlier_one_left_in_the_process(
        self, minimise: Any, caplog: pytest.LogCaptureFixture
    ) -> None:
        self.needs_own_process()
        counter = {"n": 0}
        calls = 0

        def messy(p: Any) -> dict[str, Any]:
            import os
            import random
            import sys

            import numpy as np

            nonlocal calls
            calls += 1
            counter["n"] += 1
            path = "/left/behind" in sys.path
            seen = (os.environ.get("LEFT_BEHIND"), os.getcwd(), calls, counter["n"], path)
            draws = (random.random(), float(np.random.rand()))
            os.environ["LEFT_BEHIND"] = "1"
            os.chdir("/")
            sys.path.insert(0, "/left/behind")
            random.seed(5)
            np.random.seed(5)
            return {"loss": 0.0, "status": "ok", "seen": seen, "draws": draws, "pid": os.getpid()}

        trials = Trials()
        minimise(messy, max_evals=5, trials=trials, parallelism=1)
        first = trials.results[0]["seen"]
        assert first[0] is None
        assert first[1] != "/"
        assert first[2:] == (1, 1, False)
        assert [r["seen"] for r in trials.results] == [first] * 5
        assert len({r["draws"] for r in trials.results}) == 5
        assert os.getpid() not in {r["pid"] for r in trials.results}
        assert (calls, counter) == (0, {"n": 0})
        assert "the objective changes 'calls', 'counter': " in caplog.text

    def test_two_searches_in_two_threads_keep_their_trials_apart(self, minimise: Any) -> None:
        found: dict[str, Any] = {}

        def search(name: str, offset: float) -> None:
            trials = Trials()
            minimise(
                lambda p: p["x"] + offset, max_evals=6, trials=trials, rstate=seed(3),
                show_progressbar=True,
            )  # fmt: skip
            found[name] = trials

        streams = (sys.stdout, sys.stderr)
        threads = [
            threading.Thread(target=search, args=(str(offset), offset)) for offset in (0.0, 100.0)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        assert (sys.stdout, sys.stderr) == streams
        for name, trials in found.items():
            assert sorted(trials.tids) == list(range(6))
            for document in trials.trials:
                x = document["misc"]["vals"]["x"][0]
                assert document["result"]["loss"] == x + float(name)
        assert set(found) == {"0.0", "100.0"}
