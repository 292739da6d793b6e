"""hyperopt's algorithms as a Ray Tune searcher, for any Tuner, without fmin.

Source: the reference of ``ray.tune.search.Searcher``. Unlike Tune's own HyperOptSearch it takes
a hyperopt space as it is, any suggest function, and gives hyperopt's own sequence for a seed.
"""

from __future__ import annotations

import logging
import math
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import cloudpickle
import numpy as np
from hyperopt import base, tpe
from hyperopt.utils import coarse_utcnow

from hyperbridge.documents import Document, misc_of, new_document, new_ids
from hyperbridge.errors import InvalidArgumentError, InvalidSpaceError
from hyperbridge.search import RAY
from hyperbridge.search.hyperopt_algo import HyperoptSearch, seed_source
from hyperbridge.search.identity import algo_text, difference, space_texts
from hyperbridge.space.nodes import DictNode
from hyperbridge.space.points import validate_points
from hyperbridge.translate.from_hyperopt import read_space

RAY.require("HyperoptSearcher", "tune")

from ray.tune.search import Searcher  # noqa: E402  (after the check, for its advice)

logger = logging.getLogger(__name__)


class HyperoptSearcher(Searcher):  # type: ignore[misc]  # Ray has no types
    """A Ray Tune searcher with a hyperopt algorithm on a hyperopt space, for any Tuner.

    Args:
        space: A hyperopt search space.
        metric: The result that is optimised; None takes that of ``TuneConfig``. Tune passes it
            on only when the Tuner has a ``param_space``, be it constants.
        mode: "min" or "max"; None likewise.
        algo: A hyperopt suggest function, a ``functools.partial`` of one or your own; None
            means ``tpe.suggest``.
        rstate: A ``numpy.random.Generator``; a seed gives the trials that hyperopt's fmin
            gives, with one trial at a time.
        points_to_evaluate: Assignments by label to begin with: the index for a choice.
        decoded: True when a trial's config is the point of the space, for a trainable of your
            own (the space must be a dict then); False for values by label, for
            `hyperbridge.ray_trainable`.

    Attributes:
        decoded: As given.
        trials: hyperopt's Trials, with a document for every trial. With ``mode="max"`` its losses
            are the negative metric.

    Raises:
        InvalidArgumentError: ``metric``, ``mode``, ``rstate`` or ``points_to_evaluate`` cannot
            work. Later: ``TuneConfig`` contradicts ``metric`` or ``mode``, one of them is not
            known when the first trial is asked for, or a saved state belongs to another search.
        InvalidSpaceError: The space cannot work; the message has the label.
        MissingDependencyError: Ray is not installed.

    Examples:
        >>> from hyperopt import hp
        >>> space = {"lr": hp.uniform("lr", 0, 1)}
        >>> searcher = HyperoptSearcher(space, metric="loss", mode="min")
        >>> sorted(searcher.suggest("a"))
        ['lr']
    """

    def __init__(
        self,
        space: Any,
        *,
        metric: str | None = None,
        mode: str | None = None,
        algo: Callable[..., Any] | None = None,
        rstate: Any = None,
        points_to_evaluate: Sequence[dict[str, Any]] | None = None,
        decoded: bool = True,
    ) -> None:
        if mode not in (None, "min", "max"):
            raise InvalidArgumentError(f'mode must be "min" or "max", got {mode!r}')
        if not isinstance(metric, str | None):
            raise InvalidArgumentError(f"metric must be the name of one result, got {metric!r}")
        super().__init__(metric=metric, mode=mode)
        self._space = read_space(space)
        if decoded and not isinstance(self._space.root, DictNode):
            raise InvalidSpaceError(
                "a Tune trainable takes a dict, and this space is not a dict. Make it one, or use "
                "decoded=False with hyperbridge.ray_trainable"
            )
        self._expr = space
        self._algo = tpe.suggest if algo is None else algo
        self.decoded = decoded
        self._points = list(points_to_evaluate or [])
        validate_points(self._space, self._points)
        rng = np.random.default_rng() if rstate is None else rstate
        seed_source(rng)
        self._has_warned = False
        self._start(base.Trials(), {}, rng)

    def _start(self, trials: Any, live: dict[str, int], rng: Any) -> None:
        self.trials = trials
        self._rng = rng
        self._domain = base.Domain(_never_called, self._expr)
        self._search = HyperoptSearch(self._algo, self._domain, trials, seed_source(rng))
        documents = {document["tid"]: document for document in trials._dynamic_trials}
        self._live = {trial_id: documents[tid] for trial_id, tid in live.items()}

    # -- Searcher --------------------------------------------------------------------------

    def set_search_properties(
        self,
        metric: str | None,
        mode: str | None,
        config: dict[str, Any],  # noqa: ARG002
        **spec: Any,  # noqa: ARG002
    ) -> bool:
        """Take the metric and the mode of a ``TuneConfig``. Tune calls this by itself.

        Returns:
            False: the space is the searcher's own. Tune refuses a ``param_space`` that has domains
            then, and passes constants on.

        Raises:
            InvalidArgumentError: One of them contradicts the searcher's own.
        """
        for name, told in (("metric", metric), ("mode", mode)):
            known = getattr(self, name)
            if told is not None and known is not None and told != known:
                raise InvalidArgumentError(
                    f"TuneConfig({name}={told!r}) contradicts {name}={known!r} of the "
                    f"HyperoptSearcher. Set {name} in one of them only."
                )
        self._metric = self.metric if metric is None else metric
        self._mode = self.mode if mode is None else mode
        return False

    def _check_goal(self) -> None:
        missing = [name for name in ("metric", "mode") if getattr(self, name) is None]
        if missing:
            raise InvalidArgumentError(
                f"HyperoptSearcher does not know its {' and '.join(missing)}. Set both in it, such "
                'as HyperoptSearcher(space, metric="loss", mode="min"). Tune passes those of '
                "TuneConfig on only when the Tuner has a param_space."
            )

    def suggest(self, trial_id: str) -> dict[str, Any] | str:
        """Return the config of a new trial, or "FINISHED" when the algorithm has no more.

        Raises:
            InvalidArgumentError: Nobody has set the metric or the mode.
        """
        self._check_goal()
        document = self._live.get(trial_id)
        if document is None:
            document = self._propose()
            if document is None:
                return str(self.FINISHED)
            self._live[trial_id] = document
        assignment = base.spec_from_misc(document["misc"])
        plain = {k: v.item() if hasattr(v, "item") else v for k, v in assignment.items()}
        return self._space.point(plain) if self.decoded else plain

    def _propose(self) -> Document | None:
        ids = new_ids(self.trials, 1)
        if self._points:
            proposed = [self._given(ids[0], self._points.pop(0))]
        else:
            proposed = self._search.propose(ids)
        if not proposed:
            return None
        self.trials.insert_trial_docs(proposed)
        document: Document = self.trials._dynamic_trials[-1]
        self._change(document, base.JOB_STATE_RUNNING)
        document["book_time"] = document["refresh_time"]
        return document

    def _given(self, tid: int, point: dict[str, Any]) -> Document:
        labels = list(self._domain.params)
        return new_document(tid, misc_of(tid, point, labels), self.trials._exp_key)

    def _change(self, document: Document, state: int) -> None:
        document["state"] = state
        document["refresh_time"] = coarse_utcnow()
        self.trials.refresh()
        self._search.observe(document)

    def on_trial_complete(
        self, trial_id: str, result: dict[str, Any] | None = None, error: bool = False
    ) -> None:
        """Learn from a trial; one without the metric, or with a NaN, counts as failed."""
        document = self._live.pop(trial_id, None)
        if document is None:
            return
        value = None if error or result is None else self._value_in(trial_id, result)
        if value is None:
            document["misc"]["error"] = ("error", f"trial {trial_id} ended without {self.metric}")
            self._change(document, base.JOB_STATE_ERROR)
            return
        loss = -float(value) if self.mode == "max" else float(value)
        status = base.STATUS_FAIL if math.isnan(loss) else base.STATUS_OK
        document["result"] = {"loss": loss, "status": status}
        self._change(document, base.JOB_STATE_DONE)

    def _value_in(self, trial_id: str, result: dict[str, Any]) -> Any:
        value = result.get(self.metric)
        if value is None and not self._has_warned:
            self._has_warned = True
            logger.warning(
                "HyperoptSearcher: trial %s did not report %r, so the search learns nothing from "
                "it. Report it, or set another metric.",
                trial_id,
                self.metric,
            )
        return value

    # -- save and restore ------------------------------------------------------------------

    def save(self, checkpoint_path: str | os.PathLike[str]) -> None:
        """Write the trials and the state of the search to a file. Tune calls this by itself."""
        Path(checkpoint_path).write_bytes(cloudpickle.dumps(self._state()))

    def restore(self, checkpoint_path: str | os.PathLike[str]) -> None:
        """Go on from a file of `save`. Unpickling runs code: restore only files you trust.

        Raises:
            InvalidArgumentError: The file belongs to a search with another space, metric, mode or
                algorithm; the message says what differs.
        """
        state = cloudpickle.loads(Path(checkpoint_path).read_bytes())
        saved, given = state["belongs_to"], self._belongs_to()
        differs = difference(saved["space"], given["space"])
        found = [] if differs is None else [f"its search space is another one: {differs}"]
        found += [
            f"it has {name}={saved[name]!r}, the searcher has {name}={given[name]!r}"
            for name in ("metric", "mode", "algo")
            if saved[name] is not None and given[name] is not None and saved[name] != given[name]
        ]
        if found:
            raise InvalidArgumentError(
                f"HyperoptSearcher cannot go on from {os.fspath(checkpoint_path)!r}: "
                f"{'; '.join(found)}"
            )
        self._metric = self.metric or saved["metric"]
        self._mode = self.mode or saved["mode"]
        self._restore(state)

    def _belongs_to(self) -> dict[str, Any]:
        return {
            "space": space_texts(self._space),
            "algo": algo_text(self._algo),
            "metric": self.metric,
            "mode": self.mode,
        }

    def _state(self) -> dict[str, Any]:
        return {
            "belongs_to": self._belongs_to(),
            "trials": self.trials,
            "live": {trial_id: document["tid"] for trial_id, document in self._live.items()},
            "rng": self._rng,
            "points": self._points,
        }

    def _restore(self, state: dict[str, Any]) -> None:
        self._points = state["points"]
        self._start(state["trials"], state["live"], state["rng"])

    def __getstate__(self) -> dict[str, Any]:
        rebuilt = ("_domain", "_search", "_live", "trials", "_rng", "_points")
        kept = {name: value for name, value in self.__dict__.items() if name not in rebuilt}
        return {"fields": kept, "state": cloudpickle.dumps(self._state())}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state["fields"])
        self._restore(cloudpickle.loads(state["state"]))


def _never_called(point: Any) -> float:
    raise AssertionError(f"trials run in Tune, not here ({point!r})")
