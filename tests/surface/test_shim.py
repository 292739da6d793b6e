"""install() and uninstall(): code that imports hyperopt reaches hyperbridge, and no longer."""

from __future__ import annotations

import functools
import importlib
import importlib.util
import pickle
import subprocess
import sys
import threading
import types
import warnings
from pathlib import Path

import hyperopt
import hyperopt.spark
import numpy as np
import pytest
from hyperopt import hp, rand

import hyperbridge
from hyperbridge.errors import HyperbridgeWarning
from hyperbridge.surface import shim

FMIN_MODULE = sys.modules["hyperopt.fmin"]
THEIR_FMIN = hyperopt.fmin
THEIR_SPARK_TRIALS = hyperopt.SparkTrials
SPACE = hp.uniform("x", -1, 1)
NEEDS_SKLEARN = pytest.mark.skipif(
    importlib.util.find_spec("sklearn") is None, reason="hyperopt.sklearn needs scikit-learn"
)


@pytest.fixture
def install():
    """Install for the test; what it leaves behind is undone without a word."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", HyperbridgeWarning)
        yield hyperbridge.install
        hyperbridge.uninstall()
    assert hyperopt.fmin is THEIR_FMIN


@pytest.fixture
def module():
    """A module of the user's, as if imported before the install."""
    user = types.ModuleType("users_train")
    sys.modules["users_train"] = user
    yield user
    del sys.modules["users_train"]


def messages(call):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        call()
    return [str(each.message) for each in caught if each.category is HyperbridgeWarning]


def imported(statement, name):
    namespace = {}
    exec(statement, namespace)
    return eval(name, namespace)


@pytest.mark.parametrize(
    ("statement", "name"),
    [
        ("from hyperopt import fmin", "fmin"),
        ("from hyperopt import *", "fmin"),
        ("import hyperopt", "hyperopt.fmin"),
        ("from hyperopt.fmin import fmin", "fmin"),
        pytest.param("import hyperopt.sklearn", "hyperopt.sklearn.fmin", marks=NEEDS_SKLEARN),
    ],
)
def test_every_way_to_import_fmin_reaches_ours_and_then_hyperopts(install, statement, name):
    install()
    assert imported(statement, name) is hyperbridge.fmin
    hyperbridge.uninstall()
    assert imported(statement, name) is THEIR_FMIN


@pytest.mark.parametrize(
    ("statement", "name"),
    [
        ("from hyperopt import SparkTrials", "SparkTrials"),
        ("import hyperopt", "hyperopt.SparkTrials"),
        ("from hyperopt.spark import SparkTrials", "SparkTrials"),
    ],
)
def test_every_way_to_import_spark_trials_reaches_ours(install, statement, name):
    install()
    assert imported(statement, name) is hyperbridge.SparkTrials
    hyperbridge.uninstall()
    assert imported(statement, name) is THEIR_SPARK_TRIALS


def calls_of_our_engine(monkeypatch):
    """Count the runs that our engine makes."""
    from hyperbridge.surface import fmin as _  # noqa: F401 - loads the module

    module = sys.modules["hyperbridge.surface.fmin"]
    calls = []
    minimise = module.minimise
    monkeypatch.setattr(module, "minimise", lambda call: calls.append(call) or minimise(call))
    return calls


def search(function, **kwargs):
    return function(
        lambda x: x**2,
        SPACE,
        algo=rand.suggest,
        max_evals=3,
        rstate=np.random.default_rng(0),
        show_progressbar=False,
        **kwargs,
    )


def test_the_method_of_trials_and_of_subclasses_reaches_ours(install, monkeypatch):
    class Mine(hyperopt.Trials):
        pass

    calls = calls_of_our_engine(monkeypatch)
    expected = search(hyperopt.Trials().fmin)
    assert not calls
    install()
    assert search(hyperopt.Trials().fmin) == expected
    assert search(Mine().fmin) == expected
    assert search(hyperopt.fmin, trials=hyperopt.Trials()) == expected
    assert len(calls) == 3
    hyperbridge.uninstall()
    assert search(hyperopt.Trials().fmin) == expected
    assert len(calls) == 3


def test_trials_stay_hyperopts_class_so_that_pickles_and_isinstance_hold(install):
    before = hyperopt.Trials()
    install()
    assert hyperopt.Trials is hyperopt.base.Trials
    assert isinstance(before, hyperopt.Trials)
    assert type(pickle.loads(pickle.dumps(hyperopt.Trials()))) is hyperopt.Trials


def test_spark_trials_can_be_subclassed_and_pickled_after_the_install(install):
    install()

    class Mine(hyperopt.SparkTrials):
        pass

    assert issubclass(Mine, hyperbridge.SparkTrials)
    assert type(pickle.loads(pickle.dumps(hyperopt.SparkTrials(2)))) is hyperbridge.SparkTrials


def test_install_twice_and_uninstall_twice_are_harmless(install):
    install()
    install()
    assert shim.is_installed()
    hyperbridge.uninstall()
    hyperbridge.uninstall()
    assert not shim.is_installed()
    assert hyperopt.fmin is FMIN_MODULE.fmin is THEIR_FMIN
    assert hyperopt.SparkTrials is hyperopt.spark.SparkTrials is THEIR_SPARK_TRIALS


def test_everything_in_hyperopt_is_as_before_after_uninstall(install):
    def snapshot():
        return {
            (name, key): id(value)
            for name, module in list(sys.modules.items())
            if name.partition(".")[0] == "hyperopt"
            for key, value in vars(module).items()
        }

    before = snapshot()
    install()
    assert snapshot() != before
    hyperbridge.uninstall()
    assert snapshot() == before


