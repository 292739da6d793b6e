"""The trials of any study as documents: ours exactly, those of other code with plain values."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any

from hyperbridge.documents import Document
from hyperbridge.errors import InvalidArgumentError
from hyperbridge.search.optuna.history import FAILURE, document_of
from hyperbridge.search.optuna.kept import KEPT, put_back
from hyperbridge.space import Space
from hyperbridge.translate.from_optuna import read_trial
from hyperbridge.translate.optuna_ranges import space_of_distributions
from hyperbridge.translate.to_optuna import OptunaSpace

CARRIED = "hyperbridge.history"
"""User attribute of a study that was written from another history: where that was kept, and which
labels have floats although the study has integers."""

_OURS = "hyperbridge."
_LEFT_OUT = {
    "RUNNING": "is running in the study, and left out",
    "WAITING": "waits in the study, and is left out",
}
_REASONS = ("fail_reason", "STUDY_TELL_WARNING")


@dataclass
class Carried:
    """What a study becomes.

    Attributes:
        documents: A document for each trial that has ended.
        remarks: A line for each thing that was dropped or assumed.
        space: The search space, as far as the study has it.
    """

    documents: list[Document] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)
    space: Space | None = None


def carry(study: Any, space: Space | None) -> Carried:
    """Return the trials of a study as documents; the numbers of the trials are the ids.

    Args:
        study: An ``optuna.Study``.
        space: The search space that the trials should fit; None for the study's own.

    Raises:
        InvalidArgumentError: The study has several objectives.
    """
    if len(study.directions) > 1:
        raise InvalidArgumentError(
            f"study {study.study_name!r} has {len(study.directions)} objectives, but a search of "
            "hyperopt's has one loss"
        )
    trials = study.get_trials(deepcopy=False)
    reader = _Reader(study, trials, space)
    carried = Carried()
    ended = [trial for trial in trials if trial.state.name not in _LEFT_OUT]
    assignments = [reader.assignment(trial) for trial in ended]
    labels = list(reader.own_space.space.parameters) if reader.own_space is not None else []
    known = dict.fromkeys(labels)
    for assignment in assignments:
        known.update(dict.fromkeys(assignment))
    taken: set[Any] = set()
    for trial, assignment in zip(ended, assignments, strict=True):
        document = document_of(trial, trial.number, assignment, list(known))
        reader.complete(trial, document)
        if document["tid"] in taken:  # the study was added to after it had got ids of its own
            put_back(document, {"tid": _free(trial.number, taken)})
        taken.add(document["tid"])
        carried.documents.append(document)
    counts = Counter(trial.state.name for trial in trials)
    carried.remarks = [
        f"{_count(counts[state], 'trial')} {text}"
        for state, text in _LEFT_OUT.items()
        if counts[state]
    ]
    carried.remarks += reader.remarks()
    carried.space = space
    if space is None and not reader.has_hidden_values:
        found: dict[str, list[Any]] = {}
        for trial in ended:
            for label, distribution in trial.distributions.items():
                seen = found.setdefault(label, [])
                if distribution not in seen:
                    seen.append(distribution)
        carried.space, assumed = space_of_distributions(found)
        carried.remarks += assumed
    return carried


class _Reader:
    """Reads the trials of one study."""

    def __init__(self, study: Any, trials: list[Any], space: Space | None) -> None:
        self.own_space = None if space is None else OptunaSpace(space)
        self._negated = study.directions[0].name == "MAXIMIZE"
        self._is_ours = any(name.startswith(_OURS) for name in study.user_attrs) or any(
            name.startswith(_OURS) for trial in trials for name in trial.user_attrs
        )
        self._floats = frozenset(study.user_attrs.get(CARRIED, {}).get("floats", ()))
        self._labels = frozenset(label for trial in trials for label in trial.params)
        self._misfits: list[str] = []
        self._shadowed: Counter[str] = Counter()
        self._system: set[str] = set()
        self.has_hidden_values = self._is_ours and any(
            is_number(trial.user_attrs.get(label)) for trial in trials for label in trial.params
        )

    def assignment(self, trial: Any) -> dict[str, Any]:
        """Return the raw value by label of a trial, by the space where it fits."""
        if self.own_space is not None:
            try:
                return read_trial(trial, self.own_space)
            except (LookupError, TypeError, ValueError) as exc:
                self._misfits.append(str(exc))
        return plain_assignment(
            trial, labels=self._labels if self._is_ours else None, floats=self._floats
        )

    def complete(self, trial: Any, document: Document) -> None:
        """Put into a document what the trial has beside its parameters and values."""
        misc, result = document["misc"], document["result"]
        if self._negated:
            if "loss" in result:
                result["loss"] = -result["loss"]
            if "reports" in misc:
                misc["reports"] = [[step, -value] for step, value in misc["reports"]]
        kept = trial.user_attrs.get(KEPT)
        if kept is not None:
            put_back(document, kept)
        for name, value in trial.user_attrs.items():
            if name.startswith(_OURS) or (self._is_ours and name in misc["vals"]):
                continue
            if name in ("loss", "status", "pruned"):
                self._shadowed[name] += 1
            else:
                result.setdefault(name, value)
        if "error" in misc and FAILURE not in trial.user_attrs:
            reasons = [str(trial.system_attrs[n]) for n in _REASONS if n in trial.system_attrs]
            if reasons:
                misc["error"] = ("", reasons[0])
        self._system.update(set(trial.system_attrs) - {*_REASONS, "fixed_params"})

    def remarks(self) -> list[str]:
        """Return a line for each thing that was dropped or assumed."""
        lines = []
        if self._negated:
            lines.append("the study maximises: each loss is the negative of its value")
        if self._misfits:
            lines.append(
                f"{_count(len(self._misfits), 'trial')} of the study does not fit the space, and "
                f"is read without it: {self._misfits[0]}"
            )
        for name, n in self._shadowed.items():
            lines.append(f"the user attribute {name!r} of {_count(n, 'trial')} is left out")
        if self._system:
            names = ", ".join(sorted(self._system)[:5])
            lines.append(f"attributes of Optuna's own ({names}) are left out")
        return lines


def plain_assignment(
    trial: Any, *, labels: Collection[str] | None, floats: Collection[str]
) -> dict[str, Any]:
    """Return the raw value by label of a trial, without a search space.

    Args:
        trial: An ``optuna.trial.FrozenTrial``.
        labels: The parameters of the study, where it has indices for choices, and values of its own
            among the user attributes, as hyperbridge writes them; None for a study of other code.
        floats: The labels whose integers stand for floats.
    """
    found: dict[str, Any] = {}
    for label, value in trial.params.items():
        distribution = trial.distributions[label]
        if labels is None and hasattr(distribution, "choices"):
            found[label] = int(distribution.to_internal_repr(value))
        else:
            found[label] = float(value) if label in floats else value
    if labels is not None:
        for label, value in trial.user_attrs.items():
            if label in labels and is_number(value):
                found[label] = value
    return found


def is_number(value: Any) -> bool:
    """Tell whether a user attribute can be the value of a parameter."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def _free(first: int, taken: set[Any]) -> int:
    while first in taken:
        first += 1
    return first


def _count(n: int, what: str) -> str:
    return f"{n} {what}" if n == 1 else f"{n} {what}s"
