"""Run hyperopt's own fmin and compare each of its suggestions with ours, bit for bit."""

from __future__ import annotations

import math
import struct
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from hyperopt import Trials, fmin, rand, tpe
from hyperopt.base import JOB_STATE_DONE
from tpe_spaces import SPACES

import hyperbridge
from hyperbridge.search.fast import accelerate
from hyperbridge.search.tpe.engine import suggest_tpe


def identical(one: Any, other: Any) -> bool:
    """Tell whether two values are the same in type, order and every bit."""
    if type(one) is not type(other):
        return False
    if isinstance(one, dict):
        return list(one) == list(other) and all(identical(one[key], other[key]) for key in one)
    if isinstance(one, (list, tuple)):
        return len(one) == len(other) and all(map(identical, one, other))
    if isinstance(one, float):
        return struct.pack("d", one) == struct.pack("d", other)
    return bool(one == other)


def loss_of(values: dict[str, Any]) -> float:
    """A loss of the values by label that is smooth, and has more than one minimum."""
    total = 0.0
    for label in sorted(values):
        value, place = float(values[label]), (sum(map(ord, label)) % 7) / 3.0
        total += abs(math.tanh(value * 0.3 - place)) + 0.01 * math.sin(5 * value)
    return total


def values_of(document: dict[str, Any]) -> dict[str, Any]:
    return {label: given[0] for label, given in document["misc"]["vals"].items() if given}


def plain(loss: float, tid: int) -> Any:
    return loss


@dataclass
class Replay:
    """What came of comparing.

    Attributes:
        compared: Number of calls compared.
        different: Length of the history, ours and hyperopt's, of each call that differed.
        fast: Our function of the last run.
        trials: hyperopt's trials of the last run.
    """

    compared: int = 0
    different: list[tuple[int, Any, Any]] = field(default_factory=list)
    fast: Any = None
    trials: Any = None


def replay(
    space: Any,
    algo: Callable[..., Any],
    max_evals: int,
    *,
    seed: int = 0,
    outcome: Callable[[float, int], Any] = plain,
    max_queue_len: int = 1,
    trials: Any = None,
    points: list[dict[str, Any]] | None = None,
    objective: Callable[..., Any] | None = None,
    exact_too: bool = False,
    alter: Callable[[Any], None] | None = None,
) -> Replay:
    """Compare along one run of hyperopt's fmin.

    Args:
        space: The search space.
        algo: hyperopt's algorithm.
        max_evals: As for fmin.
        seed: Of the run.
        outcome: Makes a result of the loss and the trial's id.
        max_queue_len: As for fmin.
        trials: As for fmin; new ones when None.
        points: As ``points_to_evaluate``; fmin makes the trials then.
        objective: In place of the one that calls ``outcome``; called with expr, memo, ctrl.
        exact_too: Whether the exact engine is compared too.
        alter: Changes our function before its first call (for controls).
    """
    report = Replay()

    def compare(new_ids: Any, domain: Any, trials: Any, seed: int) -> Any:
        if report.fast is None:
            report.fast = accelerate(algo, domain, trials)
            assert report.fast is not None
            if alter is not None:
                alter(report.fast)
        ours = report.fast(new_ids, domain, trials, seed)
        theirs = algo(new_ids, domain, trials, seed)
        report.compared += 1
        report.trials = trials
        if not identical(ours, theirs):
            report.different.append((len(trials.trials), ours, theirs))
        elif exact_too and len(report.fast._ledger.history) >= 20:
            compare_exact(report, seed, theirs)
        return theirs

    def evaluate(expr: Any, memo: Any, ctrl: Any) -> Any:
        trial = ctrl.current_trial
        return outcome(loss_of(values_of(trial)), trial["tid"])

    fmin(
        objective or evaluate,
        space,
        algo=compare,
        max_evals=max_evals,
        rstate=np.random.default_rng(seed),
        trials=trials if trials is not None or points is not None else Trials(),
        points_to_evaluate=points,
        max_queue_len=max_queue_len,
        pass_expr_memo_ctrl=True,
        return_argmin=False,
        show_progressbar=False,
        verbose=False,
    )
    return report


def compare_exact(report: Replay, seed: int, theirs: Any) -> None:
    """Compare a suggestion of the exact engine with hyperopt's."""
    fast = report.fast
    draws = suggest_tpe(
        fast._plan,
        fast._ledger.history,
        np.random.default_rng(seed),
        fast._options,
        certified=False,
    )
    for parameter in fast._plan.shifted:
        if parameter.label in draws:
            draws[parameter.label] += parameter.shift
    expected = values_of(theirs[0])
    if not identical({label: draws[label] for label in expected if label in draws}, expected):
        report.different.append((len(report.trials.trials), draws, expected))


def past_documents(domain: Any, n: int, seed: int = 0) -> list[dict[str, Any]]:
    """Return finished documents drawn from the prior, quickly."""
    idxs, vals = rand.suggest_batch(list(range(n)), domain, None, seed)
    by_tid = {label: dict(zip(map(int, idxs[label]), vals[label], strict=True)) for label in idxs}
    documents = []
    for tid in range(n):
        values = {label: by_tid[label][tid] for label in sorted(idxs) if tid in by_tid[label]}
        misc = {
            "tid": tid,
            "cmd": domain.cmd,
            "workdir": None,
            "idxs": {label: [tid] if label in values else [] for label in sorted(idxs)},
            "vals": {label: [values[label]] if label in values else [] for label in sorted(idxs)},
        }
        documents.append(
            {
                "state": JOB_STATE_DONE,
                "tid": tid,
                "spec": None,
                "result": {"status": "ok", "loss": loss_of(values)},
                "misc": misc,
                "exp_key": None,
                "owner": None,
                "version": 0,
                "book_time": None,
                "refresh_time": None,
            }
        )
    return documents


def trials_of(documents: list[dict[str, Any]]) -> Trials:
    trials = Trials()
    trials._insert_trial_docs(documents)
    trials.refresh()
    return trials


def gathered_trials(n: int) -> Trials:
    """Return the trials of a search of ours in ten parameters; most are near to the best."""
    trials = Trials()
    hyperbridge.fmin(
        lambda point: sum(abs(v - 1.0) for v in point.values() if not isinstance(v, str)),
        SPACES["ten_parameters"](),
        algo=tpe.suggest,
        max_evals=n,
        trials=trials,
        rstate=np.random.default_rng(0),
        show_progressbar=False,
        backend="local",
        tracking=False,
    )
    return trials
