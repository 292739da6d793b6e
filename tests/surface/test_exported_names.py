"""The names of the package: every public one of hyperopt, and ours."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import hyperopt
import hyperopt.pyll
import pytest

import hyperbridge
from hyperbridge import backends
from hyperbridge.optional import is_installed
from hyperbridge.surface.names import MODULES, OURS, find

# Names that hyperopt's package has only because it imports them to compute its version.
ACCIDENTAL = {"PackageNotFoundError", "version"}

BACKENDS = {kind.__name__ for kind in backends.ours().values()}


def public_names_of_hyperopt():
    code = "import hyperopt; print(*(n for n in vars(hyperopt) if not n.startswith('_')))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(done.stdout.split())


def test_every_public_name_of_hyperopt_is_exported():
    names = public_names_of_hyperopt()
    assert "fmin" in names
    assert names - ACCIDENTAL <= set(hyperbridge.__all__)


def test_names_that_do_not_differ_are_hyperopts_own_objects():
    own = {*OURS, *MODULES, *BACKENDS, "callbacks", "errors", "__version__"}
    for name in set(hyperbridge.__all__) - own:
        assert getattr(hyperbridge, name) is getattr(hyperopt, name), name


def test_our_names_are_ours():
    for name in OURS:
        engine = {"HyperoptSampler": "optuna", "HyperoptSearcher": "ray"}.get(name)
        if engine is not None and not is_installed(engine):
            continue  # it is a subclass of the engine's
        assert getattr(hyperbridge, name).__module__.startswith("hyperbridge."), name
    for name, kind in backends.ours().items():
        assert getattr(hyperbridge, kind.__name__) is kind, name
    assert hyperbridge.spark.SparkTrials is hyperbridge.SparkTrials
    assert issubclass(hyperbridge.Trials, hyperopt.base.Trials)


def test_star_import_binds_every_exported_name():
    namespace = {}
    exec("from hyperbridge import *", namespace)
    assert set(hyperbridge.__all__) <= set(namespace)
    assert namespace["fmin"] is hyperbridge.fmin


def test_exported_names_are_sorted_once_each_and_listed_by_dir():
    assert len(set(hyperbridge.__all__)) == len(hyperbridge.__all__)
    assert set(hyperbridge.__all__) <= set(dir(hyperbridge))


def test_submodules_that_hyperopt_does_not_load_itself_are_found():
    from hyperbridge import early_stop

    assert early_stop.no_progress_loss is sys.modules["hyperopt.early_stop"].no_progress_loss


def test_unknown_name_is_an_attribute_error_of_the_package():
    with pytest.raises(AttributeError, match="module 'hyperbridge' has no attribute 'fmim'"):
        find("fmim")
    with pytest.raises(ImportError, match="fmim"):
        exec("from hyperbridge import fmim")


def test_no_submodule_hides_an_exported_name():
    package = Path(hyperbridge.__file__).parent
    submodules = {path.stem for path in package.iterdir() if path.suffix in ("", ".py")}
    assert not submodules & (set(hyperbridge.__all__) - {"callbacks", "errors"})


def test_import_loads_neither_hyperopt_nor_an_engine():
    program = Path(__file__).parent / "programs" / "what_imports_load.py"
    done = subprocess.run([sys.executable, program], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == ["[]", "[]"]
