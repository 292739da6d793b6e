"""An objective that changes what the program reads afterwards: Ray's trials could not."""

from __future__ import annotations

from pathlib import Path

import pytest
from golden_cases import migrate

from hyperbridge.migrate.scan import scan

HEAD = (
    "import os, warnings\nimport numpy as np\nimport pandas as pd\n"
    "from functools import partial\nfrom hyperopt import SparkTrials, fmin, hp, tpe\n"
    "space = {'x': hp.uniform('x', 0, 1)}\n"
)


def call(objective: str = "objective", more: str = "") -> str:
    return f"fmin({objective}, space, algo=tpe.suggest, max_evals=5{more})\n"


def objective(*lines: str, argument: str = "p") -> str:
    body = "".join(f"    {line}\n" for line in lines)
    return f"def objective({argument}):\n{body}    return p['x']\n"


IS_LEFT_ALONE = {
    "a local list": objective("seen = []", "seen.append(p['x'])")
    + call()
    + "seen = 1\nprint(seen)",
    "a list of a local function": (
        "def inner(p, seen):\n    seen.append(p)\n"
        + objective("seen = []", "inner(p, seen)")
        + call()
        + "inner(1, [])"
    ),
    "the parameters": objective("p['y'] = 1", "p.update(z=2)", "q = p", "q['a'] = 1") + call(),
    "an object made in the objective": (
        "class Model:\n    def fit(self, p):\n        self.w = p\n        return self\n"
        + objective("model = Model()", "model.fit(p)")
        + call()
        + "print(Model().fit(1).w)"
    ),
    "a module": (
        objective("warnings.filterwarnings('ignore')", "os.environ['A'] = '1'", "np.random.seed(0)")
        + call()
        + "print(os.environ)"
    ),
    "a list that is only filled": "seen = []\n" + objective("seen.append(1)") + call(),
    "a list that is read before the search": (
        "seen = [1]\nprint(len(seen))\n" + objective("seen.append(1)") + call()
    ),
    "a list that is emptied afterwards": (
        "seen = [1]\n" + objective("seen.append(1)") + call() + "seen.clear()\nseen = []\n"
    ),
    "a frame of pandas that grows into a new one": (
        "table = pd.DataFrame()\n" + objective("more = table.append(p)") + call() + "print(table)"
    ),
    "a list that something else than the objective fills": (
        "seen = []\ndef note(v):\n    seen.append(v)\n"
        + objective()
        + call()
        + "note(1)\nprint(seen)"
    ),
    "a name of the objective's own": (
        "best = 1\n" + objective("best = 2", "count = 0", "count += 1") + call() + "print(best)"
    ),
    "methods with the same name": (
        "class Kept:\n    def add(self, v):\n        self.all = v\n"
        "class Other:\n    def objective(self, p):\n        return p['x']\n"
        "kept = Kept()\nkept.add(1)\n" + call("Other().objective") + "print(kept.all)"
    ),
}

EACH_HAS_ITS_OWN = {
    "a cache": "cache = {}\n"
    + objective("if 'a' not in cache:", "    cache['a'] = 1", "p['y'] = cache['a']")
    + call(),
    "a counter": "count = 0\n" + objective("global count", "count += 1", "print(count)") + call(),
    "a variable that gets the result": (
        "best = 0\n"
        + objective("global best", "if p['x'] > best:", "    best = p['x']")
        + "best = "
        + call()
        + "print(best)"
    ),
    "an attribute": (
        "class Tuner:\n    def objective(self, p):\n        self.model = p\n        return p['x']\n"
        + call("Tuner().objective")
    ),
}

