"""Programs in the shapes that teams write: each checks itself, before and after."""

from __future__ import annotations

import ast
import textwrap
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from test_ways_of_writing import HEAD, migrated, run

from hyperbridge.migrate.planning import plan_sources
from hyperbridge.migrate.sources import source_of

ONE_FILE = {
    "classes that add to the space of another class": """
        class Base:
            space = {"a": hp.uniform("a", 0, 1), "b": hp.choice("b", ["lo", "hi"])}

            def search(self):
                best = fmin(lambda p: p["a"], self.space, algo=tpe.suggest, max_evals=3)
                return sorted(space_eval(self.space, best))

        class Merged(Base):
            space = dict(Base.space, c=hp.randint("c", 4))

        class Spread(Base):
            space = {**Merged.space, "d": hp.uniform("d", 2, 3)}

        class Copied(Base):
            space = Base.space.copy()
            space["e"] = hp.uniform("e", 5, 6)

        class OfEach(Base):
            def __init__(self):
                self.space = dict(Base.space, f=hp.uniform("f", 0, 1))

        class OnTop(Base):
            def __init__(self):
                self.space = {**self.space, "g": hp.uniform("g", 0, 1)}

        found = [each().search() for each in (Base, Merged, Spread, Copied, OfEach, OnTop)]
        assert ["".join(names) for names in found] == ["ab", "abc", "abcd", "abe", "abf", "abg"]
        """,
    "rules that stop a search are made, bound, wrapped and chosen": """
        import functools

        space = {"x": hp.uniform("x", 0, 1)}

        def make_stop(n):
            def stop(trials, *args):
                return len(trials.trials) >= n, args
            return stop

        def after(n, trials, *args):
            return len([loss for loss in trials.losses() if loss is not None]) >= n, args

        class Rules:
            def __init__(self, n):
                self.n = n

            def check(self, trials, *args, **kwargs):
                return trials.trials[-1]["tid"] + 1 >= self.n, []

            def search(self):
                trials = Trials()
                fmin(lambda p: p["x"], space, algo=tpe.suggest, max_evals=50, trials=trials,
                     early_stop_fn=self.check, show_progressbar=False)
                return len(trials)

        def search(stop):
            trials = Trials()
            fmin(lambda p: p["x"], space, algo=tpe.suggest, max_evals=50, trials=trials,
                 early_stop_fn=stop, show_progressbar=False)
            return len(trials.trials)

        rules = {"a": make_stop(3), "b": functools.partial(after, 4),
                 "c": lambda trials, *a: (min(trials.losses()) < 2, a)}
        assert search(make_stop(2)) == 2
        assert [search(rules[key]) for key in "abc"] == [3, 4, 1]
        assert search(Rules(6).check) == 6 and Rules(5).search() == 5
        assert [search(stop) for stop in (make_stop(2), Rules(3).check)] == [2, 3]
        """,
    "results in named tuples": """
        from collections import namedtuple
        from typing import NamedTuple

        class Outcome(NamedTuple):
            best: dict
            trials: Trials
            seconds: float = 0.0

        Pair = namedtuple("Pair", "best trials")
        Other = namedtuple("Other", ["best", "history"])
        SPACE = {"f": hp.choice("f", ["sin", "cos"]), "x": hp.uniform("x", 0, 3)}

        def search(n, made):
            trials = Trials()
            best = fmin(lambda p: p["x"], SPACE, algo=tpe.suggest, max_evals=n, trials=trials)
            return Outcome(best, trials=trials) if made is None else made(best, trials)

        def pair(n):
            trials = Trials()
            best = fmin(lambda p: p["x"], SPACE, algo=tpe.suggest, max_evals=n, trials=trials)
            return Pair(best, trials)

        def other(n):
            history = Trials()
            best = fmin(lambda p: p["x"], SPACE, algo=tpe.suggest, max_evals=n, trials=history)
            return Other(best, history)

        best, trials, _ = search(4, None)
        assert len(trials.trials) == 4 and min(trials.losses()) == best["x"]
        best, trials = pair(3)
        assert len(trials.trials) == 3 and trials.trials[0]["tid"] == 0
        found = other(3)
        assert len(found.history.trials) == 3 and found.history.results[0]["status"] == "ok"
        best, history = found
        assert len(history.trials) == 3 and history.trials[1]["tid"] == 1 and best["f"] in (0, 1)
        """,
    "functions that nothing here calls look at Trials": """
        def report(trials):
            return [t["tid"] for t in trials.trials], len(trials.trials)

        def plot(done: Trials = None):
            return done.losses()

        trials = Trials()
        best = fmin(lambda p: p["x"], {"x": hp.uniform("x", 0, 1)}, algo=tpe.suggest, max_evals=2,
                    trials=trials)
        assert globals()["report"](trials) == ([0, 1], 2)
        assert min(globals()["plot"](trials)) == best["x"]
        """,
    "trials that raise are not among the trials": """
        space = {"n": hp.randint("n", 4), "x": hp.uniform("x", 0, 1)}

        def objective(p):
            if p["n"] == 2:
                raise ZeroDivisionError("n is two")
            if p["n"] == 3:
                return {"status": STATUS_FAIL}
            return {"loss": p["n"] + p["x"], "status": STATUS_OK}

        trials = Trials()
        fmin(objective, space, algo=rand.suggest, max_evals=40, trials=trials,
             catch_eval_exceptions=True, show_progressbar=False)
        n = len(trials.trials)
        assert n < 40 and n == len(list(trials)) == len(trials) == len(trials.results)
        assert len(trials._dynamic_trials) == 40
        fmin(objective, space, algo=tpe.suggest, max_evals=n + 3, trials=trials,
             catch_eval_exceptions=True, show_progressbar=False)
        assert len(trials._dynamic_trials) == 43
        """,
    "trials that begin with points": """
        from hyperopt.fmin import generate_trials_to_calculate

        def objective(p):
            return p["a"] + (p["b"] == "u")

        space = {"a": hp.uniform("a", 0, 1), "b": hp.choice("b", ["u", "v"])}
        trials = generate_trials_to_calculate([{"a": 0.25, "b": 1}, {"a": 0.5, "b": 0}])
        best = fmin(objective, space, algo=tpe.suggest, max_evals=4, trials=trials,
                    show_progressbar=False)
        assert trials.losses()[:2] == [0.25, 1.5] and len(trials) == 6 and best["b"] == 1
        """,
    "a loss that is no better than the threshold does not end a search": """
        for threshold, count in ((0.5, 6), (0.6, 1)):
            trials = Trials()
            fmin(lambda p: max(p["a"], 0.5), {"a": hp.uniform("a", 0, 0.4)}, algo=tpe.suggest,
                 max_evals=6, trials=trials, loss_threshold=threshold, show_progressbar=False)
            assert len(trials.trials) == count
        """,
    "steps whose ends are half-way between two": """
        LOW, HIGH, STEP = -3, 3, float("2")
        seen = {label: set() for label in "abcde"}
        space = {
            "a": hp.quniform("a", -3, 3, 2), "b": hp.quniform("b", 1, 9, 2),
            "c": hp.quniform("c", LOW, HIGH, STEP), "d": hp.uniformint("d", 1.5, 3.5),
            "e": hp.uniformint("e", 1, 3, q=3),
        }

        def objective(p):
            for label, value in p.items():
                seen[label].add(value)
            return sum(p.values())

        fmin(objective, space, algo=rand.suggest, max_evals=200, show_progressbar=False)
        assert seen == {"a": {-2, 0, 2}, "b": {2, 4, 6, 8}, "c": {-2, 0, 2}, "d": {2, 3},
                        "e": {1, 2, 3}}
        """,
    "a space that a cached property builds": """
        import functools

        class Pipeline:
            def __init__(self, sizes):
                self.sizes = sizes

            @functools.cached_property
            def space(self):
                space = {"k": hp.choice("k", [n for n in self.sizes if n > 1])}
                space["x"] = hp.uniform("x", 0, 1)
                return space

            def fit(self):
                best = fmin(lambda p: p["k"], self.space, algo=tpe.suggest, max_evals=3)
                return space_eval(self.space, best)

        assert Pipeline([1, 2, 3]).fit()["k"] in (2, 3)
        """,
}

