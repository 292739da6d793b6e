"""``hyperbridge dashboard``: a server on the loopback address that shows a history."""

from __future__ import annotations

import json
import socket
import sys
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import optuna
import pytest
from searches import hostile

from hyperbridge.cli.main import main
from hyperbridge.errors import InvalidArgumentError
from hyperbridge.history.kinds import Options
from hyperbridge.history.trials_kind import TrialsKind
from hyperbridge.pages.optuna_dashboard import Server, storage_of

pytest.importorskip("optuna_dashboard")


@contextmanager
def served(storage: Any) -> Iterator[Server]:
    server = Server(storage, 0)
    thread = threading.Thread(target=server.serve)
    thread.start()
    try:
        yield server
    finally:
        server._server.shutdown()
        thread.join()
        server.close()


def get(server: Server, path: str, **headers: str) -> Any:
    base = server.url.removesuffix("/dashboard")
    request = urllib.request.Request(base + path, headers=headers)
    with urllib.request.urlopen(request, timeout=60) as answer:
        return answer.read()


@pytest.fixture
def pickled(tmp_path: Path) -> str:
    TrialsKind().write(hostile(20), str(tmp_path / "old.pkl"), Options())
    return str(tmp_path / "old.pkl")


def test_a_copy_of_any_history_is_shown(pickled: str) -> None:
    shown = storage_of(pickled, Options(allow_pickle=True))
    assert shown.is_copy
    assert any("no space is known" in line for line in shown.remarks)
    with served(shown.storage) as server:
        assert server.url.startswith("http://127.0.0.1:")
        (study,) = json.loads(get(server, "/api/studies"))["study_summaries"]
        assert study["study_name"] == pickled
        details = json.loads(get(server, f"/api/studies/{study['study_id']}?after=0"))
        assert len(details["trials"]) == 20
        with pytest.raises(urllib.error.HTTPError, match="403"):  # a name that somebody made up
            get(server, "/api/studies", Host="evil.example:80")


def test_a_storage_of_optunas_is_opened_as_it_is(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'study.db'}"
    for name in ("first", "second"):
        optuna.create_study(storage=url, study_name=name).add_trial(
            optuna.trial.create_trial(value=1.0)
        )
    shown = storage_of(url, Options())
    assert not shown.is_copy
    with served(shown.storage) as server:
        studies = json.loads(get(server, "/api/studies"))["study_summaries"]
        assert {study["study_name"] for study in studies} == {"first", "second"}
        optuna.delete_study(storage=url, study_name="first")
        assert len(json.loads(get(server, "/api/studies"))["study_summaries"]) == 1


def test_a_port_that_is_taken_is_refused_only_if_it_was_asked_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    storage = optuna.storages.InMemoryStorage()
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(InvalidArgumentError, match=f"port {port} cannot be used"):
            Server(storage, port)
        monkeypatch.setattr("hyperbridge.pages.optuna_dashboard.DEFAULT_PORT", port)
        other = Server(storage)
        assert f":{port}/" not in other.url
        other.close()


def test_the_command_prints_the_address_and_ends_at_ctrl_c(
    pickled: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupted(self: Any, poll_interval: float = 0.5) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("socketserver.BaseServer.serve_forever", interrupted)
    assert main(["dashboard", pickled, "--allow-pickle", "--port", "0"]) == 0
    said = capsys.readouterr()
    assert said.out.startswith("Dashboard: http://127.0.0.1:")
    assert "is not kept" in said.err


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (["missing.db"], 1, "there is no 'missing.db'"),
        (["sqlite:///missing.db"], 1, "has no studies"),
        (["x.db", "--port", "70000"], 2, "between 0 and 65535"),
    ],
)
def test_what_cannot_be_shown_is_said(
    arguments: list[str],
    code: int,
    says: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    try:
        ended = main(["dashboard", *arguments])
    except SystemExit as exc:
        ended = exc.code
    assert ended == code
    assert says in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []  # no database was made


def test_a_missing_package_is_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for module in [each for each in sys.modules if each.partition(".")[0] == "optuna_dashboard"]:
        monkeypatch.delitem(sys.modules, module)
    monkeypatch.setitem(sys.modules, "optuna_dashboard", None)
    assert main(["dashboard", "x.db"]) == 1
    assert "pip install 'hyperbridge[dashboard]'" in capsys.readouterr().err