IS_BLOCKED = {
    "a list in a lambda": (
        "seen = []\n" + call("lambda p: seen.append(1) or 1") + "min(seen)",
        8,
        9,
    ),
    "a list": ("seen = []\n" + objective("seen.append(1)") + call() + "print(seen)", 9, 12),
    "an entry": ("seen = {}\n" + objective("seen[p['x']] = 1") + call() + "print(seen)", 9, 12),
    "an inner entry": (
        "seen = {'a': []}\n" + objective("seen['a'].append(1)") + call() + "print(seen)",
        9,
        12,
    ),
    "a global": (
        "best = 1\n" + objective("global best", "best = 2") + call() + "print(best)",
        10,
        13,
    ),
    "a table": (
        "seen = pd.DataFrame()\n" + objective("seen.loc[len(seen)] = [1]") + call() + "seen.info()",
        9,
        12,
    ),
    "another name for a list": (
        "seen = []\n" + objective("log = seen", "log.append(1)") + call() + "print(seen)",
        10,
        13,
    ),
    "an attribute of the function": (
        objective("objective.calls += 1")
        + "objective.calls = 0\n"
        + call()
        + "print(objective.calls)",
        8,
        12,
    ),
    "a heap": (
        "import heapq\nseen = []\n" + objective("heapq.heappush(seen, 1)") + call() + "print(seen)",
        10,
        13,
    ),
    "a list in a function that it calls": (
        "seen = []\ndef note(v):\n    seen.append(v)\n"
        + objective("note(p)")
        + call()
        + "print(seen)",
        9,
        14,
    ),
    "a list that a lambda hands on": (
        "seen = []\n"
        + objective("log.append(1)", argument="p, log")
        + call("lambda p: objective(p, seen)")
        + "print(seen)",
        9,
        12,
    ),
    "a list that partial hands on": (
        "seen = []\n"
        + objective("log.append(1)", argument="p, log")
        + call("partial(objective, log=seen)")
        + "print(seen)",
        9,
        12,
    ),
    "a list in an objective that a function makes": (
        "seen = []\ndef make(log):\n    def objective(p):\n        log.append(1)\n"
        "        return p['x']\n    return objective\n" + call("make(seen)") + "print(seen)",
        10,
        14,
    ),
    "an attribute in a method": (
        "class Tuner:\n    def objective(self, p):\n        self.runs.append(1)\n"
        "        return p['x']\n    def report(self):\n        return self.runs\n"
        "tuner = Tuner()\n" + call("tuner.objective"),
        9,
        12,
    ),
    "an attribute of an object that is called": (
        "class Tuner:\n    def __call__(self, p):\n        self.best = 1\n"
        "        return p['x']\ntuner = Tuner()\n" + call("tuner") + "print(tuner.best)",
        9,
        13,
    ),
    "an attribute of a helper's": (
        "class Log:\n    def add(self, v):\n        self.all.append(v)\nlog = Log()\n"
        + objective("log.add(1)")
        + call()
        + "print(log.all)",
        9,
        15,
    ),
    "a decorator's list": (
        "times = []\ndef timed(f):\n    def run(p):\n        times.append(1)\n"
        "        return f(p)\n    return run\n@timed\n" + objective() + call() + "print(times)",
        10,
        17,
    ),
    "a variable of the function around it": (
        "def tune():\n    count = 0\n    def objective(p):\n        nonlocal count\n"
        "        count += 1\n        return p['x']\n    " + call() + "    return count\n",
        11,
        14,
    ),
    "a list that a default hands on": (
        "seen = []\n" + objective("log.append(1)", argument="p, log=seen") + call() + "print(seen)",
        9,
        12,
    ),
    "what is read in a loop": (
        "seen = []\nfor _ in range(2):\n    print(seen)\n    "
        + call("lambda p: seen.append(1) or 1"),
        10,
        9,
    ),
}


CANNOT_BE_SENT = {
    "a file": ("log = open('log')\n" + objective("log.write('a')"), "'log', an open file,"),
    "a file of a with": (
        "with open('log') as log:\n    pass\n" + objective("log.write('a')"),
        "'log', an open file,",
    ),
    "a lock": (
        "from threading import Lock\nlock = Lock()\n" + objective("with lock: pass"),
        "'lock', a lock,",
    ),
    "a broadcast variable": (
        "from pyspark.sql import SparkSession\nspark = SparkSession.builder.getOrCreate()\n"
        "table = spark.sparkContext.broadcast([1])\n" + objective("table.value"),
        "'table', a part of Spark,",
    ),
}
CAN_BE_SENT = {
    "a file of its own": objective("log = open('/log')", "log.write('a')"),
    "an open of the program's": "def open(p): return p\nlog = open('log')\n" + objective("log"),
    "a file that it does not use": "log = open('log')\n" + objective("p") + "log.close()\n",
}


@pytest.mark.parametrize("name", CANNOT_BE_SENT)
def test_an_objective_that_cannot_be_sent_is_left(name: str) -> None:
    body, reason = CANNOT_BE_SENT[name]
    result = migrate(HEAD + body + call(), to="ray")

    assert not result.is_changed
    assert f"the objective uses {reason} which cannot be sent" in result.notes[0].text
    assert migrate(HEAD + body + call(), to="optuna").is_changed


def test_an_objective_that_asks_for_the_trials_so_far_is_left() -> None:
    text = (
        HEAD
        + "from hyperopt import Trials\ntrials = Trials()\n"
        + objective("print(len(trials.trials))")
        + call(more=", trials=trials")
    )
    result = migrate(text, to="ray")

    assert not result.is_changed
    assert [note.line for note in result.notes] == [10]
    assert "the objective looks at the trials so far" in result.notes[0].text
    assert "print(len(trials.trials))" in migrate(text, to="optuna").new_text