SEVERAL_FILES = {
    "star imports of a star import": {
        "main.py": """
            from settings import *
            from settings import ALGO as algorithm

            trials = Trials()
            best = fmin(lambda p: p["rate"], SPACE, algo=ALGO, max_evals=EVALS, trials=trials)
            assert space_eval(SPACE, best)["depth"] in (2, 4) and len(trials.trials) == EVALS
            assert best["depth"] in (0, 1)
            """,
        "settings.py": """
            from hyperopt import *

            EVALS = 3
            SPACE = {"depth": hp.choice("depth", [2, 4]), "rate": hp.uniform("rate", 0, 1)}
            ALGO = tpe.suggest
            """,
    },
}


@pytest.mark.parametrize("case", [*ONE_FILE, *SEVERAL_FILES])
def test_a_company_program_means_the_same(case: str, tmp_path: Path) -> None:
    files = {name: textwrap.dedent(text) for name, text in SEVERAL_FILES.get(case, {}).items()}
    files = files or {"main.py": HEAD + textwrap.dedent(ONE_FILE[case])}
    run(tmp_path / "old", files, blocked=False)

    plans = migrated(tmp_path / "new", files)
    to_do = [n for plan in plans.values() for n in plan.notes if n.needs_person]
    assert not to_do
    texts = {name: plan.new_text for name, plan in plans.items()}
    assert not any("hyperopt import" in text for text in texts.values())
    run(tmp_path / "new", texts, blocked=True)


