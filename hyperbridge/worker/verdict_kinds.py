"""The kinds of verdicts by name, and the one that holds another."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from hyperbridge.worker.optuna_verdict import InStudy
from hyperbridge.worker.verdicts import Bounds, Halving, Losses, Never, Percentile, Verdict, least


class Patient(Verdict):
    """Let another rule stop the trial only while its loss has not become better for some steps."""

    def __init__(self, settings: dict[str, Any]) -> None:
        super().__init__(settings)
        self._inner = None if settings["inner"] is None else make_verdict(*settings["inner"])
        if self._inner is not None:
            self.notes = self._inner.notes

    def __call__(self, losses: Losses, known: Any) -> bool:
        """See `Verdict`."""
        n_last = self.settings["patience"] + 1
        if len(losses) <= n_last:
            return False
        before = losses.least_to(len(losses) - n_last)
        lately = least(losses[step] for step in losses.steps[-n_last:])
        if not before + self.settings["min_delta"] < lately:
            return False
        return self._inner is None or self._inner(losses, known)


def make_verdict(kind: str, settings: dict[str, Any]) -> Verdict:
    """Return the verdict of one trial.

    Args:
        kind: The name of its class, in lower case.
        settings: Of the rule.

    Examples:
        >>> verdict = make_verdict("percentile", {"n_warmup_steps": 0, "interval_steps": 1})
        >>> verdict(Losses([(0, 0.9)]), {0: 0.5}), verdict(Losses([(0, 0.4)]), {0: 0.5})
        (True, False)
    """
    return _KINDS[kind](settings)


_KINDS: dict[str, Callable[[dict[str, Any]], Verdict]] = {
    "never": Never,
    "percentile": Percentile,
    "halving": Halving,
    "bounds": Bounds,
    "patient": Patient,
    "instudy": InStudy,
}
