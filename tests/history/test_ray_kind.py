"""Folders of Ray Tune's experiments, as Tune and fmin leave them; real ones: tests/ray_tune."""

from __future__ import annotations

import json

import cloudpickle
import pytest
from hyperopt import hp
from hyperopt.base import JOB_STATE_RUNNING

from hyperbridge.documents import misc_of, new_document
from hyperbridge.errors import InvalidArgumentError
from hyperbridge.history.inference import space_of
from hyperbridge.history.kinds import Options, kind_of_target, read_history
from hyperbridge.translate.from_hyperopt import read_space

ERROR = """\
Failure # 1 (occurred at 2026-01-01_00-00-00)
\x1b[36mray::Fn.train()\x1b[39m (pid=1, ip=127.0.0.1)
  File "train.py", line 8, in f
    raise mine.OddError("three\\nlines")
mine.OddError: three
  lines
"""


class Relu:
    pass


def result(number, **metrics):
    own = {
        "training_iteration": number, "time_total_s": 1.0, "timestamp": 1000 + number, "done": False
    }  # fmt: skip
    return {**metrics, **own}


def pickled(value):
    return {"_type": "CLOUDPICKLE_FALLBACK", "value": cloudpickle.dumps(value).hex()}


class Folder:
    """Writes an experiment's folder in the form of Tune."""

    def __init__(self, path, *, metric="score"):
        self.path = path
        self.metric = metric
        self.entries = []
        path.mkdir()

    def trial(self, number, chosen, results, *, status="TERMINATED", error=None, shown=None):
        folder = self.path / f"f_{number}"
        folder.mkdir()
        config = {**chosen, "fixed": {"seed": 1}}
        (folder / "params.json").write_text(json.dumps({**config, **(shown or {})}))
        lines = [json.dumps(line) + "\n" for line in results]
        (folder / "result.json").write_text("".join(lines))
        if error is not None:
            (folder / "error.txt").write_text(error)
        about = {
            "config": config, "evaluated_params": chosen, "status": status,
            "relative_logdir": folder.name, "experiment_tag": f"{number}_x=1",
        }  # fmt: skip
        later = {
            "start_time": 1000.5,
            "last_result": results[-1] if results else {"config": {}},
            "last_result_time": 1004.5 if results else -1,
        }
        self.entries.append([json.dumps(about), json.dumps(later)])
        return folder

    def state(self, name="experiment_state-2026-01-01_00-00-00.json"):
        state = {"trial_data": self.entries, "runner_data": {"_metric": self.metric}}
        (self.path / name).write_text(json.dumps(state))
        return f"{self.path}/"


@pytest.fixture
def native(tmp_path):
    folder = Folder(tmp_path / "native")
    layers = {"opt": "sgd", "lr": 0.5, "act": pickled(Relu)}
    folder.trial(2, layers, [result(1, score=1.0)], shown={"act": "<class 'Relu'>"})
    folder.trial(
        0, {"opt": "adam", "lr": 0.25, "act": None},
        [result(n, score=n / 2, val={"acc": 0.5}, note="x") for n in (1, 2, 3)],
    )  # fmt: skip
    folder.trial(1, {"opt": "adam", "lr": 1, "act": None}, [], status="ERROR", error=ERROR)
    folder.trial(3, {"opt": None, "lr": 2.5, "act": None}, [], status="PENDING")
    return folder


def vals(history):
    return [{k: v[0] for k, v in d["misc"]["vals"].items() if v} for d in history.documents]


def test_the_trials_of_a_tuner_have_their_values_reports_and_errors(native):
    history = read_history(native.state(), Options(mode="max"))
    assert [d["tid"] for d in history.documents] == [0, 1, 2]
    assert vals(history) == [
        {"opt": 0, "lr": 0.25, "act": 0},
        {"opt": 0, "lr": 1, "act": 0},
        {"opt": 1, "lr": 0.5, "act": 1},
    ]
    first, second, third = history.documents
    assert first["result"] == {"status": "ok", "loss": -1.5, "val": {"acc": 0.5}, "note": "x"}
    assert first["misc"]["reports"] == [[1, -0.5], [2, -1.0], [3, -1.5]]
    assert "reports" not in third["misc"]
    assert second["misc"]["error"] == ("<class 'mine.OddError'>", "three\n  lines")
    assert "\x1b" not in second["misc"]["traceback"]
    assert first["book_time"].isoformat() == "1970-01-01T00:16:40.500000"
    assert first["refresh_time"].isoformat() == "1970-01-01T00:16:44.500000"
    assert history.by_state() == {"complete": 2, "failed": 1}
    remarks = "\n".join(history.remarks)
    for words in (
        "1 of 4 trials have not ended",
        "'opt' is taken for a choice of 'adam', 'sgd'",
        """'act' is taken for a choice of None, "<class 'Relu'>\"""",
        "each loss is the negative of its metric",
        "entries of the config that no search chose ('fixed/seed')",
        "which trials its scheduler has stopped",
    ):
        assert words in remarks
    assert space_of(history).decode({"opt": 1}) == {"opt": "sgd"}
    trusted = read_history(native.state(), Options(mode="max", allow_pickle=True))
    assert [each.__name__ if each else each for each in trusted.options["act"]] == [None, "Relu"]


