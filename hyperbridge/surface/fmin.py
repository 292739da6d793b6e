"""fmin: hyperopt's function on any backend."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Sequence
from contextlib import ExitStack, closing
from typing import Any

import numpy as np
from hyperopt import tpe

from hyperbridge import backends, config
from hyperbridge.backends.base import Backend
from hyperbridge.errors import ArgumentTypeError, InvalidArgumentError, UnsupportedArgumentError
from hyperbridge.pruning import check_pruner, make_rule
from hyperbridge.run.limits import (
    Limits,
    check_loss_threshold,
    check_max_evals,
    check_max_queue_len,
    check_timeout,
)
from hyperbridge.run.objective import Objective
from hyperbridge.search.choice import check_algo
from hyperbridge.search.fresh_points import FreshPoints
from hyperbridge.search.hyperopt_algo import HyperoptSearch, seed_source
from hyperbridge.surface import originals
from hyperbridge.surface.call import Call, minimise
from hyperbridge.surface.history import (
    check_trials,
    count_failed,
    fit_to_space,
    load_earlier,
    open_trials,
    warn_of_space,
)
from hyperbridge.surface.keepers import journal_of, open_keepers
from hyperbridge.surface.points import (
    check_points,
    count_generated,
    draw_again,
    insert_points,
    stream_of,
)
from hyperbridge.surface.reports import check_report
from hyperbridge.surface.trials import Trials
from hyperbridge.surface.warm_start import count_taken, read_warm_start, take_over
from hyperbridge.surface.watching import watcher

logger = logging.getLogger(__name__)


def fmin(
    fn: Callable[..., Any],
    space: Any,
    algo: Any = None,
    max_evals: int | None = None,
    timeout: float | None = None,
    loss_threshold: float | None = None,
    trials: Any = None,
    rstate: Any = None,
    allow_trials_fmin: bool = True,
    pass_expr_memo_ctrl: bool | None = None,
    catch_eval_exceptions: bool = False,
    verbose: bool = True,
    return_argmin: bool = True,
    points_to_evaluate: Sequence[dict[str, Any]] | None = None,
    max_queue_len: int = 1,
    show_progressbar: Any = True,
    early_stop_fn: Any = None,
    trials_save_file: str | os.PathLike[str] = "",
    *,
    backend: Any = None,
    parallelism: int | None = None,
    tracking: bool | None = None,
    pruner: Any = None,
    trial_timeout: float | None = None,
    repeats: str | None = None,
    journal: Any = None,
    warm_start: Any = None,
    report: bool = False,
) -> Any:
    """Minimise a function over a search space.

    The arguments up to ``trials_save_file`` are those of ``hyperopt.fmin`` and mean the same.
    Those behind the star, ``warm_start`` and ``report`` excepted, can also be set by
    ``with hyperbridge.settings(...)`` and by the environment variables
    ``HYPERBRIDGE_BACKEND``, ``HYPERBRIDGE_PARALLELISM``, ``HYPERBRIDGE_TRACKING``,
    ``HYPERBRIDGE_PRUNER``, ``HYPERBRIDGE_TRIAL_TIMEOUT``, ``HYPERBRIDGE_REPEATS`` and
    ``HYPERBRIDGE_JOURNAL``; the argument outranks the context manager, and that the environment.

    Args:
        fn: The objective: takes a point of the space, returns the loss as a number, or a dict
            with ``status`` and, when that is ``STATUS_OK``, ``loss``.
        space: A hyperopt search space, or ``"annotated"`` to read it from fn's annotations.
        algo: A hyperopt suggest function, a ``functools.partial`` of one or your own, or an
            Optuna sampler or study, on any backend; a Ray Tune searcher with backend Ray;
            None means ``tpe.suggest``.
        max_evals: Trials in the Trials object at the end, the user's own points not counted;
            None for no limit.
        timeout: Seconds; what runs by then is cancelled where the backend can.
        loss_threshold: Stop once the best loss is below it.
        trials: Where the trials are kept. SparkTrials choose the Spark backend, unless a
            backend is set, and let the search go on after a failed trial; with plain Trials,
            or None, fmin raises what the objective raised.
        rstate: A ``numpy.random.Generator`` (or an old ``RandomState``); None takes the seed of
            the environment variable ``HYPEROPT_FMIN_SEED``, if set.
        allow_trials_fmin: Whether a Trials class that defines its own ``fmin`` gets the call.
        pass_expr_memo_ctrl: Call ``fn(expr=, memo=, ctrl=)`` instead; None asks fn's own mark.
        catch_eval_exceptions: With plain Trials: a failed trial does not end the search.
        verbose: False hides the progress bar.
        return_argmin: True returns the best assignment (indices for choices), False the best
            point, or None when there is none.
        points_to_evaluate: Assignments by label to begin with, on top of ``max_evals``; also
            when ``trials`` is given, where hyperopt ignores them. Points that the Trials have
            already are not evaluated again; labels that the space does not have are left out.
        max_queue_len: How many points are proposed at a time.
        show_progressbar: True, False, or a context manager factory, see ``hyperopt.progress``.
        early_stop_fn: ``(trials, *args) -> (stop, args)``, called after each trial.
        trials_save_file: A file that the Trials are saved to after each trial, and continued
            from unless ``trials`` has other documents; the search then draws on as if it had not
            been interrupted, where hyperopt draws the same again. One search at a time may use
            it. A symbolic link is followed.
            Unpickling runs code: continue only from files that you trust.
        backend: ``"local"``, ``"spark"``, ``"ray"``, ``"optuna"`` or a backend object such as
            ``hyperbridge.Optuna(storage="sqlite:///study.db")``.
        parallelism: Trials at once; None for the backend's default.
        tracking: Whether to log to MLflow; None means yes when trials go to Spark, Ray or
            Optuna and mlflow is installed.
        pruner: Stops trials early that report poor losses by `hyperbridge.report`: the name of a
            pruner (``"median"``, ``"percentile"``, ``"asha"``, ``"hyperband"``, ``"patient"``),
            an ``optuna.pruners`` object, or with backend Ray a Tune scheduler.
        trial_timeout: Seconds that one trial may take, from when it runs on its worker. One that
            takes longer is stopped and failed, with TrialTimeoutError in its document, and the
            search goes on: with plain Trials too, because the objective has raised nothing.
            A backend that cannot stop a trial (threads) refuses it before the first one.
        repeats: What becomes of a point that was evaluated before: ``"run"`` evaluates it again,
            as hyperopt does, ``"skip"`` draws another one, ``"reuse"`` takes its result. Points
            are the same whose reached labels have equal values; what raised once may be tried
            again. The search ends before ``max_evals`` when "skip" finds no further point.
        journal: A path or a ``hyperbridge.Journal``: a file that what happens is appended to, and
            continued from like ``trials_save_file``. It is plain data, and reading it runs no
            code; of results that plain data cannot hold it keeps the rest. The journal of another
            space or objective is refused, unless the Journal says otherwise.
        warm_start: An earlier search to learn from: what ``hyperbridge convert`` reads, such as
            ``"old_trials.pkl"`` or ``"sqlite:///study.db"``, or a Trials, an Optuna study, a Ray
            Tune ResultGrid. Those of its trials that fit the space become documents in front of
            the new ones, on top of ``max_evals``; a warning says what does not fit, and why. They
            count for the best trial, and are not evaluated or logged again. A pickle is loaded,
            which runs code.
        report: Whether a page on the search (see ``hyperbridge report``) is kept as the artifact
            ``report.html`` of its MLflow run, when the search has ended; not after Ctrl-C. It needs
            ``hyperbridge[report]``, and a search that is tracked.

    Returns:
        See ``return_argmin``.

    Raises:
        InvalidArgumentError: An argument cannot work. It is a ValueError, as are
            InvalidSpaceError (the message has the label) and UnknownBackendError.
        UnsupportedArgumentError: The backend cannot honour an argument.
        BackendUnavailableError: The backend cannot run here.
        ObjectiveNotPicklableError: The objective cannot be sent to workers.
        AllTrialsFailed: No trial has a loss; it is a subclass of hyperopt's.
        NotSavedError: The search has ended, and its trials could not be written to
            ``trials_save_file`` or the journal; they are in the error's ``trials``.
        Exception: What the objective raised, with plain Trials.

    Examples:
        >>> import numpy as np
        >>> from hyperbridge import fmin, hp, tpe
        >>> best = fmin(lambda x: x**2, hp.uniform("x", -1, 1), algo=tpe.suggest, max_evals=25,
        ...             rstate=np.random.default_rng(0), show_progressbar=False)
        >>> bool(abs(best["x"]) < 0.2)
        True
    """
    check_trials(trials)
    settings = config.resolve(
        backend=backend,
        parallelism=parallelism,
        tracking=tracking,
        pruner=pruner,
        trial_timeout=trial_timeout,
        repeats=repeats,
        journal=journal,
    )
    chosen = None if settings.backend is None else backends.get(settings.backend)
    if _goes_to_hyperopt(trials, allow_trials_fmin):
        if chosen is not None:
            raise UnsupportedArgumentError(
                f"{type(trials).__name__} evaluates trials by its own means, so backend "
                f"{chosen.name!r} cannot take them. Use Trials or SparkTrials, or set no backend."
            )
        for name in ("pruner", "trial_timeout", "repeats", "journal"):
            if getattr(settings, name) is not None:
                raise UnsupportedArgumentError(
                    f"{type(trials).__name__} evaluates trials by its own means, so {name} (set "
                    f"by {settings.sources[name]}) has no effect. Use Trials or SparkTrials, or "
                    "leave it out."
                )
        for name, is_given in (("warm_start", warm_start is not None), ("report", report)):
            if is_given:
                raise UnsupportedArgumentError(
                    f"{type(trials).__name__} evaluates trials by its own means, so {name} has no "
                    "effect. Use Trials or SparkTrials, or leave it out."
                )
        return _hyperopt_fmin(
            fn, space, algo, max_evals,
            timeout=timeout, loss_threshold=loss_threshold, trials=trials, rstate=rstate,
            allow_trials_fmin=allow_trials_fmin, pass_expr_memo_ctrl=pass_expr_memo_ctrl,
            catch_eval_exceptions=catch_eval_exceptions, verbose=verbose,
            return_argmin=return_argmin, points_to_evaluate=points_to_evaluate,
            max_queue_len=max_queue_len, show_progressbar=show_progressbar,
            early_stop_fn=early_stop_fn, trials_save_file=trials_save_file,
        )  # fmt: skip
    is_spark = isinstance(trials, originals.spark_trials)
    if chosen is None:
        chosen = backends.get("spark" if is_spark else "local")
    if algo is None:
        algo = tpe.suggest
        logger.warning("TPE is being used as the default algorithm.")
    check_algo(algo)
    check_report(report, tracking=settings.tracking, backend=chosen)
    pruner, chosen = _pruner(settings.pruner, chosen)
    if early_stop_fn is not None and not callable(early_stop_fn):
        raise ArgumentTypeError(f"early_stop_fn must be callable, got {early_stop_fn!r}")
    limits = Limits(
        max_evals=watcher().max_evals(check_max_evals(max_evals)),
        timeout=check_timeout(_timeout_of(trials, timeout) if is_spark else timeout),
        loss_threshold=check_loss_threshold(
            _threshold_of(trials, loss_threshold) if is_spark else loss_threshold
        ),
        early_stop=early_stop_fn,
        max_queue_len=check_max_queue_len(max_queue_len),
        trial_timeout=settings.trial_timeout,
    )
    is_seeded = rstate is not None or bool(os.environ.get("HYPEROPT_FMIN_SEED"))
    rstate = watcher().random_state(_rstate(rstate))
    seeds = seed_source(rstate)
    objective = Objective(fn, space, pass_expr_memo_ctrl)
    points = check_points(
        points_to_evaluate, objective, check_bounds=chosen.stays_within_bounds(algo)
    )
    past = None if warm_start is None else read_warm_start(warm_start, objective.space)
    with ExitStack() as stack:
        keepers = open_keepers(stack, trials_save_file, journal_of(settings), objective)
        earlier = load_earlier(keepers)
        n_extra = 0 if trials is None else count_generated(trials)
        trials, earlier = open_trials(trials, earlier)
        is_tolerant = is_spark or bool(catch_eval_exceptions)
        n_extra -= count_failed(earlier) if is_tolerant else 0
        warn_of_space(earlier, objective)
        requested = settings.parallelism
        if requested is None and is_spark:
            requested = trials.user_specified_parallelism
        opened = stack.enter_context(chosen.open(objective, trials=trials, parallelism=requested))
        _check_trial_timeout(limits, chosen, opened, settings.sources["trial_timeout"])
        fit_to_space(trials, objective.space)
        if past is not None:
            take_over(past, trials, objective.space, objective.domain.params)
        n_extra += count_taken(trials)
        first_stream = draw_again(
            rstate, trials, earlier, opened.restored, points, is_given=is_seeded
        )
        search = stack.enter_context(closing(chosen.make_search(algo, objective, trials, seeds)))
        if isinstance(search, HyperoptSearch):
            ends = limits.timeout, limits.loss_threshold, limits.early_stop
            may_end = any(end is not None for end in ends)
            search.check(objective.space, limits.max_evals, may_end_earlier=may_end)
        pruner, study_name = search.pruned_by(pruner)
        rule = make_rule(pruner, objective.space, study_name)
        if points:
            n_extra += insert_points(trials, points, objective.domain.params)
        if settings.repeats == "skip":
            labels = objective.domain.params
            search = FreshPoints(search, objective.space, trials, seeds, labels)
        if limits.max_evals == 0 and return_argmin and not trials.trials:
            raise InvalidArgumentError(
                "max_evals=0 evaluates nothing. There are no evaluation tasks, cannot return "
                "argmin of task losses. Give max_evals of at least 1, or return_argmin=False."
            )
        return watcher().around(minimise)(
            Call(
                objective=objective,
                search=search,
                limits=limits,
                n_extra=n_extra,
                trials=trials,
                backend=chosen,
                opened=opened,
                parallelism=requested,
                tracking=settings.tracking,
                pruner=rule,
                repeats=settings.repeats or "run",
                tolerant=is_tolerant,
                progress=show_progressbar if verbose else False,
                keepers=keepers,
                stream=lambda: stream_of(rstate, trials),
                first_stream=first_stream,
                earlier=earlier,
                return_argmin=return_argmin,
                report=report,
            )
        )


def _check_trial_timeout(limits: Limits, chosen: Any, opened: Any, source: str) -> None:
    """Refuse a limit that a backend cannot enforce.

    Raises:
        UnsupportedArgumentError: It is one.
    """
    if limits.trial_timeout is not None and not opened.stops_trials:
        raise UnsupportedArgumentError(
            f"trial_timeout={limits.trial_timeout:g} (set by {source}): backend {chosen.name!r} "
            "cannot stop one trial here while others go on. Leave it out, or run trials in "
            'processes: backend=hyperbridge.Local(workers="processes"), or '
            'hyperbridge.Optuna(workers="processes").'
        )


def _pruner(pruner: Any, chosen: Backend) -> tuple[Any, Backend]:
    """Return the pruner of the call, and the backend: a pruner of its engine's is its own.

    Raises:
        UnsupportedArgumentError: A Tune scheduler, on another backend than Ray.
        InvalidArgumentError, ArgumentTypeError: It is no pruner.
    """
    if pruner is None:
        return None, chosen
    adopted = chosen.take_pruner(pruner)
    if adopted is not None:
        return None, adopted
    if type(pruner).__module__.startswith("ray."):
        raise UnsupportedArgumentError(
            f"pruner={type(pruner).__name__}: a Ray Tune scheduler needs backend='ray', and this "
            f"call has backend {chosen.name!r}. Use a name, such as 'asha', or an Optuna pruner."
        )
    check_pruner(pruner)
    return pruner, chosen


def _goes_to_hyperopt(trials: Any, allow_trials_fmin: bool) -> bool:
    """Tell whether the Trials evaluate by themselves: MongoTrials and the like, or own fmin."""
    if trials is None or isinstance(trials, originals.spark_trials):
        own = getattr(type(trials), "fmin", None)
        return allow_trials_fmin and own is not None and not _is_known(own)
    if getattr(trials, "asynchronous", False):
        return True
    own = getattr(type(trials), "fmin", None)
    return allow_trials_fmin and own is not None and not _is_known(own)


def _is_known(method: Any) -> bool:
    """Tell whether a ``fmin`` method of a Trials class is hyperopt's or ours."""
    module = getattr(method, "__module__", "")
    return method in (originals.trials_fmin, originals.spark_trials.fmin, Trials.fmin) or (
        module.startswith("hyperbridge.")
    )


