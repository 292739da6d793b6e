"""The best loss of each repeat as a drawing: SVG that is part of the page, without a script."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from hyperbridge.compare.curves import Curve
from hyperbridge.pages.frame import Html, escape

_WIDTH, _HEIGHT = 560, 300
_LEFT, _RIGHT, _TOP, _BOTTOM = 66, 12, 12, 44
_STYLES = (
    ("#3f83e0", ""), ("#d9822b", "7 3"), ("#2a9d6f", "2 3"), ("#b65fc4", "9 3 2 3"),
    ("#c94f4f", "4 4"), ("#7d8a99", "1 2"),
)  # fmt: skip
"""Colour and dashes of each column, so that either tells them apart."""

_MANY_DECADES = 1.5


@dataclass(frozen=True, slots=True)
class Line:
    """The curve of one repeat.

    Attributes:
        column: The place of its column.
        curve: Where its best loss falls.
        until: Where it ends.
    """

    column: int
    curve: Curve
    until: float


def drawing(title: str, across: str, lines: Sequence[Line], names: Sequence[str]) -> Html:
    """Return a figure of best losses.

    Args:
        title: What stands above it.
        across: What the horizontal axis is.
        lines: The repeats.
        names: The columns.
    """
    shown = [line for line in lines if line.curve and line.until > 0]
    if not shown:
        return Html(f'<p class="empty">{escape(title)}: there is no loss to draw.</p>')
    heights = [best for line in shown for _, best in line.curve]
    low, high = min(heights), max(heights)
    is_log = low > 0 and math.log10(high / low) > _MANY_DECADES
    right = max(line.until for line in shown)
    scale = _Scale(low, high, right, is_log=is_log)
    parts = [*_axes(scale, across), *(_path(line, scale) for line in shown)]
    label = f"{title}: {', '.join(names)}"
    note = "Each line is a repeat. " + ("The losses are on a logarithmic scale." if is_log else "")
    return Html(
        f'<figure><h3>{escape(title)}</h3>{_legend(names)}<div class="wide" role="region" '
        f'aria-label="{escape(title)}" tabindex="0"><svg role="img" aria-label="{escape(label)}" '
        f'viewBox="0 0 {_WIDTH} {_HEIGHT}" style="width:100%;min-width:280px;max-width:760px" '
        f'font-size="13" fill="currentColor">{"".join(parts)}</svg></div>'
        f"<figcaption>{escape(note)}</figcaption></figure>"
    )


class _Scale:
    """Where a point stands in the drawing."""

    def __init__(self, low: float, high: float, right: float, *, is_log: bool) -> None:
        self.is_log = is_log
        self.right = right
        self._low, self._high = (math.log10(low), math.log10(high)) if is_log else (low, high)
        if self._high - self._low <= abs(self._low) * 1e-9:  # one loss alone
            self._low, self._high = self._low - 1, self._high + 1

    def x(self, value: float) -> float:
        return _LEFT + (_WIDTH - _LEFT - _RIGHT) * value / self.right

    def y(self, value: float) -> float:
        height = math.log10(value) if self.is_log else value
        share = (height - self._low) / (self._high - self._low)
        return _HEIGHT - _BOTTOM - (_HEIGHT - _TOP - _BOTTOM) * share

    def marks(self) -> list[float]:
        """Return the losses that the vertical axis names."""
        steps = [self._low + (self._high - self._low) * i / 4 for i in range(5)]
        return [10**step if self.is_log else step for step in steps]


def _axes(scale: _Scale, across: str) -> list[str]:
    end = _WIDTH - _RIGHT
    found = []
    for value in scale.marks():
        y = scale.y(value)
        found.append(
            f'<line x1="{_LEFT}" x2="{end}" y1="{y:.1f}" y2="{y:.1f}" stroke="currentColor" '
            f'stroke-opacity=".18"/><text x="{_LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">'
            f"{value:.3g}</text>"
        )
    for i in range(5):
        value = scale.right * i / 4
        anchor = "end" if i == 4 else "middle"
        found.append(
            f'<text x="{scale.x(value):.1f}" y="{_HEIGHT - _BOTTOM + 18}" text-anchor="{anchor}">'
            f"{value:.3g}</text>"
        )
    found.append(
        f'<text x="{(_LEFT + end) / 2:.0f}" y="{_HEIGHT - 6}" text-anchor="middle">'
        f"{escape(across)}</text>"
    )
    return found


def _path(line: Line, scale: _Scale) -> str:
    (x, best), *others = line.curve
    steps = [f"M{scale.x(x):.1f} {scale.y(best):.1f}"]
    for x, best in others:
        steps.append(f"H{scale.x(x):.1f}V{scale.y(best):.1f}")
    steps.append(f"H{scale.x(line.until):.1f}")
    return f'<path d="{"".join(steps)}" {_style(line.column)} stroke-opacity=".85"/>'


def _legend(names: Sequence[str]) -> str:
    keys = "".join(
        f'<span style="margin-right:1.2rem;white-space:nowrap"><svg width="34" height="10" '
        f'aria-hidden="true"><path d="M1 5H33" {_style(i)}/></svg> {escape(name)}</span>'
        for i, name in enumerate(names)
    )
    return f'<p class="note">{keys}</p>'


def _style(column: int) -> str:
    colour, dashes = _STYLES[column % len(_STYLES)]
    return f'fill="none" stroke="{colour}" stroke-width="2" stroke-dasharray="{dashes}"'
