"""Ways in which people write searches: each program checks itself, before and after.

A program says with asserts what it relies on; it runs with hyperopt as it is, and what is made of
it runs where hyperopt is missing.
"""

from __future__ import annotations

import contextlib
import io
import re
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest

from hyperbridge.migrate.planning import FilePlan, plan_sources
from hyperbridge.migrate.sources import source_of

HEAD = "from hyperopt import *\nfrom hyperopt.pyll import scope\n"

ONE_FILE = {
    "rows of names and distributions": """
        ROWS = [("x", hp.uniform, (0, 1)), ("n", hp.quniform, (1, 5, 1)),
                ("k", hp.choice, (["a", "b"],))]
        space = {}
        for name, fn, args in ROWS:
            space[name] = fn(name, *args)
        best = fmin(lambda p: p["x"] + p["n"], space, max_evals=4)
        assert set(best) == {"x", "n", "k"} and best["n"] in (1, 2, 3, 4, 5)
        two = 3
        """,
    "a dict of distributions that grows": """
        import hyperopt as ho
        from hyperopt import hp as H
        DIST = dict(u=H.uniform, l=ho.hp.loguniform)
        DIST["n"] = hp.normal

        def make(spec):
            return {k: DIST[kind](k, lo, hi) for k, (kind, lo, hi) in spec.items()}

        spec = {"a": ("u", 2, 3), "b": ("l", 0, 1), "c": ("n", 0, 1)}
        best = fmin(lambda p: p["a"], make(spec), max_evals=4)
        assert set(best) == set("abc") and 2 <= best["a"] <= 3 and 1 <= best["b"] <= 2.8
        """,
    "options come from functions and tables": """
        MODELS = {"a": {"x": hp.uniform("x", 0, 1)}, "b": {"y": hp.uniform("y", 0, 1)}}
        PLAIN = {"r": 1, "s": 2}

        def options():
            return [{"o": hp.uniform("o", 0, 1)}, {"t": 1}]

        def plain():
            return ["u", "v"]

        def run(space):
            best = fmin(lambda p: 0.0 if p else 1.0, space, algo=tpe.suggest, max_evals=8)
            point = space_eval(space, best)
            assert not any(map(callable, [point, *point.values()]))
            return set(best), point

        keys, point = run(hp.choice("m", list(MODELS.values())))
        assert keys in ({"m", "x"}, {"m", "y"}), keys
        keys, point = run({"w": hp.choice("k", options())})
        assert keys in ({"k", "o"}, {"k"}) and point["w"] in ({"t": 1},) or "o" in point["w"]
        keys, point = run({"w": hp.choice("j", [m for m in MODELS.values()])})
        assert len(keys) == 2
        keys, point = run({"w": hp.choice("i", [{"name": n, **m} for n, m in MODELS.items()])})
        assert len(keys) == 2 and point["w"]["name"] in "ab"
        keys, point = run({"w": hp.choice("h", list(PLAIN)), "z": hp.choice("g", plain()),
                           "q": hp.choice("f", sorted(PLAIN.values()))})
        assert keys == {"h", "g", "f"} and point["z"] in "uv" and point["q"] in (1, 2)
        keys, point = run({"w": hp.choice("e", [MODELS[k] for k in ("b", "a")])})
        assert len(keys) == 2
        keys, point = run({"w": hp.choice("d", options() + [{"more": hp.uniform("more", 0, 1)}])})
        assert len(keys) <= 2
        keys, point = run({"w": hp.choice("c", [*options(), None])})
        assert len(keys) <= 2
        keys, point = run({"w": hp.pchoice("b", [(0.5, MODELS["a"]), (0.5, "n")])})
        assert len(keys) <= 2
        """,
    "spaces come out of functions, lists and tables": """
        import copy
        from copy import deepcopy
        from functools import partial, lru_cache

        BASE = {"b": hp.uniform("b", 0, 1)}

        def run(space):
            best = fmin(lambda p: 0.0, space, algo=tpe.suggest, max_evals=6)
            return sorted(best)

        def only(kind):
            return {"x": hp.uniform("x", 0, 1)} if kind == "a" else None

        def by_match(kind):
            match kind:
                case "a":
                    return {"m": hp.uniform("m", 0, 1)}
                case _:
                    return BASE

        def early(kind):
            if kind == "base":
                return BASE
            if kind == "more":
                return {**BASE, "c": hp.uniform("c", 0, 1)}
            return {"x": hp.uniform("x", 0, 1)}

        def spaces():
            return {"s1": {"p": hp.uniform("p", 0, 1)}, "s2": BASE}

        def sized(n):
            return {f"v{i}": hp.uniform(f"v{i}", 0, 1) for i in range(n)}, n

        def options():
            return [{"o": hp.uniform("o", 0, 1)}, {"t": 1}]

        assert run(only("a")) == ["x"]
        assert run(by_match("a")) == ["m"] and run(by_match("z")) == ["b"]
        assert [run(early(k)) for k in ("base", "more", "x")] == [["b"], ["b", "c"], ["x"]]
        assert run(spaces()["s1"]) == ["p"]
        assert [run(s) for n, s in spaces().items()] == [["p"], ["b"]]
        space, n = sized(2)
        assert run(space) == ["v0", "v1"] and n == 2
        many = []
        many.append({"l": hp.uniform("l", 0, 1)})
        many.append(BASE)
        assert [run(s) for s in many] == [["l"], ["b"]]
        table = {k: early(k) for k in ("base", "more")}
        assert {k: run(s) for k, s in table.items()} == {"base": ["b"], "more": ["b", "c"]}
        mine = deepcopy(BASE)
        mine["n"] = hp.uniform("n", 0, 1)
        assert run(mine) == ["b", "n"] and run(BASE) == ["b"]

        def merged(extra, **more):
            return dict(BASE, **extra, **more)

        assert run(merged({"e": hp.uniform("e", 0, 1)}, f=hp.uniform("f", 0, 1))) == ["b", "e", "f"]
        both = hp.choice("k", options())
        assert "k" in run({"w": both})
        """,
    "spaces are made for each kind": """
        import numpy as np

        def nest(prefix, space):
            return {f"{prefix}.{k}": v for k, v in space.items()}

        def get_space(kind, deep=False):
            space = {"lr": hp.loguniform("lr", -5, 0)}
            if kind == "adam":
                space.update({"b1": hp.uniform("b1", 0.8, 0.99)})
            elif kind == "sgd":
                space["mom"] = hp.uniform("mom", 0, 1)
                if deep:
                    space["nest"] = {"a": hp.uniform("a", 0, 1)}
            else:
                raise KeyError(kind)
            return space

        SPACES = {kind: get_space(kind) for kind in ("adam", "sgd")}

        def objective_for(kind):
            def objective(p):
                assert ("b1" in p) == (kind == "adam")
                return p["lr"]

            return objective

        res = {}
        for kind, space in SPACES.items():
            res[kind] = sorted(fmin(objective_for(kind), space, algo=tpe.suggest, max_evals=3))
        assert res == {"adam": ["b1", "lr"], "sgd": ["lr", "mom"]}
        best = fmin(lambda p: p["lr"], get_space("sgd", deep=True), max_evals=3)
        assert sorted(best) == ["a", "lr", "mom"]
        best = fmin(lambda p: p["opt.lr"], nest("opt", get_space("adam")), max_evals=3)
        assert sorted(best) == ["b1", "lr"]
        kinds = [{"kind": k, "params": get_space(k)} for k in ("adam",)]
        top = {"which": hp.choice("which", kinds + [{"kind": "none"}])}
        rng = np.random.default_rng(0)
        best = fmin(lambda p: 0.0, top, algo=rand.suggest, max_evals=10, rstate=rng)
        assert ("lr" in best) == (best["which"] == 0)
        pair = {k: hp.choice(k, v) for k, v in {"act": ["relu", "tanh"], "n": [1, 2, 3]}.items()}
        best = fmin(lambda p: p["n"], pair, max_evals=3)
        assert {"act", "n"} == set(best)
        whole = (hp.uniform("x", 0, 1), {"y": hp.uniform("y", 0, 1)})
        best = fmin(lambda a: a[0] + a[1]["y"], whole, max_evals=3)
        assert set(best) == {"x", "y"}
        """,
    "a space that may be given, or is written out": """
        BASE = {"b": hp.uniform("b", 0, 1)}

        def a(space=None):
            space = space or {"x": hp.uniform("x", 0, 1)}
            return fmin(lambda p: sum(p.values()), space, algo=tpe.suggest, max_evals=3)

        def b(space=None):
            space = {"x": hp.uniform("x", 0, 1)} if space is None else space
            return fmin(lambda p: sum(p.values()), space, algo=tpe.suggest, max_evals=3)

        def c(given=None):
            space = given if given is not None else {"x": hp.uniform("x", 0, 1)}
            return fmin(lambda p: sum(p.values()), space, algo=tpe.suggest, max_evals=3)

        def d(given=None):
            return fmin(lambda p: len(p), given or {"x": hp.uniform("x", 0, 1)}, max_evals=3)

        def e(given=None):
            def build():
                return given if given else {"x": hp.uniform("x", 0, 1)}

            return fmin(lambda p: sum(p.values()), build(), algo=tpe.suggest, max_evals=3)

        class T:
            def __init__(self, space=None, extra=None):
                self.space = space or self.default_space()
                self.extra = extra if extra is not None else {"e": hp.uniform("e", 0, 1)}

            def default_space(self):
                return {"x": hp.uniform("x", 0, 1)}

            def run(self):
                return fmin(lambda p: sum(p.values()), {**self.space, **self.extra}, max_evals=3)

        for f in (a, b, c, d, e):
            assert list(f()) == ["x"], f
            assert list(f(BASE)) == ["b"], f
            assert list(f({"c": hp.uniform("c", 0, 1)})) == ["c"], f
        assert sorted(T().run()) == ["e", "x"]
        assert sorted(T(BASE, {"g": hp.uniform("g", 0, 1)}).run()) == ["b", "g"]
        """,
    "a part of a space is handed to what asks for it in a branch": """
        def conditional(x, options):
            return hp.choice(x + "_on", [{"on": False}, {"on": True, **options}])

        def switch(label, part, *, other):
            return hp.choice(label, [other, part, "none"])

        def reg(prefix=""):
            return {
                "l1": conditional(prefix + "l1", {"v": hp.loguniform(prefix + "l1_v", -7, 0)}),
                "l2": conditional(prefix + "l2", options={"v": hp.uniform(prefix + "l2_v", 0, 1)}),
            }

        WIDTH = hp.uniform("width", 2, 3)
        space = {"enc": reg("enc_"), "dec": reg("dec_")}
        space["s"] = switch("s", hp.uniform("part", 0, 1), other=WIDTH)

        def objective(p):
            total = 0
            for part in ("enc", "dec"):
                for k in ("l1", "l2"):
                    r = p[part][k]
                    assert r["on"] == ("v" in r)
                    total += r.get("v", 0.01)
            return total + (0 if p["s"] == "none" else p["s"])

        best = fmin(objective, space, algo=tpe.suggest, max_evals=20)
        for k in ("enc_l1", "enc_l2", "dec_l1", "dec_l2"):
            assert (best[k + "_on"] == 1) == (k + "_v" in best)
        assert ("width" in best) == (best["s"] == 0) and ("part" in best) == (best["s"] == 1)
        assert space_eval(space, best)["enc"]["l1"]["on"] == bool(best["enc_l1_on"])
        """,
    "functions in tables build spaces": """
        BASE = {"seed": 1, "lr": hp.uniform("lr", 0, 1)}

        def small():
            return {"x": hp.uniform("x", 0, 1)}

        def large(n=2):
            space = {"x": hp.uniform("x", 0, n), "y": hp.uniform("y", 2, 3)}
            return space

        def pair():
            space = {"p": hp.uniform("p", 0, 1)}
            return space, lambda p: p["p"]

        def other():
            return {"q": hp.uniform("q", 0, 1)}, lambda p: -p["q"]

        SPACES = {"small": small, "large": large, "base": lambda: BASE}
        for name, labels in (("small", "x"), ("large", "xy"), ("base", ["lr"])):
            space = SPACES[name]()
            best = fmin(lambda p: sum(p.values()), space, algo=tpe.suggest, max_evals=3)
            assert sorted(best) == list(labels), best
            best = fmin(lambda p: sum(p.values()), SPACES.get(name, small)(), max_evals=3)
            assert sorted(best) == list(labels), best
        for name, build in SPACES.items():
            trials = Trials()
            best = fmin(lambda p: sum(p.values()), build(), max_evals=3, trials=trials)
            assert len(trials) == 3
        found = {}
        for name, make in {"a": pair, "b": other}.items():
            part, loss = make()
            found[name] = fmin(loss, part, algo=tpe.suggest, max_evals=3)
        assert {k: list(v) for k, v in found.items()} == {"a": ["p"], "b": ["q"]}
        chosen = small if len(found) == 3 else large
        best = fmin(lambda p: sum(p.values()), chosen(), algo=tpe.suggest, max_evals=3)
        assert sorted(best) == ["x", "y"]
        whole = {"in": SPACES["large"](), "k": hp.choice("k", [{"z": 1}, SPACES["base"]()])}
        best = fmin(lambda p: p["in"]["x"], whole, algo=tpe.suggest, max_evals=10)
        assert {"x", "y", "k"} <= set(best) and ("lr" in best) == (best["k"] == 1)
        """,
    "methods of one name build spaces or hand them on": """
        FIXED = {"x": hp.uniform("x", 0, 1)}

        class A:
            def get_space(self):
                return FIXED

        class B:
            def get_space(self):
                return {"y": hp.uniform("y", 2, 3)}

        class C(B):
            def get_space(self):
                return {**super().get_space(), "z": hp.uniform("z", 4, 5)}

        class D:
            def __init__(self):
                self._space = {"w": hp.uniform("w", 6, 7)}

            def get_space(self):
                return self._space

        for cls, labels in ((A, "x"), (B, "y"), (C, "yz"), (D, "w")):
            space = cls().get_space()
            best = fmin(lambda p: sum(p.values()), space, algo=tpe.suggest, max_evals=3)
            assert sorted(best) == list(labels), best
            assert space_eval(cls().get_space(), best) == best
        """,
    "options are made of the spaces of a table": """
        MODELS = {
            "lasso": {"alpha": hp.loguniform("lasso_alpha", -4, 1)},
            "svr": {"C": hp.loguniform("svr_C", -2, 2), "eps": hp.uniform("svr_eps", 0, 0.5)},
            "mean": {},
        }
        PARTS = [hp.uniform("a", 0, 1), hp.uniform("b", 2, 3)]
        options = [{"name": name, "params": params} for name, params in MODELS.items()]
        space = {"m": hp.choice("model", options)}
        space["n"] = hp.choice("n", [(i, part) for i, part in enumerate(PARTS)])
        names = list(MODELS)

        def objective(p):
            cfg = p["m"]
            return sum(cfg["params"].values()) + len(cfg["name"]) + p["n"][1]

        trials = Trials()
        best = fmin(objective, space, algo=tpe.suggest, max_evals=30, trials=trials)
        point = space_eval(space, best)
        assert names[best["model"]] == point["m"]["name"]
        asked = {f"{point['m']['name']}_{k}" for k in point["m"]["params"]}
        assert set(best) - {"model", "n", "a", "b"} == asked
        assert ("a" in best) == (best["n"] == 0)
        """,
    "distributions are chosen as the program runs": """
        import json

        KINDS = {"float": hp.uniform, "int": hp.quniform, "below": hp.randint}
        SPEC = {"a": {"kind": "uniform", "args": [2, 3]},
                "b": {"kind": "loguniform", "args": [0, 1]},
                "c": {"kind": "choice", "args": [["u", "v"]]}}
        WORDS = json.loads('{"d": ["qnormal", 0, 3, 2], "e": ["randint", 4],'
                           ' "f": ["randint", 5, 7]}')

        def make(label, kind, *args):
            return KINDS[kind](label, *args)

        class Maker:
            TABLE = {"q": hp.quniform, "u": hp.uniform}
            def __init__(self):
                self.by = {"n": hp.normal}
            def of(self, label, kind, *args):
                mine = self.by[kind] if kind == "n" else self.TABLE[kind]
                return mine(label, *args)

        def build(words):
            space = {name: getattr(hp, s["kind"])(name, *s["args"]) for name, s in SPEC.items()}
            for name, (kind, *args) in words.items():
                distribution = getattr(hp, kind)
                space[name] = distribution(name, *args)
            space["g"] = make("g", "float", 5, 6)
            space["h"] = (hp.uniform if words else hp.normal)("h", 8, 9)
            space["i"] = KINDS.get("int", hp.uniform)("i", 0, 8, 4)
            maker = Maker()
            space["j"] = maker.of("j", "q", 2, 4, 2)
            return space

        def check(p):
            assert 2 <= p["a"] <= 3 and 1 <= p["b"] <= 2.72 and p["c"] in "uv" and p["d"] % 2 == 0
            assert p["e"] in range(4) and p["f"] in (5, 6) and 5 <= p["g"] <= 6 and 8 <= p["h"] <= 9
            assert p["i"] in (0, 4, 8) and p["j"] in (2, 4)
            return p["a"]

        dist = hp.loguniform if len(WORDS) > 5 else hp.uniform
        best = fmin(check, build(WORDS), algo=tpe.suggest, max_evals=20)
        assert sorted(best) == list("abcdefghij"), best
        best = fmin(lambda p: p, dist("x", 3, 4), algo=tpe.suggest, max_evals=3)
        assert 3 <= best["x"] <= 4
        """,
    "spaces are handed on, chosen and put into others": """
        SPACES = {"a": {"x": hp.uniform("x", 0, 1)}, "b": {"y": hp.uniform("y", 2, 3)}}
        DEFAULT = {"w": hp.uniform("w", 4, 5)}

        def get(kind):
            return SPACES[kind]

        def same(part):
            return part

        def maybe(kind, other=None):
            return other or SPACES.get(kind, DEFAULT)

        class Config:
            def __init__(self, kind):
                self.kind = kind
                self.inner = {"v": hp.uniform("v", 6, 7)}

            def part(self):
                return self.inner

            def choose(self, flag):
                return self.inner if flag else {"u": hp.uniform("u", 8, 9)}

        def whole(kind):
            space = {"sub": get(kind), "z": same(hp.uniform("z", 0, 1)), "m": maybe("c")}
            space["n"] = maybe("a")
            space["p"] = Config(kind).part()
            space["q"] = Config(kind).choose(False)
            space["k"] = hp.choice("k", [get("b"), {"t": 1}])
            return space

        def flat(p):
            return sum(flat(v) if isinstance(v, dict) else v for v in p.values())

        for kind in "ab":
            best = fmin(flat, whole(kind), algo=tpe.suggest, max_evals=8)
            assert set(best) >= ({"x", "z", "w", "v", "u", "k"}), best
            best = fmin(flat, maybe("d"), algo=tpe.suggest, max_evals=3)
            assert list(best) == ["w"]
            best = fmin(flat, Config("a").choose(kind == "a"), algo=tpe.suggest, max_evals=3)
            assert list(best) == (["v"] if kind == "a" else ["u"])
            chosen = {"g": hp.uniform("g", 0, 1)} if kind == "a" else DEFAULT
            best = fmin(flat, chosen, algo=tpe.suggest, max_evals=3)
            assert list(best) == (["g"] if kind == "a" else ["w"])
            best = fmin(flat, {"g": hp.uniform("g", 0, 1)} if kind == "a" else DEFAULT, max_evals=3)
            assert list(best) == (["g"] if kind == "a" else ["w"])
        """,
    "a conditional expression chooses what is written out": """
        def pick(kind):
            return {"x": hp.uniform("x", 0, 1)} if kind == "a" else {"y": hp.uniform("y", 0, 1)}

        def part(kind):
            return hp.uniform("p", 0, 1) if kind == "a" else hp.uniform("q", 2, 3)

        def whole(kind):
            space = {"z": hp.uniform("z", 0, 1), "p": part(kind)}
            space["r"] = part("b") if kind == "a" else 1
            return space

        for kind in "ab":
            best = fmin(lambda p: sum(p.values()), pick(kind), algo=tpe.suggest, max_evals=3)
            assert len(best) == 1
            best = fmin(lambda p: sum(p.values()), whole(kind), algo=tpe.suggest, max_evals=3)
            assert sorted(best) == (["p", "q", "z"] if kind == "a" else ["q", "z"])
        """,
    "a lambda is called where it stands": """
        make = lambda label, n: hp.uniform(label, 0, n)
        space = {"x": (lambda n: hp.uniform("x", 1, n))(3), "y": make("y", *[4])}
        space["z"] = (lambda f: f("z", 5, 6))(hp.uniform)
        best = fmin(lambda p: p["x"], space, algo=tpe.suggest, max_evals=3)
        assert 1 <= best["x"] <= 3 and 0 <= best["y"] <= 4 and 5 <= best["z"] <= 6
        best = fmin(lambda p: p["w"], (lambda n: {"w": hp.uniform("w", 0, n)})(3), max_evals=3)
        assert list(best) == ["w"]
        """,
    "a builder is called where a space is handed on": """
        def small():
            return {"x": hp.uniform("x", 0, 1)}

        def large(n):
            return {"x": hp.uniform("x", 0, n), "y": hp.uniform("y", 0, 1)}

        def search(space):
            trials = Trials()
            best = fmin(lambda p: p["x"], space, algo=tpe.suggest, max_evals=3, trials=trials)
            point = space_eval(space, best)
            assert point["x"] == min(trials.losses())
            return sorted(point)

        assert search(small()) == ["x"] and search(space=large(n=2)) == ["x", "y"]
        for given, labels in ((small(), ["x"]), (large(3), ["x", "y"])):
            assert search(given) == labels
        spaces = {"s": small(), "l": large(4)}
        assert [search(spaces[k]) for k in "sl"] == [["x"], ["x", "y"]]
        """,
    "which builder is decided where the space is named": """
        def small():
            return {"x": hp.uniform("x", 0, 1)}

        def large():
            return {"x": hp.uniform("x", 5, 6)}

        is_quick = False
        space = small() if is_quick else large()
        best = fmin(lambda p: p["x"], space, algo=tpe.suggest, max_evals=3)
        assert 5 <= best["x"] <= 6 and space_eval(space, best) == best
        """,
    "a function picks one of some spaces": """
        def pick(kind):
            known = {"a": {"x": hp.uniform("x", 0, 1)}, "b": {"y": hp.quniform("y", 1, 3, 1)}}
            return known[kind]

        for kind in "ab":
            best = fmin(lambda p: sum(p.values()), pick(kind), algo=tpe.suggest, max_evals=3)
            assert space_eval(pick(kind), best) == best
        """,
    "Trials in objects": """
        class Objective:
            def __init__(self, trials, total):
                self.trials, self.total = trials, total

            def __call__(self, p):
                known = [x for x in self.trials.losses() if x is not None]
                assert len(known) < self.total
                return {"loss": p["x"], "status": STATUS_OK}

        trials = Trials()
        best = fmin(Objective(trials, 4), {"x": hp.uniform("x", 0, 1)}, algo=tpe.suggest,
                    max_evals=4, trials=trials)
        assert best["x"] == min(trials.losses())
        """,
    "an object that is called searches": """
        class Search:
            def __init__(self, low):
                self.space = {"x": hp.uniform("x", low, low + 1)}

            def __call__(self, n):
                trials = Trials()
                return fmin(lambda p: p["x"], self.space, algo=tpe.suggest, max_evals=n,
                            trials=trials), trials

        search = Search(2)
        best, trials = search(4)
        assert best["x"] == min(trials.losses()) and len(trials) == 4
        """,
    "an object that stops a search": """
        class Patience:
            def __init__(self, n):
                self.n = n

            def __call__(self, trials, best=None, since=0):
                loss = trials.trials[-1]["result"]["loss"]
                if best is None or loss < best:
                    return False, [loss, 0]
                return since + 1 >= self.n, [best, since + 1]

        trials = Trials()
        fmin(lambda p: p["x"], {"x": hp.uniform("x", 0, 1)}, algo=rand.suggest, max_evals=40,
             trials=trials, early_stop_fn=Patience(3))
        losses = trials.losses()
        assert len(losses) < 40 and len(losses) - 1 - losses.index(min(losses)) == 3
        """,
    "a dataclass holds the Trials": """
        from dataclasses import dataclass

        @dataclass
        class Outcome:
            best: dict
            history: Trials

        def run():
            trials = Trials()
            best = fmin(lambda p: p["x"], {"x": hp.uniform("x", 0, 1)}, algo=tpe.suggest,
                        max_evals=3, trials=trials)
            return Outcome(best, history=trials)

        out = run()
        assert len(out.history.losses()) == 3 and out.history.argmin == out.best
        assert isinstance(out.history, Trials)
        """,
    "algorithms as values": """
        from functools import partial

        ALGOS = {"tpe": tpe.suggest, "quick": partial(tpe.suggest, n_startup_jobs=2),
                 "rand": rand.suggest}

        def search(algo=tpe.suggest, seed=None):
            return fmin(lambda p: p["x"], {"x": hp.uniform("x", 0, 1)}, algo=algo, max_evals=4)

        for name in ALGOS:
            best = fmin(lambda p: p["x"], {"x": hp.uniform("x", 0, 1)}, algo=ALGOS[name],
                        max_evals=4)
            assert 0 <= best["x"] <= 1 and 0 <= search(ALGOS[name])["x"] <= 1
        algo, n = tpe.suggest, 3
        assert 0 <= fmin(lambda x: x, hp.uniform("x", 0, 1), algo=algo, max_evals=n)["x"] <= 1
        """,
    "options in a dict in a dict": """
        config = dict(search=dict(max_evals=4, algo=tpe.suggest),
                      space=dict(x=hp.quniform("x", 0, 4, 2), tags=["a", "b"]))
        trials = Trials()
        best = fmin(lambda p: p["x"], config["space"], trials=trials, **config["search"])
        assert len(trials) == 4 and space_eval(config["space"], best)["tags"] == ("a", "b")
        """,
    "options that only say what is shown": """
        def search(space, n=3, **more):
            trials = Trials()
            return fmin(lambda p: p["x"], space, tpe.suggest, n, trials=trials, **more), trials

        best, trials = search({"x": hp.uniform("x", 0, 1)}, show_progressbar=False, verbose=False)
        assert best["x"] == min(trials.losses())
        """,
    "annotations": """
        from typing import Any, Dict, NamedTuple, Optional
        from hyperopt.pyll.base import Apply

        class Found(NamedTuple):
            trials: Trials
            params: Dict[str, Any]

        def define() -> Dict[str, Apply]:
            return {"x": hp.uniform("x", 0, 1)}

        def search(space: Dict[str, Apply], history: Optional[Trials] = None) -> Found:
            trials: Trials = Trials()
            best = fmin(lambda p: p["x"], space, algo=tpe.suggest, max_evals=3, trials=trials)
            return Found(trials, best)

        found = search(define())
        assert found.params["x"] == min(found.trials.losses())
        """,
    "functions of the program's own in scope": """
        @scope.define
        def clip(x, low, high):
            return min(max(x, low), high)

        space = {"c": scope.clip(hp.normal("c", 0, 9), -1, 1),
                 "m": scope.maximum(0.5, hp.uniform("m", 0, 1)),
                 "n": scope.minimum(0.5, hp.uniform("n", 0, 1))}

        def objective(p):
            assert -1 <= p["c"] <= 1 and p["m"] >= 0.5 >= p["n"]
            return p["c"]

        best = fmin(objective, space, algo=tpe.suggest, max_evals=8)
        objective(space_eval(space, best))
        """,
    "a list that is built becomes a tuple": """
        space = {"units": [hp.uniform(f"u{i}", i, i + 1) for i in range(3)]}

        def objective(p):
            assert isinstance(p["units"], tuple) and len(p["units"]) == 3
            return sum(p["units"])

        best = fmin(objective, space, algo=tpe.suggest, max_evals=3)
        whole = [hp.uniform(f"v{i}", 0, 1) for i in range(2)]
        point = fmin(sum, whole, algo=tpe.suggest, max_evals=3, return_argmin=False)
        assert isinstance(point, tuple)
        """,
    "a generator that may be missing": """
        import numpy as np

        def search(seed=None, rstate=None):
            space = {"x": hp.uniform("x", 0, 1)}
            a = fmin(lambda p: p["x"], space, algo=tpe.suggest, max_evals=3,
                     rstate=np.random.default_rng(seed) if seed is not None else None)
            b = fmin(lambda p: p["x"], space, algo=tpe.suggest, max_evals=3, rstate=rstate)
            return a["x"] + b["x"]

        assert 0 <= search() <= 2 and 0 <= search(3, np.random.default_rng(4)) <= 2
        """,
    "all trials fail, and the result is dropped": """
        from hyperopt.exceptions import AllTrialsFailed

        caught = False
        trials = Trials()
        try:
            fmin(lambda p: {"status": STATUS_FAIL}, {"x": hp.uniform("x", 0, 1)},
                 algo=tpe.suggest, max_evals=3, trials=trials)
        except AllTrialsFailed:
            caught = True
        assert caught
        """,
    "Trials are read from a file again": """
        import io
        import pickle

        trials = Trials()
        best = fmin(lambda p: p["x"], {"x": hp.uniform("x", 0, 1)}, algo=tpe.suggest,
                    max_evals=3, trials=trials)
        loaded = pickle.loads(pickle.dumps(trials))
        assert loaded.argmin == best and loaded.best_trial["result"]["loss"] == best["x"]
        assert len(loaded.losses()) == len(loaded.trials) == 3
        """,
    "a seed that a local variable holds": """
        import numpy as np

        def search():
            seed = 3
            algo = tpe.suggest
            trials = Trials()
            best = fmin(lambda p: p["x"], {"x": hp.uniform("x", 0, 1)}, algo=algo, max_evals=3,
                        trials=trials, rstate=np.random.default_rng(seed))
            return best, trials

        best, trials = search()
        assert best["x"] == min(trials.losses())
        """,
    "tabs": """
        class Search:
        \tdef __init__(self, low):
        \t\tself.space = {
        \t\t\t'x': hp.uniform('x', low, low + 1),
        \t\t}
        \t\tself.text = '''
        \tnot code'''

        \tdef run(self):
        \t\ttrials = Trials()
        \t\treturn fmin(lambda p: p['x'], self.space, algo=tpe.suggest, max_evals=3,
        \t\t\t    trials=trials), trials

        search = Search(1)
        best, trials = search.run()
        assert best['x'] == min(trials.losses()) and search.text == chr(10) + chr(9) + 'not code'
        """,
}

