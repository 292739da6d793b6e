"""Searches that are made up at random, and what hyperopt's fmin and ours make of each.

The spaces are built by hyperopt's own functions alone: ends, steps and probabilities that are odd,
labels of all kinds, deep nesting, arithmetic, shared parameters; then an algorithm with odd
options, a loss that is sometimes missing or infinite, and odd arguments of fmin.
"""

from __future__ import annotations

import functools
import logging
import math
import random
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import hyperopt
import numpy as np
from hyperopt import anneal, hp, mix, rand, tpe
from hyperopt.base import Domain
from hyperopt.early_stop import no_progress_loss
from hyperopt.fmin import generate_trials_to_calculate
from hyperopt.pyll import as_apply, scope

from hyperbridge.surface import originals
from hyperbridge.surface.fmin import fmin
from hyperbridge.surface.trials import Trials


@scope.define
def random_searches_mean(*values: Any) -> float:
    return sum(map(_number, values)) / max(1, len(values))


LABELS = (
    ["x", "y", "lr", "learning rate", "model__depth", "a.b", "a/b", "a:b", "n-1", "Größe", "λ"]
    + ["", " ", "0", "1", "None", "class", "label", "obj", "self", "rng", "size", "low", "p"]
    + ["x\ny", 'quo"te', "quo'te", "back\\slash", "{x}", "%s", "tid", "loss", "idxs", "vals"]
    + ["_", "__init__", "x" * 300, "emoji 🎉", "uniform", "dict", "literal", "switch", "new_ids"]
)
OPTIONS: list[Any] = (
    [None, True, False, 0, 1, -1, 2.5, "svm", "", b"raw", 1.0, 1 + 2j, math.inf, -0.0]
    + [np.float32(2), np.int64(4), np.bool_(True), np.str_("s"), print, int, math.sin, range(3)]
    + [(), (1,), (1, 2), [], [1], [[1], (2,)], {}, {"a": 1}, {"a": {"b": [1, 2]}}, {1: 2}]
    + [frozenset({1}), 10**20, -(10**20), 1e300, 1e-300, "a" * 500, (None, "x"), slice(1, 2)]
)


@dataclass(frozen=True)
class Search:
    """One call of fmin, but for the function.

    Attributes:
        space, algo, arguments: fmin's.
        losses: The kind of losses, see `objective`.
        seed: Of ``rstate``.
        points: Points to begin with, by ``generate_trials_to_calculate``; None for none.
        first_evals: ``max_evals`` of a call with the same Trials before this one; None for none.
        text: What to say of the search where it fails.
    """

    space: Any
    algo: Any
    arguments: dict[str, Any]
    losses: str
    seed: int
    points: list[dict[str, Any]] | None
    first_evals: int | None
    text: str


