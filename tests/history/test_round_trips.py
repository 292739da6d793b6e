"""Each kind that is read and written gives back what it was given."""

from __future__ import annotations

import copy
import csv
import json
import math
import pickle
import tempfile
from pathlib import Path
from typing import Any

import hyperopt
import numpy as np
import pytest
from histories import histories, normal
from hyperopt import hp, rand
from hypothesis import given, settings

from hyperbridge.errors import InvalidArgumentError, MissingDependencyError
from hyperbridge.files.locking import FileLock
from hyperbridge.files.pickles import load_trials
from hyperbridge.history.convert import convert
from hyperbridge.history.history import History
from hyperbridge.history.kinds import Options, kind_of_target, read_history
from hyperbridge.optional import Package
from hyperbridge.translate.from_hyperopt import read_space

ALLOWED = Options(allow_pickle=True)
HEAD = "tid,state,hyperopt_state,status,loss,started,ended"
SUFFIXES = ("pkl", "csv", "json", "journal")
SPACE = {
    "x": hp.uniform("x", -3, 3),
    "kind": hp.choice("kind", ["svm", {"depth": hp.randint("depth", 8)}]),
}


def written(history: History, target: Path, **options: Any) -> History:
    """Write a history, and return what is read again."""
    kind_of_target(str(target)).write(history, str(target), Options(**options))
    return read_history(target, ALLOWED)


def trials_of(n: int = 6, **result: Any) -> Any:
    trials = hyperopt.Trials()
    hyperopt.fmin(
        lambda point: {"loss": point["x"] ** 2, "status": "ok", **result}, SPACE, rand.suggest, n,
        trials=trials, show_progressbar=False, rstate=np.random.default_rng(3),
    )  # fmt: skip
    return trials


@pytest.mark.parametrize("suffix", SUFFIXES)
@settings(max_examples=60, deadline=None)
@given(history=histories())
def test_documents_come_back_as_they_were(suffix: str, history: History) -> None:
    before = copy.deepcopy(history.documents)
    with tempfile.TemporaryDirectory() as folder:
        again = written(history, Path(folder, f"trials.{suffix}"))
    assert normal(again.documents) == normal(before)
    assert normal(history.documents) == normal(before)
    assert (history.remarks, again.remarks) == ([], [])


@settings(max_examples=30, deadline=None)
@given(history=histories())
def test_hyperopt_loads_what_is_written(history: History) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "trials.pkl")
        kind_of_target(str(path)).write(history, str(path), Options())
        content = path.read_bytes()
    assert b"hyperbridge" not in content
    trials = pickle.loads(content)
    assert type(trials) is hyperopt.Trials
    assert normal(trials._dynamic_trials) == normal(history.documents)


def test_attachments_go_with_a_pickle_and_are_named_elsewhere(tmp_path: Path) -> None:
    trials = trials_of(attachments={"a": b"1"})
    history = read_history(trials, Options())
    again = load_trials(_written_pickle(history, tmp_path))
    assert again.attachments == trials.attachments
    assert written(history, tmp_path / "a.journal").attachments == trials.attachments
    written(history, tmp_path / "trials.csv")
    assert history.remarks == ["a CSV file has no attachments: 6 are left out"]


def _written_pickle(history: History, folder: Path) -> Path:
    path = folder / "trials.pkl"
    kind_of_target(str(path)).write(history, str(path), Options())
    return path


def test_a_journal_keeps_what_has_a_plain_form(tmp_path: Path) -> None:
    odd = {"model": object(), "curve": np.arange(3), "pair": (1, 2), "raw": b"1", "by": {1: 2}}
    history = read_history(trials_of(2, **odd), Options())
    again = written(history, tmp_path / "a.journal")
    assert history.remarks == ["result['model'] of 2 trials: a object is left out in a journal"]
    assert again.remarks == [
        "result['model'] of 2 trials is left out: it holds a object (the journal could not keep it)"
    ]
    result = again.documents[0]["result"]
    assert np.array_equal(result.pop("curve"), np.arange(3))
    assert {key: result[key] for key in ("pair", "raw", "by")} == {
        "pair": (1, 2), "raw": b"1", "by": {1: 2},
    }  # fmt: skip


