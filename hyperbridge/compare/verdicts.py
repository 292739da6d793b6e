"""What is said of one row and one column: a word, and why."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from hyperbridge.compare.rank_test import (
    detectable,
    fewest_repeats,
    least_p,
    p_higher,
)

Word = Literal["same", "better", "worse", "different", "not known"]


@dataclass(frozen=True, slots=True)
class Verdict:
    """What is said of a column, held against the first one.

    Attributes:
        word: ``same``, ``better``, ``worse``, ``different`` or ``not known``.
        why: The reason, in a line.
        p: Of the test for "worse"; None where nothing was tested.
    """

    word: Word
    why: str = ""
    p: float | None = None


@dataclass(frozen=True, slots=True)
class Test:
    """How values of repeats are held against each other; lower is better.

    Attributes:
        alpha: A p-value must not be above it.
        show: Writes a value.
        ratio: "worse" and "better" need medians that differ by this factor; 1 for any.
        least: And by this much.
    """

    alpha: float
    show: Callable[[float], str]
    ratio: float = 1.0
    least: float = 0.0

    def judge(self, base: Sequence[float], other: Sequence[float]) -> Verdict:
        """Return the verdict on ``other``."""
        p_worse, p_better = p_higher(base, other), p_higher(other, base)
        before, after = statistics.median(base), statistics.median(other)
        if list(base) == list(other):
            return Verdict("same", "equal values", p_worse)
        if not self._is_far(before, after):
            return Verdict("same", f"the medians differ by less than {self._margin()}", p_worse)
        for word, p in (("worse", p_worse), ("better", p_better)):
            if p <= self.alpha:
                why = f"median {self.show(after)}, not {self.show(before)}; p = {p:.2g}"
                return Verdict("worse" if word == "worse" else "better", why, p_worse)
        n = min(len(base), len(other))
        if least_p(len(base), len(other)) > self.alpha:
            repeats = f"{n} repeat{'s' if n > 1 else ''}"
            needed = fewest_repeats(self.alpha)
            why = f"{repeats} cannot show it: it takes at least {needed}"
            return Verdict("not known", why, p_worse)
        return Verdict(
            "same", f"no difference found, p = {min(p_worse, p_better):.2g}; "
            + self._detectable(base, other), p_worse,
        )  # fmt: skip

    def _detectable(self, base: Sequence[float], other: Sequence[float]) -> str:
        shift = detectable(len(base), len(other), self.alpha)
        spread = _spread(base, other)
        text = f"{shift:.1f} standard deviations"
        if 0 < spread < float("inf"):
            text = f"one of {self.show(shift * spread)} ({text})"
        return f"{text} would be found 4 times in 5"

    def _is_far(self, before: float, after: float) -> bool:
        low, high = sorted((before, after))
        if self.ratio == 1.0 and self.least == 0.0:
            return True
        return high - low >= self.least and high >= self.ratio * low

    def _margin(self) -> str:
        return f"{(self.ratio - 1) * 100:.0f} % or {self.show(self.least)}"


def _spread(base: Sequence[float], other: Sequence[float]) -> float:
    """Return the standard deviation within the columns."""
    if min(len(base), len(other)) < 2 or any(abs(v) == float("inf") for v in (*base, *other)):
        return 0.0
    within = [statistics.variance(base), statistics.variance(other)]
    return float((sum(within) / 2) ** 0.5)
