"""Read the rules that may stop a search early, with their numbers as far as these are seen."""

from __future__ import annotations

from typing import Any

UNREAD = "unread"
_NAMES = {
    "iteration_stop_count": "patience",  # of no_progress_loss
    "percent_increase": "percent",
    "patience": "patience",
    "percent": "percent",
    "loss": "loss",
}


def rules_of(given: Any) -> dict[str, float | None]:
    """Return the numbers of rules by what they are; `UNREAD` where a rule does not show them.

    Args:
        given: A rule, several, or None. A rule is a function or an object that is called.

    Examples:
        >>> from hyperopt.early_stop import no_progress_loss
        >>> rules_of([no_progress_loss(10), print])
        {'patience': 10.0, 'unread': None}
    """
    if given is None:
        return {}
    given = getattr(given, "_stoppers", given)  # of Ray's CombinedStopper
    found: dict[str, float | None] = {}
    for rule in given if isinstance(given, list | tuple) else [given]:
        names = getattr(getattr(rule, "__code__", None), "co_freevars", ())
        cells = (cell.cell_contents for cell in getattr(rule, "__closure__", None) or ())
        held = {**getattr(rule, "__dict__", {}), **dict(zip(names, cells, strict=False))}
        known = {_NAMES[k]: v for k, v in held.items() if k in _NAMES}
        numbers = {k: float(v) for k, v in known.items() if isinstance(v, int | float)}
        found.update({k: v for k, v in numbers.items() if k != "percent" or v})
        found.update({} if numbers else {UNREAD: None})
    return found


def difference(old: dict[str, float | None], new: dict[str, float | None]) -> tuple[str, bool]:
    """Say what is not the same in rules, and whether it is known to differ; empty when nothing."""
    if not new:
        return ("has no rule that stops it early, which the original has" if old else ""), True
    if not old:  # a callback may do anything
        return "has callbacks, which the original has not", False
    for name in sorted((old.keys() | new.keys()) - {UNREAD}):
        if name in old and name in new and old[name] != new[name]:
            return f"stops early at {name} {new[name]:g}; the original at {old[name]:g}", True
        if name not in new and UNREAD not in new and name != "percent":
            return f"has no rule about {name}, which stops the original early", True
    is_seen = old.keys() == new.keys() and UNREAD not in old
    return ("" if is_seen else "what its rules that stop it early say was not compared"), False
