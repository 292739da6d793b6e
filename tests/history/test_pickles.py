"""Pickles of Trials: old ones load, and what does not says what to do."""

from __future__ import annotations

import gzip
import pickle
import sys
import types
import warnings
from pathlib import Path
from typing import Any

import hyperopt
import numpy as np
import pytest
from hyperopt import hp, rand, tpe

from hyperbridge.errors import InvalidArgumentError
from hyperbridge.files.pickles import load_trials
from hyperbridge.history.kinds import Options, read_history
from hyperbridge.surface.fmin import fmin
from hyperbridge.surface.trials import Trials

DATA = Path(__file__).parent / "data"
OLD = sorted(path.name for path in DATA.glob("*_numpy_*.pkl"))
ALLOWED = Options(allow_pickle=True)
SPACE = {
    "x": hp.uniform("x", -3, 3),
    "n": hp.quniform("n", 1, 9, 2),
    "m": hp.choice(
        "model",
        [
            {"kind": "svm", "C": hp.loguniform("C", -5, 5)},
            {"kind": "forest", "depth": hp.randint("depth", 8)},
        ],
    ),
}


def test_there_are_pickles_of_each_old_version() -> None:
    for version in ("0.2.5", "0.2.6", "0.2.7"):
        assert sum(version in name for name in OLD) == 2


