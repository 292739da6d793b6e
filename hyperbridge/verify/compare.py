"""Compare what two programs search, label by label."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from statistics import NormalDist
from typing import Any

from hyperbridge.verify import stop_rules
from hyperbridge.verify.evidence import Declared, Evidence, Search
from hyperbridge.verify.values import difference, is_number, same

SIGNIFICANCE = 1e-6
"""How often two equal distributions may look different, for each label."""

_WIDTHS = (1.0, 1.5, 2.0)
"""By how much wider an engine's normal may be than hyperopt's, for a sampler to narrow down."""

_ENGINE_RULES = {
    "weights": "the engine's categories have no weights: all options are as likely at first",
    "width": "drawn from a normal that is {} times as wide, which the sampler narrows down",
    "ends": "the lowest and the highest value are as likely as the others; hyperopt rounds to"
    " them from one side alone, which makes them half as likely",
}


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is not the same.

    Attributes:
        search: Position of the search, from 0.
        label: The parameter; None when it is about the search.
        kind: ``support``, ``distribution``, ``options``, ``condition``, ``point``, ``missing``,
            ``extra``, ``budget``, ``timeout``, ``direction``, ``sampler``, ``seed``, ``points``,
            ``stops`` or ``searches``.
        text: What was, and what is.
        is_difference: False for a remark: a rule of the engine's, or what could not be seen.
    """

    search: int
    label: str | None
    kind: str
    text: str
    is_difference: bool = True


def compare(old: Evidence, new: Evidence) -> list[Finding]:
    """Return what is different, search by search in the order of their calls.

    Examples:
        >>> compare(Evidence(), Evidence())
        []
    """
    found: list[Finding] = []
    for position, (left, right) in enumerate(zip_longest(old.searches, new.searches)):
        if left is None or right is None:
            which, ended = ("original", old.ended) if left is None else ("new program", new.ended)
            text = f"the {which} has no search at this place"
            why = f": it ended before: {ended}" if ended else ""
            found.append(Finding(position, None, "searches", text + why, not ended))
            continue
        found += _of_search(position, left, right)
    return found


def power(n: int, m: int) -> float:
    """Return the distance of two distribution functions that the test finds 99 times in 100.

    The test is that of Kolmogorov and Smirnov for two samples. Each sampled function is off by
    at most ``sqrt(-log(0.01 / 4) / (2 * n))`` with that confidence (the inequality of Dvoretzky,
    Kiefer, Wolfowitz and Massart), which is added to the critical distance.

    Args:
        n: Values of one sample.
        m: Values of the other.

    Examples:
        >>> round(power(500, 4000), 2)
        0.23
    """
    return _critical(n, m) + sum(math.sqrt(-math.log(0.01 / 4) / (2 * k)) for k in (n, m))


def _critical(n: int, m: int) -> float:
    return math.sqrt(-math.log(SIGNIFICANCE / 2) / 2 * (n + m) / (n * m))


def _of_search(position: int, old: Search, new: Search) -> Iterator[Finding]:
    def finding(kind: str, text: str, label: str | None = None, *, remark: bool = False) -> Finding:
        return Finding(position, label, kind, text, not remark)

    if old.direction != new.direction:
        yield finding("direction", f"{new.direction}s; the original {old.direction}s")
    unseen = any("number of its trials" in text for text in new.remarks)
    if old.n_trials != new.n_trials and not unseen:
        yield finding("budget", f"{_n(new.n_trials)} trials; the original {_n(old.n_trials)}")
    if not _same_time(old.timeout_s, new.timeout_s):
        text = f"stops after {_s(new.timeout_s)}; the original after {_s(old.timeout_s)}"
        yield finding("timeout", text)
    if old.sampler != new.sampler:
        known = {old.sampler, new.sampler} <= {"tpe", "random"}
        text = f"searches with {new.sampler}; the original with {old.sampler}"
        yield finding("sampler", text, remark=not known)
    if new.is_seeded is not None and bool(old.is_seeded) != new.is_seeded:
        text = "has a seed; the original has none" if new.is_seeded else "has no seed"
        yield finding("seed", text, remark=bool(new.is_seeded))
    text, is_known = stop_rules.difference(old.stops, new.stops)
    if text:
        yield finding("stops", text, remark=not is_known)
    yield from (finding("points", text) for text in _points(old.points, new.points, old.options))
    for text in new.remarks:
        yield finding("remark", text, remark=True)
    labels = [label for label in old.declared if label not in new.declared]
    for label in labels:
        yield finding("missing", "is not searched", label)
    for label in new.declared:
        if label not in old.declared and label not in old.kinds:
            yield finding("extra", "is searched, and was not", label)
    for label in old.declared:
        if label in new.declared:
            for kind, text, remark in _of_label(label, old, new):
                yield finding(kind, text, label, remark=remark)
    texts = list(dict.fromkeys(d.differs for d in new.draws if d.differs is not None))
    n = sum(d.differs is not None for d in new.draws)
    if texts:
        yield finding("point", f"{n} of {len(new.draws)} points differ, for example: {texts[0]}")
    elif new.draws and not any(d.compared for d in new.draws):
        text = "the point that the objective works with was not seen: labels alone are compared"
        yield finding("point", text, remark=True)


