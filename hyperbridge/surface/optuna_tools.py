"""Use spaces, objectives and histories of hyperopt with Optuna, without fmin."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from hyperopt.base import JOB_STATE_CANCEL, JOB_STATE_DONE, JOB_STATE_ERROR

from hyperbridge.attached import attach
from hyperbridge.documents import assignment_of, loss_of
from hyperbridge.errors import InvalidArgumentError, UnsupportedArgumentError
from hyperbridge.run.objective import Objective
from hyperbridge.run.results import to_result
from hyperbridge.search.optuna import OPTUNA
from hyperbridge.surface.trials import Trials
from hyperbridge.translate.from_hyperopt import read_space
from hyperbridge.translate.to_optuna import OptunaSpace


def to_optuna(space: Any) -> OptunaSpace:
    """Turn a search space into a function that builds a point with an Optuna trial.

    Args:
        space: Anything that hyperopt takes as a space.

    Returns:
        A function ``trial -> point``. The study's parameters are the labels; choices are
        suggested as the index of the option. What Optuna cannot express exactly is in its
        attribute ``approximations``, and its real value in the trial's user attributes.

    Raises:
        InvalidSpaceError: The space cannot work; the message has the label.

    Examples:
        >>> import optuna
        >>> from hyperbridge import hp
        >>> point_of = to_optuna({"lr": hp.uniform("lr", 0, 1), "k": hp.choice("k", ["a", "b"])})
        >>> point_of(optuna.trial.FixedTrial({"lr": 0.5, "k": 1}))
        {'k': 'b', 'lr': 0.5}
    """
    return OptunaSpace(read_space(space))


class _OptunaObjective:
    """An objective for ``study.optimize``; see `optuna_objective`."""

    def __init__(self, fn: Callable[[Any], Any], space: OptunaSpace) -> None:
        self.fn = fn
        self.space = space

    def __call__(self, trial: Any) -> float:
        from hyperbridge.search.optuna.history import attributes_of

        result, _ = to_result(self.fn(self.space(trial)))
        document = {"state": JOB_STATE_DONE, "result": result}
        for name, value in attributes_of(document).items():
            trial.set_user_attr(name, value)
        loss = loss_of(document)
        return float("nan") if loss is None else loss


def optuna_objective(fn: Callable[..., Any], space: Any) -> Callable[[Any], float]:
    """Turn a hyperopt objective and its space into an objective for ``study.optimize``.

    Args:
        fn: Takes a point of the space; returns the loss, or a dict with ``status`` and ``loss``.
        space: Anything that hyperopt takes as a space, or ``"annotated"``.

    Returns:
        A function ``trial -> loss``. A result whose status is not ``ok`` gives NaN, which
        Optuna marks as a failed trial. Other entries of the result that JSON can hold become
        the trial's user attribute ``hyperbridge.result``.

    Raises:
        InvalidArgumentError: ``fn`` is not callable.
        InvalidSpaceError: The space cannot work; the message has the label.
        UnsupportedArgumentError: The objective or its space asks for hyperopt's ``Ctrl``.

    Examples:
        >>> import optuna
        >>> from hyperbridge import hp
        >>> objective = optuna_objective(lambda x: x**2, hp.uniform("x", -1, 1))
        >>> objective(optuna.trial.FixedTrial({"x": 0.5}))
        0.25
    """
    objective = Objective(fn, space, None)
    if objective.needs_ctrl:
        raise UnsupportedArgumentError(
            "the objective asks for hyperopt's ctrl, which a study does not have. Use fmin with "
            "backend='optuna'."
        )
    return _OptunaObjective(objective.fn, OptunaSpace(objective.space))


def to_study(
    trials: Any,
    space: Any,
    *,
    storage: Any = None,
    study_name: str | None = None,
    sampler: Any = None,
) -> Any:
    """Copy a hyperopt history to an Optuna study.

    Args:
        trials: A Trials object. Failed trials become failed trials; trials that wait or run are
            not copied.
        space: The search space of those trials.
        storage: Where the study is kept, as for `hyperbridge.Optuna`; None for memory.
        study_name: Its name; None for one that Optuna makes. If the storage has a study of that
            name, it gets the trials that it does not have.
        sampler: The study's ``optuna.samplers.BaseSampler``; None for Optuna's default.

    Returns:
        An ``optuna.Study`` that minimises; its parameters are the labels.

    Raises:
        InvalidArgumentError: A trial, or the study, does not fit the space; the message has
            the label.
        BackendUnavailableError: The storage cannot be opened.

    Examples:
        >>> from hyperbridge import Trials, fmin, hp, rand
        >>> trials, space = Trials(), hp.uniform("x", -1, 1)
        >>> best = fmin(abs, space, algo=rand.suggest, max_evals=3, trials=trials,
        ...             show_progressbar=False)
        >>> to_study(trials, space).best_params == best
        True
    """
    OPTUNA.require("to_study")
    from hyperbridge.search.optuna.history import frozen_of
    from hyperbridge.search.optuna.joining import check_fit, only_in
    from hyperbridge.search.optuna.studies import StudyPlace, open_study

    own_space = to_optuna(space)
    ended = [
        document
        for document in trials._dynamic_trials
        if document["state"] in (JOB_STATE_DONE, JOB_STATE_ERROR, JOB_STATE_CANCEL)
    ]
    frozen = []
    for document in ended:
        unknown = [x for x in assignment_of(document) if x not in own_space.space.parameters]
        try:
            if unknown:
                raise ValueError(f"the search space has no label {unknown[0]!r}")
            frozen.append(frozen_of(document, own_space))
        except (LookupError, TypeError, ValueError) as exc:
            raise InvalidArgumentError(
                f"trial {document['tid']} does not fit the search space: {exc}"
            ) from exc
    study = open_study(StudyPlace(storage, study_name), sampler, name=None)
    check_fit(study, own_space, advice="Give another study_name.")
    new = only_in(ended, study, own_space)
    study.add_trials([each for each, is_new in zip(frozen, new, strict=True) if is_new])
    return study


def from_study(study: Any, space: Any) -> Trials:
    """Copy the history of an Optuna study to a Trials object.

    Args:
        study: An ``optuna.Study`` that minimises. Its parameters are named like the labels. It
            may come from hyperbridge or from hand-written code, with the options of a choice
            by value.
        space: The search space that its trials fit.

    Returns:
        Trials with a document for each trial that has ended; a pruned one has the status
        ``fail``.

    Raises:
        InvalidArgumentError: The study has several objectives or maximises, or a complete trial
            does not fit the space; the message has the label.

    Examples:
        >>> import optuna
        >>> from hyperbridge import hp
        >>> study = optuna.create_study()
        >>> study.optimize(lambda trial: trial.suggest_float("x", -1, 1) ** 2, n_trials=3)
        >>> len(from_study(study, hp.uniform("x", -1, 1)))
        3
    """
    from hyperbridge.search.optuna.history import documents_of
    from hyperbridge.search.optuna.joining import insert
    from hyperbridge.search.optuna.studies import check_directions

    check_directions(
        study, advice="Make a study that minimises, of the negated values, and carry that over."
    )
    own_space = to_optuna(space)
    trials = Trials()
    insert(documents_of(study, own_space), trials)
    trials._space = own_space.space
    attach(trials, "study", study)
    return trials