SEVERAL_FILES = {
    "a package hands on what is hyperopt's": {
        "main.py": """
            import numpy as np
            from tuning.compat import STATUS_OK, fmin, hp, tpe
            from tuning import compat

            space = {"x": hp.uniform("x", 0, 1), "k": compat.hp.choice("k", ["a", "b"])}
            trials = compat.Trials()
            best = fmin(lambda p: {"loss": p["x"], "status": STATUS_OK}, space, algo=tpe.suggest,
                        max_evals=4, trials=trials, rstate=np.random.default_rng(0))
            assert compat.space_eval(space, best)["k"] in "ab" and len(trials.trials) == 4
            """,
        "tuning/__init__.py": "",
        "tuning/compat.py": """
            import math

            from hyperopt import STATUS_OK, Trials, fmin, hp, space_eval, tpe

            PI = math.pi
            """,
    },
    "a package shows what its modules make": {
        "main.py": """
            from tuning import LINEAR, tree
            from tuning.search import run

            for space, labels in ((tree("t"), ["depth", "leaf"]), (LINEAR, ["C"])):
                point, trials = run(space)
                assert sorted(point) == labels
                assert len(trials) == 3 and min(trials.losses()) == sum(point.values())
            """,
        "tuning/__init__.py": """
            from .spaces import LINEAR, tree

            __all__ = ["LINEAR", "tree"]
            """,
        "tuning/options.py": "DEPTHS = [1, 2]\n",
        "tuning/spaces.py": """
            from hyperopt import hp
            from .options import DEPTHS

            LINEAR = {"C": hp.loguniform("C", -3, 3)}

            def tree(prefix):
                return {"depth": hp.choice(prefix + "_depth", DEPTHS),
                        "leaf": hp.quniform(prefix + "_leaf", 1, 9, 2)}
            """,
        "tuning/search.py": """
            from hyperopt import Trials, fmin, space_eval
            from hyperopt import tpe as algorithms

            def run(space):
                trials = Trials()
                best = fmin(lambda p: sum(p.values()), space, algo=algorithms.suggest,
                            max_evals=3, trials=trials)
                return space_eval(space, best), trials
            """,
    },
}