def _hyperopt_fmin(fn: Any, space: Any, algo: Any, max_evals: Any, **kwargs: Any) -> Any:
    logger.debug("%s goes to hyperopt's own fmin", type(kwargs["trials"]).__name__)
    return originals.fmin(fn, space, algo, max_evals, **kwargs)


def _timeout_of(trials: Any, timeout: float | None) -> float | None:
    """Combine the timeouts of SparkTrials and of fmin as hyperopt does."""
    if timeout is None:
        return trials.timeout  # type: ignore[no-any-return]
    if trials.timeout is not None:
        logger.warning("Timeout param was defined in Trials object, ignoring fmin definition")
        return trials.timeout  # type: ignore[no-any-return]
    trials.timeout = timeout
    return timeout


def _threshold_of(trials: Any, loss_threshold: float | None) -> float | None:
    if loss_threshold is not None:
        trials.loss_threshold = loss_threshold
    return trials.loss_threshold  # type: ignore[no-any-return]


def _rstate(rstate: Any) -> Any:
    if rstate is not None:
        return rstate
    seed = os.environ.get("HYPEROPT_FMIN_SEED", "")
    if not seed:
        return np.random.default_rng()
    try:
        return np.random.default_rng(int(seed))
    except ValueError as exc:
        raise InvalidArgumentError(
            f"HYPEROPT_FMIN_SEED must be a whole number of at least 0, got {seed!r}"
        ) from exc
