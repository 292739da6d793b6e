"""What a child process saw of a program: plain data that goes through a file."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

FAILED_STATES = ("failed", "cancelled", "running", "waiting")
"""States of trials that came to no result."""


@dataclass
class TrialRecord:
    """One trial.

    Attributes:
        loss: Its loss, to be minimised; None when it has none.
        state: One of `hyperbridge.history.history.STATES`.
        at_s: When its outcome was there, in seconds since the first trial of the search began.
        objective_s: Seconds in the objective; None when they are not known, as of a trial on
            another machine.
        dispatch_s: Seconds between driver and objective, both ways.
        tracking_s: Seconds that its MLflow run takes, before, after and around the objective.
    """

    loss: float | None
    state: str
    at_s: float | None = None
    objective_s: float | None = None
    dispatch_s: float | None = None
    tracking_s: float | None = None


@dataclass
class RunsRecord:
    """The MLflow runs of one search; ids, times and what MLflow itself adds are left out.

    Attributes:
        parent_params: Params of the parent run.
        parent_names: Names of what it has by kind: ``params``, ``tags``, ``metrics``.
        parent_status: Its status.
        n_children: How many child runs there are.
        statuses: How many of them have each status.
        names: On how many of the finished ones each name is, by kind.
        values: How many have each value, of those tags that are about the state of a trial.
        run_names: How many have each form of name, numbers left out: ``trial-<n>``.
        losses: Their metric ``loss``, sorted.
        n_below: How many runs they have below them.
    """

    parent_params: dict[str, str] = field(default_factory=dict)
    parent_names: dict[str, list[str]] = field(default_factory=dict)
    parent_status: str = ""
    n_children: int = 0
    statuses: dict[str, int] = field(default_factory=dict)
    names: dict[str, dict[str, int]] = field(default_factory=dict)
    values: dict[str, dict[str, int]] = field(default_factory=dict)
    run_names: dict[str, int] = field(default_factory=dict)
    losses: list[float] = field(default_factory=list)
    n_below: int = 0


@dataclass
class SearchRecord:
    """One search.

    Attributes:
        engine: The backend, or the native engine.
        algo: How the search is called.
        parallelism: Trials at once; None where it is not known.
        trials: Its trials in order of proposal.
        start_s: Seconds before the first trial began, in which the engine and the parent run are
            made ready; None where they are not known.
        wall_s: Seconds from then to the outcome of the last one.
        search_s: Seconds in which points were proposed, all together; None as above.
        tracking_s: Seconds at the end in which MLflow runs were written; None as above.
        argmin: The best values by label, as text.
        types: The type of each of them.
        choices: Labels of choices, whose values are indices in one engine and options in another.
        reached: Labels that every trial has.
        layout: The types found at each place of the documents; None for a native engine.
        always: Places that every complete trial has.
        runs: Its MLflow runs; None when there are none.
        error: What ended it, when it raised.
    """

    engine: str
    algo: str
    parallelism: int | None = None
    trials: list[TrialRecord] = field(default_factory=list)
    start_s: float | None = None
    wall_s: float = 0.0
    search_s: float | None = None
    tracking_s: float | None = None
    argmin: dict[str, str] = field(default_factory=dict)
    types: dict[str, str] = field(default_factory=dict)
    choices: list[str] = field(default_factory=list)
    reached: list[str] = field(default_factory=list)
    layout: dict[str, list[str]] | None = None
    always: list[str] = field(default_factory=list)
    runs: RunsRecord | None = None
    error: str = ""

    def losses(self) -> list[float | None]:
        """Return the losses in order of proposal."""
        return [trial.loss for trial in self.trials]


@dataclass
class ProgramRecord:
    """One run of a program.

    Attributes:
        searches: Its searches in order.
        ended: Why it did not come to its end; empty if it did.
        remarks: What was changed for the comparison's sake.
        wall_s: Seconds it took, its imports included.
    """

    searches: list[SearchRecord] = field(default_factory=list)
    ended: str = ""
    remarks: list[str] = field(default_factory=list)
    wall_s: float = 0.0

    def write(self, path: Path) -> None:
        """Write it, whole or not at all."""
        aside = path.with_suffix(".aside")
        aside.write_text(json.dumps(asdict(self)), encoding="utf-8")
        aside.replace(path)

    @classmethod
    def read(cls, path: Path) -> ProgramRecord:
        """Read what `write` has written; an empty record where there is nothing."""
        if not path.exists():
            return cls()
        data = json.loads(path.read_text(encoding="utf-8"))
        data["searches"] = [_search(each) for each in data["searches"]]
        return cls(**data)


def _search(data: dict[str, Any]) -> SearchRecord:
    data["trials"] = [TrialRecord(**each) for each in data["trials"]]
    data["runs"] = None if data["runs"] is None else RunsRecord(**data["runs"])
    return SearchRecord(**data)