class _Maker:
    """Draws the parts of one search."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.count = 0
        self.labels: set[str] = set()
        self.parameters: list[Any] = []
        self.kinds: list[str] = []
        self.computed = False

    def chance(self, share: float) -> bool:
        return self.random.random() < share

    def pick(self, options: Any) -> Any:
        return self.random.choice(list(options))

    def label(self) -> str:
        self.count += 1
        label = self.pick(LABELS) if self.chance(0.4) else f"p{self.count}"
        while label in self.labels:
            label += str(self.count)
        self.labels.add(label)
        return np.str_(label) if self.chance(0.02) else label

    def real(self) -> Any:
        r = self.random
        value = self.pick(
            [
                lambda: r.uniform(-5, 5),
                lambda: float(r.randint(-20, 20)),
                lambda: r.randint(-20, 20),
                lambda: 10.0 ** r.randint(-14, 8) * r.choice([-1, 1]),
                lambda: 0,
                lambda: -0.0,
                lambda: r.uniform(0, 1e-9),
                lambda: 1e9 + r.random(),
                lambda: r.choice([1e15, -1e12, 2**53, 1e-300, 5e-324, 1e100]),
            ][: 9 if self.chance(0.3) else 3]
        )()
        return self.odd_number(value)

    def odd_number(self, value: Any) -> Any:
        if not self.chance(0.2):
            return value
        return self.pick(
            [np.float64, np.float32, lambda v: np.int64(int(max(-(2**60), min(v, 2**60))))]
            + [lambda v: np.array(v), str, lambda v: as_apply(v), lambda v: v > 0, int]
            if self.chance(0.3)
            else [np.float64, int, lambda v: as_apply(v) * 1, float]
        )(value)

    def width(self) -> Any:
        r = self.random
        return self.pick(
            [
                lambda: r.uniform(0.1, 5),
                lambda: r.randint(1, 30),
                lambda: 10.0 ** r.randint(-14, 6),
                lambda: r.choice([3e-11, 1e-12, 1e-9, 1e-13, 5e-16, 1e12, 1e-100]),
            ][: 4 if self.chance(0.3) else 2]
        )()

    def ends(self, *, log: bool) -> tuple[Any, Any]:
        low = self.real()
        if log and self.chance(0.9):
            low = self.random.uniform(-12, 4)
        width = self.width()
        if log and self.chance(0.9):
            width = self.random.uniform(0.01, 8)
        if self.chance(0.02):
            return low, low
        try:
            high = low + width
        except TypeError:
            high = width
        return low, self.odd_number(high) if self.chance(0.2) else high

    def step(self) -> Any:
        r = self.random
        if self.chance(0.7):
            return r.choice([1, 1.0, 2, 0.5, 0.1, 0.25, 5, 3, 0.01])
        return r.choice([1e-3, 1e-9, 100, 1e6, np.float64(0.3), np.int64(2), 1e-12, 7.7, 1 / 3])

    def numeric(self) -> Any:
        kind = self.pick(
            ["uniform", "loguniform", "quniform", "qloguniform", "normal", "lognormal"]
            + ["qnormal", "qlognormal", "uniformint", "randint", "randint", "uniform"]
        )
        self.kinds.append(kind)
        label = self.label()
        r = self.random
        if kind == "randint":
            top = r.choice([1, 2, 3, 5, 10, 50, 300, np.int64(4), np.int32(7), 3.0, True, 5000])
            top = top if self.chance(0.3) else r.randint(1, 12)
            if self.chance(0.5):
                return hp.randint(label, top)
            low = r.choice([0, 1, -3, 5, -100, 1000, np.int64(-2)])
            return hp.randint(label, low, low + top)
        if kind == "uniformint":
            low = r.choice([0, 1, -5, 10, 2.5, 0.5])
            if self.chance(0.8):
                return hp.uniformint(label, low, low + r.randint(1, 40))
            return hp.uniformint(label, low, low + r.randint(1, 9), q=r.choice([1.0, 1, 2, 0.5]))
        function = getattr(hp, kind)
        if "uniform" in kind:
            arguments = self.ends(log="log" in kind)
        else:
            mu = self.random.uniform(-3, 3) if "log" in kind else self.real()
            arguments = mu, self.width() if self.chance(0.3) else r.uniform(0.1, 3)
        if kind.startswith("q"):
            arguments = (*arguments, self.step())
        if self.chance(0.07):
            names = ("low", "high", "q") if "uniform" in kind else ("mu", "sigma", "q")
            return function(label, **dict(zip(names, arguments, strict=False)))
        if self.chance(0.03) and self.parameters:
            self.computed = True
            return function(label, self.pick(self.parameters), *arguments[1:])
        return function(label, *arguments)

    def parameter(self) -> Any:
        made = self.numeric()
        self.parameters.append(made)
        return made

    def weights(self, n: int) -> list[float]:
        weights: list[float] = [self.random.choice([0, 1, 1, 2, 3, 1e-9]) for _ in range(n)]
        if not sum(weights):
            weights[0] = 1
        shares = [weight / sum(weights) for weight in weights]
        if self.chance(0.1):
            return [round(share, 3) for share in shares]
        return shares

    def options(self, depth: int) -> list[Any]:
        n = self.pick([1, 2, 2, 3, 3, 4, 7])
        if self.chance(0.05):
            return list(range(self.pick([1, 20, 60])))
        return [self.space(depth - 1) for _ in range(n)]

    def choice(self, depth: int) -> Any:
        kind = self.pick(["choice", "choice", "choice", "pchoice", "switch"])
        self.kinds.append(kind)
        if kind == "choice":
            options: Any = self.options(depth)
            if self.chance(0.05):
                options = self.pick([np.arange(4), range(3), np.linspace(0, 1, 3), ("a", "b")])
            if self.chance(0.04):
                return hp.choice(label=self.label(), options=options)
            return hp.choice(self.label(), options)
        options = self.options(depth)
        if kind == "pchoice":
            weights = self.weights(len(options))
            return hp.pchoice(self.label(), list(zip(weights, options, strict=True)))
        index = hp.randint(self.label(), len(options))
        if self.chance(0.3):
            return scope.switch(scope.int(index * 1), *options)
        return scope.switch(index, *options)

    def expression(self) -> Any:
        one, two = self.parameter(), self.pick(self.parameters)
        return self.pick(
            [
                lambda: scope.int(one),
                lambda: scope.float(scope.int(one)),
                lambda: one + two,
                lambda: one * 2 - two,
                lambda: -one,
                lambda: one**2,
                lambda: 2**one,
                lambda: one / 3,
                lambda: one // 2,
                lambda: scope.max(one, two),
                lambda: scope.minimum(one, 0.5),
                lambda: scope.exp(scope.minimum(one, 2)),
                lambda: scope.sqrt(one * one),
                lambda: scope.log(one * one + 1),
                lambda: one > two,
                lambda: one == 1,
                lambda: scope.len([one, two]),
                lambda: scope.sum([one, two]),
                lambda: as_apply([one, two, "end"])[self.pick([0, 1, 2])],
                lambda: as_apply({"k": one, "o": two})["k"],
                lambda: scope.random_searches_mean(one, two, 3),
                lambda: scope.call(round, (one, 1)),
                lambda: scope.pos_args(one, two),
                lambda: scope.asarray([one, two]),
                lambda: scope.str_join("-", ["a", "b"]),
                lambda: scope.getattr(one, "real"),
            ]
        )()

    def space(self, depth: int) -> Any:
        if depth <= 0 or self.count > 25:
            kind = self.pick(["constant", "parameter", "parameter", "expression", "shared"])
        else:
            kind = self.pick(
                ["constant", "parameter", "parameter", "expression", "shared", "choice", "choice"]
                + ["dict", "list", "tuple", "odd_dict", "applied"]
            )
        if kind == "constant":
            return self.pick(OPTIONS)
        if kind == "parameter":
            return self.parameter()
        if kind == "expression":
            return self.expression()
        if kind == "shared":
            return self.pick(self.parameters) if self.parameters else self.parameter()
        if kind == "choice":
            made = self.choice(depth)
            if self.chance(0.3):
                self.parameters.append(made)
            return made
        parts = [self.space(depth - 1) for _ in range(self.random.randint(0, 4))]
        if kind == "list":
            return parts
        if kind == "tuple":
            return tuple(parts)
        if kind == "applied":
            return as_apply(parts)
        if kind == "odd_dict":
            keys = self.pick([[3, 1, -2, 10], [(1, 2), (0,), (2, 1), ()], [0.5, 2.0, -1.0, 9.0]])
            return dict(zip(keys, parts, strict=False))
        return dict(zip([self.pick(LABELS) + str(i) for i in range(9)], parts, strict=False))

    def root(self) -> Any:
        self.parameter()  # may be shared below
        space = self.any_root()
        return space if self.count > 1 else {"z": self.parameters[0], "rest": space}

    def any_root(self) -> Any:
        kind = self.pick(["dict", "dict", "dict", "any", "any", "list", "flat", "parameter"])
        if kind == "dict":
            return {f"k{i}": self.space(3) for i in range(self.random.randint(1, 5))}
        if kind == "flat":
            names = self.random.sample(LABELS, self.random.randint(1, 10))
            return {name: self.parameter() for name in names}
        if kind == "list":
            return [self.space(2) for _ in range(self.random.randint(1, 4))]
        if kind == "parameter":
            return self.parameter()
        return self.space(4)

    def algorithm(self) -> tuple[str, Any]:
        r = self.random
        kind = self.pick(
            ["tpe"] * 5 + ["tpe options"] * 4 + ["rand", "rand", "anneal", "mix", "own"]
        )
        if kind == "tpe":
            return kind, tpe.suggest
        if kind == "tpe options":
            options: dict[str, Any] = {}
            if self.chance(0.6):
                options["n_startup_jobs"] = r.choice([0, 1, 2, 5, 10, -1, 3.5, np.int64(4), 30])
            if self.chance(0.5):
                options["gamma"] = r.choice([0.01, 0.1, 0.5, 1.0, 2.5, 0, 10, np.float64(0.3), 25])
            if self.chance(0.5):
                options["n_EI_candidates"] = r.choice([1, 2, 3, 10, 24, 100, np.int64(7)])
            if self.chance(0.4):
                options["prior_weight"] = r.choice([0.5, 1, 2.0, 1e-3, 10, np.float32(0.7), 0])
            if self.chance(0.2):
                options["verbose"] = self.chance(0.5)
            return f"tpe {options}", functools.partial(tpe.suggest, **options)
        if kind == "rand":
            return kind, rand.suggest
        if kind == "anneal":
            if self.chance(0.5):
                return kind, anneal.suggest
            return "anneal options", functools.partial(
                anneal.suggest,
                avg_best_idx=r.choice([1.0, 2.0, 5.0]),
                shrink_coef=r.choice([0.0, 0.1, 1.0]),
            )
        if kind == "mix":
            parts = [rand.suggest, anneal.suggest, tpe.suggest]
            parts.append(functools.partial(tpe.suggest, n_startup_jobs=3))
            shares = r.choice([[0.25] * 4, [0.1, 0.2, 0.3, 0.4], [0, 0, 0.5, 0.5]])
            p_suggest = list(zip(shares, parts, strict=True))
            return kind, functools.partial(mix.suggest, p_suggest=p_suggest)
        return kind, _own_suggest

    def arguments(self, algo: str) -> dict[str, Any]:
        r = self.random
        found: dict[str, Any] = {"max_evals": r.choice([1, 5, 21, 25, 30, 45, 60, 90])}
        if self.chance(0.15):
            found["max_queue_len"] = r.choice([2, 3, 7, 100])
        if self.chance(0.15):
            found["catch_eval_exceptions"] = True
        if self.chance(0.1):
            found["loss_threshold"] = r.choice([0.0, 1, -1e3, np.float64(2), 0.5])
        if self.chance(0.1):
            found["return_argmin"] = False
        if self.chance(0.06):
            found["early_stop_fn"] = no_progress_loss(r.choice([3, 8]))
        if self.chance(0.05):
            found["verbose"] = True
            found["show_progressbar"] = False
        return found

    def points(self, space: Any) -> list[dict[str, Any]] | None:
        """Return points to begin with, as hyperopt's random search draws them.

        None where hyperopt fails on given points: they leave a label out, as conditional ones do.
        """
        if not self.chance(0.12):
            return None
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            try:
                domain = Domain(lambda point: 0.0, space)
                drawn = rand.suggest(list(range(self.pick([1, 3]))), domain, hyperopt.Trials(), 5)
            except Exception:
                return None
        points = [document["misc"]["vals"] for document in drawn]
        if not all(values for point in points for values in point.values()):
            return None
        return [{label: values[0] for label, values in point.items()} for point in points]


def make_search(seed: int) -> Search:
    """Return a search whose space hyperopt's own functions could build."""
    for attempt in range(20):
        maker = _Maker(seed * 100 + attempt)
        try:
            space = maker.root()
        except (TypeError, ValueError):  # hyperopt refuses an argument when the space is built
            continue
        break
    else:
        raise AssertionError(f"no space for seed {seed}")
    name, algo = maker.algorithm()
    losses = maker.pick(
        ["plain"] * 6 + ["ties", "nan", "inf", "fail", "raises", "dict", "types", "huge", "extra"]
    )
    arguments = maker.arguments(name)
    points = maker.points(space)
    if points is not None:  # with a longer queue hyperopt gives their ids to others too
        arguments.pop("max_queue_len", None)
    first = maker.pick([2, 10, 22, 30]) if maker.chance(0.12) else None
    text = f"seed {seed}: {name}, {losses}, {arguments}, {points}, {first}, {set(maker.kinds)}"
    return Search(space, algo, arguments, losses, seed, points, first, text)


