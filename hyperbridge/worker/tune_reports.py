"""Hand a trial's reports to Ray Tune, where its scheduler decides."""

from __future__ import annotations

from typing import Any

from hyperbridge.worker.open_trial import OpenTrial


class TuneTrial(OpenTrial):
    """A trial of Ray Tune: its scheduler sees each report, and ends the trial in it."""

    def report(self, loss: Any, step: Any) -> None:
        """Take a report, and hand it on. Tune may end the trial here."""
        n_before = len(self.losses)
        super().report(loss, step)
        if len(self.losses) > n_before:
            from ray import tune

            number, value = next(reversed(self.losses.items()))
            tune.report({"loss": value, "step": number})
