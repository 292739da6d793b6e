"""Trials: hyperopt's class, whose own ``fmin`` reaches ours, with decoded values beside."""

from __future__ import annotations

import copyreg
from collections.abc import Callable
from typing import Any

from hyperopt import base

from hyperbridge.attached import Attached
from hyperbridge.documents import LOG, Document
from hyperbridge.errors import InvalidArgumentError
from hyperbridge.run.saving import KEPT
from hyperbridge.run.why_stopped import note_stop
from hyperbridge.space import Space
from hyperbridge.surface.frames import to_pandas
from hyperbridge.surface.notebook_table import table_of
from hyperbridge.translate.from_hyperopt import read_space


class BridgedTrials:
    """What ours add to a Trials class of hyperopt; documents and ``argmin`` stay as they are."""

    study = Attached("study")
    """The ``optuna.Study`` of the last fmin call with an Optuna search, else None."""

    stop_reason: str | None = None
    """Why the last fmin call ended, by its rule; None before the first one and during one.

    ``"max_evals"``, ``"timeout"``, ``"loss_threshold"`` and ``"early_stop_fn"`` are the arguments
    of fmin; ``"search_exhausted"`` means that the algorithm had no further point, ``"user"`` that
    of Ctrl-C, ``"error"`` that fmin raised, ``"engine"`` that a rule of the engine's own, such as
    a stopper of Ray Tune, ended the search.
    """

    _space: Space | None = None
    _dynamic_trials: list[Document]
    attachments: dict[str, Any]
    argmin: dict[str, Any]
    aname: Callable[[Any, str], str]

    def best_values(self, space: Any = None) -> Any:
        """Return the best point as the objective saw it.

        ``argmin`` holds the index of a choice, as hyperopt's does; this is the same point with
        each choice replaced by its option, in the shape of the space.

        Args:
            space: The search space; by default that of the last fmin call on this object.

        Raises:
            InvalidArgumentError: There was no such call and no space is given.
            hyperopt.exceptions.AllTrialsFailed: No trial has a loss.

        Examples:
            >>> from hyperbridge import Trials, fmin, hp, rand
            >>> trials = Trials()
            >>> best = fmin(lambda size: 0.0, hp.choice("size", ["small"]), algo=rand.suggest,
            ...             max_evals=1, trials=trials, show_progressbar=False)
            >>> int(best["size"]), trials.best_values()
            (0, 'small')
        """
        model = self._space if space is None else read_space(space)
        if model is None:
            raise InvalidArgumentError(
                "best_values() needs the search space: this Trials object has not been used by "
                "fmin in this process; call best_values(space)"
            )
        return model.point(self.argmin)

    def log(self, tid: int) -> str:
        r"""Return what the objective of a trial has printed and logged, on whatever machine.

        It is what went through Python's ``sys.stdout`` and ``sys.stderr``: ``print``, warnings,
        `logging` as far as it goes there, progress bars as they were in the end. What programs
        and C code write by themselves is not among it. Of a long text the first and the last
        16,384 characters are kept. A trial that was lost or killed with its process has none.

        Args:
            tid: The trial's id.

        Raises:
            InvalidArgumentError: There is no such trial.

        Examples:
            >>> from hyperbridge import Trials, fmin, hp, rand
            >>> def objective(x):
            ...     print("half of it")
            ...     return x / 2
            >>> trials = Trials()
            >>> best = fmin(objective, hp.uniform("x", 0, 1), algo=rand.suggest, max_evals=1,
            ...             trials=trials, show_progressbar=False)
            half of it
            >>> trials.log(0)
            'half of it\n'
        """
        if all(document["tid"] != tid for document in self._dynamic_trials):
            raise InvalidArgumentError(f"log({tid!r}): there is no trial with this id")
        found: str = self.attachments.get(self.aname({"tid": tid}, LOG), "")
        return found

    def to_pandas(self, *, space: Any = None) -> Any:
        """Return a ``pandas.DataFrame`` with a row for each trial. See `hyperbridge.to_pandas`."""
        return to_pandas(self, space=space)

    def _repr_html_(self) -> str:
        """Return what a notebook shows: the numbers of trials by state, and the best ones."""
        return table_of(self)

    def fmin(
        self,
        fn: Callable[..., Any],
        space: Any,
        algo: Any = None,
        max_evals: int | None = None,
        timeout: float | None = None,
        loss_threshold: float | None = None,
        max_queue_len: int = 1,
        rstate: Any = None,
        verbose: bool = False,
        pass_expr_memo_ctrl: bool | None = None,
        catch_eval_exceptions: bool = False,
        return_argmin: bool = True,
        show_progressbar: Any = True,
        early_stop_fn: Any = None,
        trials_save_file: str = "",
    ) -> Any:
        """Minimise ``fn`` over ``space`` and keep the trials here. See `hyperbridge.fmin`."""
        # A circle that hyperopt's interface has: fmin makes Trials, and Trials have an fmin.
        from hyperbridge.surface.fmin import fmin

        return fmin(
            fn,
            space,
            algo=algo,
            max_evals=max_evals,
            timeout=timeout,
            loss_threshold=loss_threshold,
            trials=self,
            rstate=rstate,
            allow_trials_fmin=False,
            pass_expr_memo_ctrl=pass_expr_memo_ctrl,
            catch_eval_exceptions=catch_eval_exceptions,
            verbose=verbose,
            return_argmin=return_argmin,
            max_queue_len=max_queue_len,
            show_progressbar=show_progressbar,
            early_stop_fn=early_stop_fn,
            trials_save_file=trials_save_file,
        )

    def delete_all(self) -> None:
        """Forget all trials, as in hyperopt, and why the last search ended."""
        super().delete_all()  # type: ignore[misc]  # of hyperopt's class beside this one
        note_stop(self, None)

    def __reduce_ex__(self, protocol: Any) -> Any:
        """Be pickled as hyperopt's Trials in a file for which hyperopt alone must be enough."""
        is_ours = type(self).__module__.startswith("hyperbridge.")
        if is_ours and KEPT in vars(self):
            return copyreg._reconstructor, (base.Trials, object, None), self.__getstate__()  # type: ignore[attr-defined]
        return super().__reduce_ex__(protocol)

    def __getstate__(self) -> dict[str, Any]:
        state = dict(self.__dict__)
        state.pop("_space", None)  # it may hold functions, which a plain pickle refuses
        return state


class Trials(BridgedTrials, base.Trials):  # type: ignore[misc]  # hyperopt has no types
    """hyperopt's Trials.

    Attributes:
        fmin_cancelled: Whether the last fmin call was cancelled: by its timeout, by the early
            stop function, or by the user. SparkTrials have it in hyperopt, all Trials here.
        fmin_cancelled_reason: Why, in hyperopt's words, such as ``fmin run timeout``, else None.

    Examples:
        >>> len(Trials())
        0
    """

    fmin_cancelled: bool = False
    fmin_cancelled_reason: str | None = None