@contextlib.contextmanager
def without_hyperopt(*, blocked: bool) -> Iterator[None]:
    """Have imports of hyperopt fail, as where it is not installed."""
    kept = {n: m for n, m in sys.modules.items() if n.partition(".")[0] == "hyperopt"}
    if blocked:
        for name in kept:
            del sys.modules[name]
        sys.modules["hyperopt"] = None  # type: ignore[assignment]  # what makes an import fail
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            yield
    finally:
        if blocked:
            del sys.modules["hyperopt"]
            sys.modules.update(kept)


def run(folder: Path, files: dict[str, str], *, blocked: bool) -> None:
    optuna = pytest.importorskip("optuna")
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    tops = {name.partition("/")[0].removesuffix(".py") for name in files}
    sys.path.insert(0, str(folder))
    try:
        with without_hyperopt(blocked=blocked):
            text = files["main.py"]
            exec(compile(text, str(folder / "main.py"), "exec"), {"__name__": "__main__"})
    finally:
        sys.path.remove(str(folder))
        for name in [n for n in sys.modules if n.partition(".")[0] in tops]:
            del sys.modules[name]


def migrated(folder: Path, files: dict[str, str]) -> dict[str, FilePlan]:
    sources = [source_of(folder / name, text.encode()) for name, text in files.items()]
    return dict(zip(files, plan_sources(sources), strict=True))


