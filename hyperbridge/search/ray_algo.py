"""Search with a Ray Tune searcher that was given to fmin as ``algo``.

Source: the reference of ``ray.tune.search.Searcher``. The searcher gets the space as Tune's
domains, or has one of its own whose parameters have the labels' names.
"""

from __future__ import annotations

import logging
import math
import uuid
from collections.abc import Sequence
from typing import Any
from weakref import WeakKeyDictionary

from hyperopt.base import (
    JOB_STATE_DONE,
    JOB_STATE_NEW,
    JOB_STATE_RUNNING,
    STATUS_OK,
)

from hyperbridge.documents import Assignment, Document, Place, assignment_of, misc_of, new_document
from hyperbridge.errors import InvalidArgumentError, InvalidSpaceError, UnsupportedArgumentError
from hyperbridge.search.base import SearchNotReadyError
from hyperbridge.search.hyperopt_algo import algo_name
from hyperbridge.space import Space
from hyperbridge.space.nodes import Parameter
from hyperbridge.translate.to_ray import raw_value, to_ray_space

logger = logging.getLogger(__name__)


_known: WeakKeyDictionary[Any, set[tuple[int, Any]]] = WeakKeyDictionary()
"""Which trials each searcher has been told of; it may be used in several calls."""


class RaySearch:
    """A Ray Tune searcher behind the FminRun.

    Trials that it has not suggested, the user's own points and those of an earlier call, are shown
    to it when they have ended, if its kind takes evaluated points.

    Args:
        searcher: A ``ray.tune.search.Searcher``.
        space: The search space.
        domain: hyperopt's Domain of this run.
        trials: hyperopt's Trials of this run.

    Raises:
        InvalidSpaceError: The searcher cannot take the space; the message has the label.
        InvalidArgumentError: It has several metrics, maximises the loss, or proposes points
            instead of values by label.
    """

    kept_in: Place | None = None
    is_closed_list = False

    def __init__(self, searcher: Any, space: Space, domain: Any, trials: Any) -> None:
        self.name = algo_name(searcher)
        self._searcher = searcher
        self._space = space
        self._domain = domain
        self._trials = trials
        self._suggested: dict[int, str] = {}
        self._takes_points = True
        self._has_finished = False
        self._written = to_ray_space(space)
        self._ahead: tuple[str, Assignment] | None = None
        if not self._written:  # a space of constants: nothing to be asked or told
            return
        _check_goal(searcher, self.name)
        try:
            has_own_space = not searcher.set_search_properties("loss", "min", dict(self._written))
        except (ValueError, TypeError, NotImplementedError, AssertionError) as exc:
            label = _refused_label(searcher, self._written)
            where = "the space" if label is None else f"label {label!r}"
            raise InvalidSpaceError(f"{self.name} cannot take {where}: {exc}") from exc
        self._metrics = _metrics_of(searcher, self.name)
        if self._written.approximations and not has_own_space:
            notes = "\n".join(
                f"  {each.label}: {each.got} for {each.asked}: {each.why}"
                for each in self._written.approximations
            )
            logger.warning("%s gets some parameters in another form:\n%s", self.name, notes)
        try:
            self._known = _known.setdefault(_chain(searcher)[-1], set())
        except TypeError:  # a dataclass of the user's has no hash
            self._known = set()
        self._catch_up()
        for document in trials.trials:
            self.observe(document)

    def _catch_up(self) -> None:
        """Let a new searcher propose what one like it has proposed in an earlier call.

        One with a seed begins with the same points. It is told how they ended, and goes on with its
        first proposal that is not among the earlier trials.
        """
        earlier: dict[Any, list[Document]] = {}
        for document in self._trials._dynamic_trials:
            if _seen(document) not in self._known:
                earlier.setdefault(_seen(document)[1], []).append(document)
        while earlier and (proposed := self._ask()) is not None:
            values = tuple(sorted(proposed[1].items()))
            if values not in earlier:
                self._ahead = proposed
                return
            document = earlier[values].pop(0)
            if not earlier[values]:
                del earlier[values]
            self._suggested[document["tid"]] = proposed[0]
            self.observe(document)

    def pruned_by(self, pruner: Any) -> tuple[Any, str | None]:
        """Have no pruner of its own. See `Search.pruned_by`."""
        return pruner, None

    def propose(self, new_ids: Sequence[int]) -> list[Document]:
        """Ask the searcher for a trial. See `Search.propose`.

        Raises:
            SearchNotReadyError: It has none now.
            InvalidSpaceError: What it suggests lacks a label.
        """
        documents: list[Document] = []
        for tid in new_ids:
            proposed, self._ahead = self._ahead or self._ask(), None
            if proposed is None:
                if documents or self._has_finished:
                    break
                raise SearchNotReadyError
            self._suggested[tid], assignment = proposed
            misc = misc_of(tid, assignment, self._domain.params)
            documents.append(new_document(tid, misc, self._trials._exp_key))
        return documents

    def _ask(self) -> tuple[str, Assignment] | None:
        """Return the searcher's next trial, by its id there; None when it has none now, or ever."""
        trial_id = uuid.uuid4().hex[:8]  # one that is used for several calls remembers its ids
        if not self._written:
            return trial_id, {}
        config = self._searcher.suggest(trial_id)
        self._has_finished = config == "FINISHED"
        if config is None or self._has_finished:
            return None

        def look_up(parameter: Parameter) -> Any:
            if parameter.label not in config:
                raise InvalidSpaceError(
                    f"{self.name} suggests no value for label {parameter.label!r}; it suggests "
                    f"{', '.join(map(repr, config))}. A searcher with a space of its own must use "
                    "the labels as names."
                )
            return raw_value(parameter, config[parameter.label])

        return trial_id, self._space.walk(look_up)[1]

    def expect_withdrawals(self) -> None:
        """Refuse a searcher whose purpose are repeats.

        Raises:
            UnsupportedArgumentError: It is a Repeater.
        """
        if any(type(part).__name__ == "Repeater" for part in _chain(self._searcher)):
            raise UnsupportedArgumentError(
                f"algo {self.name} is a Repeater, which proposes each point several times, and "
                "repeats='skip' takes each once. Leave one of them out."
            )

    def withdraw(self, document: Document) -> None:
        """Tell the searcher that a trial of its came to nothing, so that it waits for none."""
        trial_id = self._suggested.pop(document["tid"], None)
        if trial_id is not None and self._written:
            self._searcher.on_trial_complete(trial_id, error=True)

    def observe(self, document: Document) -> None:
        """Tell the searcher how a trial ended."""
        if document["state"] in (JOB_STATE_NEW, JOB_STATE_RUNNING) or not self._written:
            return
        tid, result = document["tid"], document["result"]
        loss = result.get("loss")
        if document["state"] != JOB_STATE_DONE or result["status"] != STATUS_OK or loss is None:
            loss = None
        seen = _seen(document)
        is_known = seen in self._known  # from an earlier call with the same searcher
        self._known.add(seen)
        trial_id = self._suggested.pop(tid, None)
        if trial_id is None:
            if not is_known and loss is not None and math.isfinite(loss):
                self._show(assignment_of(document), float(loss))
            return
        if loss is None:
            self._searcher.on_trial_complete(trial_id, error=True)
            return
        told = {metric: sign * float(loss) for metric, sign in self._metrics.items()}
        self._searcher.on_trial_complete(trial_id, result={**told, "training_iteration": 1})

    def _show(self, values: dict[str, Any], loss: float) -> None:
        """Show the searcher a trial of somebody else's."""
        if not self._takes_points:
            return
        try:
            # Tune's spaces are flat: a label that the point does not reach gets any value.
            config = {label: domain.sample() for label, domain in self._written.items()} | values
            innermost = _chain(self._searcher)[-1]
            sign = next(reversed(self._metrics.values()))
            innermost.add_evaluated_point(config, sign * loss)
        except Exception as exc:  # noqa: BLE001 - each searcher says it in its own way
            self._takes_points = False
            logger.warning(
                "%s is not told of trials that it has not suggested (%s: %s).",
                self.name,
                type(exc).__name__,
                str(exc).partition("\n")[0] or "it takes no evaluated points",
            )

    def close(self) -> None:
        """Do nothing: the searcher is the user's."""