@pytest.mark.parametrize("name", CAN_BE_SENT)
def test_an_objective_that_can_be_sent_is_not_left(name: str) -> None:
    assert migrate(HEAD + CAN_BE_SENT[name] + call(), to="ray").is_changed


@pytest.mark.parametrize("name", IS_LEFT_ALONE)
def test_what_nobody_misses_is_no_matter(name: str) -> None:
    result = migrate(HEAD + IS_LEFT_ALONE[name], to="ray")

    assert result.is_changed
    assert not any("the objective changes" in note.text for note in result.notes)


@pytest.mark.parametrize("name", EACH_HAS_ITS_OWN)
def test_what_the_objective_alone_reads_is_remarked(name: str) -> None:
    result = migrate(HEAD + EACH_HAS_ITS_OWN[name], to="ray")

    assert result.is_changed
    assert any("each has one of its own" in note.text for note in result.notes)
    assert not any(note.needs_person for note in result.notes)


@pytest.mark.parametrize("name", IS_BLOCKED)
def test_a_search_whose_changes_would_be_lost_is_left(name: str) -> None:
    body, line, read = IS_BLOCKED[name]
    result = migrate(HEAD + body, to="ray")

    assert not result.is_changed
    assert [note.line for note in result.notes if note.needs_person] == [line]
    assert f", which line {read} reads: " in result.notes[0].text
    assert " changes 'log'" not in result.notes[0].text  # that is what the objective calls it
    assert migrate(HEAD + body, to="optuna").is_changed


def test_what_the_caller_holds_is_not_lost_in_silence() -> None:
    text = (
        "def tune(seen):\n    def objective(p):\n        seen.append(1)\n        return p['x']\n"
        "    return " + call()
    )
    note, *_ = migrate(HEAD + text, to="ray").notes

    assert "which the caller of 'tune' holds" in note.text
    used = HEAD + text + "tune([])\n"
    assert migrate(used, to="ray").is_changed
    used = HEAD + text + "mine = []\ntune(mine)\nprint(mine)\n"
    assert "which line 14 reads" in migrate(used, to="ray").notes[0].text


def test_executors_had_the_same_limit() -> None:
    text = "seen = []\n" + call("lambda p: seen.append(1) or 1", ", trials=SparkTrials()")
    result = migrate(HEAD + text + "print(seen)\n", to="ray")

    assert result.is_changed
    assert any("as it was on the workers before" in note.text for note in result.notes)


def test_a_scan_says_what_workers_would_lose(tmp_path: Path) -> None:
    body, line, _ = IS_BLOCKED["a list"]
    (tmp_path / "train.py").write_text(HEAD + body)
    report = scan([tmp_path])

    (found,) = [f for f in report.findings if f.name == "fmin"]
    assert found.handled["run"]
    assert found.handled["--to optuna"]
    assert not found.handled["--backend ray"]
    assert not found.handled["--backend spark"]
    (advice,) = (a for a in found.advice if a.code == "HB113")
    assert advice.text.startswith(f"line {line}: the objective changes 'seen'")
    assert advice.ways == ("--backend spark", "--backend ray")


def test_a_scan_says_where_spark_cannot_be_used(tmp_path: Path) -> None:
    text = (
        HEAD
        + "from hyperopt import SparkTrials\nfrom pyspark.sql import SparkSession\n"
        + "spark = SparkSession.builder.getOrCreate()\n"
        + "fmin(lambda p: spark.range(3).count(), hp.uniform('x', 0, 1), trials=GIVEN)\n"
    )
    for trials, ways in (("None", {"spark", "ray"}), ("SparkTrials()", {"run", "spark", "ray"})):
        (tmp_path / "train.py").write_text(text.replace("GIVEN", trials))
        (found,) = [f for f in scan([tmp_path]).findings if f.name == "fmin"]
        (advice,) = (a for a in found.advice if a.code == "HB114")
        assert {way.removeprefix("--backend ") for way in advice.ways} == ways
        assert found.handled["--backend optuna"]


def test_hyperbridges_own_ray_had_it_too() -> None:
    text = (
        "from hyperbridge import fmin, hp, tpe\nseen = []\n"
        "fmin(lambda p: seen.append(1) or 1, hp.uniform('x', 0, 1), backend='{}')\nprint(seen)\n"
    )

    assert migrate(text.format("ray"), to="ray").is_changed
    assert not migrate(text.format("local"), to="ray").is_changed