def _of_label(label: str, old: Search, new: Search) -> Iterator[tuple[str, str, bool]]:
    """Yield the kind and the text of each difference, and whether it is a remark alone."""
    was, now = old.declared[label], new.declared[label]
    name, arguments = old.kinds[label]
    if label in old.options:
        are_seen = any(d.compared and d.differs is None for d in new.draws)
        yield from _of_choice(old.options[label], now, name, are_seen=are_seen)
        if now.kind in ("int", "categorical"):
            return
    if now.kind == "function":
        yield "distribution", "is computed by a function, which is not compared", True
        return
    before = [d.values[label] for d in old.draws if is_number(d.values.get(label))]
    after = [d.values[label] for d in new.draws if is_number(d.values.get(label))]
    if was.kind == "normal":
        yield from _of_normal(name, arguments, was, now, before, after)
        return
    if now.kind == "categorical":
        values = [each for each in now.options if is_number(each)]
        wanted = _grid(was)
        if wanted is None or difference(wanted, sorted(values)) is not None:
            yield "support", f"chooses from {_list(now.options)}; {_text(was)} before", False
        return
    if now.kind == "normal":
        yield "support", f"is unbounded; {_text(was)} before", False
        return
    reached = (min(after), max(after)) if after else (now.low, now.high)
    ends = _ends(was, now, reached)
    if ends is not None:
        yield "support", ends, False
        return
    if was.log != now.log:
        yield "distribution", "is log-uniform" if now.log else "is uniform, not log-uniform", False
        return
    if was.step is None and now.step is not None:
        yield "support", f"has steps of {now.step:g}; every value was possible", False
        return
    if was.step is not None and now.step is None and not _on_grid(after, was.step):
        yield "support", f"has every value; it had steps of {was.step:g}", False
        return
    if was.step is not None and now.step is not None and not same(was.step, now.step):
        yield "support", f"has steps of {now.step:g}; they were {was.step:g}", False
        return
    yield from _of_samples(before, after, has_ends=was.step is not None)


def _of_choice(
    options: list[Any], now: Declared, name: str, *, are_seen: bool
) -> Iterator[tuple[str, str, bool]]:
    """Hold the options of a category against the original's.

    Args:
        options: The original's.
        now: What the engine was told.
        name: hyperopt's distribution of the index.
        are_seen: Whether points were the same; then options may have names of their own.
    """
    if now.kind == "int":
        values: list[Any] = []
        if now.low is not None and now.high is not None and now.high - now.low < 10_000:
            values = list(range(int(now.low), int(now.high) + 1, int(now.step or 1)))
    elif now.kind == "categorical":
        values = list(now.options)
    else:
        yield "options", f"is {_text(now)}; it chose from {_list(options)}", False
        return
    positions = list(range(len(options)))
    if difference(options, values) is not None and difference(positions, values) is not None:
        if sorted(map(repr, options)) == sorted(map(repr, values)):
            yield "options", f"has its options in another order: {_list(values)}", False
        elif len(values) != len(options) or not are_seen:
            yield "options", f"chooses from {_list(values)}; {_list(options)} before", False
    if name == "categorical":
        yield "distribution", _ENGINE_RULES["weights"], True


def _of_normal(
    name: str,
    arguments: dict[str, float],
    was: Declared,
    now: Declared,
    before: Sequence[float],
    after: Sequence[float],
) -> Iterator[tuple[str, str, bool]]:
    """Hold values against hyperopt's normal, also against a wider one."""
    if not after:
        return
    if was.step is not None and not _on_grid(after, was.step):
        yield "support", f"is not a multiple of {was.step:g}", False
        return
    for width in _WIDTHS:
        normal = NormalDist(arguments["mu"], width * arguments["sigma"])
        draws = [normal.inv_cdf((i + 0.5) / len(before)) for i in range(len(before))]
        if "log" in name:
            draws = [math.exp(min(each, 700.0)) for each in draws]
        if was.step is not None:
            draws = [round(each / was.step, 0) * was.step for each in draws]
        if _distance(draws, after) <= _critical(len(draws), len(after)):
            if width != 1:
                yield "distribution", _ENGINE_RULES["width"].format(f"{width:g}"), True
            return
    what = f"{name}({arguments['mu']:g}, {arguments['sigma']:g})"
    if now.low is not None and now.kind != "normal" and now.high is not None:
        yield "distribution", f"lies between {now.low:g} and {now.high:g}; {what} before", False
    else:
        yield "distribution", f"is not distributed as {what}", False


