"""Run a search that is kept on disk, kill its process at some instant, and look at what is left."""

from __future__ import annotations

import contextlib
import json
import os
import pickle
import random
import signal
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import clean_child
import mlflow
import spark_jvms
from hyperopt.base import JOB_STATE_DONE

from hyperbridge.documents import Document

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = Path(__file__).parent / "programs" / "kept_search.py"

ORPHANS_MAY_TAKE_S = 60.0
AN_END_MAY_TAKE_S = 240.0


class NothingOfOurs(pickle.Unpickler):
    """Loads a pickle as hyperopt does, where hyperbridge is not installed."""

    def find_class(self, module: str, name: str) -> Any:
        """Return a class; none of hyperbridge's."""
        assert not module.startswith("hyperbridge"), f"the file needs {module}.{name}"
        return super().find_class(module, name)


@dataclass
class KeptSearch:
    """A search in a folder of its own.

    Attributes:
        folder: Where it runs.
        settings: What the program gets.
        uri: Of its MLflow store.
        last_s: How long a whole run takes, in seconds.
        kills: How often it was killed.
    """

    folder: Path
    settings: dict[str, Any]
    uri: str
    last_s: float = 1.0
    kills: int = 0

    def run(self, *, kill_after_s: float | None = None, **changes: Any) -> bool:
        """Run the program to its end, or kill it.

        Args:
            kill_after_s: How long after it has begun with fmin.
            changes: Of its settings.

        Returns:
            Whether it was killed before its end.
        """
        with (self.folder / "log").open("w") as log:
            child = clean_child.start(
                [PROGRAM, json.dumps({**self.settings, **changes})],
                cwd=self.folder, env=self._environment(), stdout=clean_child.PIPE, stderr=log,
            )  # fmt: skip
        assert child.stdout is not None
        try:
            assert child.stdout.readline() == "began\n", self._log()
            began = time.monotonic()
            if kill_after_s is None:
                word = child.stdout.readline()
                self.last_s = time.monotonic() - began
                assert word == "ended\n", self._log()
                assert child.wait(AN_END_MAY_TAKE_S) == 0, self._log()
                return False
            time.sleep(kill_after_s)
            started = descendants(child.pid)
            with contextlib.suppress(ProcessLookupError):
                os.kill(child.pid, signal.SIGKILL)
            child.wait()
            is_killed = child.returncode != 0
            assert not is_killed or child.returncode == -signal.SIGKILL, self._log()
            self.kills += is_killed
            await_end(started)
            return is_killed
        finally:
            child.kill()
            child.wait()
            child.stdout.close()

    def _environment(self) -> dict[str, str]:
        kept = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("HYPERBRIDGE_", "MLFLOW_", "PYSPARK_"))
        }
        own = {"MLFLOW_TRACKING_URI": self.uri, "SPARK_LOCAL_IP": "127.0.0.1"}
        return {**kept, **spark_jvms.variables(), **own, "PYTHONPATH": str(ROOT)}

    def _log(self) -> str:
        return (self.folder / "log").read_text()[-3000:]

    # -- what is on disk -------------------------------------------------------------------

    def acknowledged(self) -> dict[int, float]:
        """The loss of each trial that fmin has told its early-stop function of."""
        file = self.folder / "acknowledged"
        lines = file.read_text().splitlines() if file.exists() else []
        pairs = [line.split() for line in lines]
        found = {int(tid): float(loss) for tid, loss in pairs}
        assert all(found[int(tid)] == float(loss) for tid, loss in pairs), "a trial has two losses"
        return found

    def kept(self) -> dict[str, list[Document]]:
        """The documents in each file."""
        found = {}
        for argument, name in self.settings["kept"].items():
            path = self.folder / name
            if not path.exists():
                found[argument] = []
            elif argument == "journal":
                from hyperbridge.journal.file import read_journal

                found[argument] = read_journal(path).documents
            else:
                with path.open("rb") as file:
                    found[argument] = NothingOfOurs(file).load()._dynamic_trials
        return found

    def check_files(self) -> None:
        """Check that each file loads, and lacks no trial that was acknowledged."""
        acknowledged = self.acknowledged()
        for argument, documents in self.kept().items():
            tids = [document["tid"] for document in documents]
            assert len(set(tids)) == len(tids), f"{argument}: an id was given twice"
            done = {
                document["tid"]: document["result"]["loss"]
                for document in documents
                if document["state"] == JOB_STATE_DONE
            }
            lost = {tid for tid, loss in acknowledged.items() if done.get(tid) != loss}
            assert not lost, f"{argument}: trials {lost} are lost"

    def check_runs(self) -> None:
        """Check that one parent run has one complete child for each trial."""
        documents = {each["tid"]: each for each in next(iter(self.kept().values()))}
        client = mlflow.MlflowClient(self.uri)
        runs = list(client.search_runs(["0"], max_results=5000))
        unfinished = [run.info for run in runs if run.info.status != "FINISHED"]
        assert not unfinished, unfinished
        parents = [run for run in runs if "mlflow.parentRunId" not in run.data.tags]
        assert len(parents) == 1, f"{len(parents)} parent runs"
        children = [run for run in runs if run is not parents[0]]
        tids = [int(run.data.tags["hyperbridge.tid"]) for run in children]
        assert sorted(tids) == sorted(documents), "not one run for each trial"
        for tid, run in zip(tids, children, strict=True):
            document = documents[tid]
            loss = document["result"]["loss"]
            params = {label: str(v[0]) for label, v in document["misc"]["vals"].items() if v}
            assert run.data.tags["mlflow.parentRunId"] == parents[0].info.run_id
            assert run.data.tags["trial_status"] == "success"
            assert run.data.metrics == {"loss": loss, "half": loss / 2}
            assert run.data.params == params
        best = min(document["result"]["loss"] for document in documents.values())
        metrics = parents[0].data.metrics
        assert metrics["best_trial_loss"] == best
        assert metrics["total_trials_count"] == metrics["successful_trials_count"] == len(documents)


