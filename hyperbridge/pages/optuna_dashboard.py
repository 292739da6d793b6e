"""optuna-dashboard on any history, on the loopback address alone.

Source: the reference of optuna-dashboard's ``wsgi``. What is an Optuna storage already is opened
as it is; of anything else a study in memory is made, which ends with the server.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from socketserver import ThreadingMixIn
from typing import Any, Final
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer

from hyperbridge.errors import InvalidArgumentError
from hyperbridge.history.kinds import Options, read_history, recognise
from hyperbridge.history.optuna_kind import fill_study
from hyperbridge.optional import Package

DASHBOARD: Final = Package(
    "optuna_dashboard", "optuna-dashboard", install="hyperbridge[dashboard]", oldest="0.15"
)

DEFAULT_PORT: Final = 8080

_HOST: Final = "127.0.0.1"


@dataclass(frozen=True, slots=True)
class Shown:
    """What a dashboard shows.

    Attributes:
        storage: What optuna-dashboard takes for a storage.
        is_copy: Whether it was made for the dashboard: what is changed in it is not kept.
        remarks: A line for each thing that was dropped or assumed in the copy.
    """

    storage: Any
    is_copy: bool
    remarks: list[str] = field(default_factory=list)


def storage_of(source: str, options: Options) -> Shown:
    """Return a source as an Optuna storage: as it is, if it is one, else a copy of its trials.

    Raises:
        HyperbridgeError: It cannot be read; the message says what to do.
    """
    if recognise(source).name == "optuna":
        from hyperbridge.search.optuna.stored import storage_with_studies

        return Shown(storage_with_studies(source), is_copy=False)
    import optuna

    history = read_history(source, options)
    storage = optuna.storages.InMemoryStorage()
    study = optuna.create_study(
        storage=storage, study_name=options.study or history.source, direction="minimize"
    )
    fill_study(study, history, options)
    return Shown(storage, is_copy=True, remarks=history.remarks)


class Server:
    """A dashboard, listening on the loopback address.

    Args:
        storage: What it shows.
        port: The port; 0 for any that is free, None for `DEFAULT_PORT`, or any that is free.

    Attributes:
        url: Its address.

    Raises:
        MissingDependencyError: optuna-dashboard is not installed.
        InvalidArgumentError: The port is in use, or none.
    """

    def __init__(self, storage: Any, port: int | None = None) -> None:
        app = DASHBOARD.require("A dashboard").wsgi(storage)
        self._server = _listen(DEFAULT_PORT if port is None else port, may_move=port is None)
        number = self._server.server_port
        self._server.set_app(_only_for(number, app))
        self.url = f"http://{_HOST}:{number}/dashboard"

    def serve(self) -> None:
        """Answer until the process is interrupted; Ctrl-C ends it."""
        with contextlib.suppress(KeyboardInterrupt):
            self._server.serve_forever()

    def close(self) -> None:
        """Close the port."""
        self._server.server_close()


class _Threaded(ThreadingMixIn, WSGIServer):
    daemon_threads = True


class _Quiet(WSGIRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:
        pass


def _listen(port: int, *, may_move: bool) -> WSGIServer:
    try:
        return _Threaded((_HOST, port), _Quiet)
    except (OSError, OverflowError) as exc:
        if may_move:
            return _Threaded((_HOST, 0), _Quiet)
        raise InvalidArgumentError(f"port {port} cannot be used: {exc}") from exc


def _only_for(port: int, app: Callable[..., Iterable[bytes]]) -> Callable[..., Iterable[bytes]]:
    """Answer requests to this address alone.

    Else a page of somebody else's could have its own name mean the loopback address, and read or
    delete studies from the user's browser.
    """
    names = {f"{_HOST}:{port}", f"localhost:{port}"}

    def answer(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        if environ.get("HTTP_HOST") in names:
            return app(environ, start_response)
        start_response("403 Forbidden", [("Content-Type", "text/plain")])
        return [b"This server answers on the loopback address alone.\n"]

    return answer