@pytest.mark.parametrize("case", [*ONE_FILE, *SEVERAL_FILES])
def test_a_program_means_the_same(case: str, tmp_path: Path) -> None:
    if case in ONE_FILE:
        files = {"main.py": HEAD + textwrap.dedent(ONE_FILE[case])}
    else:
        files = {name: textwrap.dedent(text) for name, text in SEVERAL_FILES[case].items()}
    run(tmp_path / "old", files, blocked=False)

    plans = migrated(tmp_path / "new", files)
    to_do = [n for plan in plans.values() for n in plan.notes if n.needs_person]
    assert not to_do
    texts = {name: plan.new_text for name, plan in plans.items()}
    run(tmp_path / "new", texts, blocked=True)

    again = migrated(tmp_path / "new", texts)
    assert not any(plan.is_changed for plan in again.values())


def test_a_file_with_tabs_has_no_spaces_in_front_afterwards() -> None:
    files = {"main.py": HEAD + textwrap.dedent(ONE_FILE["tabs"])}
    text = migrated(Path(), files)["main.py"].new_text
    code = text[text.index("class Search") :]
    assert not [line for line in code.split("\n") if line.startswith(" ")]


TAKEN_OUT = """
from copy import deepcopy
base = {"lr": hp.uniform("lr", 0, 1), "l2": hp.uniform("l2", 0, 1), "name": "net"}
CHANGE
best = fmin(lambda p: p["lr"], space, algo=tpe.suggest, max_evals=3)
"""


