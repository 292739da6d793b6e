"""A real PostgreSQL for tests, on loopback, in a folder of its own."""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

DRIVER = "psycopg2"
"""The package through which SQLAlchemy reaches the server."""

OTHER_USERS = ("postgres", "nobody")
"""As whom it runs when the tests run as root, which PostgreSQL refuses."""


def programs() -> Path | None:
    """Return the folder with PostgreSQL's programs; None where it is not installed."""
    found = shutil.which("postgres")
    places = [] if found is None else [Path(found).resolve().parent]
    places += sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    for place in places:
        if (place / "postgres").is_file() and (place / "initdb").is_file():
            return place
    return None


class PostgresServer:
    """A server with an empty database; every connection to it needs a password.

    Attributes:
        url: The database as SQLAlchemy names it.
    """

    def __init__(self) -> None:
        place = programs()
        assert place is not None
        self._place = place
        self._as_user = _other_user()
        self._folder = Path(tempfile.mkdtemp(prefix="postgres"))
        self._process: subprocess.Popen[bytes] | None = None
        self._password = secrets.token_hex(8)
        self._made = 0

    def start(self) -> None:
        """Make its files, start it, and return when it takes connections."""
        secret = self._folder / "password"
        secret.write_text(self._password)
        if self._as_user:
            for path in (self._folder, secret):
                os.chown(path, self._as_user["user"], self._as_user["group"])
        data = self._folder / "data"
        subprocess.run(
            [
                self._place / "initdb", "-D", data, "-U", "tests", "--pwfile", secret,
                "-A", "scram-sha-256", "-E", "UTF8", "--locale=C", "--no-sync",
            ],
            check=True, capture_output=True, cwd=self._folder, **self._as_user,
        )  # fmt: skip
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self._port = probe.getsockname()[1]
        settings = {
            "listen_addresses": "127.0.0.1", "port": self._port, "fsync": "off",
            "unix_socket_directories": "", "shared_buffers": "16MB",
        }  # fmt: skip
        log = self._folder / "log"
        with log.open("wb") as file:  # no pipe: the server would wait for its reader
            self._process = subprocess.Popen(
                [
                    self._place / "postgres", "-D", data,
                    *(w for item in settings.items() for w in ("-c", "=".join(map(str, item)))),
                ],
                stderr=file, cwd=self._folder, **self._as_user,
            )  # fmt: skip
        while "ready to accept connections" not in log.read_text():
            if self._process.poll() is not None:
                raise RuntimeError(log.read_text())
            time.sleep(0.05)

    def new_database(self) -> str:
        """Make an empty database, and return its URL."""
        import sqlalchemy

        self._made += 1
        name = f"tests{self._made}"
        engine = sqlalchemy.create_engine(self._url("postgres"), isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            connection.execute(sqlalchemy.text(f"create database {name}"))
        engine.dispose()
        return self._url(name)

    def _url(self, database: str) -> str:
        return f"postgresql+{DRIVER}://tests:{self._password}@127.0.0.1:{self._port}/{database}"

    def stop(self) -> None:
        """Stop it, whatever is connected, and remove its files."""
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError):
                self._process.send_signal(signal.SIGINT)
            self._process.wait()
        shutil.rmtree(self._folder, ignore_errors=True)


def _other_user() -> dict[str, Any]:
    """Return as whom `subprocess` is to start the server; empty for the present user."""
    if os.name != "posix" or os.geteuid() != 0:
        return {}
    import pwd

    for name in OTHER_USERS:
        with contextlib.suppress(KeyError):
            entry = pwd.getpwnam(name)
            return {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}
    raise RuntimeError(f"PostgreSQL does not run as root, and there is no user of {OTHER_USERS}")