def _own_suggest(new_ids: Any, domain: Any, trials: Any, seed: int) -> Any:
    finished = sum(result["status"] == "ok" for result in trials.results)
    return rand.suggest(new_ids, domain, trials, seed + finished)


def _number(value: Any) -> float:
    """Make a number of anything that a point may hold."""
    if isinstance(value, dict):
        return sum(_number(part) * (i + 1) for i, part in enumerate(value.values()))
    if isinstance(value, (list, tuple)):
        return sum(_number(part) * (i + 1) for i, part in enumerate(value))
    if isinstance(value, np.ndarray):
        return _number(value.tolist())
    if isinstance(value, (bool, int, float, np.number, np.bool_)):
        number = float(value) if abs(value) < 1e300 else 1e3
        return math.remainder(number, 50) if math.isfinite(number) else 1.0
    return float(len(str(type(value))) % 7)


def objective(losses: str, seen: list[str]) -> Callable[[Any], Any]:
    """Return an objective that notes the points it gets."""

    def evaluate(point: Any) -> Any:
        seen.append(_shown(point))
        value = _number(point)
        loss = (value - 1.3) ** 2
        turn = len(seen)
        if losses == "ties":
            return float(round(loss) % 4)
        if losses == "nan" and turn % 4 == 0:
            return {"loss": math.nan, "status": "ok"}
        if losses == "inf" and turn % 5 == 0:
            return math.inf if turn % 2 else {"loss": -math.inf, "status": "ok"}
        if losses == "fail" and turn % 3 == 0:
            return {"status": "fail"} if turn % 2 else {"status": "fail", "loss": loss}
        if losses == "raises" and turn % 6 == 0:
            raise ZeroDivisionError(f"turn {turn}")
        if losses == "dict":
            return {"loss": loss, "status": "ok", "true_loss": loss + 1, "loss_variance": 0.1}
        if losses == "types":
            return [np.float32(loss), np.float64(loss), int(loss), np.int64(loss)][turn % 4]
        if losses == "huge":
            return loss * 10.0 ** (300 if turn % 2 else -300)
        if losses == "extra":
            return {"loss": loss, "status": "ok", "extra": [turn], "attachments": {"a": b"b"}}
        return loss

    return evaluate


