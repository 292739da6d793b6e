"""MLflow's form: a parent run with a child run for each trial."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any, ClassVar

from hyperbridge.errors import BackendUnavailableError, InvalidArgumentError
from hyperbridge.history.history import History
from hyperbridge.history.kinds import Kind, Options
from hyperbridge.optional import MLFLOW

_SCHEME = "mlflow:"
_DEFAULT = "Default"
_MOST_SHOWN = 10


class MlflowKind(Kind):
    """The child runs of a run, as hyperbridge and Databricks write them."""

    name: ClassVar[str] = "mlflow"
    help: ClassVar[str] = (
        "the child runs of an MLflow run; mlflow: for the only such run in --experiment"
    )
    example: ClassVar[str] = "mlflow:RUN_ID"
    reads: ClassVar[bool] = True
    writes: ClassVar[bool] = True
    schemes: ClassVar[tuple[str, ...]] = (_SCHEME,)
    heeds: ClassVar[tuple[str, ...]] = ("experiment", "tracking_uri", "metric", "mode")

    def read(self, source: Any, options: Options) -> History:
        """Return the trials of the child runs that have ended."""
        from hyperbridge.history.mlflow_runs import LOSS, children_of, history_of_runs

        mlflow = MLFLOW.require("An MLflow run")
        run_id, _, fmin_uuid = source.removeprefix(_SCHEME).partition("/")
        uri = options.tracking_uri or mlflow.get_tracking_uri()
        _check_store(uri)
        exceptions: Any = importlib.import_module("mlflow.exceptions")
        try:
            client = mlflow.MlflowClient(uri)
            parent = client.get_run(run_id) if run_id else _only_parent(client, uri, options)
            runs = children_of(client, parent)
        except exceptions.MlflowException as exc:
            raise _named(uri, exc) from exc
        if not runs:
            raise InvalidArgumentError(
                f"run {run_id!r} has no child runs in {uri!r}. Give the run above the trials, or "
                "--tracking-uri for another store"
            )
        calls = list(dict.fromkeys(run.data.tags.get("fmin_uuid", "") for run in runs))
        if fmin_uuid:
            runs = [run for run in runs if run.data.tags.get("fmin_uuid") == fmin_uuid]
            if not runs:
                raise InvalidArgumentError(
                    f"run {run_id!r} has no trials of the call {fmin_uuid!r}. It has those of "
                    f"{', '.join(map(repr, calls))}"
                )
        shown = f"MLflow run {parent.info.run_id}"
        history = history_of_runs(
            client,
            runs,
            shown,
            options.space,
            in_threads=uri.startswith(("http", "databricks")),
            metric=options.metric or LOSS,
            sign=-1.0 if options.mode == "max" else 1.0,
        )
        if options.metric is not None and not any(options.metric in r.data.metrics for r in runs):
            raise InvalidArgumentError(f"no child run of {shown} has a metric {options.metric!r}")
        if len(calls) > 1 and not fmin_uuid:
            history.remark(
                f"the run has the trials of {len(calls)} calls of fmin, all of which are taken; "
                f"mlflow:{parent.info.run_id}/{calls[-1]} takes those of one"
            )
        return history

    def write(self, history: History, target: str, options: Options) -> None:
        """Write the trials that have ended as the child runs of a new run."""
        from hyperbridge.history.mlflow_writing import write_runs
        from hyperbridge.tracking.store import Store, StoreAwayError

        mlflow = MLFLOW.require("An MLflow run")
        if target != _SCHEME or options.append or options.force:
            raise InvalidArgumentError(
                f"{target!r}: trials go below a new run, not below one that exists. Give 'mlflow:' "
                "as the target, and perhaps --experiment NAME"
            )
        uri = options.tracking_uri or mlflow.get_tracking_uri()
        exceptions: Any = importlib.import_module("mlflow.exceptions")
        try:
            store = Store(uri)
            client = mlflow.MlflowClient(uri)
            experiment = _experiment(client, options)
            experiment_id = (
                client.create_experiment(options.experiment)
                if experiment is None
                else experiment.experiment_id
            )
            space = history.space if options.space is None else options.space
            write_runs(store, experiment_id, history, space)
        except (exceptions.MlflowException, StoreAwayError) as exc:
            text = str(exc).strip().partition("\n")[0]
            raise BackendUnavailableError(
                f"The MLflow store {uri!r} cannot be written: {text}"
            ) from exc


def _check_store(uri: str) -> None:
    """Refuse a SQLite file that is not there: MLflow would make one."""
    path = uri.removeprefix("sqlite:///")
    if path != uri and not Path(path).is_file():
        raise InvalidArgumentError(
            f"there is no MLflow store {uri!r}. Give its address with --tracking-uri"
        )


def _named(uri: str, exc: Exception) -> Exception:
    text = str(exc).strip().partition("\n")[0]
    code = getattr(exc, "error_code", None)
    if code in ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE"):
        return InvalidArgumentError(f"MLflow store {uri!r}: {text}")
    return BackendUnavailableError(f"The MLflow store {uri!r} cannot be read: {text}")


def _experiment(client: Any, options: Options) -> Any:
    """Return the experiment that is meant, by its name or id; None where there is none."""
    given = options.experiment or _DEFAULT
    experiment = client.get_experiment_by_name(given)
    if experiment is None and given.isdigit():
        experiment = client.get_experiment(given)
    return experiment


def _only_parent(client: Any, uri: str, options: Options) -> Any:
    """Return the one run of an experiment that has child runs."""
    from hyperbridge.history.mlflow_runs import PARENT_TAG, search

    given = options.experiment or _DEFAULT
    experiment = _experiment(client, options)
    if experiment is None:
        raise InvalidArgumentError(f"MLflow store {uri!r} has no experiment {given!r}")
    runs = search(client, experiment.experiment_id, f"tags.`{PARENT_TAG}` != ''")
    parents = dict.fromkeys(run.data.tags[PARENT_TAG] for run in runs)
    nested = {run.info.run_id for run in runs}
    top = [run_id for run_id in parents if run_id not in nested]
    if len(top) != 1:
        some = ", ".join(f"mlflow:{run_id}" for run_id in top[:_MOST_SHOWN])
        raise InvalidArgumentError(
            f"experiment {given!r} in {uri!r} has {len(top)} runs with child runs"
            f"{f'. Say which: {some}' if top else ''}"
            f"{', ...' if len(top) > _MOST_SHOWN else ''}"
        )
    return client.get_run(top[0])
