"""Ray Tune without fmin: spaces and objectives for a Tuner of the user's own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from hyperbridge.run.objective import Objective
from hyperbridge.run.shipping import pack_objective, pack_runtime
from hyperbridge.search import RAY
from hyperbridge.translate.from_hyperopt import read_space
from hyperbridge.translate.to_ray import RaySpace, to_ray_space


def to_ray(space: Any) -> RaySpace:
    """Turn a search space into a ``param_space`` for a Ray Tuner.

    Args:
        space: Anything that hyperopt takes as a space.

    Returns:
        A flat dict of Tune's domains by label; a choice is the index of its option. Pass
        the same space to `ray_trainable`, which makes the point of it. What Tune cannot express
        exactly is in the attribute ``approximations``.

    Raises:
        InvalidSpaceError: The space cannot work, or Tune cannot say it; the message has the label.
        MissingDependencyError: Ray is not installed.

    Examples:
        >>> from hyperbridge import hp
        >>> space = to_ray({"lr": hp.loguniform("lr", -5, 0), "k": hp.choice("k", ["a", "b"])})
        >>> sorted(space), space.approximations
        (['k', 'lr'], [])
    """
    RAY.require("to_ray", "tune")
    return to_ray_space(read_space(space))


def ray_trainable(
    fn: Callable[..., Any],
    space: Any,
    *,
    pass_expr_memo_ctrl: bool | None = None,
    reports: bool | None = None,
) -> Any:
    """Turn an objective of hyperopt's into a trainable for a Ray Tuner.

    It takes configs by label: those of `to_ray`, or of ``HyperoptSearcher(decoded=False)``. It
    reports what the objective returns: a number as ``loss``, a dict as it is. Nodes need neither
    hyperopt nor hyperbridge. Use ``TuneConfig(reuse_actors=True)``, which saves seconds a
    trial. It is also the trainable to give to ``Tuner.restore`` for an experiment that fmin made.

    Args:
        fn: The objective.
        space: Its hyperopt search space.
        pass_expr_memo_ctrl: As in hyperopt's fmin.
        reports: Whether the objective calls ``ray.tune.report``; None to find out by reading
            its code and that of what it refers to.

    Returns:
        A class derived from ``ray.tune.Trainable``.

    Raises:
        ObjectiveNotPicklableError: The objective cannot be sent to workers.
        InvalidSpaceError: The space cannot work; the message has the label.
        MissingDependencyError: Ray is not installed.

    Examples:
        >>> from hyperbridge import hp
        >>> ray_trainable(lambda x: x**2, hp.uniform("x", -1, 1)).__name__
        'objective_trial'
    """
    RAY.require("ray_trainable", "tune")
    import ray.cloudpickle

    from hyperbridge.backends.ray.experiment import name_of
    from hyperbridge.backends.ray.reports import uses_reports
    from hyperbridge.backends.ray.trainable import make_trainable

    objective = Objective(fn, space, pass_expr_memo_ctrl)
    packed = pack_objective(objective, ray.cloudpickle, where="Ray")
    runtime = pack_runtime(packed, [], ray.cloudpickle)
    if reports is None:
        reports = uses_reports(objective.fn)
    return make_trainable(name_of(objective.fn), reports=reports, runtime=runtime)
