"""Optional packages: what is missing is said with its pip line, what is broken shows itself."""

from __future__ import annotations

import importlib
import sys
import types
from pathlib import Path

import pytest

from hyperbridge.errors import BackendUnavailableError, MissingDependencyError
from hyperbridge.optional import Package, is_installed, is_loaded

MINE = Package("mine", "My Engine", install="hyperbridge[mine]")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder on the search path, where a test may put the package ``mine``."""
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "mine", raising=False)
    importlib.invalidate_caches()
    yield tmp_path
    for name in [name for name in sys.modules if name.partition(".")[0] == "mine"]:
        del sys.modules[name]


def test_a_missing_package_is_named_with_its_pip_line(folder: Path) -> None:
    assert not is_installed("mine")
    with pytest.raises(MissingDependencyError) as caught:
        MINE.require("Backend 'mine'", "part")
    assert str(caught.value) == (
        "Backend 'mine' needs My Engine. Install it with: pip install 'hyperbridge[mine]'"
    )
    assert caught.value.name == "mine"
    assert isinstance(caught.value, ImportError)
    assert isinstance(caught.value, BackendUnavailableError)


def test_a_folder_of_the_packages_name_is_not_the_package(folder: Path) -> None:
    (folder / "mine").mkdir()
    assert not is_installed("mine")
    for submodule in (None, "part"):
        with pytest.raises(MissingDependencyError, match="needs My Engine"):
            MINE.require("This", submodule)
    assert "mine" in sys.modules
    assert not is_loaded("mine")


def test_a_broken_install_shows_its_own_error(folder: Path) -> None:
    (folder / "mine.py").write_text("import no_such_dependency\n")
    assert is_installed("mine")
    with pytest.raises(ModuleNotFoundError, match="no_such_dependency") as caught:
        MINE.require("This")
    assert not isinstance(caught.value, MissingDependencyError)


def test_a_package_that_is_there_is_returned(folder: Path) -> None:
    (folder / "mine.py").write_text("ANSWER = 42\n")
    assert not is_loaded("mine")
    assert MINE.require("This").ANSWER == 42
    assert is_loaded("mine")


def test_a_stub_without_a_spec_counts_as_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "stubbed", types.ModuleType("stubbed"))
    assert not is_installed("stubbed")