@pytest.mark.parametrize("name", OLD)
def test_old_pickles_load_without_a_warning(name: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        trials = load_trials(DATA / name)
    n_trials = 5 if "save_file" in name else 10
    assert len(trials.trials) == len(trials) == n_trials
    for document in trials.trials:
        vals = document["misc"]["vals"]
        if document["result"]["status"] == "ok":
            loss = vals["x"][0] ** 2 + vals["n"][0] / 10
            assert document["result"]["loss"] == pytest.approx(loss, rel=1e-12)
            assert np.array_equal(document["result"]["curve"], np.arange(3) * loss)
            assert trials.trial_attachments(document)["note"] == b"kept"
    if "save_file" not in name:
        assert trials.results[0]["rng"].rand() == np.random.RandomState(1).rand()
    assert trials.argmin["model"] in (0, 1)


@pytest.mark.parametrize("name", [name for name in OLD if "save_file" in name])
def test_an_old_save_file_is_gone_on_with(name: str, tmp_path: Path) -> None:
    file = tmp_path / "trials.pkl"
    file.write_bytes((DATA / name).read_bytes())
    old = load_trials(DATA / name)
    fmin(
        lambda point: 1000.0, SPACE, tpe.suggest, 7, trials_save_file=str(file),
        show_progressbar=False, rstate=np.random.default_rng(0),
    )  # fmt: skip
    again = pickle.loads(file.read_bytes())
    assert again.losses() == [*old.losses(), 1000.0, 1000.0]


@pytest.mark.parametrize("name", [name for name in OLD if "save_file" not in name])
def test_an_old_pickle_is_a_warm_start(name: str) -> None:
    trials = Trials()
    fmin(
        lambda point: 1000.0, SPACE, tpe.suggest, 1, warm_start=DATA / name, trials=trials,
        show_progressbar=False, rstate=np.random.default_rng(0),
    )  # fmt: skip
    assert trials.losses() == [*load_trials(DATA / name).losses(), 1000.0]


def test_a_list_of_documents_is_taken_for_their_trials() -> None:
    trials = load_trials(DATA / "hyperopt_0.2.7_spark_trials_list.pkl")
    assert len(trials) == 4
    assert trials.argmin["x"] == min(trials.vals["x"], key=abs)


def test_one_of_several_trials_in_a_dict_is_named(tmp_path: Path) -> None:
    found = {}
    for n, name in enumerate(("svm", "forest", 3), start=1):
        found[name] = Trials()
        fmin(
            lambda p: p["x"], SPACE, algo=rand.suggest, max_evals=n, trials=found[name],
            rstate=np.random.default_rng(0), show_progressbar=False,
        )  # fmt: skip
    file = tmp_path / "all.pkl"
    file.write_bytes(pickle.dumps({**found, "note": "best is svm"}))
    for name, n in (("forest", 2), ("3", 3)):
        options = Options(allow_pickle=True, study=name)
        assert len(read_history(str(file), options).documents) == n
    for options in (ALLOWED, Options(allow_pickle=True, study="knn")):
        with pytest.raises(InvalidArgumentError, match=r"3 Trials: 'svm', 'forest', '3'\. Say"):
            read_history(str(file), options)
    file.write_bytes(pickle.dumps({"svm": found["svm"]}))
    assert len(read_history(str(file), ALLOWED).documents) == 1


def test_functions_of_another_python_are_lost_alone() -> None:
    path = DATA / "hyperopt_0.2.7_functions_of_python_3.10.pkl"
    if sys.version_info[:2] == (3, 10):
        assert load_trials(path).results[0]["function"](1) > 1
        return
    with pytest.raises(InvalidArgumentError, match="the code of another version of Python .*load"):
        load_trials(path)
    history = read_history(path, ALLOWED)
    assert len(history.documents) == 3
    assert all(0 < document["result"]["loss"] < 1 for document in history.documents)
    assert [line.partition(" (")[0] for line in history.remarks] == [
        "result['function'] of 3 trials is left out: it holds a function of another version of "
        "Python"
    ]


def small_trials(**result: Any) -> Any:
    trials = hyperopt.Trials()
    hyperopt.fmin(
        lambda x: {"loss": x, "status": "ok", **result}, hp.uniform("x", 0, 1), rand.suggest, 2,
        trials=trials, show_progressbar=False, rstate=np.random.default_rng(0),
    )  # fmt: skip
    return trials


@pytest.fixture
def vanished(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Return a class of a module that is gone when its pickle is loaded."""
    module: Any = types.ModuleType("xgboost_of_old")
    exec("class Booster:\n    pass\n", vars(module))
    sys.modules["xgboost_of_old"] = module
    yield module.Booster
    sys.modules.pop("xgboost_of_old", None)


def test_a_missing_class_is_named_with_what_to_install(vanished: Any, tmp_path: Path) -> None:
    file = tmp_path / "trials.pkl"
    file.write_bytes(pickle.dumps(small_trials(model=vanished(), size=3)))
    del sys.modules["xgboost_of_old"]
    with pytest.raises(InvalidArgumentError, match=r"xgboost_of_old\.Booster .*Install what"):
        load_trials(file)
    with pytest.raises(InvalidArgumentError, match=r"trials_save_file .*Install what it was"):
        fmin(lambda x: x, hp.uniform("x", 0, 1), rand.suggest, 3, trials_save_file=str(file))
    history = read_history(file, ALLOWED)
    assert [d["result"].get("size") for d in history.documents] == [3, 3]
    assert all("model" not in d["result"] for d in history.documents)
    assert history.remarks == [
        "result['model'] of 2 trials is left out: it holds a xgboost_of_old.Booster "
        "(ModuleNotFoundError: No module named 'xgboost_of_old')"
    ]


def test_what_a_save_file_has_added_is_read_with_the_same_care(
    vanished: Any, tmp_path: Path
) -> None:
    file = tmp_path / "trials.pkl"

    def objective(x: float) -> Any:
        return {"loss": x, "status": "ok", "model": vanished() if x > 0.5 else None}

    def stop(trials: Any) -> Any:  # the file is as a kill leaves it: whole, and grown
        if len(trials.trials) == 6:
            grown.append(file.read_bytes())
        return False, []

    grown: list[bytes] = []
    fmin(
        objective, hp.uniform("x", 0, 1), rand.suggest, 7, trials_save_file=str(file),
        show_progressbar=False, rstate=np.random.default_rng(0), early_stop_fn=stop,
    )  # fmt: skip
    file.write_bytes(grown[0])
    assert b"loads" in grown[0]
    del sys.modules["xgboost_of_old"]
    history = read_history(file, ALLOWED)
    assert len(history.documents) >= 5
    n = sum(document["result"]["loss"] > 0.5 for document in history.documents)
    assert n > 0
    assert sum("model" not in document["result"] for document in history.documents) == n
    assert history.remarks[0].startswith(f"result['model'] of {n} trials is left out")


def test_a_class_of_the_program_is_to_be_defined_there(tmp_path: Path) -> None:
    file = tmp_path / "trials.pkl"
    main = sys.modules["__main__"]
    main.Own = type("Own", (), {"__module__": "__main__"})  # type: ignore[attr-defined]
    try:
        file.write_bytes(pickle.dumps(small_trials(own=main.Own())))  # type: ignore[attr-defined]
    finally:
        del main.Own  # type: ignore[attr-defined]
    with pytest.raises(InvalidArgumentError, match=r"objects of Own, defined in the program"):
        load_trials(file)


def test_a_missing_trials_class_does_not_matter(vanished: Any, tmp_path: Path) -> None:
    module: Any = sys.modules["xgboost_of_old"]
    source = "import hyperopt\nclass Own(hyperopt.Trials):\n    pass\n"
    exec(source, vars(module))
    module.Own.__module__ = "xgboost_of_old"
    trials = small_trials()
    trials.__class__ = module.Own
    file = tmp_path / "trials.pkl"
    file.write_bytes(pickle.dumps(trials))
    del sys.modules["xgboost_of_old"]
    assert len(read_history(file, ALLOWED).documents) == 2


def moved_numpy(content: bytes) -> bytes:
    """Return a pickle (of protocol 2, whose names are lines) as the other NumPy would write it."""
    assert b"numpy._core." in content
    return content.replace(b"numpy._core.", b"numpy.core.")


@pytest.mark.skipif(np.__version__ < "2", reason="about NumPy 2")
def test_names_of_numpy_1_are_found_without_its_warnings(tmp_path: Path) -> None:
    trials = small_trials(array=np.arange(3.0), number=np.float32(2.5))
    file = tmp_path / "trials.pkl"
    file.write_bytes(moved_numpy(pickle.dumps(trials, protocol=2)))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        loaded = load_trials(file)
    assert loaded.results[0]["number"] == np.float32(2.5)


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (gzip.compress(pickle.dumps(1)), "compressed by gzip"),
        (pickle.dumps(small_trials())[:-20], "ends too early|truncated|was not written to its end"),
        (b"", "ends too early"),
        (pickle.dumps({"a": 1}), "holds a dict, neither a Trials object nor a list"),
        (pickle.dumps([1, 2]), "holds a list"),
        (b"hello", "cannot be read as a pickled Trials object"),
    ],
)
def test_other_files_are_refused_with_advice(content: bytes, text: str, tmp_path: Path) -> None:
    file = tmp_path / "trials.pkl"
    file.write_bytes(content)
    with pytest.raises(InvalidArgumentError, match=text):
        load_trials(file)


def test_a_pickle_is_refused_where_nobody_trusts_it(tmp_path: Path) -> None:
    file = tmp_path / "trials.pkl"
    marker = tmp_path / "executed"

    class Evil:
        def __reduce__(self) -> Any:
            return Path.touch, (marker,)

    file.write_bytes(pickle.dumps(Evil()))
    with pytest.raises(InvalidArgumentError, match="runs whatever code.*--allow-pickle"):
        read_history(file, Options())
    assert not marker.exists()