def test_installing_from_many_threads_at_once_can_be_undone(install):
    threads = [threading.Thread(target=install) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert hyperopt.fmin is hyperbridge.fmin
    hyperbridge.uninstall()
    assert hyperopt.fmin is THEIR_FMIN


def test_names_that_modules_imported_before_are_bound_anew_and_put_back(install, module):
    module.minimize = THEIR_FMIN
    module.SparkTrials = THEIR_SPARK_TRIALS
    module.hyperopt = hyperopt
    install()
    assert module.minimize is hyperbridge.fmin
    assert module.SparkTrials is hyperbridge.SparkTrials
    hyperbridge.uninstall()
    assert module.minimize is THEIR_FMIN
    assert module.SparkTrials is THEIR_SPARK_TRIALS


def test_uninstall_keeps_a_name_that_the_user_has_bound_to_something_else(install, module):
    module.fmin = THEIR_FMIN
    install()
    module.fmin = "mine"
    hyperbridge.uninstall()
    assert module.fmin == "mine"


def default():
    def search(function=THEIR_FMIN):
        return function

    return search


def closure():
    held = THEIR_FMIN
    return lambda: held


def attribute():
    class Trainer:
        search = staticmethod(THEIR_FMIN)

    return Trainer


def method():
    class Trainer:
        def search(self, *, function=THEIR_FMIN):
            return function

    return Trainer


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (object.__new__(THEIR_SPARK_TRIALS), "a SparkTrials object"),
        (type("MyTrials", (THEIR_SPARK_TRIALS,), {}), "a subclass of SparkTrials"),
        (default(), "a default argument"),
        (closure(), "a closure"),
        (functools.partial(THEIR_FMIN, verbose=False), "a partial function"),
        (functools.partial(print, THEIR_FMIN), "a partial function"),
        (attribute(), "its attribute search"),
        (method(), "a default argument of its method search"),
        ([THEIR_FMIN], "a list"),
        ((1, THEIR_FMIN), "a tuple"),
        ({"search": THEIR_FMIN}, "a dict"),
    ],
)
def test_what_cannot_be_bound_anew_is_named_in_a_warning(install, module, value, reason):
    module.held = value
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        install()
    [message] = [str(each.message) for each in caught if each.category is HyperbridgeWarning]
    assert f"users_train.held ({reason})" in message
    assert "import hyperbridge.auto" in message
    assert caught[-1].filename == __file__


def test_nothing_is_said_when_all_names_could_be_bound():
    program = Path(__file__).parent / "programs" / "names_bound_by_auto.py"
    done = subprocess.run(
        [sys.executable, "-W", "ignore::FutureWarning", program],
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_auto_points_its_warning_at_the_line_that_imports_it(tmp_path):
    script = tmp_path / "notebook.py"
    script.write_text("from hyperopt import fmin\nheld = [fmin]\nimport hyperbridge.auto\n")
    done = subprocess.run([sys.executable, script], capture_output=True, text=True)
    assert f"{script}:3: HyperbridgeWarning" in done.stderr
    assert "__main__.held (a list)" in done.stderr


def test_uninstall_names_what_was_imported_from_hyperopt_in_between(install, module):
    install()
    module.fmin = hyperopt.fmin
    [message] = messages(hyperbridge.uninstall)
    assert "users_train.fmin" in message


def test_uninstall_is_silent_about_names_imported_from_hyperbridge_before(install, module):
    module.fmin = hyperbridge.fmin
    install()
    assert messages(hyperbridge.uninstall) == []
    assert module.fmin is hyperbridge.fmin


@NEEDS_SKLEARN
def test_modules_of_hyperopt_loaded_while_installed_are_put_right(install):
    import hyperopt.sklearn

    install()
    importlib.reload(hyperopt.sklearn)
    assert hyperopt.sklearn.fmin is hyperbridge.fmin
    hyperbridge.uninstall()
    assert hyperopt.sklearn.fmin is THEIR_FMIN


def test_objects_that_answer_to_any_question_do_not_disturb_the_search(install, module):
    class Proxy:
        @property
        def __class__(self):
            raise RuntimeError("asked a proxy what it stands for")

        def __eq__(self, other):
            raise RuntimeError("compared a proxy")

        __hash__ = None

    module.proxy = Proxy()
    module.many = [Proxy(), np.arange(3)]
    install()
    assert hyperopt.fmin is hyperbridge.fmin


def test_hyperopts_trials_show_what_ours_show_and_only_while_installed(install):
    class Own(hyperopt.Trials):
        def log(self, tid):
            return "the program's own"

    def noisy(x):
        print("seen", x)
        return x

    assert not hasattr(hyperopt.Trials, "to_pandas")
    install()
    trials = hyperopt.Trials()
    hyperopt.fmin(
        noisy, SPACE, algo=rand.suggest, max_evals=2, trials=trials, show_progressbar=False,
        rstate=np.random.default_rng(0),
    )  # fmt: skip
    assert type(trials) is hyperopt.Trials
    assert trials.log(0) == f"seen {trials.vals['x'][0]}\n"
    assert "<table" in trials._repr_html_()
    assert Own().log(0) == "the program's own"
    assert type(pickle.loads(pickle.dumps(trials))) is hyperopt.Trials
    hyperbridge.uninstall()
    assert not any(hasattr(hyperopt.Trials, name) for name in ("log", "to_pandas", "_repr_html_"))