@pytest.mark.parametrize(("suffix", "name"), [("csv", "a CSV file"), ("json", "a JSON file")])
def test_what_is_not_plain_is_named(suffix: str, name: str, tmp_path: Path) -> None:
    odd = {"model": object(), "curve": np.arange(3), "pair": (1, 2), "raw": b"1", "by": {1: 2}}
    history = read_history(trials_of(**odd), Options())
    again = written(history, tmp_path / f"trials.{suffix}")
    assert history.remarks == [
        f"result['model'] of 6 trials is left out: {name} cannot hold a object",
        f"result['raw'] of 6 trials is left out: {name} cannot hold a bytes",
        f"result['by'] of 6 trials is left out: {name} cannot hold a dict whose keys are not all "
        "texts",
        f"result['curve'] of 6 trials: a NumPy array becomes a list in {name}",
        f"result['pair'] of 6 trials: a tuple becomes a list in {name}",
    ]
    result = again.documents[0]["result"]
    assert (result["curve"], result["pair"]) == ([0, 1, 2], [1, 2])
    assert result.keys() == {"loss", "status", "curve", "pair"}


def test_an_object_that_no_pickle_holds_is_named(tmp_path: Path) -> None:
    import threading

    history = read_history(trials_of(2, size=3), Options())
    for document in history.documents:
        document["result"]["lock"] = threading.Lock()
    again = written(history, tmp_path / "trials.pkl")
    assert [d["result"]["size"] for d in again.documents] == [3, 3]
    assert history.remarks == [
        f"trial {tid}: result['lock'] is left out: lock cannot be pickled (TypeError)"
        for tid in (0, 1)
    ]


def test_a_table_shows_options_and_numbers_as_people_read_them(tmp_path: Path) -> None:
    history = read_history(trials_of(), Options())
    history.space = read_space(SPACE)
    written(history, tmp_path / "trials.csv")
    with (tmp_path / "trials.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    vals = [document["misc"]["vals"] for document in history.documents]
    assert [float(row["params.x"]) for row in rows] == [each["x"][0] for each in vals]
    assert {(row["params.kind"], row["choice.kind"]) for row in rows} >= {("0", "svm")}
    assert all((row["params.depth"] == "") == (row["params.kind"] == "0") for row in rows)
    assert {row["state"] for row in rows} == {"complete"}
    assert all(row["started"].endswith("Z") for row in rows)


def test_pandas_reads_what_parquet_holds(tmp_path: Path) -> None:
    pandas = pytest.importorskip("pandas")
    history = read_history(trials_of(mixed=[1]), Options())
    history.documents[0]["result"].update(mixed="text", loss=math.nan)
    history.documents[1]["result"]["loss"] = 3
    kind_of_target("a.parquet").write(history, str(tmp_path / "a.parquet"), Options())
    frame = pandas.read_parquet(tmp_path / "a.parquet")
    assert list(frame.columns[:5]) == ["tid", "state", "hyperopt_state", "status", "loss"]
    assert np.isnan(frame["loss"][0])
    assert frame["loss"][1] == 3.0
    assert frame["params.x"].tolist() == [d["misc"]["vals"]["x"][0] for d in history.documents]
    assert frame["result.mixed"].tolist() == ["text", *["[1]"] * 5]
    assert str(frame["started"].dtype).endswith("UTC]")
    assert history.remarks == [
        "column 'result.mixed' of a Parquet file has texts, in JSON: its values are not all "
        "numbers, or all texts"
    ]


@settings(max_examples=30, deadline=None)
@given(history=histories())
def test_parquet_holds_whatever_a_table_does(history: History) -> None:
    parquet = pytest.importorskip("pyarrow.parquet")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "trials.parquet")
        kind_of_target(str(path)).write(history, str(path), Options())
        rows = parquet.read_table(path).to_pylist()
    for document, row in zip(history.documents, rows, strict=True):
        assert row["tid"] == document["tid"]
        for label, values in document["misc"]["vals"].items():
            found = row[f"params.{label}"]
            found = json.loads(found) if isinstance(found, str) else found
            assert found == (values[0] if values else None)