def test_one_sampler_does_not_stay_for_the_next_search() -> None:
    code = """
    trials = Trials()
    fmin(len, {"x": hp.uniform("x", 0, 1)}, algo=rand.suggest, max_evals=3, trials=trials)
    fmin(len, {"x": hp.uniform("x", 0, 1)}, algo=tpe.suggest, max_evals=6, trials=trials)
    """
    text = migrated(Path(), {"main.py": HEAD + textwrap.dedent(code)})["main.py"].new_text
    first, second = text.index(".RandomSampler()"), text.index(".TPESampler()")
    assert first < text.index(".optimize(") < second < text.rindex(".optimize(")


@pytest.mark.parametrize(
    "change",
    ["options.update(max_evals=30)", "options['max_evals'] = 30", "options |= {'max_evals': 30}"],
)
def test_options_that_change_before_they_are_handed_on_leave_the_search(change: str) -> None:
    """What fmin gets is not what the dict was made with."""
    code = f"""
    options = dict(space=hp.uniform("x", 0, 1), algo=tpe.suggest, max_evals=3)
    {change}
    best = fmin(len, **options)
    """
    plan = migrated(Path(), {"main.py": HEAD + textwrap.dedent(code)})["main.py"]
    assert not plan.is_changed
    assert "HB201" in {note.code for note in plan.notes if note.needs_person}


def test_points_that_hyperopt_drops_are_named() -> None:
    code = """
    fmin(len, hp.uniform("x", 0, 1), algo=tpe.suggest, max_evals=3, trials=Trials(),
         points_to_evaluate=[{"x": 0.5}])
    """
    plan = migrated(Path(), {"main.py": HEAD + textwrap.dedent(code)})["main.py"]
    assert [search.changes for search in plan.searches] == [("HB239",)]
    assert "n_trials=4" in plan.new_text


def test_a_stop_rule_that_is_not_seen_leaves_the_search() -> None:
    code = """
    from company.rules import patience
    fmin(len, hp.uniform("x", 0, 1), algo=tpe.suggest, max_evals=3, early_stop_fn=patience(3))
    """
    plan = migrated(Path(), {"main.py": HEAD + textwrap.dedent(code)})["main.py"]
    assert not plan.is_changed
    assert [note.code for note in plan.notes if note.needs_person] == ["HB212"]


@pytest.mark.parametrize(
    ("given", "to", "expected"),
    [
        ("200", "ray", "max_concurrent_trials=128"),
        ("200", "spark", "parallelism=128"),
        ("LARGE", "optuna", "n_jobs=128"),
        ("LARGE", "ray", "max_concurrent_trials=128"),
        ("FEW", "ray", "max_concurrent_trials=FEW"),
        ("-1", "optuna", "n_jobs=-1"),
    ],
)
def test_spark_trials_run_128_at_once_at_most(given: str, to: str, expected: str) -> None:
    code = f"""
    LARGE = 500
    FEW = 8
    fmin(len, {{"x": hp.uniform("x", 0, 1)}}, algo=tpe.suggest, max_evals=3,
         trials=SparkTrials(parallelism={given}))
    """
    source = source_of(Path("main.py"), (HEAD + textwrap.dedent(code)).encode())
    (plan,) = plan_sources([source], to)
    assert expected in plan.new_text