def _seen(document: Document) -> tuple[int, Any]:
    return document["tid"], tuple(sorted(assignment_of(document).items()))


def _chain(searcher: Any) -> list[Any]:
    """Return a searcher and those inside it: a limiter or a repeater has one."""
    found = [searcher]
    while (inner := getattr(found[-1], "searcher", None)) is not None:
        found.append(inner)
    return found


def _check_goal(searcher: Any, name: str) -> None:
    """Refuse a searcher that was made for something else than to minimise fmin's loss."""
    innermost = _chain(searcher)[-1]
    if innermost.mode == "max" and innermost.metric in (None, "loss"):
        raise InvalidArgumentError(
            f"algo {name} has mode='max': fmin minimises the loss. Use mode='min'."
        )
    if getattr(innermost, "decoded", False):  # a HyperoptSearcher
        raise InvalidArgumentError(
            "algo HyperoptSearcher proposes points of its own space. Pass its algorithm to fmin "
            "instead, such as algo=tpe.suggest."
        )


def _metrics_of(searcher: Any, name: str) -> dict[str, float]:
    """Return under which names a searcher wants the loss, and with which factor.

    Raises:
        InvalidArgumentError: It has several metrics.
    """
    metrics: dict[str, float] = {"loss": 1.0}
    for part in _chain(searcher):
        metric, mode = part.metric or "loss", part.mode or "min"
        if not isinstance(metric, str) or not isinstance(mode, str):
            raise InvalidArgumentError(f"algo {name} has several metrics, {metric}: fmin has one")
        metrics.pop(metric, None)  # the innermost one's comes last
        metrics[metric] = -1.0 if mode == "max" else 1.0
    return metrics


def _refused_label(searcher: Any, written: dict[str, Any]) -> str | None:
    """Find the label that a searcher cannot take, by asking for one after the other."""
    convert = getattr(searcher, "convert_search_space", None)
    if convert is None:
        return None
    for label, domain in written.items():
        try:
            convert({label: domain})
        except (ValueError, TypeError, NotImplementedError, AssertionError):
            return label
    return None