def _shown(value: Any) -> str:
    """Return a text that differs when a value or a type does."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_shown(k)}: {_shown(v)}" for k, v in value.items()) + "}"
    if isinstance(value, (list, tuple)):
        return f"{type(value).__name__}({', '.join(map(_shown, value))})"
    if isinstance(value, (float, np.floating)):
        return f"{type(value).__name__} {float(value).hex()}"
    return f"{type(value).__name__} {value!r}"


@dataclass
class Outcome:
    """What a function made of a search."""

    returned: str = ""
    raised: str = ""
    seen: str = ""
    documents: str = ""
    losses: str = ""
    evaluated: str = ""
    attachments: str = ""
    n_seen: int = 0


def run(function: Any, kind: Any, search: Search) -> Outcome:
    """Call fmin and keep all that it did.

    Args:
        function: hyperopt's fmin, or ours.
        kind: The class of its Trials.
        search: What to do.
    """
    seen: list[str] = []
    trials = kind()
    if search.points is not None:
        generated = generate_trials_to_calculate(search.points)
        trials.insert_trial_docs(generated._dynamic_trials)
    rstate = np.random.default_rng(search.seed)
    outcome = Outcome()
    logging.disable(logging.CRITICAL)
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        try:
            arguments = {"verbose": False, **search.arguments}
            fn = objective(search.losses, seen)
            call = functools.partial(
                function, fn, search.space, algo=search.algo, rstate=rstate, trials=trials
            )
            if search.first_evals is not None:
                call(**{**arguments, "max_evals": search.first_evals})
            best = call(**arguments)
            outcome.returned = _shown(best)
            if search.arguments.get("return_argmin", True):
                evaluated = hyperopt.space_eval(search.space, best)
                outcome.evaluated = _shown(evaluated)
        except Exception as exc:
            outcome.raised = f"{type(exc).__name__}: {exc}"
        finally:
            logging.disable(logging.NOTSET)
    outcome.n_seen, outcome.seen = len(seen), "\n".join(seen)
    outcome.documents = "\n".join(map(_document, trials._dynamic_trials))
    outcome.losses = _shown(list(trials.losses()))
    outcome.attachments = repr(sorted(map(str, trials.attachments)))
    return outcome


def _document(document: dict[str, Any]) -> str:
    kept = {k: v for k, v in document.items() if k not in ("book_time", "refresh_time", "misc")}
    misc = {k: v for k, v in document["misc"].items() if k not in ("traceback", "error")}
    error = document["misc"].get("error")
    return f"{_shown(kept)} {_shown(misc)} {type(error).__name__ if error is None else error[0]}"


def compare(search: Search) -> tuple[str, Outcome, Outcome]:
    """Return how far the two agree: ``same`` or what differs; and both outcomes.

    ``earlier`` means that hyperopt raises too, and that ours does so before the first trial;
    ``goes on`` that hyperopt's own ``no_progress_loss`` ended its search with a KeyError, at a
    trial without a loss, and that ours did the same up to there.
    """
    theirs = run(originals.fmin, hyperopt.Trials, search)
    ours = run(fmin, Trials, search)
    if theirs == ours:
        return "same", theirs, ours
    if theirs.raised and ours.raised:
        if not ours.n_seen:
            return "earlier", theirs, ours
        same = (theirs.seen, theirs.documents) == (ours.seen, ours.documents)
        return "text" if same else "raised", theirs, ours
    if theirs.raised == "KeyError: 'loss'" and "early_stop_fn" in search.arguments:
        begins = ours.seen.startswith(theirs.seen) and ours.documents.startswith(theirs.documents)
        return "goes on" if begins else "raised", theirs, ours
    for name in ("raised", "seen", "documents", "returned", "losses", "evaluated", "attachments"):
        if getattr(theirs, name) != getattr(ours, name):
            return name, theirs, ours
    raise AssertionError