def test_a_cell_may_be_long(tmp_path: Path) -> None:
    history = read_history(trials_of(1, log="line\n" * 100_000), Options())
    assert normal(written(history, tmp_path / "a.csv").documents) == normal(history.documents)


def test_parquet_without_pyarrow_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    missing = Package("no_such_package", "PyArrow", install="hyperbridge[parquet]")
    monkeypatch.setattr("hyperbridge.history.parquet_kind.PYARROW", missing)
    with pytest.raises(MissingDependencyError, match=r"pip install 'hyperbridge\[parquet\]'"):
        kind_of_target("a.pq").write(History([], {}, ""), str(tmp_path / "a.pq"), Options())


def test_json_is_strict(tmp_path: Path) -> None:
    history = read_history(trials_of(2, bad=math.inf), Options())
    history.documents[0]["result"]["loss"] = math.nan
    written(history, tmp_path / "trials.json")

    def refuse(name: str) -> Any:
        raise AssertionError(f"{name} is not JSON")

    content = json.loads((tmp_path / "trials.json").read_text(), parse_constant=refuse)
    assert content["trials"][0]["loss"] == {"$number": "NaN"}
    assert content["trials"][1]["result"] == {"bad": {"$number": "Infinity"}}


@pytest.mark.parametrize("suffix", ["pkl", "csv", "json", "parquet", "journal"])
def test_a_file_that_exists_is_left_alone(suffix: str, tmp_path: Path) -> None:
    if suffix == "parquet":
        pytest.importorskip("pyarrow")
    history, target = read_history(trials_of(2), Options()), tmp_path / f"trials.{suffix}"
    target.write_bytes(b"mine")
    kind = kind_of_target(str(target))
    with pytest.raises(InvalidArgumentError, match="exists already; --force replaces it"):
        kind.write(history, str(target), Options())
    with pytest.raises(InvalidArgumentError, match="cannot be added to a file of this kind"):
        kind.write(history, str(target), Options(append=True))
    with pytest.raises(InvalidArgumentError, match="does not exist"):
        kind.write(history, str(tmp_path / "none" / target.name), Options())
    assert target.read_bytes() == b"mine"
    lock = FileLock(target, "a search")
    lock.acquire()
    with pytest.raises(InvalidArgumentError, match="in use by another search"):
        kind.write(history, str(target), Options(force=True))
    lock.release()
    assert target.read_bytes() == b"mine"
    kind.write(history, str(target), Options(force=True))
    assert target.read_bytes() != b"mine"
    assert [path.name for path in tmp_path.iterdir()] == [target.name]


@pytest.mark.parametrize(
    ("name", "content", "text"),
    [
        ("a.csv", "tid,state,hyperopt_state,status,loss,started,ended\n1,complete\n", "row 2"),
        (
            "a.csv",
            "tid,state,hyperopt_state,status,loss,started,ended\n1,c,two,ok,1,,\n",
            "trial 0",
        ),
        ("a.json", '{"format": "hyperbridge history", "version": 2}', "version 2 of its format"),
        ("a.json", '{"format": "hyperbridge history", "version": 1}', "damaged: 'trials'"),
        ("a.json", '{"format": "hyperbridge history", "ver', "cannot be read as JSON"),
        ("b.csv", "tid,loss\n1,2\n", "is no history that is known"),
        ("b.json", "{}", "is no history that is known"),
    ],
)
def test_damaged_and_foreign_files_are_refused(
    name: str, content: str, text: str, tmp_path: Path
) -> None:
    path = tmp_path / name
    path.write_text(content)
    with pytest.raises(InvalidArgumentError, match=text):
        convert(str(path), str(tmp_path / "out.pkl"), Options())
    assert not (tmp_path / "out.pkl").exists()
