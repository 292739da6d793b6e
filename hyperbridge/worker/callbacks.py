"""Callbacks that report for the common learners, for an objective that is run by fmin.

Each is a function that imports its library when it is called, and only then.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from hyperbridge.worker.reporting import report


def lightgbm(metric: str | None = None, valid_name: str | None = None) -> Callable[[Any], None]:
    """Return a callback for ``lightgbm.train`` and the ``fit`` of its estimators.

    The step is the boosting iteration, from 0. A metric of which more is better is reported
    with its sign changed.

    Args:
        metric: Name of the metric, such as ``"l2"``; None for the first one.
        valid_name: Name of the evaluation data; None for the first data with the metric, the
            training data aside.

    Raises:
        ValueError: In training, when no such metric is evaluated.

    Examples:
        >>> from hyperbridge import callbacks
        >>> callback = callbacks.lightgbm(metric="l2")  # lightgbm.train(..., callbacks=[callback])
    """

    def after_iteration(env: Any) -> None:
        training = getattr(env.model, "_train_data_name", None)
        if not isinstance(training, str):
            training = "train"  # of a cross-validation
        for data, name, value, is_higher_better, *_ in env.evaluation_result_list or ():
            is_asked_for = data == valid_name or (valid_name is None and data != training)
            if metric in (None, name) and is_asked_for:
                report(-value if is_higher_better else value, step=env.iteration)
                return
        raise _not_there("lightgbm", metric, valid_name, env.evaluation_result_list)

    after_iteration.order = 40  # type: ignore[attr-defined]  # after those that record, as LightGBM reads it
    return after_iteration


def xgboost(
    metric: str | None = None, data_name: str | None = None, *, maximize: bool = False
) -> Any:
    """Return a callback for ``xgboost.train`` and the estimators' ``callbacks``.

    The step is the boosting round, from 0.

    Args:
        metric: Name of the metric, such as ``"rmse"``; None for the last one.
        data_name: Name of the evaluation data; None for the last one.
        maximize: Whether more is better, as for ``"auc"``: the sign is changed then.

    Raises:
        ModuleNotFoundError: XGBoost is not installed.
        ValueError: In training, when no such metric is evaluated.
    """
    from xgboost.callback import TrainingCallback

    class Report(TrainingCallback):  # type: ignore[misc]  # XGBoost's class
        def after_iteration(self, model: Any, epoch: int, evals_log: Any) -> bool:  # noqa: ARG002
            try:
                metrics = evals_log[data_name if data_name is not None else [*evals_log][-1]]
                values = metrics[metric if metric is not None else [*metrics][-1]]
            except (LookupError, TypeError):
                raise _not_there("xgboost", metric, data_name, evals_log) from None
            last = values[-1]
            value = last[0] if isinstance(last, tuple) else last  # of a cross-validation
            report(-value if maximize else value, step=epoch)
            return False

    return Report()


def keras(monitor: str = "val_loss", *, maximize: bool = False) -> Any:
    """Return a callback for ``model.fit`` of Keras.

    The step is the epoch, from 0.

    Args:
        monitor: Name of the metric.
        maximize: Whether more is better, as for ``"val_accuracy"``: the sign is changed then.

    Raises:
        ModuleNotFoundError: Keras is not installed.
        ValueError: In training, when no such metric is there.
    """
    from keras.callbacks import Callback

    class Report(Callback):  # type: ignore[misc]  # Keras's class
        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            if monitor not in (logs or {}):
                raise _not_there("keras", monitor, None, logs)
            value = float(logs[monitor])
            report(-value if maximize else value, step=epoch)

    return Report()


def _not_there(library: str, metric: str | None, data: str | None, there: Any) -> ValueError:
    wanted = f"the metric {metric!r}" if metric is not None else "a metric"
    where = f" of the data {data!r}" if data is not None else ""
    return ValueError(
        f"hyperbridge.callbacks.{library}: {wanted}{where} is not evaluated; there is {there!r}. "
        "Give the training evaluation data, or name another metric."
    )


CALLBACKS = {"lightgbm": lightgbm, "xgboost": xgboost, "keras": keras}
"""What ``hyperbridge.callbacks`` has."""