@pytest.mark.parametrize(
    ("change", "is_left"),
    [
        ("space = deepcopy(base)\nspace.pop('l2')", True),
        ("space = dict(base)\ndel space['l2']", True),
        ("space = {k: v for k, v in base.items() if k != 'l2'}", True),
        ("space = deepcopy(base)\nspace.pop('name')", False),
        ("space = {**base, 'name': 'other'}", False),
    ],
)
def test_a_parameter_that_is_taken_out_again_is_named(change: str, is_left: bool) -> None:
    """The study would have it, and fmin's result with it."""
    plan = migrated(Path(), {"main.py": HEAD + TAKEN_OUT.replace("CHANGE", change)})["main.py"]
    to_do = [note for note in plan.notes if note.needs_person]
    assert bool(to_do) is is_left
    assert all("taken out" in note.text for note in to_do)


@pytest.mark.parametrize(
    ("change", "is_left"),
    [
        ("space = {**base, 'l2': 0.5}", True),
        ("space = dict(base, l2=0.5)", True),
        ("space = base | {'l2': hp.uniform('l2', 1, 2)}", True),
        ("space = base.copy()\nspace['l2'] = 0.5", True),
        ("space = base\nspace.update(l2=0.5)", True),
        ("space = base\nfixed = {'l2': 0.5}\nspace.update(fixed)", True),
        ("space = {**base, **fmin(f, base, tpe.suggest, 3)}", True),
        ("space = {'a': [hp.uniform('a', 0, 1), hp.uniform('b', 0, 1)][0]}", True),
        ("space = {'a': [hp.uniform('a', 0, 1), 3][0]}", False),
        ("space = {'l2': 0.5, **base}", False),
        ("space = dict(base, seed=3)\nspace['seed'] = 4\nspace.update({'name': 'other'})", False),
        ("space = base\nspace['rho'] = hp.uniform('rho', 0, 1)\nspace['name'] = 'two'", False),
    ],
)
def test_a_parameter_that_is_replaced_is_named(change: str, is_left: bool) -> None:
    """The study would have it, and fmin's result with it."""
    head = f"{HEAD}f = lambda p: p['lr']\n"
    plan = migrated(Path(), {"main.py": head + TAKEN_OUT.replace("CHANGE", change)})["main.py"]
    to_do = [note for note in plan.notes if note.needs_person and note.code == "HB217"]
    assert bool(to_do) is is_left
    assert all("replaced" in note.text for note in to_do)
    assert all(s.state == ("left" if is_left else "rewritten") for s in plan.searches)