def test_a_space_gives_the_options_their_places(native):
    space = {
        "opt": hp.choice("opt", ["adam", "sgd"]), "lr": hp.uniform("lr", 0, 9),
        "act": hp.choice("act", [None, "gelu"]),
    }  # fmt: skip
    history = read_history(native.state(), Options(mode="min", space=read_space(space)))
    assert vals(history) == [
        {"opt": 0, "lr": 0.25, "act": 0}, {"opt": 0, "lr": 1.0, "act": 0}, {"opt": 1, "lr": 0.5},
    ]  # fmt: skip
    assert type(vals(history)[1]["lr"]) is float
    assert history.documents[2]["result"]["act"] == "<class 'Relu'>"
    assert any("label 'act'" in line for line in history.remarks)


def test_metric_and_mode_are_asked_for_where_nobody_knows_them(native):
    path = native.state()
    with pytest.raises(InvalidArgumentError, match="whether 'score' was minimised or maximised"):
        read_history(path, Options())
    with pytest.raises(InvalidArgumentError, match="has no metric 'f1'. It has 'score'"):
        read_history(path, Options(metric="f1", mode="max"))
    nested = read_history(path, Options(metric="val/acc", mode="min"))
    assert nested.documents[0]["result"]["loss"] == 0.5
    native.metric = None
    with pytest.raises(InvalidArgumentError, match="Say so with --metric: it has 'score'"):
        read_history(native.state(), Options(mode="max"))
    with pytest.raises(InvalidArgumentError, match="cannot be written, only read"):
        kind_of_target(path)


def test_what_a_kill_has_cut_off_is_left_out(native):
    path = native.state()
    (native.path / "experiment_state-2026-01-01_00-09-00.json").write_text('{"trial_data": [["{')
    with (native.path / "f_0" / "result.json").open("a") as file:
        file.write('{"score": 9')
    history = read_history(path, Options(mode="min"))
    assert history.documents[0]["result"]["loss"] == 1.5
    assert any("1 result.json end in the middle" in line for line in history.remarks)


def test_the_folders_of_the_trials_tell_where_the_state_does_not(native):
    for number in (0, 2):
        file = native.path / f"f_{number}" / "result.json"
        lines = file.read_text().splitlines()
        file.write_text("\n".join([*lines[:-1], lines[-1].replace("false", "true")]))
    native.entries.clear()
    history = read_history(native.state(), Options(mode="max", metric="score"))
    losses = sorted(d["result"].get("loss", 0) for d in history.documents)
    assert losses == [-1.5, -1.0, 0]
    assert history.by_state() == {"complete": 2, "failed": 1}
    assert all(found["fixed/seed"] == 1 for found in vals(history))


def ours(tmp_path):
    folder = Folder(tmp_path / "ours", metric="loss")
    inner = folder.path / "hyperbridge"
    inner.mkdir()
    (inner / "search.json").write_text("{}")
    reports = [{**result(n, loss=2.0 - n), "step": n} for n in (0, 1)]
    last = result(3, loss=0.5, status="ok", tid=0, size=3)
    folder.trial(1, {"x": 0.25, "k": 1}, [*reports, last])
    failed = result(1, loss=float("nan"), status="fail", tid=1)
    folder.trial(2, {"x": 0.75, "k": 0}, [failed])
    for tid, kept in ((0, {"model": Relu}), (1, {}), (2, {})):
        document = new_document(tid, misc_of(tid, {"x": tid / 4}, ["x", "k"]), None)
        document["result"] = {"status": "ok", "loss": float(tid), **kept}
        document["state"] = 2 if tid < 2 else JOB_STATE_RUNNING
        name = f"{tid}.{'end' if tid < 2 else 'start'}"
        entry = (f"id{tid}", document, {"note": b"n"} if tid == 1 else {})
        (inner / name).write_bytes(cloudpickle.dumps(entry))
    (inner / "3.start").write_bytes(b"\x80\x05")  # cut off by a kill
    return folder


def test_an_experiment_of_fmin_is_read_from_tunes_files_or_from_its_own_pickles(tmp_path):
    folder = ours(tmp_path)
    history = read_history(folder.state(), Options())
    assert vals(history) == [{"x": 0.25, "k": 1}, {"x": 0.75, "k": 0}]
    assert history.documents[0]["result"] == {"status": "ok", "loss": 0.5, "size": 3}
    assert history.documents[0]["misc"]["reports"] == [[0, 2.0], [1, 1.0]]
    assert history.documents[1]["result"] == {"status": "fail"}
    assert any("--allow-pickle reads the documents" in line for line in history.remarks)

    exact = read_history(folder.state(), Options(allow_pickle=True))
    assert [d["result"]["loss"] for d in exact.documents] == [0.0, 1.0]
    assert exact.documents[0]["result"]["model"].__name__ == "Relu"
    assert exact.attachments == {"ATTACH::1::note": b"n"}
    assert exact.remarks == ["1 trials have not ended, and are left out"]


def test_an_experiment_that_tune_has_not_saved_yet_has_pickles_alone(tmp_path):
    folder = ours(tmp_path)
    for file in folder.path.glob("f_*/params.json"):
        file.unlink()
    with pytest.raises(InvalidArgumentError, match="say so with --allow-pickle"):
        read_history(str(folder.path), Options())
    assert len(read_history(str(folder.path), Options(allow_pickle=True)).documents) == 2
