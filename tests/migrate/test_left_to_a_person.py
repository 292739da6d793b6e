"""Where the source alone does not tell, the code stays and a note says what to do."""

from __future__ import annotations

from typing import Any

import pytest
from golden_cases import migrate

from hyperbridge.migrate.planning import FilePlan

HEAD = "import numpy as np\nfrom hyperopt import Trials, SparkTrials, fmin, hp, space_eval, tpe\n"
CALL = "best = fmin(lambda p: p['x'], space, algo=tpe.suggest, max_evals=5)\n"
SPACE = "space = {'x': hp.uniform('x', 0, 1), 'k': hp.choice('k', ['a', 'b'])}\n"

CASES = {
    "a label used twice": (
        "space = {'x': hp.uniform('x', 0, 1), 'y': hp.uniform('x', 0, 1)}\n" + CALL,
        "used by two parameters",
    ),
    "ends in the wrong order": ("space = {'x': hp.uniform('x', 1, 0)}\n" + CALL, "'x': low"),
    "a suggest function of one's own": (
        SPACE + "def mine(*a): pass\nbest = fmin(len, space, algo=mine, max_evals=5)\n",
        "not hyperopt's TPE",
    ),
    "a Trials subclass": (
        SPACE + "class Mine(Trials):\n    pass\n"
        "best = fmin(len, space, algo=tpe.suggest, max_evals=5, trials=Mine())\n",
        "a subclass of Trials",
    ),
    "attachments": (
        SPACE + "trials = Trials()\n"
        "best = fmin(len, space, algo=tpe.suggest, max_evals=5, trials=trials)\n"
        "trials.trial_attachments(trials.trials[0])\n",
        "attachments have no counterpart",
    ),
    "a space that is unpickled": (
        "import pickle\nspace = pickle.load(open('space.pkl', 'rb'))\n" + CALL,
        "known only when the program runs",
    ),
    "arguments in a dict that is not written out": (
        SPACE + "fmin(**dict(input()), space=space)\n",
        "with **",
    ),
    "a file for the trials": (
        SPACE + "fmin(len, space, algo=tpe.suggest, max_evals=5, trials_save_file='t.pkl')\n",
        "create_study(storage=",
    ),
    "an argument of hyperbridge's own": (
        SPACE + "fmin(len, space, algo=tpe.suggest, max_evals=5, repeats='skip', pruner=None)\n",
        "nothing is written for repeats",
    ),
    "a journal": (
        SPACE + "fmin(len, space, algo=tpe.suggest, max_evals=5, journal='run.journal')\n",
        "nothing is written for journal",
    ),
    "an earlier search that is learnt from": (
        SPACE + "fmin(len, space, algo=tpe.suggest, max_evals=5, warm_start='old.pkl')\n",
        "nothing is written for warm_start",
    ),
    "a search under a condition": (
        SPACE + "best = fmin(len, space, algo=tpe.suggest, max_evals=5) if space else None\n",
        "under a condition",
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_leaves_the_search_as_it_is_and_says_why(name: str) -> None:
    body, reason = CASES[name]
    result = migrate(HEAD + body)

    assert not result.is_changed
    texts = [note.text for note in result.notes if note.needs_person]
    assert any(reason in text for text in texts), texts
    assert all(note.line > HEAD.count("\n") for note in result.notes)


def test_repeats_that_are_run_are_what_the_new_engine_does() -> None:
    result = migrate(HEAD + SPACE + CALL.replace(")\n", ", repeats='run')\n"))
    assert "repeats" not in result.new_text
    assert not [note for note in result.notes if note.needs_person]


def test_a_star_import_is_read_and_goes() -> None:
    result = migrate("from hyperopt import *\nbest = fmin(len, hp.uniform('x', 0, 1))\n")

    assert "hyperopt" not in result.new_text
    assert not any(note.needs_person for note in result.notes)


def test_one_search_goes_and_the_other_stays() -> None:
    text = HEAD + (
        "one = fmin(lambda x: x, hp.uniform('x', 0, 1), algo=tpe.suggest, max_evals=5)\n"
        "two = fmin(lambda x: x, unknown(), algo=tpe.suggest, max_evals=5)\n"
        "three = fmin(lambda y: y, hp.uniform('y', 1, 0), algo=tpe.suggest, max_evals=5)\n"
    )
    result = migrate(text)

    assert "study.optimize(objective, n_trials=5)" in result.new_text
    assert "hp.uniform('y', 1, 0)" in result.new_text
    assert "from hyperopt import fmin, hp, tpe" in result.new_text
    assert [s.state for s in result.searches] == ["rewritten", "left", "left"]


def test_a_leftover_use_is_noted_and_keeps_its_import() -> None:
    text = (
        "from hyperopt import fmin, hp, rand, plotting\n"
        "best = fmin(lambda x: x, hp.uniform('x', 0, 1), algo=rand.suggest, max_evals=5)\n"
        "plotting.main_plot_history\n"
    )
    result = migrate(text)

    assert "from hyperopt import plotting" in result.new_text
    assert [note.line for note in result.notes if note.needs_person] == [3]


def test_rays_searcher_can_save_a_function_inside_of_another() -> None:
    text = HEAD + (
        "def tune(mu):\n"
        "    space = {'x': hp.normal('x', mu, 1)}\n"
        "    return fmin(lambda p: p['x'], space, algo=tpe.suggest, max_evals=5)\n"
    )

    new = migrate(text, to="ray").new_text
    assert "Picklable(ask_for_parameters)" in new
    assert "hyperopt" not in new


def test_a_flat_space_in_a_function_goes_to_ray() -> None:
    text = HEAD + (
        "def tune(n):\n"
        "    space = {'x': hp.uniform('x', 0, 1)}\n"
        "    return fmin(lambda p: p['x'], space, algo=tpe.suggest, max_evals=n)\n"
    )

    new = migrate(text, to="ray").new_text
    assert "from ray import tune as ray_tune\n" in new  # the program has a tune of its own
    assert "space = {'x': ray_tune.uniform(0, 1)}" in new


def test_a_run_that_another_function_starts_is_left() -> None:
    text = (
        "import mlflow\n"
        + HEAD
        + (
            "def train(p):\n"
            "    with mlflow.start_run(nested=True):\n"
            "        return p['x']\n"
            "def objective(p):\n"
            "    return {'loss': train(p), 'status': 'ok'}\n"
            + SPACE
            + "fmin(objective, space, algo=tpe.suggest, max_evals=5, trials=SparkTrials())\n"
        )
    )
    for engine in ("optuna", "ray"):
        result = migrate(text, to=engine)
        assert not result.is_changed
        assert "started in a function that the objective calls" in result.notes[0].text


def test_an_objective_that_cannot_see_the_space_gets_an_adapter() -> None:
    text = HEAD + (
        "def objective(p):\n"
        "    return p['x']\n"
        "def search(low):\n"
        "    space = {'x': hp.uniform('x', low, 1)}\n"
        "    return fmin(objective, space, algo=tpe.suggest, max_evals=5)\n"
        "print(search(0))\n"
    )
    new = migrate(text).new_text

    assert "def objective(p):\n    return p['x']\n" in new
    assert "lambda trial: objective(search_space(trial))" in new
    exec(compile(new, "new", "exec"), {})


def test_points_come_on_top_of_max_evals() -> None:
    call = "fmin(len, space, algo=tpe.suggest, max_evals={}, points_to_evaluate=[dict(x=0.5)])\n"
    for given, written in {"5": "6", "n": "n + 1", "n if n else 2": "(n if n else 2) + 1"}.items():
        text = HEAD + "n = 3\n" + SPACE + call.format(given)
        assert f"n_trials={written}" in migrate(text).new_text
        assert f"num_samples={written}," in migrate(text, to="ray").new_text


def test_a_result_does_not_replace_the_parameters_in_best() -> None:
    optuna = pytest.importorskip("optuna")
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    text = HEAD + (
        "class Model:\n"
        "    def loss(self, p):\n"
        "        return dict({k: 'text' for k in p}, loss=p['a'] ** 2, status='ok')\n"
        "space = {'a': hp.normal('a', 0, 1), 'b': hp.uniform('b', 0, 1)}\n"
        "best = fmin(Model().loss, space, algo=tpe.suggest, max_evals=5)\n"
    )
    names: dict[str, Any] = {}
    exec(compile(migrate(text).new_text, "new", "exec"), names)

    assert {type(value) for value in names["best"].values()} == {float}


def test_an_entry_that_is_asked_for_with_get_is_written() -> None:
    text = (
        HEAD
        + SPACE
        + (
            "trials = Trials()\n"
            "best = fmin(lambda p: {'loss': p['x'], 'status': 'ok', 'n': 3}, space,"
            " algo=tpe.suggest, max_evals=5, trials=trials)\n"
            "print(trials.best_trial['result'].get('loss'), trials.best_trial['result'].get('n'))\n"
            "print([r.get('n') for r in trials.results])\n"
        )
    )
    new = migrate(text).new_text
    assert "print(study.best_value, study.best_trial.user_attrs.get('n'))" in new
    assert "[r.get('n') for r in [t[\"result\"] for t in documents(study)]]" in new
    documents = '[t["result"] for t in documents(results)]'
    assert f"[r.get('n') for r in {documents}]" in migrate(text, to="ray").new_text


def test_space_eval_of_a_search_that_stays_is_not_said_to_have_no_rule() -> None:
    body = "space = {'x': hp.uniform('x', 1, 0)}\n" + CALL
    result = migrate(HEAD + body + "def show(space):\n    print(space_eval(space, best))\n")

    texts = [note.text for note in result.notes]
    assert "space_eval is left because its search is" in texts
    assert not any("no rule" in text for text in texts)


def test_a_variable_that_an_inner_function_changes_has_no_value_in_the_source() -> None:
    text = HEAD + (
        "def search():\n"
        "    low = 0\n"
        "    def lower():\n"
        "        nonlocal low\n"
        "        low = -5\n"
        "    lower()\n"
        "    return fmin(lambda x: x, hp.quniform('x', low, 4, 2), algo=tpe.suggest, max_evals=5)\n"
    )
    assert 'suggest_rounded(trial, "x", low, 4, 2)'.replace('"', "'") in migrate(text).new_text


@pytest.mark.parametrize("engine", ["optuna", "ray"])
def test_what_a_method_logs_for_the_objective_is_seen(engine: str) -> None:
    def migrated(*lines: str) -> FilePlan:
        return migrate(
            "import mlflow\n"
            + HEAD
            + "class Model:\n    def train(self, p):\n"
            + "".join(f"        {line}\n" for line in lines)
            + "    def __call__(self, p):\n"
            "        self.train(p)\n"
            "        return {'loss': p['x'], 'status': 'ok'}\n"
            + SPACE
            + "fmin(Model(), space, algo=tpe.suggest, max_evals=5, trials=SparkTrials())\n",
            to=engine,
        )

    logs = migrated("mlflow.log_metric('a', 1)")
    assert "in_child_run(" in logs.new_text
    starts = migrated("with mlflow.start_run(nested=True):", "    pass")
    assert not starts.is_changed
    assert "the objective starts MLflow runs of its own" in starts.notes[0].text


def test_a_space_may_use_what_an_earlier_search_found() -> None:
    text = HEAD + (
        "first = fmin(lambda p: p['n'], {'n': hp.quniform('n', 1, 9, 1)}, tpe.suggest, 5)\n"
        "space = {'n': int(first['n']), 'y': hp.uniform('y', first['n'] / 2, first['n'])}\n"
        "second = fmin(lambda p: p['y'], space, tpe.suggest, 5)\n"
    )
    new = migrate(text).new_text

    assert "'n': int(first['n'])," in new
    assert "trial.suggest_float('y', first['n'] / 2, first['n'])" in new


@pytest.mark.parametrize("use", ["SVC(**best)", "best.get('k')", "best['a'], best"])
def test_a_result_that_is_handed_on_keeps_the_indices_of_options(use: str) -> None:
    new = migrate(HEAD + SPACE + CALL + use).new_text

    assert "suggest_option(trial, 'k', ['a', 'b'])" in new
    assert new.endswith(f"best = study.best_params\n{use}")


@pytest.mark.parametrize("use", ["print(best)", "f'{best}'", "log.info('best: %s', best)"])
def test_a_result_that_is_shown_is_said_to_hold_options(use: str) -> None:
    said = "in fmin's result the options of 'k' stand for themselves, not their index"

    assert said in [note.text for note in migrate(HEAD + SPACE + CALL + use).notes]
    for other in ("best['x']", "space_eval(space, best)", ""):
        assert said not in [note.text for note in migrate(HEAD + SPACE + CALL + other).notes]


def test_a_variable_that_holds_the_algorithm_alone_goes_with_it() -> None:
    text = HEAD + "algo = tpe.suggest\n" + SPACE + CALL
    result = migrate(text)

    assert "tpe" not in result.new_text.replace("TPESampler", "")
    assert not any(note.needs_person for note in result.notes)