SWITCHES = """
def search(fn, space, evals, memo=None, catch=False, point=True, file=""):
    return fmin(
        fn, space, tpe.suggest, evals, pass_expr_memo_ctrl=memo, catch_eval_exceptions=catch,
        return_argmin=point, trials_save_file=file,
    )


best = search(abs, hp.uniform("x", -1, 1), 5, FIRST)
again = search(abs, hp.uniform("y", -1, 1), 5, file=None, catch=False)
"""


@pytest.mark.parametrize(
    ("first", "code"),
    [
        ("memo=False", ""),
        ("file=''", ""),
        ("catch=True", "HB206"),
        ("memo=True", "HB204"),
        ("point=best_too", "HB206"),
        ("file='kept.pkl'", "HB205"),
    ],
)
def test_switches_that_a_function_hands_on_are_what_it_is_given(first: str, code: str) -> None:
    program = HEAD + SWITCHES.replace("FIRST", first)
    plan = migrated(Path(), {"main.py": program})["main.py"]
    assert {s.codes for s in plan.searches} == {(code,) if code else ()}


BOUND_AGAIN = """
trials = SparkTrials(parallelism=4)
fmin(lambda p: p["x"], space, tpe.suggest, 8, trials=trials)
trials = Trials()
fmin(lambda p: p["x"], space, tpe.suggest, 8, trials=trials)
"""
IN_TURNS = """
trials = Trials()
for turn in range(2):
    fmin(lambda p: p["x"], space, tpe.suggest, 8, trials=trials)
    trials = SparkTrials(parallelism=4)
"""
ON_FAILURE = """
trials = Trials()
try:
    trials = SparkTrials(parallelism=4)
    print(1 / 0)
except ZeroDivisionError:
    fmin(lambda p: p["x"], space, tpe.suggest, 8, trials=trials)
"""


