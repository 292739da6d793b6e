"""What a program was seen to search, in plain data that travels between processes as JSON."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Declared:
    """A parameter as an engine was told of it.

    Attributes:
        kind: ``float``, ``int``, ``categorical``, or ``normal`` (unbounded).
        low: Lowest value, included; None without one.
        high: Highest value, included; None without one.
        step: Distance of the values; None when every value between the ends is possible.
        log: Whether the logarithm is uniform.
        options: The values of a category, as comparable data, in their order.
    """

    kind: str
    low: float | None = None
    high: float | None = None
    step: float | None = None
    log: bool = False
    options: tuple[Any, ...] = ()


@dataclass(frozen=True, slots=True)
class Draw:
    """One point, drawn at random.

    Attributes:
        values: Value by label, of the labels that were asked for; an index or an option for a
            category, whichever the program suggests.
        differs: Where the point that the program made of these values is not the one that the
            original makes of them; None when they agree, or when there is nothing to compare.
        compared: Whether the two points were compared.
    """

    values: dict[str, Any]
    differs: str | None = None
    compared: bool = False


@dataclass(frozen=True, slots=True)
class Search:
    """One search of a program.

    Attributes:
        engine: ``hyperopt``, ``optuna`` or ``ray``.
        line: Where it is called; 0 when that is not known.
        n_trials: How many trials, points to begin with included; None for no limit.
        timeout_s: Seconds after which it stops; None for no limit.
        direction: ``minimize`` or ``maximize``.
        sampler: ``tpe``, ``random``, or a name of the engine's.
        is_seeded: Whether the same call draws the same points again; None when that is not seen.
        stops: The rules of its own that may end it; see `stop_rules`.
        points: The points to begin with, by label.
        declared: What the engine was told, by label. Of hyperopt, its distributions.
        options: The options of each choice of hyperopt's, as comparable data.
        kinds: hyperopt's name of the distribution, and its arguments, by label.
        conditions: The ways in which a label is reached, each a list of pairs of a choice's
            label and the position of its option. Of hyperopt alone.
        paths: Places of each label's value in the point, joined by ``/``. Of hyperopt alone.
        draws: Points drawn at random.
        remarks: What could not be seen, for people.
        place: The file and the line that call fmin itself, which may be in a module. Of hyperopt
            alone.
    """

    engine: str
    line: int
    n_trials: int | None
    timeout_s: float | None = None
    direction: str = "minimize"
    sampler: str = ""
    is_seeded: bool | None = None
    stops: dict[str, float | None] = field(default_factory=dict)
    points: tuple[dict[str, Any], ...] = ()
    declared: dict[str, Declared] = field(default_factory=dict)
    options: dict[str, list[Any]] = field(default_factory=dict)
    kinds: dict[str, tuple[str, dict[str, float]]] = field(default_factory=dict)
    conditions: dict[str, list[list[tuple[str, int]]]] = field(default_factory=dict)
    paths: dict[str, list[str]] = field(default_factory=dict)
    draws: tuple[Draw, ...] = ()
    remarks: tuple[str, ...] = ()
    place: tuple[str, int] = ("", 0)


@dataclass(frozen=True, slots=True)
class Evidence:
    """What a program was seen to do.

    Attributes:
        searches: In the order of their calls.
        ended: Why nothing more was seen, for people; empty when the program ran to its end.
    """

    searches: tuple[Search, ...] = ()
    ended: str = ""


def to_json(evidence: Evidence) -> dict[str, Any]:
    """Return evidence as data for ``json.dumps``."""
    return asdict(evidence)


def from_json(content: dict[str, Any]) -> Evidence:
    """Return evidence from what `to_json` gave, after a way through JSON."""
    return Evidence(tuple(_search(each) for each in content["searches"]), content["ended"])


def _search(content: dict[str, Any]) -> Search:
    declared = {
        label: Declared(**{**each, "options": tuple(each["options"])})
        for label, each in content["declared"].items()
    }
    kinds = {label: (kind, arguments) for label, (kind, arguments) in content["kinds"].items()}
    conditions = {
        label: [[(choice, option) for choice, option in way] for way in ways]
        for label, ways in content["conditions"].items()
    }
    return Search(
        **{
            **content,
            "declared": declared,
            "kinds": kinds,
            "conditions": conditions,
            "points": tuple(content["points"]),
            "draws": tuple(Draw(**draw) for draw in content["draws"]),
            "remarks": tuple(content["remarks"]),
            "place": tuple(content["place"]),
        }
    )
