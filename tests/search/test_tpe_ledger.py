"""The columns stay right whatever happens to the documents of a Trials object."""

from __future__ import annotations

import copy
import random
from typing import Any

import pytest
from hyperopt import Domain, Trials, hp, tpe
from hyperopt.base import JOB_STATE_DONE, JOB_STATE_ERROR, JOB_STATE_NEW, JOB_STATE_RUNNING
from tpe_replay import identical, loss_of, past_documents, trials_of, values_of

from hyperbridge.search.fast import FastSuggest, accelerate
from hyperbridge.search.tpe.better import BetterPart, fit_better
from hyperbridge.search.tpe.columns import History
from hyperbridge.search.tpe.plan import compile_plan


def small_space() -> Any:
    return {
        "c": hp.choice("c", [hp.uniform("x", 0, 1), hp.quniform("q", 0, 20, 1)]),
        "y": hp.normal("y", 0, 1),
    }


def small_domain() -> Domain:
    return Domain(lambda _: 0.0, small_space())


def fast_for(domain: Domain, trials: Trials) -> FastSuggest:
    fast = accelerate(tpe.suggest, domain, trials)
    assert fast is not None
    return fast


class Workshop:
    """A Trials object to which things happen, as they do in parallel searches."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.domain = small_domain()
        self.trials = trials_of(past_documents(self.domain, 25, seed))
        self.fast = fast_for(self.domain, self.trials)
        self.next_tid = 25

    def compare(self) -> bool:
        self.trials.refresh()
        seed = self.random.randrange(2**31)
        ours = self.fast([self.next_tid], self.domain, self.trials, seed)
        theirs = tpe.suggest([self.next_tid], self.domain, self.trials, seed)
        if self.random.random() < 0.7:
            self.trials.insert_trial_docs(theirs)
            self.trials.refresh()
            self.next_tid += 1
        return identical(ours, theirs)

    def one_of(self, *states: int) -> Any:
        found = [d for d in self.trials._dynamic_trials if d["state"] in states]
        return self.random.choice(found) if found else None

    def change(self, document: Any, state: int, result: Any) -> None:
        if document is not None:
            document["state"] = state
            if result is not None:
                document["result"] = result

    def start(self) -> None:
        self.change(self.one_of(JOB_STATE_NEW), JOB_STATE_RUNNING, None)

    def finish(self) -> None:
        document = self.one_of(JOB_STATE_NEW, JOB_STATE_RUNNING)
        if document is not None:
            loss = self.random.choice([loss_of(values_of(document)), 1.0, float("inf")])
            self.change(document, JOB_STATE_DONE, {"status": "ok", "loss": loss})

    def finish_with_nan(self) -> None:
        result = {"status": "ok", "loss": float("nan")}
        self.change(self.one_of(JOB_STATE_RUNNING), JOB_STATE_DONE, result)

    def fail(self) -> None:
        self.change(self.one_of(JOB_STATE_RUNNING), JOB_STATE_ERROR, None)

    def fail_softly(self) -> None:
        self.change(self.one_of(JOB_STATE_RUNNING), JOB_STATE_DONE, {"status": "fail"})

    def edit_a_loss(self) -> None:
        document = self.one_of(JOB_STATE_DONE)
        document["result"]["loss"] = self.random.uniform(-1, 3)

    def delete(self) -> None:
        self.trials._dynamic_trials.remove(self.one_of(JOB_STATE_DONE))

    def replace(self) -> None:
        documents = self.trials._dynamic_trials
        at = self.random.randrange(len(documents))
        documents[at] = copy.deepcopy(documents[at])
        documents[at]["result"] = {"status": "ok", "loss": 0.5}

    def swap(self) -> None:
        documents = self.trials._dynamic_trials
        one, other = self.random.sample(range(len(documents)), 2)
        documents[one], documents[other] = documents[other], documents[one]

    def copy_from(self) -> None:
        document = copy.deepcopy(self.one_of(JOB_STATE_DONE))
        document["misc"]["from_tid"] = self.random.randrange(self.next_tid)
        document["result"] = {"status": "ok", "loss": self.random.uniform(-1, 3)}
        document["tid"] = document["misc"]["tid"] = self.next_tid
        for label, idxs in document["misc"]["idxs"].items():
            document["misc"]["idxs"][label] = [self.next_tid] if idxs else []
        self.trials._dynamic_trials.append(document)
        self.next_tid += 1


ORDINARY = (
    "start",
    "start",
    "finish",
    "finish",
    "finish",
    "finish_with_nan",
    "fail",
    "fail_softly",
)
UNANNOUNCED = ("edit_a_loss", "delete", "replace")
IRREGULAR = ("swap", "copy_from")


@pytest.mark.parametrize("seed", range(6))
def test_trials_that_start_finish_and_fail_in_any_order(seed: int) -> None:
    workshop = Workshop(seed)
    for _ in range(60):
        getattr(workshop, workshop.random.choice(ORDINARY))()
        assert workshop.compare()
    assert workshop.fast._reasons == set()


@pytest.mark.parametrize("kinds", [UNANNOUNCED, IRREGULAR], ids=["unannounced", "irregular"])
@pytest.mark.parametrize("seed", range(3))
def test_documents_that_are_edited_deleted_replaced_or_out_of_order(
    seed: int, kinds: tuple[str, ...]
) -> None:
    workshop = Workshop(seed)
    for _ in range(40):
        getattr(workshop, workshop.random.choice(ORDINARY + kinds * 2))()
        assert workshop.compare()
    assert workshop.fast._reasons == set()


def test_a_repaired_point_is_read_again_when_the_trial_ends() -> None:
    workshop = Workshop(1)
    while not workshop.one_of(JOB_STATE_NEW):
        assert workshop.compare()
    document = workshop.one_of(JOB_STATE_NEW)
    document["misc"]["vals"]["y"] = [0.123]
    workshop.finish()
    while workshop.one_of(JOB_STATE_NEW):
        workshop.finish()
    assert workshop.compare()
    assert workshop.fast._ledger is not None
    rows = workshop.fast._ledger.history.groups
    assert any(0.123 in group.inner for group in rows)


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (lambda d: d["misc"]["vals"].update(y=[True]), "a value of 'y' is a bool"),
        (lambda d: d["misc"]["vals"].update(c=[7]), "7 is not a value of 'c'"),
        (lambda d: d["misc"]["vals"].update(c=[0.5]), "0.5 is not a value of 'c'"),
        (lambda d: d["misc"]["vals"].update(y=[float("nan")]), "is not finite"),
        (lambda d: d["misc"]["idxs"].update(y=[99]), "do not fit together"),
        (lambda d: d["misc"]["vals"].pop("y"), "malformed"),
        (lambda d: d.update(tid="7"), "is not an integer"),
        (lambda d: d.update(result=None), "malformed"),
    ],
)
def test_what_a_document_cannot_mean_is_left_to_hyperopt(
    spoil: Any, reason: str, caplog: pytest.LogCaptureFixture
) -> None:
    domain = small_domain()
    trials = trials_of(past_documents(domain, 30))
    fast = fast_for(domain, trials)
    good = fast([30], domain, trials, 0)
    kept = copy.deepcopy(trials._dynamic_trials[7])
    spoil(trials._dynamic_trials[7])
    trials._dynamic_trials[7]["result"] = copy.copy(trials._dynamic_trials[7]["result"])
    trials._dynamic_trials[7] = dict(trials._dynamic_trials[7])
    trials.refresh()
    with caplog.at_level("DEBUG", logger="hyperbridge"):
        ours = outcome_of(fast, domain, trials)
    assert ours == outcome_of(tpe.suggest, domain, trials)
    assert reason in caplog.text
    trials._dynamic_trials[7] = kept
    trials.refresh()
    assert identical(fast([30], domain, trials, 0), good)


def outcome_of(algo: Any, domain: Domain, trials: Trials) -> str:
    try:
        return repr(algo([30], domain, trials, 1))
    except Exception as exc:
        return repr(exc)


def test_the_fit_of_the_better_part_is_kept_until_the_part_changes() -> None:
    history = History(compile_plan(small_domain()))
    for row in range(30):
        history.append({"c": row % 2, ("x", "q")[row % 2]: 0.5, "y": row / 10}, loss=float(row))
    columns = next(group for group in history.groups if group.labels == ["y", "c"])

    def part(prior_weight: float = 1.0) -> BetterPart:
        better = history.below(0.25).nonzero()[0]
        columns.split(better.tolist())
        return fit_better(columns, better, prior_weight)

    first = part()
    assert first.listed[0].mus == [0.0, 0.0, 0.1]  # of the prior, and of two trials
    history.append({"c": 0, "x": 0.5, "y": 9.0}, loss=99.0)  # not among the best
    assert part() is first
    assert part(2.0).listed[0].weights == [0.5, 0.25, 0.25]
    history.append({"c": 1, "q": 4, "y": 7.0}, loss=-1.0)
    assert part().listed[0].mus == [0.0, 0.0, 7.0]
    history.truncate(31)  # then another trial takes the place of the best
    history.append({"c": 1, "q": 4, "y": 8.0}, loss=-1.0)
    assert part().listed[0].mus == [0.0, 0.0, 8.0]