@pytest.mark.parametrize("given", ["0", "-1"])
def test_no_number_of_trials_at_once_is_the_engines_own(given: str) -> None:
    code = f"""
    fmin(len, {{"x": hp.uniform("x", 0, 1)}}, algo=tpe.suggest, max_evals=3,
         trials=SparkTrials(parallelism={given}))
    """
    source = source_of(Path("main.py"), (HEAD + textwrap.dedent(code)).encode())
    (plan,) = plan_sources([source], "ray")
    assert "max_concurrent_trials" not in plan.new_text


def written_for_ray(code: str) -> str:
    source = source_of(Path("main.py"), (HEAD + textwrap.dedent(code)).encode())
    (plan,) = plan_sources([source], "ray")
    return plan.new_text


def stopper(text: str, name: str) -> Any:
    """Return a class of what is written for Ray, without Ray."""
    names: dict[str, Any] = {"tune": SimpleNamespace(Stopper=object, Result=SimpleNamespace)}
    found = [n for n in ast.parse(text).body if getattr(n, "name", "") == name]
    exec(ast.unparse(found[0]), names)
    return names[name]


@pytest.mark.parametrize(
    ("stop", "name", "given"),
    [
        ("early_stop.no_progress_loss(4)", "StopWithoutProgress", 4),
        ("lambda t, *a: (len(t.trials) == 4, a)", "StopWhen", lambda t, *a: (len(t) == 4, a)),
    ],
)
def test_a_result_that_tune_shows_twice_counts_once(stop: str, name: str, given: Any) -> None:
    """Tune shows a stopper the last result of a trial again when the trial has ended."""
    text = written_for_ray(f"""
    from hyperopt import early_stop
    fmin(len, {{"x": hp.uniform("x", 0, 1)}}, algo=tpe.suggest, max_evals=9, early_stop_fn={stop})
    """)
    made = stopper(text, name)(given)
    shown = 0
    while not made.stop_all() and shown < 9:
        for result in ({"loss": 1.0, "done": False}, {"loss": 1.0, "done": True}):
            made(str(shown), result)
        shown += 1
    assert shown == 4


def test_a_trial_that_says_it_failed_has_no_loss_among_rays_results() -> None:
    text = written_for_ray("""
    def objective(p):
        if p["x"] > 0.5:
            return {"status": STATUS_FAIL}
        return {"loss": p["x"], "status": STATUS_OK}

    trials = Trials()
    space = {"x": hp.uniform("x", 0, 1)}
    best = fmin(objective, space, algo=tpe.suggest, max_evals=9, trials=trials)
    print([loss for loss in trials.losses() if loss is not None])
    """)
    assert 't["result"].get("loss") for t in documents(' in text


def test_an_abstract_method_takes_the_trial_as_those_that_fill_it_in() -> None:
    code = """
    class Model:
        @classmethod
        def space(cls):
            raise NotImplementedError

    class Linear(Model):
        @classmethod
        def space(cls):
            return {"l2": hp.uniform("l2", 0, 1)}

    class Tree(Model):
        @classmethod
        def space(cls):
            return {"depth": hp.quniform("depth", 1, 9, 2)}

    models = {"linear": Linear, "tree": Tree}
    space = hp.choice("model", [{"name": n, **m.space()} for n, m in models.items()])
    best = fmin(len, space, algo=tpe.suggest, max_evals=9)
    assert list(models)[best["model"]] == space_eval(space, best)["name"]
    """
    plan = migrated(Path(), {"main.py": HEAD + textwrap.dedent(code)})["main.py"]
    assert not [note for note in plan.notes if note.needs_person]
    assert plan.new_text.count("def space(cls, trial):") == 3


def test_fmin_that_is_handed_on_is_named_and_nothing_else() -> None:
    code = """
    import functools

    search = functools.partial(fmin, algo=tpe.suggest, max_evals=3, trials=Trials())
    best = search(fn=len, space={"x": hp.uniform("x", 0, 1)})
    """
    plan = migrated(Path(), {"main.py": HEAD + textwrap.dedent(code)})["main.py"]
    assert not plan.is_changed
    assert [(note.line, note.code) for note in plan.notes if note.needs_person] == [(6, "HB201")]


