"""A space is evaluated once by hyperopt, and once a trial by the new code."""

from __future__ import annotations

import pytest
from golden_cases import migrate

HEAD = "import numpy as np\nimport pandas as pd\nfrom hyperopt import fmin, hp, tpe\n"
CALL = "fmin(lambda p: 1.0, space, algo=tpe.suggest, max_evals=5)\n"

AGAIN = {
    "rng.integers": "rng = np.random.default_rng(1)\n"
    "space = {'x': hp.uniform('x', 0, rng.integers(1, 9))}\n",
    "np.random.rand": "space = hp.uniform('x', 0, 1 + np.random.rand())\n",
    "load": "def load():\n    return pd.read_csv('x.csv')\n"
    "def build(d):\n    return {'x': hp.uniform('x', 0, len(d))}\nspace = build(load())\n",
    "pd.read_csv": "def build(path):\n    table = pd.read_csv(path)\n"
    "    return hp.choice('x', list(table.columns))\nspace = build('x.csv')\n",
    "count": "n = 0\ndef count():\n    global n\n    n += 1\n    return n\n"
    "space = hp.uniform('x', 0, count())\n",
    "names.pop": "names = [3, 4]\nspace = hp.uniform('x', 0, names.pop())\n",
    "next": "numbers = iter([3, 4])\nspace = hp.uniform('x', 0, next(numbers))\n",
}


@pytest.mark.parametrize("called", AGAIN)
def test_a_call_that_may_give_another_value_is_remarked(called: str) -> None:
    result = migrate(HEAD + AGAIN[called] + CALL)

    texts = [note.text for note in result.notes if note.needs_person]
    assert f"{called} is called again for each trial: call it once, before the space" in texts


@pytest.mark.parametrize(
    "body",
    [
        "rng = np.random.default_rng(1)\nn = rng.integers(1, 9)\nspace = hp.uniform('x', 0, n)\n",
        "def high(d):\n    return max(d, 3)\nspace = hp.uniform('x', 0, high(2))\n",
        "space = hp.choice('x', list(np.arange(0.1, 1, 0.1).tolist()))\n",
        "def build(n):\n    space = {}\n    for i in range(n):\n"
        "        space[f'x{i}'] = hp.uniform(f'x{i}', 0, np.sqrt(i + 1))\n"
        "    return space\nspace = build(3)\n",
    ],
)
def test_a_call_that_always_gives_the_same_is_not(body: str) -> None:
    result = migrate(HEAD + body + CALL)

    assert result.is_changed
    assert not any(note.needs_person for note in result.notes)


@pytest.mark.parametrize(
    "body",
    [
        "space = hp.choice('x', names)\nnames.append('c')\n" + CALL,
        "space = hp.choice('x', names)\nnames += ['c']\n" + CALL,
        "space = {'x': hp.choice('x', names)}\nnames[0] = 'c'\n" + CALL,
        "space = hp.choice('x', names)\nfor more in 'cd':\n    "
        + CALL
        + "    names.append(more)\n",
    ],
)
def test_options_that_change_after_the_space_is_built_leave_the_search(body: str) -> None:
    result = migrate(f"{HEAD}names = ['a', 'b']\n{body}")

    assert not result.is_changed
    assert any("'names' is changed after the space is built" in n.text for n in result.notes)


@pytest.mark.parametrize(
    "body",
    [
        "names = ['a', 'b']\nnames.append('c')\nspace = hp.choice('x', names)\n" + CALL,
        "names = ['a', 'b']\nspace = hp.choice('x', names)\n" + CALL + "names.append('c')\n",
        "for more in 'cd':\n    names = ['a']\n    names.append(more)\n"
        "    space = hp.choice('x', names)\n    " + CALL,
    ],
)
def test_options_that_change_at_another_time_do_not(body: str) -> None:
    assert migrate(HEAD + body).is_changed


CLASSES = {
    "KNN.sizes": "class KNN:\n    sizes = np.arange(1, 10)\n"
    "    space = {'n': hp.choice('n', sizes)}\nspace = KNN.space\n",
    "Outer.Inner.low": "class Outer:\n    class Inner:\n        low, names = 1, ['a', 'b']\n"
    "        space = {'n': hp.uniform('n', low, 9)}\n        for name in names:\n"
    "            space[name] = hp.uniform(name, low, 2)\nspace = Outer.Inner.space\n",
    "A.first(trial)": "class A:\n    first = hp.uniform('n', 0, 1)\n    space = {'n': first}\n"
    "space = A.space\n",
}


@pytest.mark.parametrize("reached", CLASSES)
def test_a_space_in_a_class_reaches_the_classs_other_attributes(reached: str) -> None:
    optuna = pytest.importorskip("optuna")
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    result = migrate(HEAD + CLASSES[reached] + "best = " + CALL.replace("1.0", "float(p['n'])"))

    assert reached in result.new_text
    assert not any(note.needs_person for note in result.notes)
    exec(compile(result.new_text, "program", "exec"), {})
