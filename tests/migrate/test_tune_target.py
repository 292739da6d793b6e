"""What ``migrate --to ray`` writes for programs of other shapes than the golden cases."""

from __future__ import annotations

from golden_cases import migrate

HEAD = "from hyperopt import Trials, fmin, hp, space_eval, tpe\n"


def test_trials_that_go_on_are_a_list_of_results() -> None:
    new = migrate(
        HEAD + "def go(trials, n):\n    return fmin(abs, {'x': hp.uniform('x', 0, 1)}, max_evals=n,"
        " trials=trials)\ntrials = Trials()\ngo(trials, 2)\ngo(trials, 4)\n",
        to="ray",
    ).new_text

    assert "trials = []\n" in new
    assert "num_samples=max(n - len(trials), 0)" in new
    assert 'trials.extend(r for r in results if "loss" in r.metrics)' in new
    assert "best_result = best_of(trials)" in new


def test_a_space_that_a_loop_builds_stays_a_dict() -> None:
    new = migrate(
        HEAD
        + "space = {}\nfor i in range(3):\n    space[f'x{i}'] = hp.quniform(f'x{i}', 0, 9, 3)\n"
        "best = fmin(lambda p: p['x0'], space, algo=tpe.suggest, max_evals=3)\n",
        to="ray",
    ).new_text

    assert "space[f'x{i}'] = tune.quniform(0, 9, 3)" in new
    assert "param_space=space" in new


def test_a_result_that_failed_cannot_win() -> None:
    new = migrate(
        HEAD + "def f(p):\n    if p['x'] > 1:\n        return {'status': 'fail', 'loss': -1}\n"
        "    return {'loss': p['x'], 'status': 'ok'}\n"
        "best = fmin(f, {'x': hp.uniform('x', 0, 2)}, algo=tpe.suggest, max_evals=3)\n",
        to="ray",
    ).new_text

    assert "'loss': float(\"nan\")" in new


def test_a_label_with_a_slash_is_named() -> None:
    result = migrate(
        HEAD + "fmin(abs, hp.uniform('model/x', 0, 1), algo=tpe.suggest, max_evals=3)\n", to="ray"
    )

    assert not result.is_changed
    assert "a label has a slash" in result.notes[0].text


def test_nothing_about_optuna_is_said_to_a_user_of_ray() -> None:
    for body in (
        "trials = Trials()\nfmin(abs, {'x': hp.lognormal('x', 0, 1)}, trials=trials)\n"
        "trials.delete_all()\n",
        "fmin(abs, {'x': hp.qloguniform('x', 0, 3, 2)}, trials_save_file='t.pkl')\n",
        "fmin(abs, {'x': hp.qnormal('x', 0, 3, 2)}, algo=tpe.suggest)\n",
    ):
        notes = migrate(HEAD + body, to="ray").notes
        assert notes
        assert not any("Optuna" in note.text or "study" in note.text for note in notes), notes


def test_a_look_into_a_table_of_spaces_that_stay_dicts_is_right() -> None:
    code = """\
from hyperopt import fmin, hp

spaces = {"a": {"y": hp.uniform("y", 0, 1)}}
for name in spaces:
    best = fmin(lambda p: p["y"], spaces[name], max_evals=3)
    print(sorted(spaces[name]))
"""
    result = migrate(code, to="ray")
    assert [search.state for search in result.searches] == ["rewritten"]
    assert "print(sorted(spaces[name]))" in result.new_text
