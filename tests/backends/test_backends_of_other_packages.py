"""Backends that other packages bring, by entry points: found, loaded late, and told when broken."""

from __future__ import annotations

import json
import logging
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from hyperopt import hp, rand

import hyperbridge
from hyperbridge import backends
from hyperbridge.errors import BackendUnavailableError, HyperbridgeError, UnknownBackendError

HERE = Path(__file__).parent / "other_package"
ROOT = Path(hyperbridge.__file__).parents[1]

Install = Callable[..., None]

MODULE = (HERE / "made_up_backends.py").read_text()


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Install:
    """Installs a package into a folder of its own, as pip leaves it there."""

    def install(package: str, points: dict[str, str], modules: dict[str, str]) -> None:
        folder = tmp_path / package
        info = folder / f"{package}-1.0.dist-info"
        info.mkdir(parents=True)
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.0\n")
        lines = [f"{name} = {value}" for name, value in points.items()]
        (info / "entry_points.txt").write_text("\n".join(["[hyperbridge.backends]", *lines]))
        for name, text in modules.items():
            (folder / f"{name}.py").write_text(text)
            monkeypatch.delitem(sys.modules, name, raising=False)
        monkeypatch.syspath_prepend(folder)

    return install


def fmin(backend: object) -> dict[str, float]:
    return hyperbridge.fmin(
        abs, hp.uniform("x", 0, 1), rand.suggest, 2, show_progressbar=False, backend=backend
    )


def test_it_is_used_by_name_and_imported_only_then(install: Install) -> None:
    install("others", {"mine": "others_backend:Mine"}, {"others_backend": MODULE})
    assert backends.names() == [*backends.ours(), "mine"]
    assert dict(backends.describe())["mine"] == "brought by package 'others'"
    assert "others_backend" not in sys.modules
    assert sorted(fmin("Mine ")) == ["x"]
    assert type(backends.get("mine")).__name__ == "Mine"


@pytest.mark.parametrize(
    ("value", "modules", "problem"),
    [
        ("others_backend:Mine", {"others_backend": "1 / 0"}, "ZeroDivisionError: division by zero"),
        ("no_such_module:Mine", {}, "No module named 'no_such_module'"),
        ("others_backend:Yours", {"others_backend": MODULE}, "has no attribute 'Yours'"),
        ("others_backend:Half", {"others_backend": MODULE}, "does not define open"),
        ("others_backend:Nameless", {"others_backend": MODULE}, "calls itself 'local'"),
        ("others_backend", {"others_backend": MODULE}, "is not a subclass of"),
    ],
)
def test_a_broken_one_is_told_and_disturbs_nobody_else(
    install: Install, value: str, modules: dict[str, str], problem: str
) -> None:
    install("others", {"mine": value}, modules)
    with pytest.raises(BackendUnavailableError) as caught:
        fmin("mine")
    assert problem in str(caught.value)
    assert "package 'others'" in str(caught.value)
    assert "Update or uninstall" in str(caught.value)
    assert sorted(fmin("local")) == ["x"]


def test_doctor_and_the_help_of_run_list_it_also_when_it_is_broken(
    install: Install, capsys: pytest.CaptureFixture[str]
) -> None:
    from hyperbridge.cli.main import main

    install("others", {"mine": "others_backend:Mine"}, {"others_backend": MODULE})
    install("worse", {"broken": "worse_backend:Mine"}, {"worse_backend": "1 / 0"})
    with pytest.raises(SystemExit):
        main(["run", "--help"])
    assert "  mine     brought by package 'others'" in capsys.readouterr().out
    main(["doctor", "--no-tracking", "--json"])
    data = json.loads(capsys.readouterr().out)
    found = {finding["subject"]: finding for finding in data["findings"]}
    assert found["mine"]["status"] == "ok"
    assert found["broken"]["status"] == "broken"
    assert "division by zero" in found["broken"]["detail"]


def test_two_packages_with_one_name_are_both_named(install: Install) -> None:
    for package in ("others", "worse"):
        install(package, {"mine": f"{package}_backend:Mine"}, {f"{package}_backend": MODULE})
    with pytest.raises(BackendUnavailableError, match="package 'worse' and package 'others'"):
        fmin("mine")


def test_ours_wins_over_one_of_the_same_name_and_says_so(
    install: Install, caplog: pytest.LogCaptureFixture
) -> None:
    install("others", {"Local": "others_backend:Mine"}, {"others_backend": MODULE})
    with caplog.at_level(logging.WARNING):
        assert type(backends.get("local")) is backends.ours()["local"]
    assert "package 'others' brings a backend 'local' too" in caplog.text
    assert backends.names() == list(backends.ours())


def test_an_unknown_name_lists_it_too(install: Install) -> None:
    install("others", {"mine": "others_backend:Mine"}, {"others_backend": MODULE})
    with pytest.raises(UnknownBackendError, match="Available: local, optuna, ray, spark, mine"):
        fmin("yours")
    assert issubclass(UnknownBackendError, HyperbridgeError)


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_it_runs_the_contract_of_hyperbridge_testing(install: Install, tmp_path: Path) -> None:
    source = (HERE / "executor_backend.py").read_text()
    install("executors", {"executor": "executor_backend:Executor"}, {"executor_backend": source})
    shutil.copy(HERE / "conformance_of_executor.py", tmp_path / "test_executor.py")
    environment = {k: v for k, v in os.environ.items() if not k.startswith("PYTEST_")}
    environment["PYTHONPATH"] = os.pathsep.join([str(tmp_path / "executors"), str(ROOT)])
    result = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_executor.py"],
        cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=580,
    )  # fmt: skip
    assert result.returncode == 0, result.stdout[-8000:] + result.stderr[-2000:]
    assert " passed" in result.stdout
    assert " 4 xfailed" in result.stdout