def _of_samples(
    before: Sequence[float], after: Sequence[float], *, has_ends: bool
) -> Iterator[tuple[str, str, bool]]:
    if not before or not after:
        return
    far = _distance(before, after)
    if far <= _critical(len(before), len(after)):
        return
    low, high = min(before), max(before)
    inner = [each for each in before if low < each < high]
    ours = [each for each in after if low < each < high]
    if has_ends and (not inner or _distance(inner, ours) <= _critical(len(inner), len(ours) or 1)):
        yield "distribution", _ENGINE_RULES["ends"], True
        return
    text = f"is distributed otherwise: the distribution functions differ by {far:.2f}"
    yield "distribution", text, False


def _ends(was: Declared, now: Declared, reached: tuple[Any, Any]) -> str | None:
    """Say how the range differs; None when it is the same, ends included or not."""
    assert was.low is not None
    assert was.high is not None
    low, high = now.low, now.high
    if low is None or high is None:
        return None
    if was.step is not None and now.step is None and _on_grid(reached, was.step):
        low, high = reached  # rounded by the program itself
        span = was.high - was.low
        if low >= was.low and high <= was.high and high - low >= 0.5 * span:
            return None
    if now.step is not None and low + now.step > low:
        high = low + math.floor((high - low) / now.step + 1e-9) * now.step
    if _close(was.low, low, was) and _close(was.high, high, was):
        return None
    return f"lies between {low:g} and {high:g}; it lay between {was.low:g} and {was.high:g}"


def _close(a: float, b: float, was: Declared) -> bool:
    assert was.low is not None
    assert was.high is not None
    return same(a, b) or math.isclose(a, b, abs_tol=1e-7 * (was.high - was.low), rel_tol=1e-7)


def _grid(was: Declared) -> list[float] | None:
    if was.step is None or was.low is None or was.high is None:
        return None
    n = round((was.high - was.low) / was.step)
    return [was.low + i * was.step for i in range(n + 1)] if n < 10_000 else None


def _on_grid(values: Iterable[float], step: float) -> bool:
    return all(same(round(each / step) * step, each) for each in values)


def _distance(left: Sequence[float], right: Sequence[float]) -> float:
    """Return the largest difference of two distribution functions (Kolmogorov and Smirnov)."""
    if not left or not right:
        return 0.0 if not left and not right else 1.0
    first, second = sorted(_rounded(left)), sorted(_rounded(right))
    i = j = 0
    far = 0.0
    while i < len(first) and j < len(second):
        value = min(first[i], second[j])
        while i < len(first) and first[i] <= value:
            i += 1
        while j < len(second) and second[j] <= value:
            j += 1
        far = max(far, abs(i / len(first) - j / len(second)))
    return far


def _rounded(values: Sequence[float]) -> list[float]:
    """Return values in which rounding errors are gone, which would tear equal steps apart."""
    return [float(f"{each:.9g}") for each in values]


def _points(
    old: Sequence[dict[str, Any]], new: Sequence[dict[str, Any]], options: dict[str, list[Any]]
) -> Iterator[str]:
    if len(old) != len(new):
        yield f"begins with {len(new)} given points; the original with {len(old)}"
        return
    for position, (left, right) in enumerate(zip(old, new, strict=True)):
        for label, value in left.items():
            if label not in right:
                continue  # kept in a form of the engine's, such as a quantile
            texts = options.get(label)
            is_index = texts is not None and is_number(value) and 0 <= value < len(texts)
            by_value = texts[int(value)] if texts is not None and is_index else value
            if not same(value, right[label]) and not same(by_value, right[label]):
                yield f"point {position}: {label!r} is {right[label]!r}, it was {value!r}"


def _same_time(old: float | None, new: float | None) -> bool:
    return old == new or (old is not None and new is not None and same(old, new))


def _text(declared: Declared) -> str:
    if declared.kind == "categorical":
        return f"a choice from {_list(declared.options)}"
    if declared.low is None or declared.high is None:
        return f"a {declared.kind}"
    step = "" if declared.step is None else f" in steps of {declared.step:g}"
    log = "log-uniform " if declared.log else ""
    return f"{log}between {declared.low:g} and {declared.high:g}{step}"


def _list(options: Sequence[Any]) -> str:
    texts = [repr(each) for each in options]
    shown = texts if len(texts) <= 6 else [*texts[:4], "...", texts[-1]]
    return "[" + ", ".join(shown) + "]"


def _n(n_trials: int | None) -> str:
    return "any number of" if n_trials is None else str(n_trials)


def _s(seconds: float | None) -> str:
    return "no time limit" if seconds is None else f"{seconds:g} s"
