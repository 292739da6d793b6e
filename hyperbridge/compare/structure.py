"""Differences in what is not measured: argmin, documents, MLflow runs. Each is a line of text.

What depends on chance is left out: a name counts as missing when all trials of one column have it
and none of the other.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from hyperbridge.compare.records import RunsRecord, SearchRecord

Runs = Sequence[SearchRecord]

_FIXED = ("max_evals", "timeout", "max_queue_len")
"""Params of the parent run whose values are compared: neither results nor the backend's choice."""


def argmin_differences(base: Runs, other: Runs) -> list[str]:
    """Compare the labels of the best points, and the types of their values."""
    was, now = _types(base), _types(other)
    choices = {label for run in (*base, *other) for label in run.choices}
    found = []
    for label in sorted(set(was) | set(now)):
        if label in was and label in now:
            if label not in choices and not was[label] & now[label]:
                found.append(f"{label!r} is {_either(now[label])}, not {_either(was[label])}")
        elif label in was and _always(label, base) and _has_best(other):
            found.append(f"{label!r} is missing")
        elif label in now and _always(label, other) and _has_best(base):
            found.append(f"{label!r} is new")
    if _same_losses(base, other):
        for repeat, (one, two) in enumerate(zip(base, other, strict=True), start=1):
            if one.engine == two.engine and one.argmin != two.argmin:
                found.append(f"repeat {repeat}: other values for the same losses")
                break
    return found


def layout_differences(base: Runs, other: Runs) -> list[str] | None:
    """Compare the documents; None when there are none to compare."""
    was, now = _layout(base), _layout(other)
    if was is None or now is None:
        return None
    found = []
    for place in sorted(was | now):
        if place in was and place in now:
            if not was[place] & now[place]:
                found.append(f"{place} is {_either(now[place])}, not {_either(was[place])}")
        elif place in was and all(place in run.always for run in base):
            found.append(f"{place} is missing")
        elif place in now and all(place in run.always for run in other):
            found.append(f"{place} is new")
    return found


def runs_differences(base: Runs, other: Runs) -> list[str]:
    """Compare the MLflow runs of each repeat's search, taken together."""
    was = [run.runs for run in base if run.runs is not None]
    now = [run.runs for run in other if run.runs is not None]
    if not was and not now:
        return []
    if bool(was) != bool(now):
        return ["there are runs, and were none" if now else "there are no runs, and were some"]
    return [
        *_of_parents(was, now),
        *_of_children(was, now),
        *_of_the_trials(base, other),
    ]


def runs_text(runs: Runs) -> str:
    """Say what runs there are, in a few words."""
    first = next((run.runs for run in runs if run.runs is not None), None)
    if first is None:
        return "none"
    states = ", ".join(f"{n} {status}" for status, n in first.statuses.items())
    return f"{first.n_children} children: {states}"


def _of_parents(was: list[RunsRecord], now: list[RunsRecord]) -> Iterator[str]:
    for kind in ("params", "tags", "metrics"):
        before = {name for run in was for name in run.parent_names[kind]}
        after = {name for run in now for name in run.parent_names[kind]}
        yield from _names(f"the parent's {kind}", before, after)
    for name in _FIXED:
        one, two = was[0].parent_params.get(name), now[0].parent_params.get(name)
        if None not in (one, two) and one != two:
            yield f"the parent's param {name} is {two}, not {one}"
    before, after = ({run.parent_status for run in runs} for runs in (was, now))
    if before != after:
        yield f"the parent's status is {_either(after)}, not {_either(before)}"


def _of_children(was: list[RunsRecord], now: list[RunsRecord]) -> Iterator[str]:
    for kind in ("params", "tags", "metrics"):
        (always, ever), (always_now, ever_now) = _spread(was, kind), _spread(now, kind)
        yield from _names(
            f"the children's {kind}", always | (ever & ever_now), always_now | (ever & ever_now)
        )
    for tag in sorted({tag for run in (*was, *now) for tag in run.values}):
        before, after = (
            {v for run in runs for v in run.values.get(tag, {})} for runs in (was, now)
        )
        if not before & after and before and after:
            yield f"the children's tag {tag} is {_either(after)}, not {_either(before)}"
    before, after = ({name for run in runs for name in run.run_names} for runs in (was, now))
    if before != after:
        yield f"the children are called {_either(after)}, not {_either(before)}"
    if (sum(run.n_below for run in was) > 0) != (sum(run.n_below for run in now) > 0):
        yield "the children have runs below them in one of the two alone"


def _of_the_trials(base: Runs, other: Runs) -> Iterator[str]:
    """Hold runs against their own trials: the numbers depend on chance, this does not."""
    before, after = (_unlike_trials(runs) for runs in (base, other))
    for text in sorted(after - before):
        yield text
    for text in sorted(before - after):
        yield f"it was otherwise before: {text}"


def _unlike_trials(runs: Runs) -> set[str]:
    found = set()
    for run in runs:
        if run.runs is None:
            continue
        begun = [trial for trial in run.trials if trial.state != "waiting"]
        losses = sorted(t.loss for t in run.trials if t.loss is not None)
        if run.runs.n_children != len(begun):
            found.add("there are more or fewer children than trials")
        if run.runs.losses != losses and all(map(_is_plain, losses)):
            found.add("the children's losses are not the trials'")
        if run.runs.statuses.get("RUNNING"):
            found.add("children are left RUNNING")
    return found


def _is_plain(loss: float) -> bool:
    return abs(loss) < float("inf")


def _spread(runs: list[RunsRecord], kind: str) -> tuple[set[str], set[str]]:
    """Return the names that all finished children have, and those that any has."""
    n = sum(run.statuses.get("FINISHED", 0) for run in runs)
    counts: Counter[str] = Counter()
    for run in runs:
        counts.update(run.names.get(kind, {}))
    return {name for name, k in counts.items() if k == n}, set(counts)


def _names(what: str, before: set[str], after: set[str]) -> Iterator[str]:
    missing, new = sorted(before - after), sorted(after - before)
    if missing:
        yield f"{what} lack {', '.join(missing)}"
    if new:
        yield f"{what} have {', '.join(new)}, which is new"


def _types(runs: Runs) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for run in runs:
        for label, name in run.types.items():
            found.setdefault(label, set()).add(name)
    return found


def _layout(runs: Runs) -> dict[str, set[str]] | None:
    found: dict[str, set[str]] = {}
    for run in runs:
        if run.layout is None:
            return None
        for place, names in run.layout.items():
            found.setdefault(place, set()).update(names)
    return found


def _always(label: str, runs: Runs) -> bool:
    return all(label in run.reached for run in runs)


def _has_best(runs: Runs) -> bool:
    return any(run.argmin for run in runs)


def _same_losses(base: Runs, other: Runs) -> bool:
    return [run.losses() for run in base] == [run.losses() for run in other]


def _either(names: set[str]) -> str:
    return " or ".join(sorted(names))