def points_of(documents: list[Document]) -> list[tuple[int, Any, Any]]:
    """The trials in order of their ids: id, values by label, result."""
    found = [(each["tid"], each["misc"]["vals"], each["result"]) for each in documents]
    return sorted(found, key=lambda each: each[0])


def kill_again_and_again(
    search: KeptSearch, reference: KeptSearch, rng: random.Random, *, most: int, **last: Any
) -> None:
    """Kill a search at random instants, each time going on with it, and let it end.

    Args:
        search: It has not begun.
        reference: The same search, run to its end.
        rng: Draws the instants.
        most: So many kills; fewer if it ends before.
        last: Changes of the settings for the last run.
    """
    while search.kills < most:
        instant_s = rng.uniform(0.0, reference.last_s)
        is_killed = search.run(kill_after_s=instant_s)
        search.check_files()
        if not is_killed:  # it takes less than that
            reference.last_s = instant_s
            break
    search.run(**last)
    search.check_files()
    whole = points_of(next(iter(reference.kept().values())))
    for argument, documents in search.kept().items():
        assert points_of(documents) == whole, f"{argument}: another end"
    search.check_runs()


# -- processes -----------------------------------------------------------------------------


def descendants(pid: int) -> dict[int, str]:
    """The processes that a process has started, and those that they have; with their start."""
    table = subprocess.run(
        ["ps", "-eo", "pid=,ppid=,lstart="], capture_output=True, text=True, check=True
    )
    rows = [line.split(None, 2) for line in table.stdout.splitlines()]
    found: dict[int, str] = {}
    known = {pid}
    while more := [r for r in rows if int(r[1]) in known and int(r[0]) not in known]:
        known |= {int(row[0]) for row in more}
        found |= {int(row[0]): row[2] for row in more}
    return found


def await_end(processes: dict[int, str]) -> None:
    """Wait until processes have ended by themselves; end those that have not, and fail."""
    deadline = time.monotonic() + ORPHANS_MAY_TAKE_S
    while (left := [pid for pid in processes if _lives(pid)]) and time.monotonic() < deadline:
        time.sleep(0.05)
    named = [_named(pid) for pid in left]
    for pid in left:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    assert not left, f"processes of a killed driver live on: {named}"


def _named(pid: int) -> str:
    """Return what a process is and what it waits for."""
    found = []
    for name in ("cmdline", "wchan", "status"):
        with contextlib.suppress(OSError):
            found.append(Path(f"/proc/{pid}/{name}").read_text().replace("\0", " ")[:400])
    with contextlib.suppress(OSError):
        found += [os.readlink(each) for each in Path(f"/proc/{pid}/fd").iterdir()]
    return "; ".join(found)


def _lives(pid: int) -> bool:
    try:
        status = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False
    return status.rpartition(")")[2].split()[0] != "Z"