@pytest.mark.parametrize(
    ("look", "is_left"),
    [
        ("for name in space:\n    print(name)", True),
        ("print(list(space.keys()))", True),
        ("print(sorted(space))", True),
        ("print('x' in space)", True),
        ("print(space['x'])", True),
        ("print(space)", False),
        ("spaces = {'a': space}\nfor name in spaces:\n    print(name)", False),
        (
            "spaces = {'a': {'y': hp.uniform('y', 0, 1)}}\nfmin(len, spaces['a'], max_evals=3)",
            False,
        ),
        (
            "s = {'a': {'y': hp.uniform('y', 0, 1)}}\nfmin(len, s['a'], max_evals=3)\n"
            "print(sorted(s['a']))",
            True,
        ),
        ("def make(n):\n    return {'y': hp.uniform('y', 0, n)}\nfmin(len, make(1))", False),
        (
            "def make(n):\n    return {'y': hp.uniform('y', 0, n)}\nfmin(len, make(1))\nmake(2)",
            True,
        ),
    ],
)
def test_a_space_that_is_looked_at_as_a_dict_stays_one(look: str, is_left: bool) -> None:
    code = f'space = {{"x": hp.uniform("x", 0, 1)}}\n{look}\nfmin(len, space, max_evals=3)\n'
    plan = migrated(Path(), {"main.py": HEAD + code})["main.py"]
    assert {note.code for note in plan.notes if note.needs_person} == (
        {"HB207"} if is_left else set()
    )
    assert any(search.state == "left" for search in plan.searches) is is_left


def test_a_generator_gives_trials() -> None:
    code = """
    def searches():
        for high in (1, 2):
            trials = Trials()
            best = fmin(len, {"x": hp.uniform("x", 0, high)}, max_evals=2, trials=trials)
            yield best, trials

    for best, trials in searches():
        print(trials.results)
    """
    plan = migrated(Path(), {"main.py": HEAD + textwrap.dedent(code)})["main.py"]
    assert 't["result"] for t in documents(trials)' in plan.new_text


@pytest.mark.parametrize(
    ("first", "is_left"),
    [
        ("p = dict(p)", False),
        ("p = p.copy()", False),
        ("p = {**p}", False),
        ("p['seed'] = 1", True),
        ("p = dict(q)", True),
    ],
)
@pytest.mark.parametrize("to", ["spark", "ray"])
def test_an_objective_that_changes_a_copy_of_its_argument_may_go(
    first: str, is_left: bool, to: str
) -> None:
    code = f"""
    config = {{"x": 0.5}}
    q = {{}}

    def objective(p):
        {first}
        return p.pop("x")

    print(objective(config))
    best = fmin(objective, {{"x": hp.uniform("x", 0, 1)}}, algo=tpe.suggest, max_evals=3)
    print(config)
    """
    source = source_of(Path("main.py"), (HEAD + textwrap.dedent(code)).encode())
    (plan,) = plan_sources([source], to)
    assert ("HB219" in {note.code for note in plan.notes}) is is_left


@pytest.mark.parametrize(
    ("cached", "is_left"),
    [("functools.lru_cache(maxsize=None)", True), ("functools.wraps(len)", False)],
)
@pytest.mark.parametrize("to", ["spark", "ray"])
def test_a_cached_function_of_a_script_cannot_be_sent(cached: str, is_left: bool, to: str) -> None:
    """It is pickled by its name, which the script has and no worker."""
    code = f"""
    import functools

    class Tuner:
        @staticmethod
        @{cached}
        def weights(n):
            return list(range(n))

        def loss(self, p):
            return p["x"] + sum(self.weights(3))

        def fit(self):
            return fmin(self.loss, {{"x": hp.uniform("x", 0, 1)}}, algo=tpe.suggest, max_evals=3)
    """
    source = source_of(Path("main.py"), (HEAD + textwrap.dedent(code)).encode())
    (plan,) = plan_sources([source], to)
    assert ("HB220" in {note.code for note in plan.notes if note.needs_person}) is is_left
