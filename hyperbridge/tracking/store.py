"""Calls to the MLflow store that fail soon instead of retrying for minutes.

MLflow's HTTP client retries a request up to 7 times over about 4 minutes, as its environment
variables say. Retrying is the business of the background logger, which knows what can wait,
so requests made from here are tried once. The user's own requests keep their settings.
"""

from __future__ import annotations

import contextlib
import importlib
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeVar

from hyperbridge.tracking.attach.intercept import intercept

T = TypeVar("T")

REQUEST_TIMEOUT_S = 30
"""How long one request may take; a lower MLFLOW_HTTP_REQUEST_TIMEOUT counts."""

_TRANSIENT_CODES = frozenset(
    {
        "DEADLINE_EXCEEDED",
        "INTERNAL_ERROR",
        "REQUEST_LIMIT_EXCEEDED",
        "RESOURCE_EXHAUSTED",
        "TEMPORARILY_UNAVAILABLE",
    }
)

_this_thread = threading.local()


class StoreAwayError(Exception):
    """The store did not answer, or not in a way that another attempt could not change."""


def _request_once(original: Any, *args: Any, **kwargs: Any) -> Any:
    if getattr(_this_thread, "impatient", False):
        variables = importlib.import_module("mlflow.environment_variables")
        limit = variables.MLFLOW_HTTP_REQUEST_TIMEOUT.get()
        kwargs["max_retries"] = 0
        kwargs["timeout"] = min(limit, REQUEST_TIMEOUT_S)
    return original(*args, **kwargs)


@contextlib.contextmanager
def impatient() -> Iterator[None]:
    """Make this thread's requests without retries, and turn transient errors into our own.

    Raises:
        StoreAwayError: The store is away; the cause is MLflow's error.
    """
    before = getattr(_this_thread, "impatient", False)
    _this_thread.impatient = True
    try:
        yield
    except Exception as exc:
        if is_transient(exc):
            raise StoreAwayError(str(exc)) from exc
        raise
    finally:
        _this_thread.impatient = before


def is_transient(error: Exception) -> bool:
    """Tell whether the same call might succeed later."""
    code = getattr(error, "error_code", None)
    if code is not None:
        return code in _TRANSIENT_CODES
    requests: Any = sys.modules.get("requests")
    if requests is not None and isinstance(
        error, (requests.exceptions.ConnectionError, requests.exceptions.Timeout)
    ):
        return True
    return isinstance(error, (ConnectionError, TimeoutError))


class Store:
    """The runs of one tracking URI. Any method may be called on any thread.

    Each raises `StoreAwayError` when the store does not answer, and whatever MLflow raises when
    it refuses.

    Args:
        tracking_uri: As MLflow resolved it.
    """

    def __init__(self, tracking_uri: str) -> None:
        self._mlflow: Any = importlib.import_module("mlflow")
        self._entities: Any = importlib.import_module("mlflow.entities")
        self._rest: Any = importlib.import_module("mlflow.utils.rest_utils")
        self._uri = tracking_uri
        # SQLite has one writer: waiting here costs less than in its busy handler, which sleeps.
        self._one_at_a_time = tracking_uri.startswith("sqlite")
        self._lock = threading.Lock()
        self._client_or_none: Any = None

    @property
    def concurrency(self) -> int:
        """How many threads can write to the store at once to any use."""
        return 1 if self._one_at_a_time else 4

    @contextlib.contextmanager
    def opened(self) -> Iterator[None]:
        """While open, calls made through this object do not retry."""
        with intercept(self._rest.http_request, _request_once):
            yield

    def call(self, function: Callable[[Any], T]) -> T:
        """Call a function of the MlflowClient without retries."""
        with self._lock if self._one_at_a_time else contextlib.nullcontext(), impatient():
            if self._client_or_none is None:
                self._client_or_none = self._mlflow.MlflowClient(self._uri)
            return function(self._client_or_none)

    def create_run(
        self, experiment_id: str, *, name: str | None, tags: dict[str, str], start_ms: int
    ) -> Any:
        """Create a run and return it."""
        return self.call(
            lambda client: client.create_run(
                experiment_id, start_time=start_ms, tags=tags, run_name=name
            )
        )

    def get_run(self, run_id: str) -> Any:
        """Return a run with its params, tags and latest metrics."""
        return self.call(lambda client: client.get_run(run_id))

    def find_runs(self, experiment_id: str, query: str) -> list[Any]:
        """Return all active runs of an experiment that a filter string selects."""
        found = self._page(experiment_id, query, None)
        runs = list(found)
        while found.token:
            found = self._page(experiment_id, query, found.token)
            runs += found
        return runs

    def _page(self, experiment_id: str, query: str, token: str | None) -> Any:
        return self.call(
            lambda client: client.search_runs([experiment_id], query, page_token=token)
        )

    def history(self, run_id: str, metric: str) -> list[Any]:
        """Return all points of a metric."""
        return list(self.call(lambda client: client.get_metric_history(run_id, metric)))

    def log(
        self,
        run_id: str,
        *,
        params: dict[str, str] | None = None,
        tags: dict[str, str] | None = None,
        metrics: Sequence[tuple[str, float, int, int]] = (),
    ) -> None:
        """Log to a run in one call (more only beyond the limits of a batch).

        Args:
            run_id: The run.
            params: Value by name.
            tags: Value by name.
            metrics: Name, value, time in milliseconds since the epoch, step.
        """
        kinds = self._entities
        batch = {
            "metrics": [kinds.Metric(*metric) for metric in metrics],
            "params": [kinds.Param(*item) for item in (params or {}).items()],
            "tags": [kinds.RunTag(*item) for item in (tags or {}).items()],
        }
        self.call(lambda client: client.log_batch(run_id, **batch))

    def log_text(self, run_id: str, text: str, file_name: str) -> None:
        """Write a text artifact."""
        self.call(lambda client: client.log_text(run_id, text, file_name))

    def end_run(self, run_id: str, status: str, end_ms: int) -> None:
        """End a run without printing its address.

        Args:
            run_id: The run.
            status: ``FINISHED``, ``FAILED`` or ``KILLED``.
            end_ms: When it ended, in milliseconds since the epoch.
        """
        # MlflowClient.set_terminated fetches the run once more to print a link to it.
        code = self._entities.RunStatus.from_string(status)
        self.call(lambda _: self._plain_store().update_run_info(run_id, code, end_ms, None))

    def reopen_run(self, run_id: str, end_ms: int | None) -> None:
        """Set a run RUNNING again, as `mlflow.start_run` does.

        Args:
            run_id: The run.
            end_ms: When it ended; the store wants a value until it ends anew.
        """
        code = self._entities.RunStatus.RUNNING
        self.call(lambda _: self._plain_store().update_run_info(run_id, code, end_ms, None))

    def delete_run(self, run_id: str, end_ms: int) -> None:
        """End a run that nobody needs and delete it, unless that has been done already."""
        if self.get_run(run_id).info.lifecycle_stage == "active":
            self.end_run(run_id, "KILLED", end_ms)
            self.call(lambda client: client.delete_run(run_id))

    def flush_async(self) -> None:
        """Wait for what objectives in this process log in the background, traces included."""
        self._plain_store().flush_async_logging()
        self._mlflow.flush_trace_async_logging()

    def _plain_store(self) -> Any:
        return importlib.import_module("mlflow.tracking")._get_store(self._uri)
