"""Optional packages: what is missing is said with its pip line, what is broken shows itself."""

from __future__ import annotations

import importlib
import sys
import types
from pathlib import Path

import pytest

from hyperbridge import optional
from hyperbridge.errors import BackendUnavailableError, MissingDependencyError
from hyperbridge.optional import is_installed, is_loaded, require


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder on the search path; the package ``mine`` is known by the extra of that name."""
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setitem(optional._EXTRAS, "mine", ("mine", "My Engine"))
    monkeypatch.delitem(sys.modules, "mine", raising=False)
    importlib.invalidate_caches()
    yield tmp_path
    for name in [name for name in sys.modules if name.partition(".")[0] == "mine"]:
        del sys.modules[name]


def test_a_missing_package_is_named_with_its_pip_line(folder: Path) -> None:
    assert not is_installed("mine")
    with pytest.raises(MissingDependencyError) as caught:
        require("mine.part", needed_by="Backend 'mine'")
    assert str(caught.value) == (
        "Backend 'mine' needs My Engine. Install it with: pip install 'hyperbridge[mine]'"
    )
    assert caught.value.name == "mine"
    assert isinstance(caught.value, ImportError)
    assert isinstance(caught.value, BackendUnavailableError)


def test_a_folder_of_the_packages_name_is_not_the_package(folder: Path) -> None:
    (folder / "mine").mkdir()
    assert not is_installed("mine")
    for module in ("mine", "mine.part"):
        with pytest.raises(MissingDependencyError, match="needs My Engine"):
            require(module, needed_by="This")
    assert "mine" in sys.modules
    assert not is_loaded("mine")


def test_a_broken_install_shows_its_own_error(folder: Path) -> None:
    (folder / "mine.py").write_text("import no_such_dependency\n")
    assert is_installed("mine")
    with pytest.raises(ModuleNotFoundError, match="no_such_dependency") as caught:
        require("mine", needed_by="This")
    assert not isinstance(caught.value, MissingDependencyError)


def test_a_package_that_is_there_is_returned(folder: Path) -> None:
    (folder / "mine.py").write_text("ANSWER = 42\n")
    assert not is_loaded("mine")
    assert require("mine", needed_by="This").ANSWER == 42
    assert is_loaded("mine")


def test_a_stub_without_a_spec_counts_as_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "stubbed", types.ModuleType("stubbed"))
    assert not is_installed("stubbed")
