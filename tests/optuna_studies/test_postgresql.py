"""A real PostgreSQL as the storage of studies: several processes, a killed one, other histories."""

from __future__ import annotations

import copy
import time

import clean_child
import numpy as np
import optuna
import pytest
from hyperopt import STATUS_OK, hp, rand
from studies import PROGRAMS, SPACE, contents, minimise

from hyperbridge.errors import BackendUnavailableError, InvalidArgumentError
from hyperbridge.history.history import History
from hyperbridge.history.kinds import Options, kind_of_target, read_history
from hyperbridge.search.optuna.bulk import add_trials
from hyperbridge.translate.from_hyperopt import read_space

N_EACH = 8
WAITING_TRIAL = 3


def test_a_killed_one_of_four_processes_costs_no_finished_trial(postgres):
    url = postgres.new_database()
    pipe = clean_child.PIPE
    processes = [
        clean_child.start(
            [PROGRAMS / "one_of_several.py", url, str(n_evals), str(waits)],
            stdin=pipe, stdout=pipe, stderr=pipe,
        )
        for n_evals, waits in ((1000, WAITING_TRIAL), *[(N_EACH, -1)] * 3)
    ]  # fmt: skip
    try:
        for process in processes:
            assert process.stdout.readline() == "ready\n", process.communicate()
        begin = time.time() + 0.5
        for process in processes:
            process.stdin.write(f"{begin}\n")
            process.stdin.flush()
        killed, *others = processes
        begun_by_killed = []
        for line in iter(killed.stdout.readline, ""):
            if line == "waits\n":
                break
            word, x = line.split()
            assert word == "begins"
            begun_by_killed.append(float(x))
        assert len(begun_by_killed) == WAITING_TRIAL + 1, killed.communicate()
        killed.kill()
        finished = begun_by_killed[:-1]
        for process in others:
            output, complaints = process.communicate(timeout=120)
            assert process.returncode == 0, complaints
            *begun, last = output.splitlines()
            finished += [float(line.split()[1]) for line in begun]
            n, n_ids, n_losses = map(int, last.split()[1:])
            assert n == n_ids
            assert n_losses >= N_EACH  # with those that the study had when it began
            assert len(begun) <= N_EACH
    finally:
        for process in processes:
            process.kill()
            process.communicate()

    study = optuna.load_study(study_name="s", storage=url)
    trials = study.get_trials()
    assert [t.number for t in trials] == list(range(len(trials)))
    complete = [t for t in trials if t.state.name == "COMPLETE"]
    assert sorted(t.params["x"] for t in complete) == sorted(finished)
    assert all(t.value == t.params["x"] ** 2 for t in complete)
    (lost,) = (t for t in trials if t.state.name != "COMPLETE")
    assert lost.params["x"] == begun_by_killed[-1]

    space = {"x": hp.uniform("x", 0, 1), "k": hp.choice("k", [0, 1])}
    _, more = minimise(
        url, fn=lambda p: p["x"], space=space, study_name="s", max_evals=len(complete) + 2
    )
    states = [t.state.name for t in study.get_trials()]
    assert states.count("FAIL") == 1  # that of the killed process
    assert states.count("COMPLETE") == len(complete) + 2
    tids = [document["tid"] for document in more._dynamic_trials]
    assert len(set(tids)) == len(tids)


def test_a_search_is_continued_and_its_study_converted(postgres, tmp_path):
    url = postgres.new_database()
    _, first = minimise(url, study_name="s", max_evals=4)
    _, trials = minimise(url, study_name="s", max_evals=6)
    assert contents(trials)[:4] == contents(first)
    options = Options(space=read_space(SPACE))
    history = read_history(url, options)
    assert [d["result"] for d in history.documents] == trials.results
    assert [d["misc"]["vals"] for d in history.documents] == [
        d["misc"]["vals"] for d in trials.trials
    ]


def test_a_history_goes_to_postgresql_and_comes_back(postgres, tmp_path):
    url = postgres.new_database()
    _, trials = minimise(backend=None, max_evals=6, fn=reporting)
    documents = copy.deepcopy(trials._dynamic_trials)
    documents[2].update(state=3, result={"status": "new"})
    documents[2]["misc"]["error"] = ("<class 'ValueError'>", "ünknown \U0001f600")
    history = History(documents, {}, "trials.pkl")
    options = Options(space=read_space(SPACE))
    kind_of_target(url).write(history, url, options)
    back = read_history(url, options)
    for ours, theirs in zip(back.documents, documents, strict=True):
        for key in ("state", "tid", "result", "book_time", "refresh_time"):
            assert ours[key] == theirs[key]
        assert ours["misc"]["vals"] == theirs["misc"]["vals"]
        assert ours["misc"].get("error") == theirs["misc"].get("error")
        assert ours["misc"].get("reports") == theirs["misc"].get("reports")
    with pytest.raises(InvalidArgumentError, match=r"tests:\*\*\*@.*has a study 'trials' already"):
        kind_of_target(url).write(history, url, options)

    copied = read_history(url, Options())
    target = str(tmp_path / "copy.db")
    kind_of_target(target).write(copied, target, options)
    assert [d["result"] for d in read_history(target, Options()).documents] == [
        d["result"] for d in documents
    ]


def reporting(point):
    import hyperbridge

    hyperbridge.report(point["x"], 0)
    hyperbridge.report(np.inf, 1)
    return {"loss": point["x"], "status": STATUS_OK, "extra": [1, None]}


def test_trials_added_at_once_are_those_that_optuna_adds_one_by_one(postgres):
    url = postgres.new_database()
    _, trials = minimise(backend=None, max_evals=5, fn=reporting, algo=rand.suggest)
    from hyperbridge.search.optuna.history import frozen_of
    from hyperbridge.translate.to_optuna import OptunaSpace

    frozen = [frozen_of(d, OptunaSpace(read_space(SPACE))) for d in trials.trials]
    found = []
    for name, add in (("slow", None), ("fast", add_trials)):
        study = optuna.create_study(study_name=name, storage=url)
        study.add_trials(frozen) if add is None else add(study, frozen)
        study.add_trials(frozen[:1])
        loaded = optuna.load_study(study_name=name, storage=url).get_trials()
        for trial in loaded:
            trial._trial_id = 0
        found.append(loaded)
    assert found[0] == found[1]


def test_a_wrong_password_is_said_without_showing_it(postgres):
    url = postgres.new_database().replace("tests:", "tests:wrong")
    with pytest.raises(BackendUnavailableError, match=r"tests:\*\*\*@127.0.0.1") as caught:
        read_history(url, Options())
    assert "wrong" not in str(caught.value)
    assert "authentication failed" in str(caught.value)