@pytest.mark.parametrize(
    ("code", "jobs"),
    [(BOUND_AGAIN, ["4", None]), (IN_TURNS, ["4"]), (ON_FAILURE, ["4"])],
    ids=["one after the other", "in turns", "on failure"],
)
def test_trials_are_what_they_were_made_last(code: str, jobs: list[str | None]) -> None:
    head = HEAD + 'space = {"x": hp.uniform("x", 0, 1)}\n'
    plan = migrated(Path(), {"main.py": head + code})["main.py"]
    calls = re.findall(r"\.optimize\((?:[^()]|\((?:[^()]|\([^()]*\))*\))*\)", plan.new_text)
    found = [re.search(r"n_jobs=(\d+)", call) for call in calls]
    assert [match and match[1] for match in found] == jobs


def test_the_timeout_of_spark_trials_counts_as_in_hyperopt() -> None:
    code = """
    space = {"x": hp.uniform("x", 0, 1)}
    trials = SparkTrials(timeout=60)
    fmin(lambda p: p["x"], space, tpe.suggest, 8, trials=trials, timeout=30)
    """
    text = migrated(Path(), {"main.py": HEAD + textwrap.dedent(code)})["main.py"].new_text
    assert "timeout=60" in text
    assert "timeout=30" not in text


def test_hp_in_other_hands_leaves_the_search() -> None:
    """Half of it would be Optuna's: a study that is asked for nothing."""
    code = (
        "space = [vars(hp)['uniform']('x', 0, 1)]\nbest = fmin(lambda p: p, space, max_evals=3)\n"
    )
    plan = migrated(Path(), {"main.py": HEAD + code})["main.py"]
    assert not plan.is_changed
    assert {note.code for note in plan.notes if note.needs_person} == {"HB209"}
