"""A proxy in front of a real MLflow server that refuses, delays or holds requests for a test."""

from __future__ import annotations

import http.client
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

Judge = Callable[[str], "int | None"]
"""Gets a request's path. It may wait; a status code refuses the request, None lets it pass."""


@contextmanager
def mlflow_proxy(server_uri: str, judge: Judge) -> Iterator[str]:
    """Run a proxy on loopback and yield its address."""
    target = urlsplit(server_uri)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.0"

        def log_message(self, *args: Any) -> None:
            """Say nothing."""

        def _pass_on(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            body = self.rfile.read(length)
            code = judge(self.path)
            if code is not None:
                content = b'{"error_code": "TEMPORARILY_UNAVAILABLE", "message": "by the proxy"}'
                if code == 500:
                    content = b"<html>Internal Server Error</html>"
                self._answer(code, "application/json", content)
                return
            connection = http.client.HTTPConnection(str(target.hostname), target.port, timeout=60)
            try:
                headers = {k: v for k, v in self.headers.items() if k.lower() != "host"}
                connection.request(self.command, self.path, body, headers)
                response = connection.getresponse()
                kind = response.headers.get("Content-Type", "application/json")
                self._answer(response.status, kind, response.read())
            finally:
                connection.close()

        do_GET = do_POST = do_PATCH = do_PUT = do_DELETE = _pass_on

        def _answer(self, code: int, kind: str, content: bytes) -> None:
            self.send_response(code)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
