"""What is defined where workers cannot import it reaches them: programs run in odd ways."""

from __future__ import annotations

import os
import sys
import zipapp
from pathlib import Path

import clean_child
import pytest

ROOT = Path(__file__).resolve().parents[2]

PROGRAM = (Path(__file__).parent / "programs" / "search_in_processes.py").read_text()
UNGUARDED = PROGRAM + "search()\n"

WAYS = {
    "as a script": ["prog.py"],
    "with -m": ["-m", "prog"],
    "with -c": ["-c", UNGUARDED],
    "by runpy.run_path": ["-c", "import runpy; runpy.run_path('prog.py')"],
    "by runpy.run_path as main": [
        "-c", "import runpy; runpy.run_path('prog.py', run_name='__main__')",
    ],
    "by runpy.run_module": ["-c", "import runpy; runpy.run_module('prog')"],
    "by runpy.run_module in sys.modules": [
        "-c", "import runpy; runpy.run_module('prog', alter_sys=True)",
    ],
    "by an import that runs the search": ["-c", "import prog"],
    "by exec without a name": ["-c", "exec(open('prog.py').read(), {})"],
    "by exec with a name": ["-c", "exec(open('prog.py').read(), {'__name__': 'made_up'})"],
    "in a module made in memory": [
        "-c",
        "import sys, types; sys.modules['made_up'] = m = types.ModuleType('made_up'); "
        "exec(open('prog.py').read(), vars(m))",
    ],
    "in a module loaded from a path": [
        "-c",
        "import importlib.util as u, sys\n"
        "spec = u.spec_from_file_location('elsewhere', 'lib.py')\n"
        "sys.modules['elsewhere'] = m = u.module_from_spec(spec)\n"
        "spec.loader.exec_module(m); m.search()",
    ],
    "in a folder on the path": [
        "-c", "import sys; sys.path.insert(0, 'folder'); import inside; inside.search()",
    ],
    "in a spawned process": ["spawns.py"],
    "in a zip": ["app.pyz"],
}  # fmt: skip

SPAWNS = (
    PROGRAM
    + """
import multiprocessing

if __name__ == "__main__":
    process = multiprocessing.get_context("spawn").Process(target=search)
    process.start()
    process.join()
"""
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("programs")
    (folder / "prog.py").write_text(UNGUARDED)
    (folder / "lib.py").write_text(PROGRAM)
    (folder / "spawns.py").write_text(SPAWNS)
    for name, files in {
        "folder": {"inside.py": PROGRAM},
        "app": {"inside.py": PROGRAM, "__main__.py": "import inside\ninside.search()\n"},
    }.items():
        (folder / name).mkdir()
        for file, text in files.items():
            (folder / name / file).write_text(text)
    zipapp.create_archive(folder / "app", folder / "app.pyz")
    return folder


@pytest.mark.slow
@pytest.mark.parametrize("way", WAYS)
def test_a_search_works_wherever_the_objective_is_defined(way: str, folder: Path) -> None:
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "HYPERBRIDGE_TRACKING": "0"}
    result = clean_child.run(
        WAYS[way], cwd=folder, env=environment, fresh=way in ("as a script", "with -m")
    )
    assert result.returncode == 0, result.stderr
    assert result.stdout == "2 trials\n"  # once: a worker that imports the program searches again


def test_modules_of_packages_and_of_this_folder_are_imported_by_workers() -> None:
    import numpy.random

    from hyperbridge.run.reach import is_out_of_reach

    assert not is_out_of_reach("json.decoder")
    assert not is_out_of_reach(numpy.random.__name__)
    assert not is_out_of_reach("hyperbridge.run.reach")
    assert not is_out_of_reach("no_such_module")


def test_workers_with_other_files_are_asked_about_modules_that_are_not_installed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import importlib

    from hyperbridge.run.reach import is_out_of_reach

    (tmp_path / "own_lib.py").write_text("def f(): pass\n")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "own_lib", raising=False)
    importlib.import_module("own_lib")
    asked: list[str] = []

    def has(name: str) -> bool:
        asked.append(name)
        return name != "own_lib"

    assert not is_out_of_reach("own_lib")
    assert is_out_of_reach("own_lib", has)
    assert not is_out_of_reach("numpy", has)
    assert asked == ["own_lib"]
