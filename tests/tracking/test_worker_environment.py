"""What a worker is given, and what is kept from it."""

from __future__ import annotations

import os
from pathlib import Path

import mlflow
import pytest

from hyperbridge.tracking.complaints import Complaints
from hyperbridge.tracking.environment import absolute_uri, make_attachment


@pytest.mark.parametrize(
    ("uri", "expected"),
    [
        ("http://127.0.0.1:5000", "http://127.0.0.1:5000"),
        ("databricks", "databricks"),
        ("databricks://profile", "databricks://profile"),
        ("databricks-uc", "databricks-uc"),
        ("sqlite:////data/mlflow.db", "sqlite:////data/mlflow.db"),
        ("sqlite:///mlflow.db", "sqlite:///{here}/mlflow.db"),
        ("sqlite:///a/b.db?timeout=5", "sqlite:///{here}/a/b.db?timeout=5"),
        ("sqlite:///:memory:", "sqlite:///:memory:"),
        ("mlruns", "file://{here}/mlruns"),
        ("./mlruns", "file://{here}/mlruns"),
        ("file:///data/mlruns", "file:///data/mlruns"),
        ("file:mlruns", "file://{here}/mlruns"),
        ("postgresql://user@host/db", "postgresql://user@host/db"),
    ],
)
def test_a_local_store_gets_an_absolute_address(tmp_path, monkeypatch, uri, expected):
    monkeypatch.chdir(tmp_path)
    assert absolute_uri(uri) == expected.format(here=tmp_path)


def attachment_for(artifact_uri: str | None):
    return make_attachment(
        mlflow.get_tracking_uri(), artifact_uri=artifact_uri, complaints=Complaints()
    )


def test_credentials_travel_and_what_speaks_of_the_drivers_run_does_not(sqlite_store, monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_USERNAME", "me")
    monkeypatch.setenv("MLFLOW_S3_ENDPOINT_URL", "http://minio")
    monkeypatch.setenv("MLFLOW_RUN_ID", "0" * 32)
    monkeypatch.setenv("MLFLOW_EXPERIMENT_NAME", "search")
    monkeypatch.setenv("UNRELATED_SECRET", "x")
    environment = attachment_for("file:///data").environment
    assert environment["MLFLOW_TRACKING_USERNAME"] == "me"
    assert environment["MLFLOW_S3_ENDPOINT_URL"] == "http://minio"
    assert environment["MLFLOW_TRACKING_URI"] == sqlite_store
    assert {"MLFLOW_RUN_ID", "MLFLOW_EXPERIMENT_NAME", "UNRELATED_SECRET"}.isdisjoint(environment)


def test_the_credentials_file_of_the_driver_is_read(sqlite_store, monkeypatch, tmp_path):
    folder = tmp_path / ".mlflow"
    folder.mkdir()
    (folder / "credentials").write_text(
        "[mlflow]\nmlflow_tracking_username = me\nmlflow_tracking_password = secret\n"
    )
    monkeypatch.setenv("HOME", str(tmp_path))
    environment = attachment_for(None).environment
    assert environment["MLFLOW_TRACKING_USERNAME"] == "me"
    assert environment["MLFLOW_TRACKING_PASSWORD"] == "secret"


@pytest.mark.parametrize(
    ("artifact_uri", "shipped"),
    [
        ("s3://bucket/1", {"AWS_ACCESS_KEY_ID"}),
        ("wasbs://c@a.blob.core.windows.net/1", {"AZURE_STORAGE_ACCESS_KEY"}),
        ("gs://bucket/1", {"GOOGLE_APPLICATION_CREDENTIALS"}),
        ("mlflow-artifacts:/1", set()),
        (str(Path("/data/1")), set()),
    ],
)
def test_only_the_credentials_of_the_artifact_store_travel(
    sqlite_store, monkeypatch, artifact_uri, shipped
):
    names = ["AWS_ACCESS_KEY_ID", "AZURE_STORAGE_ACCESS_KEY", "GOOGLE_APPLICATION_CREDENTIALS"]
    for name in names:
        monkeypatch.setenv(name, "x")
    assert set(attachment_for(artifact_uri).defaults) & set(names) == shipped


def test_a_workers_own_cloud_credentials_win(sqlite_store, monkeypatch):
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "of the driver")
    attachment = attachment_for("s3://bucket/1")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "of the worker")
    monkeypatch.setenv("MLFLOW_RUN_ID", "0" * 32)
    before = dict(os.environ)
    with attachment._environment("7"):
        assert os.environ["AWS_ACCESS_KEY_ID"] == "of the worker"
        assert os.environ["MLFLOW_EXPERIMENT_ID"] == "7"
        assert "MLFLOW_RUN_ID" not in os.environ
    assert dict(os.environ) == before


def test_databricks_credentials_travel_as_variables(sqlite_store, monkeypatch):
    monkeypatch.setenv("DATABRICKS_HOST", "https://workspace")
    monkeypatch.setenv("DATABRICKS_TOKEN", "secret")
    attachment = make_attachment("databricks", artifact_uri=None, complaints=Complaints())
    assert attachment.environment["DATABRICKS_HOST"] == "https://workspace"
    assert attachment.environment["DATABRICKS_TOKEN"] == "secret"
    assert attachment.environment["MLFLOW_TRACKING_URI"] == "databricks"
